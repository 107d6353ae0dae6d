"""The URIs that more than one room names: those that mainstem mints, and a few of the standards.

One that a single room writes and reads (`urn:mainstem:entry-of`) stands in that room.
"""

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CVX = "http://hl7.org/fhir/sid/cvx"

SOURCE_VALUE = "urn:mainstem:source-value"
"""Extension on a harmonised Quantity: the value as the source sent it (`valueQuantity` or `valueString`)."""
SOURCE_TAG = "urn:mainstem:source"
"""`meta.tag` system that names the sources of a resource; the code is the source's name."""
CONFLICT_TAG = "urn:mainstem:conflict"
"""`meta.tag` system that marks a resource about which sources disagree; the code is `differs`."""
RULE = "urn:mainstem:rule"
"""Code system of mainstem's own consolidation, quality and alert rules."""
SOURCE_ID = "urn:mainstem:source-id"
"""Extension on `_id`: the id as the source sent it, when it is no valid FHIR id (R4 §2.24.0.1)."""
GONE_TAG = "urn:mainstem:gone"
"""`meta.tag` system of a record that its source deleted; the code is `deleted` (GONE-1)."""
QUALITY_TAG = "urn:mainstem:quality"
"""`meta.tag` system of a quality finding; the code is one of `mainstem.harmonise.quality.Finding`."""
OFFSET_INFERRED = "urn:mainstem:offset-inferred"
"""Extension on a dateTime whose offset the source did not write (CCDA-7); the code says where it was borrowed."""

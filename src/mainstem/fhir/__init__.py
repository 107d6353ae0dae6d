"""FHIR R4 as data: resource types, references, search parameters; pure."""

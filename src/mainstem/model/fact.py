"""A delivery is what a source sent; a fact is one version of one source record that the delivery states."""

import re
from datetime import datetime
from typing import Any

from msgspec import Struct

from mainstem.model.problem import Problem

Resource = dict[str, Any]
"""A FHIR R4 resource as decoded JSON; decimals are `decimal.Decimal`, so that 1.00 stays 1.00 (FHIR R4 §2.24.0.1)."""


SOURCE_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
"""What a source may be called."""


class Delivery(Struct, frozen=True, kw_only=True):
    """Raw bytes that one source handed over at one moment, kept for ever as they came."""

    source: str
    """Configured name of the source, as `SOURCE_NAME`."""
    name: str
    """What the source calls these bytes: a file name, a URL path, or a message id; for people, not for identity."""
    media: str
    """Media type that chose the reader, such as `application/fhir+json` (see `mainstem.formats.detect`)."""
    body: bytes
    received: datetime
    """UTC time at which the bytes came in, from the injected clock."""
    offset: int = 0
    """Byte offset of `body` within the file that `name` names, when a large file is cut into deliveries."""


class Fact(Struct, frozen=True, kw_only=True):
    """One version of one record of one source, as a FHIR R4 resource in the source's own words.

    `(source, type, key)` names the record (IDEM-1); `order` sorts its versions by the source's own clock (IDEM-4).
    """

    source: str
    type: str
    """FHIR resource type."""
    key: str
    """The record's id within the source; always a valid FHIR id (`[A-Za-z0-9.-]{1,64}`)."""
    subject: str | None
    """`key` of the source's Patient record that this fact is about; None for facts about no person."""
    order: str
    """Sorts versions of one record as text: versionId, lastUpdated, document version; empty = the source gives none."""
    resource: Resource
    """`resource["id"] == key`; references inside the source are relative, foreign ones absolute (REF-1, REF-2)."""
    path: str
    """Where in the delivery's bytes it stands: a JSON Pointer, an XPath, or `line N` (I6)."""


class Held(Struct, frozen=True, kw_only=True):
    """Something that could not be used: kept with its reason, shown to people, replayed when a rule changes."""

    problem: Problem
    words: str
    """One sentence for a person: what happened and where. Never holds a patient's data."""
    release: str
    """What would let it through, as a sentence."""
    path: str = ""
    """Where in the delivery it stands; empty = the whole delivery."""
    fact: Fact | None = None
    """The fact, when the delivery could be read that far."""

"""Tell the media type of bytes from their first part and their name; the content decides, the name only breaks ties."""

import re

HEAD_BYTES = 65_536
"""How much of a file `detect` wants to see; less is fine when the file is shorter."""

FHIR_JSON = "application/fhir+json"
FHIR_NDJSON = "application/fhir+ndjson"
CDA_XML = "application/cda+xml"

_RESOURCE_TYPE = re.compile(rb'"resourceType"\s*:\s*"[A-Za-z]')
_CLINICAL_DOCUMENT = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?ClinicalDocument[\s>/]")
_TWO_LINES = re.compile(rb"\}\s*\n\s*\{")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def detect(head: bytes, name: str) -> str | None:
    """Return the media type of a file from its first bytes, or None when no reader knows it.

    UTF-16 is recognised as what it holds, so that the reader can say what is wrong with it. A file cut short still
    counts as what it began to be: the reader then holds it as unreadable, which says more than "unknown".
    """
    text = _as_ascii(head[:HEAD_BYTES])
    first = text.lstrip()[:1]
    if first == b"<":
        return CDA_XML if _CLINICAL_DOCUMENT.search(text) else None
    if first == b"{":
        return _json(text, name.lower())
    return FHIR_NDJSON if first and _named_ndjson(name.lower()) else None


def _json(text: bytes, name: str) -> str | None:
    if _named_ndjson(name):
        return FHIR_NDJSON
    if not _RESOURCE_TYPE.search(text):
        cut = len(text) >= HEAD_BYTES - len(_BOMS[0][0]) and name.endswith((".json", ".json.gz"))
        return FHIR_JSON if cut else None
    start, end = text.lstrip().partition(b"\n")[::2]
    one_a_line = start.rstrip().endswith(b"}") and bool(end.strip())
    return FHIR_NDJSON if one_a_line and _TWO_LINES.search(text) else FHIR_JSON


def _named_ndjson(name: str) -> bool:
    return name.removesuffix(".gz").endswith((".ndjson", ".jsonl"))


def _as_ascii(head: bytes) -> bytes:
    """Drop a byte order mark and, for UTF-16, the zero bytes between the characters that matter here."""
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return head[len(mark) :] if encoding == "utf-8" else head[len(mark) :].replace(b"\0", b"")
    return head.replace(b"\0", b"") if b"\0" in head[:2] else head

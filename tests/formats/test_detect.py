import pytest

from mainstem.formats import READERS
from mainstem.formats.detect import HEAD_BYTES, detect

PATIENT = b'{"resourceType":"Patient","id":"a"}'
JSON, NDJSON, CDA = "application/fhir+json", "application/fhir+ndjson", "application/cda+xml"


@pytest.mark.parametrize(
    ("head", "name", "media"),
    [
        (PATIENT, "a.json", JSON),
        (PATIENT, "noname", JSON),
        (b" \n" + PATIENT, "a", JSON),
        (b"\xef\xbb\xbf" + PATIENT, "a", JSON),
        (b'{\n  "id": "a",\n  "resourceType" : "Patient"\n}\n', "a.json", JSON),
        (PATIENT + b"\n" + PATIENT + b"\n", "a.json", NDJSON),
        (PATIENT + b"\r\n" + PATIENT, "a", NDJSON),
        (PATIENT, "Patient.ndjson", NDJSON),
        (b'{"resourceType":"Pat', "a.json", JSON),
        (b"\n\nbroken", "a.NDJSON", NDJSON),
        (PATIENT, "a.ndjson.gz", NDJSON),
        (PATIENT.decode().encode("utf-16"), "a", JSON),
        (PATIENT.decode().encode("utf-16-be"), "a", JSON),
        (b'<?xml version="1.0"?>\n<ClinicalDocument xmlns="urn:hl7-org:v3">', "a.xml", CDA),
        (b'<!-- x --><cda:ClinicalDocument xmlns:cda="urn:hl7-org:v3">', "a", CDA),
        ('<?xml version="1.0"?><ClinicalDocument/>'.encode("utf-16"), "a", CDA),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><ClinicalDocument/>', "a", CDA),
        (b"<html><body>ClinicalDocument</body></html>", "a.xml", None),
        (b'{"a":1}', "a.json", None),
        (b"MSH|^~\\&|", "a.hl7", None),
        (b"", "a.json", None),
        (b"", "a.ndjson", None),
    ],
)
def test_the_content_decides_and_the_name_breaks_ties(head: bytes, name: str, media: str | None) -> None:
    assert detect(head, name) == media
    assert media is None or media in READERS


def test_a_large_resource_may_name_its_type_late() -> None:
    head = (b'{"id":"a","text":{"div":"' + b"x" * HEAD_BYTES)[:HEAD_BYTES]
    assert detect(head, "a.json") == JSON
    assert detect(head, "a") is None


def test_a_large_single_resource_over_many_lines_is_no_ndjson() -> None:
    body = b'{"resourceType":"Bundle","entry":[\n{"resource":{"resourceType":"Patient"}}\n,\n{"a":1}\n]}'
    assert detect(body, "a") == JSON

import pytest
from house import START

from mainstem.model.fact import Delivery, Fact
from mainstem.share.excerpt import SHOWN_MAX, excerpt

CDA = b"""<?xml version="1.0"?><!-- a comment does not count -->
<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:sdtc="urn:hl7-org:sdtc"><code code="1"/>
<entry><value unit="kg">70</value></entry>
<entry><value unit="[lb_av]">154</value></entry></ClinicalDocument>"""


def fact(path: str) -> Fact:
    resource = {"resourceType": "Observation", "id": "x"}
    return Fact(source="a", type="Observation", key="x", subject=None, order="", resource=resource, path=path)


def words(media: str, body: bytes, path: str) -> str:
    return excerpt(Delivery(source="a", name="n", media=media, body=body, received=START), fact(path))


def test_a_path_into_a_document_gives_that_element_and_no_other() -> None:
    found = words("application/cda+xml", CDA, "/*/*[3]/*[1]")
    assert found == '<value unit="[lb_av]">154</value>'


def test_a_line_of_a_file_of_lines_is_that_line() -> None:
    found = words("application/fhir+ndjson", b'{"id":"one"}\n{"id":"two","value":1.00}\n{"id":"three"}', "line 2")
    assert '"two"' in found
    assert "1.00" in found
    assert "one" not in found
    assert "three" not in found


def test_a_pointer_into_json_is_what_it_points_at() -> None:
    body = b'{"entry":[{"resource":{"id":"one"}},{"resource":{"id":"a/b"}}],"a/b":{"~":7}}'
    assert words("application/fhir+json", body, "/entry/1/resource") == '{\n  "id": "a/b"\n}'
    assert words("application/fhir+json", body, "/a~1b/~0") == "7"


@pytest.mark.parametrize(
    ("media", "body", "path"),
    [
        ("application/cda+xml", CDA, "/*/*[9]"),
        ("application/cda+xml", CDA, "//["),
        ("application/cda+xml", CDA, "count(/*)"),
        ("application/cda+xml", b"<a", "/*"),
        ("application/cda+xml", b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "/*"),
        ("application/fhir+json", b"{", "/entry"),
        ("application/fhir+json", b'{"entry":[1]}', "/entry/4"),
        ("application/fhir+json", b'{"entry":[1]}', "/entry/x/y"),
        ("application/fhir+ndjson", b"{}", "line 9"),
        ("application/fhir+ndjson", b"{}", "line x"),
    ],
)
def test_a_path_that_leads_nowhere_shows_the_fact_as_it_was_read(media: str, body: bytes, path: str) -> None:
    assert '"resourceType": "Observation"' in words(media, body, path)


def test_without_its_delivery_the_fact_stands_in() -> None:
    assert '"resourceType": "Observation"' in excerpt(None, fact("/"))


def test_a_long_piece_is_cut_and_says_so() -> None:
    found = words("application/fhir+ndjson", b'{"id":"' + b"x" * 10_000 + b'"}', "line 1")
    assert len(found) == SHOWN_MAX + 2
    assert found.endswith("\n…")

"""The one XML door: attack samples are refused by name, broken ones with their place (CCDA-15)."""

from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from mainstem.formats import xml
from mainstem.formats.cda import read
from mainstem.formats.xml import RefusedError, parse, path_of
from mainstem.model.fact import Delivery, Held
from mainstem.model.problem import Problem

VISIT = (Path(__file__).parent / "samples" / "cda" / "visit.xml").read_text(encoding="utf-8")
BOMB = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]><d>&c;</d>'
EXTERNAL = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><d>&x;</d>'
PARAMETER = '<!DOCTYPE d SYSTEM "http://127.0.0.1:9/evil.dtd"><d/>'


def held(body: bytes, now: datetime) -> Held:
    found = read(Delivery(source="clinic", name="x", media="application/cda+xml", body=body, received=now))
    assert not found.kept
    (only,) = found.held
    assert only.path == ""
    return only


@pytest.mark.parametrize("text", [BOMB, EXTERNAL, PARAMETER])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_ccda_15_any_doctype_is_refused_in_any_encoding(text: str, encoding: str, now: datetime) -> None:
    assert held(text.encode(encoding), now).problem is Problem.UNSAFE


def test_ccda_15_a_doctype_hidden_by_utf_7_is_refused(now: datetime) -> None:
    body = b'<?xml version="1.0" encoding="UTF-7"?>+ADwAIQ-DOCTYPE d+AD4APA-d/+AD4-'
    assert held(body, now).problem in {Problem.UNSAFE, Problem.UNREADABLE}


def test_ccda_15_an_entity_without_a_doctype_is_not_expanded(now: datetime) -> None:
    assert held(VISIT.replace("Stable.", "&steal;").encode(), now).problem is Problem.UNREADABLE


def test_ccda_15_xinclude_and_schema_locations_reach_nothing(now: datetime) -> None:
    include = '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/>'
    body = VISIT.replace("Stable.", include).encode()
    found = read(Delivery(source="clinic", name="x", media="application/cda+xml", body=body, received=now))
    assert "root:" not in str([fact.resource for fact in found.kept])


@pytest.mark.parametrize("depth", [xml.LIMIT_DEPTH + 1, 300, 50_000])
def test_ccda_15_depth_is_capped(depth: int, now: datetime) -> None:
    assert held(b"<a>" * depth + b"</a>" * depth, now).problem is Problem.TOO_LARGE


def test_ccda_15_bytes_are_capped(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(xml, "LIMIT_BYTES", 1000)
    assert held(VISIT.encode(), now).problem is Problem.TOO_LARGE


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"<a>\n <b></a>", "line 2, column 9"),
        (b"", "line 1"),
        (b"\x00\x01\x02", "line 1"),
        (VISIT[: len(VISIT) // 2].encode(), "line"),
        ("<?xml version='1.0' encoding='utf-8'?><a>\xe4</a>".encode("latin-1"), "line 1"),
        (b"<?xml version='1.0' encoding='no-such'?><a/>", "line 1"),
    ],
)
def test_broken_xml_is_held_with_line_and_column(body: bytes, place: str, now: datetime) -> None:
    found = held(body, now)
    assert found.problem is Problem.UNREADABLE
    assert place in found.words


def test_held_words_never_quote_the_document(now: datetime) -> None:
    words = held(VISIT.replace("</given><given>Marta", "</family><given>Marta").encode(), now).words
    assert "Ilse" not in words
    assert "Marta" not in words


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("<Bundle xmlns='http://hl7.org/fhir'/>", Problem.UNKNOWN_FORMAT),
        ("<html/>", Problem.UNKNOWN_FORMAT),
        ("<PRPA_IN201306UV02 xmlns='urn:hl7-org:v3'/>", Problem.UNSUPPORTED),
        ("<ClinicalDocument/>", Problem.UNSUPPORTED),
        ("<ClinicalDocument xmlns='urn:hl7-org:v3'/>", Problem.NO_PATIENT),
        (VISIT.replace("recordTarget", "recordTargets"), Problem.NO_PATIENT),
    ],
)
def test_what_is_no_readable_document_says_why(body: str, problem: Problem, now: datetime) -> None:
    assert held(body.encode(), now).problem is problem


def test_a_document_in_utf_16_or_after_blank_lines_is_read(now: datetime) -> None:
    wide = VISIT.replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16")
    for body in (wide, b"\n\n  " + VISIT.encode()):
        found = read(Delivery(source="clinic", name="x", media="application/cda+xml", body=body, received=now))
        assert not found.held
        assert len(found.kept) > 20


def test_a_malformed_namespace_alone_does_not_lose_the_document() -> None:
    assert parse(b"<a xmlns:schemaLocation='urn:hl7-org:v3 CDA.xsd'><b/></a>").tag == "a"
    with pytest.raises(RefusedError):
        parse(b"<a xmlns:schemaLocation='urn:hl7-org:v3 CDA.xsd'><b></a>")


def test_path_of_counts_elements_only() -> None:
    root = parse(b"<a><!-- c --><b/><?p i?><b><c/></b></a>")
    node = next(root.iter("c"))
    assert path_of(node) == "/*/*[2]/*[1]"
    assert etree.fromstring(b"<a><!-- c --><b/><?p i?><b><c/></b></a>").xpath(path_of(node))[0].tag == "c"

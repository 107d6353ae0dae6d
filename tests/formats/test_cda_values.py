"""CDA data types in the sender's own words: times, quantities, sigs, names, absence in words."""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from mainstem.formats.cda import document, keys, narrative, people, read, sig, tables, times, values
from mainstem.formats.cda.reading import Reading
from mainstem.formats.cda.times import Zone
from mainstem.formats.xml import Node, parse
from mainstem.model.fact import Delivery
from mainstem.model.moment import parse_moment

SAMPLES = Path(__file__).parent / "samples" / "cda"
BERLIN = Zone(offset="+01:00", origin="section")
HEAD = 'xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


PUFFS = '<translation value="3" nullFlavor="OTH"><originalText>puffs</originalText></translation>'
FOUR_TO_SIX = '<period><low value="4" unit="h"/><high value="6" unit="h"/></period>'
NPI = "http://hl7.org/fhir/sid/us-npi"
UUID = "67265ed2-35bb-43f8-b9de-91c593562501"


def node(inner: str) -> Node:
    name, _, rest = inner[1:].partition(" ")
    return parse(f"<{name} {HEAD} {rest}".encode())


def ucum(unit: str) -> dict[str, str]:
    return {"unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def reading(name: str = "visit.xml") -> Reading:
    body = (SAMPLES / name).read_bytes()
    sent = Delivery(
        source="s", name=name, media="application/cda+xml", body=body, received=datetime(2026, 1, 1, tzinfo=UTC)
    )
    found = document.opened(sent)
    assert isinstance(found, Reading)
    return found


@pytest.mark.parametrize(
    ("written", "text", "inferred"),
    [
        ("2023", "2023", None),
        ("202305", "2023-05", None),
        ("20230531", "2023-05-31", None),
        ("202305312205-0500", "2023-05-31T22:05:00-05:00", None),
        ("20230531220510.123+0000", "2023-05-31T22:05:10.123+00:00", None),
        ("20230531220510", "2023-05-31T22:05:10+01:00", "section"),
        ("2023053122", "2023-05-31T22:00:00+01:00", "section"),
        ("201506221005-500", "2015-06-22T10:05:00-05:00", None),
        ("20230531220510-05", "2023-05-31T22:05:10-05:00", None),
    ],
)
def test_ccda_7_precision_round_trip(written: str, text: str, inferred: str | None) -> None:
    stamp = times.read(written, BERLIN)
    assert stamp is not None
    assert (stamp.text, stamp.inferred) == (text, inferred)
    assert parse_moment(stamp.text) is not None


@pytest.mark.parametrize(
    "written", ["200130311", "20231332", "20230230", "00010101060000+0000", "", "soon", "20230531250000"]
)
def test_ccda_7_what_is_no_time_is_none(written: str) -> None:
    assert times.read(written, BERLIN) is None


@given(st.datetimes(min_value=datetime(1850, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-720, 840))  # noqa: DTZ001 - the offset is drawn beside it
def test_ccda_7_an_offset_as_written_is_the_same_moment(moment: datetime, minutes: int) -> None:
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    written = f"{moment:%Y%m%d%H%M%S}{sign}{size // 60:02d}{size % 60:02d}"
    stamp = times.read(written, BERLIN)
    assert stamp is not None
    assert stamp.inferred is None
    assert datetime.fromisoformat(stamp.text) == datetime.strptime(written, "%Y%m%d%H%M%S%z")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (("20240101", "1"), ("20240102", "1")),
        (("20240101120000+0100", "2"), ("20240101120000+0000", "1")),
        (("20240101120000+0000", "9"), ("20240101120000+0000", "10")),
        (("", "1"), ("20240101", "")),
    ],
)
def test_ccda_12_document_order_sorts_as_text(earlier: tuple[str, str], later: tuple[str, str]) -> None:
    assert times.sortable(*earlier) < times.sortable(*later)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('<value value="4.10" unit="mmol/L"/>', {"value": Decimal("4.10"), **ucum("mmol/L")}),
        ('<value value="88" unit="MM[HG]"/>', {"value": Decimal(88), **ucum("MM[HG]")}),
        ('<value value="7"/>', {"value": Decimal(7)}),
        ('<value value="&lt;5" unit="mg/L"/>', {"value": Decimal(5), "comparator": "<", **ucum("mg/L")}),
        ('<value value="1,250" unit="mg/L"/>', None),
        ('<value value="trace"/>', None),
        ('<value nullFlavor="UNK" unit="mg/L"/>', None),
        (f'<value nullFlavor="OTH">{PUFFS}</value>', {"value": Decimal(3), "unit": "puffs"}),
    ],
)  # fmt: skip
def test_quantities_keep_digits_and_units_as_written(written: str, expected: dict[str, Any] | None) -> None:
    found = values.quantity(node(written))
    assert found == expected
    if found and expected:
        assert str(found["value"]) == str(expected["value"])


SIGS: list[tuple[str, dict[str, Any]]] = [
    ('<period value="8" unit="h"/>', {"frequency": 1, "period": 8, "periodUnit": "h"}),
    ('<period value="12" unit="h"/>', {"frequency": 1, "period": 12, "periodUnit": "h"}),
    ('<period value="6" unit="h"/>', {"frequency": 1, "period": 6, "periodUnit": "h"}),
    ('<period value="1" unit="d"/>', {"frequency": 1, "period": 1, "periodUnit": "d"}),
    ('<period value="0.5" unit="d"/>', {"frequency": 1, "period": Decimal("0.5"), "periodUnit": "d"}),
    ('<period value="2" unit="d"/>', {"frequency": 1, "period": 2, "periodUnit": "d"}),
    ('<period value="1" unit="wk"/>', {"frequency": 1, "period": 1, "periodUnit": "wk"}),
    ('<period value="2" unit="wk"/>', {"frequency": 1, "period": 2, "periodUnit": "wk"}),
    ('<period value="1" unit="mo"/>', {"frequency": 1, "period": 1, "periodUnit": "mo"}),
    ('<period value="90" unit="min"/>', {"frequency": 1, "period": 90, "periodUnit": "min"}),
    ('<period value="24" unit="hr"/>', {"frequency": 1, "period": 24, "periodUnit": "h"}),
    (FOUR_TO_SIX, {"frequency": 1, "period": 4, "periodUnit": "h", "periodMax": 6}),
]  # fmt: skip
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ('<event code="HS"/>', {"when": ["HS"]}),
    ('<event code="ACM"/>', {"when": ["ACM"]}),
    ('<event code="PCV"/>', {"when": ["PCV"]}),
    ('<event code="WAKE"/>', {"when": ["WAKE"]}),
    ('<event code="AC"/><offset><low value="30" unit="min"/><high value="30" unit="min"/></offset>', {"when": ["AC"]}),
    ('<event code="AC"/><offset value="1" unit="h"/>', {"when": ["AC"], "offset": 60}),
]
SILENT = ["<period/>", '<period nullFlavor="UNK"/>', '<period unit="PRN"/>']


def dosage(inner: str) -> dict[str, Any]:
    (found,) = sig.dosage(node(f"<substanceAdministration >{inner}</substanceAdministration>"), BERLIN, reading())
    return found


@pytest.mark.parametrize(
    ("kind", "inner", "expected"),
    [("PIVL_TS", *item) for item in SIGS] + [("EIVL_TS", *item) for item in EVENTS],
)
def test_ccda_6_the_second_effective_time_is_the_frequency(kind: str, inner: str, expected: dict[str, Any]) -> None:
    bounds = '<effectiveTime xsi:type="IVL_TS"><low value="20240101"/><high value="20240110"/></effectiveTime>'
    repeat = dosage(f'{bounds}<effectiveTime xsi:type="{kind}" operator="A">{inner}</effectiveTime>')["timing"][
        "repeat"
    ]
    assert repeat == {"boundsPeriod": {"start": "2024-01-01", "end": "2024-01-10"}, **expected}


@pytest.mark.parametrize("inner", SILENT)
def test_ccda_6_a_frequency_without_a_period_states_none(inner: str) -> None:
    text = f'<text>as told</text><effectiveTime xsi:type="PIVL_TS" operator="A">{inner}</effectiveTime>'
    assert dosage(text) == {"text": "as told"}


def test_ccda_6_a_dose_without_a_unit_counts_the_dose_form_and_never_mg() -> None:
    unit = '<administrationUnitCode code="C42998" codeSystem="2.16.840.1.113883.3.26.1.1" displayName="Tablet"/>'
    amount = dosage(f'<doseQuantity value="2"/>{unit}')["doseAndRate"][0]["doseQuantity"]
    assert amount["value"] == 2
    assert not {"unit", "code"} & amount.keys()
    assert amount["extension"][0]["valueCodeableConcept"]["coding"][0]["display"] == "Tablet"


def test_ccda_6_ranges_rates_routes_and_as_needed() -> None:
    found = dosage(
        '<routeCode code="C38288" codeSystem="2.16.840.1.113883.3.26.1.1"/>'
        '<doseQuantity><low value="1" unit="mg"/><high value="2" unit="mg"/></doseQuantity>'
        '<rateQuantity value="90" unit="ml/min"/>'
        '<precondition><criterion><value xsi:type="CD" code="56018004" codeSystem="2.16.840.1.113883.6.96"/>'
        "</criterion></precondition>"
    )
    assert found["doseAndRate"][0]["doseRange"]["high"]["value"] == 2
    assert found["doseAndRate"][0]["rateQuantity"]["unit"] == "ml/min"
    assert found["asNeededCodeableConcept"]["coding"][0]["code"] == "56018004"
    assert found["route"]["coding"][0]["code"] == "C38288"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("No known allergies", "none-known"),
        ("NO ALLERGIES KNOWN", "none-known"),
        ("No Known Medications", "none-known"),
        ("No current long-term medications", "none-known"),
        ("No Drug Therapy Prescribed", "none-known"),
        ("Patient has no history of implantable devices", "none-known"),
        ("NKDA", "none-known"),
        ("No Information", "no-information"),
        ("No Known Allergy Information", "no-information"),
        ("Results excluded/not available", "no-information"),
        ("Immunizations not documented", "no-information"),
        ("None", "no-information"),
        ("Unknown", "no-information"),
        ("Essential hypertension", None),
        ("Aspirin TABS (drug allergy)", None),
        ("Known allergy to peanut", None),
        ("Nosebleed", None),
        (
            "No known allergies. " + "The patient then described at length a reaction of the skin to a new soap. " * 4,
            None,
        ),
    ],
)
def test_ccda_3_words_of_absence(text: str, meaning: str | None) -> None:
    assert tables.absence_in(text) == meaning


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('<id root="2.999.1" extension="7"/>', {"system": "urn:oid:2.999.1", "value": "7"}),
        ('<id root="2.16.840.1.113883.4.6" extension="12"/>', {"system": NPI, "value": "12"}),
        ('<id root="2.999.1"/>', {"system": "urn:ietf:rfc:3986", "value": "urn:oid:2.999.1"}),
        (f'<id root="{UUID.upper()}"/>', {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{UUID}"}),
        (f'<id root="{UUID.upper()}" extension="a"/>', {"system": f"urn:uuid:{UUID}", "value": "a"}),
        ('<id nullFlavor="UNK"/>', None),
    ],
)  # fmt: skip
def test_identifiers_follow_the_guide(written: str, expected: dict[str, Any] | None) -> None:
    assert values.identifier(node(written)) == expected


@pytest.mark.parametrize(
    ("extension", "stand_in"),
    [("000000000", True), ("999-99-9999", True), ("unknown", True), ("", True), ("IB-4711", False), ("11", False)],
)
def test_placeholder_ids_name_nobody(extension: str, stand_in: bool) -> None:  # noqa: FBT001 - a table's column
    assert keys.placeholder(extension) is stand_in


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('<telecom value="tel:+1-555-0100" use="MC"/>', {"system": "phone", "value": "+1-555-0100", "use": "mobile"}),
        ('<telecom value="mailto:a@example.org"/>', {"system": "email", "value": "a@example.org"}),
        ('<telecom value="fax:5550101" use="WP"/>', {"system": "fax", "value": "5550101", "use": "work"}),
        ('<telecom value="555 0102"/>', {"system": "phone", "value": "555 0102"}),
        ('<telecom value="tel:"/>', None),
        ('<telecom nullFlavor="UNK"/>', None),
    ],
)
def test_telecoms(written: str, expected: dict[str, Any] | None) -> None:
    assert people.telecom(node(written)) == expected


def test_the_patient_is_as_stated() -> None:
    found = reading()
    sent = Delivery(
        source="s",
        name="x",
        media="m",
        body=(SAMPLES / "visit.xml").read_bytes(),
        received=datetime(2026, 1, 1, tzinfo=UTC),
    )
    document.fill(sent, found)
    patient = found.facts[f"Patient/{found.patient}"].resource
    assert [name.get("use") for name in patient["name"]] == ["usual", "maiden"]
    assert (patient["birthDate"], patient["gender"]) == ("1958-02-14", "female")
    by_url = {item["url"].rpartition("/")[2]: item for item in patient["extension"]}
    assert by_url["us-core-birthsex"]["valueCode"] == "F"
    assert by_url["us-core-ethnicity"]["extension"][0]["valueCoding"]["code"] == "2186-5"
    assert by_url["us-core-race"]["extension"][0]["valueCoding"]["code"] == "ASKU"
    assert patient["communication"][0]["preferred"] is True
    assert "urn:oid:2.999.1" in [item["system"] for item in patient["identifier"]]


def test_narrative_keeps_words_and_drops_what_could_act() -> None:
    text = node(
        '<text ><table onload="x()"><caption>C</caption><tbody><tr><td colspan="2" style="x">a &lt;script&gt;</td></tr>'
        '</tbody></table><script>alert(1)</script><linkHtml href="https://example.org">l</linkHtml></text>'
    )
    div = narrative.xhtml(text)
    assert div is not None
    assert "<caption>C</caption>" in div
    assert '<td colspan="2">a &lt;script&gt;</td>' in div
    assert '<a href="https://example.org">l</a>' in div
    assert "<script" not in div
    assert "onload" not in div


def _damaged(text: bytes, picks: list[int]) -> bytes:
    """Remove or empty elements and attributes of a document, deterministically."""
    root = etree.fromstring(text)
    for pick in picks:
        nodes = [item for item in root.iter() if item.getparent() is not None]
        if not nodes:
            break
        target = nodes[pick % len(nodes)]
        names = sorted(target.attrib)
        if pick % 3 == 0 and names:
            del target.attrib[names[pick % len(names)]]
        elif pick % 3 == 1 and names:
            target.set(names[pick % len(names)], "")
        elif pick % 5 == 0:
            target.getparent().append(deepcopy(target))
        else:
            target.getparent().remove(target)
    return etree.tostring(root)


def _samples() -> Iterator[bytes]:
    yield (SAMPLES / "visit.xml").read_bytes()
    yield (SAMPLES / "nothing.xml").read_bytes()


@given(st.sampled_from(list(_samples())), st.lists(st.integers(0, 10**6), min_size=1, max_size=12))
def test_i8_a_damaged_document_is_read_or_held_and_never_fails(text: bytes, picks: list[int]) -> None:
    body = _damaged(text, picks)
    sent = Delivery(source="s", name="x", media="m", body=body, received=datetime(2026, 1, 1, tzinfo=UTC))
    found = read(sent)
    assert found.kept or found.held
    root = etree.fromstring(body)
    known = {f"{fact.type}/{fact.key}" for fact in found.kept}
    assert len(known) == len(found.kept)
    for fact in found.kept:
        assert len(root.xpath(fact.path)) == 1
        assert fact.subject is None or f"Patient/{fact.subject}" in known

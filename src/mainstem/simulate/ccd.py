"""Writes a chart as a C-CDA R2.1 Continuity of Care Document as an exchange holds it: SI units, its own spellings.

The templates in `data/ccd` follow HL7 CDA R2 and Consolidated CDA R2.1 (August 2015); they are self-made.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import cache
from importlib import resources
from itertools import groupby
from string import Template
from xml.sax.saxutils import escape, quoteattr

from msgspec import Struct

from mainstem.model.names import CVX, RXNORM, SNOMED
from mainstem.simulate.fhir_chart import MEMBER
from mainstem.simulate.plan import Chart, Copy, Event, Part, Written
from mainstem.simulate.tables import Concept

_OIDS = {
    SNOMED: "2.16.840.1.113883.6.96",
    "http://hl7.org/fhir/sid/icd-10-cm": "2.16.840.1.113883.6.90",
    RXNORM: "2.16.840.1.113883.6.88",
    CVX: "2.16.840.1.113883.12.292",
}
_SEX = {"female": "F", "male": "M"}
_UNKNOWN = '<low nullFlavor="UNK"/>'
_DRUG_ALLERGY, _ALLERGY = "416098002", "419199007"


class _Group(Struct, frozen=True):
    """How one kind of measurements is grouped by visit."""

    kind: str
    organizer: str
    observation: str
    version: str
    class_: str
    code: str


_RESULTS = _Group(
    "lab",
    "2.16.840.1.113883.10.20.22.4.1",
    "2.16.840.1.113883.10.20.22.4.2",
    "2015-08-01",
    "BATTERY",
    '<code code="24323-8" codeSystem="2.16.840.1.113883.6.1" displayName="Comprehensive metabolic 2000 panel"/>',
)
_VITALS = _Group(
    "vital",
    "2.16.840.1.113883.10.20.22.4.26",
    "2.16.840.1.113883.10.20.22.4.27",
    "2014-06-09",
    "CLUSTER",
    '<code code="46680005" codeSystem="2.16.840.1.113883.6.96" displayName="Vital signs">'
    '<translation code="74728-7" codeSystem="2.16.840.1.113883.6.1" displayName="Vital signs panel"/></code>',
)


class _Row(Struct, frozen=True):
    """One line of a section's table, and the entry that refers to it."""

    words: str
    template: str
    values: Mapping[str, str]


def editions(chart: Chart, assigner: str, made: Sequence[datetime]) -> Sequence[bytes]:
    """Return a chart's documents: a second edition, which repeats the first, when something was written later."""
    late = any(copy.phase > 1 for copy in chart.copies)
    moments = made if late else made[:1]
    return [document(chart, assigner=assigner, edition=turn + 1, made=moment) for turn, moment in enumerate(moments)]


def document(chart: Chart, *, assigner: str, edition: int, made: datetime) -> bytes:
    """Return the document's bytes; `assigner` is the OID of the site's own numbers, `edition` counts its versions."""
    scribe = _Scribe(chart, assigner, edition)
    first = min((visit.start for visit in chart.visits), default=made).date()
    values = {
        **_patient(chart.written),
        "oid": assigner,
        "edition": str(edition),
        "made": _ts(made),
        "first": _ts(first),
        "sections": "\n".join(scribe.section(row) for row in _sections()),
    }
    return _template("document").substitute(values).encode()


def _patient(written: Written) -> dict[str, str]:
    person = written.person
    return {
        "mrn": written.mrn,
        "member": f'<id root="{MEMBER}" extension={quoteattr(written.member)}/>' if written.member else "",
        "line": escape(person.line),
        "city": escape(person.city),
        "state": person.state,
        "postal": person.postal,
        "phone": written.phone,
        "email": written.email,
        "given": escape(written.given),
        "family": escape(written.family),
        "sex": _SEX[person.sex],
        "born": _ts(person.birth_date),
    }


class _Scribe:
    """Writes the sections of one chart; each method yields the rows of the section of its name."""

    def __init__(self, chart: Chart, assigner: str, edition: int) -> None:
        self._chart, self._assigner = chart, assigner
        self._copies = [copy for copy in chart.copies if copy.phase <= edition]

    def section(self, section: Mapping[str, str]) -> str:
        rows: Callable[[], Iterator[_Row]] = getattr(self, section["rows"])
        written = list(rows())
        lines = "".join(
            f'<tr><td ID="{section["rows"]}-{place}">{escape(row.words)}</td></tr>' for place, row in enumerate(written)
        )
        entries = [self._entry(row, f"#{section['rows']}-{place}") for place, row in enumerate(written)]
        narrative = f"<table><tbody>{lines}</tbody></table>" if written else "No information"
        values = {**section, "narrative": narrative, "entries": "\n".join(entries)}
        return _template("section").substitute(values, missing="" if written else ' nullFlavor="NI"')

    def _entry(self, row: _Row, reference: str) -> str:
        key = f"{self._chart.written.mrn}-{row.values['key']}"
        text = _template(row.template).safe_substitute({**row.values, "oid": self._assigner, "key": key})
        return Template(text).substitute(row=reference)

    def allergies(self) -> Iterator[_Row]:
        for number, event in enumerate(self._chart.allergies):
            low, code = f'<low value="{_ts(event.on)}"/>', _coded("code", event.concept)
            values = {"key": f"a{number}", "low": low, "negation": "", "kind": _DRUG_ALLERGY, "code": code}
            yield _Row(event.concept.display, "allergy", values)
        if self._chart.no_known_allergies:
            no, code = ' negationInd="true"', '<code nullFlavor="NA"/>'
            values = {"key": "nka", "low": _UNKNOWN, "negation": no, "kind": _ALLERGY, "code": code}
            yield _Row("No known allergies", "allergy", values)

    def medications(self) -> Iterator[_Row]:
        for number, event in enumerate(self._chart.medications):
            hours = "12" if "twice" in event.dose else "24"
            values = {**_event(f"m{number}", event), "hours": hours}
            yield _Row(f"{event.concept.display}, {event.dose}", "medication", values)

    def problems(self) -> Iterator[_Row]:
        for number, event in enumerate(self._chart.conditions):
            values = {"key": f"p{number}", "on": _ts(event.on), "code": _coded("value", event.concept)}
            yield _Row(event.concept.display, "problem", values)

    def results(self) -> Iterator[_Row]:
        return self._measured(_RESULTS)

    def vitals(self) -> Iterator[_Row]:
        return self._measured(_VITALS)

    def _measured(self, group: _Group) -> Iterator[_Row]:
        """One organizer a visit; what has several parts becomes several observations (CONS-5)."""
        copies = [copy for copy in self._copies if copy.parts[0].analyte.kind == group.kind]
        for at, members in groupby(copies, lambda copy: copy.reading.at):
            components = "\n".join(text for copy in members for text in self._components(copy, group))
            values = {
                "key": f"{group.kind}{_ts(at)}",
                "class": group.class_,
                "template": group.organizer,
                "code": group.code,
                "at": _ts(at),
                "components": components,
            }
            yield _Row(f"Measured on {at.date().isoformat()}", "organizer", values)

    def _components(self, copy: Copy, group: _Group) -> Iterator[str]:
        at = copy.reading.at
        for place, part in enumerate(copy.parts):
            values = {
                **_measure(part),
                "template": group.observation,
                "version": group.version,
                "oid": self._assigner,
                "key": f"{self._chart.written.mrn}-r{copy.reading.number}-{place}",
                "at": _ts(at.date() if copy.day_only else at),
            }
            yield _template("observation").safe_substitute(values)

    def immunizations(self) -> Iterator[_Row]:
        for number, event in enumerate(self._chart.immunizations):
            words = f"{event.concept.display}{', refused' if event.negated else ''}"
            values = {**_event(f"i{number}", event), "negated": "true" if event.negated else "false"}
            yield _Row(words, "immunization", values)

    def encounters(self) -> Iterator[_Row]:
        for number, visit in enumerate(self._chart.visits):
            end = visit.start + timedelta(minutes=visit.minutes)
            values = {"key": f"e{number}", "at": _ts(visit.start), "end": _ts(end)}
            yield _Row(f"Visit on {visit.start.date().isoformat()}", "encounter", values)

    def social(self) -> Iterator[_Row]:
        """Nothing is known; the section itself is required."""
        yield from ()


def _event(key: str, event: Event) -> dict[str, str]:
    return {"key": key, "on": _ts(event.on), "code": _coded("code", event.concept)}


def _measure(part: Part) -> dict[str, str]:
    analyte = part.analyte
    return {
        "loinc": analyte.si_loinc,
        "name": escape(analyte.name),
        "value": str(analyte.si(part.value)),
        "unit": analyte.cda_unit,
    }


def _coded(element: str, concept: Concept) -> str:
    """Return a coded element; a `value` says its type and carries the other code as a translation."""
    kind = ' xsi:type="CD"' if element == "value" else ""
    main = f"code={quoteattr(concept.code)} codeSystem={quoteattr(_OIDS[concept.system])}"
    translation = ""
    if kind and concept.other_code:
        other = f"code={quoteattr(concept.other_code)} codeSystem={quoteattr(_OIDS[concept.other_system])}"
        translation = f"<translation {other} displayName={quoteattr(concept.other_display)}/>"
    return f"<{element}{kind} {main} displayName={quoteattr(concept.display)}>{translation}</{element}>"


def _ts(moment: datetime | date) -> str:
    """Return a CDA TS: to the minute with its offset, or a day."""
    return moment.strftime("%Y%m%d%H%M%z") if isinstance(moment, datetime) else moment.strftime("%Y%m%d")


@cache
def _sections() -> Sequence[Mapping[str, str]]:
    return list(csv.DictReader(_text("sections.csv").splitlines()))


@cache
def _template(name: str) -> Template:
    return Template(_text(f"{name}.xml"))


def _text(name: str) -> str:
    return resources.files("mainstem.simulate.data").joinpath("ccd", name).read_text(encoding="utf-8")

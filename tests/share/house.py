"""A small house for the door: two systems that hold parts of Mona's record, and a little of Olaf's."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import httpx
from starlette.applications import Starlette

from mainstem import formats, serve, share
from mainstem.model.fact import Delivery
from mainstem.model.ids import number
from mainstem.model.reference import Reference
from mainstem.pipeline import Pipeline
from mainstem.store.context import Context
from mainstem.store.database import Database
from mainstem.store.vault import Vault
from mainstem.trust.keys import load_or_create

LOINC = "http://loinc.org"
UCUM = "http://unitsofmeasure.org"
POTASSIUM = "Potassium [Moles/volume] in Serum or Plasma"
NDJSON = "application/fhir+ndjson"
BASE = "http://127.0.0.1:8080"
START = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


class Clock:
    """A time that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def move(self, **step: float) -> None:
        self.now += timedelta(**step)


def repeatable() -> Callable[[int], bytes]:
    """Return bytes that differ at each call and are the same in each run."""
    numbers = count()
    return lambda size: blake2b(str(next(numbers)).encode(), digest_size=min(size, 64)).digest()[:size]


class Visitor:
    """A browser's part: cookies kept, the page's own header sent, redirects not followed."""

    def __init__(self, house: "House", **headers: str) -> None:
        self._house = house
        self._headers = {"X-Mainstem": "app", **headers}
        self.cookies = httpx.Cookies()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return anyio.run(self._send, "GET", path, None, headers)

    def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return anyio.run(self._send, "POST", path, json.dumps({} if body is None else body), headers)

    def api(self, path: str) -> Any:  # noqa: ANN401 - decoded JSON
        answer = self.get(f"/app/api/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def fhir(self, path: str, token: str) -> httpx.Response:
        """Ask the FHIR door as the holder of a token."""
        return self.get(f"/fhir/{path}", Authorization=f"Bearer {token}")

    async def _send(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(self._house.app)
        async with httpx.AsyncClient(transport=transport, base_url=BASE, cookies=self.cookies) as client:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = await client.request(method, path, content=body, headers={**self._headers, **names})
            self.cookies = client.cookies
            return answer


class House:
    """The door over a fresh database, with people in it."""

    def __init__(self, database: Database, folder: Path, base_url: str = BASE) -> None:
        self.clock = Clock()
        random_bytes = repeatable()
        keys = load_or_create(folder / "key", random_bytes)
        reference = Reference(namer=keys.namer, readers=formats.READERS)
        vault = Vault(keys, random_bytes)
        self.context = Context(
            database=database, vault=vault, reference=reference, clock=self.clock, random_bytes=random_bytes,
            base_url=base_url,
        )  # fmt: skip
        self.pipeline = Pipeline(database, vault, reference, self.clock)
        self.app = Starlette(routes=[*serve.routes(self.context), *share.routes(self.context)])
        for source, lines in RECORD.items():
            self.deliver(source, *lines)

    def deliver(self, source: str, *resources: dict[str, Any]) -> None:
        body = b"\n".join(json.dumps(resource).encode() for resource in resources)
        self.pipeline.apply(
            Delivery(source=source, name=f"{source}.ndjson", media=NDJSON, body=body, received=self.clock())
        )

    def person(self, family: str) -> int:
        """Return the number of the person of this name."""
        keys = {"Adair": ("harbour-clinic", "p1"), "Birk": ("harbour-clinic", "p2")}
        source, key = keys[family]
        record = number(self.context.reference.namer.record(source, "Patient", key))
        with self.context.database.connection() as tx:
            row = tx.execute("select person from member where record = %s", (record,)).fetchone()
        assert row is not None
        return row[0]

    def invite(self, family: str) -> str:
        """Return the path of a sign-in link."""
        link = share.invite(self.context, self.person(family), family)
        return link.removeprefix(self.context.base_url)


def patient(key: str, family: str, given: str, born: str, identifier: str) -> dict[str, Any]:
    return {
        "resourceType": "Patient", "id": key, "name": [{"family": family, "given": [given]}], "birthDate": born,
        "gender": "female", "identifier": [{"system": "urn:oid:1.2.3", "value": identifier}],
        "telecom": [{"system": "phone", "value": f"503-555-{identifier}"}],
    }  # fmt: skip


def observation(
    key: str, code: str, display: str, date: str, value: float, *, unit: str, **more: object
) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "id": key, "status": "final", "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"code": more.pop("category", "laboratory")}]}],
        "code": {"coding": [{"system": LOINC, "code": code, "display": display}]}, "effectiveDateTime": date,
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit}, **more,
    }  # fmt: skip


def pressure(key: str, date: str, systolic: int, diastolic: int) -> dict[str, Any]:
    parts = (("8480-6", "Systolic blood pressure", systolic), ("8462-4", "Diastolic blood pressure", diastolic))
    return {
        "resourceType": "Observation", "id": key, "status": "final", "subject": {"reference": "Patient/p1"},
        "category": [{"coding": [{"code": "vital-signs"}]}], "effectiveDateTime": date,
        "code": {"coding": [{"system": LOINC, "code": "85354-9", "display": "Blood pressure"}]},
        "component": [
            {"code": {"coding": [{"system": LOINC, "code": code, "display": display}]},
             "valueQuantity": {"value": value, "unit": "mm[Hg]", "system": UCUM, "code": "mm[Hg]"}}
            for code, display, value in parts
        ],
    }  # fmt: skip


def about(type_: str, key: str, subject: str = "subject", **more: object) -> dict[str, Any]:
    return {"resourceType": type_, "id": key, subject: {"reference": "Patient/p1"}, **more}


def coded(text: str) -> dict[str, Any]:
    return {"text": text}


_WEIGHTS = [
    observation(
        f"w{day}",
        "29463-7",
        "Body weight",
        f"2026-03-{day:02}T07:00:00Z",
        80 + day / 10,
        unit="kg",
        category="vital-signs",
    )
    for day in range(10, 20)
]
RECORD: dict[str, list[dict[str, Any]]] = {
    "harbour-clinic": [
        patient("p1", "Adair", "Mona", "1961-02-03", "0188"),
        patient("p2", "Birk", "Olga", "1980-11-30", "0299"),
        observation(
            "k1", "2823-3", POTASSIUM, "2026-03-20T08:30:00Z", 5.4, unit="mmol/L",
            referenceRange=[{"low": {"value": 3.5, "unit": "mmol/L"}, "high": {"value": 5.1, "unit": "mmol/L"}}],
        ),
        observation("k0", "2823-3", POTASSIUM, "2025-03-20T08:30:00Z", 4.2, unit="mmol/L"),
        observation("lb", "29463-7", "Body weight", "2026-03-21T09:00:00Z", 154, unit="[lb_av]",
                    category="vital-signs"),
        pressure("bp1", "2026-03-20T08:00:00Z", 151, 94),
        pressure("bp2", "2026-03-22T08:00:00Z", 138, 86),
        about("MedicationRequest", "m1", status="active", intent="order", authoredOn="2026-03-20",
              medicationCodeableConcept=coded("Lisinopril 10 MG Oral Tablet"),
              dosageInstruction=[{"text": "1 tablet every morning"}]),
        about("AllergyIntolerance", "a1", "patient", code=coded("Penicillin"), recordedDate="2020-01-15",
              clinicalStatus={"coding": [{"code": "active"}]}, reaction=[{"manifestation": [coded("Hives")]}]),
        about("Immunization", "i1", "patient", status="not-done", vaccineCode=coded("Pneumococcal vaccine"),
              occurrenceDateTime="2025-10-02"),
        about("Condition", "c1", code=coded("Essential hypertension"), onsetDateTime="2019-04",
              clinicalStatus={"coding": [{"code": "active"}]}),
        about("Encounter", "e1", status="finished", period={"start": "2026-03-20T08:00:00Z"},
              type=[coded("Follow-up visit")], **{"class": {"code": "AMB"}}),
        {**observation("olga", "2823-3", "Potassium", "2026-03-20T08:30:00Z", 3.9, unit="mmol/L"),
         "subject": {"reference": "Patient/p2"}},
    ],
    "stadtspital": [
        patient("p1", "Adair", "Mona", "1961-02-03", "0188"),
        observation("k9", "2823-3", "Kalium", "2026-03-20T08:30:00Z", 4.5, unit="mmol/L"),
        observation("kg", "29463-7", "Körpergewicht", "2026-03-21T09:00:00Z", 69.85, unit="kg", category="vital-signs"),
        observation("x1", "2160-0", "Creatinine", "2026-03-20", 99, unit="umol/L", status="entered-in-error"),
        *_WEIGHTS,
        about("Flag", "f1", status="active", code=coded("Weight rose by 2 kg in 3 days"),
              period={"start": "2026-03-19"},
              extension=[{"url": "urn:test:evidence", "valueReference": {"reference": "Observation/w19"}}]),
    ],
}  # fmt: skip

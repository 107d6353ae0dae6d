"""A scale vendor's cloud over one holding, after the Withings API reference (Measure-Getmeas), with enrolment records.

Unverified, since undocumented: whether `lastupdate` includes its own second (here it does), the order of groups (here
by `modified`), the size of a page (here 40).
"""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mainstem.simulate.plan import ZONE, Chart, Copy, Holding, Written
from mainstem.simulate.shelf import Shelf

_PAGE = 40
_TYPES = {"29463-7": 1, "41982-0": 6, "8462-4": 9, "8480-6": 10, "8867-4": 11}
_LATE_S = 3600
_SCALE = {"model": "Body+", "modelid": 5}
_CUFF = {"model": "BPM Connect", "modelid": 45}

Group = dict[str, Any]


class ScaleSite:
    """Serves a holding. Each account reads only its own measurements, with its own token."""

    def __init__(self, holding: Holding, shelf: Shelf, tokens: dict[str, str]) -> None:
        self._shelf = shelf
        self._charts = {chart.written.mrn: chart for chart in holding.charts}
        self._accounts = {token: account for account, token in tokens.items()}

    def routes(self) -> Sequence[Route]:
        """Return the cloud's routes."""
        return (
            Route("/measure", self._measure, methods=["POST"]),
            Route("/enrolment/{userid}", self._enrolment),
        )

    async def _measure(self, request: Request) -> Response:
        account = self._accounts.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if account is None:
            return JSONResponse({"status": 401, "body": {}, "error": "invalid_token"})
        form = dict(parse_qsl((await request.body()).decode()))
        since, offset = int(form.get("lastupdate", "0")), int(form.get("offset", "0"))
        types = {int(text) for text in form.get("meastypes", "").split(",") if text}
        everything = self._groups(self._charts[account], types)
        groups = [group for group in everything if group["modified"] >= since]
        page = groups[offset : offset + _PAGE]
        more = offset + _PAGE < len(groups)
        updated = max((group["modified"] for group in everything), default=since)
        body: dict[str, Any] = {"updatetime": updated, "timezone": ZONE, "measuregrps": page, "more": int(more)}
        return JSONResponse({"status": 0, "body": {**body, "offset": offset + _PAGE if more else 0}})

    async def _enrolment(self, request: Request) -> Response:
        account = self._accounts.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if account is None or account != request.path_params["userid"]:
            return JSONResponse({}, status_code=401)
        return JSONResponse(_profile(self._charts[account].written))

    def _groups(self, chart: Chart, types: set[int]) -> list[Group]:
        copies = [copy for copy in chart.copies if copy.phase <= self._shelf.phase]
        together = groupby(sorted(copies, key=_taken), key=_taken)
        groups = [_group(list(members), chart.written.mrn, types) for _, members in together]
        return [group for group in groups if group["measures"]]


def _taken(copy: Copy) -> float:
    return copy.reading.at.timestamp()


def _group(copies: Sequence[Copy], account: str, types: set[int]) -> Group:
    """Return what one step on the scale, or one use of the cuff, gave: everything of one moment is one group."""
    at = int(_taken(copies[0]))
    measures = [_measure(_TYPES[part.analyte.loinc], part.value) for copy in copies for part in copy.parts]
    cuff = any(measure["type"] in {9, 10, 11} for measure in measures)
    device = f"{'cuff' if cuff else 'balance'}{account}"
    return {
        "grpid": 4_000_000_000 + copies[0].reading.number,
        "attrib": 1 if copies[0].ambiguous else 0,
        "date": at,
        "created": at + _LATE_S,
        "modified": at + _LATE_S,
        "category": 1,
        "deviceid": device,
        "hash_deviceid": device,
        "measures": [measure for measure in measures if not types or measure["type"] in types],
        "comment": None,
        "timezone": ZONE,
        **(_CUFF if cuff else _SCALE),
    }


def _measure(kind: int, value: Decimal) -> dict[str, int]:
    """Return value and unit as the vendor does: an integer and a power of ten."""
    unit = -3 if value != value.to_integral_value() else 0
    return {"value": int(value.scaleb(-unit)), "type": kind, "unit": unit, "algo": 0, "fm": 131}


def _profile(written: Written) -> dict[str, str]:
    person = written.person
    return {
        "given": written.given,
        "family": written.family,
        "birthdate": person.birth_date.isoformat(),
        "sex": person.sex,
        "email": written.email,
    }

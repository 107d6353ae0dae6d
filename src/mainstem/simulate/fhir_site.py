"""A hospital's FHIR R4 server over one holding: search by type, `_lastUpdated`, opaque pages."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from mainstem.model.fact import Resource
from mainstem.model.json import encode
from mainstem.model.moment import parse_moment
from mainstem.simulate.fhir_chart import Row, rows
from mainstem.simulate.plan import Holding
from mainstem.simulate.shelf import Shelf

PAGE_MAX = 250
_MEDIA = "application/fhir+json"
_BASE = "/fhir"


class FhirSite:
    """Serves a holding. `shelf.phase` says what has been written so far."""

    def __init__(self, holding: Holding, shelf: Shelf, assigner: str, opened: datetime) -> None:
        self._shelf = shelf
        self._rows = [row for chart in holding.charts for row in rows(chart, assigner)]
        self._stamps = {1: opened, 2: opened + timedelta(hours=1)}

    def routes(self) -> Sequence[Route]:
        """Return the server's routes."""
        return (Route(f"{_BASE}/metadata", self._metadata), Route(f"{_BASE}/{{type}}", self._search))

    async def _metadata(self, _request: Request) -> Response:
        types = sorted({row.resource["resourceType"] for row in self._rows})
        parameters = [{"name": "_lastUpdated", "type": "date"}]
        statement: Resource = {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "kind": "instance",
            "fhirVersion": "4.0.1",
            "format": ["json"],
            "software": {"name": "simulated hospital", "version": "1"},
            "rest": [{"mode": "server", "resource": [{"type": name, "searchParam": parameters} for name in types]}],
        }
        return _answer(statement)

    async def _search(self, request: Request) -> Response:
        query = dict(request.query_params)
        if "page" in query:
            since, count, start = _unpack(query["page"])
        else:
            since = query.get("_lastUpdated", "ge0001-01-01").removeprefix("ge")
            count, start = min(int(query.get("_count", PAGE_MAX)), PAGE_MAX), 0
        matches = self._matches(request.path_params["type"], since)
        page = matches[start : start + count]
        base = f"{request.url.scheme}://{request.url.netloc}{request.url.path}"
        bundle: Resource = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": [{"relation": "self", "url": base}],
            "entry": [
                {"fullUrl": f"{base}/{resource['id']}", "resource": resource, "search": {"mode": "match"}}
                for resource in page
            ],
        }
        if start + count < len(matches):
            link = {"relation": "next", "url": f"{base}?page={_pack(since, count, start + count)}"}
            bundle["link"].append(link)
        return _answer(bundle)

    def _matches(self, type_: str, since: str) -> list[Resource]:
        edge = parse_moment(since)
        newest: dict[str, Resource] = {}
        for row in self._rows:
            if row.resource["resourceType"] == type_ and row.phase <= self._shelf.phase:
                newest[row.resource["id"]] = self._stamped(row)
        return [
            resource
            for resource in newest.values()
            if edge is None or datetime.fromisoformat(resource["meta"]["lastUpdated"]) >= edge.lo
        ]

    def _stamped(self, row: Row) -> Resource:
        """Many rows of one phase share their stamp, as after a bulk load (SYNC-3)."""
        meta = {"versionId": str(row.phase), "lastUpdated": self._stamps[row.phase].isoformat()}
        return {**row.resource, "meta": meta}


def _answer(resource: Resource) -> Response:
    return Response(encode(resource), media_type=_MEDIA)


def _pack(since: str, count: int, start: int) -> str:
    return urlsafe_b64encode(f"{since}|{count}|{start}".encode()).decode()


def _unpack(page: str) -> tuple[str, int, int]:
    since, count, start = urlsafe_b64decode(page).decode().split("|")
    return since, int(count), int(start)

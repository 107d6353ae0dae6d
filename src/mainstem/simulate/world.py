"""A whole small world: people, the sites that know them, and the truth."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Protocol

from msgspec import Struct
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from mainstem.simulate.cda_site import CdaSite
from mainstem.simulate.chance import chance
from mainstem.simulate.fhir_site import FhirSite
from mainstem.simulate.lives import live, midnight
from mainstem.simulate.people import people
from mainstem.simulate.plan import ARC, OFFSET, Holding
from mainstem.simulate.scale_site import ScaleSite
from mainstem.simulate.shelf import Shelf
from mainstem.simulate.sites import holdings
from mainstem.simulate.truth import Truth, truth

TODAY = date(2026, 6, 1)
"""The day on which a world stands still, unless another is given."""
_SPEAKS = {"fhir": "fhir-r4", "cda": "cda-index", "home": "withings-measure"}
_BASE = {"fhir": "/fhir", "cda": "/export", "home": ""}


class Site(Struct, frozen=True, kw_only=True):
    """One system at the other end of a wire."""

    name: str
    speaks: str
    """Protocol, as in the manifest of the source folder that reads it."""
    base_path: str
    app: Starlette
    tokens: Mapping[str, str]
    """Bearer tokens by account; "" = the default."""
    options: Mapping[str, Any]
    """What the connection's settings have to say beside the address."""
    shelf: Shelf


class World(Struct, frozen=True, kw_only=True):
    """People, sites and what a record of them must say."""

    sites: Sequence[Site]
    truth: Truth

    def go_on(self) -> None:
        """Let the sites write what happens between two syncs: corrections, retractions, new measurements."""
        for site in self.sites:
            site.shelf.phase = 2


def world(seed: int, people_count: int, sites_count: int, today: date = TODAY) -> World:
    """Return the world of a seed; the same arguments give the same world, byte for byte."""
    now = midnight(datetime(today.year, today.month, today.day, tzinfo=OFFSET))
    lives = [live(seed, person, now) for person in people(seed, people_count)]
    held = holdings(seed, lives, sites_count, now)
    return World(sites=[_site(holding, index, seed, now) for index, holding in enumerate(held)], truth=truth(held))


class _Served(Protocol):
    def routes(self) -> Sequence[Route]: ...


def _site(holding: Holding, index: int, seed: int, opened: datetime) -> Site:
    shelf, assigner = Shelf(), f"{ARC}.{index + 1}"
    tokens = _tokens(holding, seed)
    served: _Served
    match holding.kind:
        case "fhir":
            served = FhirSite(holding, shelf, assigner, opened)
        case "cda":
            served = CdaSite(holding, shelf, assigner, opened)
        case "home":
            served = ScaleSite(holding, shelf, dict(tokens))
    guarded = [] if holding.kind == "home" else [Middleware(_Guard, token=tokens[""])]
    accounts = [account for account in tokens if account]
    return Site(
        name=holding.name,
        speaks=_SPEAKS[holding.kind],
        base_path=_BASE[holding.kind],
        app=Starlette(routes=served.routes(), middleware=guarded),
        tokens=tokens,
        options={"accounts": accounts, "profile_path": "enrolment/{userid}"} if accounts else {},
        shelf=shelf,
    )


def _tokens(holding: Holding, seed: int) -> Mapping[str, str]:
    accounts = [chart.written.mrn for chart in holding.charts] if holding.kind == "home" else [""]
    return {account: f"{chance(seed, holding.name, account).getrandbits(128):032x}" for account in accounts}


class _Guard:
    """Lets a request through that carries the site's token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or (b"authorization", self._token) in scope["headers"]:
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

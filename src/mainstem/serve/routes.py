"""The addresses of the doors for programs. A type's address that takes no more than this says so with 405."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from mainstem import __version__
from mainstem.serve import hooks, reads, searching, sources
from mainstem.serve.capability import capability
from mainstem.serve.door import Door, Endpoint
from mainstem.serve.exchange import Handler
from mainstem.serve.health import Health
from mainstem.serve.meter import Meter
from mainstem.serve.outcomes import FHIR_JSON, outcome
from mainstem.store.context import Context

_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

_FHIR: Mapping[str, Mapping[str, Handler]] = {
    "source/{source}/{type}": {"GET": sources.listed},
    "source/{source}/{type}/{id}": {"GET": sources.show},
    "source/{source}/{type}/{id}/_history": {"GET": sources.show_history},
    "source/{source}/{type}/{id}/_history/{version}": {"GET": sources.show_version},
    "Provenance": {"GET": searching.search_provenance},
    "Provenance/_search": {"POST": searching.search_provenance},
    "Provenance/{id}": {"GET": reads.show_provenance},
    "Patient/{id}/$everything": {"GET": searching.everything_of, "POST": searching.everything_of},
    "{type}": {"GET": searching.search},
    "{type}/_search": {"GET": searching.search, "POST": searching.search},
    "{type}/{id}": {"GET": reads.show},
    "{type}/{id}/_history": {"GET": reads.show_history},
    "{type}/{id}/_history/{version}": {"GET": reads.show_version},
}
"""By path below `/fhir`, in the order in which they are tried."""
_HOOKS: Mapping[str, Mapping[str, Handler]] = {
    "{service}": {"POST": hooks.patient_view},
    "{service}/feedback": {"POST": hooks.feedback},
}


def routes(context: Context) -> list[BaseRoute]:
    """Return the routes of the FHIR API, CDS Hooks, health and metrics."""
    meter = Meter()
    door, health = Door(context, meter), Health(context, meter)
    statement = capability(f"{context.base_url}/fhir", context.clock(), __version__)
    return [
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", health.metrics),
        Route("/fhir/metadata", _constant(statement, FHIR_JSON)),
        *_guarded(door, "/fhir", _FHIR),
        Route("/fhir/{rest:path}", _nothing, methods=_METHODS),
        Route("/fhir", _nothing, methods=_METHODS),
        Route("/cds-services", _constant(hooks.DISCOVERY, hooks.JSON)),
        *_guarded(door, "/cds-services", _HOOKS),
    ]


def _guarded(door: Door, base: str, table: Mapping[str, Mapping[str, Handler]]) -> list[Route]:
    paths = {f"{base}/{path}": handlers for path, handlers in table.items()}
    return [Route(path, door.endpoint(path, handlers), methods=_METHODS) for path, handlers in paths.items()]


def _constant(body: bytes, media: str) -> Endpoint:
    async def serve(_: Request) -> Response:
        return Response(body, media_type=media, headers={"cache-control": "no-cache"})

    return serve


async def _nothing(_: Request) -> Response:
    return Response(outcome("not-found", "There is nothing at this address."), 404, media_type=FHIR_JSON)

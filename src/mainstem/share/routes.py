"""The addresses of the patient's door."""

from functools import partial

from starlette.routing import BaseRoute, Route

from mainstem.share import door, origin, pages, record, sharing
from mainstem.share.door import Handler
from mainstem.store.context import Context

_READ: dict[str, Handler] = {
    "me": record.me,
    "sources": record.sources,
    "timeline": record.timeline,
    "results": record.results,
    "conflicts": record.differences,
    "alerts": record.alerts,
    "resource/{type}/{id}/origin": origin.origin,
    "shares": sharing.listed,
    "shares/preview": sharing.preview,
    "activity": sharing.activity,
}
_CHANGE: dict[str, Handler] = {
    "shares": sharing.make,
    "shares/{id}/pause": sharing.pause,
    "shares/{id}/resume": sharing.resume,
    "shares/{id}/stop": sharing.stop,
}


def routes(context: Context) -> list[BaseRoute]:
    """Return the routes of sign-in, the pages and what the pages ask for."""
    return [
        Route("/signin/{token}", partial(door.sign_in, context)),
        Route("/app/api/events", door.endpoint(context, record.events, tagged=True)),
        *(Route(f"/app/api/{path}", door.endpoint(context, handler)) for path, handler in _READ.items()),
        *(Route(f"/app/api/{path}", door.endpoint(context, h), methods=["POST"]) for path, h in _CHANGE.items()),
        Route("/app/api/{rest:path}", door.absent),
        Route("/app", pages.home),
        Route("/app/{path:path}", pages.page),
    ]

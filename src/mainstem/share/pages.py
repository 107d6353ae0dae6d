"""The pages themselves: built files under /app, one document for every address below it, under a strict policy."""

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, RedirectResponse, Response

STATIC = Path(str(files("mainstem.share").joinpath("static")))
"""Made by the build hook from `app/`; absent in a checkout that was never set up."""

SECURITY: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
)
"""On every answer of this door."""
_FOR_EVER = "public, max-age=31536000, immutable"
_MISSING = "The pages are not built. Run `make setup`, which builds them from app/.\n"


def page(request: Request) -> Response:
    """Answer a built file, or the one document that draws every page."""
    wanted = request.path_params.get("path", "")
    found = _file(wanted)
    if found is not None:
        return _answer(found, for_ever=wanted.startswith("assets/"))
    if wanted.startswith("assets/") or "." in wanted.rpartition("/")[2]:
        return PlainTextResponse("There is no such file.\n", 404, dict(SECURITY))
    document = _file("index.html")
    if document is None:
        return PlainTextResponse(_MISSING, 503, dict(SECURITY))
    return _answer(document, for_ever=False)


def home(_: Request) -> Response:
    """Send /app to /app/, below which all addresses of the pages lie."""
    return RedirectResponse("/app/", 308, dict(SECURITY))


def _file(wanted: str) -> Path | None:
    """Return the built file of this name; never anything outside of the folder, whatever the name says."""
    if not wanted or "\0" in wanted:
        return None
    path = (STATIC / wanted).resolve()
    return path if path.is_relative_to(STATIC.resolve()) and path.is_file() else None


def _answer(path: Path, *, for_ever: bool) -> Response:
    media = "application/manifest+json" if path.suffix == ".webmanifest" else None
    return FileResponse(
        path, media_type=media, headers={**SECURITY, "Cache-Control": _FOR_EVER if for_ever else "no-cache"}
    )

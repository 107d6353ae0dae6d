"""An exchange's export of C-CDA documents over one holding: an index, and the documents that it lists."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import blake2b

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mainstem.simulate.ccd import editions
from mainstem.simulate.plan import Holding
from mainstem.simulate.shelf import Shelf


class CdaSite:
    """Serves a holding. Second editions appear in phase 2; a broken document is there from the beginning."""

    def __init__(self, holding: Holding, shelf: Shelf, assigner: str, opened: datetime) -> None:
        self._shelf = shelf
        made = (opened, opened + timedelta(hours=1))
        self._documents: dict[str, tuple[int, bytes]] = {}
        for place, chart in enumerate(holding.charts):
            for turn, body in enumerate(editions(chart, assigner, made)):
                self._documents[f"ccd-{place:04d}-{turn + 1}.xml"] = (turn + 1, body)
        for turn in range(holding.broken):
            _, body = next(iter(self._documents.values()))
            self._documents[f"ccd-cut-{turn + 1}.xml"] = (1, body[: len(body) * 2 // 3])

    def routes(self) -> Sequence[Route]:
        """Return the export's routes."""
        return (Route("/export/documents", self._index), Route("/export/{name}", self._document))

    async def _index(self, _request: Request) -> Response:
        listed = [
            {"href": name, "etag": blake2b(body, digest_size=8).hexdigest()}
            for name, (phase, body) in self._documents.items()
            if phase <= self._shelf.phase
        ]
        return JSONResponse({"documents": listed})

    async def _document(self, request: Request) -> Response:
        phase, body = self._documents.get(request.path_params["name"], (99, b""))
        if phase > self._shelf.phase:
            return Response(status_code=404)
        return Response(body, media_type="application/xml")

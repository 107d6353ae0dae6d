"""What operators and their machines ask: is it alive, can it serve, what has it done."""

import psycopg
from anyio import to_thread
from psycopg_pool import PoolTimeout
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from mainstem.model.trouble import SetupError
from mainstem.serve.meter import Meter
from mainstem.store.context import Context


class Health:
    """The three addresses without a token; they tell nothing of any person."""

    def __init__(self, context: Context, meter: Meter) -> None:
        self._context = context
        self._meter = meter

    async def alive(self, _: Request) -> Response:
        """`/healthz`: the process answers."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """`/readyz`: the database answers as well."""
        works = await to_thread.run_sync(self._database_works)
        return JSONResponse({"database": works}, status_code=200 if works else 503)

    async def metrics(self, _: Request) -> Response:
        """`/metrics`: counts in the Prometheus text format."""
        return PlainTextResponse(self._meter.text(), media_type="text/plain; version=0.0.4")

    def _database_works(self) -> bool:
        try:
            with self._context.database.connection() as tx:
                return tx.execute("select 1 from resource limit 0").fetchone() is None
        except (psycopg.Error, PoolTimeout, SetupError):
            return False

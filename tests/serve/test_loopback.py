"""The whole path on a real server: granian on the loopback, httpx as any client uses it."""

import asyncio
import secrets
import socket
import sys
from pathlib import Path

import httpx
from granian.constants import Interfaces
from granian.server.embed import Server
from starlette.applications import Starlette

from mainstem.serve import EXCEPTION_HANDLERS, routes
from mainstem.store.context import Context
from mainstem.store.database import Database

sys.path.insert(0, str(Path(__file__).parents[1]))
from recorder import NOW, Recorder, observation, patient


def test_a_client_library_reads_and_pages_over_the_wire(database: Database) -> None:
    recorder = Recorder(database)
    a = recorder.id("a")
    results = [observation(recorder.id("o", str(n)), a, "2823-3", f"2024-01-{n + 1:02d}") for n in range(5)]
    recorder.publish([patient(a, "Ames"), *results], a)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    context = Context(
        database=database, vault=recorder.vault, reference=recorder.reference, clock=lambda: NOW,
        random_bytes=secrets.token_bytes, base_url=base,
    )  # fmt: skip
    app = Starlette(
        routes=routes(context),
        exception_handlers=EXCEPTION_HANDLERS,  # type: ignore[arg-type] - the library's type is narrower
    )
    seen = asyncio.run(_visit(app, port, base, recorder.operator(), a))
    assert len(seen) == len(set(seen)) == 5


async def _visit(app: Starlette, port: int, base: str, token: str, person: str) -> list[str]:
    server = Server(app, address="127.0.0.1", port=port, interface=Interfaces.ASGI)
    serving = asyncio.create_task(server.serve())
    try:
        transport = httpx.AsyncHTTPTransport(retries=5)
        async with httpx.AsyncClient(transport=transport, base_url=base, timeout=20) as client:
            assert (await client.get("/readyz")).json() == {"database": True}
            client.headers["authorization"] = f"Bearer {token}"
            told = (await client.get("/fhir/metadata")).json()
            assert told["resourceType"] == "CapabilityStatement"
            read = await client.get(f"/fhir/Patient/{person}")
            assert read.json()["id"] == person
            again = await client.get(f"/fhir/Patient/{person}", headers={"if-none-match": read.headers["etag"]})
            assert again.status_code == 304
            seen: list[str] = []
            address = f"/fhir/Observation?patient={person}&_count=2"
            while address:
                page = (await client.get(address)).json()
                seen += [each["resource"]["id"] for each in page["entry"]]
                address = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
            return seen
    finally:
        server.stop()
        await serving

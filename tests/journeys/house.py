"""A whole installation on the tests' database, with a client of its API, for journeys from bytes to FHIR."""

import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from clients import Client, client_of
from mainstem import formats, main
from mainstem.model.fact import Held
from mainstem.model.reference import Reference
from mainstem.pipeline import Pipeline, Report
from mainstem.store import access
from mainstem.store.context import Context
from mainstem.store.database import Database
from mainstem.store.vault import Vault
from mainstem.sync import discovery, files
from mainstem.trust.keys import load_or_create


class House:
    """What a journey needs: import files as a source, ask the API."""

    def __init__(self, database: Database, folder: Path) -> None:
        keys = load_or_create(folder / "key", secrets.token_bytes)
        vault = Vault(keys, secrets.token_bytes)
        readers = {**formats.READERS, **discovery.readers(discovery.discover())}
        reference = Reference(namer=keys.namer, readers=readers)
        ticks = count(1_780_000_000)
        self.clock = lambda: datetime.fromtimestamp(next(ticks), UTC)
        self.pipeline = Pipeline(database, vault, reference, self.clock)
        self.context = Context(
            database=database, vault=vault, reference=reference, clock=self.clock,
            random_bytes=secrets.token_bytes, base_url="http://testserver",
        )  # fmt: skip
        self.client: Client

    def take(self, path: Path, source: str) -> list[Report]:
        """Import a file or folder as the command line does."""
        return [
            self.pipeline.refuse(source, item.path, item) if isinstance(item, Held) else self.pipeline.apply(item)
            for item in files.deliveries(path, source, self.clock)
        ]

    def token(self, scope: str = "system/*.cruds") -> str:
        with self.context.database.connection() as connection:
            return access.operator_token(
                connection, scope=scope, ttl=timedelta(days=3650), now=self.clock(), random_bytes=secrets.token_bytes
            )

    def get(self, path: str) -> dict[str, Any]:
        answer = self.client.get(f"/fhir/{path}")
        assert answer.status_code == 200, (path, answer.text)
        return answer.json()

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        """Follow a search through its pages."""
        url: str | None = f"/fhir/{path}"
        while url:
            page = self.client.get(url).json()
            assert page["resourceType"] == "Bundle", page
            yield from (entry["resource"] for entry in page.get("entry", []))
            url = next((link["url"] for link in page["link"] if link["relation"] == "next"), None)


@contextmanager
def house(database: Database, folder: Path) -> Generator[House]:
    made = House(database, folder)
    with client_of(main.application(made.context)) as client:
        client.headers["Authorization"] = f"Bearer {made.token()}"
        made.client = client
        yield made


def slug(name: str) -> str:
    """Return the source name of a vendor's folder."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")

"""Reads the whole record back as any client would: over HTTP, by FHIR search, with a bearer token."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx

from mainstem.model.fact import Resource
from mainstem.model.json import decode
from mainstem.simulate.trouble import SimulationError

_PAGE = "200"
_PAGES_MAX = 10_000
_OK = 200


class Record:
    """The FHIR API at `base` as the holder of a token sees it."""

    def __init__(self, client: httpx.Client, base: str, token: str) -> None:
        """Bind a client; nothing is asked yet."""
        self._client, self._base = client, base.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/fhir+json"}

    def all(self, type_: str) -> Iterator[Resource]:
        """Yield every resource of a type, page by page; raises `SimulationError` when the server answers otherwise."""
        url = f"{self._base}/{type_}?_count={_PAGE}"
        for _ in range(_PAGES_MAX):
            bundle = self._get(url)
            for entry in bundle.get("entry", ()):
                if entry.get("search", {}).get("mode", "match") == "match":
                    yield entry["resource"]
            following = [link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"]
            if not following:
                return
            url = following[0]
        raise SimulationError(f"The pages of {type_} do not end.")

    def _get(self, url: str) -> Resource:
        if urlsplit(url)[:2] != urlsplit(self._base)[:2]:
            raise SimulationError(f"The record's next page leads to another server: {urlsplit(url).netloc}.")
        answer = self._client.get(url, headers=self._headers)
        if answer.status_code != _OK:
            raise SimulationError(
                f"The record answered {answer.status_code} for {urlsplit(url).path}: {answer.text[:300]}"
            )
        return decode(answer.content)

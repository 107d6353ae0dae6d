"""Links to the next page: the address holds a sealed token and nothing of what was asked."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from mainstem.serve.exchange import Exchange
from mainstem.store.pages import Mark, page_token, read_page_token

PAGE = "_page"


class Resumed(NamedTuple):
    """A request as first asked, and where its next page starts."""

    pairs: Sequence[tuple[str, str]]
    mark: Mark | None


def resume(exchange: Exchange, route: str) -> Resumed:
    """Return the request's own parameters, or those that its page token holds; raises `BadPageError`."""
    tokens = [value for name, value in exchange.pairs if name == PAGE]
    if not tokens:
        return Resumed(exchange.pairs, None)
    mark = read_page_token(tokens[0], route, exchange.principal, exchange.context.reference.namer)
    return Resumed(mark.pairs, mark)


def next_link(
    exchange: Exchange, route: str, pairs: Sequence[tuple[str, str]], *, pk: int, key: datetime | None = None
) -> tuple[str, str]:
    """Return the `next` link of a listing at `/fhir/{route}`."""
    mark = Mark(route=route, pairs=tuple(pairs), key=key, pk=pk)
    token = page_token(mark, exchange.principal, exchange.context.reference.namer, exchange.context.random_bytes)
    return "next", f"{exchange.base}/{route}?{PAGE}={token}"

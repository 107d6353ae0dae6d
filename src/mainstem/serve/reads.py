"""Reading one resource: now, as it was, and all its versions (R4 sections 3.1.0.2 to 3.1.0.5 and 3.1.0.14)."""

import re
from typing import cast

from mainstem.model.moment import parse_moment
from mainstem.serve.bundles import bundle, version_entry
from mainstem.serve.exchange import Answer, Exchange, stamped, unchanged
from mainstem.serve.outcomes import RefusedError, absent, invalid, outcome
from mainstem.serve.paging import next_link, resume
from mainstem.store.asked import COUNT_DEFAULT, COUNT_MAX
from mainstem.store.provenance import provenance
from mainstem.store.reading import Gone, Served, certified, history, read, version

_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")


def show(exchange: Exchange) -> Answer:
    """Read the current version; an old id shows what it stands for now, with its place in Content-Location."""
    exchange.only()
    exchange.demand(exchange.type, "r")
    found = read(exchange.tx, exchange.asker, exchange.type, _id(exchange))
    return _shown(exchange, found, found.body if isinstance(found, Served) else b"")


def show_version(exchange: Exchange) -> Answer:
    """Read one version."""
    exchange.only()
    exchange.demand(exchange.type, "r")
    told = exchange.path["version"]
    if not _VERSION.fullmatch(told):
        return missing()
    found = version(exchange.tx, exchange.asker, exchange.type, _id(exchange), int(told))
    if found is not None and found.op == "d":
        return _gone(Gone(version=found.version, updated=found.updated))
    return _shown(exchange, found, found.body if found else b"")


def show_history(exchange: Exchange) -> Answer:
    """List the versions of one resource, newest first; `_count` and `_since`."""
    exchange.demand(exchange.type, "r")
    route = f"{exchange.type}/{_id(exchange)}/_history"
    pairs, mark = resume(exchange, route)
    asked = limits(pairs, "_since")
    since = parse_moment(asked["_since"]) if "_since" in asked else None
    if "_since" in asked and since is None:
        raise invalid("_since takes an instant, such as 2024-05-31T12:00:00Z.")
    count = counted(asked)
    found = history(
        exchange.tx, exchange.asker, exchange.type, _id(exchange), limit=count + 1, before=mark.pk if mark else None,
        since=since.lo if since else None,
    )  # fmt: skip
    if not found and since is None and mark is None:
        return missing()
    links = [("self", f"{exchange.base}/{route}")]
    if len(found) > count:
        links.append(next_link(exchange, route, pairs, pk=found[count - 1].version))
    entries = [version_entry(exchange.base, each) for each in found[:count]]
    return Answer(body=bundle("history", entries, links, exchange.asker.now))


def show_provenance(exchange: Exchange) -> Answer:
    """Read the Provenance of the resource with this id."""
    exchange.only()
    exchange.demand("Provenance", "r")
    found = certified(exchange.tx, exchange.asker, _id(exchange), ())
    return _shown(exchange, found, provenance(found) if isinstance(found, Served) else b"", type_="Provenance")


def limits(pairs: object, *names: str) -> dict[str, str]:
    """Return the parameters of a listing that knows `_count` and these; raises the refusal for others."""
    found: dict[str, str] = {}
    for name, value in cast("list[tuple[str, str]]", pairs):
        if name not in {"_count", *names} or name in found:
            known = ", ".join(["_count", *names])
            raise RefusedError(400, "invalid", f"This request knows these parameters, each once: {known}.")
        found[name] = value
    return found


def counted(asked: dict[str, str]) -> int:
    """Return the page size of a listing."""
    text = asked.get("_count", str(COUNT_DEFAULT))
    if not re.fullmatch(r"[1-9][0-9]{0,8}", text):
        raise invalid("_count takes a number from 1 on.")
    return min(int(text), COUNT_MAX)


def missing() -> Answer:
    """Return 404 without undoing the transaction, whose audit says that somebody asked."""
    refused = absent()
    return Answer(status=refused.status, body=outcome(refused.code, refused.words))


def _shown(exchange: Exchange, found: Served | Gone | None, body: bytes, type_: str = "") -> Answer:
    if found is None:
        return missing()
    if isinstance(found, Gone):
        return _gone(found)
    headers = stamped(found.version, found.updated)
    if found.moved:
        place = f"{exchange.base}/{type_ or found.type}/{found.id}"
        headers["content-location"] = place if type_ else f"{place}/_history/{found.version}"
    if unchanged(exchange, found.version):
        return Answer(status=304, headers=headers)
    return Answer(body=body, headers=headers)


def _gone(found: Gone) -> Answer:
    words = "This resource was taken back by its source, or became part of another one."
    return Answer(status=410, body=outcome("deleted", words), headers=stamped(found.version, found.updated))


def _id(exchange: Exchange) -> str:
    id_ = exchange.path["id"]
    if id_.startswith("$"):
        raise RefusedError(404, "not-supported", "There is no such operation.")
    if not _ID.fullmatch(id_):
        raise absent()
    return id_

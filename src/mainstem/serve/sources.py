"""Each original of each source, as harmonised with its own words kept: `/fhir/source/{source}/{Type}/{id}`."""

import re

from mainstem.fhir.search_parameters import PARAMETERS
from mainstem.model.json import encode
from mainstem.serve.bundles import bundle, search_entry
from mainstem.serve.exchange import Answer, Exchange, stamped, unchanged
from mainstem.serve.outcomes import absent, invalid
from mainstem.serve.paging import next_link, resume
from mainstem.serve.reads import counted, limits, missing
from mainstem.store.criteria import Check, coded_check, values_of
from mainstem.store.originals import Original, listing, original, versions
from mainstem.store.provenance import instant

_SOURCE = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ID = re.compile(r"[A-Za-z0-9.-]{1,64}")


def show(exchange: Exchange) -> Answer:
    """Read the newest version of an original."""
    exchange.only()
    exchange.demand(exchange.type, "r")
    found = original(exchange.tx, exchange.asker, _source(exchange), exchange.type, _key(exchange))
    return _shown(exchange, found)


def show_version(exchange: Exchange) -> Answer:
    """Read one version of an original by the hash of its content."""
    exchange.only()
    exchange.demand(exchange.type, "r")
    found = versions(exchange.tx, exchange.asker, _source(exchange), exchange.type, _key(exchange))
    return _shown(exchange, next((each for each in found if each.version == exchange.path["version"]), None))


def show_history(exchange: Exchange) -> Answer:
    """List all versions that the source stated, newest first."""
    exchange.only()
    exchange.demand(exchange.type, "r")
    found = versions(exchange.tx, exchange.asker, _source(exchange), exchange.type, _key(exchange))
    if not found:
        return missing()
    links = [("self", f"{_url(exchange, found[0])}/_history")]
    entries = [_version(exchange, each) for each in found]
    return Answer(body=bundle("history", entries, links, exchange.asker.now, len(found)))


def listed(exchange: Exchange) -> Answer:
    """List a source's records of a type; `patient` (the source's own id) and `code` narrow."""
    exchange.demand(exchange.type, "s")
    route = f"source/{_source(exchange)}/{exchange.type}"
    pairs, mark = resume(exchange, route)
    asked = limits(pairs, "patient", "code")
    patient = asked.get("patient", "").removeprefix("Patient/") or None
    if patient is not None and not _ID.fullmatch(patient):
        raise invalid("patient takes the source's own id of the patient.")
    found = listing(
        exchange.tx, exchange.asker, _source(exchange), exchange.type, limit=counted(asked),
        after=mark.pk if mark else None, patient=patient, check=_coded(exchange.type, asked.get("code")),
    )  # fmt: skip
    links = [("self", f"{exchange.base}/{route}")]
    if found.after is not None:
        links.append(next_link(exchange, route, pairs, pk=found.after))
    entries = [search_entry(_url(exchange, each), each.body, "match") for each in found.originals]
    return Answer(body=bundle("searchset", entries, links, exchange.asker.now))


def _coded(type_: str, text: str | None) -> Check | None:
    if text is None:
        return None
    parameter = PARAMETERS[type_].get("code")
    if parameter is None or parameter.kind != "token":
        raise invalid("This type has no code to search by.")
    return coded_check(parameter, values_of(text))


def _shown(exchange: Exchange, found: Original | None) -> Answer:
    if found is None:
        return missing()
    headers = stamped(found.version, found.received)
    if unchanged(exchange, found.version):
        return Answer(status=304, headers=headers)
    return Answer(body=found.body, headers=headers)


def _version(exchange: Exchange, each: Original) -> bytes:
    told = {
        "request": {"method": "PUT", "url": f"{each.type}/{each.key}"},
        "response": {"status": "200", "etag": f'W/"{each.version}"', "lastModified": instant(each.received)},
    }
    return b'{"fullUrl":%b,"resource":%b,%b' % (encode(_url(exchange, each)), each.body, encode(told)[1:])


def _url(exchange: Exchange, each: Original) -> str:
    return f"{exchange.base}/source/{each.source}/{each.type}/{each.key}"


def _source(exchange: Exchange) -> str:
    return _plain(exchange.path["source"], _SOURCE)


def _key(exchange: Exchange) -> str:
    return _plain(exchange.path["id"], _ID)


def _plain(text: str, shape: re.Pattern[str]) -> str:
    if not shape.fullmatch(text):
        raise absent()
    return text

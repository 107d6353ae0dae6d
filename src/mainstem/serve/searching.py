"""Search by GET and POST, and a person's whole record (R4 sections 3.1.1 and Patient/$everything)."""

from collections.abc import Sequence
from urllib.parse import urlencode

from mainstem.fhir.types import TYPES
from mainstem.model.ids import number
from mainstem.model.json import encode
from mainstem.model.moment import parse_moment
from mainstem.serve.bundles import bundle, match, proof, search_entry
from mainstem.serve.exchange import Answer, Exchange
from mainstem.serve.outcomes import invalid, outcome_resource
from mainstem.serve.paging import next_link, resume
from mainstem.serve.reads import counted, limits, missing
from mainstem.store.asked import understand
from mainstem.store.everything import Limits, everything
from mainstem.store.provenance import provenance
from mainstem.store.reading import Served, certified, read
from mainstem.store.search import run
from mainstem.store.search_sql import After


def search(exchange: Exchange) -> Answer:
    """Answer one page of a type's search."""
    type_ = exchange.type
    exchange.demand(type_, "s")
    pairs, mark = resume(exchange, type_)
    lenient = "handling=lenient" in exchange.headers.get("prefer", "")
    asked = understand(exchange.tx, exchange.asker, type_, pairs, lenient=lenient)
    if asked.provenance:
        exchange.demand("Provenance", "r")
    page = run(exchange.tx, exchange.asker, asked, After(key=mark.key, pk=mark.pk) if mark else None)
    entries = [match(exchange.base, each) for each in page.matches]
    if asked.provenance:
        entries += [proof(exchange.base, each) for each in page.matches]
    if asked.ignored:
        said = outcome_resource("not-supported", " ".join(asked.ignored), "warning")
        entries.append(b'{"resource":%b,"search":{"mode":"outcome"}}' % encode(said))
    links = [("self", _self(exchange, type_, pairs))]
    if page.after is not None:
        links.append(next_link(exchange, type_, pairs, pk=page.after.pk, key=page.after.key))
    return Answer(body=bundle("searchset", entries, links, exchange.asker.now, page.total))


def search_provenance(exchange: Exchange) -> Answer:
    """Find the Provenance of a resource by `target` or `_id`; both name one resource."""
    exchange.demand("Provenance", "s")
    asked = limits(exchange.pairs, "target", "_id")
    if ("target" in asked) == ("_id" in asked):
        raise invalid("Search Provenance by target=Type/id or by _id=id.")
    type_, _, id_ = asked.get("target", f"/{asked.get('_id', '')}").rpartition("/")
    if type_ and type_ not in TYPES:
        raise invalid("target takes Type/id, such as Observation/0b6c….")
    found = certified(exchange.tx, exchange.asker, id_, (type_,) if type_ else ())
    served = [found] if isinstance(found, Served) and not found.moved else []
    entries = [search_entry(f"{exchange.base}/Provenance/{each.id}", provenance(each), "match") for each in served]
    links = [("self", _self(exchange, "Provenance", exchange.pairs))]
    return Answer(body=bundle("searchset", entries, links, exchange.asker.now, len(entries)))


def everything_of(exchange: Exchange) -> Answer:
    """Return a page of all that the asker may see of one person, each with its Provenance."""
    exchange.demand("Patient", "r")
    route = f"Patient/{exchange.path['id']}/$everything"
    pairs, mark = resume(exchange, route)
    wanted = _limits(pairs)
    patient = read(exchange.tx, exchange.asker, "Patient", exchange.path["id"])
    if not isinstance(patient, Served):
        return missing()
    whole = everything(exchange.tx, exchange.asker, number(patient.id), wanted, mark.pk if mark else None)
    entries = [match(exchange.base, each) for each in whole.matches]
    entries += [search_entry(f"{exchange.base}/{each.type}/{each.id}", each.body, "include") for each in whole.included]
    if exchange.principal.reach("r").permits("Provenance") and (not wanted.types or "Provenance" in wanted.types):
        entries += [proof(exchange.base, each) for each in whole.matches]
    links = [("self", f"{exchange.base}/{route}")]
    if whole.after is not None:
        links.append(next_link(exchange, route, pairs, pk=whole.after))
    return Answer(body=bundle("searchset", entries, links, exchange.asker.now))


def _limits(pairs: Sequence[tuple[str, str]]) -> Limits:
    asked = limits(pairs, "_type", "_since", "start", "end")
    types = tuple(each for each in asked.get("_type", "").split(",") if each)
    if any(each not in TYPES for each in types):
        raise invalid("_type takes resource types of FHIR R4, divided by commas.")
    moments = {name: parse_moment(asked[name]) for name in ("_since", "start", "end") if name in asked}
    if None in moments.values():
        raise invalid("_since, start and end take dates, such as 2024-05-31.")
    since, start, end = (moments.get(name) for name in ("_since", "start", "end"))
    return Limits(
        types=types, since=since.lo if since else None, start=start.lo if start else None, end=end.hi if end else None,
        count=counted(asked) if "_count" in asked else Limits().count,
    )  # fmt: skip


def _self(exchange: Exchange, route: str, pairs: Sequence[tuple[str, str]]) -> str:
    return f"{exchange.base}/{route}?{urlencode(pairs)}" if pairs else f"{exchange.base}/{route}"

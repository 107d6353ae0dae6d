"""Share, pause, resume, stop, and who looked: the person's own verbs, each effective at the next statement."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from mainstem.fhir.types import name_of
from mainstem.share.door import RefusalError, Visit
from mainstem.store import audit, grants, own_record
from mainstem.store.access import issue_token
from mainstem.store.grants import EVERYTHING, Offer, Share
from mainstem.trust.categories import CATEGORIES

OFFERED = (
    "results", "vital-signs", "medications", "conditions", "allergies", "immunizations", "visits", "procedures",
    "documents", "activity", "alerts", "demographics", EVERYTHING,
)  # fmt: skip
"""What the page offers, in its order."""
USUAL = ("results", "vital-signs")
"""What is chosen before the person chooses: what a clinic's app most often asks for."""
DAYS_MAX = 3650
YEARS_MAX = 150
_NAME_MAX = 80
_LOOKS_MAX = 200
_SCOPE = "system/*.rs"
_YEAR = timedelta(days=365.25)


def listed(visit: Visit) -> dict[str, Any]:
    """Return all shares, and what can be shared."""
    found = grants.shares(visit.tx, visit.person, visit.asker.now)
    return {"shares": [_told(share) for share in found], "categories": list(OFFERED), "usual": list(USUAL)}


def preview(visit: Visit) -> dict[str, int]:
    """Return how many entries an offer would let somebody see, before it is made."""
    told = {
        "name": "-", "categories": [one for one in visit.query.get("categories", "").split(",") if one],
        "days": 1, "years": _number(visit.query.get("years", "0")),
    }  # fmt: skip
    terms = grants.terms(_offer(told, visit.asker.now), grantee=0, person=visit.person, now=visit.asker.now)
    covered, of = own_record.preview(visit.tx, visit.asker, visit.person, terms)
    return {"covered": covered, "of": of}


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def make(visit: Visit) -> dict[str, Any]:
    """Make a share and return the receiver's token: the only time that it is seen."""
    now = visit.asker.now
    offer = _offer(visit.body, now)
    share = grants.create(visit.tx, visit.person, offer, now)
    token = issue_token(
        visit.tx, grantee=share.grantee, scope=_SCOPE, expires=offer.until, now=now,
        random_bytes=visit.context.random_bytes,
    )  # fmt: skip
    audit.acted(visit.tx, visit.asker, "share", visit.person, share.id)
    return {"share": _told(share), "token": token, "address": f"{visit.context.base_url}/fhir"}


def _offer(told: Any, now: datetime) -> Offer:  # noqa: ANN401 - decoded JSON
    name, days, years = told.get("name"), told.get("days"), told.get("years", 0)
    if not isinstance(name, str) or not name.strip() or len(name) > _NAME_MAX or not name.isprintable():
        raise RefusalError(400, "name")
    if not isinstance(days, int) or not 1 <= days <= DAYS_MAX:
        raise RefusalError(400, "days")
    if not isinstance(years, int) or not 0 <= years <= YEARS_MAX:
        raise RefusalError(400, "years")
    return Offer(
        name=name.strip(), categories=_categories(told.get("categories")),
        since=_day(now - years * _YEAR) if years else None, until=now + timedelta(days=days),
    )  # fmt: skip


def _categories(told: object) -> tuple[str, ...]:
    named = tuple(cast("Sequence[object]", told)) if isinstance(told, list) else ()
    known = tuple(one for one in named if isinstance(one, str) and (one == EVERYTHING or one in CATEGORIES))
    if not known or len(known) != len(named):
        raise RefusalError(400, "categories")
    return known


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def pause(visit: Visit) -> dict[str, Any]:
    """Pause a share: from now on its receiver sees nothing."""
    return _change(visit, "pause", grants.pause)


def resume(visit: Visit) -> dict[str, Any]:
    """Let a paused share see again."""
    return _change(visit, "resume", grants.resume)


def stop(visit: Visit) -> dict[str, Any]:
    """Stop a share for good."""
    return _change(visit, "stop", grants.stop)


def _change(visit: Visit, verb: str, change: Callable[..., bool]) -> dict[str, Any]:
    now, told = visit.asker.now, visit.path["id"]
    grant = int(told) if told.isdecimal() and len(told) < len(str(1 << 63)) else -1
    if not change(visit.tx, visit.person, grant, now):
        raise RefusalError(404, "no-such-share")
    audit.acted(visit.tx, visit.asker, verb, visit.person, grant)
    share = grants.find(visit.tx, visit.person, grant, now)
    return _told(share) if share else {}


def _told(share: Share) -> dict[str, Any]:
    return {
        "id": str(share.id), "name": share.name, "state": share.state, "categories": share.categories,
        "since": f"{share.since:%Y-%m-%d}" if share.since else "", "created": share.created, "until": share.until,
        "looked": share.looked, "last": share.last or "", "words": share.words,
    }  # fmt: skip


def activity(visit: Visit) -> list[dict[str, Any]]:
    """Return who looked at the record, newest first; without the person's own looks unless `who=all`."""
    others = visit.query.get("who") != "all"
    looks = grants.activity(visit.tx, visit.person, others_only=others, limit=_LOOKS_MAX)
    return [
        {
            "id": f"{look.at.isoformat()}/{place}", "at": look.at, "who": look.who, "kind": look.kind,
            "verb": look.verb, "type": name_of(look.rt) if look.rt else "", "rows": look.rows, "times": look.times,
            "outcome": look.outcome, "why": look.why,
        }
        for place, look in enumerate(looks)
    ]  # fmt: skip

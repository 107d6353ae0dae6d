"""Flags as CDS Hooks 2.0 `patient-view` cards: few, explained, with the evidence, its age and what is missing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from mainstem.insight.flags import MISSING, detail_references
from mainstem.insight.readings import quantities, stated_time
from mainstem.insight.rules import Rule, rule_of
from mainstem.model.fact import Resource
from mainstem.model.moment import parse_moment
from mainstem.model.names import RULE

LABEL = "mainstem alert rules"
"""Source label of every card."""
_SUMMARY_LONGEST = 139
"""CDS Hooks 2.0: a summary is shorter than 140 characters."""
_EVIDENCE_MOST = 6
_ORDER = {"critical": 0, "warning": 1, "info": 2}


def cards(flags: Sequence[Resource], observations: Mapping[str, Resource], now: datetime) -> list[dict[str, Any]]:
    """Return a card for each active Flag of a known rule, the most urgent and newest first.

    `observations` holds the evidence by reference (`Observation/<id>`), as far as the reader may see it; `now` tells
    how old it is. Flags of other systems and inactive ones give no card.
    """
    found: list[tuple[tuple[int, float, str], dict[str, Any]]] = []
    for flag in flags:
        rule = _rule(flag)
        if rule is None or flag.get("status") != "active":
            continue
        start = parse_moment(flag.get("period", {}).get("start", ""))
        rank = (_ORDER[rule.indicator], -start.lo.timestamp() if start else 0.0, flag["id"])
        found.append((rank, _card(flag, rule, observations, now)))
    return [card for _, card in sorted(found, key=lambda pair: pair[0])]


def _card(flag: Resource, rule: Rule, observations: Mapping[str, Resource], now: datetime) -> dict[str, Any]:
    return {
        "uuid": flag["id"],
        "summary": _shortened(f"{rule.title}: {flag['code'].get('text', '')}"),
        "detail": _detail(flag, rule, observations, now),
        "indicator": rule.indicator,
        "source": {
            "label": LABEL,
            "url": rule.criteria[0].url,
            "topic": {"system": RULE, "code": rule.id, "display": rule.title},
        },
    }


def _rule(flag: Resource) -> Rule | None:
    codings: list[dict[str, Any]] = flag.get("code", {}).get("coding", [])
    code = next((coding.get("code", "") for coding in codings if coding.get("system") == RULE), "")
    return rule_of(code)


def _shortened(text: str) -> str:
    if len(text) <= _SUMMARY_LONGEST:
        return text
    return text[: _SUMMARY_LONGEST - 2].rsplit(" ", 1)[0].rstrip(" ,.;:") + " \u2026"


def _detail(flag: Resource, rule: Rule, observations: Mapping[str, Resource], now: datetime) -> str:
    """Return markdown: what holds, on which readings, how old, what is missing, what it is for, where it is from."""
    references = detail_references(flag)
    seen = [observations[reference] for reference in references if reference in observations]
    parts = [
        flag["code"].get("text", ""),
        _section("Evidence", _evidence(seen)),
        _section("Age", _age(seen, len(references), rule, now)),
        _section("Missing", _missing(flag, rule, len(references) - len(seen))),
        _section("Purpose and limits", [rule.intended_use, *rule.limits]),
        _section(f"Rule {rule.id}, version {rule.version}", [f"[{c.citation}]({c.url})" for c in rule.criteria]),
    ]
    return "\n\n".join(part for part in parts if part)


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"**{title}**", "", *(f"- {line}" for line in lines)]) if lines else ""


def _evidence(seen: Sequence[Resource]) -> list[str]:
    """Return one line a reading, the newest first; more than a few are counted."""
    ordered = sorted(seen, key=stated_time, reverse=True)
    lines = [f"{stated_time(each) or 'undated'}: {_values(each)}" for each in ordered[:_EVIDENCE_MOST]]
    more = len(ordered) - _EVIDENCE_MOST
    return [*lines, f"and {more} more"] if more > 0 else lines


def _age(seen: Sequence[Resource], stated: int, rule: Rule, now: datetime) -> list[str]:
    moments = [moment for each in seen if (moment := parse_moment(stated_time(each)))]
    if not moments:
        return ["the readings cannot be seen here"] if stated else []
    age = now.astimezone(UTC) - max(moment.lo for moment in moments)
    words = f"the newest reading is {_span(age)} old"
    return [words + (": too old for this rule to speak of today" if age > timedelta(days=rule.stale_days) else "")]


def _span(age: timedelta) -> str:
    hours = max(0, int(age.total_seconds() // 3600))
    return f"{hours} h" if hours < 48 else f"{hours // 24} days"  # noqa: PLR2004  # two days read better in hours


def _missing(flag: Resource, rule: Rule, hidden: int) -> list[str]:
    stated = [each["valueString"] for each in flag.get("extension", ()) if each.get("url") == MISSING]
    unseen = [f"readings that you may not see: {hidden}"] if hidden > 0 else []
    return [*stated, *unseen, f"not looked at: {', '.join(rule.not_seen)}"]


def _values(observation: Resource) -> str:
    found = [quantity for _, quantity in quantities(observation)]
    return ", ".join(f"{quantity.get('value')} {quantity.get('unit', '')}".strip() for quantity in found)

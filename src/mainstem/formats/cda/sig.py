"""When and how a medication is taken: effectiveTime, dose, rate, route, free-text sig (CCDA-6)."""

from typing import Any

from mainstem.formats.cda import tables, times
from mainstem.formats.cda.nodes import attribute, many, one, roots, statements, xsi_type
from mainstem.formats.cda.reading import Json, Reading
from mainstem.formats.cda.times import Zone
from mainstem.formats.cda.values import concept, dose, interval, number, quantity
from mainstem.formats.xml import Node

FREE_TEXT_SIG = "2.16.840.1.113883.10.20.22.4.147"
INSTRUCTION = "2.16.840.1.113883.10.20.22.4.20"
ADMINISTRATION_UNIT = "urn:mainstem:administration-unit"
"""Extension on a dose: what one unit of a dose without a unit is, such as a tablet (administrationUnitCode)."""


def bounds(node: Node, zone: Zone) -> Json:
    """Return the period over which a medication is taken, from the first effectiveTime that is no frequency."""
    for time in many(node, "effectiveTime"):
        if xsi_type(time) in {"PIVL_TS", "EIVL_TS"} or attribute(time, "operator") == "A":
            continue
        found = _bounds(time, zone)
        if found:
            return found
    return {}


def _bounds(time: Node, zone: Zone) -> Json:
    if not attribute(time, "value"):
        return times.period(time, zone)
    result: Json = {}
    times.put(result, "start", time, zone)
    return result


def dosage(node: Node, zone: Zone, reading: Reading) -> list[Json]:
    """Return the Dosage of a substanceAdministration; empty when it says nothing of one."""
    result: Json = {}
    if text := _sig(node, reading):
        result["text"] = text
    if patient := _instructions(node, reading):
        result["patientInstruction"] = " ".join(patient)
    if timing := _timing(node, zone):
        result["timing"] = timing
    result |= _as_needed(node, reading)
    for name, target in (("routeCode", "route"), ("approachSiteCode", "site"), ("methodCode", "method")):
        if found := concept(one(node, name), reading.texts):
            result[target] = found
    if amounts := _amounts(node, reading):
        result["doseAndRate"] = [amounts]
    ceiling = {
        name: found for name in ("numerator", "denominator") if (found := quantity(one(node, "maxDoseQuantity", name)))
    }
    if ceiling:
        result["maxDosePerPeriod"] = ceiling
    return [result] if result else []


def _sig(node: Node, reading: Reading) -> str:
    """Return the sig in words: its own activity, else the entry's text."""
    for _, child in statements(node):
        if FREE_TEXT_SIG in roots(child):
            reading.absorb(child)
            if text := reading.texts(one(child, "text")):
                return text
    return reading.texts(one(node, "text"))


def _instructions(node: Node, reading: Reading) -> list[str]:
    found: list[str] = []
    for _, child in statements(node):
        if INSTRUCTION in roots(child):
            reading.absorb(child)
            if text := reading.entry_text(child):
                found.append(text)
    return found


def _timing(node: Node, zone: Zone) -> Json:
    repeat: Json = {}
    for time in many(node, "effectiveTime"):
        kind = xsi_type(time) or ("PIVL_TS" if one(time, "period") is not None else "")
        if kind == "PIVL_TS":
            repeat |= _periodic(time)
        elif kind == "EIVL_TS":
            repeat |= _event(time)
    if not repeat:
        return {}
    period = bounds(node, zone)
    return {"repeat": {"boundsPeriod": period, **repeat} if period else repeat}


def _periodic(time: Node) -> Json:
    """Return frequency, period and unit: `every 8 h` is 1 / 8 / h; an interval `4-6 h` keeps its upper end (CCDA-6)."""
    period = one(time, "period")
    if period is None:
        return {}
    low = _amount(period if attribute(period, "value") else one(period, "low"))
    high = _amount(one(period, "high"))
    if low is None:
        return {}
    result: Json = {"frequency": 1, "period": low[0], "periodUnit": low[1]}
    if high and high[1] == low[1]:
        result["periodMax"] = high[0]
    return result


def _amount(node: Node | None) -> tuple[Any, str] | None:
    value = number(attribute(node, "value"))
    unit = tables.target("timing-unit", attribute(node, "unit"))
    return (value, unit) if value is not None and unit else None


def _event(time: Node) -> Json:
    code = tables.target("timing-event", attribute(one(time, "event"), "code"))
    if code is None:
        return {}
    result: Json = {"when": [code]}
    offset = one(time, "offset")
    found = interval(offset) if offset is not None else None
    if found and found[0] == "Quantity" and found[1].get("unit") in {"min", "h"}:
        minutes = found[1]["value"] * (60 if found[1]["unit"] == "h" else 1)
        result["offset"] = int(minutes)
    return result


def _as_needed(node: Node, reading: Reading) -> Json:
    """Return asNeeded[x] from preconditions; a precondition without words is a plain `as needed`."""
    criteria = many(node, "precondition", "criterion")
    for criterion in criteria:
        found = concept(one(criterion, "value"), reading.texts)
        text = reading.texts(one(criterion, "text"))
        if found or text:
            return {"asNeededCodeableConcept": found or {"text": text}}
    return {}


def _amounts(node: Node, reading: Reading) -> Json:
    """Return dose and rate. A dose without a unit counts the dose form: its unit stays unsaid, never mg (CCDA-6)."""
    result = dose(one(node, "doseQuantity"))
    unit = concept(one(node, "administrationUnitCode"), reading.texts)
    if unit and "doseQuantity" in result and "unit" not in result["doseQuantity"]:
        extension = [{"url": ADMINISTRATION_UNIT, "valueCodeableConcept": unit}]
        result["doseQuantity"] = {**result["doseQuantity"], "extension": extension}
    rate = one(node, "rateQuantity")
    found = interval(rate) if rate is not None else None
    if found:
        result[f"rate{found[0]}"] = found[1]
    return result

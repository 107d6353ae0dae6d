"""Status words in the spelling of FHIR R4's required bindings; the word as sent stays beside."""

from functools import cache
from typing import cast

from mainstem.harmonise.json_shapes import Json, dicts
from mainstem.harmonise.tables import rows
from mainstem.model.fact import Resource
from mainstem.model.names import SOURCE_VALUE


def status(resource: Resource) -> Resource:
    """Return the resource with its status as FHIR R4 spells it (`statuses.csv`); the same object when it is so."""
    sent = resource.get("status")
    known = _known().get(str(resource.get("resourceType")))
    if known is None or not isinstance(sent, str) or sent in known.values():
        return resource
    meant = known.get(" ".join(sent.split()).casefold())
    if meant is None:
        return resource
    beside: object = resource.get("_status", {})
    if not isinstance(beside, dict):
        return resource
    held = cast("Json", beside)
    extensions = [*dicts(held.get("extension")), {"url": SOURCE_VALUE, "valueString": sent}]
    return {**resource, "status": meant, "_status": {**held, "extension": extensions}}


@cache
def _known() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for row in rows("statuses"):
        found.setdefault(row["type"], {})[row["sent"]] = row["status"]
    return found

"""The CapabilityStatement, generated from the tables that the server itself works by (R4 section 3.1.0.11)."""

from datetime import datetime
from typing import Any

from mainstem.fhir.search_parameters import PARAMETERS, Kind, Parameter
from mainstem.fhir.types import TYPES
from mainstem.model.json import encode
from mainstem.store.provenance import instant

_TYPES: dict[Kind, str] = {
    "token": "token", "union": "token", "string": "string", "reference": "reference", "uri": "uri", "date": "date",
    "day": "date", "person": "reference", "subject": "reference", "pk": "token", "updated": "date",
}  # fmt: skip
_NOT_STORED = frozenset({"Provenance", "Bundle", "Parameters", "OperationOutcome"})
_SECURITY = "http://terminology.hl7.org/CodeSystem/restful-security-service"


def capability(base: str, now: datetime, version: str) -> bytes:
    """Return the statement as JSON; `now` is when this server started."""
    return encode(
        {
            "resourceType": "CapabilityStatement",
            "status": "active",
            "date": instant(now),
            "publisher": "mainstem",
            "kind": "instance",
            "software": {"name": "mainstem", "version": version},
            "implementation": {"description": "The consolidated record of each person", "url": base},
            "fhirVersion": "4.0.1",
            "format": ["application/fhir+json", "json"],
            "rest": [
                {
                    "mode": "server",
                    "documentation": "Unknown search parameters are refused unless Prefer: handling=lenient is sent. "
                    f"Originals as harmonised are at {base}/source/{{source}}/{{Type}}/{{id}}.",
                    "security": {
                        "service": [{"coding": [{"system": _SECURITY, "code": "OAuth"}]}],
                        "description": "Bearer tokens with SMART v2 scopes; each row is judged by a grant.",
                    },
                    "resource": [_resource(name) for name in sorted(TYPES) if name not in _NOT_STORED]
                    + [_provenance()],
                }
            ],
        }
    )


def _resource(type_: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": type_,
        "interaction": [{"code": code} for code in ("read", "vread", "history-instance", "search-type")],
        "versioning": "versioned",
        "readHistory": True,
        "updateCreate": False,
        "conditionalCreate": False,
        "searchRevInclude": ["Provenance:target"],
        "searchParam": [_parameter(each) for each in PARAMETERS[type_].values()],
    }
    if type_ == "Patient":
        definition = "http://hl7.org/fhir/OperationDefinition/Patient-everything"
        told["operation"] = [{"name": "everything", "definition": definition}]
    return told


def _parameter(each: Parameter) -> dict[str, str]:
    owner = "Resource" if each.name.startswith("_") else each.type
    name = f"{owner}-{each.name.lstrip('_')}"
    return {"name": each.name, "definition": f"http://hl7.org/fhir/SearchParameter/{name}", "type": _TYPES[each.kind]}


def _provenance() -> dict[str, Any]:
    parameters = [{"name": "_id", "type": "token"}, {"name": "target", "type": "reference"}]
    return {
        "type": "Provenance",
        "documentation": "Rendered from the certificate of its target, whose id it has.",
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "versioned",
        "searchParam": parameters,
    }

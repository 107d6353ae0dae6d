"""Refusals as FHIR OperationOutcomes (R4 section 3.1.0.1.5): what happened and what to do, nothing of the inside."""

from collections.abc import Mapping

from mainstem.model.json import encode

FHIR_JSON = "application/fhir+json"
ABSENT = "There is no such resource, or none that you may see."
"""One text for never-existed and for hidden: they must not be told apart (trust rule book, section 1.1, rule 4)."""


class RefusedError(Exception):
    """A request that is answered with an OperationOutcome and no data.

    `code` is a FHIR issue type; `words` say what to change and never quote stored data.
    """

    def __init__(self, status: int, code: str, words: str, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.code = code
        self.words = words
        self.headers = dict(headers or {})
        super().__init__(status, code, words)


def outcome(code: str, words: str, severity: str = "error") -> bytes:
    """Return an OperationOutcome of one issue as JSON."""
    return encode(outcome_resource(code, words, severity))


def outcome_resource(code: str, words: str, severity: str = "error") -> dict[str, object]:
    """Return an OperationOutcome of one issue."""
    issue = {"severity": severity, "code": code, "diagnostics": words}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def absent() -> RefusedError:
    """Return the refusal for what is not there for the asker."""
    return RefusedError(404, "not-found", ABSENT)


def invalid(words: str) -> RefusedError:
    """Return the refusal for a request that is asked wrongly."""
    return RefusedError(400, "invalid", words)

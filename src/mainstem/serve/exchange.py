"""One request and its answer, as handlers see them: parsed, authenticated, inside a transaction."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime

from msgspec import Struct

from mainstem.fhir.types import TYPES
from mainstem.serve.outcomes import FHIR_JSON, RefusedError
from mainstem.store.access import Principal
from mainstem.store.audit import Asker
from mainstem.store.context import Context
from mainstem.store.session import Tx
from mainstem.trust.scopes import Verb


class Exchange(Struct, frozen=True, kw_only=True):
    """One authenticated request, inside the transaction that also audits it."""

    context: Context
    tx: Tx
    asker: Asker
    principal: Principal
    path: Mapping[str, str]
    pairs: Sequence[tuple[str, str]]
    """Query and form parameters in their order, without `_format` and `_pretty`."""
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes = b""

    @property
    def base(self) -> str:
        """The FHIR base URL."""
        return f"{self.context.base_url}/fhir"

    @property
    def type(self) -> str:
        """The resource type of the path; raises the refusal for one that R4 does not know."""
        type_ = self.path["type"]
        if type_ not in TYPES:
            raise RefusedError(404, "not-supported", "FHIR R4 has no resource type of this name.")
        return type_

    def demand(self, type_: str, verb: Verb) -> None:
        """Refuse when the token's scopes do not reach this far; grants are judged row by row, in the store."""
        if not self.principal.reach(verb).permits(type_):
            raise RefusedError(403, "forbidden", f"The token's scopes do not permit '{verb}' on {type_}.")

    def only(self, *names: str) -> dict[str, str]:
        """Return the parameters of an operation that knows just these; raises the refusal for another or a second."""
        found: dict[str, str] = {}
        for name, value in self.pairs:
            if name not in names or name in found:
                known = ", ".join(names) or "none"
                raise RefusedError(400, "invalid", f"This request knows these parameters, each once: {known}.")
            found[name] = value
        return found


class Answer(Struct, frozen=True, kw_only=True):
    """What goes back."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    media: str = FHIR_JSON


Handler = Callable[[Exchange], Answer]


def stamped(version: object, updated: datetime) -> dict[str, str]:
    """Return the version headers of a resource."""
    return {"etag": f'W/"{version}"', "last-modified": format_datetime(updated, usegmt=True)}


def unchanged(exchange: Exchange, version: object) -> bool:
    """Whether the caller has this version already (`If-None-Match`)."""
    known = exchange.headers.get("if-none-match", "")
    return f'"{version}"' in [tag.strip().removeprefix("W/") for tag in known.split(",")]

"""How references resolve inside one Bundle, and which key each of its entries gives (R4 §2.36.4.1, REF-1 to REF-7)."""

import re
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from typing import Any, cast
from urllib.parse import parse_qs

from mainstem.fhir.element import part, parts, text
from mainstem.formats.fhir_names import base_of, content_key, key_of, target
from mainstem.formats.fhir_resource import AmbiguousReferenceError, Scope
from mainstem.model.fact import Resource

_OWN_TIME = frozenset({"document", "message"})
_URN_KEY = re.compile(r"urn:(?:uuid|oid):([A-Za-z0-9.-]{1,64})", re.IGNORECASE)
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]+)\?(.+)", re.ASCII)
_MANY = ""


class Names:
    """Which resource each URL and identifier inside one Bundle means."""

    def __init__(self, bundle: Resource, entries: list[Any]) -> None:
        self._entries = [cast("Resource", each) for each in entries if isinstance(each, dict)]
        self._base = self._own_base(bundle)
        timed = bundle.get("type") in _OWN_TIME
        self._time = text(bundle, "timestamp") if timed else ""
        self._targets = self._by_url()

    def scope(self, entry: Resource, source: str) -> Scope:
        """Return how references of this entry's resource resolve, and its key when the entry decides it."""
        url = _url(entry)
        base = base_of(url) or self._base
        foreign = base != self._base
        return Scope(
            source=source,
            resolve=self._resolver(base if foreign else ""),
            identified=self._identified,
            key=_foreign_key(url) if foreign else "",
            fallback_key=_fallback_key(url),
            response=part(entry, "response"),
            otherwise=self._time,
        )

    def _own_base(self, bundle: Resource) -> str:
        """Return the base of the server that the Bundle comes from: of its self link, else of most of its entries."""
        own = [text(each, "url") for each in parts(bundle, "link") if each.get("relation") == "self"]
        bases = Counter(filter(None, (base_of(_url(entry)) for entry in self._entries)))
        stated = [base for base in bases if own and own[0].startswith(base)]
        if stated:
            return max(stated, key=len)
        return min(bases, key=lambda base: (-bases[base], base), default="")

    def _by_url(self) -> dict[str, str]:
        targets: dict[str, str] = {}
        for entry in self._entries:
            resource, url = part(entry, "resource"), _url(entry)
            name = text(resource, "resourceType")
            if not url or not name:
                continue
            found = f"{name}/{self._key(resource, url)}"
            targets[url] = found if targets.get(url, found) == found else _MANY
        return targets

    def _key(self, resource: Resource, url: str) -> str:
        if (base_of(url) or self._base) != self._base:
            return _foreign_key(url)
        return key_of(text(resource, "id") or _fallback_key(url) or content_key(resource))

    def _resolver(self, base: str) -> Callable[[str], str]:
        def resolve(reference: str) -> str:
            if reference.startswith("#"):
                return reference
            url = _normal(reference)
            found = self._targets.get(url) or self._targets.get(url.partition("/_history/")[0])
            if found:
                return found
            if url in self._targets:
                raise AmbiguousReferenceError("two entries have one fullUrl")
            return self._outside(reference, base)

        return resolve

    def _outside(self, reference: str, base: str) -> str:
        """Resolve what is no fullUrl of this Bundle: relative, absolute on the own server, conditional, or foreign."""
        relative = target(reference)
        if relative:
            return self._targets.get(base + relative, base + relative) if base else relative
        if self._base and reference.startswith(self._base):
            return target(reference.removeprefix(self._base)) or reference
        conditional = _CONDITIONAL.fullmatch(reference)
        return self._conditional(conditional[1], conditional[2]) or reference if conditional else reference

    def _conditional(self, name: str, query: str) -> str | None:
        asked = parse_qs(query, keep_blank_values=True)
        if set(asked) != {"identifier"} or len(asked["identifier"]) != 1:
            return None
        system, bar, value = asked["identifier"][0].rpartition("|")
        matches = self._identifiers.get((name, system if bar else None, value), set())
        if len(matches) > 1:
            raise AmbiguousReferenceError(f"{len(matches)} resources of type {name}")
        return next(iter(matches), None)

    def _identified(self, reference: Resource) -> str | None:
        identifier = part(reference, "identifier")
        name = text(reference, "type") or "Patient"
        asked = (name, text(identifier, "system"), text(identifier, "value"))
        matches = self._identifiers.get(asked, set()) if asked[2] else set[str]()
        return next(iter(matches)) if len(matches) == 1 else None

    @cached_property
    def _identifiers(self) -> dict[tuple[str, str | None, str], set[str]]:
        """`Type/key` by (type, system or None for any, value); built when the first reference asks for it."""
        found: dict[tuple[str, str | None, str], set[str]] = {}
        for entry in self._entries:
            resource = part(entry, "resource")
            name = text(resource, "resourceType")
            at = f"{name}/{self._key(resource, _url(entry))}"
            for each in parts(resource, "identifier"):
                system, value = text(each, "system"), text(each, "value")
                found.setdefault((name, system, value), set()).add(at)
                found.setdefault((name, None, value), set()).add(at)
        return found


def _url(entry: Resource) -> str:
    return _normal(text(entry, "fullUrl"))


def _normal(url: str) -> str:
    return url.lower() if url[:4].lower() == "urn:" else url


def _foreign_key(url: str) -> str:
    """Return the key of an entry from another server than the Bundle's own (REF-2)."""
    return key_of(url)


def _fallback_key(url: str) -> str:
    urn = _URN_KEY.fullmatch(url)
    if urn:
        return urn[1]
    return url.partition("/_history/")[0].rpartition("/")[2] if base_of(url) else ""

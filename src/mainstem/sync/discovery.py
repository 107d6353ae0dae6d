"""Finds the source folders without naming any: adding a source is adding a folder (DESIGN 1.5)."""

import importlib
import pkgutil
from collections.abc import Iterable, Mapping
from importlib import resources
from types import ModuleType

import msgspec

from mainstem.model.reference import Reader
from mainstem.sync.connector import Manifest, Source

PACKAGE = "mainstem.sources"


def discover(package: str = PACKAGE) -> dict[str, Source]:
    """Return the source folders of a package by name; raises `msgspec.ValidationError` for a manifest that is wrong."""
    found = importlib.import_module(package)
    names = sorted(info.name for info in pkgutil.iter_modules(found.__path__) if info.ispkg)
    return {name: load(f"{package}.{name}") for name in names}


def load(folder: str) -> Source:
    """Load one source folder, given as a dotted package name."""
    module = importlib.import_module(f"{folder}.source")
    return Source(
        manifest=_manifest(folder),
        options=module.Options,
        streams=module.streams,
        pull=module.pull,
        read=_reader(module),
    )


def readers(sources: Mapping[str, Source]) -> dict[str, Reader]:
    """Return the folders' own readers by media type, to stand beside `formats.READERS`."""
    return {source.manifest.media: source.read for source in sources.values() if source.read is not None}


def speaking(sources: Iterable[Source], protocol: str) -> Source:
    """Return the source that speaks a protocol; raises `LookupError` when none does."""
    for source in sources:
        if source.manifest.speaks == protocol:
            return source
    raise LookupError(f"No source folder speaks {protocol}.")


def _manifest(folder: str) -> Manifest:
    text = resources.files(folder).joinpath("manifest.toml").read_bytes()
    manifest = msgspec.toml.decode(text, type=Manifest)
    if manifest.name != folder.rpartition(".")[2]:
        raise msgspec.ValidationError(f"{folder}/manifest.toml is named {manifest.name}.")
    return manifest


def _reader(module: ModuleType) -> Reader | None:
    return getattr(module, "read", None)

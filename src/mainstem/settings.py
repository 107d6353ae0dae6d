"""One `mainstem.toml` → one frozen `Settings`: unknown keys are errors with their place, secrets are references only.

home = "data"                               # relative to this file; default: the platform's data directory
database_url = "env:MAINSTEM_DATABASE_URL"  # left out: the embedded PostgreSQL

[server]
port = 8080

[[source]]
name = "harbour"                            # stands in every record that comes from it
kind = "name_of_a_source_folder"
base_url = "https://fhir.harbour.example/r4"
credentials = { "" = "env:HARBOUR_TOKEN" }  # by account; or "file:harbour.token"
options = { }                               # the source folder's own
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import platformdirs
from msgspec import Meta, Struct

from mainstem.model.trouble import SetupError

FILE = "mainstem.toml"
_REFERENCE = re.compile(r"(env|file):(.+)", re.DOTALL)
_PASSWORD_WORD = re.compile(r"\bpassword\s*=")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`")
_PLACE = re.compile(r"`\$(.*?)`$")

Name = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9-]{0,62}$")]
Port = Annotated[int, Meta(ge=0, le=65535)]


class ServerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where people and apps reach this installation."""

    host: str = "127.0.0.1"
    port: Port = 8080
    base_url: str = ""
    """As seen from outside, without a slash at the end; empty = `http://host:port`."""

    @property
    def url(self) -> str:
        """The base URL that stands in answers and links."""
        return self.base_url.rstrip("/") or f"http://{self.host}:{self.port}"


class SourceEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[source]]`: a connection to one system."""

    name: Name
    kind: str
    """Name of the source folder that speaks with it."""
    base_url: str = ""
    origins: tuple[str, ...] = ()
    """Further origins that its answers may lead to."""
    credentials: Mapping[str, str] = {}
    """References to secrets by account; open them with `reveal`."""
    options: Mapping[str, Any] = {}
    """The source folder's own; it refuses the ones that it does not know."""


class Settings(Struct, frozen=True, kw_only=True):
    """What an operator decided; made by `load`."""

    home: Path
    database_url: str | None
    """libpq URL, or a reference to one; None = the embedded PostgreSQL. Open it with `reveal`."""
    server: ServerSettings
    sources: tuple[SourceEntry, ...]
    file: Path | None
    """The file that was read; None = there was none."""

    @property
    def key_file(self) -> Path:
        """The file of the root secret."""
        return self.home / "key"


class _File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"sources": "source"}):
    home: str | None = None
    database_url: str | None = None
    server: ServerSettings = ServerSettings()
    sources: tuple[SourceEntry, ...] = ()


def load(*, config: Path | None = None, home: Path | None = None, database_url: str | None = None) -> Settings:
    """Put the command's options before the file's, and the file's before the defaults; raises `SetupError`.

    Without `config`, `mainstem.toml` is looked for in the current folder, then in the platform's settings folder.
    """
    path = _found(config)
    written = _read(path) if path else _File()
    folder = path.parent.resolve() if path else Path.cwd()
    return Settings(
        home=home or (folder / Path(written.home).expanduser() if written.home else default_home()),
        database_url=database_url or _anchored(written.database_url, folder),
        server=written.server,
        sources=tuple(_anchored_source(source, folder) for source in written.sources),
        file=path,
    )


def default_home() -> Path:
    """Return the platform's data directory for mainstem."""
    return platformdirs.user_data_path("mainstem")


def reveal(reference: str, environment: Mapping[str, str]) -> str:
    """Return what `env:NAME` or `file:PATH` holds, or the text itself when it is no reference; raises `SetupError`."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return reference
    kind, name = match.groups()
    if kind == "env":
        if name in environment:
            return environment[name]
        raise SetupError("A secret is missing.", where=reference, remedy=f"Set the environment variable {name}.")
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(
            "The file of a secret cannot be read.", where=reference, remedy="Make the file, readable for mainstem."
        ) from error


def _found(config: Path | None) -> Path | None:
    if config is not None:
        return config
    folders = (Path.cwd(), platformdirs.user_config_path("mainstem"))
    return next((folder / FILE for folder in folders if (folder / FILE).is_file()), None)


def _read(path: Path) -> _File:
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SetupError(
            f"The settings file cannot be read: {error.strerror}.",
            where=path,
            remedy="Name an existing file with --config, or leave the option out.",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SetupError(
            f"The settings file is not TOML: {error}.", where=path, remedy="Correct that place."
        ) from error
    try:
        written = msgspec.convert(tree, _File)
    except msgspec.ValidationError as error:
        raise _wrong(path, str(error)) from error
    _refuse_secrets(path, written)
    _refuse_twins(path, written.sources)
    return written


def _wrong(path: Path, words: str) -> SetupError:
    place = _PLACE.search(words)
    where = f"{path}, {_in_words(place.group(1))}" if place else f"{path}, at the top"
    unknown = _UNKNOWN.match(words)
    if unknown is None:
        return SetupError(
            f"A setting is not as it must be: {words.partition(' - at ')[0]}.", where=where, remedy="Correct it."
        )
    known = _known_at(place.group(1) if place else "")
    near = get_close_matches(unknown.group(1), known, n=1)
    guess = f"Did you mean {near[0]}? " if near else ""
    return SetupError(
        f"There is no setting {unknown.group(1)}.", where=where, remedy=f"{guess}Known here: {', '.join(known)}."
    )


def _in_words(place: str) -> str:
    """`.source[0].name` → `[[source]] number 1, name`."""
    match = re.fullmatch(r"\.source\[(\d+)\](?:\.(.+))?", place)
    if match is None:
        return f"[{place.removeprefix('.')}]"
    return ", ".join(filter(None, [f"[[source]] number {int(match.group(1)) + 1}", match.group(2)]))


def _known_at(place: str) -> Sequence[str]:
    table = SourceEntry if place.startswith(".source") else ServerSettings if place.startswith(".server") else _File
    return table.__struct_encode_fields__


def _refuse_secrets(path: Path, written: _File) -> None:
    url = written.database_url
    if url and not _REFERENCE.fullmatch(url) and (_PASSWORD_WORD.search(url) or urlsplit(url).password):
        raise _bare_secret(path, "database_url")
    for number, source in enumerate(written.sources, 1):
        if not all(_REFERENCE.fullmatch(text) for text in source.credentials.values()):
            raise _bare_secret(path, f"[[source]] number {number} ({source.name}), credentials")


def _bare_secret(path: Path, place: str) -> SetupError:
    return SetupError(
        "A secret stands in the settings file itself.",
        where=f"{path}, {place}",
        remedy='Write where it is to be found: "env:NAME" or "file:PATH". Then change the secret.',
    )


def _refuse_twins(path: Path, sources: Sequence[SourceEntry]) -> None:
    names = [source.name for source in sources]
    twin = next((name for name in names if names.count(name) > 1), None)
    if twin:
        raise SetupError(
            f"Two sources have the name {twin}.", where=path, remedy="Give each [[source]] a name of its own."
        )


def _anchored(reference: str | None, folder: Path) -> str | None:
    """Make the path of a `file:` reference relative to the settings file."""
    if reference is None or not reference.startswith("file:"):
        return reference
    return f"file:{folder / Path(reference.removeprefix('file:')).expanduser()}"


def _anchored_source(source: SourceEntry, folder: Path) -> SourceEntry:
    opened = {account: _anchored(text, folder) or "" for account, text in source.credentials.items()}
    return msgspec.structs.replace(source, credentials=opened)

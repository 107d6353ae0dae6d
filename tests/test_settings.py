"""One settings file: unknown keys are errors with their place, secrets are references, options come before the file."""

from pathlib import Path

import pytest

from mainstem.model.trouble import SetupError
from mainstem.settings import FILE, Settings, default_home, load, reveal

FULL = """
home = "data"
database_url = "env:DB"

[server]
host = "0.0.0.0"
port = 9000
base_url = "https://stem.example/"

[[source]]
name = "harbour"
kind = "a_folder"
base_url = "https://fhir.harbour.example/r4"
origins = ["https://files.harbour.example"]
credentials = { "" = "env:HARBOUR", nurse = "file:nurse.token" }
options = { page = 50 }

[[source]]
name = "hill"
kind = "a_folder"
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    return tmp_path


def read(folder: Path, text: str) -> Settings:
    (folder / FILE).write_text(text, encoding="utf-8")
    return load()


def refusal(folder: Path, text: str) -> SetupError:
    with pytest.raises(SetupError) as caught:
        read(folder, text)
    return caught.value


def test_without_a_file_the_defaults_hold(folder: Path) -> None:
    settings = load()
    assert settings.home == default_home()
    assert settings.database_url is None
    assert settings.server.url == "http://127.0.0.1:8080"
    assert settings.sources == ()
    assert settings.file is None
    assert settings.key_file == default_home() / "key"
    assert folder == Path.cwd()


def test_a_full_file_is_read_and_its_paths_are_relative_to_it(folder: Path) -> None:
    settings = read(folder, FULL)
    assert settings.home == folder / "data"
    assert settings.database_url == "env:DB"
    assert settings.server.url == "https://stem.example"
    harbour, hill = settings.sources
    assert harbour.credentials == {"": "env:HARBOUR", "nurse": f"file:{folder / 'nurse.token'}"}
    assert harbour.options == {"page": 50}
    assert (hill.name, hill.base_url, hill.credentials) == ("hill", "", {})


def test_the_commands_options_come_before_the_file(folder: Path) -> None:
    (folder / "other.toml").write_text(FULL, encoding="utf-8")
    settings = load(config=folder / "other.toml", home=folder / "mine", database_url="postgresql://db/x")
    assert (settings.home, settings.database_url) == (folder / "mine", "postgresql://db/x")
    assert settings.file == folder / "other.toml"


def test_an_unknown_key_is_an_error_that_names_the_likely_one(folder: Path) -> None:
    error = refusal(folder, 'hoem = "x"')
    assert error.what == "There is no setting hoem."
    assert error.where == f"{folder / FILE}, at the top"
    assert error.remedy == "Did you mean home? Known here: home, database_url, server, source."


def test_an_unknown_key_of_a_source_says_which_source(folder: Path) -> None:
    error = refusal(folder, f"{FULL}colour = 1")
    assert error.where.endswith("[[source]] number 2")
    assert error.remedy.startswith("Known here: name, kind, base_url")


def test_an_unknown_key_of_a_table_says_which_table(folder: Path) -> None:
    error = refusal(folder, "[server]\nports = 1")
    assert error.where.endswith("[server]")
    assert error.remedy.startswith("Did you mean port?")


@pytest.mark.parametrize(
    ("text", "what", "where"),
    [
        ("[server]\nport = 70000", "Expected `int` <= 65535", "[server.port]"),
        ("[server]\nport = '80'", "Expected `int`, got `str`", "[server.port]"),
        ('[[source]]\nname = "A b"\nkind = "x"', "matching regex", "[[source]] number 1, name"),
        ('[[source]]\nname = "a"', "missing required field `kind`", "[[source]] number 1"),
    ],
)
def test_a_wrong_value_says_what_and_where(folder: Path, text: str, what: str, where: str) -> None:
    error = refusal(folder, text)
    assert what in error.what
    assert error.where.endswith(where)


@pytest.mark.parametrize(
    "text",
    [
        'database_url = "postgresql://me:hunter2@db/x"',
        'database_url = "host=db password=hunter2"',
        'database_url = "postgresql://db/x?password=hunter2"',
        '[[source]]\nname = "a"\nkind = "x"\ncredentials = { "" = "hunter2" }',
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(folder: Path, text: str) -> None:
    error = refusal(folder, text)
    assert error.what == "A secret stands in the settings file itself."
    assert "hunter2" not in str(error)


def test_a_url_without_a_password_may_stand_in_the_file(folder: Path) -> None:
    assert read(folder, 'database_url = "postgresql://me@db/x"').database_url == "postgresql://me@db/x"


def test_two_sources_of_one_name_are_refused(folder: Path) -> None:
    twice = '[[source]]\nname = "a"\nkind = "x"\n' * 2
    assert refusal(folder, twice).what == "Two sources have the name a."


def test_broken_toml_says_the_line(folder: Path) -> None:
    assert "line 1" in refusal(folder, "home = nowhere").what


def test_a_named_file_must_exist(folder: Path) -> None:
    with pytest.raises(SetupError, match="No such file"):
        load(config=folder / "absent.toml")


def test_secrets_are_revealed_from_the_environment_and_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n", encoding="utf-8")
    assert reveal("env:TOKEN", {"TOKEN": "abc"}) == "abc"
    assert reveal(f"file:{tmp_path / 'token'}", {}) == "s3cret"
    assert reveal("postgresql://db/x", {}) == "postgresql://db/x"


def test_a_missing_secret_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="Set the environment variable TOKEN"):
        reveal("env:TOKEN", {})
    with pytest.raises(SetupError, match="Make the file"):
        reveal(f"file:{tmp_path / 'absent'}", {})

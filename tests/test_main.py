"""The commands as they are called, in process: what they do, what they say, how they end."""

import gc
import json
import re
import signal
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest

from clients import client_of
from journeys import command
from mainstem import main
from mainstem.settings import load
from mainstem.simulate.serving import HOST, free_port, serving
from mainstem.simulate.world import world
from mainstem.store.database import Database
from mainstem.sync.discovery import discover, speaking

PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "Adair"}], "birthDate": "1961-02-03"}
READING = {
    "resourceType": "Observation", "id": "o1", "status": "final", "subject": {"reference": "Patient/p1"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "8867-4"}]}, "effectiveDateTime": "2026-03-28T08:00:00Z",
    "valueQuantity": {"value": 61, "unit": "/min", "system": "http://unitsofmeasure.org", "code": "/min"},
}  # fmt: skip


class Desk:
    """Runs commands on one home; remembers what was said."""

    def __init__(self, home: Path, url: str, capture: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._where = ["--home", str(home), "--database-url", url]
        self._capture = capture
        self.said = ""
        self.complained = ""

    def run(self, name: str, *words: str | Path) -> int:
        status = main.main([name, *self._where, *map(str, words)])
        self.said, self.complained = self._capture.readouterr()
        return status

    def json(self, name: str, *words: str | Path) -> Any:  # noqa: ANN401 - any JSON value
        self.run(name, "--json", *words)
        return [json.loads(line) for line in self.said.splitlines()] if name == "import" else json.loads(self.said)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def desk(
    home: Path, database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Generator[Desk]:
    monkeypatch.setenv("COLUMNS", "1000")
    monkeypatch.chdir(home)
    threshold = gc.get_threshold()
    yield Desk(home, database.admin_url, capsys)
    gc.set_threshold(*threshold)
    gc.unfreeze()


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A file with two facts and a line that cannot be read."""
    path = command.ndjson(tmp_path / "page.ndjson", [PATIENT, READING])
    path.write_bytes(path.read_bytes() + b'\n{"resourceType": "Obs')
    return path


def test_import_tells_what_became_of_each_fact_and_again_is_known(desk: Desk, lines: Path) -> None:
    assert desk.run("import", "--source", "clinic", lines) == 0
    assert "1 held in page.ndjson:" in desk.said
    assert ": 3 facts stated, 2 kept, 0 known before, 1 held, 0 deliveries worked through before" in desk.said
    *reports, total = desk.json("import", "--source", "clinic", lines)
    assert [report["kept"] for report in reports] == [0] * len(reports)
    assert total["total"]["again"] == len(reports)


def test_import_holds_what_is_no_health_data_and_goes_on(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "picture.bin").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert desk.run("import", "--source", "clinic", tmp_path) == 0
    assert re.search(r"held \S*picture\.bin: \S", desk.said)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("import", "--source", "Not A Name", "."), "no name for a source"),
        (("import", "--source", "clinic", "not-there.json"), "no such file"),
        (("token", "--scope", "system/*.rs", "--ttl", "soon"), "soon is no length of time"),
        (("token", "--scope", "everything"), "everything"),
        (("sync",), "no source to sync"),
        (("check", "--config", "not-there.toml"), "not-there.toml"),
    ],
)
def test_what_is_not_possible_ends_with_2_and_says_why(desk: Desk, words: tuple[str, ...], told: str) -> None:
    assert desk.run(*words) == 2
    assert desk.complained.startswith("mainstem: ")
    assert told in desk.complained
    assert "Traceback" not in desk.complained


def test_an_interrupted_command_ends_as_shells_expect(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main.settings, "load", interrupted)
    assert desk.run("check") == 130


def test_a_token_opens_the_api_for_its_scope(desk: Desk, database: Database, lines: Path) -> None:
    desk.run("import", "--source", "clinic", lines)
    assert desk.run("token", "--scope", "system/Patient.rs", "--ttl", "5m") == 0
    token = desk.said.strip()
    chosen = load(home=desk.home, database_url=database.admin_url)
    with main.opened(chosen) as here, client_of(main.application(here.context)) as client:
        client.headers["Authorization"] = f"Bearer {token}"
        assert client.get("/fhir/Patient").json()["entry"][0]["resource"]["name"] == PATIENT["name"]
        assert client.get("/fhir/Observation").status_code == 403
        assert client.get("/readyz").json() == {"database": True}
        assert 'mainstem_http_requests_total{route="/fhir/{type}"' in client.get("/metrics").text.replace("type:", "")


def test_check_shows_what_would_run_and_names_an_unknown_kind(desk: Desk) -> None:
    assert desk.run("check") == 0
    assert "settings: none; defaults" in desk.said
    config = desk.home / "kinds.toml"
    config.write_text('[[source]]\nname = "harbour"\nkind = "telepathy"\n', encoding="utf-8")
    assert desk.run("check", "--config", config) == 1
    assert "harbour: there is no source kind telepathy" in desk.said
    assert desk.json("check", "--config", config)["problems"] == ["harbour: there is no source kind telepathy"]
    assert main.main(["check", "--home", str(desk.home)]) == 0  # without a database of one's own


def test_verify_and_rebuild_find_nothing_and_change_nothing(desk: Desk, lines: Path) -> None:
    desk.run("import", "--source", "clinic", lines)
    assert desk.run("verify") == 0
    assert "The ledger reads back as written" in desk.said
    assert desk.run("rebuild") == 0
    assert re.search(r"Rebuilt [1-9]\d* places", desk.said)
    assert desk.json("verify") == {"flaws": []}


def test_verify_ends_with_1_and_tells_each_flaw(desk: Desk, lines: Path, database: Database) -> None:
    desk.run("import", "--source", "clinic", lines)
    with database.connection() as connection:
        connection.execute("update resource set chash = decode(repeat('00', 32), 'hex')")
    assert desk.run("verify") == 1
    assert "I4: a rebuild would change the view resource." in desk.said
    assert desk.json("verify")["flaws"]
    assert desk.run("rebuild") == 0
    assert desk.run("verify") == 0


def test_sync_reads_the_configured_sources_from_their_cursors_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    made = world(7, 2, 1)
    (site,) = made.sites
    with serving(made) as urls:
        for place, token in enumerate(site.tokens.values()):
            monkeypatch.setenv(f"SITE_TOKEN_{place}", token)
        held = ", ".join(f'"{account}" = "env:SITE_TOKEN_{place}"' for place, account in enumerate(site.tokens))
        options = ", ".join(f"{name} = {json.dumps(value)}" for name, value in site.options.items())
        kind = speaking(discover().values(), site.speaks).manifest.name
        config = desk.home / "site.toml"
        config.write_text(
            f'[[source]]\nname = "{site.name}"\nkind = "{kind}"\nbase_url = "{urls[site.name]}"\n'
            f"credentials = {{ {held} }}\noptions = {{ {options} }}\n",
            encoding="utf-8",
        )
        assert desk.run("sync", "--config", config) == 0, desk.said
        assert re.search(rf"{site.name}: [1-9]\d* deliveries, [1-9]\d* kept", desk.said)
        assert desk.run("sync", "--config", config, site.name) == 0
        assert f"{site.name}: " in desk.said
        assert desk.run("sync", "--config", config, "another") == 2
        monkeypatch.setenv("SITE_TOKEN_0", "stale")
        assert desk.run("sync", "--config", config) == 1
        assert "credentials" in desk.said


def ready(port: int) -> None:
    """Wait until a server that was started answers; the test's own time limit is the number of tries."""
    for _ in range(600):
        try:
            if httpx.get(f"http://{HOST}:{port}/healthz", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail("The server does not answer.")


def test_serve_answers_until_it_is_interrupted() -> None:
    port = free_port()
    with command.room() as root:
        process = command.begin(root / "home", "serve", "--port", str(port))
        ready(port)
        assert httpx.get(f"http://{HOST}:{port}/fhir/metadata", trust_env=False).status_code == 200
        process.send_signal(signal.SIGINT)
        ended = command.end(process)
    assert f"Serving at http://{HOST}:{port}" in ended.said
    assert ended.status in {0, 130}, ended.said


def test_the_demo_is_true_once_and_again_and_invites_to_the_record() -> None:
    port = free_port()
    with command.room() as root:
        once = command.run(root / "home", "demo", "--once", "--port", str(port))
        assert once.status == 0, once.said
        assert "The record is the truth." in once.said
        process = command.begin(root / "home", "demo", "--port", str(port))
        assert process.stdout is not None
        link = next(found[0] for line in process.stdout if (found := re.search(r"http://\S+/signin/\S+", line)))
        ready(port)
        answers = [httpx.get(link, trust_env=False) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 410]
        process.send_signal(signal.SIGTERM)
        ended = command.end(process)
    assert ended.status in {0, 130}, ended.said

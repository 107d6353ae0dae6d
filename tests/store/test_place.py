"""Where the server's folder is and whose; and what is said when there is no good place or no server."""

import atexit
import os
import pwd
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mainstem.model.trouble import SetupError
from mainstem.store import embedded, place, postgres, programs

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change user")
SOMEBODY = 60_700


@pytest.fixture
def here(tmp_path: Path) -> place.Place:
    (tmp_path / "data").mkdir()
    return place.Place(folder=tmp_path, uid=None)


@pytest.mark.parametrize(("mode", "passable"), [(0o711, True), (0o701, True), (0o710, False), (0o770, False)])
def test_a_stranger_passes_only_where_others_may(tmp_path: Path, mode: int, *, passable: bool) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    folder.chmod(mode)
    assert bool(folder.stat().st_mode & stat.S_IXOTH) is passable
    if not passable:
        assert not place.may_pass(folder / "file", SOMEBODY)


@AS_ROOT
def test_an_owner_passes_where_others_may_not() -> None:
    assert not place._passable(os.stat_result((0o40700, 0, 0, 1, 0, 0, 0, 0, 0, 0)), SOMEBODY)
    assert place._passable(os.stat_result((0o40700, 0, 0, 1, SOMEBODY, 0, 0, 0, 0, 0)), SOMEBODY)


def test_a_machine_without_nobody_has_another_user(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [pwd.struct_passwd(("root", "", 0, 0, "", "", "")), pwd.struct_passwd(("www", "", 33, 33, "", "", ""))]
    monkeypatch.setattr(pwd, "getpwnam", {}.__getitem__)
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    assert place.initial_uid() == 33
    users.pop()
    with pytest.raises(SetupError, match="this machine has no other user"):
        place.initial_uid()


def test_a_number_that_has_a_name_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def named(uid: int) -> str:
        return {60_700: "somebody"}[uid]

    monkeypatch.setattr(pwd, "getpwuid", named)
    assert place._free_uid() == 60_701


@AS_ROOT
def test_a_folder_that_is_gone_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / place.POINTER).write_text(f"{tmp_path / 'gone'}\n", encoding="utf-8")
    with pytest.raises(SetupError, match="folder of the embedded database is gone") as caught:
        place.find(tmp_path)
    assert "Restore it from a backup" in caught.value.remedy


@AS_ROOT
def test_a_folder_that_was_closed_since_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    tmp_path.chmod(0o700)
    with pytest.raises(SetupError, match="cannot reach its folder"):
        place.find(tmp_path)


def test_a_file_that_cannot_be_made_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "postgres.lock").mkdir()
    with pytest.raises(SetupError, match="A lock file cannot be opened: Is a directory"):
        embedded.Use(tmp_path)


def test_a_data_directory_that_cannot_be_read_is_said_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.setattr(place, "find", lambda _home: place.Place(folder=tmp_path, uid=None))
    with pytest.raises(SetupError, match="cannot be started: No such file or directory"):
        embedded.Use(tmp_path)


def test_without_the_wheel_it_says_what_to_install(here: place.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "find_spec", lambda _name: None)
    with pytest.raises(SetupError, match="embedded PostgreSQL is not installed"):
        programs.run(here, "initdb", [])


def test_a_server_that_dies_while_we_wait_is_said_in_words(here: place.Place) -> None:
    (here.folder / "server.log").write_text("LOG: x\nPANIC:  could not write\n", encoding="utf-8")
    with pytest.raises(SetupError, match="did not start: could not write"):
        postgres.wait(here)


def test_a_server_that_says_nothing_is_said_in_words(here: place.Place) -> None:
    with pytest.raises(SetupError, match="did not start: no reason given"):
        postgres.wait(here)


def test_stopping_what_does_not_run_does_nothing(here: place.Place) -> None:
    postgres.stop(here)
    assert list(here.folder.iterdir()) == [here.data]


def test_a_server_that_will_not_stop_is_said_in_words(here: place.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "running", lambda _place: postgres.Postmaster(1, here.folder, ready=True))
    monkeypatch.setattr(
        postgres, "run", lambda *_: subprocess.CompletedProcess([], 1, "", "pg_ctl: error: it clings to life")
    )
    with pytest.raises(SetupError, match="did not stop: it clings to life"):
        postgres.stop(here)


def test_a_system_without_proc_is_asked_by_ps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "exists", lambda _path: False)
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, f"postgres -D {command[-1]}\n")
    )
    assert postgres._command_line(12) == "postgres -D 12\n"


def test_a_process_that_is_gone_has_no_command_line() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert postgres._command_line(ended.pid) == ""


def test_half_a_pid_file_is_no_server(here: place.Place) -> None:
    (here.data / "postmaster.pid").write_text(f"{os.getpid()}\n{here.data}\n", encoding="utf-8")
    assert postgres.running(here) is None


def test_a_server_that_is_starting_is_waited_for(here: place.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = postgres.Postmaster(1, here.folder, ready=True)
    answers = iter([postgres.Postmaster(1, here.folder, ready=False), ready])
    monkeypatch.setattr(postgres, "running", lambda _place: next(answers))
    assert postgres.wait(here) == ready


def test_what_a_killed_server_left_running_is_outlasted(here: place.Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL refuses to start while a process of the dead server still holds its shared memory."""
    (here.data / "PG_VERSION").write_text("18\n", encoding="ascii")
    ready = postgres.Postmaster(1, here.folder, ready=True)
    refusal = "FATAL: pre-existing shared memory block (key 1, ID 2) is still in use"
    codes, found = iter([1, 0]), iter([None, ready])
    monkeypatch.setattr(postgres, "running", lambda _place: next(found))
    monkeypatch.setattr(postgres, "run", lambda *_: subprocess.CompletedProcess([], next(codes), "", refusal))
    assert postgres.start(here, {}) == ready


def test_start_leaves_at_the_exit_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registered: list[Callable[[], None]] = []
    stopped: list[place.Place] = []
    monkeypatch.setattr(atexit, "register", registered.append)
    monkeypatch.setattr(place, "find", lambda _home: place.Place(folder=tmp_path, uid=None))
    monkeypatch.setattr(embedded, "_serving", lambda _place, _settings: Path("/socket folder"))
    monkeypatch.setattr(postgres, "stop", stopped.append)
    assert embedded.start(tmp_path) == "postgresql://mainstem_bootstrap@/mainstem?host=/socket%20folder"
    assert stopped == []
    registered[0]()
    assert len(stopped) == 1

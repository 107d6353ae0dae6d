"""The embedded server, for real: shared, found again after any kill, stopped by the last, and no mode loosened."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from mainstem.model.trouble import SetupError
from mainstem.store import embedded, place, postgres

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to change user and can mount a small disk")
USER = """
import sys
from pathlib import Path
from mainstem.store import embedded
with embedded.running(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def folder() -> Generator[Path]:
    """Give a folder that every user may pass, unlike pytest's own."""
    with passable() as made:
        yield made


@pytest.fixture(scope="module")
def made() -> Generator[Path]:
    """Give a home that many tests use one after another: making its data takes most of a test's time."""
    with passable() as folder:
        yield folder / "home"


@pytest.fixture
def home(made: Path) -> Generator[Path]:
    yield made
    postgres.stop(place.find(made))


@pytest.fixture(scope="module")
def long_home() -> Generator[Path]:
    with passable() as folder:
        home = folder / ("long" * 30) / "home"
        yield home
        postgres.stop(place.find(home))


@pytest.fixture
def new_home(folder: Path) -> Path:
    return folder / "home"


@contextmanager
def passable() -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mainstem-test-")).resolve()
    folder.chmod(0o711)
    yield folder
    if (folder / "home").is_dir():
        postgres.stop(place.find(folder / "home"))
    shutil.rmtree(folder)


@contextmanager
def become(uid: int) -> Generator[None]:
    """Be an ordinary user for a while; modules that are imported late would not be found."""
    os.setresgid(uid, uid, 0)
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


def ask(url: str, query: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    return str(row[0]) if row else ""


def server(home: Path) -> postgres.Postmaster | None:
    return postgres.running(place.find(home))


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as filler:
        while filler.write(bytes(100_000)):
            pass


class Process:
    """Another process that uses the server of a home until it is told to leave, or is killed."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, home], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()

    def leave(self) -> None:
        assert self.process.communicate("\n")[0] == ""
        assert self.process.returncode == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def test_the_server_is_private_safe_and_gone_afterwards(home: Path) -> None:
    with embedded.running(home) as url:
        assert ask(url, "show server_version").startswith("18.")
        assert ask(url, "show listen_addresses") == ""
        assert ask(url, "show data_checksums") == "on"
        assert ask(url, "show fsync") == "on"
        assert ask(url, "show synchronous_commit") == "on"
        assert ask(url, "show log_min_error_statement") == "panic"
        found = server(home)
        assert found
        assert stat.S_IMODE(found.socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.find(home).folder.stat().st_mode) == 0o700
    assert server(home) is None
    assert not found.socket.exists()
    assert not Path(f"/proc/{found.pid}/exe").exists()


def test_data_is_there_at_the_next_start(home: Path) -> None:
    with embedded.running(home) as url, psycopg.connect(url) as connection:
        connection.execute("drop table if exists kept; create table kept as select 42 as n")
    with embedded.running(home) as url:
        assert ask(url, "select n from kept") == "42"


def test_two_processes_share_it_and_the_last_one_stops_it(home: Path) -> None:
    first = Process(home)
    second = Process(home)
    assert second.url == first.url
    first.leave()
    assert ask(second.url, "select 1") == "1"
    second.leave()
    assert server(home) is None


def test_processes_that_start_together_make_one_server(new_home: Path) -> None:
    commands = [sys.executable, "-c", USER, str(new_home)]
    started = [subprocess.Popen(commands, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    urls = {process.stdout.readline() for process in started if process.stdout}
    assert len(urls) == 1
    assert [process.communicate("\n") and process.returncode for process in started] == [0, 0, 0]
    assert server(new_home) is None


def test_two_uses_within_one_process_are_two_users(home: Path) -> None:
    with embedded.running(home):
        with embedded.running(home) as url:
            pass
        assert ask(url, "select 1") == "1"
    assert server(home) is None


def test_a_killed_user_leaves_a_server_that_the_next_one_finds_and_stops(home: Path) -> None:
    killed = Process(home)
    before = server(home)
    killed.kill()
    with embedded.running(home) as url:
        assert server(home) == before
        assert url == killed.url
    assert server(home) is None


def test_a_killed_server_recovers_what_was_committed(home: Path) -> None:
    user = Process(home)
    with psycopg.connect(user.url) as connection:
        connection.execute("drop table if exists kept; create table kept as select 42 as n")
    found = server(home)
    assert found
    os.kill(found.pid, signal.SIGKILL)
    user.leave()
    with embedded.running(home) as url:
        assert ask(url, "select n from kept") == "42"


def test_a_killed_server_and_a_killed_user_together(home: Path) -> None:
    user = Process(home)
    connection = psycopg.connect(user.url)
    found = server(home)
    assert found
    os.kill(found.pid, signal.SIGKILL)
    user.kill()
    with embedded.running(home) as url:
        assert ask(url, "select 1") == "1"
    connection.close()


def test_the_number_of_a_dead_server_may_be_somebody_elses_now(home: Path) -> None:
    with embedded.running(home):
        here = place.find(home)
        lines = (here.data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        found = server(home)
        assert found
        os.kill(found.pid, signal.SIGKILL)
    (here.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:], ""]), encoding="utf-8")
    assert server(home) is None
    with embedded.running(home) as url:
        assert ask(url, "select 1") == "1"


def test_a_making_that_was_interrupted_is_begun_again(new_home: Path) -> None:
    new_home.mkdir(mode=0o711)
    left = place.find(new_home).folder / "data-left"
    left.mkdir()
    (left / "PG_VERSION").write_text("18", encoding="ascii")
    with embedded.running(new_home) as url:
        assert ask(url, "select 1") == "1"
    assert not left.exists()


def test_a_long_home_gets_a_short_private_socket(long_home: Path) -> None:
    with embedded.running(long_home) as url:
        found = server(long_home)
        assert found
        assert len(str(found.socket)) <= 85
        assert stat.S_IMODE(found.socket.stat().st_mode) == 0o700
        assert ask(url, "select 1") == "1"
    assert not found.socket.exists()


def test_a_socket_folder_that_a_crash_left_is_swept_away(long_home: Path) -> None:
    with embedded.running(long_home):
        first = server(long_home)
        assert first
        os.kill(first.pid, signal.SIGKILL)
    with embedded.running(long_home):
        assert not first.socket.exists()


def test_too_long_a_folder_for_temporary_files_is_refused(
    folder: Path, long_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = folder / ("temporary" * 12)
    temporary.mkdir()
    temporary.chmod(0o777)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with pytest.raises(SetupError, match="Set TMPDIR"):
        embedded.Use(long_home)


def test_a_long_log_is_put_aside_at_the_start(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "_LOG_BYTES_MAX", 100)
    with embedded.running(home):
        folder = place.find(home).folder
        assert "starting PostgreSQL" in (folder / "server.log.1").read_text(encoding="utf-8")
        assert (folder / "server.log").read_text(encoding="utf-8").count("starting PostgreSQL") == 1


@AS_ROOT
def test_a_link_that_the_servers_user_lays_leads_root_nowhere(folder: Path, home: Path) -> None:
    precious = folder / "precious"
    precious.mkdir(mode=0o700)
    (precious / "file").write_text("kept", encoding="utf-8")
    here = place.find(home)
    (here.folder / "socket").symlink_to(precious)
    (here.data / "mainstem.conf").unlink()
    (here.data / "mainstem.conf").symlink_to(precious / "file")
    with pytest.raises(SetupError, match="Permission denied"):
        embedded.Use(home)
    assert (precious / "file").read_text(encoding="utf-8") == "kept"
    (here.data / "mainstem.conf").unlink()


def test_start_serves_until_the_process_exits(home: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from mainstem.store import embedded;"
        "print(embedded.start(Path(sys.argv[1])))"
    )
    done = subprocess.run([sys.executable, "-c", program, home], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("postgresql://mainstem_bootstrap@/mainstem?host=")
    assert server(home) is None


def test_a_forked_child_does_not_stop_the_server(home: Path) -> None:
    use = embedded.Use(home)
    use._pid += 1
    use.leave()
    assert ask(use.url, "select 1") == "1"
    use._pid -= 1
    use.leave()
    use.leave()
    assert server(home) is None


def ended_child() -> object:
    """Return a child that ended and that nobody has waited for; others of this process may well live."""
    try:
        return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None


def test_stopping_leaves_no_child_unreaped(home: Path) -> None:
    with embedded.running(home):
        pass
    assert ended_child() is None


def test_no_folder_that_was_there_gets_another_mode_or_owner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = folder / "outer"
    home = outer / "home"
    home.mkdir(parents=True)
    state = folder / "state"
    for path, mode in ((outer, 0o700), (home, 0o750)):
        path.chmod(mode)
    monkeypatch.setattr("platformdirs.site_state_path", lambda _name: state)
    before = {path: path.stat() for path in (folder, outer, home)}
    with embedded.running(home) as url:
        assert ask(url, "select 1") == "1"
    with embedded.running(home) as url:
        assert ask(url, "select 1") == "1"
    for path, status in before.items():
        now = path.stat()
        assert (now.st_mode, now.st_uid, now.st_gid) == (status.st_mode, status.st_uid, status.st_gid)


@AS_ROOT
def test_root_runs_it_as_a_user_that_owns_nothing_else(home: Path) -> None:
    with embedded.running(home):
        here = place.find(home)
        found = server(home)
        assert found
        assert Path(f"/proc/{found.pid}").stat().st_uid == here.uid
    assert here.uid in range(60_700, 60_800)
    assert here.data.stat().st_uid == here.uid


@AS_ROOT
def test_root_copies_programs_that_the_user_cannot_reach(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mainstem.store.programs.may_pass", lambda _path, _uid: False)
    with embedded.running(home) as url:
        copy = ask(url, "select setting from pg_config where name = 'BINDIR'")
        assert Path(copy).is_relative_to(place.find(home).folder)
        assert ask(url, "select 1") == "1"


@AS_ROOT
def test_an_ordinary_user_runs_it_as_themselves_and_root_goes_on_as_that_user(folder: Path, new_home: Path) -> None:
    owner = place.initial_uid()
    os.chown(folder, owner, owner)
    folder.chmod(0o700)
    with become(owner), embedded.running(new_home) as url:
        assert ask(url, "select 1") == "1"
        found = server(new_home)
        assert found
        assert Path(f"/proc/{found.pid}").stat().st_uid == owner
    assert stat.S_IMODE(new_home.stat().st_mode) == 0o700
    assert server(new_home) is None
    with embedded.running(new_home) as url:
        assert ask(url, "select 1") == "1"
    with become(owner), embedded.running(new_home) as url:
        assert ask(url, "select 1") == "1"


@AS_ROOT
def test_another_users_home_is_refused_with_words(home: Path) -> None:
    with embedded.running(home):
        pass
    with become(place.initial_uid()), pytest.raises(SetupError, match="cannot be written: Permission denied"):
        embedded.Use(home)
    home.chmod(0o777)
    with become(place.initial_uid()), pytest.raises(SetupError, match="as the user who made this home"):
        embedded.Use(home)
    (home / "postgres.lock").unlink()
    (home / "postgres.users").unlink()
    with become(place.initial_uid()), pytest.raises(SetupError, match=r"set up by another user \(number 60"):
        embedded.Use(home)
    home.chmod(0o711)
    (home / "postgres.lock").unlink()
    (home / "postgres.users").unlink()


@AS_ROOT
def test_a_full_disk_is_said_in_words_and_nothing_half_made_is_left(folder: Path) -> None:
    disk = folder / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m,mode=711", "tmpfs", disk], check=False)
    if mounted.returncode:
        pytest.skip("this machine does not let root mount a small disk")
    try:
        with pytest.raises(SetupError, match="the disk is full") as caught:
            embedded.Use(disk / "home")
        assert "Free some space" in caught.value.remedy
        assert not (disk / "home" / "postgres" / "data").exists()
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        fills_up_later(disk)
    finally:
        subprocess.run(["umount", disk], check=True)


def fills_up_later(disk: Path) -> None:
    with embedded.running(disk / "home") as url, psycopg.connect(url) as connection:
        connection.execute("create table kept as select 42 as n")
    fill(disk / "filler")
    with pytest.raises(SetupError, match="the disk is full"):
        embedded.Use(disk / "home")
    (disk / "filler").unlink()
    with embedded.running(disk / "home") as url:
        assert ask(url, "select n from kept") == "42"


def test_a_home_that_is_a_file_is_refused_with_words(folder: Path) -> None:
    (folder / "file").touch()
    with pytest.raises(SetupError, match="The home directory cannot be written: File exists"):
        embedded.Use(folder / "file")


def test_data_of_another_postgresql_is_refused_with_words(home: Path) -> None:
    with embedded.running(home):
        here = place.find(home)
    (here.data / "PG_VERSION").write_text("17\n", encoding="ascii")
    with pytest.raises(SetupError, match=r"made by PostgreSQL 17; this mainstem brings PostgreSQL 18"):
        embedded.Use(home)
    (here.data / "PG_VERSION").write_text("18\n", encoding="ascii")


def test_settings_that_the_server_refuses_are_said_with_its_own_words(home: Path) -> None:
    with pytest.raises(SetupError, match="shared_buffers") as caught:
        embedded.Use(home, {"shared_buffers": "much"})
    assert caught.value.where.endswith("server.log")

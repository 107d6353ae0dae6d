"""REST search against servers that misbehave, through the source folder that speaks the protocol (REST-1 to REST-5)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import msgspec
import pytest

from mainstem.model.moment import parse_moment
from mainstem.sync.connector import Answer, Chunk, Cursor, Refused, TryLater
from mainstem.sync.discovery import discover, speaking

SOURCE = speaking(discover().values(), "fhir-r4")
START = datetime(2026, 5, 1, 8, tzinfo=UTC)


class Server:
    """A FHIR server in memory, as the outbound door shows it; each switch is one misbehaviour."""

    def __init__(self, rows: Mapping[str, str], *, page: int = 3, declares: bool = True, obeys: bool = True) -> None:
        self.rows = dict(rows)
        self.page, self.declares, self.obeys = page, declares, obeys
        self.expires_after: int | None = None
        self.partial = False
        self.date = ""
        self.version = "1"
        self.searches: list[str] = []
        self.pages_served = 0

    async def get(self, url: str, *, query: Mapping[str, str] | None = None, account: str = "") -> Answer:
        assert account == ""
        await anyio.lowlevel.checkpoint()
        if url == "metadata":
            return self._answer(self._statement())
        asked = dict(query or {}) or {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if "start" in asked and self.expires_after is not None and self.pages_served >= self.expires_after:
            self.expires_after = None
            return Answer(status=410, url=url, headers={}, body=b"")
        self.searches.append(asked.get("_lastUpdated", ""))
        self.pages_served += 1
        return self._answer(self._bundle(asked))

    async def post(self, url: str, *, form: Mapping[str, str], account: str = "") -> Answer:
        raise NotImplementedError

    def _statement(self) -> dict[str, Any]:
        parameters = [{"name": "_lastUpdated"}] if self.declares else []
        offer = {"type": "Observation", "searchParam": parameters}
        software = {"name": "s", "version": self.version}
        return {"resourceType": "CapabilityStatement", "software": software, "rest": [{"resource": [offer]}]}

    def _bundle(self, asked: Mapping[str, str]) -> dict[str, Any]:
        since = asked.get("_lastUpdated", "ge0001").removeprefix("ge") if self.obeys else "0001"
        edge = parse_moment(since)
        assert edge is not None
        found = [(k, s) for k, s in self.rows.items() if not s or (m := parse_moment(s)) is None or m.lo >= edge.lo]
        start = int(asked.get("start", 0))
        entries: list[dict[str, Any]] = [
            {"search": {"mode": "match"}, "resource": {"resourceType": "Observation", "id": key, "meta": meta(stamp)}}
            for key, stamp in found[start : start + self.page]
        ]
        if self.partial:
            entries.append({"search": {"mode": "outcome"}, "resource": {"resourceType": "OperationOutcome"}})
        link = []
        if start + self.page < len(found):
            link = [{"relation": "next", "url": f"/r4?start={start + self.page}&_lastUpdated=ge{since}"}]
        return {"resourceType": "Bundle", "total": 1, "entry": entries, "link": link}

    def _answer(self, body: dict[str, Any]) -> Answer:
        headers = {"date": self.date} if self.date else {}
        return Answer(status=200, url="https://x.example.org", headers=headers, body=json.dumps(body).encode())


def meta(stamp: str) -> dict[str, str]:
    return {"lastUpdated": stamp, "versionId": "1"} if stamp else {}


def stamp(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def pull(server: Server, cursor: Cursor, *, stop: int = -1) -> tuple[list[str], Cursor, int]:
    """Return the ids that arrived, the last committed cursor, and the number of chunks."""

    async def go() -> tuple[list[str], Cursor, int]:
        options = msgspec.convert({"types": ["Observation"], "lag_s": 10}, SOURCE.options)
        ids: list[str] = []
        last, count = cursor, 0
        chunks = SOURCE.pull(server, "Observation", cursor, options)
        try:
            async for chunk in chunks:
                ids += arrived(chunk)
                last, count = chunk.cursor, count + 1
                if count == stop:
                    break
        finally:
            await chunks.aclose()
        return ids, last, count

    return anyio.run(go)


def arrived(chunk: Chunk) -> list[str]:
    entries = json.loads(chunk.body).get("entry", [])
    return [entry["resource"]["id"] for entry in entries if entry["search"]["mode"] == "match"]


@pytest.mark.parametrize("page", [1, 2, 3, 4, 9, 50])
def test_rest_4_rows_that_share_the_boundary_stamp_all_arrive_wherever_the_page_ends(page: int) -> None:
    rows = {f"k{number}": stamp(0) for number in range(9)}
    server = Server(rows, page=page)
    ids, cursor, _ = pull(server, Cursor())
    assert sorted(ids) == sorted(rows)
    server.rows |= {"late": stamp(0)}
    ids, cursor, _ = pull(server, cursor)
    assert "late" in ids
    assert pull(server, cursor)[2] == 0


def test_rest_3_a_row_filed_a_little_late_is_found_by_the_overlap() -> None:
    server = Server({"a": stamp(0), "b": stamp(100)})
    _, cursor, _ = pull(server, Cursor())
    server.rows["late"] = stamp(95)
    assert "late" in pull(server, cursor)[0]


def test_sync_3_the_cursor_does_not_move_before_the_scan_is_complete() -> None:
    server = Server({f"k{number}": stamp(100 - number) for number in range(9)})
    _, cursor, _ = pull(server, Cursor(), stop=1)
    assert cursor.value == ""
    assert cursor.page
    ids, cursor, _ = pull(server, cursor)
    assert len(ids) == 6
    assert cursor.value == stamp(100)


def test_rest_1_an_expired_page_starts_the_scan_again_and_loses_nothing() -> None:
    server = Server({f"k{number}": stamp(number) for number in range(9)})
    first, cursor, _ = pull(server, Cursor(), stop=2)
    server.expires_after = 0
    rest, cursor, _ = pull(server, cursor)
    assert {*first, *rest} == set(server.rows)
    assert cursor.value == stamp(8)


def test_rest_1_a_page_that_expires_in_the_middle_is_tried_again() -> None:
    server = Server({f"k{number}": stamp(number) for number in range(9)})
    server.expires_after = 2
    with pytest.raises(TryLater):
        pull(server, Cursor())


def test_rest_2_a_partial_answer_leaves_the_cursor_where_it_was() -> None:
    server = Server({"a": stamp(0)})
    server.partial = True
    _, cursor, _ = pull(server, Cursor())
    assert cursor.value == ""
    server.partial = False
    assert pull(server, cursor)[1].value == stamp(0)


@pytest.mark.parametrize(("declares", "obeys"), [(False, True), (True, False), (False, False)])
def test_rest_5_a_server_without_a_real_last_updated_is_read_completely(declares: bool, obeys: bool) -> None:  # noqa: FBT001 - the table's columns
    server = Server({"a": stamp(0)}, declares=declares, obeys=obeys)
    _, cursor, _ = pull(server, Cursor())
    assert cursor.mode == "scan"
    server.rows |= {"old": stamp(-10_000)}
    assert "old" in pull(server, cursor)[0]


def test_sync_6_a_changed_server_is_read_completely_once() -> None:
    server = Server({"a": stamp(0), "b": stamp(10_000)})
    _, cursor, _ = pull(server, Cursor())
    assert cursor.mode == "since"
    server.rows["hidden"] = stamp(-5)
    assert pull(server, cursor)[2] == 0
    server.version = "2"
    ids, cursor, _ = pull(server, cursor)
    assert "hidden" in ids
    assert pull(server, cursor)[2] == 0


def test_sync_4_a_stamp_from_the_future_is_clamped_to_the_servers_clock() -> None:
    server = Server({"a": stamp(0), "future": "2099-01-01T00:00:00Z"})
    server.date = "Fri, 01 May 2026 09:00:00 GMT"
    _, cursor, _ = pull(server, Cursor())
    assert cursor.value == "2026-05-01T09:00:00Z"
    server.rows["next"] = "2026-05-01T09:00:05Z"
    assert "next" in pull(server, cursor)[0]


def test_sync_4_rows_without_a_version_are_always_handed_on_so_that_their_content_decides() -> None:
    server = Server({"a": "", "b": ""})
    _, cursor, _ = pull(server, Cursor())
    assert pull(server, cursor)[0] == ["a", "b"]


def test_what_is_not_fhir_is_refused() -> None:
    class Odd(Server):
        def _statement(self) -> dict[str, Any]:
            return {"resourceType": "OperationOutcome"}

    with pytest.raises(Refused, match="Statement"):
        pull(Odd({}), Cursor())

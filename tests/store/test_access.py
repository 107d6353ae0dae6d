"""The one predicate against a plain oracle in Python: no row too many, no row too few."""

import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mainstem.fhir.types import number_of
from mainstem.store.access import Principal, authenticate, issue_token, new_grantee, operator_token, write_grant
from mainstem.store.audit import Asker
from mainstem.store.database import Database
from mainstem.store.reading import guarded, powers
from mainstem.trust.categories import CATEGORIES, DATELESS, PUBLIC
from mainstem.trust.grants import Grant
from mainstem.trust.scopes import BadScopeError, parse_scopes

sys.path.insert(0, str(Path(__file__).parents[1]))
from recorder import NOW, Recorder

DAY = timedelta(days=1)

SETTINGS = settings(max_examples=80, deadline=None)

cats = st.sampled_from([CATEGORIES["results"], CATEGORIES["conditions"], CATEGORIES["demographics"], PUBLIC,
                        CATEGORIES["results"] | CATEGORIES["conditions"]])  # fmt: skip
moments = st.sampled_from([NOW - 2 * DAY, NOW - DAY, NOW, NOW + DAY, NOW + 2 * DAY])
rows = st.fixed_dictionaries({
    "rt": st.sampled_from([1, 2, 3]), "of": st.sampled_from([0, 7, 8]), "cat": cats,
    "labels": st.sampled_from([0, 1, 4, 5]), "dlo": st.none() | moments,
})  # fmt: skip
grants = st.fixed_dictionaries({
    "person": st.none() | st.sampled_from([7, 8]), "types": st.sampled_from([[], [1], [1, 2]]),
    "cats": st.just(-1) | cats, "labels": st.sampled_from([0, 1, 4, -1]), "date_lo": st.none() | moments,
    "date_hi": st.none() | moments, "valid_from": moments, "valid_to": moments, "paused": st.booleans(),
    "stopped": st.booleans(), "verbs": st.sampled_from(["rs", "r", "s", "cruds"]),
})  # fmt: skip
asleep = st.sampled_from(["", "", "paused", "disabled"])
holders = st.fixed_dictionaries({"grants": st.lists(grants, max_size=4), "asleep": asleep})
INSERT = """
insert into grant_row (grantee, person, types, cats, labels, date_lo, date_hi, valid_from, valid_to, paused_at,
                       stopped_at, verbs, purpose, basis, words, created)
values (%(grantee)s, %(person)s, %(types)s::smallint[], %(cats)s, %(labels)s, %(date_lo)s, %(date_hi)s, %(valid_from)s,
        %(valid_to)s, %(paused_at)s, %(stopped_at)s, %(verbs)s, 'p', 'b', 'w', %(now)s)
"""


def covers(grant: dict[str, Any], row: dict[str, Any], verb: str) -> bool:
    dated = row["dlo"] is not None and (grant["date_lo"] or datetime.min.replace(tzinfo=UTC)) <= row["dlo"] < (
        grant["date_hi"] or datetime.max.replace(tzinfo=UTC)
    )
    whose = grant["person"] in {None, row["of"]} or (row["of"] == 0 and row["cat"] & PUBLIC != 0)
    return (
        whose
        and verb in grant["verbs"]
        and grant["valid_from"] <= NOW < grant["valid_to"]
        and not grant["paused"]
        and not grant["stopped"]
        and (not grant["types"] or row["rt"] in grant["types"])
        and (grant["cats"] | PUBLIC) & row["cat"] != 0
        and row["labels"] & ~grant["labels"] == 0
        and ((grant["date_lo"] is None and grant["date_hi"] is None) or row["cat"] & DATELESS != 0 or dated)
    )


def permits(holder: dict[str, Any], row: dict[str, Any], verb: str) -> bool:
    return not holder["asleep"] and any(covers(each, row, verb) for each in holder["grants"])


def settle(tx: Any, holder: dict[str, Any]) -> int:  # noqa: ANN401 - a connection
    grantee = new_grantee(tx, kind="app", name="x", now=NOW)
    column = {"paused": "paused_at", "disabled": "disabled_at"}.get(holder["asleep"])
    if column:
        tx.execute(f"update grantee set {column} = %s where id = %s", (NOW, grantee))
    for each in holder["grants"]:
        stamps = {"paused_at": NOW if each["paused"] else None, "stopped_at": NOW if each["stopped"] else None}
        tx.execute(INSERT, {**each, **stamps, "grantee": grantee, "now": NOW})
    return grantee


@SETTINGS
@given(row=rows, user=holders, app=st.none() | holders, verb=st.sampled_from(["r", "s"]))
def test_the_predicate_lets_through_exactly_what_the_oracle_does(
    database: Database, row: dict[str, Any], user: dict[str, Any], app: dict[str, Any] | None, verb: str
) -> None:
    with database.connection() as tx:
        principal = Principal(
            grantee=settle(tx, user), client=None if app is None else settle(tx, app), kind="app", name="x",
            person=None, scopes=parse_scopes("system/*.cruds"),
        )  # fmt: skip
        asker = Asker(principal=principal, now=NOW, request="r", vault=Recorder(database).vault)
        answers = [
            tx.execute(guarded("sees", known), {**row, **powers(asker, verb)}).fetchone() for known in (asker, None)
        ]
    expected = permits(user, row, verb) and (app is None or permits(app, row, verb))
    assert [each is not None for each in answers] == [expected, expected]
    assert not expected or answers[0][0] is not None  # type: ignore[index] - a row was found


@pytest.mark.parametrize(
    ("scope", "of", "cat", "seen"),
    [
        ("patient/*.r", 7, CATEGORIES["results"], True),
        ("patient/*.r", 8, CATEGORIES["results"], False),
        ("patient/*.r", 0, PUBLIC, True),
        ("patient/*.r", 0, CATEGORIES["other"], False),
        ("patient/Condition.r", 7, CATEGORIES["results"], False),
        ("patient/*.s", 7, CATEGORIES["results"], False),
        ("patient/Condition.r system/Observation.r", 8, CATEGORIES["results"], True),
    ],
)
def test_scopes_narrow_what_a_grant_of_everything_opens(
    database: Database, scope: str, of: int, cat: int, *, seen: bool
) -> None:
    with database.connection() as tx:
        grantee = new_grantee(tx, kind="patient", name="x", now=NOW, person=7)
        write_grant(
            tx, Grant(grantee=grantee, person=None, labels=-1, valid_from=NOW, purpose="p", basis="b"), "x", NOW
        )
        principal = Principal(
            grantee=grantee, client=None, kind="patient", name="x", person=7, scopes=parse_scopes(scope)
        )
        asker = Asker(principal=principal, now=NOW, request="r", vault=Recorder(database).vault)
        row = {"rt": number_of("Observation"), "of": of, "cat": cat, "labels": 0, "dlo": None}
        assert (tx.execute(guarded("sees", asker), {**row, **powers(asker, "r")}).fetchone() is not None) == seen


def test_a_token_dies_at_its_end_and_when_it_or_its_holder_is_taken_back(database: Database) -> None:
    with database.connection() as tx:
        grantee = new_grantee(tx, kind="app", name="x", now=NOW)
        app = new_grantee(tx, kind="app", name="y", now=NOW)

        def fresh(**more: Any) -> str:  # noqa: ANN401 - any JSON value
            return issue_token(
                tx, grantee=grantee, scope="system/*.r", expires=NOW + DAY, now=NOW, random_bytes=secrets.token_bytes,
                **more,
            )  # fmt: skip

        token = fresh()
        assert authenticate(tx, token, NOW) is not None
        assert authenticate(tx, token, NOW + DAY) is None
        assert authenticate(tx, fresh(kind="sign-in"), NOW) is None
        with_app = fresh(client=app)
        tx.execute("update token set revoked_at = %s where hash = sha256(%s)", (NOW, token.encode()))
        assert authenticate(tx, token, NOW) is None
        assert authenticate(tx, with_app, NOW) is not None
        tx.execute("update grantee set disabled_at = %s where id = %s", (NOW, app))
        assert authenticate(tx, with_app, NOW) is None
        other = fresh()
        tx.execute("update grantee set disabled_at = %s where id = %s", (NOW, grantee))
        assert authenticate(tx, other, NOW) is None
        stored = tx.execute("select string_agg(encode(hash, 'escape'), '') from token").fetchone()
        assert token not in str(stored)


def test_an_operators_token_stands_for_no_person(database: Database) -> None:
    with database.connection() as tx, pytest.raises(BadScopeError, match="needs a person"):
        operator_token(tx, scope="patient/*.rs", ttl=DAY, now=NOW, random_bytes=secrets.token_bytes)

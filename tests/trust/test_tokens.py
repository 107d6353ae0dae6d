"""Tokens, scopes, and the sentence of a grant."""

import secrets
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstem.trust.categories import ALL, CATEGORIES, LABELS, mask_of, names_in
from mainstem.trust.grants import NEVER, Grant, operator_grant, sentence
from mainstem.trust.scopes import BadScopeError, Scope, parse_scopes, reach
from mainstem.trust.tokens import fingerprint, new_token

START = datetime(2026, 1, 1, tzinfo=UTC)
GRANT = Grant(grantee=1, person=2, valid_from=START, purpose="care", basis="patient consent")


def test_a_token_is_256_random_bits_behind_a_readable_prefix() -> None:
    token = new_token(secrets.token_bytes)
    assert token.startswith("mst_")
    assert len(token) == 47
    assert token != new_token(secrets.token_bytes)
    assert new_token(bytes) == "mst_" + "A" * 43


def test_only_what_has_the_shape_of_a_token_has_a_fingerprint() -> None:
    assert len(fingerprint(new_token(secrets.token_bytes)) or b"") == 32
    for text in ("", "mst_", "x" * 47, "mst_" + "A" * 44, "mst_" + "\u00e9" * 43, "MST_" + "A" * 43):
        assert fingerprint(text) is None


def test_scopes_are_read_as_they_stand() -> None:
    assert parse_scopes("system/*.cruds patient/Observation.rs") == (
        Scope("system", "*", "cruds"), Scope("patient", "Observation", "rs"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", " ", "system/*.", "system/*.dus ", "system/*.sr", "system/*.rr", "system/*.read", "System/*.r", "system/*",
     "system/observation.r", "system/*.rs  system/*.c", "system/Observation.rs?category=laboratory", "patient/*.rs\n",
     "launch/patient", "system/*.rs" * 400],
)  # fmt: skip
def test_a_scope_out_of_shape_is_refused_and_not_repaired(text: str) -> None:
    with pytest.raises(BadScopeError):
        parse_scopes(text)


@given(st.text(alphabet="crudsx", min_size=1, max_size=6))
def test_the_letters_of_a_scope_stand_in_one_order(letters: str) -> None:
    right = letters == "".join(each for each in "cruds" if each in letters)
    if right and "x" not in letters:
        assert parse_scopes(f"system/*.{letters}")[0].verbs == letters
    else:
        with pytest.raises(BadScopeError):
            parse_scopes(f"system/*.{letters}")


def test_scopes_are_a_union_and_a_patient_scope_stays_with_its_person() -> None:
    found = reach(parse_scopes("system/Condition.r patient/*.r"), "r")
    assert found.permits("Condition")
    assert found.wide("Condition")
    assert found.permits("Observation")
    assert not found.wide("Observation")
    assert not reach(parse_scopes("system/Condition.r"), "s").permits("Condition")
    assert not reach(parse_scopes("system/Condition.r"), "r").permits("Observation")
    assert reach(parse_scopes("system/*.r"), "r").wide("Observation")


@pytest.mark.parametrize(
    ("grant", "words"),
    [
        (
            Grant(grantee=1, person=2, cats=CATEGORIES["results"], date_lo=START, valid_from=START,
                  valid_to=datetime(2027, 5, 1, tzinfo=UTC), purpose="care", basis="patient consent"),
            "Bay Clinic can see your lab results from 2026-01-01 on without sensitive items until 2027-05-01.",
        ),
        (
            Grant(grantee=1, person=2, cats=mask_of(["medications"]), date_hi=START, valid_from=START,
                  labels=LABELS["hiv"], verbs="cruds", purpose="care", basis="patient consent"),
            "Bay Clinic can see and change your medicines before 2026-01-01 (of sensitive items only: hiv).",
        ),
        (operator_grant(1, "rs", START, NEVER), "Bay Clinic can see everybody's whole record."),
        (
            Grant(grantee=1, person=2, types=("Observation",), labels=ALL, valid_from=START, purpose="p", basis="b"),
            "Bay Clinic can see your whole record (Observation only).",
        ),
        (
            Grant(grantee=1, person=2, cats=CATEGORIES["public"], labels=ALL, valid_from=START, purpose="p", basis="b"),
            "Bay Clinic can see your public entries.",
        ),
    ],
)  # fmt: skip
def test_a_grant_is_one_plain_sentence(grant: Grant, words: str) -> None:
    assert sentence(grant, "Bay Clinic") == words


def test_the_stored_mask_always_covers_what_is_public() -> None:
    assert GRANT.mask == ALL
    narrow = Grant(grantee=1, person=2, cats=CATEGORIES["results"], valid_from=START, purpose="p", basis="b")
    assert names_in(narrow.mask) == ("results", "public")

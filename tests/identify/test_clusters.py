import gzip
import itertools
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from folk import NAMER, REFERENCE, person
from mainstem.formats import READERS
from mainstem.identify import STAGE, cluster, demographics, partition
from mainstem.identify.clusters import MEMBERS_MAX
from mainstem.model.fact import Delivery, Fact
from mainstem.model.person import Decision, Demographics, Verdict


def bare(record: str, **more: Any) -> Demographics:  # noqa: ANN401 - any field
    return Demographics(record=record, source="s", **more)


def link(
    left: str, right: str, verdict: Verdict = Verdict.SAME, *, rule: str = "shared identifier", actor: str = "automatic"
) -> Decision:
    left, right = sorted((left, right))
    return Decision(left=left, right=right, verdict=verdict, rule=rule, evidence=(), actor=actor)


def persons(people: Sequence[Demographics], *more: Decision) -> list[int]:
    """Return the sizes of the persons that the rules find."""
    return sorted(map(len, cluster(people, [*STAGE.run(people, REFERENCE).kept, *more])))


RECORDS = "abcdef"
_DECISIONS = st.lists(
    st.builds(
        lambda pair, verdict, rule, actor: link(*pair, verdict, rule=rule, actor=actor),
        st.sampled_from(list(itertools.combinations(RECORDS, 2))),
        st.sampled_from([Verdict.SAME, Verdict.SAME, Verdict.DIFFERENT, Verdict.REVIEW, Verdict.LAPSED]),
        st.sampled_from(["shared identifier", "birth date nearly", "forgotten rule"]),
        st.sampled_from(["automatic", "automatic", "Practitioner/1"]),
    ),
    max_size=10, unique_by=lambda each: (each.left, each.right),
)  # fmt: skip
_PEOPLE = st.tuples(*(
    st.builds(bare, st.just(record), sex=st.sampled_from(["", "", "male", "female"]),
              birth_date=st.sampled_from(["", "", "1980-05-17", "1951-01-02"]))
    for record in RECORDS
))  # fmt: skip


@given(_PEOPLE, _DECISIONS, st.randoms(use_true_random=False))
def test_i2_clusters_do_not_depend_on_any_order(
    people: tuple[Demographics, ...],
    told: list[Decision],
    rng: Any,  # noqa: ANN401 - hypothesis' Random
) -> None:
    mixed_people, mixed = list(people), list(told)
    rng.shuffle(mixed_people)
    rng.shuffle(mixed)
    assert partition(people, told) == partition(mixed_people, mixed)


@given(_PEOPLE, _DECISIONS)
def test_link_2_a_partition_never_holds_a_different_decision(
    people: tuple[Demographics, ...], told: list[Decision]
) -> None:
    found = cluster(people, told)
    assert sorted(record for each in found for record in each) == list(RECORDS)
    apart = {(each.left, each.right) for each in told if each.verdict is Verdict.DIFFERENT}
    assert not any(pair in apart for each in found for pair in itertools.combinations(each, 2))


@given(_PEOPLE, _DECISIONS)
def test_i3_taking_a_decision_away_gives_the_persons_of_a_world_without_it(
    people: tuple[Demographics, ...], told: list[Decision]
) -> None:
    before = cluster(people, told)
    merged = [*told, link("a", "b", actor="Practitioner/1", rule="by hand")]
    cluster(people, merged)
    assert cluster(people, [each for each in merged if each.rule != "by hand"]) == before


@given(_PEOPLE, _DECISIONS)
def test_link_12_reviews_never_move_anybody(people: tuple[Demographics, ...], told: list[Decision]) -> None:
    assert cluster(people, told) == cluster(people, [each for each in told if each.verdict is not Verdict.REVIEW])


def test_persons_of_parts_that_no_link_joins_do_not_depend_on_each_other() -> None:
    people = [bare(record) for record in RECORDS]
    told = [link("a", "b"), link("c", "d")]
    assert cluster(people, told) == sorted([*cluster(people[:2], told), *cluster(people[2:], told)])


def test_a_conflict_between_any_two_members_keeps_groups_apart_and_asks_a_human() -> None:
    people = [bare("a", sex="male"), bare("b"), bare("c", sex="female")]
    found = partition(people, [link("a", "b"), link("b", "c", rule="birth date nearly")])
    assert found.clusters == [("a", "b"), ("c",)]
    assert [(each.left, each.right, each.verdict, each.evidence) for each in found.reviews] == [
        ("b", "c", Verdict.REVIEW, ("sexes differ",))
    ]


def test_two_links_across_one_conflict_are_both_refused() -> None:
    people = [bare("a", sex="male"), bare("b"), bare("c", sex="female"), bare("d")]
    found = partition(people, [link("a", "b"), link("c", "d"), link("b", "c"), link("b", "d")])
    assert found.clusters == [("a", "b", "d"), ("c",)]
    assert [(each.left, each.right) for each in found.reviews] == [("b", "c"), ("c", "d")]


def test_the_stronger_link_is_taken_first() -> None:
    people = [bare("a", sex="male"), bare("b"), bare("c", sex="female")]
    assert cluster(people, [link("a", "b", rule="birth date nearly"), link("b", "c")]) == [("a",), ("b", "c")]


def test_link_3_a_human_link_survives_any_demographics_and_a_human_unlink_is_never_undone() -> None:
    people = [bare("a", sex="male", birth_date="1980-05-17"), bare("b", sex="female", birth_date="1951-01-02")]
    by_hand = link("a", "b", actor="Practitioner/1")
    assert cluster(people, [by_hand]) == [("a", "b")]
    same = [bare("a"), bare("b"), bare("c")]
    apart = link("a", "b", Verdict.DIFFERENT, actor="Practitioner/1")
    assert cluster(same, [link("a", "b"), link("a", "c"), link("b", "c"), apart]) == [("a", "c"), ("b",)]


def test_a_conflict_that_a_human_overruled_does_not_stop_later_links() -> None:
    people = [bare("a", sex="male"), bare("b", sex="female"), bare("c", sex="male")]
    by_hand = link("a", "b", actor="Practitioner/1")
    assert cluster(people, [by_hand, link("a", "c")]) == [("a", "b"), ("c",)]


def test_link_9_a_cluster_stays_within_its_cap_and_says_so() -> None:
    people = [bare(f"{n:03}") for n in range(MEMBERS_MAX + 20)]
    found = partition(people, [link(one.record, other.record) for one, other in itertools.pairwise(people)])
    assert max(map(len, found.clusters)) <= MEMBERS_MAX
    assert found.reviews
    assert all("records" in each.evidence[0] for each in found.reviews)


def test_link_9_one_wrong_number_on_500_people_makes_no_cluster() -> None:
    number = [{"system": "http://hospital.nowhere.net/mrn", "value": "4711"}]
    people = [
        person(given=f"Given{n}", family=f"Family{n}", born=f"19{n % 80 + 10}-0{n % 9 + 1}-1{n % 10}", key=str(n),
               line=f"{n} X Street", postal=f"{10000 + n}", phone=f"503-55{n % 10}-{1000 + n}", identifier=number)
        for n in range(500)
    ]  # fmt: skip
    assert persons(people) == [1] * 500
    assert persons(people[:150]) == [1] * 150


def test_link_7_twins_stay_two_also_when_a_third_record_fits_both() -> None:
    one, other = (person(given=name, key=name, source="a") for name in ("Anna", "Eva"))
    both = person(given="Anna|Eva", key="x", source="b")
    assert persons([one, other]) == [1, 1]
    assert persons([one, other, both]) == [1, 2]


def test_records_of_one_person_from_many_systems_are_one_person() -> None:
    people = [
        person(key="1", source="a"),
        person(key="2", source="b", given="Ann|M", family="Moss", name=[
            {"given": ["Ann", "M"], "family": "Moss"}, {"use": "maiden", "given": ["Ann"], "family": "Lee"}]),
        person(key="3", source="c", sex="", line="9 Elm St"),
        person(key="4", source="d", born="1980-05-18", phone="(503)5550188"),
        person(key="5", source="e", family="Lee", given="Ann", line="12 oak st apt 4"),
    ]  # fmt: skip
    assert persons(people) == [5]


# real ones -----------------------------------------------------------------------------------------------------------


def fixtures(*parts: str) -> Path:
    folder = Path(os.environ.get("MAINSTEM_FIXTURES", "../shared/fixtures")).joinpath(*parts)
    if not folder.exists():
        pytest.skip("the shared fixtures are not here (MAINSTEM_FIXTURES)")
    return folder


def patients(path: Path, source: str, media: str) -> list[Fact]:
    body = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    delivery = Delivery(
        source=source, name=path.name, media=media, body=body, received=datetime(2026, 1, 2, tzinfo=UTC)
    )
    return [fact for fact in READERS[media](delivery).kept if fact.type == "Patient"]


@pytest.mark.fixtures
def test_bates_and_larson_from_58_systems_are_exactly_two_people() -> None:
    truth: dict[str, str] = {}
    found: dict[str, Demographics] = {}
    documents = 0
    for name in ("bates", "larson"):
        for path in sorted(each for each in fixtures("ccda", name).glob("*/*") if each.suffix.lower() == ".xml"):
            documents += 1
            (fact,) = patients(path, f"{name}-{path.parent.name}", "application/cda+xml")
            each = demographics(fact, NAMER)
            truth[each.record], found[each.record] = name, each
    clusters = cluster(list(found.values()), STAGE.run(list(found.values()), REFERENCE).kept)
    assert documents == 79
    assert [{truth[record] for record in each} for each in clusters] in (
        [{"bates"}, {"larson"}],
        [{"larson"}, {"bates"}],
    )


@pytest.mark.fixtures
def test_sixty_synthetic_patients_stay_sixty() -> None:
    paths = sorted(fixtures("synthea").glob("*.json.gz"))
    facts = [fact for path in paths for fact in patients(path, "s", "application/fhir+json")]
    assert persons([demographics(fact, NAMER) for fact in facts]) == [1] * 60


@pytest.mark.fixtures
def test_1144_synthetic_patients_stay_1144() -> None:
    facts = patients(fixtures("people", "Patient.000.ndjson.gz"), "s", "application/fhir+ndjson")
    assert persons([demographics(fact, NAMER) for fact in facts]) == [1] * 1144

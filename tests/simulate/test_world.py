"""The simulation is fair: seeded, planted, well-formed, and its truth follows from the plan alone."""

import ast
from collections import Counter
from pathlib import Path

import anyio
import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

import mainstem.simulate
from mainstem.model.problem import Problem
from mainstem.simulate.people import CASTING, people
from mainstem.simulate.world import Site, World, world

CDA = {"v3": "urn:hl7-org:v3"}


def ask(site: Site, path: str, *, token: str = "", method: str = "GET") -> httpx.Response:
    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app=site.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site.example.org") as client:
            return await client.request(method, path, headers={"authorization": f"Bearer {token}"})

    return anyio.run(go)


def bodies(made: World) -> list[bytes]:
    found: list[bytes] = []
    for site in made.sites:
        token = site.tokens.get("", "")
        if site.speaks == "cda-index":
            listed = ask(site, "/export/documents", token=token).json()["documents"]
            found += [ask(site, f"/export/{item['href']}", token=token).content for item in listed]
        elif site.speaks == "fhir-r4":
            found += [ask(site, f"/fhir/{type_}", token=token).content for type_ in ("Patient", "Observation")]
    return found


def test_the_same_seed_gives_the_same_world_byte_for_byte() -> None:
    one, other = world(3, 18, 3), world(3, 18, 3)
    assert one.truth == other.truth
    assert bodies(one) == bodies(other)
    assert world(4, 18, 3).truth != one.truth


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 6))
def test_every_person_is_known_somewhere_and_every_number_is_one_persons(seed: int, count: int, sites: int) -> None:
    made = world(seed, count, sites)
    assert made.truth.people == set(range(count))
    assert set(made.truth.numbers.values()) == made.truth.people
    assert len(made.sites) == len({site.name for site in made.sites}) == sites
    keys = Counter((item.person, item.reading, item.loinc, item.conflicting) for item in made.truth.readings)
    assert all(count == 1 for key, count in keys.items() if not key[3])


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_a_day_holds_one_visit_so_that_a_date_alone_says_which(seed: int) -> None:
    for item in (made := world(seed, 20, 3).truth).readings:
        if item.day_only:
            same = [
                r
                for r in made.readings
                if r.person == item.person and r.loinc == item.loinc and r.at.date() == item.at.date()
            ]
            assert len(same) == 1


@settings(max_examples=10)
@given(st.integers(0, 10**6))
def test_planted_people_are_what_they_should_be(seed: int) -> None:
    cast = people(seed, 20)
    one, other = (cast[number] for number in CASTING.twins)
    assert (one.family, one.birth_date, one.line, one.phone, one.sex) == (
        other.family,
        other.birth_date,
        other.line,
        other.phone,
        other.sex,
    )
    assert one.given != other.given
    one, other = (cast[number] for number in CASTING.same_name)
    assert (one.given, one.family) == (other.given, other.family)
    assert one.birth_date != other.birth_date
    one, other = (cast[number] for number in CASTING.strangers)
    assert (one.given, one.family, one.birth_date, one.sex) == (other.given, other.family, other.birth_date, other.sex)
    for field in ("phone", "email", "line", "postal", "city", "member"):
        assert getattr(one, field) != getattr(other, field)


def test_ordinary_people_have_names_of_their_own() -> None:
    names = Counter((person.given, person.family) for person in people(1, 300))
    assert sum(count - 1 for count in names.values()) == 2, "the two planted pairs of namesakes, nobody else"


def test_everything_that_is_said_to_be_planted_is_there() -> None:
    truth = world(7, 25, 3).truth
    assert {person for person, _ in truth.conflicts} == set(CASTING.conflicts)
    assert {person for person, _ in truth.retracted} == {CASTING.retracted}
    assert truth.gaining == set(CASTING.gaining)
    assert truth.held[Problem.UNREADABLE] == 1
    assert truth.held[Problem.AMBIGUOUS_PERSON] > 1
    assert any(known.negated and known.kind == "allergy" for known in truth.known)
    assert any(known.negated and known.kind == "immunization" for known in truth.known)
    assert any(len(item.sources) > 1 for item in truth.readings)
    assert any(item.day_only for item in truth.readings)


def test_documents_are_well_formed_but_for_the_one_that_is_cut() -> None:
    broken = 0
    for body in bodies(world(7, 25, 3)):
        if body.startswith(b"<?xml"):
            try:
                root = etree.fromstring(body)
            except etree.XMLSyntaxError:
                broken += 1
                continue
            assert root.tag == "{urn:hl7-org:v3}ClinicalDocument"
            assert root.xpath("count(.//v3:section)", namespaces=CDA) == 8
            references = root.xpath(".//v3:entry//v3:reference/@value", namespaces=CDA)
            assert {reference[1:] for reference in references} <= set(root.xpath(".//@ID"))
            assert references
    assert broken == 1


def test_a_site_refuses_a_stranger() -> None:
    for site in world(1, 14, 3).sites:
        if site.speaks == "withings-measure":
            assert ask(site, "/measure", method="POST").json()["status"] == 401
        else:
            assert ask(site, f"{site.base_path}/metadata").status_code == 401


def test_the_truth_never_asks_the_product() -> None:
    """The plan, the truth and the sites import nothing that reads, harmonises, matches or consolidates."""
    folder = Path(mainstem.simulate.__file__).parent
    product = {
        "formats",
        "harmonise",
        "identify",
        "consolidate",
        "insight",
        "store",
        "pipeline",
        "sources",
        "serve",
        "sync",
    }
    for name in (
        "plan",
        "people",
        "lives",
        "sites",
        "truth",
        "tables",
        "world",
        "fhir_chart",
        "fhir_site",
        "ccd",
        "cda_site",
        "scale_site",
    ):
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mainstem."):
                assert (node.module or "").split(".")[1] not in product, name


def test_going_on_changes_what_sites_let_out() -> None:
    made = world(7, 25, 3)
    before = bodies(made)
    made.go_on()
    assert bodies(made) != before

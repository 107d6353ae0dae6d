from copy import deepcopy

from hypothesis import given
from hypothesis import strategies as st

from mainstem.fhir.references import references, rewrite

_REFERENCE = st.fixed_dictionaries({"reference": st.sampled_from(["Patient/1", "urn:uuid:a", "#c", ""])})
_JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=3) | _REFERENCE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc/~"), inner, max_size=3),
    max_leaves=12,
)
_RESOURCE = st.dictionaries(st.sampled_from(["subject", "contained", "x"]), _JSON, max_size=3)


def test_references_are_found_with_their_pointers_also_inside_contained_resources() -> None:
    resource = {
        "subject": {"reference": "Patient/1"},
        "contained": [{"id": "c", "owner": {"reference": "Organization/2"}}],
        "a/b": {"reference": "X/3"},
    }
    assert list(references(resource)) == [
        ("/subject/reference", "Patient/1"),
        ("/contained/0/owner/reference", "Organization/2"),
        ("/a~1b/reference", "X/3"),
    ]


def test_rewrite_copies_only_the_way_to_what_changes() -> None:
    resource = {"subject": {"reference": "urn:uuid:a"}, "performer": [{"reference": "P/1"}], "code": {"text": "x"}}
    changed = rewrite(resource, {"urn:uuid:a": "Patient/a", "P/1": "P/1"}.__getitem__)
    assert changed["subject"] == {"reference": "Patient/a"}
    assert changed["performer"] is resource["performer"]
    assert changed["code"] is resource["code"]


@given(_RESOURCE)
def test_rewrite_never_mutates_and_changes_exactly_the_references(resource: dict[str, object]) -> None:
    before = deepcopy(resource)
    changed = rewrite(resource, lambda text: text + "!")
    assert resource == before
    assert [text for _, text in references(changed)] == [text + "!" for _, text in references(before)]
    assert rewrite(changed, lambda text: text.removesuffix("!")) == before


@given(_RESOURCE)
def test_rewrite_is_identity_when_nothing_changes(resource: dict[str, object]) -> None:
    assert rewrite(resource, str) is resource

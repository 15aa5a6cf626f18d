"""The seal: the same for the same content, another for any other content."""

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fitsom_runner.canonical import canonical
from fitsom_runner.changes import seal
from fitsom_runner.changes.seal import SealParts

WORDS = st.text(min_size=1, max_size=8)
FLAT = st.dictionaries(WORDS, WORDS, max_size=4)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "trees": FLAT,
    "versions": FLAT,
    "playbook": WORDS,
    "tags": st.lists(WORDS, max_size=3).map(tuple),
    "skip_tags": st.lists(WORDS, max_size=3).map(tuple),
    "inventories": FLAT,
    "hosts": FLAT,
    "extra_vars": st.dictionaries(WORDS, VALUES, max_size=3),
    "packages": st.dictionaries(WORDS, FLAT, max_size=3),
    "inputs": FLAT,
    "collections": FLAT,
    "sandbox": st.fixed_dictionaries({"enabled": st.booleans(), "read": FLAT}),
    "window": st.none() | st.tuples(WORDS, WORDS, WORDS),
}
PARTS = st.fixed_dictionaries(FIELDS)


def shuffled(value: Any) -> Any:
    """The same value with every mapping written the other way round."""
    if isinstance(value, dict):
        return {k: shuffled(v) for k, v in reversed(value.items())}
    return [shuffled(v) for v in value] if isinstance(value, list) else value


@given(PARTS)
def test_the_order_of_keys_does_not_matter(parts: dict[str, Any]) -> None:
    components = SealParts(**parts).components()
    assert seal.seal_of(shuffled(components)) == seal.seal_of(components)


@given(PARTS, st.sampled_from(sorted(FIELDS)), st.data())
def test_any_one_part_that_moves_moves_the_seal_and_is_named(
    parts: dict[str, Any], moved: str, data: st.DataObject
) -> None:
    second = {**parts, moved: data.draw(FIELDS[moved])}
    before, after = SealParts(**parts).components(), SealParts(**second).components()
    # Compared as text: 1 and true are one value to Python and two to Ansible.
    assume(json.dumps(before.get(moved), sort_keys=True) != json.dumps(after.get(moved), sort_keys=True))
    assert seal.seal_of(before) != seal.seal_of(after)
    sentences = seal.differences(before, after)
    assert sentences
    begin = "the collection " if moved == "collections" else moved
    assert all(sentence.startswith((begin, moved.replace("_", " "))) for sentence in sentences)


@given(PARTS, PARTS)
def test_there_are_differences_exactly_where_the_seals_differ(
    one: dict[str, Any], two: dict[str, Any]
) -> None:
    before, after = SealParts(**one).components(), SealParts(**two).components()
    assert (seal.differences(before, after) == []) == (seal.seal_of(before) == seal.seal_of(after))
    assert seal.differences(before, before) == []


@given(PARTS)
def test_components_survive_being_stored_as_json(parts: dict[str, Any]) -> None:
    components = SealParts(**parts).components()
    assert seal.seal_of(json.loads(json.dumps(components))) == seal.seal_of(components)
    assert canonical(json.loads(canonical(components))) == canonical(components)


def test_the_seal_of_known_content_never_changes() -> None:
    parts = SealParts(
        trees={"playbooks": "a" * 40},
        versions={"ansible-core": "2.21.5"},
        playbook="playbooks/patch.yml",
        tags=(),
        skip_tags=(),
        inventories={},
        hosts={"srv1": "d" * 64},
        extra_vars={"größe": 1},
        packages={"srv1": {"openssl": "3.0.17-1"}},
        window=None,
        sandbox={"enabled": True, "read": {}, "write": []},
    )
    assert canonical(parts.components()) == (
        '{"extra_vars":{"größe":1},"format":1,"hosts":{"srv1":"' + "d" * 64 + '"},"inventories":{},'
        '"packages":{"srv1":{"openssl":"3.0.17-1"}},"playbook":"playbooks/patch.yml",'
        '"sandbox":{"enabled":true,"read":{},"write":[]},"skip_tags":[],"tags":[],"trees":{"playbooks":"'
        + "a" * 40
        + '"},"versions":{"ansible-core":"2.21.5"},"window":null}'
    )


def test_a_value_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical({"load": float("nan")})


def test_differences_read_as_sentences() -> None:
    before = {"hosts": {"srv1": "d" * 64, "srv2": "e" * 64}, "playbook": "playbooks/a.yml", "window": None}
    after = {"hosts": {"srv1": "f" * 64}, "playbook": "playbooks/b.yml", "window": ["x"]}
    assert seal.differences(before, after) == [
        "hosts srv1: dddddddddddd became ffffffffffff",
        "hosts srv2: removed (eeeeeeeeeeee)",
        "playbook: playbooks/a.yml became playbooks/b.yml",
        'window: added (["x"])',
    ]


def test_a_collection_that_is_another_one_is_named_in_words() -> None:
    before = {
        "versions": {"a.b": "0.1.0", "c.d": "1", "e.f": "2"},
        "collections": {"a.b": "1" * 64, "c.d": "2" * 64, "e.f": "3" * 64},
    }
    after = {
        "versions": {"a.b": "0.1.0", "c.d": "1.1", "g.h": "3"},
        "collections": {"a.b": "4" * 64, "c.d": "5" * 64, "g.h": "6" * 64},
    }
    assert seal.differences(before, after)[:4] == [
        "the collection a.b is not the one that was approved (0.1.0)",
        "the collection c.d is not the one that was approved (1, now 1.1)",
        "the collection e.f (2) that was approved is no longer used",
        "the collection g.h (3) was not part of what was approved",
    ]


def test_a_plan_from_before_collections_were_sealed_is_refused_in_words() -> None:
    after = {"versions": {"a.b": "0.1.0"}, "collections": {"a.b": "4" * 64}}
    assert seal.differences({"versions": {"a.b": "0.1.0"}}, after) == [
        "the collection a.b (0.1.0) was not part of what was approved"
    ]

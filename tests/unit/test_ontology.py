from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.errors import InvalidRequest, UnknownRelationship
from mcp_memory.ontology import (
    ADDITIONAL,
    CATEGORIES,
    RELATIONSHIPS,
    STANDARD,
    inverse_of,
    meaning_of,
    relationship,
    statement,
)

NAMES = st.sampled_from(sorted(RELATIONSHIPS))


def test_there_are_63_standard_names_and_nine_additional_ones() -> None:
    assert len(STANDARD) == 63
    assert set(ADDITIONAL) == {
        "contains",
        "subtype_of",
        "precedes",
        "concurrent_with",
        "follows_temporally",
        "analogous_to",
        "abstracts",
        "specializes",
        "generalizes",
    }
    assert len(RELATIONSHIPS) == 72


def test_the_standard_names_fill_eleven_categories_as_the_reference_does() -> None:
    assert len(CATEGORIES) == 11
    assert Counter(one.category for one in STANDARD.values()) == {
        "hierarchical": 6,
        "causal": 10,
        "temporal": 3,
        "similarity": 4,
        "learning": 8,
        "refinement": 4,
        "reference": 2,
        "solution": 7,
        "context": 7,
        "workflow": 6,
        "quality": 6,
    }


def test_the_inverse_of_the_inverse_of_a_standard_name_is_the_name_itself() -> None:
    for one in STANDARD.values():
        if one.inverse is not None:
            assert STANDARD[one.inverse].inverse == one.name


def test_only_during_has_no_inverse() -> None:
    assert [name for name, one in RELATIONSHIPS.items() if one.inverse is None] == ["during"]


@given(NAMES)
def test_the_inverse_of_the_inverse_means_the_same(name: str) -> None:
    inverse = inverse_of(name)
    assert inverse is None or meaning_of(inverse_of(inverse) or "") == meaning_of(name)


@given(NAMES)
def test_a_relationship_is_symmetric_exactly_where_it_is_its_own_inverse(name: str) -> None:
    one = relationship(name)
    assert one.symmetric == (one.inverse == one.name)


@given(NAMES)
def test_an_inverse_stays_in_its_category_and_is_as_transitive(name: str) -> None:
    one = relationship(name)
    if one.inverse is not None:
        other = relationship(one.inverse)
        assert (other.category, other.transitive, other.symmetric) == (one.category, one.transitive, one.symmetric)


def test_the_symmetric_names_are_those_of_the_reference() -> None:
    assert {name for name, one in STANDARD.items() if one.symmetric} == {
        "similar_to",
        "duplicate_of",
        "related_to",
        "variant_of",
        "contradicts",
        "confirms",
        "alternative_to",
        "works_with",
    }


def test_the_transitive_names_are_those_of_the_reference() -> None:
    assert {name for name, one in STANDARD.items() if one.transitive} == {
        *("parent_of", "child_of", "part_of", "has_part", "instance_of", "type_of"),
        *("causes", "caused_by", "leads_to", "led_to_by", "before", "after", "duplicate_of"),
        *("builds_on", "built_upon_by", "supersedes", "superseded_by", "requires", "required_by"),
        *("follows", "followed_by", "depends_on", "depended_on_by", "preferred_over", "less_preferred_than"),
    }


@given(NAMES)
def test_a_synonym_agrees_with_what_it_stands_for(name: str) -> None:
    one, meant = relationship(name), relationship(meaning_of(name))
    assert (one.category, one.transitive, one.symmetric) == (meant.category, meant.transitive, meant.symmetric)
    assert meant.same_as == ""


@given(NAMES)
def test_a_link_and_its_inverse_say_the_same(name: str) -> None:
    inverse = inverse_of(name)
    if inverse is not None:
        assert statement("a", "b", name) == statement("b", "a", inverse)


@pytest.mark.parametrize(
    ("one", "same"),
    [
        (("a", "b", "similar_to"), ("b", "a", "similar_to")),
        (("a", "b", "contains"), ("b", "a", "part_of")),
        (("a", "b", "precedes"), ("b", "a", "follows_temporally")),
        (("a", "b", "abstracts"), ("b", "a", "specializes")),
    ],
)
def test_synonyms_and_symmetric_links_have_one_form(one: tuple[str, str, str], same: tuple[str, str, str]) -> None:
    assert statement(*one) == statement(*same)


def test_the_same_ends_the_other_way_round_say_something_else() -> None:
    assert statement("a", "b", "parent_of") != statement("b", "a", "parent_of")
    assert statement("a", "b", "during") != statement("b", "a", "during")


@pytest.mark.parametrize(
    ("wrong", "meant"), [("parent", "parent_of"), ("DependsOn", "depends_on"), ("Similar To", "similar_to")]
)
def test_an_unknown_name_gets_the_nearest_ones_offered(wrong: str, meant: str) -> None:
    with pytest.raises(UnknownRelationship, match=meant):
        relationship(wrong)


def test_a_name_near_to_nothing_gets_an_example_of_each_category_and_not_all_names() -> None:
    with pytest.raises(InvalidRequest) as raised:
        relationship("xyzzy")
    text = str(raised.value)
    assert all(category in text for category in CATEGORIES)
    assert len(text) < 600

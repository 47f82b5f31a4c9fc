from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core import checks
from mcp_memory.models.association import Association
from mcp_memory.models.memory import Memory, MemoryStatus, MemoryType
from mcp_memory.text import content_hash

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
_numbers = count()


def memory(memory_id: str, content: str = "", **fields: Any) -> Memory:
    content = content or memory_id
    whole = {
        "id": memory_id,
        "workspace_id": "w",
        "content": content,
        "content_hash": content_hash(content),
        "type": MemoryType.SEMANTIC,
        "embedding_state": "embedded",
        "created_at": LONG_AGO + timedelta(seconds=next(_numbers)),
        "updated_at": LONG_AGO,
    }
    return Memory(**(whole | fields))


def held(memory_id: str, content: str = "", **fields: Any) -> checks.Held:
    return checks.held(memory(memory_id, content, **fields))


def link(source: str, name: str, target: str) -> Association:
    return Association(
        id=f"{source} {name} {target}",
        workspace_id="w",
        source_id=source,
        target_id=target,
        relationship=name,
        created_at=LONG_AGO,
        updated_at=LONG_AGO,
    )


ALIVE: dict[str, checks.Standing] = dict.fromkeys("abcdefgh", "alive")


def rings(*links: Association, standings: dict[str, checks.Standing] = ALIVE) -> list[list[str]]:
    return [finding.memory_ids for finding in checks.cycles(links, standings)]


def test_a_ring_of_dependencies_is_found_with_its_links() -> None:
    links = [
        link("a", "depends_on", "b"),
        link("b", "depends_on", "c"),
        link("c", "depends_on", "a"),
        link("c", "depends_on", "d"),
    ]
    [finding] = checks.cycles(links, ALIVE)
    assert finding.memory_ids == ["a", "b", "c"]
    assert set(finding.association_ids) == {one.id for one in links[:3]}
    assert not finding.certain


def test_a_ring_is_found_whichever_way_its_links_were_stored() -> None:
    assert rings(link("a", "parent_of", "b"), link("a", "child_of", "b")) == [["a", "b"]]
    assert rings(link("a", "before", "b"), link("b", "precedes", "c"), link("a", "follows_temporally", "c")) == [
        ["a", "b", "c"]
    ]


def test_two_ways_to_say_the_same_make_no_ring() -> None:
    assert rings(link("a", "parent_of", "b"), link("b", "child_of", "a")) == []


def test_relationships_that_are_symmetric_or_do_not_add_up_make_no_ring() -> None:
    assert rings(link("a", "duplicate_of", "b"), link("b", "duplicate_of", "c"), link("c", "duplicate_of", "a")) == []
    assert rings(link("a", "references", "b"), link("b", "references", "a")) == []
    assert rings(link("a", "causes", "b"), link("b", "requires", "a")) == []


def test_a_forgotten_memory_breaks_the_ring() -> None:
    links = [link("a", "causes", "b"), link("b", "causes", "a")]
    assert rings(*links, standings={"a": "alive", "b": "forgotten"}) == []


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=14))
def test_strong_components_are_the_nodes_that_reach_each_other(pairs: list[tuple[int, int]]) -> None:
    edges = [(str(one), str(other)) for one, other in pairs]
    reach = {(one, one) for edge in edges for one in edge} | set(edges)
    for middle in "0123456":
        reach |= {(a, c) for a, b in reach if b == middle for b2, c in reach if b2 == middle}
    nodes = {one for edge in edges for one in edge}
    expected = {frozenset(b for b in nodes if (a, b) in reach and (b, a) in reach) for a in nodes}
    assert set(checks.strongly_connected(edges)) == {group for group in expected if len(group) > 1}


def test_a_ring_of_ten_thousand_memories_is_found() -> None:
    edges = [(str(number), str((number + 1) % 10_000)) for number in range(10_000)]
    [ring] = checks.strongly_connected(edges)
    assert len(ring) == 10_000


def test_a_link_to_an_erased_memory_may_be_removed_and_one_to_a_forgotten_memory_may_not() -> None:
    links = [link("a", "supports", "gone"), link("a", "supports", "b"), link("a", "supports", "c")]
    erased, forgotten = checks.dangling(links, {"a": "alive", "b": "forgotten", "c": "alive"})
    assert (erased.certain, erased.association_ids) == (True, ["a supports gone"])
    assert (forgotten.certain, forgotten.association_ids) == (False, ["a supports b"])
    assert "mcp-memory restore b" in forgotten.advice


def test_a_replaced_memory_that_others_rely_on_is_named_with_those_links() -> None:
    links = [link("new", "supersedes", "old"), link("x", "depends_on", "old"), link("y", "similar_to", "old")]
    [finding] = checks.superseded(links, {"new": "alive", "old": "superseded", "x": "alive", "y": "alive"})
    assert finding.memory_ids == ["old", "new"]
    assert finding.association_ids == ["new supersedes old", "x depends_on old"]


def test_a_replaced_memory_that_still_counts_as_current_is_named() -> None:
    for said in (link("new", "supersedes", "old"), link("old", "replaced_by", "new"), link("new", "deprecates", "old")):
        [finding] = checks.superseded([said], {"new": "alive", "old": "alive"})
        assert finding.memory_ids == ["old", "new"]


def test_a_replaced_memory_that_is_forgotten_archived_or_marked_is_in_order() -> None:
    said = [link("new", "supersedes", "old")]
    assert list(checks.superseded(said, {"new": "alive", "old": "forgotten"})) == []
    archived, marked = memory("old", status=MemoryStatus.ARCHIVED), memory("old", tags=["superseded"])
    for old in (archived, marked):
        assert list(checks.superseded(said, {"new": "alive", "old": checks.held(old).standing})) == []


def test_a_memory_whose_successor_was_forgotten_is_current_again() -> None:
    assert list(checks.superseded([link("new", "supersedes", "old")], {"new": "forgotten", "old": "alive"})) == []


def test_the_same_content_in_one_place_is_a_certain_duplicate_and_the_oldest_comes_first() -> None:
    [finding] = checks.duplicates([held("a", "Tea"), held("b", " Tea "), held("c", "Coffee")])
    assert finding.memory_ids == ["a", "b"]
    assert finding.certain


def test_the_same_content_for_two_users_may_be_meant() -> None:
    [finding] = checks.duplicates([held("a", "Tea", user_id="ana"), held("b", "Tea", user_id="bob")])
    assert finding.memory_ids == ["a", "b"]
    assert not finding.certain


def test_a_forgotten_copy_is_no_duplicate() -> None:
    assert list(checks.duplicates([held("a", "Tea"), held("b", "Tea", status=MemoryStatus.DELETED)])) == []


def test_memories_close_in_meaning_are_near_duplicates_unless_they_are_different_facts() -> None:
    a, b = memory("a", "Ana prefers short answers."), memory("b", "Ana likes answers to be short.")
    c, d = memory("c", "Invoice 1041 was paid"), memory("d", "Invoice 1042 was paid")
    [finding] = checks.near_duplicates([(a, b, 0.96), (c, d, 0.98)])
    assert finding.memory_ids == ["a", "b"]


def test_memories_without_a_vector_are_one_finding_for_each_reason() -> None:
    pending = [held(f"p{number}", embedding_state="pending") for number in range(30)]
    waiting, failed = checks.without_vector([*pending, held("f", embedding_state="failed"), held("ok")])
    assert waiting.certain
    assert waiting.detail.startswith("30 memories")
    assert len(waiting.memory_ids) == 20
    assert (failed.certain, failed.memory_ids) == (False, ["f"])

"""Links stated and followed in a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.app import open_memory
from mcp_memory.errors import InvalidRequest, UnknownMemory, UnknownRelationship
from mcp_memory.models.association import Associate, GraphQuery
from mcp_memory.models.memory import Forget, Remember
from mcp_memory.names import GLOBAL_WORKSPACE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.core.memory import Memory
    from mcp_memory.models.association import Associated, GraphResult

pytestmark = pytest.mark.anyio


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with open_memory(data_dir=tmp_path, workspace="team") as opened:
        yield opened


class Web:
    """Memories with one-letter names, in the order of the alphabet."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.ids: dict[str, str] = {}

    async def grow(self, letters: str) -> Web:
        for letter in letters:
            stored = await self.memory.remember(Remember(content=f"The note {letter}{ord(letter)} about nothing."))
            self.ids[letter] = stored.memory_id
        return self

    async def link(self, source: str, name: str, target: str, strength: float = 0.8, **more: Any) -> Associated:
        request = Associate(
            source_id=self.ids[source], target_id=self.ids[target], relationship=name, strength=strength, **more
        )
        return await self.memory.associate(request)

    async def ask(self, start: str, **more: Any) -> GraphResult:
        return await self.memory.graph_query(GraphQuery(start_memory_id=self.ids[start], **more))

    async def paths(self, start: str, **more: Any) -> set[str]:
        """Each path in one line, for example `a parent_of b causes c`."""
        return {self.line(path) for path in (await self.ask(start, **more)).paths}

    def line(self, path: Any) -> str:
        names = {memory_id: letter for letter, memory_id in self.ids.items()}
        said = [names[path.nodes[0]]]
        for edge, node in zip(path.edges, path.nodes[1:], strict=True):
            said += [edge.relationship, names[node]]
        return " ".join(said)


@pytest.fixture
async def web(memory: Memory) -> Web:
    return await Web(memory).grow("abcdef")


async def test_linking_twice_updates_the_strength_and_keeps_one_link(web: Web) -> None:
    first = await web.link("a", "supports", "b", 0.3, metadata={"why": "tests"})
    again = await web.link("a", "supports", "b", 0.9, metadata={"seen": 2})
    assert (first.outcome, again.outcome) == ("created", "updated")
    assert again.association_id == first.association_id
    assert again.strength == 0.9
    [path] = (await web.ask("a")).paths
    assert path.total_strength == 0.9
    [kept] = await web.memory.resources.store.all_associations("team")
    assert kept.metadata == {"why": "tests", "seen": 2}


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("similar_to", "similar_to"),
        ("parent_of", "child_of"),
        ("contains", "part_of"),
        ("has_part", "part_of"),
        ("precedes", "after"),
    ],
)
async def test_saying_the_same_from_the_other_end_updates_the_link_that_is_there(
    web: Web, name: str, same: str
) -> None:
    first = await web.link("a", name, "b", 0.3)
    again = await web.link("b", same, "a", 0.6)
    assert (again.outcome, again.association_id) == ("updated", first.association_id)
    assert (again.source_id, again.relationship, again.strength) == (web.ids["a"], name, 0.6)
    assert "says the same" in again.message
    assert (await web.ask("a")).total_paths == 1


async def test_the_same_relationship_the_other_way_round_is_another_link(web: Web) -> None:
    await web.link("a", "parent_of", "b")
    assert (await web.link("b", "parent_of", "a")).outcome == "created"


async def test_a_memory_cannot_be_linked_to_itself(web: Web) -> None:
    with pytest.raises(InvalidRequest, match="cannot be linked to itself"):
        await web.link("a", "causes", "a")


async def test_an_unknown_end_is_named_with_a_way_to_mend_it(web: Web) -> None:
    request = Associate(source_id=web.ids["a"], target_id="mem_0000000000000000", relationship="causes")
    with pytest.raises(UnknownMemory, match=r"mem_0000000000000000.*Recall"):
        await web.memory.associate(request)


async def test_an_unknown_relationship_is_answered_with_the_nearest(web: Web) -> None:
    with pytest.raises(UnknownRelationship, match="caused_by"):
        await web.link("a", "causedby", "b")
    with pytest.raises(UnknownRelationship, match="parent_of"):
        await web.ask("a", relationship_types=["parent"])


async def test_a_forgotten_end_says_how_to_bring_it_back(web: Web) -> None:
    await web.memory.forget(Forget(memory_id=web.ids["b"]))
    with pytest.raises(UnknownMemory, match="mcp-memory restore"):
        await web.link("a", "causes", "b")


async def test_paths_are_whole_with_the_product_of_their_strengths_strongest_first(web: Web) -> None:
    await web.link("a", "causes", "b", 0.5)
    await web.link("b", "requires", "c", 0.5)
    await web.link("a", "references", "c", 0.9)
    result = await web.ask("a", direction="outgoing")
    assert [(web.line(path), path.total_strength, path.depth) for path in result.paths] == [
        ("a references c", 0.9, 1),
        ("a causes b", 0.5, 1),
        ("a causes b requires c", 0.25, 2),
    ]
    assert result.unique_nodes == [web.ids["a"], web.ids["c"], web.ids["b"]]
    assert [node.id for node in result.memories] == result.unique_nodes
    assert not result.truncated


async def test_a_link_walked_against_its_direction_is_read_by_its_inverse(web: Web) -> None:
    await web.link("a", "parent_of", "b")
    result = await web.ask("b", direction="incoming")
    [edge] = result.paths[0].edges
    assert (edge.source, edge.relationship, edge.target, edge.inverse) == (
        web.ids["b"],
        "child_of",
        web.ids["a"],
        True,
    )
    assert await web.paths("b", direction="outgoing") == set()


async def test_a_link_without_an_inverse_keeps_its_ends_when_walked_backwards(web: Web) -> None:
    await web.link("a", "during", "b")
    [path] = (await web.ask("b")).paths
    assert path.nodes == [web.ids["b"], web.ids["a"]]
    [edge] = path.edges
    assert (edge.source, edge.relationship, edge.target) == (web.ids["a"], "during", web.ids["b"])
    assert path.relationship is None


@pytest.mark.parametrize("direction", ["outgoing", "incoming", "both"])
async def test_a_symmetric_link_is_walked_both_ways_in_any_direction(web: Web, direction: str) -> None:
    await web.link("a", "similar_to", "b")
    assert await web.paths("a", direction=direction) == {"a similar_to b"}
    assert await web.paths("b", direction=direction) == {"b similar_to a"}


async def test_named_relationships_are_followed_however_they_were_stored(web: Web) -> None:
    await web.link("a", "parent_of", "b")
    await web.link("c", "child_of", "a")
    await web.link("a", "causes", "d")
    children = {"a parent_of b", "a parent_of c"}
    assert await web.paths("a", relationship_types=["parent_of"], direction="outgoing", max_depth=1) == children
    assert await web.paths("a", relationship_types=["child_of"], direction="incoming", max_depth=1) == children
    assert await web.paths("b", relationship_types=["child_of"], direction="outgoing", max_depth=1) == {"b child_of a"}
    assert await web.paths("b", relationship_types=["parent_of"], direction="outgoing") == set()
    assert await web.paths("b", relationship_types=["parent_of"], direction="both", max_depth=1) == {"b child_of a"}


async def test_a_synonym_follows_what_it_stands_for(web: Web) -> None:
    await web.link("a", "has_part", "b")
    assert await web.paths("a", relationship_types=["contains"], direction="outgoing") == {"a has_part b"}


async def test_a_path_of_one_transitive_relationship_says_so_of_its_ends(web: Web) -> None:
    await web.link("a", "depends_on", "b")
    await web.link("b", "depends_on", "c")
    await web.link("c", "references", "d")
    result = await web.ask("a", direction="outgoing")
    overall = {web.line(path): path.relationship for path in result.paths}
    assert overall == {
        "a depends_on b": "depends_on",
        "a depends_on b depends_on c": "depends_on",
        "a depends_on b depends_on c references d": None,
    }


async def test_a_relationship_that_does_not_add_up_says_nothing_of_the_ends(web: Web) -> None:
    await web.link("a", "references", "b")
    await web.link("b", "references", "c")
    result = await web.ask("a", direction="outgoing")
    assert {web.line(path): path.relationship for path in result.paths}["a references b references c"] is None


async def test_a_circle_ends_where_it_began(web: Web) -> None:
    await web.link("a", "causes", "b")
    await web.link("b", "causes", "c")
    await web.link("c", "causes", "a")
    assert await web.paths("a", direction="outgoing", max_depth=5) == {"a causes b", "a causes b causes c"}


async def test_weak_paths_are_left_out(web: Web) -> None:
    await web.link("a", "causes", "b", 0.5)
    await web.link("b", "causes", "c", 0.5)
    assert await web.paths("a", direction="outgoing", min_strength=0.4) == {"a causes b"}


async def test_more_paths_than_asked_for_are_cut_and_said_to_be(web: Web) -> None:
    for letter in "bcdef":
        await web.link("a", "references", letter, 0.1 * (ord(letter) - 96))
    result = await web.ask("a", max_paths=2)
    assert result.truncated
    assert [web.line(path) for path in result.paths] == ["a references f", "a references e"]


async def test_a_forgotten_memory_is_on_no_path(web: Web) -> None:
    await web.link("a", "causes", "b")
    await web.link("b", "causes", "c")
    await web.memory.forget(Forget(memory_id=web.ids["b"]))
    assert await web.paths("a") == set()
    with pytest.raises(UnknownMemory, match="is forgotten"):
        await web.ask("b")
    await web.memory.restore(web.ids["b"])
    assert await web.paths("a") == {"a causes b", "a causes b causes c"}


async def test_an_unknown_start_is_an_error(web: Web) -> None:
    with pytest.raises(UnknownMemory, match="mem_0000000000000000"):
        await web.memory.graph_query(GraphQuery(start_memory_id="mem_0000000000000000"))


async def test_the_graph_of_one_workspace_never_shows_in_another(web: Web) -> None:
    await web.memory.remember(Remember(content="A rule for everybody."), web.memory.scope)
    everywhere = await _in(web.memory, GLOBAL_WORKSPACE, "Metric units for everybody.")
    ours = await _in(web.memory, "ours", "The scale shows grams.")
    theirs = await _in(web.memory, "theirs", "The ruler shows centimetres.")
    for workspace, memory_id in (("ours", ours), ("theirs", theirs)):
        scope = await web.memory.scope_in(workspace)
        request = Associate(source_id=memory_id, target_id=everywhere, relationship="builds_on")
        await web.memory.associate(request, scope)
    scope = await web.memory.scope_in("ours")
    result = await web.memory.graph_query(GraphQuery(start_memory_id=everywhere), scope)
    assert result.unique_nodes == [everywhere, ours]
    with pytest.raises(UnknownMemory):
        await web.memory.graph_query(GraphQuery(start_memory_id=theirs), scope)


async def _in(memory: Memory, workspace: str, content: str) -> str:
    await memory.resources.store.ensure_workspace(workspace)
    return (await memory.remember(Remember(content=content), await memory.scope_in(workspace))).memory_id

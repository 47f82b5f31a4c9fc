"""Links between memories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memorylayer import Association, MemoryLayerError, NotFoundError, RelationshipType, ValidationError

from tests.support.memorylayer_client.user import refused, step

if TYPE_CHECKING:
    from tests.support.memorylayer_client.user import User

UNKNOWN = "mem_0000000000000000"


async def _three(client: Any) -> tuple[str, str, str]:
    texts = ("The deploy timed out.", "The database was locked.", "A migration held the lock.")
    first, second, third = [(await client.remember(text)).id for text in texts]
    return first, second, third


@step
async def a_link_has_everything_that_was_said_about_it(user: User) -> None:
    async with user.client() as client:
        problem, cause, _ = await _three(client)
        made = await client.associate(cause, problem, RelationshipType.CAUSES, strength=0.9, metadata={"seen": 2})
        assert isinstance(made, Association)
        assert (made.source_id, made.target_id, made.relationship) == (cause, problem, "causes")
        assert (made.strength, made.metadata, made.workspace_id) == (0.9, {"seen": 2}, client.workspace_id)
        plain = await client.associate(problem, cause, "related_to")
        assert (plain.strength, plain.metadata) == (0.5, {})


@step
async def every_relationship_of_the_client_is_known(user: User) -> None:
    async with user.client() as client:
        first, second, _ = await _three(client)
        for relationship in RelationshipType:
            made = await client.associate(first, second, relationship)
            assert made.relationship == relationship


@step
async def links_are_read_from_either_end(user: User) -> None:
    async with user.client() as client:
        problem, cause, root = await _three(client)
        await client.associate(cause, problem, "causes")
        await client.associate(root, cause, "causes")
        both = await client.get_associations(cause)
        outgoing = await client.get_associations(cause, direction="outgoing")
        incoming = await client.get_associations(cause, direction="incoming")
        assert len(both) == 2
        assert [one.target_id for one in outgoing] == [problem]
        assert [one.source_id for one in incoming] == [root]
        await refused(ValidationError, client.get_associations(cause, direction="sideways"))


@step
async def a_link_is_changed_and_removed(user: User) -> None:
    async with user.client() as client:
        first, second, _ = await _three(client)
        link = await client.associate(first, second, "related_to", metadata={"by": "ana"})
        assert await client.update_association(first, link.id, strength=0.25) is True
        assert await client.update_association(first, link.id, metadata={"checked": True}) is True
        (changed,) = await client.get_associations(first)
        assert (changed.id, changed.strength) == (link.id, 0.25)
        assert changed.metadata["checked"] is True
        assert await client.delete_association(first, link.id) is True
        assert await client.get_associations(first) == []
        assert await client.delete_association(first, link.id) is False
        assert await client.update_association(first, link.id, strength=1.0) is False


@step
async def paths_are_followed_with_the_product_of_their_strengths(user: User) -> None:
    async with user.client() as client:
        problem, cause, root = await _three(client)
        await client.associate(root, cause, "causes", strength=0.8)
        await client.associate(cause, problem, "causes", strength=0.5)
        walked = await client.traverse_graph(root, max_depth=2, direction="outgoing")
        assert set(walked["unique_nodes"]) == {root, cause, problem}
        whole = next(path for path in walked["paths"] if path["nodes"] == [root, cause, problem])
        assert abs(whole["total_strength"] - 0.4) < 1e-9
        assert [edge["relationship"] for edge in whole["edges"]] == ["causes", "causes"]
        near = await client.traverse_graph(root, max_depth=1)
        assert set(near["unique_nodes"]) == {root, cause}
        strong = await client.traverse_graph(root, max_depth=2, min_strength=0.7, relationship_types=["causes"])
        assert set(strong["unique_nodes"]) == {root, cause}
        none = await client.traverse_graph(root, relationship_types=["solves"])
        assert none["paths"] == []


@step
async def a_link_that_cannot_be_is_refused(user: User) -> None:
    async with user.client() as client:
        first, second, _ = await _three(client)
        await refused(NotFoundError, client.associate(first, UNKNOWN, "related_to"))
        await refused(NotFoundError, client.associate(UNKNOWN, first, "related_to"))
        await refused(NotFoundError, client.traverse_graph(UNKNOWN))
        await refused(ValidationError, client.associate(first, second, "related_to", strength=2.0))
        await refused(ValidationError, client.traverse_graph(first, max_depth=9))
        for wrong in (client.associate(first, first, "related_to"), client.associate(first, second, "adores")):
            assert (await refused(MemoryLayerError, wrong)).status_code == 400
        assert await client.get_associations(first) == []

"""Workspaces with their contexts, out and in again."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from memorylayer import MemoryLayerError, NotFoundError, RelationshipType, ValidationError, Workspace

from tests.support.memorylayer_client.user import a_workspace, refused, step

if TYPE_CHECKING:
    from tests.support.memorylayer_client.user import User


@step
async def a_workspace_is_made_read_and_changed(user: User) -> None:
    async with user.bare() as client:
        made = await client.create_workspace("Billing")
        assert isinstance(made, Workspace)
        assert (made.name, made.settings, made.tags) == ("Billing", {}, [])
        assert await client.get_workspace(made.id) == made
        changed = await client.update_workspace(made.id, name="Invoices", settings={"color": "red"})
        assert (changed.id, changed.name, changed.settings) == (made.id, "Invoices", {"color": "red"})
        assert (await client.update_workspace(made.id, settings={})).settings == {}
        assert made.id in [one.id for one in await client.list_workspaces()]
        await refused(ValidationError, client.create_workspace(""))


@step
async def the_clients_own_workspace_is_the_one_that_is_read(user: User) -> None:
    async with user.client() as client:
        await client.remember("Remembering something makes the workspace.")
        assert (await client.get_workspace()).id == client.workspace_id
    async with user.bare() as client:
        await refused(NotFoundError, client.get_workspace(a_workspace()))
        await refused(NotFoundError, client.update_workspace(a_workspace(), name="Nothing"))


@step
async def workspaces_are_found_by_their_tags(user: User) -> None:
    red, blue = f"red-{secrets.token_hex(4)}", f"blue-{secrets.token_hex(4)}"
    async with user.bare() as client:
        both = await client.create_workspace("Both", tags=[red, blue])
        one = await client.create_workspace("One", tags=[blue])
        assert both.tags == sorted([red, blue])
        assert {found.id for found in await client.list_workspaces(tags=[red])} == {both.id}
        assert {found.id for found in await client.list_workspaces(tags=[blue])} == {both.id, one.id}
        assert {found.id for found in await client.list_workspaces(tags=[red, blue])} == {both.id}
        assert {found.id for found in await client.list_workspaces(tags=[blue, red])} == {both.id}
        assert {found.id for found in await client.list_workspaces(tags=[red, blue], match="any")} == {both.id, one.id}
        changed = await client.update_workspace(one.id, tags=[red])
        assert (changed.tags, changed.name) == ([red], "One")


@step
async def the_schema_names_what_memories_and_links_can_be(user: User) -> None:
    async with user.client() as client:
        await client.remember("Something to be in the workspace.")
        schema = await client.get_workspace_schema(client.workspace_id)
        assert set(schema["relationship_types"]) >= {one.value for one in RelationshipType}
        assert len(schema["memory_subtypes"]) == 13
        assert schema["can_customize"] is False
        await refused(NotFoundError, client.get_workspace_schema(a_workspace()))


@step
async def contexts_are_made_and_listed(user: User) -> None:
    async with user.client() as client:
        workspace = (await client.create_workspace("With contexts")).id
        made = await client.create_context(workspace, "sprint-7", description="Two weeks", settings={"goal": "ship"})
        assert (made["name"], made["description"], made["settings"]) == ("sprint-7", "Two weeks", {"goal": "ship"})
        assert made["workspace_id"] == workspace
        assert made["id"]
        plain = await client.create_context(workspace, "sprint-8")
        names = [one["name"] for one in await client.list_contexts(workspace)]
        assert {made["name"], plain["name"]} <= set(names)
        taken = await refused(MemoryLayerError, client.create_context(workspace, "sprint-7"))
        assert taken.status_code in (400, 409)
        assert "already" in taken.message
        await refused(NotFoundError, client.list_contexts(a_workspace()))
        await refused(NotFoundError, client.create_context(a_workspace(), "nowhere"))


@step
async def removing_a_context_is_refused_with_a_reason(user: User) -> None:
    async with user.client() as client:
        workspace = (await client.create_workspace("Keeps its contexts")).id
        made = await client.create_context(workspace, "sprint-7")
        error = await refused(NotFoundError, client.delete_context(made["id"], workspace))
        assert error.message.startswith("A context stays")
        assert "sprint-7" in [one["name"] for one in await client.list_contexts(workspace)]


async def _filled(client: Any) -> list[str]:
    first = await client.remember("The heating is on from October.", tags=["house"], importance=0.7)
    second = await client.remember("The boiler was replaced in 2021.", metadata={"maker": "Größe & Co"})
    third = await client.remember("Radiators hiss when there is air in them.", context_id="cellar")
    await client.associate(second.id, first.id, "enables", strength=0.6, metadata={"seen": 1})
    return [first.id, second.id, third.id]


@step
async def an_export_taken_in_elsewhere_is_whole(user: User) -> None:
    async with user.client() as client, user.client() as other:
        await _filled(client)
        exported = await client.export_workspace(client.workspace_id)
        assert exported["workspace_id"] == client.workspace_id
        assert (exported["total_memories"], exported["total_associations"]) == (3, 1)
        assert len(exported["memories"]) == 3
        done = await other.import_workspace(other.workspace_id, exported)
        assert (done["imported"], done["skipped_duplicates"], done["errors"]) == (3, 0, 0)
        assert await _content(other) == await _content(client)
        found = await other.recall("When was the boiler replaced?")
        assert found.memories[0].content == "The boiler was replaced in 2021."
        assert found.memories[0].metadata == {"maker": "Größe & Co"}
        (link,) = await other.get_associations(found.memories[0].id)
        assert (link.relationship, link.strength, link.metadata) == ("enables", 0.6, {"seen": 1})
        again = await other.import_workspace(other.workspace_id, exported)
        assert (again["imported"], again["skipped_duplicates"]) == (0, 3)


async def _content(client: Any) -> list[Any]:
    listed = await client.list_memories()
    return sorted((one.content, one.importance, one.tags, one.context_id, one.created_at) for one in listed.memories)


@step
async def an_export_line_by_line_is_whole_too(user: User) -> None:
    async with user.client() as client, user.client() as other:
        await _filled(client)
        lines = [line async for line in client.export_workspace_stream(client.workspace_id)]
        kinds = [line["type"] for line in lines]
        assert (kinds[0], kinds[-1]) == ("header", "footer")
        assert (kinds.count("memory"), kinds.count("association")) == (3, 1)
        assert lines[0]["version"] == "1.0"
        assert lines[-1]["memories_exported"] == 3
        done = await other.import_workspace_stream(other.workspace_id, lines)
        assert (done["imported"], done["errors"]) == (3, 0)
        assert await _content(other) == await _content(client)


@step
async def a_part_of_a_workspace_can_be_exported(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        part = await client.export_workspace(client.workspace_id, include_associations=False, offset=1, limit=1)
        assert [one["content"] for one in part["memories"]] == ["The boiler was replaced in 2021."]
        assert part["associations"] == []
        await refused(NotFoundError, client.export_workspace(a_workspace()))


@step
async def an_export_of_the_old_server_is_taken_in(user: User) -> None:
    data = {
        "version": "1.0",
        "workspace_id": "somewhere",
        "exported_at": "2026-01-05T10:00:00+00:00",
        "memories": [
            {"id": "mem_old1", "content": "The lease ends in June.", "content_hash": "", "type": "semantic"},
            {"id": "mem_old2", "content": "The landlord is Mr Orsini.", "content_hash": "", "type": "unheard-of"},
        ],
        "associations": [{"source_id": "mem_old1", "target_id": "mem_old2", "relationship_type": "related_to"}],
    }
    async with user.client() as client:
        done = await client.import_workspace(client.workspace_id, data)
        assert (done["imported"], done["errors"]) == (2, 0), done
        found = await client.recall("Who is the landlord?", traverse_depth=0, include_associations=False)
        assert found.memories[0].content == "The landlord is Mr Orsini."
        assert len(await client.get_associations(found.memories[0].id)) == 1


@step
async def what_is_no_export_is_refused(user: User) -> None:
    async with user.client() as client:
        await refused(ValidationError, client.import_workspace(client.workspace_id, {"memories": "all of them"}))
        done = await client.import_workspace_stream(client.workspace_id, [{"type": "memory", "data": {"id": 3}}])
        assert done["imported"] == 0
        assert done["errors"] == 1
        assert done["details"]

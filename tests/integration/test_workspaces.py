"""Workspaces made, changed, described and erased."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mcp_memory.core.resources import Scope
from mcp_memory.errors import Conflict, UnknownMemory, UnknownWorkspace
from mcp_memory.models.administration import AuditEventQuery, KeyCreate, WorkspaceCreate, WorkspaceUpdate
from mcp_memory.models.association import Associate
from mcp_memory.models.contradiction import ListContradictions, ScanContradictions
from mcp_memory.models.editing import GetMemory, ListAssociations, UpdateMemory
from mcp_memory.models.environment import ContextCheckpoint, ContextInject
from mcp_memory.models.memory import Forget
from mcp_memory.models.recall import Recall
from mcp_memory.models.session import OpenSession
from mcp_memory.names import DEFAULT_WORKSPACE, GLOBAL_WORKSPACE
from mcp_memory.storage.sqlite import SqliteStore
from tests.integration.store_support import ENCODER, EPOCH, draft, unit
from tests.integration.verb_support import Desk, desk_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

LAB = Scope("lab", author="ann")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield opened


async def test_a_workspace_is_made_with_an_id_of_its_own_or_of_the_callers_choice(desk: Desk) -> None:
    own = await desk.memory.create_workspace(WorkspaceCreate(name="The lab", settings={"colour": "violet"}))
    chosen = await desk.memory.create_workspace(WorkspaceCreate(name="Lab two", workspace_id="lab"))
    assert own.id.startswith("ws_")
    assert len(own.id) == 19
    assert await desk.memory.get_workspace(own.id) == own
    assert {one.id for one in await desk.memory.list_workspaces()} == {own.id, "lab"}
    assert [one.id for one in await desk.store.contexts("lab")] == ["_default"]
    with pytest.raises(Conflict, match="lab"):
        await desk.memory.create_workspace(WorkspaceCreate(name="Again", workspace_id="lab"))
    assert await desk.memory.get_workspace("lab") == chosen


async def test_name_and_settings_change_and_what_they_were_stays_in_the_trail(desk: Desk) -> None:
    made = await desk.memory.create_workspace(WorkspaceCreate(name="The lab", workspace_id="lab", settings={"a": 1}))
    desk.later(hours=1)
    renamed = await desk.memory.update_workspace(WorkspaceUpdate(workspace_id="lab", name="Laboratory"))
    assert (renamed.name, renamed.settings, renamed.created_at) == ("Laboratory", {"a": 1}, made.created_at)
    assert renamed.updated_at == desk.time
    replaced = await desk.memory.update_workspace(WorkspaceUpdate(workspace_id="lab", settings={"b": 2}))
    assert await desk.memory.get_workspace("lab") == replaced
    await desk.memory.update_workspace(WorkspaceUpdate(workspace_id="lab", settings={"b": 2}))
    events = await desk.memory.audit_events(AuditEventQuery(event_type="workspace"), LAB)
    assert [(one.action, one.metadata) for one in events] == [
        ("update", {"before": {"settings": {"a": 1}}}),
        ("update", {"before": {"name": "The lab"}}),
        ("create", {}),
    ]


async def test_an_unknown_workspace_is_told_with_the_nearest_names(desk: Desk) -> None:
    await desk.memory.create_workspace(WorkspaceCreate(name="The lab", workspace_id="laboratory"))
    for call in (
        desk.memory.get_workspace("laboratorium"),
        desk.memory.update_workspace(WorkspaceUpdate(workspace_id="laboratorium", name="x")),
        desk.memory.delete_workspace("laboratorium"),
        desk.memory.workspace_schema("laboratorium"),
    ):
        with pytest.raises(UnknownWorkspace, match="laboratory"):
            await call


async def test_the_schema_lists_every_relationship_by_name_and_the_thirteen_subtypes(desk: Desk) -> None:
    await desk.memory.create_workspace(WorkspaceCreate(name="The lab", workspace_id="lab"))
    schema = await desk.memory.workspace_schema("lab")
    assert schema.relationship_types == sorted(schema.relationship_types)
    assert {"supersedes", "causes", "contains"} <= set(schema.relationship_types)
    assert (len(schema.relationship_types), len(schema.memory_subtypes), schema.can_customize) == (72, 13, False)


async def filled(desk: Desk) -> str:
    """The workspace `lab` with one of everything; the id of a memory that stays elsewhere and is linked with it."""
    kept = await desk.remember("What everybody may know.", Scope(GLOBAL_WORKSPACE))
    tea = await desk.remember("The API listens on port 8080.", LAB, tags=["violetta"])
    other = await desk.remember("The API listens on port 9090.", LAB)
    gone = await desk.remember("Zanzibarium will be forgotten.", LAB)
    await desk.memory.forget(Forget(memory_id=gone), LAB)
    await desk.memory.update_memory(UpdateMemory(memory_id=tea, metadata={"secret": "sekretum"}), LAB)
    await desk.memory.associate(Associate(source_id=tea, target_id=other, relationship="follows"), LAB)
    await desk.memory.associate(Associate(source_id=kept, target_id=tea, relationship="supports"), LAB)
    await desk.memory.open_session(OpenSession(session_id="s", working_memory={"hand": "workingwords"}), LAB)
    inside = replace(LAB, session_id="s")
    await desk.memory.context_inject(ContextInject(key="note", value="enviroword"), inside)
    await desk.memory.context_checkpoint(ContextCheckpoint(name="first"), inside)
    await desk.memory.scan_contradictions(ScanContradictions(), LAB)
    await desk.memory.create_key(KeyCreate(name="bot", workspace_id="lab"))
    return kept


async def test_deleting_a_workspace_erases_everything_in_it_and_nothing_else(desk: Desk, tmp_path: Path) -> None:
    await desk.ready()
    mine = await desk.remember("The desk is made of oak.")
    kept = await filled(desk)
    [waiting] = await desk.memory.list_contradictions(ListContradictions(), LAB)
    gone = await desk.memory.delete_workspace("lab")
    assert (gone.memories, gone.associations, gone.sessions, gone.contexts) == (3, 2, 1, 1)
    assert (gone.contradictions, gone.keys_revoked) == (1, 1)
    with pytest.raises(UnknownWorkspace):
        await desk.memory.get_workspace("lab")
    with pytest.raises(UnknownMemory):
        await desk.memory.get_memory(GetMemory(memory_id=waiting.memory_a), LAB)
    assert await desk.store.session("s") is None
    assert await desk.memory.list_contradictions(ListContradictions(), LAB) == []
    assert await desk.memory.associations(ListAssociations(memory_id=kept)) == []
    assert (await desk.memory.get_memory(GetMemory(memory_id=mine))).content == "The desk is made of oak."
    assert (await desk.recalled("oak desk"))[0] == "The desk is made of oak."
    assert await desk.store.integrity() == []
    left = b"".join(one.read_bytes() for one in sorted(tmp_path.iterdir()) if one.is_file())
    for word in (b"listens on port", b"Zanzibarium", b"sekretum", b"violetta", b"workingwords", b"enviroword"):
        assert word not in left


async def test_what_was_done_in_a_deleted_workspace_stays_in_the_trail(desk: Desk) -> None:
    await filled(desk)
    await desk.memory.delete_workspace("lab")
    events = await desk.memory.audit_events(AuditEventQuery(), LAB)
    assert (events[0].event_type, events[0].action, events[0].author) == ("workspace", "delete", "ann")
    assert events[0].metadata["memories"] == 3
    assert {(one.event_type, one.action) for one in events} >= {("memory", "create"), ("association", "create")}


async def test_a_key_of_a_deleted_workspace_opens_no_later_one_of_the_same_name(desk: Desk) -> None:
    await desk.remember("Something in the lab.", LAB)
    made = await desk.memory.create_key(KeyCreate(name="bot", workspace_id="lab"))
    await desk.memory.delete_workspace("lab")
    await desk.memory.create_workspace(WorkspaceCreate(name="Lab", workspace_id="lab"))
    found = await desk.memory.find_key(made.secret)
    assert found is not None
    assert found.state(desk.time) == "revoked"


async def test_a_workspace_of_the_same_name_begins_empty(desk: Desk) -> None:
    await desk.ready()
    await desk.remember("The kettle is broken.", LAB)
    await desk.memory.recall(Recall(query="kettle"), LAB)
    await desk.memory.delete_workspace("lab")
    again = await desk.remember("The kettle is broken.", LAB)
    found = await desk.memory.recall(Recall(query="kettle"), LAB)
    assert [memory.id for memory in found.memories] == [again]


@pytest.mark.parametrize("workspace_id", [DEFAULT_WORKSPACE, GLOBAL_WORKSPACE])
async def test_the_workspaces_every_call_may_fall_back_on_cannot_be_deleted(desk: Desk, workspace_id: str) -> None:
    memory_id = await desk.remember("Still here.", Scope(workspace_id))
    with pytest.raises(Conflict, match="always there"):
        await desk.memory.delete_workspace(workspace_id)
    found = await desk.memory.get_memory(GetMemory(memory_id=memory_id), Scope(workspace_id))
    assert found.content == "Still here."


async def test_a_small_workspace_beside_a_large_one_goes_alone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db")
    large = [draft(f"The parcel number {number} has arrived.", number, vector=unit(number)) for number in range(100)]
    small = [
        draft(f"Zanzibar letter {number}.", number, workspace_id="lab", vector=unit(number)) for number in range(3)
    ]
    await store.add([*large, *small], ENCODER)
    gone = await store.delete_workspace("lab", EPOCH, "")
    assert gone.memories == 3
    assert await store.integrity() == []
    home = Scope("home").own()
    assert (await store.keyword_candidates(["zanzibar"], home, 5)).scores == {}
    assert len((await store.keyword_candidates(["parcel"], home, 200)).scores) == 100
    assert len(await store.nearest(unit(3), ENCODER, home, 200)) == 100
    await store.close()


async def test_another_process_that_had_searched_it_finds_nothing_any_more(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    one, other = SqliteStore(path), SqliteStore(path)
    await one.add([draft(f"memory {number}", number, vector=unit(number)) for number in range(1200)], ENCODER)
    home = Scope("home").own()
    assert len(await other.nearest(unit(3), ENCODER, home, 5)) == 5
    gone = await one.delete_workspace("home", EPOCH, "")
    assert gone.memories == 1200
    assert await other.nearest(unit(3), ENCODER, home, 5) == []
    await other.add([draft("the new first one", vector=unit(3))], ENCODER)
    assert [near.content for near in await other.nearest(unit(3), ENCODER, home, 5)] == ["the new first one"]
    assert await one.integrity() == []
    await one.close()
    await other.close()

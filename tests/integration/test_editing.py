"""Memories read, changed, faded, traced and batched over a real store with the real encoder."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from mcp_memory.core.resources import Scope
from mcp_memory.errors import Conflict, InvalidRequest, UnknownMemory, UnknownRecord, UnknownRelationship
from mcp_memory.models.association import Associate
from mcp_memory.models.editing import (
    Batch,
    BatchCreate,
    BatchDelete,
    BatchUpdate,
    Decay,
    GetMemory,
    ListAssociations,
    UpdateMemory,
)
from mcp_memory.models.memory import Forget, Remember
from mcp_memory.models.session import OpenSession
from mcp_memory.names import GLOBAL_WORKSPACE
from mcp_memory.storage.base import MemoryChange
from mcp_memory.text import content_hash
from tests.integration.verb_support import Desk, desk_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield opened


# Reading


async def test_a_memory_is_read_whole_and_reading_it_writes_nothing(desk: Desk) -> None:
    memory_id = await desk.remember("Ana drinks green tea.", tags=["people"], metadata={"seen": 1})
    before = await desk.actions()
    first = await desk.memory.get_memory(GetMemory(memory_id=memory_id))
    again = await desk.memory.get_memory(GetMemory(memory_id=memory_id))
    assert (first.content, first.tags, first.metadata, first.access_count) == (
        "Ana drinks green tea.", ["people"], {"seen": 1}, 0,
    )  # fmt: skip
    assert again == first
    assert again.embedding is None
    assert await desk.actions() == before


async def test_the_vector_comes_only_when_it_is_asked_for(desk: Desk) -> None:
    await desk.ready()
    memory_id = await desk.remember("Ana drinks green tea.")
    found = await desk.memory.get_memory(GetMemory(memory_id=memory_id, include_embedding=True))
    assert found.embedding is not None
    assert len(found.embedding) == 384
    assert sum(value * value for value in found.embedding) == pytest.approx(1, abs=1e-3)


async def test_what_is_forgotten_elsewhere_or_another_sessions_note_cannot_be_read(desk: Desk) -> None:
    forgotten = await desk.remember("This will be forgotten.")
    await desk.memory.forget(Forget(memory_id=forgotten))
    foreign = await desk.remember("Only for the other team.", Scope("other"))
    opened = await desk.memory.open_session(OpenSession(session_id="mine"))
    inside = Scope("desk", session_id=opened.session.id)
    note = await desk.remember("A note in passing.", inside, type="working")
    for memory_id in (forgotten, foreign, note, "mem_0000000000000000"):
        with pytest.raises(UnknownMemory):
            await desk.memory.get_memory(GetMemory(memory_id=memory_id))
    assert (await desk.memory.get_memory(GetMemory(memory_id=note), inside)).content == "A note in passing."


async def test_what_is_global_can_be_read_from_every_workspace(desk: Desk) -> None:
    memory_id = await desk.remember("Everybody may know this.", Scope(GLOBAL_WORKSPACE))
    found = await desk.memory.get_memory(GetMemory(memory_id=memory_id))
    assert found.workspace_id == GLOBAL_WORKSPACE


# Changing


async def test_new_content_is_found_and_the_old_content_is_not(desk: Desk) -> None:
    await desk.ready()
    memory_id = await desk.remember("The launch is in October.")
    await desk.remember("The kitchen is painted violet.")
    desk.later(hours=1)
    changed = await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, content="Zanzibar opens in spring."))
    assert changed.content == "Zanzibar opens in spring."
    assert changed.embedding_state == "embedded"
    assert changed.updated_at == desk.time
    assert (await desk.recalled("When does the African island start business?"))[0] == "Zanzibar opens in spring."
    assert await desk.recalled("October launch", tolerance="strict") == []
    assert await desk.store.integrity() == []


async def test_every_change_is_a_revision_and_nothing_is_overwritten(desk: Desk) -> None:
    memory_id = await desk.remember("The launch is in October.", tags=["plan"], importance=0.5)
    await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, content="The launch is in May.", tags=["new"]))
    await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, importance=0.9, pinned=True))
    revisions = await desk.store.revisions("desk", memory_id)
    assert [one.action for one in revisions] == ["created", "updated", "updated"]
    assert [one.snapshot["content"] for one in revisions] == [
        "The launch is in October.", "The launch is in May.", "The launch is in May.",
    ]  # fmt: skip
    assert [one.snapshot["tags"] for one in revisions] == [["plan"], ["new"], ["new"]]
    assert [one.snapshot["importance"] for one in revisions] == [0.5, 0.5, 0.9]
    assert [one.author for one in revisions[1:]] == ["ann", "ann"]
    assert (await desk.actions())[-2:] == ["memory.update", "memory.update"]


async def test_what_is_not_given_stays_and_metadata_is_replaced(desk: Desk) -> None:
    memory_id = await desk.remember("Ana leads the team.", tags=["people"], metadata={"a": 1}, type="semantic")
    changed = await desk.memory.update_memory(
        UpdateMemory(memory_id=memory_id, metadata={"b": 2}, subtype="profile", type="procedural")
    )
    assert (changed.content, changed.tags) == ("Ana leads the team.", ["people"])
    assert (changed.metadata, changed.subtype, changed.type) == ({"b": 2}, "profile", "procedural")


async def test_a_change_that_changes_nothing_leaves_no_trace(desk: Desk) -> None:
    memory_id = await desk.remember("Ana leads the team.", importance=0.5)
    before = await desk.actions()
    desk.later(hours=1)
    same = await desk.memory.update_memory(
        UpdateMemory(memory_id=memory_id, content="Ana leads the team.", importance=0.5)
    )
    assert same.updated_at < desk.time
    assert await desk.actions() == before
    assert len(await desk.store.revisions("desk", memory_id)) == 1


async def test_content_that_another_memory_holds_is_refused_and_the_twin_named(desk: Desk) -> None:
    twin = await desk.remember("The launch is in May.")
    memory_id = await desk.remember("The launch is in October.")
    with pytest.raises(Conflict, match=twin):
        await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, content="The launch is in May."))
    assert (await desk.memory.get_memory(GetMemory(memory_id=memory_id))).content == "The launch is in October."
    await desk.memory.forget(Forget(memory_id=twin))
    changed = await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, content="The launch is in May."))
    assert changed.id == memory_id


async def test_of_two_that_take_the_same_content_at_once_one_is_refused(desk: Desk) -> None:
    ids = [await desk.remember(f"Draft number {number}.") for number in range(4)]
    requests = [UpdateMemory(memory_id=one, content="The final text.") for one in ids]
    done = await asyncio.gather(*map(desk.memory.update_memory, requests), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["Conflict"] * 3 + ["MemoryRecord"]
    assert (await desk.recalled("final text")).count("The final text.") == 1


async def test_the_old_content_may_be_remembered_anew(desk: Desk) -> None:
    memory_id = await desk.remember("The launch is in October.")
    await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, content="The launch is in May."))
    stored = await desk.memory.remember(Remember(content="The launch is in October."))
    assert (stored.outcome, stored.memory_id == memory_id) == ("created", False)


async def test_without_an_encoder_new_content_waits_to_be_embedded_and_keeps_no_old_vector(desk: Desk) -> None:
    await desk.ready()
    memory_id = await desk.remember("The launch is in October.")
    identity = desk.memory.resources.indexer.identity
    assert identity is not None
    content = "Zanzibar opens in spring."
    change = MemoryChange(at=desk.time, content=content, content_hash=content_hash(content))
    changed = await desk.store.revise("desk", memory_id, change, None)
    assert changed.embedding_state == "pending"
    assert await desk.store.vector(memory_id, identity) is None
    await desk.memory.resources.indexer.catch_up()
    assert await desk.store.vector(memory_id, identity) is not None
    assert await desk.store.integrity() == []


async def test_links_that_only_said_how_alike_the_old_content_was_leave_with_it(desk: Desk) -> None:
    await desk.ready()
    first = await desk.remember("The deployment runs every Friday at noon.")
    second = await desk.remember("The deployment runs every Friday at noon, always.")
    await desk.memory.associate(Associate(source_id=second, target_id=first, relationship="supports"))
    asked = ListAssociations(memory_id=second)
    assert {one.relationship for one in await desk.memory.associations(asked)} == {"similar_to", "supports"}
    await desk.memory.update_memory(UpdateMemory(memory_id=second, content="Zanzibar opens in spring."))
    assert [one.relationship for one in await desk.memory.associations(asked)] == ["supports"]


async def test_what_neighbours_quote_of_a_changed_memory_is_new_too(desk: Desk) -> None:
    question = await desk.remember("Shall we meet in Lisbon?", session_id="s")
    await desk.remember("Yes, that suits everyone well.", session_id="s")

    async def holding(word: str) -> set[str]:
        hits = await desk.store.keyword_candidates([word], desk.memory.scope.where(), 9)
        return {memory.content for memory in (await desk.store.fetch(list(hits.scores))).values()}

    assert await holding("lisbon") == {"Shall we meet in Lisbon?", "Yes, that suits everyone well."}
    await desk.memory.update_memory(UpdateMemory(memory_id=question, content="Shall we meet in Porto?"))
    assert await holding("lisbon") == set()
    assert await holding("porto") == {"Shall we meet in Porto?", "Yes, that suits everyone well."}
    assert await desk.store.integrity() == []


async def test_a_memory_cannot_become_a_note_of_a_session_that_has_ended(desk: Desk) -> None:
    opened = await desk.memory.open_session(OpenSession(session_id="short"))
    inside = Scope("desk", session_id=opened.session.id)
    memory_id = await desk.remember("Written in the session.", inside, type="semantic")
    await desk.memory.delete_session("short")
    with pytest.raises(InvalidRequest, match="has ended"):
        await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, type="working"))
    assert (await desk.memory.get_memory(GetMemory(memory_id=memory_id))).type == "semantic"


async def test_a_forgotten_memory_and_one_of_another_workspace_cannot_be_changed(desk: Desk) -> None:
    forgotten = await desk.remember("This will be forgotten.")
    await desk.memory.forget(Forget(memory_id=forgotten))
    foreign = await desk.remember("Only for the other team.", Scope("other"))
    for memory_id in (forgotten, foreign):
        with pytest.raises(UnknownMemory):
            await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, importance=0.1))
        with pytest.raises(UnknownMemory):
            await desk.memory.decay(Decay(memory_id=memory_id))
    other = await desk.memory.get_memory(GetMemory(memory_id=foreign), Scope("other"))
    assert other.importance == 0.5


async def test_content_over_the_limit_is_refused(tmp_path: Path) -> None:
    async with desk_in(tmp_path, max_content_chars=100) as desk:
        memory_id = await desk.remember("Short.")
        with pytest.raises(InvalidRequest, match="at most 100"):
            await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, content="x" * 101))


# Fading


async def test_decay_fades_by_the_rate_alone_however_much_time_has_passed(desk: Desk) -> None:
    memory_id = await desk.remember("The printer is on floor two.", importance=0.8)
    desk.later(days=400)
    once = await desk.memory.decay(Decay(memory_id=memory_id, rate=0.5))
    assert [once.importance, once.decay_factor] == pytest.approx([0.4, 0.5])
    twice = await desk.memory.decay(Decay(memory_id=memory_id, rate=0.25))
    assert [twice.importance, twice.decay_factor] == pytest.approx([0.3, 0.375])
    revisions = await desk.store.revisions("desk", memory_id)
    assert [one.snapshot["importance"] for one in revisions] == [0.8, pytest.approx(0.4), pytest.approx(0.3)]
    assert (await desk.actions())[-1] == "memory.decay"


async def test_a_pinned_memory_does_not_decay(desk: Desk) -> None:
    memory_id = await desk.remember("Never forget this.", importance=0.8)
    await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, pinned=True))
    with pytest.raises(Conflict, match="pinned"):
        await desk.memory.decay(Decay(memory_id=memory_id, rate=0.5))
    assert (await desk.memory.get_memory(GetMemory(memory_id=memory_id))).importance == 0.8


async def test_decay_at_once_from_many_callers_loses_none_of_them(desk: Desk) -> None:
    memory_id = await desk.remember("The printer is on floor two.", importance=1.0)
    await asyncio.gather(*[desk.memory.decay(Decay(memory_id=memory_id, rate=0.5)) for _ in range(4)])
    assert (await desk.memory.get_memory(GetMemory(memory_id=memory_id))).importance == pytest.approx(0.5**4)


# Many at once


async def test_each_operation_of_a_batch_succeeds_or_fails_by_itself(desk: Desk) -> None:
    kept = await desk.remember("The launch is in May.")
    gone = await desk.remember("The office cat is called Tom.")
    done = await desk.memory.batch(
        Batch(
            operations=[
                BatchCreate(memory=Remember(content="Ana drinks green tea.")),
                BatchUpdate(update=UpdateMemory(memory_id="mem_0000000000000000", importance=0.1)),
                BatchUpdate(update=UpdateMemory(memory_id=kept, importance=0.9)),
                BatchDelete(memory_id=gone, reason="no longer with us"),
                BatchDelete(memory_id=gone),
            ]
        )
    )
    assert [(one.index, one.type, one.status) for one in done.results] == [
        (0, "create", "success"), (1, "update", "error"), (2, "update", "success"), (3, "delete", "success"),
        (4, "delete", "error"),
    ]  # fmt: skip
    assert (done.total_operations, done.successful, done.failed_operations, done.success) == (5, 3, 2, False)
    assert done.results[2].memory is not None
    assert done.results[2].memory.importance == 0.9
    assert "mem_0000000000000000" in (done.results[1].error or "")
    assert "already forgotten" in (done.results[4].error or "")
    assert await desk.recalled("*") == ["Ana drinks green tea.", "The launch is in May."]


async def test_a_creation_that_is_refused_does_not_take_its_neighbours_with_it(tmp_path: Path) -> None:
    async with desk_in(tmp_path, max_content_chars=100) as desk:
        contents = ["The first one.", "x" * 101, "The third one.", "The third one."]
        done = await desk.memory.batch(Batch(operations=[BatchCreate(memory=Remember(content=c)) for c in contents]))
        assert [one.status for one in done.results] == ["success", "error", "success", "success"]
        assert done.results[3].memory_id == done.results[2].memory_id
        assert sorted(await desk.recalled("*")) == ["The first one.", "The third one."]


async def test_what_a_batch_creates_is_embedded_at_once_and_found_by_meaning(desk: Desk) -> None:
    await desk.ready()
    contents = ["Ana drinks green tea.", "The server room is locked at night.", "Bruno repairs bicycles."]
    done = await desk.memory.batch(Batch(operations=[BatchCreate(memory=Remember(content=c)) for c in contents]))
    assert [one.memory.embedding_state for one in done.results if one.memory] == ["embedded"] * 3
    assert (await desk.recalled("Who mends two-wheelers?"))[0] == "Bruno repairs bicycles."


async def test_five_hundred_operations_are_taken_and_one_more_is_not(desk: Desk) -> None:
    operations = [BatchCreate(memory=Remember(content=f"The fact number {number}.")) for number in range(500)]
    assert (await desk.memory.batch(Batch(operations=operations))).successful == 500
    with pytest.raises(ValidationError):
        Batch(operations=[*operations, operations[0]])


async def test_a_batch_in_a_session_that_is_over_writes_nothing(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="short"))
    await desk.memory.delete_session("short")
    request = Batch(operations=[BatchCreate(memory=Remember(content="Too late."))])
    with pytest.raises(InvalidRequest, match="ended"):
        await desk.memory.batch(request, Scope("desk", session_id="short"))
    assert await desk.recalled("*") == []


# Where it comes from


async def test_a_trace_tells_source_session_changes_and_what_was_replaced(desk: Desk) -> None:
    opened = await desk.memory.open_session(OpenSession(session_id="planning"))
    inside = Scope("desk", author="ann", session_id=opened.session.id)
    old = await desk.remember("The launch is in October.", inside)
    new = await desk.remember("The launch is in May.", inside)
    await desk.memory.associate(Associate(source_id=new, target_id=old, relationship="supersedes"))
    await desk.memory.update_memory(UpdateMemory(memory_id=new, importance=0.9))
    await desk.memory.forget(Forget(memory_id=old))
    told = await desk.memory.trace(new)
    assert [one.memory_id for one in told.chain] == [new]
    assert told.complete
    assert told.session is not None
    assert (told.session.id, told.session.author) == ("planning", "ann")
    assert [one.action for one in told.revisions] == ["created", "updated"]
    assert [(one.relationship, one.memory_id, one.status) for one in told.links] == [("supersedes", old, "deleted")]


async def test_a_trace_follows_sources_back_and_says_where_it_breaks_off(desk: Desk) -> None:
    lines = [
        {"id": "mem_c", "source_memory_id": "mem_b"},
        {"id": "mem_b", "source_memory_id": "mem_a"},
        {"id": "mem_a", "source_memory_id": "mem_gone"},
        {"id": "mem_x", "source_memory_id": "mem_y"},
        {"id": "mem_y", "source_memory_id": "mem_x"},
    ]
    await desk.memory.import_lines(_line(**line) for line in lines)
    told = await desk.memory.trace("mem_c")
    assert ([one.memory_id for one in told.chain], told.complete) == (["mem_c", "mem_b", "mem_a"], False)
    circle = await desk.memory.trace("mem_x")
    assert ([one.memory_id for one in circle.chain], circle.complete) == (["mem_x", "mem_y"], False)
    with pytest.raises(UnknownMemory):
        await desk.memory.trace("mem_c", Scope("other"))


def _line(**fields: str) -> str:
    import json

    at = "2026-01-01T00:00:00Z"
    data = {
        "workspace_id": "desk", "context_id": "_default", "content": f"Content of {fields['id']}.", "type": "semantic",
        "importance": 0.5, "created_at": at, "updated_at": at,
    }  # fmt: skip
    return json.dumps({"type": "memory", "data": data | fields})


# Links


async def test_links_are_listed_by_direction_and_by_name_and_its_synonyms(desk: Desk) -> None:
    a, b, c = [await desk.remember(f"The note {letter}.") for letter in "abc"]
    await desk.memory.associate(Associate(source_id=a, target_id=b, relationship="has_part", strength=0.9))
    await desk.memory.associate(Associate(source_id=c, target_id=a, relationship="causes", strength=0.4))

    async def names(**fields: object) -> list[str]:
        found = await desk.memory.associations(ListAssociations(memory_id=a, **fields))
        return [one.relationship for one in found]

    assert await names() == ["has_part", "causes"]
    assert await names(direction="outgoing") == ["has_part"]
    assert await names(direction="incoming") == ["causes"]
    assert await names(relationships=["contains"]) == ["has_part"]
    assert await names(limit=1) == ["has_part"]
    with pytest.raises(UnknownRelationship):
        await names(relationships=["causez"])
    with pytest.raises(UnknownMemory):
        await desk.memory.associations(ListAssociations(memory_id=a), Scope("other"))


async def test_a_link_is_removed_once_and_only_from_its_own_workspace(desk: Desk) -> None:
    a, b = [await desk.remember(f"The note {letter}.") for letter in "ab"]
    link = await desk.memory.associate(Associate(source_id=a, target_id=b, relationship="causes"))
    with pytest.raises(UnknownRecord):
        await desk.memory.dissociate(link.association_id, Scope("other"))
    removed = await desk.memory.dissociate(link.association_id)
    assert removed.association_id == link.association_id
    assert await desk.memory.associations(ListAssociations(memory_id=a)) == []
    with pytest.raises(UnknownRecord):
        await desk.memory.dissociate(link.association_id)
    assert (await desk.actions())[-1] == "association.remove"

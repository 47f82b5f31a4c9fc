"""API keys and the audit trail over a real store."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from mcp_memory.core.resources import Scope
from mcp_memory.errors import UnknownRecord
from mcp_memory.models.administration import AuditEventQuery, AuditSummaryQuery, KeyCreate, NewEvent
from mcp_memory.models.association import Associate
from mcp_memory.models.editing import Decay, UpdateMemory
from mcp_memory.models.memory import Forget
from mcp_memory.models.session import OpenSession
from tests.integration.verb_support import NOW, Desk, desk_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield opened


# API keys


async def test_a_secret_is_long_and_random_and_finds_its_key(desk: Desk) -> None:
    made = [await desk.memory.create_key(KeyCreate(name="bot")) for _ in range(5)]
    assert all(re.fullmatch(r"mcpm_[0-9a-f]{8}_[\w-]{43}", one.secret) for one in made)
    assert len({one.secret for one in made} | {one.key.prefix for one in made}) == 10
    assert [await desk.memory.find_key(one.secret) for one in made] == [one.key for one in made]
    assert all(one.secret.startswith(one.key.prefix) for one in made)


async def test_the_secret_is_nowhere_in_the_store(desk: Desk, tmp_path: Path) -> None:
    made = await desk.memory.create_key(KeyCreate(name="bot"))
    told = f"{await desk.memory.list_keys()}{await desk.memory.audit_events(AuditEventQuery(everywhere=True))}"
    assert made.secret not in told
    await desk.memory.close()
    held = b"".join(one.read_bytes() for one in tmp_path.iterdir() if one.is_file())
    assert made.secret.split("_")[2].encode() not in held
    assert made.key.prefix.encode() in held


@pytest.mark.parametrize("change", [str.upper, lambda one: one[:-1], lambda one: f"{one}x", lambda _: "", str.swapcase])
async def test_nothing_but_the_whole_secret_finds_a_key(desk: Desk, change: object) -> None:
    made = await desk.memory.create_key(KeyCreate(name="bot"))
    assert callable(change)
    assert await desk.memory.find_key(change(made.secret)) is None
    assert await desk.memory.find_key(made.key.prefix) is None
    assert await desk.memory.find_key(made.key.id) is None
    assert await desk.memory.find_key(f"{made.secret}\n") is None


async def test_a_key_expires_at_the_very_instant_and_is_told_apart_from_a_revoked_one(desk: Desk) -> None:
    short = await desk.memory.create_key(KeyCreate(name="short", expires_in=60))
    revoked = await desk.memory.create_key(KeyCreate(name="revoked"))
    assert short.key.state(NOW + timedelta(seconds=59)) == "active"
    assert short.key.state(NOW + timedelta(seconds=60)) == "expired"
    await desk.memory.revoke_key(revoked.key.prefix)
    desk.later(minutes=2)
    states = {one.name: one.state(desk.time) for one in await desk.memory.list_keys()}
    assert states == {"short": "expired", "revoked": "revoked"}
    counts = await desk.memory.count_keys()
    assert (counts.made, counts.active) == (2, 0)


async def test_a_key_is_revoked_by_its_id_or_its_prefix_and_stays_so(desk: Desk) -> None:
    by_id, by_prefix, kept = [await desk.memory.create_key(KeyCreate(name=f"bot {n}")) for n in range(3)]
    first = await desk.memory.revoke_key(by_id.key.id)
    await desk.memory.revoke_key(by_prefix.key.prefix)
    desk.later(hours=1)
    assert await desk.memory.revoke_key(by_id.key.id) == first
    assert [one.id for one in await desk.memory.list_keys() if one.state(desk.time) == "active"] == [kept.key.id]
    with pytest.raises(UnknownRecord):
        await desk.memory.revoke_key("mcpm_00000000")


async def test_revoking_the_last_key_does_not_look_like_never_having_had_one(desk: Desk) -> None:
    assert await desk.memory.has_keys() is False
    made = await desk.memory.create_key(KeyCreate(name="bot"))
    await desk.memory.revoke_key(made.key.id)
    assert await desk.memory.has_keys() is True
    assert (await desk.memory.count_keys()).active == 0


async def test_scopes_and_workspace_say_what_a_key_is_for(desk: Desk) -> None:
    reader = (await desk.memory.create_key(KeyCreate(name="reader", scopes=["read"], workspace_id="lab"))).key
    admin = (await desk.memory.create_key(KeyCreate(name="admin", scopes=["admin"]))).key
    assert [reader.allows(one) for one in ("read", "write", "admin")] == [True, False, False]
    assert [admin.allows(one) for one in ("read", "write", "admin")] == [True, True, True]
    assert (reader.is_for("lab"), reader.is_for("desk"), admin.is_for("desk")) == (True, False, True)
    with pytest.raises(ValidationError):
        KeyCreate(name="bot", scopes=["root"])
    with pytest.raises(ValidationError):
        KeyCreate(name="bot", scopes=[])


async def test_use_is_noted_for_many_keys_at_once_and_never_moves_back(desk: Desk) -> None:
    ids = [(await desk.memory.create_key(KeyCreate(name=f"bot {n}"))).key.id for n in range(3)]
    before = len(await desk.store.events(None, (), None, 1000))
    await desk.memory.note_key_use(ids[:2], NOW + timedelta(hours=2))
    await desk.memory.note_key_use(ids, NOW + timedelta(hours=1))
    used = {one.id: one.last_used_at for one in await desk.memory.list_keys()}
    assert [used[one] for one in ids] == [NOW + timedelta(hours=h) for h in (2, 2, 1)]
    assert len(await desk.store.events(None, (), None, 1000)) == before


# The audit trail


async def test_the_trail_tells_what_was_done_in_the_words_of_the_contract(desk: Desk) -> None:
    a = await desk.remember("Ana drinks green tea.")
    b = await desk.remember("Bruno repairs bicycles.")
    link = await desk.memory.associate(Associate(source_id=a, target_id=b, relationship="related_to"))
    await desk.memory.update_memory(UpdateMemory(memory_id=a, importance=0.9))
    await desk.memory.decay(Decay(memory_id=a))
    await desk.memory.dissociate(link.association_id)
    await desk.memory.forget(Forget(memory_id=b))
    await desk.memory.open_session(OpenSession(session_id="s"))
    await desk.memory.delete_session("s")
    events = await desk.memory.audit_events(AuditEventQuery())
    assert [(one.event_type, one.action) for one in reversed(events)] == [
        ("memory", "create"), ("memory", "create"), ("association", "create"), ("memory", "update"),
        ("memory", "decay"), ("association", "delete"), ("memory", "delete"), ("session", "create"),
        ("session", "close"),
    ]  # fmt: skip
    assert all(re.fullmatch(r"[0-9a-f]{32}", one.id) for one in events)
    assert len({one.id for one in events}) == len(events)
    assert (events[-1].resource_type, events[-1].resource_id) == ("memory", a)
    assert events[-1].metadata == {"outcome": "created", "verb": "memory.remember"}


async def test_no_event_holds_memory_text(desk: Desk) -> None:
    memory_id = await desk.remember("Sekretum one.", tags=["sekretum"], metadata={"sekretum": 1})
    await desk.memory.update_memory(UpdateMemory(memory_id=memory_id, content="Sekretum two.", tags=["sekretum2"]))
    await desk.memory.forget(Forget(memory_id=memory_id, reason="sekretum"))
    assert "sekretum" not in str(await desk.memory.audit_events(AuditEventQuery())).lower()


async def test_events_are_chosen_by_type_and_moment_and_number(desk: Desk) -> None:
    await desk.remember("Ana drinks green tea.")
    await desk.memory.open_session(OpenSession(session_id="s"))
    [start] = await desk.memory.audit_events(AuditEventQuery(event_type="session"))
    await desk.remember("Bruno repairs bicycles.")
    assert len(await desk.memory.audit_events(AuditEventQuery(event_type="memory"))) == 2
    assert len(await desk.memory.audit_events(AuditEventQuery(limit=2))) == 2
    later = await desk.memory.audit_events(AuditEventQuery(since=start.timestamp))
    assert [(one.event_type, one.action) for one in later] == [("memory", "create"), ("session", "create")]
    assert await desk.memory.audit_events(AuditEventQuery(since=start.timestamp + timedelta(days=1))) == []


async def test_an_import_is_an_event_of_the_workspace(desk: Desk) -> None:
    await desk.memory.import_lines([], "desk")
    [event] = await desk.memory.audit_events(AuditEventQuery(event_type="workspace"))
    assert (event.event_type, event.action) == ("workspace", "import")


async def test_each_workspace_sees_its_own_events_and_only_who_asks_for_all_sees_refusals(desk: Desk) -> None:
    await desk.remember("Ana drinks green tea.")
    await desk.remember("Only for the lab.", Scope("lab"))
    refusal = NewEvent(action="refuse", resource_id="GET /v1/memories", metadata={"status": 401, "why": "no key"})
    await desk.memory.record_event(refusal)
    assert len(await desk.memory.audit_events(AuditEventQuery())) == 1
    assert len(await desk.memory.audit_events(AuditEventQuery(), Scope("lab"))) == 1
    every = await desk.memory.audit_events(AuditEventQuery(everywhere=True))
    assert [one.workspace_id for one in every] == [None, "lab", "desk"]
    assert (every[0].event_type, every[0].action, every[0].metadata["status"]) == ("access", "refuse", 401)
    own = await desk.memory.audit_summary(AuditSummaryQuery())
    assert (own.summary, own.total, own.workspace_id) == ({"memory": 1}, 1, "desk")
    whole = await desk.memory.audit_summary(AuditSummaryQuery(everywhere=True))
    assert (whole.summary, whole.total) == ({"memory": 2, "access": 1}, 3)


async def test_what_a_door_records_holds_plain_short_values_only() -> None:
    with pytest.raises(ValidationError):
        NewEvent(action="refuse", metadata={"body": {"content": "a whole memory"}})
    with pytest.raises(ValidationError):
        NewEvent(action="refuse", metadata={"body": "x" * 201})
    with pytest.raises(ValidationError):
        NewEvent(event_type="nonsense", action="refuse")


async def test_events_of_many_writers_at_once_are_all_there(desk: Desk) -> None:
    await asyncio.gather(*[desk.memory.record_event(NewEvent(action="refuse")) for _ in range(20)])
    summary = await desk.memory.audit_summary(AuditSummaryQuery(everywhere=True))
    assert summary.summary == {"access": 20}

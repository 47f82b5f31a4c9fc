"""Sessions under ids of the callers' choice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from mcp_memory.core.resources import Scope
from mcp_memory.errors import Conflict, InvalidRequest, UnknownRecord
from mcp_memory.models.memory import Remember
from mcp_memory.models.session import OpenSession, SessionStart, WorkingSet
from tests.integration.verb_support import NOW, Desk, desk_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

MINE = Scope("desk", author="ann", session_id="mine")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield opened


async def test_a_session_begins_under_the_id_that_was_chosen_and_holds_what_it_was_given(desk: Desk) -> None:
    opened = await desk.memory.open_session(
        OpenSession(
            session_id="mine", ttl_seconds=120, context_id="kitchen", working_memory={"step": 3, "who": ["Ana"]}
        )
    )
    assert opened.outcome == "created"
    assert (opened.session.id, opened.session.context_id) == ("mine", "kitchen")
    assert opened.session.expires_at == NOW + timedelta(seconds=120)
    assert {one.key: one.value for one in await desk.memory.working(MINE)} == {"step": 3, "who": ["Ana"]}
    assert (await desk.memory.working_value("step", MINE)).value == 3
    assert await desk.memory.get_session("mine") == opened.session


async def test_without_an_id_a_session_gets_one(desk: Desk) -> None:
    one, other = [await desk.memory.open_session(OpenSession()) for _ in range(2)]
    assert one.session.id.startswith("sess_")
    assert one.session.id != other.session.id


async def test_an_active_session_is_continued_and_nothing_it_holds_is_wiped(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="mine", working_memory={"a": 1, "b": 1}))
    desk.later(minutes=30)
    again = await desk.memory.open_session(OpenSession(session_id="mine", working_memory={"b": 2}))
    assert again.outcome == "continued"
    assert again.session.expires_at == desk.time + timedelta(seconds=3600)
    assert {one.key: one.value for one in await desk.memory.working(MINE)} == {"a": 1, "b": 2}


async def test_an_active_session_of_somebody_else_is_not_taken_over(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="mine", user_id="ann"))
    with pytest.raises(InvalidRequest, match="does not belong"):
        await desk.memory.open_session(OpenSession(session_id="mine", user_id="bob", replace=True))
    for call in (
        desk.memory.open_session(OpenSession(session_id="mine", replace=True), Scope("other")),
        desk.memory.get_session("mine", Scope("other")),
        desk.memory.delete_session("mine", Scope("other")),
    ):
        with pytest.raises((Conflict, UnknownRecord)):
            await call
    assert (await desk.memory.get_session("mine")).state(desk.time) == "active"


async def test_the_id_of_a_session_that_is_over_is_used_again_only_on_request(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="mine", working_memory={"a": 1}))
    kept = await desk.memory.remember(Remember(content="Ana drinks green tea."), MINE)
    await desk.memory.delete_session("mine")
    with pytest.raises(Conflict, match="ended"):
        await desk.memory.open_session(OpenSession(session_id="mine"))
    fresh = await desk.memory.open_session(OpenSession(session_id="mine", replace=True))
    assert (fresh.outcome, fresh.session.ended_at) == ("replaced", None)
    assert await desk.memory.working(MINE) == []
    assert await desk.recalled("*") == ["Ana drinks green tea."]
    assert (await desk.memory.trace(kept.memory_id)).session is not None


async def test_what_an_expired_session_held_is_committed_before_a_fresh_one_takes_its_id(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="mine", ttl_seconds=60))
    decision = "We decided to use PostgreSQL for the billing service."
    await desk.memory.set_working(WorkingSet(key="decision", value=decision), MINE)
    desk.later(minutes=2)
    with pytest.raises(Conflict, match="ended"):
        await desk.memory.open_session(OpenSession(session_id="mine"))
    assert (await desk.recalled("billing service"))[0] == decision
    fresh = await desk.memory.open_session(OpenSession(session_id="mine", replace=True))
    assert fresh.outcome == "replaced"
    assert await desk.memory.working(MINE) == []
    assert (await desk.recalled("billing service"))[0] == decision


async def test_of_many_that_open_the_same_id_at_once_one_begins_it_and_the_others_go_on_with_it(desk: Desk) -> None:
    request = OpenSession(session_id="mine")
    done = await asyncio.gather(*[desk.memory.open_session(request) for _ in range(4)])
    assert sorted(one.outcome for one in done) == ["continued"] * 3 + ["created"]
    assert (await desk.actions()).count("session.start") == 1


async def test_deleting_a_session_commits_nothing_and_drops_what_it_held(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="mine", working_memory={"a": "We decided to use Rust."}))
    await desk.remember("A note in passing.", MINE, type="working")
    ended = await desk.memory.delete_session("mine")
    assert (ended.state(desk.time), ended.committed_at) == ("ended", None)
    assert await desk.recalled("*") == []
    with pytest.raises(UnknownRecord, match="ended"):
        await desk.memory.delete_session("mine")
    with pytest.raises(UnknownRecord):
        await desk.memory.delete_session("nobody's")


async def test_a_value_is_gone_when_its_time_is_over(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="mine"))
    await desk.memory.set_working(WorkingSet(key="code", value="123", ttl_seconds=30), MINE)
    assert (await desk.memory.working_value("code", MINE)).value == "123"
    desk.later(seconds=30)
    for key in ("code", "never set"):
        with pytest.raises(UnknownRecord):
            await desk.memory.working_value(key, MINE)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"a": "x" * 200}, "MAX_WORKING_CHARS"),
        ({str(number): 1 for number in range(6)}, "MAX_WORKING_ENTRIES"),
        ({" ": 1}, "blank"),
        ({"k" * 201: 1}, "200 characters"),
    ],
)
async def test_what_cannot_be_held_is_refused_and_no_session_begins(
    tmp_path: Path, values: dict[str, object], complaint: str
) -> None:
    async with desk_in(tmp_path, max_working_chars=100, max_working_entries=5) as desk:
        with pytest.raises(InvalidRequest, match=complaint):
            await desk.memory.open_session(OpenSession(session_id="mine", working_memory=values))
        assert await desk.store.session("mine") is None


async def test_a_session_opened_here_is_one_for_the_tools_too(desk: Desk) -> None:
    await desk.memory.open_session(OpenSession(session_id="mine"))
    started = await desk.memory.start_session(SessionStart(session_id="mine"))
    assert started.reused

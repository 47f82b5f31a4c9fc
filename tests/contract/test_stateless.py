"""What holds where no connection remembers a session: a call over streamable HTTP belongs to the one it names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.contract.conftest import ERAS, WORKSPACE
from tests.support.agents import NEED_A_SESSION, WHOLE_CALLS, agent_over
from tests.support.served import served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from tests.support.agents import Agent

pytestmark = pytest.mark.anyio


class Door:
    """A server, and agents at its streamable HTTP."""

    def __init__(self, url: str, era: str) -> None:
        self.url = url
        self.era = era

    def agent(self, **headers: str) -> AbstractAsyncContextManager[Agent]:
        """An agent with these headers, that names no session by itself."""
        return agent_over("streamable-http", self.era, self.url, **headers)


@pytest.fixture(params=ERAS)
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Door]:
    with served(tmp_path, workspace=WORKSPACE) as url:
        yield Door(url, request.param)


async def test_a_call_that_names_no_session_belongs_to_none_and_begins_none(door: Door) -> None:
    async with door.agent() as agent:
        await agent.remember("Ana prefers green tea.")
        assert await agent.recalled("tea") == ["Ana prefers green tea."]
        status = await agent.ask("memory_session_status")
        assert not status["active"]
        assert "id" not in status


async def test_what_works_on_a_session_says_how_to_name_one(door: Door) -> None:
    async with door.agent() as agent:
        note = ("memory_remember", {"content": "Ask Boris about the oven.", "type": "working"})
        for tool, arguments in (*NEED_A_SESSION, note):
            complaint = await agent.complaint(tool, **arguments)
            for part in ("memory_session_start", "`session_id`", "X-Session-ID"):
                assert part in complaint, (tool, complaint)


async def test_start_says_that_its_id_must_be_passed_and_it_works_for_any_client(door: Door) -> None:
    async with door.agent() as first, door.agent() as second:
        started = await first.ask("memory_session_start")
        assert re.fullmatch(r"sess_[0-9a-f]{32}", started["session_id"])
        assert "pass `session_id`" in started["message"]
        mine = {"session_id": started["session_id"]}
        await first.run("x = 41", **mine)
        await first.remember("For now only.", type="working", **mine)
        assert (await second.run("x + 1", **mine))["result"] == "42"
        status = await second.ask("memory_session_status", **mine)
        assert (status["id"], status["memoriesWritten"]) == (started["session_id"], 1)


async def test_every_tool_takes_a_session_id_and_refuses_an_unknown_one(door: Door) -> None:
    async with door.agent() as agent:
        assert set(WHOLE_CALLS) == {tool.name for tool in (await agent.client.list_tools()).tools}
        for tool, arguments in WHOLE_CALLS.items():
            complaint = await agent.complaint(tool, **arguments, session_id="sess_unknown")
            assert "no session 'sess_unknown'" in complaint, (tool, complaint)


async def test_two_starts_are_two_sessions(door: Door) -> None:
    async with door.agent() as agent:
        one, two = [(await agent.ask("memory_session_start"))["session_id"] for _ in range(2)]
        assert one != two
        await agent.run("x = 1", session_id=one)
        structure, _ = await agent.failed("memory_context_exec", code="x", session_id=two)
        assert structure["error"]["type"] == "NameError"


async def test_a_named_session_says_the_workspace_too(door: Door) -> None:
    async with door.agent() as agent:
        started = await agent.ask("memory_session_start", workspace_id="garage")
        stored = await agent.ask("memory_remember", content="The drill is red.", session_id=started["session_id"])
        assert stored["workspace_id"] == "garage"
        assert await agent.recalled("*") == []


async def test_the_header_names_the_session_of_every_call_and_begins_it_under_its_id(door: Door) -> None:
    async with door.agent(X_Session_ID="window-1") as agent, door.agent(X_Session_ID="window-2") as other:
        await agent.run("x = 41")
        assert (await agent.run("x + 1"))["result"] == "42"
        assert (await agent.ask("memory_session_status"))["id"] == "window-1"
        structure, _ = await other.failed("memory_context_exec", code="x")
        assert structure["error"]["type"] == "NameError"
        await agent.remember("For now only.", type="working")
        assert (await agent.ask("memory_session_end"))["session_id"] == "window-1"
        assert (await agent.ask("memory_context_status"))["exists"] is False


async def test_the_argument_says_more_than_the_header(door: Door) -> None:
    async with door.agent(X_Session_ID="window-1") as agent:
        started = await agent.ask("memory_session_start", workspace_id="garage")
        await agent.run("x = 1", session_id=started["session_id"])
        assert (await agent.ask("memory_context_status"))["exists"] is False
        assert (await agent.ask("memory_session_status", session_id=started["session_id"]))["workspaceId"] == "garage"


async def test_a_session_that_has_ended_is_refused_by_name_and_nothing_is_written(door: Door) -> None:
    async with door.agent() as agent:
        mine = {"session_id": (await agent.ask("memory_session_start"))["session_id"]}
        await agent.ask("memory_session_end", **mine)
        for tool, arguments in (("memory_remember", {"content": "Too late."}), *NEED_A_SESSION):
            assert "ended" in await agent.complaint(tool, **arguments, **mine), tool
        assert (await agent.ask("memory_statistics"))["total_memories"] == 0

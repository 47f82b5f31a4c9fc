"""What the session tools promise, at every door."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.support.agents import Agent

pytestmark = pytest.mark.anyio


async def test_where_there_is_a_connection_the_first_call_begins_a_session(connected_agent: Agent) -> None:
    await connected_agent.remember("Ana prefers green tea.")
    status = await connected_agent.ask("memory_session_status")
    assert status["active"]
    assert status["memoriesWritten"] == 1
    assert (await connected_agent.ask("memory_session_start"))["session_id"] == status["id"]


async def test_the_status_tells_of_the_session_and_what_was_written_in_it(agent: Agent) -> None:
    await agent.remember("Ana prefers green tea.")
    status = await agent.ask("memory_session_status")
    assert status["active"]
    assert status["enabled"]
    assert status["state"] == "active"
    assert re.fullmatch(r"sess_[0-9a-f]{32}", status["id"])
    assert status["serverSessionId"] == status["id"]
    assert status["workspaceId"] == "contract"
    assert status["workingMemoryCount"] == 0
    assert status["memoriesWritten"] == 1
    assert not status["committed"]
    assert status["createdAt"] < status["expiresAt"]


async def test_start_says_which_session_it_is_and_goes_on_with_the_one_in_use(agent: Agent) -> None:
    first = await agent.ask("memory_session_start", metadata={"task": "move"}, ttl_seconds=120)
    assert not first["reused"]
    assert first["server_session_id"] == first["session_id"]
    assert first["workspace_id"] == "contract"
    again = await agent.ask("memory_session_start")
    assert again["reused"]
    assert again["session_id"] == first["session_id"]
    assert (await agent.ask("memory_session_status"))["id"] == first["session_id"]


async def test_start_moves_later_calls_to_another_workspace_and_says_so(agent: Agent) -> None:
    await agent.remember("Ana prefers green tea.")
    moved = await agent.ask("memory_session_start", workspace_id="garage")
    assert moved["workspace_id"] == "garage"
    assert "garage" in moved["message"]
    assert await agent.recalled("*") == []
    stored = await agent.ask("memory_remember", content="The drill is in the red box.")
    assert stored["workspace_id"] == "garage"
    back = await agent.ask("memory_session_start", workspace_id="contract")
    assert not back["reused"]
    assert await agent.recalled("*") == ["Ana prefers green tea."]


async def test_commit_turns_notes_into_lasting_memories_once(agent: Agent) -> None:
    await agent.remember("Thanks! We decided to use PostgreSQL for billing. Is that fine?", type="working")
    result = await agent.ask("memory_session_commit")
    assert result["memories_extracted"] == result["memories_created"] == 1
    assert result["memories_deduplicated"] == 0
    assert result["breakdown"] == {"events": 1}
    assert result["session_still_active"]
    assert not result["working_memory_cleared"]
    [memory] = (await agent.ask("memory_recall", query="*"))["memories"]
    assert memory["id"] == result["memory_ids"][0]
    assert memory["content"] == "We decided to use PostgreSQL for billing."
    assert (memory["type"], memory["subtype"]) == ("episodic", "decision")
    again = await agent.ask("memory_session_commit")
    assert again["memories_created"] == again["memories_extracted"] == 0
    assert len(await agent.recalled("*")) == 1


async def test_the_threshold_leaves_out_what_matters_less(agent: Agent) -> None:
    await agent.remember("Maybe Kestrel could be renamed one day.", type="working")
    result = await agent.ask("memory_session_commit", importance_threshold=0.5)
    assert (result["memories_created"], result["left_out"]) == (0, 1)
    assert "still in the session" in result["message"]
    result = await agent.ask("memory_session_commit", importance_threshold=0)
    assert (result["memories_created"], result.get("left_out", 0)) == (1, 0)


async def test_end_commits_hands_over_and_the_next_call_begins_anew(agent: Agent) -> None:
    await agent.remember("We decided to use PostgreSQL for billing.", type="working")
    before = (await agent.ask("memory_session_status"))["id"]
    ended = await agent.ask("memory_session_end")
    assert ended["session_id"] == before
    assert ended["committed"]
    assert ended["memories_created"] == 1
    assert "PostgreSQL" in ended["handover"]
    assert (await agent.ask("memory_session_status"))["id"] != before
    assert await agent.recalled("*") == ["We decided to use PostgreSQL for billing."]
    assert "ended" in await agent.complaint("memory_session_start", session_id=before)


async def test_end_without_commit_lets_go_of_what_was_not_committed(agent: Agent) -> None:
    await agent.remember("We decided to use PostgreSQL for billing.", type="working")
    ended = await agent.ask("memory_session_end", commit=False)
    assert not ended["committed"]
    assert ended["memories_created"] == 0
    assert await agent.recalled("*") == []


async def test_there_is_nothing_to_end_or_commit_before_a_session_or_after_its_end(agent: Agent) -> None:
    assert "no session" in await agent.complaint("memory_session_end")
    assert "no session" in await agent.complaint("memory_session_commit")
    await agent.ask("memory_session_start")
    await agent.ask("memory_session_end")
    assert "no session" in await agent.complaint("memory_session_end")


BAD_CALLS: list[tuple[str, dict[str, Any], str]] = [
    ("memory_session_start", {"session_id": "sess_00000000000000000000000000000000"}, "no session"),
    ("memory_session_start", {"ttl_seconds": 59}, "at least 60"),
    ("memory_session_start", {"ttl_seconds": 86_401}, "at most 86400"),
    ("memory_session_start", {"ttl_seconds": "long"}, "whole number"),
    ("memory_session_start", {"metadata": "none"}, "object"),
    ("memory_session_start", {"workspace_id": "x" * 201}, "at most 200"),
    ("memory_session_start", {"workspace": "x"}, "`workspace`"),
    ("memory_session_end", {"commit": "maybe"}, "true or false"),
    ("memory_session_end", {"importance_threshold": 2}, "at most 1"),
    ("memory_session_commit", {"importance_threshold": -1}, "at least 0"),
    ("memory_session_commit", {"max_memories": 3}, "`max_memories`"),
    ("memory_session_status", {"session_id": "x"}, "no session 'x'"),
    ("memory_session_status", {"session_id": 7}, "`session_id`"),
    ("memory_recall", {"query": "x", "session_id": "y" * 201}, "`session_id`"),
]


async def test_a_wrong_session_call_says_how_to_mend_it_and_changes_nothing(agent: Agent) -> None:
    await agent.remember("We decided to use PostgreSQL for billing.", type="working")
    before = await agent.ask("memory_session_status")
    for tool, arguments, hint in BAD_CALLS:
        complaint = await agent.complaint(tool, **arguments)
        assert hint.lower() in complaint.lower(), (tool, arguments, complaint)
    assert await agent.ask("memory_session_status") == before


async def test_the_text_of_a_session_answer_is_as_complete_as_its_structure(agent: Agent) -> None:
    start = await agent.text("memory_session_start", context_id="kitchen")
    assert "sess_" in start
    assert "kitchen" in start
    assert "contract" in start
    await agent.remember("We decided to use PostgreSQL for billing.", type="working")
    status = await agent.text("memory_session_status")
    assert "is active" in status
    assert "not all committed" in status
    commit = await agent.text("memory_session_commit")
    assert "1 created" in commit
    assert "events 1" in commit
    assert "[mem_" in commit
    end = await agent.text("memory_session_end")
    assert "ended" in end
    assert "PostgreSQL" in end

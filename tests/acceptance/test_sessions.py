"""Sessions across real processes: continued, killed, expired, committed at once, kept apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING

import pytest

from bench.wire import Refused, Wire
from mcp_memory.models.base import stamp

if TYPE_CHECKING:
    from pathlib import Path

DECISION = "We decided to use PostgreSQL for billing."


def note(wire: Wire, content: str = DECISION) -> None:
    wire.tool("memory_remember", content=content, type="working")


def current(wire: Wire) -> str:
    return wire.tool("memory_session_status")["id"]


def everything(wire: Wire) -> list[str]:
    """The content of all memories that can be seen, oldest first."""
    return [memory["content"] for memory in wire.tool("memory_recall", query="*", limit=100)["memories"]][::-1]


def let_expire(folder: Path, session_id: str) -> None:
    """Make the session's time pass."""
    import apsw

    database = apsw.Connection(str(folder / "memory.db"))
    database.set_busy_timeout(10_000)
    past = stamp(datetime.now(UTC) - timedelta(seconds=1))
    database.execute("UPDATE sessions SET expires_at = ? WHERE id = ?", (past, session_id))
    assert database.changes() == 1
    database.close()


def test_what_one_window_began_another_goes_on_with(tmp_path: Path) -> None:
    with Wire(tmp_path) as one, Wire(tmp_path) as two:
        one.handshake()
        two.handshake()
        note(one)
        assert everything(two) == []
        session = current(one)
        assert current(two) != session
        started = two.tool("memory_session_start", session_id=session)
        assert started["reused"]
        assert everything(two) == [DECISION]
        assert two.tool("memory_session_end")["memories_created"] == 1
        told = one.tool("memory_remember", content="Ana leads the design team.")
        assert f"Session {session} ended" in told["message"]
        assert current(one) != session
        assert everything(one) == [DECISION, "Ana leads the design team."]


def test_a_session_survives_kill_nine_and_is_continued_by_its_id(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        note(wire)
        session = current(wire)
        wire.process.kill()
    with Wire(tmp_path, MCP_MEMORY_SESSION=session) as wire:
        wire.handshake()
        assert everything(wire) == [DECISION]
        assert current(wire) == session
        assert wire.tool("memory_session_commit")["memories_created"] == 1


@pytest.mark.parametrize("calls", [2, 6])
def test_a_commit_cut_off_by_kill_nine_is_whole_or_not_at_all(tmp_path: Path, calls: int) -> None:
    texts = [f"Service number {number} listens on port {8000 + number}." for number in range(30)]
    with Wire(tmp_path) as wire:
        wire.handshake()
        for text in texts:
            note(wire, text)
        session = current(wire)
        for _ in range(calls):
            number = wire.begin("tools/call", name="memory_session_commit", arguments={})
        if calls > 2:
            wire.answer(number - calls + 1)
        wire.process.kill()
    with Wire(tmp_path, MCP_MEMORY_SESSION=session) as wire:
        wire.handshake()
        assert sorted(everything(wire)) == sorted(texts)
        assert wire.tool("memory_session_commit")["memories_created"] in (0, 30)
        assert sorted(everything(wire)) == sorted(texts)
        assert {memory["type"] for memory in wire.tool("memory_recall", query="*", limit=100)["memories"]} == {
            "semantic"
        }


def test_an_expired_session_commits_by_itself_and_the_window_goes_on_in_a_new_one(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        note(wire)
        session = current(wire)
        let_expire(tmp_path, session)
        told = wire.tool("memory_remember", content="Ana leads the design team.")
        assert f"Session {session} expired" in told["message"]
        assert "1 memory created" in told["message"]
        assert current(wire) != session
        assert sorted(everything(wire)) == ["Ana leads the design team.", DECISION]


def test_a_session_that_expired_while_nobody_looked_is_swept_by_whoever_asks_for_it(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        note(wire)
        session = current(wire)
        wire.process.kill()
    let_expire(tmp_path, session)
    with Wire(tmp_path) as wire:
        wire.handshake()
        with pytest.raises(Refused, match=r"expired.*1 memory created"):
            wire.tool("memory_session_start", session_id=session)
        assert everything(wire) == [DECISION]


def test_a_server_sweeps_what_has_expired_by_itself(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        note(wire)
        session = current(wire)
        wire.process.kill()
    let_expire(tmp_path, session)
    with Wire(tmp_path) as wire:
        wire.handshake()
        deadline = monotonic() + 60
        while not everything(wire) and monotonic() < deadline:
            pass
        assert everything(wire) == [DECISION]


def test_a_session_that_shall_not_commit_leaves_nothing(tmp_path: Path) -> None:
    with Wire(tmp_path, MCP_MEMORY_SESSION_AUTO_COMMIT="false") as wire:
        wire.handshake()
        note(wire)
        let_expire(tmp_path, current(wire))
        assert (
            "does not commit by itself" in wire.tool("memory_remember", content="Ana leads the design team.")["message"]
        )
        assert everything(wire) == ["Ana leads the design team."]


def test_two_windows_that_commit_one_session_at_once_write_everything_once(tmp_path: Path) -> None:
    texts = [f"Service number {number} listens on port {8000 + number}." for number in range(20)]
    with Wire(tmp_path) as one, Wire(tmp_path) as two:
        one.handshake()
        two.handshake()
        for text in texts:
            note(one, text)
        two.tool("memory_session_start", session_id=current(one))
        waiting = [(wire, wire.begin("tools/call", name="memory_session_commit", arguments={})) for wire in (one, two)]
        results = [wire.answer(number)["structuredContent"] for wire, number in waiting]
        assert sorted(result["memories_created"] for result in results) == [0, 20]
        assert sorted(everything(one)) == sorted(texts)


def test_windows_do_not_see_each_others_notes(tmp_path: Path) -> None:
    with Wire(tmp_path) as one, Wire(tmp_path) as two, Wire(tmp_path, MCP_MEMORY_WORKSPACE="garage") as three:
        for wire in (one, two, three):
            wire.handshake()
        note(one)
        two.tool("memory_remember", content="Ana leads the design team.")
        assert everything(one) == [DECISION, "Ana leads the design team."]
        assert everything(two) == ["Ana leads the design team."]
        assert everything(three) == []
        with pytest.raises(Refused, match="workspace 'wire'"):
            three.tool("memory_session_start", session_id=current(one))


def test_a_session_set_from_outside_that_cannot_be_continued_is_refused_by_name(tmp_path: Path) -> None:
    with Wire(tmp_path, MCP_MEMORY_SESSION="sess_gone") as wire:
        wire.handshake()
        with pytest.raises(Refused, match=r"MCP_MEMORY_SESSION.*sess_gone"):
            wire.tool("memory_remember", content="Ana leads the design team.")
        wire.tool("memory_session_start")
        wire.tool("memory_remember", content="Ana leads the design team.")
        assert everything(wire) == ["Ana leads the design team."]


def test_without_sessions_that_begin_by_themselves_memories_belong_to_none(tmp_path: Path) -> None:
    with Wire(tmp_path, MCP_MEMORY_AUTO_SESSION="false") as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Ana leads the design team.")
        status = wire.tool("memory_session_status")
        assert (status["active"], status["state"]) == (False, "none")
        session = wire.tool("memory_session_start")["session_id"]
        assert current(wire) == session

"""The context environment across real server processes: restarted, killed, shared, spinning, tampered with."""

from __future__ import annotations

from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from bench.wire import Refused, Wire

if TYPE_CHECKING:
    from pathlib import Path

CALLS = 8


def session_of(wire: Wire) -> str:
    session: str = wire.tool("memory_session_status")["id"]
    return session


def begin_exec(wire: Wire, code: str) -> int:
    """Send code to be run, without waiting."""
    return wire.begin("tools/call", name="memory_context_exec", arguments={"code": code})


def value(wire: Wire, code: str) -> str | None:
    """What an expression comes to."""
    ran = wire.tool("memory_context_exec", code=code)
    assert not ran.get("error"), ran
    result: str | None = ran.get("result")
    return result


def keep(wire: Wire, name: str) -> None:
    """Name the present state."""
    assert succeeded(wire.request("tools/call", name="memory_context_checkpoint", arguments={"name": name}))


def succeeded(answer: dict[str, Any]) -> bool:
    return not answer.get("isError") and not answer["structuredContent"].get("error")


def change(folder: Path, statement: str, *values: object) -> None:
    """Do to the database what no program of ours does."""
    with closing(apsw.Connection(str(folder / "memory.db"))) as database:
        database.set_busy_timeout(10_000)
        database.execute(statement, values)
        assert database.changes() == 1


def test_variables_and_functions_survive_a_restart(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        wire.tool("memory_remember", content="The cache is flushed at noon.")
        assert wire.tool("memory_context_load", var="notes", query="*")["count"] == 1
        value(wire, "def shout():\n    return [n['content'].upper() for n in notes]")
        session = session_of(wire)
        wire.end()
    with Wire(tmp_path, MCP_MEMORY_SESSION=session) as again:
        again.handshake()
        assert value(again, "shout()") == "['THE CACHE IS FLUSHED AT NOON.']"


def test_a_kill_in_the_middle_of_a_call_leaves_the_state_before_it(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        value(wire, "kept = [1]")
        session = session_of(wire)
        begin_exec(wire, "kept.append(2)\nlost = 1\nwhile True:\n    pass")
        assert wire.tool("memory_context_status")["exists"]
        wire.process.kill()
        wire.process.wait(timeout=10)
    with Wire(tmp_path, MCP_MEMORY_SESSION=session) as again:
        again.handshake()
        assert value(again, "kept") == "[1]"
        assert again.tool("memory_context_status")["variables"] == ["kept"]


def test_calls_acknowledged_before_a_kill_are_kept(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        session = session_of(wire)
        value(wire, "seen = []")
        for number in range(5):
            value(wire, f"seen.append({number})")
        wire.process.kill()
        wire.process.wait(timeout=10)
    with Wire(tmp_path, MCP_MEMORY_SESSION=session) as again:
        again.handshake()
        assert value(again, "seen") == "[0, 1, 2, 3, 4]"


def test_eight_calls_at_once_on_one_session_all_take_effect(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        value(wire, "counter = 0")
        waiting = [begin_exec(wire, "counter += 1") for _ in range(CALLS)]
        assert all(succeeded(wire.answer(number)) for number in waiting)
        assert value(wire, "counter") == str(CALLS)


def test_two_processes_on_one_session_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    with Wire(tmp_path) as one:
        one.handshake()
        value(one, "seen = []")
        with Wire(tmp_path, MCP_MEMORY_SESSION=session_of(one)) as two:
            two.handshake()
            waiting = [
                (wire, name, begin_exec(wire, f"seen.append({name!r})"))
                for number in range(CALLS)
                for wire, name in ((one, f"one {number}"), (two, f"two {number}"))
            ]
            kept = sorted(name for wire, name, number in waiting if succeeded(wire.answer(number)))
            assert {name[:3] for name in kept} == {"one", "two"}
            assert value(one, "sorted(seen)") == value(two, "sorted(seen)") == repr(kept)


def test_code_that_spins_delays_neither_a_recall_nor_another_session(tmp_path: Path) -> None:
    with ExitStack() as stack:
        wire = stack.enter_context(Wire(tmp_path, MCP_MEMORY_SANDBOX_SECONDS="2")).handshake()
        wire.tool("memory_remember", content="The deploy key is rotated on Fridays.")
        value(wire, "kept = 1")
        spinning = begin_exec(wire, "kept = 2\nwhile True:\n    pass")
        assert wire.tool("memory_recall", query="deploy key")["memories"]
        assert wire.tool("memory_context_inspect", variable="kept")["preview"] == "1"
        other = stack.enter_context(Wire(tmp_path)).handshake()
        assert value(other, "1 + 1") == "2"
        assert spinning not in wire.answers
        error = wire.answer(spinning)["structuredContent"]["error"]
        assert (error["type"], error["rolled_back"]) == ("TimeoutError", True)
        assert value(wire, "kept") == "1"


def test_the_end_of_the_session_removes_the_environment_with_its_checkpoints(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        value(wire, "kept = 'a secret of the session'")
        keep(wire, "one")
        wire.tool("memory_session_end", commit=False)
        with closing(apsw.Connection(str(tmp_path / "memory.db"))) as database:
            tables = ("environments", "environment_states", "environment_variables", "environment_checkpoints")
            left = {table: database.execute(f"SELECT count(*) FROM {table}").get for table in tables}
        assert left == dict.fromkeys(tables, 0)


def test_a_checkpoint_is_returned_to_after_a_restart(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        value(wire, "kept = 1")
        keep(wire, "first")
        value(wire, "kept = 2")
        session = session_of(wire)
        wire.end()
    with Wire(tmp_path, MCP_MEMORY_SESSION=session) as again:
        again.handshake()
        assert value(again, "kept") == "2"
        assert again.tool("memory_context_checkpoint", restore="first")["restored"]
        assert value(again, "kept") == "1"


def test_a_state_that_was_tampered_with_is_not_loaded(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        value(wire, "kept = [1, 2]\ndef f():\n    return 1")
        session = session_of(wire)
        change(
            tmp_path,
            "UPDATE environment_states "
            "SET state = CAST(substr(state, 1, 1000) || x'ff' || substr(state, 1002) AS BLOB) WHERE session_id = ?",
            session,
        )
        ran = wire.tool("memory_context_exec", code="kept")
        assert ran["result"] == "[1, 2]"
        assert "kept" in ran["note"]
        assert "f (function)" in ran["note"]
        assert wire.tool("memory_context_status")["metadata"]["restored"]


def test_the_state_of_another_session_is_not_loaded(tmp_path: Path) -> None:
    with Wire(tmp_path) as one, Wire(tmp_path) as two:
        one.handshake()
        two.handshake()
        value(one, "whose = ['one']")
        value(two, "whose = ['two']")
        change(
            tmp_path,
            "UPDATE environment_states SET (engine, seal, state) = (SELECT engine, seal, state "
            "FROM environment_states WHERE session_id = ?) WHERE session_id = ?",
            session_of(two),
            session_of(one),
        )
        ran = one.tool("memory_context_exec", code="whose")
        assert ran["result"] == "['one']"
        assert ran["note"]


def test_an_unknown_session_is_refused_by_every_tool(tmp_path: Path) -> None:
    with Wire(tmp_path, MCP_MEMORY_AUTO_SESSION="false") as wire:
        wire.handshake()
        for name, arguments in (
            ("exec", {"code": "1"}),
            ("inspect", {}),
            ("load", {"var": "a", "query": "*"}),
            ("inject", {"key": "a", "value": "1"}),
            ("status", {}),
            ("checkpoint", {}),
        ):
            with pytest.raises(Refused, match="memory_session_start"):
                wire.tool(f"memory_context_{name}", **arguments)

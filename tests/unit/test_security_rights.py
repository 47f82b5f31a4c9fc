"""What a known caller may do over MCP."""

from __future__ import annotations

import pytest

from mcp_memory.rest.caller import LOCAL, Caller
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.security.rights import check_tool, right_of_tool
from mcp_memory.tools.counter import TOOLS

READER = Caller("ana", frozenset(("read",)))
WRITER = Caller("ben", frozenset(("write",)))
BOUND = Caller("eve", frozenset(("read", "write")), "team")
ADMIN = Caller("root", frozenset(("admin",)))


def refused(caller: Caller, tool: str, **arguments: object) -> str:
    try:
        check_tool(caller, TOOLS[tool], arguments)
    except Refusal as refusal:
        return f"{refusal.status}: {refusal.detail}"
    return ""


def test_what_may_change_something_needs_write_and_the_rest_read() -> None:
    rights = {name: right_of_tool(spec) for name, spec in TOOLS.items()}
    assert {name for name, right in rights.items() if right == "read"} == {
        name for name, spec in TOOLS.items() if spec.read_only
    }
    for name in ("memory_remember", "memory_forget", "memory_associate", "memory_session_commit", "memory_audit"):
        assert rights[name] == "write"
    for name in ("memory_recall", "memory_reflect", "memory_briefing", "memory_graph_query"):
        assert rights[name] == "read"


@pytest.mark.parametrize("tool", TOOLS)
def test_a_key_calls_what_it_allows_and_nothing_else(tool: str) -> None:
    reads = right_of_tool(TOOLS[tool]) == "read"
    assert bool(refused(READER, tool)) is not reads
    assert bool(refused(WRITER, tool)) is reads
    assert refused(ADMIN, tool) == refused(LOCAL, tool) == refused(BOUND, tool) == ""


def test_a_refusal_names_the_right_and_the_tool() -> None:
    said = refused(READER, "memory_forget", memory_id="mem_1")
    assert said == "403: This key does not allow to write, which memory_forget does."


@pytest.mark.parametrize("named", ["other", " other ", "Team", "team2", "_global"])
def test_a_bound_key_names_no_other_workspace_in_an_argument(named: str) -> None:
    assert "may not see" in refused(BOUND, "memory_session_start", workspace_id=named)
    assert refused(READER.__class__("ana", BOUND.rights), "memory_session_start", workspace_id=named) == ""


def test_a_bound_key_may_name_its_own_workspace_or_none() -> None:
    for named in ("team", " team ", "", None):
        assert refused(BOUND, "memory_session_start", workspace_id=named) == ""

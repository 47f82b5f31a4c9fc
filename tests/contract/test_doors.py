"""Every verb on every door: what of `Memory` the tools, the REST routes and the commands of the terminal offer."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest

from mcp_memory import cli, rest, tools
from mcp_memory.cli import main
from mcp_memory.core.memory import Memory
from mcp_memory.models import memory as models
from mcp_memory.rest.endpoint import Endpoint
from mcp_memory.rest.table import ENDPOINTS
from mcp_memory.tools.counter import TOOLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


@dataclass(frozen=True)
class Doors:
    """Where a verb can be reached; empty: not there."""

    tool: str = ""
    routes: tuple[str, ...] = ()
    command: str = ""


VERBS = {
    "remember": Doors(tool="memory_remember", routes=("POST /v1/memories",), command="remember"),
    "recall": Doors(tool="memory_recall", routes=("POST /v1/memories/recall",), command="recall"),
    "reflect": Doors(tool="memory_reflect", routes=("POST /v1/memories/reflect",)),
    "forget": Doors(tool="memory_forget", routes=("DELETE /v1/memories/{memory_id}",), command="forget"),
    "restore": Doors(routes=("POST /v1/memories/{memory_id}/restore",), command="restore"),
    "get_memory": Doors(routes=("GET /v1/memories/{memory_id}",)),
    "update_memory": Doors(routes=("PUT /v1/memories/{memory_id}",)),
    "decay": Doors(routes=("POST /v1/memories/{memory_id}/decay",)),
    "trace": Doors(routes=("GET /v1/memories/{memory_id}/trace",)),
    "batch": Doors(routes=("POST /v1/memories/batch",)),
    "statistics": Doors(tool="memory_statistics", routes=("GET /v1/statistics",), command="statistics"),
    "audit": Doors(tool="memory_audit", routes=("POST /v1/audit",)),
    "associate": Doors(
        tool="memory_associate",
        routes=(
            "POST /v1/memories/{memory_id}/associate",
            "PATCH /v1/memories/{memory_id}/associations/{association_id}",
        ),
    ),
    "associations": Doors(routes=("GET /v1/memories/{memory_id}/associations",)),
    "dissociate": Doors(
        routes=(
            "DELETE /v1/memories/{memory_id}/associations/{association_id}",
            "DELETE /v1/associations/{association_id}",
        )
    ),
    "graph_query": Doors(tool="memory_graph_query", routes=("POST /v1/memories/{memory_id}/traverse",)),
    "briefing": Doors(tool="memory_briefing", routes=("GET /v1/sessions/briefing",), command="briefing"),
    "audit_events": Doors(routes=("GET /v1/audit/events",)),
    "audit_summary": Doors(routes=("GET /v1/audit/events/summary",)),
    "backup": Doors(command="backup"),
    "commit_session": Doors(
        tool="memory_session_commit", routes=("POST /v1/sessions/{session_id}/commit",), command="session commit"
    ),
    "context_checkpoint": Doors(
        tool="memory_context_checkpoint", routes=("POST /v1/context/checkpoint",), command="context checkpoint"
    ),
    "context_cleanup": Doors(routes=("DELETE /v1/context/cleanup",), command="context cleanup"),
    "context_exec": Doors(tool="memory_context_exec", routes=("POST /v1/context/execute",), command="context exec"),
    "context_inject": Doors(
        tool="memory_context_inject", routes=("POST /v1/context/inject",), command="context inject"
    ),
    "context_inspect": Doors(
        tool="memory_context_inspect", routes=("POST /v1/context/inspect",), command="context inspect"
    ),
    "context_load": Doors(tool="memory_context_load", routes=("POST /v1/context/load",), command="context load"),
    "context_query": Doors(tool="memory_context_query", routes=("POST /v1/context/query",), command="context query"),
    "context_rlm": Doors(tool="memory_context_rlm", routes=("POST /v1/context/rlm",), command="context rlm"),
    "context_status": Doors(tool="memory_context_status", routes=("GET /v1/context/status",), command="context status"),
    "create_key": Doors(command="keys create"),
    "create_workspace": Doors(routes=("POST /v1/workspaces",)),
    "delete_session": Doors(routes=("DELETE /v1/sessions/{session_id}",)),
    "delete_workspace": Doors(routes=("DELETE /v1/workspaces/{workspace_id}",)),
    "derive_insights": Doors(routes=("POST /v1/entities/{entity_id}/derive",)),
    "doctor": Doors(command="doctor"),
    "end_session": Doors(tool="memory_session_end", command="session end"),
    "entity_card": Doors(routes=("GET /v1/entities/{entity_id}/card",)),
    "entity_insights": Doors(routes=("GET /v1/entities/{entity_id}/insights",)),
    "export": Doors(command="export"),
    "export_workspace": Doors(routes=("GET /v1/workspaces/{workspace_id}/export",)),
    "get_session": Doors(routes=("GET /v1/sessions/{session_id}",)),
    "get_workspace": Doors(routes=("GET /v1/workspaces/{workspace_id}",)),
    "import_lines": Doors(command="import"),
    "import_workspace": Doors(routes=("POST /v1/workspaces/{workspace_id}/import",)),
    "list_contradictions": Doors(routes=("GET /v1/workspaces/{workspace_id}/contradictions",)),
    "list_keys": Doors(command="keys list"),
    "list_sessions": Doors(routes=("GET /v1/sessions",), command="session list"),
    "list_workspaces": Doors(routes=("GET /v1/workspaces",)),
    "open_session": Doors(routes=("POST /v1/sessions",)),
    "reindex": Doors(command="reindex"),
    "resolve_contradiction": Doors(routes=("POST /v1/contradictions/{contradiction_id}/resolve",)),
    "revoke_key": Doors(command="keys revoke"),
    "scan_contradictions": Doors(routes=("POST /v1/workspaces/{workspace_id}/contradictions/scan",)),
    "session_status": Doors(tool="memory_session_status", command="session status"),
    "set_working": Doors(routes=("POST /v1/sessions/{session_id}/memory",), command="session set"),
    "start_session": Doors(tool="memory_session_start", command="session start"),
    "touch_session": Doors(routes=("POST /v1/sessions/{session_id}/touch",)),
    "update_workspace": Doors(routes=("PUT /v1/workspaces/{workspace_id}",)),
    "working": Doors(routes=("GET /v1/sessions/{session_id}/memory",), command="session get"),
    "working_value": Doors(),
    "workspace_schema": Doors(routes=("GET /v1/workspaces/{workspace_id}/schema",)),
}
"""The table. MemoryLayer's 21 tools are all there are: each costs every client tokens. What is about the server's own
machine (keys, copies, the whole store) is the terminal's alone; what needs ids that only programs have at hand is not.
"""

NO_VERBS = {
    "open",
    "close",
    "warm_up",
    "maintain",
    "scope_of",
    "scope_in",
    "find_key",
    "has_keys",
    "count_keys",
    "note_key_use",
    "record_event",
}
"""Methods of `Memory` for doors themselves: its life, scopes, keys at the door, refusals in the audit trail."""

ROUTES_WITHOUT_VERB = {
    "GET /v1/memories",
    "POST /v1/workspaces/{workspace_id}/contexts",
    "GET /v1/workspaces/{workspace_id}/contexts",
}
"""A page of the store, and the parts of a workspace."""

COMMANDS_WITHOUT_VERB = {"demo", "serve", "config", "contexts list", "contexts create", "restore-backup"}
"""What is about the program, or about files."""

BY_ANOTHER_NAME = {"import_workspace": "import_lines", "get_session": "named_session"}
"""What the code of a door calls where that is not the verb itself: a route takes lines as they arrive; another shares
with its neighbours how a session is found.
"""


def _verbs() -> set[str]:
    return {name for name, _ in inspect.getmembers(Memory, inspect.isfunction) if not name.startswith("_")} - NO_VERBS


def _routes() -> Iterator[tuple[str, Endpoint]]:
    for endpoint in ENDPOINTS:
        if isinstance(endpoint, Endpoint) and endpoint.status != 501:
            yield f"{endpoint.method} {endpoint.path}", endpoint


def _commands(group: click.Group = main, before: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _names_in(module: str) -> set[str]:
    """Everything that a module's code calls by name."""
    tree = ast.parse(Path(importlib.import_module(module).__file__ or "").read_text())
    attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return attributes | {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def _called(verb: str) -> str:
    return BY_ANOTHER_NAME.get(verb, verb)


def test_every_verb_stands_in_the_table_and_nothing_else_does() -> None:
    assert _verbs() == VERBS.keys()
    assert set(dir(Memory)) >= NO_VERBS


def test_no_verb_is_without_a_door() -> None:
    inside = {verb for verb, doors in VERBS.items() if doors == Doors()}
    assert inside == {"working_value"}  # the values of a session are read together: by `working`


def test_the_tools_are_those_of_the_table() -> None:
    assert {name: spec.verb.__name__ for name, spec in TOOLS.items()} == {
        doors.tool: verb for verb, doors in VERBS.items() if doors.tool
    }
    assert len(TOOLS) == 21


@pytest.mark.parametrize("name", TOOLS)
def test_a_tool_calls_the_verb_itself(name: str) -> None:
    verb = TOOLS[name].verb
    assert verb is getattr(Memory, verb.__name__)


def test_the_routes_are_those_of_the_table() -> None:
    served = {where: endpoint.verb for where, endpoint in _routes()}
    wanted = {where: verb for verb, doors in VERBS.items() for where in doors.routes}
    assert served == wanted | dict.fromkeys(ROUTES_WITHOUT_VERB, "")


def test_no_route_is_there_twice() -> None:
    counted = Counter(re.sub(r"{[^}]*}", "{}", where) for where, _ in _routes())
    assert [where for where, times in counted.items() if times > 1] == []


@pytest.mark.parametrize(("where", "endpoint"), [pytest.param(*one, id=one[0]) for one in _routes() if one[1].verb])
def test_a_route_calls_its_verb(where: str, endpoint: Endpoint) -> None:
    assert _called(endpoint.verb) in _names_in(endpoint.handler.__module__), where


def test_the_commands_are_those_of_the_table() -> None:
    named = {doors.command for doors in VERBS.values() if doors.command}
    assert {name for name, _ in _commands()} == named | COMMANDS_WITHOUT_VERB


@pytest.mark.parametrize("verb", [verb for verb, doors in VERBS.items() if doors.command])
def test_a_command_calls_its_verb(verb: str) -> None:
    command: Any = dict(_commands())[VERBS[verb].command]
    assert _called(verb) in _names_in(command.callback.__module__)


@pytest.mark.parametrize("door", [cli, rest, tools], ids=lambda door: door.__name__)
def test_no_door_calls_a_verb_that_is_not_there(door: ModuleType) -> None:
    there = {*dir(Memory), *dir(models.Memory)}
    wrong = [f"{where}: memory.{name}()" for where, name in _calls_of_memory(door) if name not in there]
    assert wrong == []


def _calls_of_memory(door: ModuleType) -> Iterator[tuple[str, str]]:
    """The methods that are called on anything called `memory`, and where."""
    for module in sorted(Path(door.__file__ or "").parent.rglob("*.py")):
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_memory(node.func.value):
                yield f"{module.name}:{node.lineno}", node.func.attr


def _is_memory(value: ast.expr) -> bool:
    name = value.id if isinstance(value, ast.Name) else value.attr if isinstance(value, ast.Attribute) else ""
    return name in ("memory", "_memory", "service")

"""What a known caller may do: 403 where it is too little, never 401."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from mcp_memory.rest.failures import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from mcp_memory.rest.caller import Caller
    from mcp_memory.tools.spec import ToolSpec


def right_of_tool(spec: ToolSpec) -> Literal["read", "write"]:
    """What a key must allow for this tool."""
    return "read" if spec.read_only else "write"


def check_tool(caller: Caller, spec: ToolSpec, arguments: Mapping[str, Any]) -> None:
    """Let the caller call the tool with these arguments.

    Raises:
        Refusal: 403, where the key lacks the right, or an argument names another workspace than the key's.
    """
    right = right_of_tool(spec)
    if not caller.allows(right):
        raise Refusal(403, f"This key does not allow to {right}, which {spec.name} does.")
    named = arguments.get("workspace_id")
    if isinstance(named, str) and named.strip():
        check_workspace(caller, named.strip())


def check_workspace(caller: Caller, workspace_id: str) -> None:
    """Let the caller into the workspace.

    Raises:
        Refusal: 403, where the key is another workspace's.
    """
    if caller.workspace_id and caller.workspace_id != workspace_id:
        raise Refusal(403, "This key may not see that workspace.")


def note_refused(request: Request) -> None:
    """Put it into the audit trail that something was refused to the caller in an answer that is none by its status."""
    note: Any = request.scope.get("state", {}).get("note_refused")
    if note is not None:
        note()

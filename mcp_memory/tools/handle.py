"""`session_id` as an argument of tool calls: the session a call belongs to, where a connection does not say it.

Every tool takes it, and those for which the session matters most say so. `memory_session_start` has a `session_id` of
its own: the session to continue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from mcp_memory.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeVar

    from mcp_memory.core.resources import Scope
    from mcp_memory.core.session_keeper import Need
    from mcp_memory.models.base import Result
    from mcp_memory.tools.spec import ToolSpec

    Answer = TypeVar("Answer", bound=Result)

HANDLE: Final = "session_id"
MOST_CHARS: Final = 200

HINTS: Final = {"memory_remember": "of memory_session_start; every tool takes it", "memory_recall": ""}
"""Tools that say so besides those of sessions and of the context environment; the hint stands once."""

FAMILIES: Final = ("memory_session_", "memory_context_")


class Keeper(Protocol):
    """Who knows in which session calls happen."""

    async def scope_of(self, author: str, need: Need) -> Scope:
        """Where a call with this need of a session happens."""

    async def scope_in(self, author: str, session_id: str) -> Scope:
        """Where a call happens that names its session."""

    def follow(self, result: Result) -> None:
        """Take notice of a result that chose or ended a session."""

    def told(self, result: Answer) -> Answer:
        """The result, with what there is to say about the session."""


def declared(spec: ToolSpec, schema: dict[str, Any]) -> dict[str, Any]:
    """The tool's input schema with the handle, where the tool says that it takes one."""
    properties = schema["properties"]
    if HANDLE in properties or not (spec.name in HINTS or spec.name.startswith(FAMILIES)):
        return schema
    hint = HINTS.get(spec.name, "")
    handle = {"type": "string"} | ({"description": hint} if hint else {})
    return {**schema, "properties": {**properties, HANDLE: handle}}


def parted(spec: ToolSpec, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The handle, empty where none was given, and the other arguments.

    Raises:
        InvalidRequest: it is no text, or too long.
    """
    if HANDLE in spec.parameters or HANDLE not in arguments:
        return "", dict(arguments)
    handle = arguments[HANDLE]
    if handle is not None and not (isinstance(handle, str) and len(handle) <= MOST_CHARS and "\0" not in handle):
        raise InvalidRequest(
            f"`{HANDLE}` must be the id that memory_session_start gave, at most {MOST_CHARS} characters."
        )
    return (handle or "").strip(), {name: value for name, value in arguments.items() if name != HANDLE}


def works_on_session(spec: ToolSpec, arguments: Mapping[str, Any]) -> bool:
    """Whether the call can do nothing without a session; a note of a session nobody has would be found by nobody."""
    if spec.name == "memory_remember":
        return arguments.get("type") == "working"
    return spec.name in ("memory_session_end", "memory_session_commit") or spec.name.startswith("memory_context_")

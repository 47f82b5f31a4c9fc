"""What a tool is: a name, words for the model, and the verb it delegates to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_memory.models.base import Request, Result

if TYPE_CHECKING:
    from mcp_memory.core.environment.progress import Report
    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.core.session_keeper import Need

Verb = Callable[..., Awaitable[Result]]
"""Takes the memory, the request, the scope, and a `Report` where the tool `reports`."""


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One tool. `parameters` are the request's fields it offers, each with a hint for the model or an empty one."""

    name: str
    description: str
    verb: Verb
    request: type[Request]
    result: type[Result]
    parameters: Mapping[str, str]
    read_only: bool = True
    destructive: bool = False
    idempotent: bool = True
    leading: tuple[str, ...] = field(default=())
    """The result's fields that the output schema names."""
    unlisted: tuple[str, ...] = ()
    """Parameters whose possible values another tool's schema already lists."""
    session: Need = "active"
    """The session it wants to be called in."""
    reports: bool = False
    """Whether it takes long enough to tell of its progress."""

    async def carry_out(self, memory: Memory, request: Request, scope: Scope, report: Report) -> Result:
        """What the verb makes of the request."""
        progress = (report,) if self.reports else ()
        return await self.verb(memory, request, scope, *progress)

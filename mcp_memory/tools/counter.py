"""Where tool calls are served: every tool of the table, over one memory."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from mcp import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, Tool, ToolAnnotations
from pydantic import ValidationError

from mcp_memory.core.session_keeper import SessionKeeper
from mcp_memory.errors import InvalidRequest, McpMemoryError
from mcp_memory.models.validation import explain
from mcp_memory.tools.context import CONTEXT_TOOLS
from mcp_memory.tools.core import CORE_TOOLS
from mcp_memory.tools.handle import declared, parted
from mcp_memory.tools.results import answer, failure
from mcp_memory.tools.schema import input_schema, output_schema
from mcp_memory.tools.session import SESSION_TOOLS

if TYPE_CHECKING:
    from mcp_memory.core.environment.progress import Report
    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.tools.handle import Keeper
    from mcp_memory.tools.spec import ToolSpec

logger = logging.getLogger(__name__)

TOOLS = {spec.name: spec for spec in (*CORE_TOOLS, *SESSION_TOOLS, *CONTEXT_TOOLS)}


class Counter:
    """Serves the tool calls of one connection over a memory, in the session its keeper keeps."""

    def __init__(self, memory: Memory, keeper: Keeper | None = None) -> None:
        self.memory = memory
        self.keeper = keeper or SessionKeeper(memory)

    async def serve(self, name: str, arguments: dict[str, Any], author: str, report: Report) -> CallToolResult:
        """The result of a call, or what is wrong with it; an unknown tool is a protocol error.

        A long call tells `report` where it is; cancelling one cancels its verb.
        """
        spec = TOOLS.get(name)
        if spec is None:
            raise MCPError(INVALID_PARAMS, f"No tool is called {name!r}; there are {', '.join(TOOLS)}.")
        return await self._answer(spec, arguments, author, report)

    async def _answer(self, spec: ToolSpec, arguments: dict[str, Any], author: str, report: Report) -> CallToolResult:
        try:
            session_id, arguments = parted(spec, arguments)
            _refuse_unknown(spec, arguments)
            request = spec.request.model_validate(arguments)
            scope = await self._scope(spec, author, session_id)
            result = await spec.carry_out(self.memory, request, scope, report)
            self.keeper.follow(result)
            return answer(self.keeper.told(result))
        except ValidationError as error:
            return failure(explain(error))
        except McpMemoryError as error:
            return failure(self.wording(error))
        except Exception:
            logger.exception("%s failed unexpectedly", spec.name)
            return failure(f"{spec.name} failed unexpectedly. `mcp-memory doctor` may say why.")

    async def _scope(self, spec: ToolSpec, author: str, session_id: str) -> Scope:
        if session_id:
            return await self.keeper.scope_in(author, session_id)
        return await self.keeper.scope_of(author, spec.session)

    def wording(self, error: McpMemoryError) -> str:
        """What the caller is told about an error."""
        return str(error)


def tool_list() -> list[Tool]:
    """The tools as the wire has them, in their fixed order, made from the models: what `catalogue.json` holds."""
    return [
        Tool(
            name=spec.name,
            description=spec.description,
            input_schema=declared(spec, input_schema(spec.request, spec.parameters, spec.unlisted)),
            output_schema=output_schema(spec.result, spec.leading),
            annotations=_annotations(spec),
        )
        for spec in TOOLS.values()
    ]


def _annotations(spec: ToolSpec) -> ToolAnnotations:
    if spec.read_only:
        return ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return ToolAnnotations(
        destructive_hint=spec.destructive,
        idempotent_hint=spec.idempotent,
        open_world_hint=False,
    )


def _refuse_unknown(spec: ToolSpec, arguments: dict[str, Any]) -> None:
    unknown = [name for name in arguments if name not in spec.parameters]
    if unknown:
        raise InvalidRequest(
            f"{spec.name} has no parameter {', '.join(f'`{name}`' for name in unknown)}; "
            f"its parameters are {', '.join(spec.parameters)}."
        )

"""Running code in the session's environment."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.changes import Excess
from mcp_memory.core.environment.keeper import Keeper
from mcp_memory.core.environment.names import refuse_reserved
from mcp_memory.core.environment.telling import code_error, excess_error
from mcp_memory.core.environment.tools import model_tools, recall_tool
from mcp_memory.models.environment import ContextExecuted
from mcp_memory.sandbox.base import Ran, SandboxFailed

if TYPE_CHECKING:
    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.environment.keeper import Kept
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.environment import CodeError, ContextExec
    from mcp_memory.sandbox.base import HostTool

NO_MODEL: Final = (
    "No language model is configured (MCP_MEMORY_LLM_MODEL), so there is no such function: read the data with code, "
    "print what matters, and judge it yourself."
)


async def execute(
    resources: Resources, policy: SessionPolicy, environments: Environments, request: ContextExec, scope: Scope
) -> ContextExecuted:
    """Run code; what went wrong in it is part of the result, and then says whether anything was kept.

    Raises:
        InvalidRequest: no session, a reserved `result_var`, another process kept writing, or the workspace's quota.
        SandboxUnavailable: it cannot run here.
    """
    started = perf_counter()
    refuse_reserved(request.result_var, environments.sandbox)
    call = _Call(resources, environments, request, scope)
    kept: Kept[None] | None = None
    try:
        kept = await Keeper(resources, policy, environments, scope).work_on(call.work)
        error = call.error()
    except SandboxFailed as failed:
        error = code_error(replace(failed.failure, fatal=True))
    except Excess as excess:
        error = excess_error(excess)
    return ContextExecuted(
        session_id=scope.session_id,
        workspace_id=scope.workspace_id,
        output=call.ran.output,
        output_cut=call.ran.output_cut,
        result=call.ran.result if request.return_result else None,
        error=error,
        variables_changed=kept.changed if kept else [],
        note=kept.note if kept else None,
        duration_ms=round((perf_counter() - started) * 1000),
    )


@dataclass(slots=True)
class _Call:
    """One piece of code, and what came of running it last."""

    resources: Resources
    environments: Environments
    request: ContextExec
    scope: Scope
    ran: Ran = field(default_factory=Ran)

    async def work(self, desk: Desk) -> None:
        request = self.request
        self.ran = await desk.run(
            request.code, self._tools(desk), result_var=request.result_var, result_chars=request.max_return_chars
        )

    def error(self) -> CodeError | None:
        """What the code did wrong, if it did."""
        failure = self.ran.failure
        if failure is None:
            return None
        if self.resources.model is None and failure.type == "NameError" and "llm_query" in failure.message:
            return code_error(replace(failure, hint=NO_MODEL))
        return code_error(failure)

    def _tools(self, desk: Desk) -> dict[str, HostTool]:
        """New ones for each attempt: what one has used up is not missing in the next."""
        resources = self.resources
        tools = recall_tool(resources, self.scope, self.environments.policy.most_recalls)
        if resources.model is None:
            return tools
        from mcp_memory.llm.budget import Budget, Budgeted

        budget = Budget(resources.limits.llm_calls, resources.limits.llm_tokens)
        return tools | model_tools(Budgeted(resources.model, budget), desk)

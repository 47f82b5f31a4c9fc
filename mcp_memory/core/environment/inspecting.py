"""Looking at the environment; nothing here changes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.environment.keeper import Keeper
from mcp_memory.core.environment.telling import listed
from mcp_memory.core.environment.tools import tool_names
from mcp_memory.errors import InvalidRequest, SandboxUnavailable
from mcp_memory.models.environment import ContextInspected, ContextMetadata, ContextStatus, VariableInfo

if TYPE_CHECKING:
    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.environment import ContextInspect, ContextStatusRequest, Environment
    from mcp_memory.sandbox.base import Variable


async def inspect(
    resources: Resources, policy: SessionPolicy, environments: Environments, request: ContextInspect, scope: Scope
) -> ContextInspected:
    """All variables, or the one that is named.

    Raises:
        InvalidRequest: no session, or no such variable.
        SandboxUnavailable: it cannot run here.
        SandboxFailed: a variable is too large to be looked at within the limits.
    """

    async def work(desk: Desk) -> ContextInspected:
        found = await (_one if request.variable else _all)(desk, request)
        return found.model_copy(update={"note": desk.note})

    return await Keeper(resources, policy, environments, scope).look_at(work)


async def status(
    resources: Resources, policy: SessionPolicy, environments: Environments, _: ContextStatusRequest, scope: Scope
) -> ContextStatus:
    """Where the environment stands, as it is stored; no code is run, and no call is waited for.

    Raises:
        InvalidRequest: no session.
    """
    session = await Keeper(resources, policy, environments, scope).session()
    stored = await resources.store.environment(session.id)
    variables = stored.variables if stored else ()
    ready = await _readiness(environments)
    return ContextStatus(
        session_id=session.id,
        workspace_id=session.workspace_id,
        exists=stored is not None,
        variable_count=len(variables),
        variables=[one.name for one in variables],
        total_size_bytes=sum(one.size for one in variables),
        memory_limit_bytes=environments.sandbox.limits.memory_bytes if environments.sandbox else None,
        tools=tool_names(resources.model) if ready == "ready" else [],
        sandbox=ready,
        language_model=resources.model.name if resources.model else None,
        checkpoints=await resources.store.checkpoints(session.id) if stored else [],
        metadata=_metadata(stored.environment) if stored else ContextMetadata(),
    )


async def _all(desk: Desk, request: ContextInspect) -> ContextInspected:
    variables = await desk.session.variables(request.preview_chars)
    return ContextInspected(
        session_id=desk.environment.session_id,
        workspace_id=desk.environment.workspace_id,
        variable_count=len(variables),
        variables={one.name: _info(one) for one in variables},
        total_size_bytes=sum(one.size for one in variables),
    )


async def _one(desk: Desk, request: ContextInspect) -> ContextInspected:
    found = await desk.session.variable(request.variable, request.preview_chars)
    if found is None:
        raise _unknown(request.variable, [one.name for one in await desk.session.variables()])
    return ContextInspected(
        session_id=desk.environment.session_id,
        workspace_id=desk.environment.workspace_id,
        variable=found.name,
        type=found.type,
        preview=found.preview,
        size_bytes=found.size,
    )


def _unknown(name: str, there: list[str]) -> InvalidRequest:
    known = f"there are {listed(there)}" if there else "there are none yet; bring some in with memory_context_load"
    return InvalidRequest(f"There is no variable {name!r}; {known}.")


def _info(variable: Variable) -> VariableInfo:
    return VariableInfo(type=variable.type, preview=variable.preview, size_bytes=variable.size, length=variable.length)


def _metadata(environment: Environment) -> ContextMetadata:
    shared = set(ContextMetadata.model_fields)
    return ContextMetadata.model_validate(environment.model_dump(include=shared))


async def _readiness(environments: Environments) -> str:
    try:
        await environments.ready()
    except SandboxUnavailable as error:
        return str(error)
    return "ready"

"""Taking a stored environment into a sandbox: its state where that can be trusted and read, else its JSON form."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from mcp_memory.core.environment.desk import Desk, is_put
from mcp_memory.core.environment.telling import NAME_CHARS, restored_note
from mcp_memory.models.environment import Environment
from mcp_memory.sandbox.base import SandboxFailed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.resources import Resources
    from mcp_memory.models.environment import StoredVariable
    from mcp_memory.models.session import Session
    from mcp_memory.sandbox.base import Sandbox, SandboxSession
    from mcp_memory.storage.base import EnvironmentState


@asynccontextmanager
async def opened(resources: Resources, session: Session, environments: Environments) -> AsyncIterator[Desk]:
    """A desk with the session's environment on it; an empty one where it has none yet.

    Raises:
        SandboxUnavailable: it cannot run here, or no worker is free.
        SandboxFailed: even the JSON form cannot be taken in.
    """
    sandbox, _ = await environments.ready()
    stored = await resources.store.environment(session.id)
    if stored is None:
        async with sandbox.session() as place:
            yield Desk(place, _new(resources, session), {})
        return
    why = await _unfit(stored, sandbox, environments)
    async with AsyncExitStack() as stack:
        if not why:
            try:
                place = await stack.enter_async_context(sandbox.session(stored.state))
            except SandboxFailed as error:
                why = f"its stored state does not load ({error.failure.message})"
            else:
                yield Desk(place, stored.environment, _by_name(stored), stored.seal)
                return
        place = await stack.enter_async_context(sandbox.session())
        values = await resources.store.environment_values(session.id)
        yield await _rebuilt(place, stored, values, why)


async def _unfit(stored: EnvironmentState, sandbox: Sandbox, environments: Environments) -> str:
    """Why the state is not to be loaded; empty where it may."""
    environment = stored.environment
    if not stored.state:
        return "its state was not kept"
    if not await environments.is_ours(environment.session_id, (stored.seal, environment.engine, stored.state)):
        return "its stored state is not one that this memory wrote for this session"
    if not sandbox.reads(environment.engine):
        return f"its state was written by {environment.engine or 'another sandbox'}, which {sandbox.engine} cannot read"
    return ""


async def _rebuilt(place: SandboxSession, stored: EnvironmentState, values: Mapping[str, str], why: str) -> Desk:
    """A new state with every value that there is as JSON."""
    back = [name for name, text in values.items() if await is_put(place, name, text)]
    types = {one.name: one.type for one in await place.variables()}
    note = restored_note(
        why, {one.name: one.type for one in stored.variables}, {name: types[name] for name in back if name in types}
    )
    environment = stored.environment.model_copy(update={"restored": True})
    return Desk(place, environment, _by_name(stored), stored.seal, note=note, written=True)


def _by_name(stored: EnvironmentState) -> dict[str, StoredVariable]:
    """What the next change is compared with; a name that no sandbox has written is not told on."""
    return {one.name: one for one in stored.variables if len(one.name) <= NAME_CHARS}


def _new(resources: Resources, session: Session) -> Environment:
    now = resources.now()
    return Environment(session_id=session.id, workspace_id=session.workspace_id, created_at=now, updated_at=now)

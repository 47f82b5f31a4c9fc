"""Naming states of the environment, returning to them, and removing it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.environment.keeper import Keeper
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.environment import ContextCheckpointed, ContextCleaned

if TYPE_CHECKING:
    from mcp_memory.core.environment.environments import EnvironmentPolicy, Environments
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.environment import ContextCheckpoint, ContextCleanup
    from mcp_memory.models.session import Session
    from mcp_memory.storage.base import EnvironmentState, Store


async def checkpoint(
    resources: Resources, policy: SessionPolicy, environments: Environments, request: ContextCheckpoint, scope: Scope
) -> ContextCheckpointed:
    """Name the present state, or return to a named one; a call that is under way is waited for.

    Raises:
        InvalidRequest: no session, no environment, no such checkpoint, too many, or both `name` and `restore`.
    """
    if request.name and request.restore:
        raise InvalidRequest("Give either `name`, to keep the present state, or `restore`, to return to one; not both.")
    session = await Keeper(resources, policy, environments, scope).session()
    async with environments.lock(session.id):
        if request.restore:
            return await _return(resources, session, request.restore)
        return await _keep(resources, session, request.name, environments.policy)


async def cleanup(
    resources: Resources, policy: SessionPolicy, environments: Environments, _: ContextCleanup, scope: Scope
) -> ContextCleaned:
    """Remove the environment with all its checkpoints; the session goes on, with an empty one at the next call.

    Raises:
        InvalidRequest: no session.
    """
    session = await Keeper(resources, policy, environments, scope).session()
    async with environments.lock(session.id):
        existed = await resources.store.drop_environment(session.id, scope.author)
    return ContextCleaned(
        session_id=session.id,
        workspace_id=session.workspace_id,
        existed=existed,
        message="The environment was removed with its checkpoints." if existed else "There was no environment.",
    )


async def _keep(resources: Resources, session: Session, name: str, policy: EnvironmentPolicy) -> ContextCheckpointed:
    name = name or f"r{(await _stored(resources.store, session)).environment.revision}"
    kept = await resources.store.keep_checkpoint(
        session.id, name, resources.now(), policy.most_checkpoints, policy.quota
    )
    return ContextCheckpointed(
        session_id=session.id,
        workspace_id=session.workspace_id,
        checkpoint=kept.name,
        revision=kept.revision,
        variable_count=kept.variable_count,
        message=f"Revision {kept.revision} is kept as {kept.name!r}; return to it with `restore` {kept.name!r}.",
    )


async def _return(resources: Resources, session: Session, name: str) -> ContextCheckpointed:
    environment = await resources.store.return_to_checkpoint(session.id, name, resources.now())
    stored = await _stored(resources.store, session)
    return ContextCheckpointed(
        session_id=session.id,
        workspace_id=session.workspace_id,
        checkpoint=name,
        revision=environment.revision,
        restored=True,
        variable_count=len(stored.variables),
        message=f"The variables are those of {name!r} again, as revision {environment.revision}.",
    )


async def _stored(store: Store, session: Session) -> EnvironmentState:
    stored = await store.environment(session.id)
    if stored is None:
        raise InvalidRequest("There is no environment yet to keep; run code or load memories first.")
    return stored

"""The one way to an environment: take the stored state into a sandbox, work there, store what became of it.

Calls on one session go one after the other; another process that wrote meanwhile is met with another attempt. What
hits a limit, fails or is cancelled stores nothing: the state is then what it was before the call.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from mcp_memory.core.environment.changes import change_of, changed_names, counted, is_unchanged, recounted
from mcp_memory.core.environment.restoring import opened
from mcp_memory.core.sessions import usable
from mcp_memory.errors import StaleEnvironment
from mcp_memory.storage.base import EnvironmentChange

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.environment import Environment
    from mcp_memory.models.session import Session
    from mcp_memory.sandbox.base import Variable

Value = TypeVar("Value")

ATTEMPTS: Final = 4
"""How often work is done before another process, which was quicker each time, is told of."""


@dataclass(frozen=True, slots=True)
class Kept(Generic[Value]):
    """What came of work on an environment."""

    value: Value
    """What the work returned."""
    environment: Environment
    """As it stands now."""
    changed: list[str] = field(default_factory=list)
    """Variables that are new, gone or another, by name."""
    variables: Sequence[Variable] = ()
    """All that there are now, without previews."""
    note: str | None = None
    """What the caller should know about the environment."""
    rolled_back: bool = False
    """A fatal failure ended the work: nothing was stored, and `variables` is empty."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Opens the environment of the scope's session."""

    resources: Resources
    sessions: SessionPolicy
    environments: Environments
    scope: Scope

    async def look_at(self, work: Callable[[Desk], Awaitable[Value]]) -> Value:
        """Do work that changes nothing; it waits for no other call, and nothing is stored.

        Raises:
            InvalidRequest: there is no session that can be used.
            SandboxUnavailable: the sandbox cannot run here, or has no worker free.
            SandboxFailed: its own work hit a limit.
        """
        session = await self.session()
        async with opened(self.resources, session, self.environments) as desk:
            return await work(desk)

    async def work_on(self, work: Callable[[Desk], Awaitable[Value]]) -> Kept[Value]:
        """Do work, and store what it changed as the next revision, wholly or not at all.

        The work is done again from the new state, at most three times, where another process wrote meanwhile, unless
        it has made its desk not `repeatable`. Whatever it raises is raised here, with nothing stored.

        Raises:
            InvalidRequest: there is no session that can be used, or the workspace's quota is used up.
            Excess: the environment would be too large.
            StaleEnvironment: another process wrote meanwhile, and the work cannot be repeated (again).
            SandboxUnavailable: the sandbox cannot run here, or has no worker free.
            SandboxFailed: its own work hit a limit.
        """
        session = await self.session()
        async with self.environments.lock(session.id):
            for _ in range(ATTEMPTS):
                kept = await self._attempt(session, work)
                if kept is not None:
                    return kept
        raise StaleEnvironment(
            f"Another process kept changing the environment of session {session.id}; nothing of this call was kept, "
            f"try again."
        )

    async def session(self) -> Session:
        """The scope's session, which can be used.

        Raises:
            InvalidRequest: it cannot.
        """
        return await usable(self.resources, self.sessions, self.scope.session_id, self.scope.workspace_id)

    async def _attempt(self, session: Session, work: Callable[[Desk], Awaitable[Value]]) -> Kept[Value] | None:
        """None: another process has written meanwhile, and the work can be repeated."""
        async with opened(self.resources, session, self.environments) as desk:
            value = await work(desk)
            if desk.lost is not None:
                return Kept(value, desk.environment, note=desk.note, rolled_back=True)
            now = await desk.session.variables()
            changed = changed_names(desk.before, now, desk.defined)
            unchanged = is_unchanged(desk, changed, now)
            change = None if unchanged else await change_of(desk, now, changed, self.environments)
        if change is None:
            return Kept(value, await self._count(desk), changed, now, desk.note)
        environment = await self._stored(change, desk)
        return None if environment is None else Kept(value, environment, changed, now, desk.note)

    async def _stored(self, change: EnvironmentChange, desk: Desk) -> Environment | None:
        """The next revision; None where the work is to be repeated. A call that only read meanwhile does no harm."""
        for _ in range(ATTEMPTS):
            try:
                return await self._save(change, desk.execs)
            except StaleEnvironment:
                latest = await self.resources.store.environment(desk.environment.session_id)
            if latest is None or latest.seal != desk.seal:
                break
            change = replace(change, environment=recounted(change.environment, latest.environment))
        if desk.repeatable:
            return None
        raise StaleEnvironment(
            "Another process has changed the environment meanwhile; what this call changed was not kept. As it has "
            "asked a language model, it is not repeated by itself: call again."
        )

    async def _count(self, desk: Desk) -> Environment:
        """Count a call that changed nothing, beside whatever another process has made of the environment."""
        change = EnvironmentChange(desk.environment, None, desk.seal, tuple(desk.before.values()))
        for _ in range(ATTEMPTS):
            try:
                return await self._save(change, desk.execs)
            except StaleEnvironment:
                latest = await self.resources.store.environment(desk.environment.session_id)
            if latest is None:
                break
            change = EnvironmentChange(latest.environment, None, latest.seal, latest.variables)
        return change.environment

    async def _save(self, change: EnvironmentChange, execs: int) -> Environment:
        environment = counted(change.environment, execs, self.resources.now())
        changed = replace(change, environment=environment)
        return await self.resources.store.save_environment(changed, self.environments.policy.quota)

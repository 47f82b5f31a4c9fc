"""Where a loop's code runs: in a session's environment, or in a sandbox of its own that nobody keeps."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar
from weakref import WeakKeyDictionary

from mcp_memory.core.environment.changes import changed_names
from mcp_memory.core.environment.desk import Desk
from mcp_memory.core.environment.keeper import Kept
from mcp_memory.models.environment import StoredVariable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.environment.keeper import Keeper
    from mcp_memory.models.environment import Environment
    from mcp_memory.sandbox.base import Sandbox

Value = TypeVar("Value")

MOST_WORKERS: Final = 2
"""Sandbox processes that runs of the loop hold at once, in one server: half of the four there are by default."""


class Place(Protocol):
    """Takes a state into a sandbox, lets code work on it, and keeps what became of it."""

    async def work_on(self, work: Callable[[Desk], Awaitable[Value]]) -> Kept[Value]:
        """Do work, and keep what it changed; nothing of it where a limit was hit."""


@dataclass(frozen=True, slots=True)
class SharedPlace:
    """A session's environment, worked on while few enough other runs are at work."""

    keeper: Keeper
    workers: Workers
    needs_two: bool
    """Its code may begin sub-tasks, each with a process of its own."""

    async def work_on(self, work: Callable[[Desk], Awaitable[Value]]) -> Kept[Value]:
        """As `Keeper.work_on` does; it may raise the same."""
        async with self.workers.held(2 if self.needs_two else 1):
            return await self.keeper.work_on(work)


@dataclass(slots=True)
class OwnPlace:
    """A sandbox that begins empty and is forgotten with this object. No process is held between two works."""

    sandbox: Sandbox
    environment: Environment
    """What it is called; it is not stored."""
    _state: bytes | None = None
    _variables: Mapping[str, StoredVariable] = field(default_factory=dict)

    async def work_on(self, work: Callable[[Desk], Awaitable[Value]]) -> Kept[Value]:
        """Do work on the last state.

        Raises:
            SandboxUnavailable: no worker is free.
            SandboxFailed: the sandbox's own work hit a limit; the state is as it was.
        """
        async with self.sandbox.session(self._state) as session:
            desk = Desk(session, self.environment, self._variables)
            value = await work(desk)
            if desk.lost is not None:
                return Kept(value, self.environment, rolled_back=True)
            now = await session.variables()
            changed = changed_names(self._variables, now, desk.defined)
            self._state = await session.dump()
        self._variables = {
            one.name: StoredVariable(name=one.name, type=one.type, size=one.size, digest=one.digest) for one in now
        }
        return Kept(value, self.environment, changed, now)


class Workers:
    """The processes that runs of the loop may hold in one server, so that other calls find some free."""

    def __init__(self, most: int = MOST_WORKERS) -> None:
        self._free = asyncio.Semaphore(most)
        self._taking = asyncio.Lock()

    @asynccontextmanager
    async def held(self, count: int) -> AsyncIterator[None]:
        """Hold so many, once they are free. Taken one run after the other, so that no two wait for each other."""
        taken = 0
        try:
            async with self._taking:
                for _ in range(count):
                    await self._free.acquire()
                    taken += 1
            yield
        finally:
            for _ in range(taken):
                self._free.release()


_workers: WeakKeyDictionary[Environments, Workers] = WeakKeyDictionary()


def workers_of(environments: Environments) -> Workers:
    """One for all runs on the same environments."""
    return _workers.setdefault(environments, Workers())

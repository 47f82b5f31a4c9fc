"""Windows onto one memory with a real sandbox and a real store, for tests of the context environment."""

from __future__ import annotations

from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import apsw

from mcp_memory.core.environment.environments import EnvironmentPolicy, Environments
from mcp_memory.core.indexing import Indexer
from mcp_memory.core.memory import Memory
from mcp_memory.core.resources import Limits, Resources, Scope
from mcp_memory.errors import EmbedderUnavailable
from mcp_memory.models.environment import (
    ContextCheckpoint,
    ContextExec,
    ContextInject,
    ContextInspect,
    ContextLoad,
    ContextStatusRequest,
)
from mcp_memory.models.memory import Remember
from mcp_memory.models.session import SessionStart
from mcp_memory.sandbox.base import SandboxLimits
from mcp_memory.sandbox.monty import MontySandbox
from mcp_memory.sandbox.seal import Seal
from mcp_memory.storage.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.models.environment import (
        ContextCheckpointed,
        ContextExecuted,
        ContextInjected,
        ContextInspected,
        ContextLoaded,
        ContextStatus,
    )

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)
QUICK = SandboxLimits(run_seconds=1.0)
"""For tests that run into the limit."""


class NoEmbedder:
    """An embedder that never gets ready: memories are found by their words."""

    name = "none"
    identity = None
    state = "failed"
    failure = "there is none"

    def start(self) -> None:
        pass

    async def embed(self, texts: object, *, patience: float) -> Any:
        raise EmbedderUnavailable("There is no encoder.")

    async def close(self) -> None:
        pass


class Window:
    """One client's window: a memory, and the session its calls belong to."""

    def __init__(
        self,
        folder: Path,
        *,
        policy: EnvironmentPolicy | None = None,
        limits: SandboxLimits | None = None,
        sandbox: Any = None,
        model: Any = None,
        embedder: Any = None,
        budget: Limits | None = None,
    ) -> None:
        self.time = NOW
        self.path = folder / "memory.db"
        store = SqliteStore(self.path)
        indexer = Indexer(store, embedder or NoEmbedder())
        resources = Resources(store, indexer, budget or Limits(), now=lambda: self.time, model=model)
        sandbox = sandbox or MontySandbox(limits or SandboxLimits())
        environments = Environments(sandbox, Seal(folder / "environment.key"), policy)
        self.memory = Memory(resources, Scope("desk", author="test"), None, environments)
        self.scope = self.memory.scope

    async def begin(self, workspace_id: str = "desk") -> Scope:
        """Start a session and make it the one that calls belong to."""
        started = await self.memory.start_session(SessionStart(workspace_id=workspace_id))
        self.scope = replace(self.scope, session_id=started.session_id, workspace_id=workspace_id)
        return self.scope

    async def run(self, code: str, **fields: Any) -> ContextExecuted:
        """Run code, whatever comes of it."""
        return await self.memory.context_exec(ContextExec(code=code, **fields), self.scope)

    async def value(self, code: str) -> str | None:
        """What an expression comes to."""
        ran = await self.run(code)
        assert ran.error is None, ran.error
        return ran.result

    async def inject(self, key: str, value: Any, **fields: Any) -> ContextInjected:
        return await self.memory.context_inject(ContextInject(key=key, value=value, **fields), self.scope)

    async def load(self, var: str, query: str = "*", **fields: Any) -> ContextLoaded:
        return await self.memory.context_load(ContextLoad(var=var, query=query, **fields), self.scope)

    async def inspect(self, **fields: Any) -> ContextInspected:
        return await self.memory.context_inspect(ContextInspect(**fields), self.scope)

    async def status(self) -> ContextStatus:
        return await self.memory.context_status(ContextStatusRequest(), self.scope)

    async def checkpoint(self, **fields: Any) -> ContextCheckpointed:
        return await self.memory.context_checkpoint(ContextCheckpoint(**fields), self.scope)

    async def remember(self, *contents: str, **fields: Any) -> None:
        for content in contents:
            await self.memory.remember(Remember(content=content, **fields), replace(self.scope, session_id=""))

    def change_database(self, statement: str, *values: Any) -> int:
        """Do what no program of ours does; how many rows it touched."""
        with closing(apsw.Connection(str(self.path))) as database:
            database.execute(statement, values)
            return database.changes()


@asynccontextmanager
async def window(folder: Path, **how: Any) -> AsyncIterator[Window]:
    """A window with a session of its own."""
    opened = Window(folder, **how)
    try:
        await opened.begin()
        yield opened
    finally:
        await opened.memory.close()


@asynccontextmanager
async def second(first: Window, **how: Any) -> AsyncIterator[Window]:
    """Another window on the first one's session, as another process has it: nothing but the database is shared."""
    opened = Window(first.path.parent, **how)
    opened.scope = first.scope
    try:
        yield opened
    finally:
        await opened.memory.close()

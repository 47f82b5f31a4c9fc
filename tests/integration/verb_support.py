"""A memory whose clock the test holds, for the verbs that remote doors need."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mcp_memory.app import open_memory
from mcp_memory.core.resources import Scope
from mcp_memory.models.memory import Remember
from mcp_memory.models.recall import Recall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.core.memory import Memory

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)


class Desk:
    """One open memory in the workspace `desk`."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.time = NOW
        memory.resources = replace(memory.resources, now=lambda: self.time)
        memory.scope = Scope("desk", author="ann")
        self.store = memory.resources.store

    def later(self, **span: float) -> None:
        self.time += timedelta(**span)

    async def ready(self) -> Desk:
        """With the encoder loaded, so that writes are embedded at once."""
        await self.memory.resources.indexer.embedder.embed(["."], patience=60)
        return self

    async def remember(self, content: str, scope: Scope | None = None, **fields: Any) -> str:
        """The id of the memory."""
        stored = await self.memory.remember(Remember(content=content, **fields), scope)
        return stored.memory_id

    async def recalled(self, query: str, **fields: Any) -> list[str]:
        """The contents found, best first."""
        found = await self.memory.recall(Recall(query=query, **fields))
        return [memory.content for memory in found.memories]

    async def actions(self) -> list[str]:
        """What the audit trail says was done, first thing first."""
        events = await self.store.events("desk", (), None, 1000)
        return [event.action for event in reversed(events)]


@asynccontextmanager
async def desk_in(folder: Path, **settings: Any) -> AsyncIterator[Desk]:
    async with open_memory(data_dir=folder, **settings) as memory:
        yield Desk(memory)

"""Counting what is recalled, later and in batches: an answer waits for no write."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mcp_memory.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from mcp_memory.storage.base import Store

DELAY_SECONDS = 2.0
"""How long accesses are gathered before they are written in one transaction."""


class AccessLog:
    """Accesses not yet written. Losing some at a crash loses a count, never a memory."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now
        self._ids: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def note(self, memory_ids: Iterable[str]) -> None:
        """Count one access of each, soon."""
        self._ids.extend(memory_ids)
        if self._ids and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(DELAY_SECONDS, self._write)

    def _write(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self.flush())

    async def flush(self) -> None:
        """Write what is gathered."""
        ids, self._ids = self._ids, []
        if not ids:
            return
        try:
            keys = await self._store.keys_of(tuple(dict.fromkeys(ids)))
            await self._store.record_access([keys[one] for one in ids if one in keys], self._now())
        except StoreError:
            return

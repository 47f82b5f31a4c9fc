"""The memory of a server that answers from its first moment: opened, migrated and warmed behind the socket."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from importlib import import_module
from typing import TYPE_CHECKING, Final, Literal

from mcp_memory.errors import EmbedderError, McpMemoryError, StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_memory.core.memory import Memory

logger = logging.getLogger(__name__)

Phase = Literal["opening", "migrating", "loading", "ready", "failed"]
"""`loading`: calls are served, recall by words alone until the encoder is there."""

PATIENCE: Final = 1.0
"""Seconds a request waits for the store. Opening one takes a few hundredths, migrating a large one minutes."""

RETRY_SECONDS: Final = 5.0
"""A store that could not be opened is tried again by the first request after this pause."""

LOADING_SECONDS: Final = 120.0
"""How long the encoder may take, before the server is said to be ready without it."""

MEMORY_MODULE: Final = "mcp_memory.app"
"""What making a memory imports; that takes a while, so it happens on another thread."""

CLOSING_SECONDS: Final = 5.0
"""How long what still runs may take at the end."""


class Opening:
    """Opens the memory in the background; gives it to requests."""

    def __init__(self, build: Callable[[], Memory], is_outdated: Callable[[], bool]) -> None:
        """`build` makes the memory, which opens nothing; `is_outdated` looks whether opening it will migrate it."""
        self._build = build
        self._is_outdated = is_outdated
        self._made: Memory | None = None
        self._task: asyncio.Task[Memory] | None = None
        self._warming: asyncio.Task[None] | None = None
        self._failed_at = 0.0
        self.phase: Phase = "opening"

    def begin(self) -> asyncio.Task[Memory]:
        """Begin; returns at once."""
        self.phase = "opening"
        self._task = asyncio.get_running_loop().create_task(self._opened())
        return self._task

    async def memory(self) -> Memory:
        """The memory, opened.

        Raises:
            StoreError: it is not open yet, or cannot be opened.
        """
        task = self._tried()
        if not task.done():
            await asyncio.wait((task,), timeout=PATIENCE)
        if not task.done():
            doing = "migrated to this version" if self.phase == "migrating" else "opened"
            raise StoreUnavailable(f"The database is being {doing}; try again in a moment.")
        return task.result()

    async def close(self) -> None:
        """Finish what runs, within bounds, and let go of the file."""
        for task in (self._warming, self._task):
            if task is not None:
                task.cancel()
                await asyncio.wait((task,), timeout=CLOSING_SECONDS)
        if self._made is not None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._made.close(), CLOSING_SECONDS)

    def _tried(self) -> asyncio.Task[Memory]:
        """The present attempt, or a new one where the last has failed a while ago."""
        if self._task is not None and not self._may_try_again():
            return self._task
        return self.begin()

    def _may_try_again(self) -> bool:
        return self.phase == "failed" and time.monotonic() >= self._failed_at + RETRY_SECONDS

    async def _opened(self) -> Memory:
        try:
            memory = await self._made_or_make()
            self.phase = "migrating" if await asyncio.to_thread(self._is_outdated) else "opening"
            await memory.open()
        except McpMemoryError as error:
            logger.error("The memory cannot be opened: %s", error)
            self.phase, self._failed_at = "failed", time.monotonic()
            raise
        self.phase = "loading"
        memory.warm_up()
        memory.maintain()
        self._warming = asyncio.get_running_loop().create_task(self._warm(memory))
        return memory

    async def _made_or_make(self) -> Memory:
        if self._made is None:
            await asyncio.to_thread(import_module, MEMORY_MODULE)
            self._made = self._build()
        return self._made

    async def _warm(self, memory: Memory) -> None:
        """Wait for the encoder. One that does not come is told by its own state."""
        with contextlib.suppress(EmbedderError):
            await memory.resources.indexer.embedder.embed(["."], patience=LOADING_SECONDS)
        self.phase = "ready"

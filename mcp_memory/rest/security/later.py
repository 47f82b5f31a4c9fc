"""Work that is gathered for a while and then done at once."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Later:
    """Does `work` once, some time after it was first wanted."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self._work = work
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def within(self, seconds: float) -> None:
        """It is wanted; a wish that is waiting already stands for this one too."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._begin)

    async def now(self) -> None:
        """Do it now, and what has begun to the end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._task is not None:
            await self._task
        await self._work()

    def _begin(self) -> None:
        self._timer = None
        self._task = asyncio.get_running_loop().create_task(self._do())

    async def _do(self) -> None:
        await self._work()

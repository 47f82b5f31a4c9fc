"""How a call that its client has cancelled comes to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Coroutine

Answer = TypeVar("Answer")

LEAVING_SECONDS: Final = 1.0
"""How long a cancelled call may take to leave things in order before the connection goes on without it."""


async def cancelled_once(work: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer of work that is cancelled when its caller is, but only once.

    The SDK cancels through anyio, which cancels anew at every await until the call is gone: what the work still awaits
    to leave things in order, such as giving a sandbox process back, would be broken off as well.
    """
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.cancel()
        with anyio.move_on_after(LEAVING_SECONDS, shield=True):
            await asyncio.gather(task, return_exceptions=True)
        raise

"""A cancelled call leaves things in order."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from mcp_memory.tools import cancelling
from mcp_memory.tools.cancelling import cancelled_once

pytestmark = pytest.mark.anyio


class Work:
    """Something that takes for ever, and needs a while to leave things in order."""

    def __init__(self, leaving: float = 0.0) -> None:
        self.begun = asyncio.Event()
        self.left = asyncio.Event()
        self._leaving = leaving

    async def run(self) -> None:
        try:
            self.begun.set()
            await asyncio.Event().wait()
        finally:
            for _ in range(3):
                await asyncio.sleep(self._leaving)
            self.left.set()


async def cancelled(work: Work) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(cancelled_once, work.run())
        await work.begun.wait()
        tasks.cancel_scope.cancel()


async def test_what_leaves_things_in_order_is_not_broken_off() -> None:
    work = Work()
    await cancelled(work)
    assert work.left.is_set()


async def test_a_call_that_does_not_come_to_its_end_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cancelling, "LEAVING_SECONDS", 0.0)
    work = Work(leaving=60.0)
    with anyio.fail_after(20):
        await cancelled(work)
    assert not work.left.is_set()


async def test_an_answer_and_an_error_come_through() -> None:
    async def answer() -> str:
        return "tea"

    async def fail() -> None:
        raise ValueError("no tea")

    assert await cancelled_once(answer()) == "tea"
    with pytest.raises(ValueError, match="no tea"):
        await cancelled_once(fail())

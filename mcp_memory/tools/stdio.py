"""The stdio process: silent on stdout but for the protocol, gone when its client is gone."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from mcp.server.stdio import stdio_server

from mcp_memory.tools.server import Desk, build_server

if TYPE_CHECKING:
    from mcp_memory.core.memory import Memory
    from mcp_memory.settings import Settings

PARENT_POLL_SECONDS = 0.5
"""How often the process looks whether its parent still lives; a dead one is noticed well within 2 s."""

CLOSING_SECONDS = 1.0
"""How long a write still running may take when the client has gone."""


def run(settings: Settings) -> NoReturn:
    """Serve MCP over standard input and output until the client goes.

    The process ends itself: a thread still waiting for input, or a model still loading, must not keep it.
    """
    logging.basicConfig(level=settings.log_level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    asyncio.run(_serve(Desk(partial(_memory, settings))))
    os._exit(1)


def _memory(settings: Settings) -> Memory:
    from mcp_memory.app import build_memory

    return build_memory(settings)


async def _serve(desk: Desk) -> NoReturn:
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    _on_termination(ended)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_speak(desk, ended))
        tasks.create_task(_watch_parent(ended))
        status = await ended
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(desk.close(), CLOSING_SECONDS)
        sys.stderr.flush()
        os._exit(status)


async def _speak(desk: Desk, ended: asyncio.Future[int]) -> None:
    server = build_server(desk)
    try:
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())
            _end(ended, 0)
            await asyncio.Event().wait()
    finally:
        _end(ended, 1)


async def _watch_parent(ended: asyncio.Future[int]) -> None:
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_POLL_SECONDS)
    _end(ended, 0)


def _on_termination(ended: asyncio.Future[int]) -> None:
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, _end, ended, 128 + number)


def _end(ended: asyncio.Future[int], status: int) -> None:
    if not ended.done():
        ended.set_result(status)

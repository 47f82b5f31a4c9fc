"""The time limit of a request."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.security.headers import media_type

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from starlette.types import Message

    from mcp_memory.rest.security.exchange import Exchange

EVENTS = "text/event-stream"


async def in_time(work: Awaitable[None], exchange: Exchange, seconds: float) -> None:
    """Do the work; its answer begins within `seconds`, and no two of its parts lie further apart.

    A stream of events may be silent for as long as it likes: it has no such limit once it has begun.

    Raises:
        Refusal: 408, where the body did not come in time, or 504, where the answer did not.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            exchange.on_send = lambda message: _move(limit, message, seconds)
            await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise _too_slow(exchange, seconds) from None


def _move(limit: asyncio.Timeout, message: Message, seconds: float) -> None:
    if limit.when() is None:
        return
    endless = message["type"] == "http.response.start" and media_type(message.get("headers", ())) == EVENTS
    limit.reschedule(None if endless else asyncio.get_running_loop().time() + seconds)


def _too_slow(exchange: Exchange, seconds: float) -> Refusal:
    if exchange.reading:
        return Refusal(408, f"The body did not arrive within {seconds:g} seconds.", {"Connection": "close"})
    return Refusal(
        504,
        f"The request took longer than {seconds:g} seconds (MCP_MEMORY_HTTP_TIMEOUT); what it should write may be "
        "written or not, and most requests can be repeated safely.",
    )

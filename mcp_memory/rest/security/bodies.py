"""The cap on bodies: on what is declared, and on what is really read."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mcp_memory.rest.security.headers import values
from mcp_memory.rest.security.refused import Refused

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope

    from mcp_memory.rest.security.exchange import Exchange


RUNNING_OUT_SECONDS: Final = 2.0
RUNNING_OUT_BYTES: Final = 16 * 1024 * 1024
"""How long, and of how much, the rest of a body is taken in that is too large."""


def refuse_declared(scope: Scope, most: int) -> None:
    """Turn away what says itself that it is too large.

    Raises:
        Refused: 413.
    """
    if any(length.isdigit() and int(length) > most for length in values(scope, b"content-length")):
        raise too_large(most)


def capped(receive: Receive, exchange: Exchange, most: int) -> Receive:
    """`receive`, which raises at the byte after `most`; what the app makes of that is not passed on."""

    body_read = False

    async def read() -> Message:
        nonlocal body_read
        exchange.reading = not body_read
        message = await receive()
        exchange.reading = False
        if message["type"] == "http.request":
            exchange.received += len(message.get("body", b""))
            body_read = not message.get("more_body", False)
            if exchange.received > most:
                exchange.broken = too_large(most)
                raise exchange.broken
        return message

    return read


async def let_run_out(receive: Receive) -> None:
    """Take in what a refused client is still sending, within bounds, without keeping it.

    Most clients read no answer before they have sent their request; a connection that is closed earlier looks broken
    to them.
    """
    taken = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(RUNNING_OUT_SECONDS):
            while taken < RUNNING_OUT_BYTES:
                message = await receive()
                taken += len(message.get("body", b""))
                if not message.get("more_body", False):
                    return


def too_large(most: int) -> Refused:
    """The connection is closed, so that no more is sent for nothing."""
    return Refused(
        413,
        "too_large",
        f"A body has at most {most:,} bytes here (MCP_MEMORY_HTTP_BODY_MB); send less at a time.",
        {"Connection": "close"},
    )

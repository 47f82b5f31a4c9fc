"""The limit to how many requests are served at a time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from mcp_memory.rest.security.stack import HEALTH

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

BODY: Final = json.dumps({"detail": "The server serves as many requests as it can; try again in a moment."}).encode()

HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"content-length", str(len(BODY)).encode()),
    (b"retry-after", b"1"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


class Crowd:
    """Tells those beyond the limit to wait. Whoever asks for the server's health never waits."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self.served = 0
        """At this moment."""
        self.refused = 0
        """Since the start."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"] in HEALTH:
            await self._app(scope, receive, send)
        elif self.served >= self._most:
            self.refused += 1
            await send({"type": "http.response.start", "status": 503, "headers": list(HEADERS)})
            await send({"type": "http.response.body", "body": BODY})
        else:
            self.served += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self.served -= 1

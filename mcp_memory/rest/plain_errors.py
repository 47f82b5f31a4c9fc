"""Errors of the SDK's transports, which are plain text, as the JSON that every other error is."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from starlette.types import Message, Send


class PlainErrors:
    """`send`, with `{"detail": text}` instead of the text of an error. Everything else passes as it is."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: dict[str, Any] | None = None
        """The beginning of an answer that is one."""
        self._text = b""

    async def __call__(self, message: Message) -> None:
        """ASGI's `send`."""
        if message["type"] == "http.response.start" and _is_plain_error(message):
            self._held = dict(message)
        elif self._held is not None and message["type"] == "http.response.body":
            self._text += message.get("body", b"")
            if not message.get("more_body", False):
                await self._told(self._held)
        else:
            await self._send(message)

    async def _told(self, start: dict[str, Any]) -> None:
        body = json.dumps({"detail": self._text.decode(errors="replace") or _standard(start["status"])}).encode()
        kept = [item for item in start["headers"] if item[0] not in (b"content-type", b"content-length")]
        added = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self._send({**start, "headers": [*kept, *added]})
        await self._send({"type": "http.response.body", "body": body})


def _is_plain_error(start: Message) -> bool:
    if start["status"] < 400:
        return False
    media = dict(start.get("headers", ())).get(b"content-type", b"")
    return not media.startswith((b"application/json", b"text/event-stream"))


def _standard(status: int) -> str:
    from http import HTTPStatus

    return HTTPStatus(status).phrase

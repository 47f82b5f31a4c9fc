"""One request and its answer, as they pass through the door."""

from __future__ import annotations

import json
import re
import secrets
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.rest.failures import UNEXPECTED, Refusal
from mcp_memory.rest.security.headers import completed, value
from mcp_memory.rest.security.refused import REASONS, Reason, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import Message, Scope, Send

    from mcp_memory.rest.caller import Caller
    from mcp_memory.rest.security.headers import Raw

REQUEST_ID: ContextVar[str] = ContextVar("mcp_memory_request_id", default="")
"""The id of the request that is served in this context, for log lines; empty outside of any."""

_SANE_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Exchange:
    """What is known of a request so far, and the way its answer goes out: once, with every header it must have."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.scope = scope
        self.id = request_id(scope)
        self.began = time.monotonic()
        self.caller: Caller | None = None
        self.key_prefix = ""
        self.reason: Reason | None = None
        """Why it was turned away, where that was said."""
        self.status = 0
        """Of the answer; 0: none has begun."""
        self.received = 0
        """Bytes of the body that were read."""
        self.reading = False
        """Whether the app waits for more of the body."""
        self.sent = 0
        """Bytes of the answer's body."""
        self.complete = False
        self.broken: Refused | None = None
        """The refusal that takes the place of whatever the app answers."""
        self.on_send: Callable[[Message], None] = _nothing
        """Told of every message of the app before it goes out."""
        self._send = send
        self._added: list[Raw] = [(b"x-request-id", self.id.encode())]
        state = scope.setdefault("state", {})
        state["request_id"] = self.id

    def let_in(self, caller: Caller, key_prefix: str = "") -> None:
        """Say who calls to everything below."""
        self.caller, self.key_prefix = caller, key_prefix
        self.scope["state"]["caller"] = caller

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Headers the answer has, whatever it is."""
        self._added += [(name.lower().encode(), content.encode("latin-1")) for name, content in headers.items()]

    async def send(self, message: Message) -> None:
        """The app's way out. What it says to a request that was turned away meanwhile is not passed on."""
        if self.broken is None or self.status:
            self.on_send(message)
            await self._pass(message)

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal, unless an answer has begun: then it stays unfinished, and the connection is cut."""
        refusal = self.broken or refusal
        beside: Mapping[str, Any] = {}
        if isinstance(refusal, Refused):
            self.reason, beside = refusal.reason, refusal.beside
            self.key_prefix = self.key_prefix or refusal.key_prefix
        if not self.status:
            await self.answer(refusal.status, {"detail": refusal.detail, **beside}, refusal.headers)

    async def fail(self) -> None:
        """Answer that something went wrong, without a word about what, unless an answer has begun."""
        if self.broken is not None:
            await self.refuse(self.broken)
        elif not self.status:
            await self.answer(500, {"detail": UNEXPECTED, "request_id": self.id})

    async def answer(
        self, status: int, content: Mapping[str, Any] | None, headers: Mapping[str, str] | None = None
    ) -> None:
        """A whole answer in JSON; None: without a body."""
        body = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
        own = [(name.lower().encode(), text.encode("latin-1")) for name, text in (headers or {}).items()]
        if content is not None:
            own += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await self._pass({"type": "http.response.start", "status": status, "headers": own})
        await self._pass({"type": "http.response.body", "body": body})

    def why_refused(self) -> Reason | None:
        """Why the request was turned away; None: it was not."""
        return REASONS.get(self.status) and (self.reason or REASONS[self.status])

    async def _pass(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": completed(message.get("headers", ()), self._added)}
        elif message["type"] == "http.response.body":
            self.sent += len(message.get("body", b""))
            self.complete = not message.get("more_body", False)
        await self._send(message)


def request_id(scope: Scope) -> str:
    """The one the client sent, if it is short and plain; else a new one."""
    given = value(scope, b"x-request-id")
    return given if _SANE_ID.fullmatch(given) else secrets.token_hex(8)


def _nothing(_: Message) -> None:
    return None

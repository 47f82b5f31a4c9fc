"""A request, an answer, and a memory that holds nothing but keys: for tests of the door alone."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from mcp_memory.errors import StoreUnavailable
from mcp_memory.models.administration import ApiKey, NewEvent
from mcp_memory.rest.security.policy import Policy
from mcp_memory.rest.security.stack import Security

Headers = list[tuple[str, str]]

SECRET = "mcpm_0123abcd_" + "A" * 43
LOCAL_CLIENT = ("127.0.0.1", 50_000)
FAR_CLIENT = ("203.0.113.7", 50_000)


@dataclass
class Answer:
    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    complete: bool = False

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name.lower()]
        return ", ".join(found) if found else None

    def json(self) -> Any:
        return json.loads(self.body)


def request(path: str = "/v1/memories", method: str = "GET", *headers: tuple[str, str], **more: Any) -> dict[str, Any]:
    """An ASGI scope; headers replace the default Host if they have one."""
    given = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    if more.pop("host", True) and not any(name == b"host" for name, _ in given):
        given.insert(0, (b"host", b"127.0.0.1:61001"))
    base = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": given,
        "client": LOCAL_CLIENT,
    }
    return base | more


async def answered(app: Any, scope: dict[str, Any], *body: bytes, ends: bool = True) -> Answer:
    """What the app answers; a body that does not end leaves it waiting for more."""
    answer = Answer()
    parts = list(body) or [b""]

    async def receive() -> dict[str, Any]:
        if parts:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts) or not ends}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode(), value.decode("latin-1")) for name, value in message["headers"]]
        else:
            answer.body += message.get("body", b"")
            answer.complete = not message.get("more_body", False)

    async with asyncio.timeout(10):
        await app(scope, receive, send)
    return answer


class FakeMemory:
    """The verbs the door calls, over a dictionary."""

    def __init__(self) -> None:
        self.keys: dict[str, ApiKey] = {}
        self.made = False
        self.events: list[NewEvent] = []
        self.used: list[str] = []
        self.asked = 0
        self.broken = False
        self.time = datetime(2026, 6, 1, tzinfo=UTC)
        self.resources = SimpleNamespace(now=lambda: self.time)

    def make(self, secret: str = SECRET, **fields: Any) -> ApiKey:
        base = {"id": f"key_{len(self.keys)}", "name": "ana", "prefix": secret[:13], "scopes": ["read", "write"]}
        key = ApiKey(**(base | {"created_at": self.time} | fields))
        self.keys[secret] = key
        self.made = True
        return key

    def revoke(self, secret: str = SECRET) -> None:
        self.keys[secret] = self.keys[secret].model_copy(update={"revoked_at": self.time})

    async def find_key(self, secret: str) -> ApiKey | None:
        self.asked += 1
        self._fail()
        return self.keys.get(secret)

    async def has_keys(self) -> bool:
        self._fail()
        return self.made

    async def note_key_use(self, key_ids: list[str], at: datetime) -> None:
        self._fail()
        self.used += key_ids

    async def record_event(self, event: NewEvent) -> None:
        self._fail()
        self.events.append(event)

    def _fail(self) -> None:
        if self.broken:
            raise StoreUnavailable("The database /home/ana/secret-place/memory.db cannot be opened.")


class Bench:
    """A door before an app, with a clock that only tests move."""

    def __init__(self, app: Any = None, **policy: Any) -> None:
        self.memory = FakeMemory()
        self.seconds = 1000.0
        self.seen: list[dict[str, Any]] = []
        self.door = Security(app or self._app, self._source, Policy(**policy), clock=lambda: self.seconds)

    async def __call__(self, *scope: Any, body: tuple[bytes, ...] = (), ends: bool = True, **more: Any) -> Answer:
        return await answered(self.door, request(*scope, **more), *body, ends=ends)

    async def events(self) -> list[NewEvent]:
        await self.door.flush()
        return self.memory.events

    def wait(self, seconds: float) -> None:
        self.seconds += seconds
        self.memory.time += timedelta(seconds=seconds)

    async def _source(self) -> Any:
        return self.memory

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        self.seen.append(scope)
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": b'{"success": true}'})

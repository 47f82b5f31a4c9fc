"""The REST door whose clock the test holds, and where a request may say who sends it."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from starlette.middleware import Middleware
from starlette.testclient import TestClient

from mcp_memory.app import build_memory
from mcp_memory.rest.caller import Caller
from mcp_memory.settings import load_settings
from tests.support.rest import Rest, app_over

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import ASGIApp, Receive, Scope, Send

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)


class Clock:
    """The time there."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time

    def later(self, **span: float) -> None:
        self.time += timedelta(**span)


class AsKey:
    """Takes who calls from a header, as the security middleware takes it from a key."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if b"x-caller" in headers:
            told = json.loads(headers[b"x-caller"])
            scope.setdefault("state", {})["caller"] = Caller(rights=frozenset(told.pop("rights")), **told)
        await self.app(scope, receive, send)


def with_key(rest: Rest, *rights: str, workspace_id: str = "") -> Rest:
    """The same server, called with a key that has these rights and may be bound to a workspace."""
    told = {"name": "somebody", "rights": list(rights), "workspace_id": workspace_id}
    return rest.having(X_Caller=json.dumps(told))


@contextmanager
def clocked(folder: Path, workspace: str = "desk", **settings: Any) -> Iterator[tuple[Rest, Clock]]:
    """The app in process over a store in `folder`, and its clock."""
    clock = Clock()
    memory = build_memory(load_settings(data_dir=folder, **settings), workspace)
    memory.resources = replace(memory.resources, now=clock)
    with TestClient(app_over(memory, middleware=[Middleware(AsKey)]), raise_server_exceptions=False) as http:
        yield Rest(http), clock

"""The composition of the HTTP server: REST, MCP and the pages as one ASGI app behind one door."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

from mcp_memory.names import DEFAULT_WORKSPACE
from mcp_memory.rest.app import build_app
from mcp_memory.rest.crowd import Crowd
from mcp_memory.rest.logs import Paths
from mcp_memory.rest.metrics import Metrics, not_observed
from mcp_memory.rest.opening import Opening
from mcp_memory.rest.readiness import with_phase
from mcp_memory.rest.security.policy import Policy
from mcp_memory.rest.security.stack import Security
from mcp_memory.rest.table import ENDPOINTS
from mcp_memory.rest.transports import ServerSentEvents, StreamableHttp, sse_routes, streamable_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.applications import Starlette
    from starlette.routing import Route
    from starlette.types import ASGIApp

    from mcp_memory.core.memory import Memory
    from mcp_memory.settings import Settings


class Service:
    """Everything that is served, as the settings say. Nothing is opened before the app's lifespan begins."""

    def __init__(self, settings: Settings) -> None:
        """Put it together.

        Raises:
            SettingsError: a host or an origin is none, or figures are wanted that cannot be made.
        """
        self._settings = settings
        policy = Policy.of(settings)
        self.opening = Opening(partial(_memory, settings), partial(_is_outdated, settings))
        memory = self.opening.memory
        self._metrics = Metrics(memory, self._open_streams) if settings.http_metrics else None
        observed = not_observed if self._metrics is None else self._metrics.observed
        self._streamable = StreamableHttp(memory, policy.body_bytes, observed) if settings.http_mcp else None
        self._sse = ServerSentEvents(memory, policy.body_bytes, observed) if settings.http_sse else None
        app = build_app(
            memory, endpoints=with_phase(ENDPOINTS, self.opening), routes=self._routes(), lifespan=self._lifespan
        )
        self.app = self._guarded(app, policy)

    def end_streams(self) -> None:
        """End what would never end by itself."""
        if self._sse is not None:
            self._sse.end()

    def _guarded(self, app: Starlette, policy: Policy) -> ASGIApp:
        guarded: ASGIApp = Crowd(Security(app, self.opening.memory, policy), self._settings.http_concurrency)
        return guarded if self._metrics is None else self._metrics.watching(guarded, Paths(app.routes))

    def _routes(self) -> Sequence[Route]:
        return (
            *(streamable_routes(self._streamable) if self._streamable else ()),
            *(sse_routes(self._sse) if self._sse else ()),
            *(self._metrics.routes if self._metrics else ()),
        )

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.opening.begin()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.opening.close)
            if self._streamable is not None:
                await stack.enter_async_context(self._streamable.running())
            yield

    def _open_streams(self) -> int:
        return 0 if self._sse is None else self._sse.open


def _memory(settings: Settings) -> Memory:
    """A server belongs to no project: its own workspace is the one that is set, else `_default`."""
    from mcp_memory.app import build_memory

    return build_memory(settings, settings.workspace or DEFAULT_WORKSPACE)


def _is_outdated(settings: Settings) -> bool:
    from mcp_memory.app import is_outdated

    return is_outdated(settings)

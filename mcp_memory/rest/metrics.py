"""Figures for Prometheus at `/metrics`: off unless asked for.

Labels are names from the code (routes, tools, methods, statuses), never ids, paths as they were sent, or text.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from starlette.requests import Request  # noqa: TC002 - Starlette looks for it
from starlette.responses import Response
from starlette.routing import Route

from mcp_memory import __version__
from mcp_memory.errors import SettingsError
from mcp_memory.rest.caller import caller_of
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.logs import Paths, method_of
from mcp_memory.tools.counter import TOOLS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mcp.types import CallToolResult
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from mcp_memory.core.memory import Memory
    from mcp_memory.rest.endpoint import MemorySource

PATH: Final = "/metrics"

SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Upper bounds of the buckets; 0.06 is the goal for the 95th percentile of a recall."""

COUNTED_SECONDS: Final = 10.0
"""How long the sizes of the store are believed: counting them reads it."""


class Metrics:
    """Counts requests and tool calls, and tells them."""

    def __init__(self, memory: MemorySource, streams: Callable[[], int]) -> None:
        """`streams` tells how many SSE connections are open.

        Raises:
            SettingsError: prometheus-client is not installed.
        """
        prometheus = _library()
        self._memory = memory
        self._registry = registry = prometheus.CollectorRegistry()
        self._latest = prometheus.exposition.generate_latest
        self._media_type = prometheus.CONTENT_TYPE_LATEST
        name = "mcp_memory_"
        self._requests = prometheus.Counter(
            f"{name}http_requests", "Requests.", ("door", "method", "route", "status"), registry=registry
        )
        self._durations = prometheus.Histogram(
            f"{name}http_request_seconds", "Until an answer was complete.", ("door", "route"),
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._calls = prometheus.Counter(f"{name}tool_calls", "Tool calls.", ("tool", "outcome"), registry=registry)
        self._call_durations = prometheus.Histogram(
            f"{name}tool_call_seconds", "Of tool calls.", ("tool",), buckets=SECONDS, registry=registry
        )
        self._running = prometheus.Gauge(f"{name}http_requests_running", "At this moment.", registry=registry)
        self._memories = prometheus.Gauge(f"{name}memories", "In the store.", registry=registry)
        self._size = prometheus.Gauge(f"{name}store_bytes", "Size of the database file.", registry=registry)
        self._sessions = prometheus.Gauge(f"{name}sessions", "That are active.", registry=registry)
        prometheus.Gauge(f"{name}sse_streams", "Open connections.", registry=registry).set_function(streams)
        prometheus.ProcessCollector(registry=registry)
        prometheus.Info(name.rstrip("_"), "The server.", registry=registry).info({"version": __version__})
        self._counted_at = -COUNTED_SECONDS

    @property
    def routes(self) -> Sequence[Route]:
        """Where they are told."""
        return (Route(PATH, self._tell, methods=["GET"]),)

    def watching(self, app: ASGIApp, paths: Paths) -> ASGIApp:
        """The app, with its requests counted."""

        async def watch(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            await self._watch(app, paths.template(scope), scope, receive, send)

        return watch

    async def observed(self, tool: str, work: Awaitable[CallToolResult]) -> CallToolResult:
        """The result of a tool call, counted."""
        tool = tool if tool in TOOLS else "unknown"
        outcome, began = "failed", time.perf_counter()
        try:
            result = await work
            outcome = "error" if result.is_error else "ok"
            return result
        finally:
            self._calls.labels(tool, outcome).inc()
            self._call_durations.labels(tool).observe(time.perf_counter() - began)

    async def _watch(self, app: ASGIApp, route: str, scope: Scope, receive: Receive, send: Send) -> None:
        status, began, door = 0, time.perf_counter(), _door(route)

        async def noticing(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            with self._running.track_inprogress():
                await app(scope, receive, noticing)
        finally:
            self._requests.labels(door, method_of(scope), route, str(status)).inc()
            if door != "sse":
                self._durations.labels(door, route).observe(time.perf_counter() - began)

    async def _tell(self, request: Request) -> Response:
        caller = caller_of(request)
        if not caller.allows("read") or caller.workspace_id:
            raise Refusal(403, "The figures are of all workspaces; a key that may read all of them sees them.")
        await self._count(await self._memory())
        return Response(self._latest(self._registry), media_type=self._media_type)

    async def _count(self, memory: Memory) -> None:
        now = time.monotonic()
        if now < self._counted_at + COUNTED_SECONDS:
            return
        self._counted_at = now
        state = await memory.resources.store.state()
        self._memories.set(state.memories)
        self._size.set(state.size_bytes)
        self._sessions.set(await _active_sessions(memory))


async def _active_sessions(memory: Memory) -> int:
    store, now = memory.resources.store, memory.resources.now()
    return sum([len(await store.sessions(one.id, now)) for one in await store.workspaces()])


def _door(route: str) -> str:
    if route == "/mcp":
        return "mcp"
    if route in ("/sse", "/messages/"):
        return "sse"
    return "rest" if route.startswith("/v1") else "server"


def _library() -> Any:
    try:
        import prometheus_client
    except ImportError:
        raise SettingsError(
            "MCP_MEMORY_HTTP_METRICS needs the package prometheus-client; install it with "
            "`pip install 'mcp-memory[metrics]'`, or turn the setting off."
        ) from None
    return prometheus_client


def not_observed(_: str, work: Awaitable[CallToolResult]) -> Awaitable[CallToolResult]:
    """Where nobody counts."""
    return work

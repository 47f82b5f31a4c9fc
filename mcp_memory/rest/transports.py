"""MCP over HTTP: streamable HTTP at `/mcp` and, for older clients, SSE at `/sse` with `/messages/`.

Streamable HTTP is stateless, in both protocol eras: any request may go to any process, and a restart breaks nothing.
Who may come in is checked before anything of this is reached.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from mcp import MCPError
from mcp.server import Server
from mcp.server.sse import SseServerTransport
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.types import INVALID_PARAMS, ListToolsResult
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from mcp_memory import __version__
from mcp_memory.core.session_keeper import SessionKeeper
from mcp_memory.errors import McpMemoryError
from mcp_memory.rest.caller import caller_of
from mcp_memory.rest.calling import RemoteCounter, RequestKeeper, place_of
from mcp_memory.rest.failures import UNAVAILABLE
from mcp_memory.rest.plain_errors import PlainErrors
from mcp_memory.tools.cancelling import cancelled_once
from mcp_memory.tools.results import failure
from mcp_memory.tools.server import BY_ITSELF, INSTRUCTIONS, SERVER_NAME, catalogue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from mcp.server import ServerRequestContext
    from mcp.types import CallToolRequestParams, CallToolResult, PaginatedRequestParams, Tool
    from starlette.types import Message, Receive, Scope, Send

    from mcp_memory.rest.endpoint import MemorySource

    CounterSource = Callable[[Request], Awaitable[RemoteCounter]]
    Observer = Callable[[str, Awaitable[CallToolResult]], Awaitable[CallToolResult]]
    """Told of every tool call: its name, and what does it."""

STREAMABLE_PATH: Final = "/mcp"
SSE_PATH: Final = "/sse"
MESSAGES_PATH: Final = "/messages/"

BY_HANDLE: Final = (
    "Work belongs to a session: memory_session_start begins one and gives its `session_id`; pass that with every later "
    "call, as nothing else says which session is yours."
)
"""What the instructions say of sessions where no connection remembers them."""


class StreamableHttp:
    """`/mcp` as an ASGI app. Each request stands for itself."""

    def __init__(self, memory: MemorySource, most_bytes: int, observed: Observer) -> None:
        self._memory = memory
        server = _server(self._counter, observed, INSTRUCTIONS.replace(BY_ITSELF, BY_HANDLE))
        self._manager = StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=most_bytes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve.

        Raises:
            HTTPException: 405 for anything but POST: there is no stream of the server's own to listen to.
            Refusal: 400 or 403, where the request names a workspace that it cannot have.
        """
        if scope["method"] != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        place_of(Request(scope))
        await self._manager.handle_request(scope, receive, PlainErrors(send))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serve requests meanwhile."""
        async with self._manager.run():
            yield

    async def _counter(self, request: Request) -> RemoteCounter:
        memory = await self._memory()
        return RemoteCounter(memory, RequestKeeper(memory, place_of(request), caller_of(request)), request)


class ServerSentEvents:
    """`/sse` and `/messages/`: a connection that lasts, with a session of its own."""

    def __init__(self, memory: MemorySource, most_bytes: int, observed: Observer) -> None:
        self._memory = memory
        self._observed = observed
        self._transport = SseServerTransport(MESSAGES_PATH, max_request_body_size=most_bytes)
        self._ending = asyncio.Event()
        self.open = 0
        """Connections."""

    def end(self) -> None:
        """End all connections, and begin no more."""
        self._ending.set()

    async def connect(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`GET /sse`: a stream of the server's messages, until one side ends it.

        Raises:
            HTTPException: 405 for anything but GET, 503 while the server ends.
            Refusal: 400 or 403, where the request names a workspace that it cannot have.
            McpMemoryError: the memory cannot be opened.
        """
        if scope["method"] != "GET":
            raise HTTPException(405, headers={"Allow": "GET"})
        if self._ending.is_set():
            raise HTTPException(503, "The server is ending.", headers={"Retry-After": "5"})
        server = _server(await self._connection(Request(scope)), self._observed, INSTRUCTIONS)
        answer = WholeAnswer(send)
        self.open += 1
        try:
            async with self._transport.connect_sse(scope, receive, answer) as (incoming, outgoing):
                await self._until_ended(server.run(incoming, outgoing, server.create_initialization_options()))
                await outgoing.aclose()
        finally:
            self.open -= 1
        await answer.end()

    async def receive(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`POST /messages/`: a message of the client's.

        Raises:
            HTTPException: 405 for anything but POST.
        """
        if scope["method"] != "POST":
            raise HTTPException(405, headers={"Allow": "POST"})
        await self._transport.handle_post_message(scope, receive, PlainErrors(send))

    async def _connection(self, opening: Request) -> CounterSource:
        """What serves the calls of a connection: where the request that opens it says."""
        memory, place, caller = await self._memory(), place_of(opening), caller_of(opening)
        home = place.scope(memory, caller.name)
        keeper = RequestKeeper(memory, place, caller) if place.session else SessionKeeper(memory, home)

        async def counter(message: Request) -> RemoteCounter:
            return RemoteCounter(memory, keeper, message)

        return counter

    async def _until_ended(self, work: Awaitable[None]) -> None:
        serving = asyncio.ensure_future(work)
        ending = asyncio.ensure_future(self._ending.wait())
        try:
            await asyncio.wait((serving, ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            serving.cancel()
            ending.cancel()
            await asyncio.gather(serving, ending, return_exceptions=True)


class WholeAnswer:
    """A way out that can end the answer a stream was in the middle of."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._is_open = False

    async def __call__(self, message: Message) -> None:
        """ASGI's `send`."""
        self._is_open = message["type"] == "http.response.start" or bool(message.get("more_body"))
        await self._send(message)

    async def end(self) -> None:
        """Send what is missing, if anything is."""
        if self._is_open:
            await self({"type": "http.response.body", "body": b""})


def streamable_routes(door: StreamableHttp) -> Sequence[Route]:
    """Where it is found."""
    return (Route(STREAMABLE_PATH, door),)


def sse_routes(door: ServerSentEvents) -> Sequence[Route]:
    """Where it is found."""
    return (Route(SSE_PATH, _Asgi(door.connect)), Route(MESSAGES_PATH, _Asgi(door.receive)))


class _Asgi:
    """A method as an ASGI app: Starlette takes bare methods for handlers of requests."""

    def __init__(self, serve: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._serve = serve

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(scope, receive, send)


def _server(counter: CounterSource, observed: Observer, instructions: str) -> Server[Any]:
    """An MCP server whose calls are served by what `counter` gives for their request."""
    return Server(
        SERVER_NAME,
        version=__version__,
        title="Memory",
        instructions=instructions,
        get_tool_input_schema=lambda name: _schemas().get(name),
        on_list_tools=_list_tools,
        on_call_tool=partial(_call_tool, counter, observed),
    )


async def _list_tools(_: ServerRequestContext[Any], params: PaginatedRequestParams | None) -> ListToolsResult:
    if params is not None and params.cursor:
        raise MCPError(INVALID_PARAMS, "There is only one page of tools; leave `cursor` out.")
    return ListToolsResult(tools=_tools())


async def _call_tool(
    counter: CounterSource,
    observed: Observer,
    ctx: ServerRequestContext[Any, Request],
    params: CallToolRequestParams,
) -> CallToolResult:
    if ctx.request is None:
        raise MCPError(INVALID_PARAMS, "A tool call comes with its HTTP request.")
    try:
        desk = await counter(ctx.request)
    except McpMemoryError:
        return failure(UNAVAILABLE)
    client = ctx.session.client_params
    name = client.client_info.name if client is not None else ""
    call = desk.call(params.name, params.arguments or {}, name, ctx.session.report_progress)
    return await observed(params.name, cancelled_once(call))


@cache
def _tools() -> list[Tool]:
    return catalogue()


@cache
def _schemas() -> dict[str, dict[str, Any]]:
    return {tool.name: tool.input_schema for tool in _tools()}

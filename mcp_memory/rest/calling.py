"""MCP calls over HTTP: who calls, where, in which session, and what they may do.

The workspace is that of the header `X-Workspace-ID`, else the key's own, else that of the query (`?workspace=`), else
the server's; a session that a call names itself says its own. A key that is bound to a workspace sees no other.

The session is the one a call names in its argument `session_id`, else that of the header `X-Session-ID`, which is
begun under its id where it is not there, else the connection's own. Streamable HTTP has no connections: there, a call
that names no session belongs to none.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mcp_memory.core.named_session import session_scope, within
from mcp_memory.core.sessions import is_due
from mcp_memory.errors import EmbedderError, InvalidRequest, McpMemoryError, StoreError
from mcp_memory.models.session import OpenSession, SessionStarted
from mcp_memory.models.statistics import Statistics
from mcp_memory.rest.caller import LOCAL, Caller, caller_of
from mcp_memory.rest.failures import UNAVAILABLE, Refusal
from mcp_memory.rest.placing import MOST_NAME, SESSION_HEADER, WORKSPACE_HEADER
from mcp_memory.rest.security.rights import check_tool, check_workspace, note_refused
from mcp_memory.tools.counter import TOOLS, Counter
from mcp_memory.tools.handle import HANDLE, works_on_session
from mcp_memory.tools.results import failure

if TYPE_CHECKING:
    from typing import Any, TypeVar

    from mcp.types import CallToolResult
    from starlette.requests import Request

    from mcp_memory.core.environment.progress import Report
    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.core.session_keeper import Need
    from mcp_memory.models.base import Result
    from mcp_memory.tools.handle import Keeper
    from mcp_memory.tools.spec import ToolSpec

    Answer = TypeVar("Answer", bound=Result)

logger = logging.getLogger(__name__)

WORKSPACE_QUERY: Final = "workspace"

NO_SESSION: Final = (
    "There is no session here to work on. Start one with memory_session_start and pass the `session_id` it gives with "
    "every call that belongs to it, or send the header X-Session-ID."
)

"""Where the store lies, as far as clients need to know."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a request says about where its calls happen."""

    workspace: str
    """Of the header, the key or the query; empty: none of them says one."""
    session: str
    """Of the header."""
    confined: bool
    """The key is the workspace's own, and changes nothing elsewhere."""

    def scope(self, memory: Memory, author: str) -> Scope:
        """The place without its session."""
        workspace = self.workspace or memory.scope.workspace_id
        return replace(
            memory.scope,
            workspace_id=workspace,
            author=author,
            session_id="",
            context_id="",
            confined=self.confined,
        )


def place_of(request: Request) -> Place:
    """Where the calls of a request happen.

    Raises:
        Refusal: 400 where a name is none, 403 where the key may not go there.
    """
    caller = caller_of(request)
    in_header = _name(request.headers.get(WORKSPACE_HEADER, ""))
    in_query = _name(request.query_params.get(WORKSPACE_QUERY, ""))
    for named in filter(None, (in_header, in_query)):
        check_workspace(caller, named)
    session = _name(request.headers.get(SESSION_HEADER, ""))
    return Place(in_header or caller.workspace_id or in_query, session, confined=bool(caller.workspace_id))


def _name(given: str) -> str:
    name = given.strip()
    if len(name) > MOST_NAME or "\0" in name:
        raise Refusal(400, f"The id of a workspace or session has at most {MOST_NAME} characters, and no NUL.")
    return name


class RequestKeeper:
    """The session of a request that belongs to no connection: what the request names, and nothing remembered."""

    def __init__(self, memory: Memory, place: Place, caller: Caller) -> None:
        self._memory = memory
        self._place = place
        self._caller = caller

    @property
    def names_session(self) -> bool:
        """Whether the request's header names one."""
        return bool(self._place.session)

    async def scope_of(self, author: str, need: Need) -> Scope:  # noqa: ARG002 - nothing begins by itself
        """In the session of the header, if there is one.

        Raises:
            InvalidRequest: its id is another workspace's.
        """
        scope = self._place.scope(self._memory, author)
        return await self._in_header(scope) if self._place.session else scope

    async def scope_in(self, author: str, session_id: str) -> Scope:
        """In the session that is named, and its workspace: the call says more than its request's header.

        Raises:
            InvalidRequest: it cannot be used.
        """
        scope = self._place.scope(self._memory, author)
        return await session_scope(self._memory, scope, session_id, self._caller.workspace_id)

    def follow(self, result: Result) -> None:
        """Nothing is remembered."""

    def told(self, result: Answer) -> Answer:
        """The result; of a session that was started, how later calls belong to it."""
        if not isinstance(result, SessionStarted) or result.session_id == self._place.session:
            return result
        done = "Going on with session" if result.reused else "Session begun:"
        message = (
            f"{done} {result.session_id} in workspace {result.workspace_id}. No connection remembers it: pass "
            f"`{HANDLE}` {result.session_id!r} with every call that belongs to it."
        )
        return result.model_copy(update={"message": message})

    async def _in_header(self, scope: Scope) -> Scope:
        memory, session_id = self._memory, self._place.session
        session = await memory.resources.store.session(session_id)
        if session is not None and not self._place.workspace:
            scope = replace(scope, workspace_id=session.workspace_id)
        if session is not None and session.workspace_id != scope.workspace_id:
            raise InvalidRequest(f"The session id {session_id!r} is another workspace's; choose another X-Session-ID.")
        if session is not None and session.state(memory.resources.now()) == "active":
            inside = within(scope, session)
            if is_due(session, memory.resources.now()) and self._caller.allows("write"):
                await memory.touch_session(None, inside)
            return inside
        if not self._caller.allows("write"):
            return scope
        opened = await memory.open_session(OpenSession(session_id=session_id, replace=True), scope)
        return within(scope, opened.session)


class Discreet:
    """A keeper that tells nobody where on the server the store lies."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.scope_of = keeper.scope_of
        self.scope_in = keeper.scope_in
        self.follow = keeper.follow

    def told(self, result: Answer) -> Answer:
        """What the keeper tells."""
        told = self._keeper.told(result)
        if not isinstance(told, Statistics):
            return told
        return told.model_copy(update={"storage": told.storage.model_copy(update={"location": None})})


class RemoteCounter(Counter):
    """Serves the tool calls of a request, as far as its key allows them."""

    def __init__(self, memory: Memory, keeper: Keeper, request: Request) -> None:
        super().__init__(memory, Discreet(keeper))
        self._places = keeper
        self._request = request
        self._caller = caller_of(request)

    async def call(self, name: str, arguments: dict[str, Any], client: str, report: Report) -> CallToolResult:
        """The result of a call; `client` is what the client calls itself; a long call tells `report` where it is."""
        try:
            await self._check(name, arguments)
        except Refusal as refusal:
            note_refused(self._request)
            return failure(refusal.detail)
        except McpMemoryError as error:
            return failure(self.wording(error))
        return await self.serve(name, arguments, self._author(client), report)

    def wording(self, error: McpMemoryError) -> str:
        """The error's own words, unless they may name files and addresses of the server."""
        if isinstance(error, StoreError | EmbedderError):
            logger.error("%s", error)
            return UNAVAILABLE
        return str(error)

    async def _check(self, name: str, arguments: dict[str, Any]) -> None:
        spec = TOOLS.get(name)
        if spec is None:
            return
        check_tool(self._caller, spec, arguments)
        if self._has_no_session(spec, arguments):
            raise InvalidRequest(NO_SESSION)
        await self._check_session(arguments)

    async def _check_session(self, arguments: dict[str, Any]) -> None:
        """Let a bound key into sessions of its own workspace alone.

        Raises:
            InvalidRequest: it names another's, which is told like one that is not there.
        """
        named = arguments.get(HANDLE)
        if self._caller.workspace_id and isinstance(named, str) and named.strip():
            scope = replace(self.memory.scope, author=self._caller.name)
            await session_scope(self.memory, scope, named.strip(), self._caller.workspace_id)

    def _has_no_session(self, spec: ToolSpec, arguments: dict[str, Any]) -> bool:
        return (
            isinstance(self._places, RequestKeeper)
            and not self._places.names_session
            and works_on_session(spec, arguments)
            and not arguments.get(HANDLE)
        )

    def _author(self, client: str) -> str:
        """The key's name; without one the client's, as over stdio."""
        return self._caller.name if self._caller.key_id else client or LOCAL.name

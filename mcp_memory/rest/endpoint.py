"""What a route is: a path, the models of what it takes and gives, and a handler that calls one verb.

The table of endpoints (`table.ENDPOINTS`) is all there is: the Starlette routes, `/openapi.json`, the docs page and
the tests are made from it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from mcp_memory.rest.placing import home_of

if TYPE_CHECKING:
    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.rest.caller import Caller

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

Right = Literal["read", "write", "admin"]
"""What a key must allow."""

SessionUse = Literal["none", "optional", "required"]
"""Whether `X-Session-ID` is looked at; `required`: 400 without one."""


class Body(BaseModel):
    """A JSON object that is sent: strictly typed, closed, `null` only where a field says so."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Query(BaseModel):
    """Query parameters. Others than these are ignored, as proxies and clients add some of their own."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    lists: ClassVar[frozenset[str]] = frozenset()
    """Parameters that are lists, written between commas or by being repeated; of another that is repeated the last."""


class Answer(BaseModel):
    """A success body, for the reference: what is None is left out of the answer itself."""


class NoBody(Body):
    """The endpoint takes no body; one that is sent is not read."""


class NoQuery(Query):
    """No query parameters."""


BodyT = TypeVar("BodyT")
QueryT = TypeVar("QueryT")


@dataclass(frozen=True, slots=True)
class Call(Generic[BodyT, QueryT]):
    """A request, parsed and placed: what handlers work with."""

    memory: Memory
    scope: Scope
    """Workspace, session and author of the call. The workspace need not exist yet."""
    caller: Caller
    anywhere: bool
    """The request names no workspace and its caller is bound to none: see `placing.home_of`."""
    path: Mapping[str, str]
    body: BodyT
    query: QueryT

    async def home(self, memory_id: str) -> Scope:
        """The scope in which a memory is to be found by its id."""
        return await home_of(self.memory, self.scope, memory_id) if self.anywhere else self.scope


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler gives back: a JSON object, nothing (204), or lines of JSON."""

    content: Mapping[str, Any] | None = None
    lines: AsyncIterator[Mapping[str, Any]] | None = None
    status: int | None = None
    """Where it is not the endpoint's own."""


MemorySource = Callable[[], Awaitable["Memory"]]
"""The memory, opened; waits for that where it must, and raises `StoreError` where it cannot be opened."""

Handler = Callable[[Call[Any, Any]], Awaitable[Reply]]
ProbeHandler = Callable[[MemorySource], Awaitable[Reply]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What every route has."""

    method: Method
    path: str
    """With parameters in braces, as Starlette has them."""
    summary: str
    """One sentence, for the reference."""
    status: int = 200
    answer: type[BaseModel] | None = None
    """The model of the success body, for the reference; None for 204 and free objects."""
    tag: str = ""
    """The heading it stands under in the reference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint(Route):
    """A route that does something with memory."""

    handler: Handler
    verb: str = ""
    """The method of `Memory` it calls; empty where it calls none."""
    right: Right = "read"
    body: type[BaseModel] = NoBody
    query: type[Query] = NoQuery
    optional_body: bool = False
    """May be sent without any body."""
    session: SessionUse = "optional"
    raw_body: bool = False
    """The handler reads the body itself: `Call.body` is the Starlette request. `body` is what it may be as JSON."""
    lines: bool = False
    """The success body is lines of JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe(Route):
    """A route that tells about the server itself; nobody needs to say who they are."""

    handler: ProbeHandler
    also: tuple[int, ...] = ()
    """Other statuses whose body is of the same model."""

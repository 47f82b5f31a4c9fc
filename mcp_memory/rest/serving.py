"""From the table of endpoints to Starlette routes: parse, place, call the handler, render."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route as StarletteRoute

from mcp_memory.rest.caller import caller_of
from mcp_memory.rest.endpoint import Call, Endpoint, NoBody, Probe
from mcp_memory.rest.failures import Refusal, invalid
from mcp_memory.rest.placing import MOST_NAME, SESSION_HEADER, WORKSPACE_HEADER, Named, placed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from starlette.types import Receive, Scope, Send

    from mcp_memory.rest.caller import Caller
    from mcp_memory.rest.endpoint import MemorySource, Reply

    Serving = Callable[[Request], Awaitable[Response]]

NDJSON: Final = "application/x-ndjson"


class CompactJSON(JSONResponse):
    """JSON in plain Unicode without spaces."""

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def routes_of(endpoints: Iterable[Endpoint | Probe], memory: MemorySource) -> list[StarletteRoute]:
    """One Starlette route for each path, which knows all of its methods."""
    by_path: dict[str, dict[str, Serving]] = {}
    for endpoint in endpoints:
        by_path.setdefault(endpoint.path, {})[endpoint.method] = _serving(endpoint, memory)
    return [StarletteRoute(path, Resource(by_path[path])) for path in sorted(by_path, key=_generality)]


def _generality(path: str) -> list[int]:
    """`/v1/memories/recall` is looked at before `/v1/memories/{memory_id}`, and what takes every path last."""
    return [2 if ":path}" in segment else int("{" in segment) for segment in path.split("/")]


def _serving(endpoint: Endpoint | Probe, memory: MemorySource) -> Serving:
    if isinstance(endpoint, Probe):
        return partial(_probed, endpoint, memory)
    return partial(_served, endpoint, memory)


class Resource:
    """An ASGI app for one path: each method to what serves it, HEAD and OPTIONS besides, 405 for others."""

    def __init__(self, methods: Mapping[str, Serving]) -> None:
        self._methods = dict(methods)
        if "GET" in methods:
            self._methods["HEAD"] = partial(_without_body, methods["GET"])
        self._methods["OPTIONS"] = self._options

    @property
    def allowed(self) -> str:
        """For the header `Allow`."""
        return ", ".join(sorted(self._methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        serve = self._methods.get(scope["method"])
        if serve is None:
            raise HTTPException(405, headers={"Allow": self.allowed})
        response = await serve(Request(scope, receive, send))
        await response(scope, receive, send)

    async def _options(self, _: Request) -> Response:
        return Response(status_code=204, headers={"Allow": self.allowed})


async def _without_body(serve: Serving, request: Request) -> Response:
    response = await serve(request)
    return Response(status_code=response.status_code, headers=dict(response.headers))


async def _probed(probe: Probe, memory: MemorySource, _: Request) -> Response:
    return _rendered(await probe.handler(memory), probe.status)


async def _served(endpoint: Endpoint, memory: MemorySource, request: Request) -> Response:
    caller = caller_of(request)
    _may(caller, endpoint)
    path = _path(request)
    body = await _body(endpoint, request)
    query = _query(endpoint, request)
    opened = await memory()
    place = await placed(opened, caller, _named(endpoint, request, body, query))
    call = Call(opened, place.scope, caller, place.anywhere, path, body, query)
    return _rendered(await endpoint.handler(call), endpoint.status)


def _may(caller: Caller, endpoint: Endpoint) -> None:
    if not caller.allows(endpoint.right):
        allowed = ", ".join(sorted(caller.rights)) or "nothing"
        raise Refusal(403, f"This call needs a key with the scope {endpoint.right}; this one has {allowed}.")


def _path(request: Request) -> dict[str, str]:
    """The parameters of the path; what can be no id is the id of nothing."""
    found: dict[str, str] = dict(request.path_params)
    for value in found.values():
        if not value.strip() or "\0" in value or len(value) > MOST_NAME:
            raise Refusal(404, "There is nothing with such an id.")
    return found


async def _body(endpoint: Endpoint, request: Request) -> Any:
    if endpoint.raw_body:
        return request
    if endpoint.body is NoBody:
        return NoBody()
    raw = await read_body(request)
    if not raw.strip() and endpoint.optional_body:
        return endpoint.body()
    return parsed(endpoint.body, raw)


async def read_body(request: Request) -> bytes:
    """The whole body.

    Raises:
        Refusal: 400 where the client went away first.
    """
    try:
        return await request.body()
    except ClientDisconnect:
        raise Refusal(400, "The body ended before its length.") from None


def parsed(model: type[BaseModel], raw: bytes) -> BaseModel:
    """A JSON body, whatever its content type says.

    Raises:
        Invalid: 422; it is no JSON, or does not fit the model.
    """
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise invalid(error, "body") from None


def _query(endpoint: Endpoint, request: Request) -> BaseModel:
    """Query parameters."""
    given = request.query_params
    told = dict(given) | {name: ",".join(given.getlist(name)) for name in endpoint.query.lists if name in given}
    try:
        return endpoint.query.model_validate_strings(told)
    except ValidationError as error:
        raise invalid(error, "query") from None


def _named(endpoint: Endpoint, request: Request, body: Any, query: BaseModel) -> Named:
    """What the request says about where it happens."""
    in_path = str(request.path_params.get("workspace_id", ""))
    in_header = request.headers.get(WORKSPACE_HEADER, "").strip()
    session = "" if endpoint.session == "none" else request.headers.get(SESSION_HEADER, "").strip()
    in_body, in_query = _workspace(body), _workspace(query)
    workspace = in_path or in_body or in_query or in_header
    begins = workspace in filter(None, (in_body, in_header))
    return Named(workspace, in_header, session, endpoint.session == "required", begins)


def _workspace(given: Any) -> str:
    """The workspace that a body or query names, if its model has one."""
    return str(getattr(given, "workspace_id", None) or "") if isinstance(given, BaseModel) else ""


def _rendered(reply: Reply, status: int) -> Response:
    status = reply.status or status
    if reply.lines is not None:
        return StreamingResponse(_as_lines(reply.lines), status_code=status, media_type=NDJSON)
    if reply.content is None:
        return Response(status_code=204)
    return CompactJSON(reply.content, status_code=status)


async def _as_lines(lines: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[bytes]:
    async for line in lines:
        yield json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

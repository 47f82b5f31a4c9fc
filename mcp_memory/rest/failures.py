"""Every refusal as JSON with a `detail`: clients decode the body of every error.

Domain errors are 400, findings of validation 422 with a list of what was found where, unknown ids 404, what stands
against it 409, a store or a model that cannot serve now 503. `ErrorsAsJson` stands outside of everything else, so
that what middleware raises is told the same way.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from mcp_memory.errors import (
    Conflict,
    EmbedderError,
    InvalidRequest,
    McpMemoryError,
    StoreError,
    UnknownMemory,
    UnknownRecord,
    UnknownWorkspace,
)
from mcp_memory.rest.caller import caller_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger = logging.getLogger(__name__)

STATUS: Final[tuple[tuple[type[McpMemoryError], int], ...]] = (
    (UnknownMemory, 404),
    (UnknownWorkspace, 404),
    (UnknownRecord, 404),
    (Conflict, 409),
    (InvalidRequest, 400),
    (StoreError, 503),
    (EmbedderError, 503),
)
"""The first that fits."""

UNEXPECTED: Final = "The server failed unexpectedly; its log says why."

UNAVAILABLE: Final = "The memory cannot serve now; the server's log says why. Try again later."
"""Instead of a store's or encoder's own words, which name files and addresses of the server."""

MOST_SHOWN: Final = 200
"""Characters of a wrong input that are sent back."""


class Refusal(Exception):
    """A request that is not carried out, and the status that says so."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})


class Invalid(Exception):
    """A request that does not fit its model, with what was found; 422."""

    def __init__(self, found: list[dict[str, Any]]) -> None:
        super().__init__("the request does not fit its model")
        self.findings = found


def refusal(status: int, detail: Any, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """An error as every client understands it."""
    return JSONResponse({"detail": detail}, status_code=status, headers=dict(headers or {}))


def status_of(error: McpMemoryError) -> int:
    """The status that fits the error."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def invalid(error: ValidationError, place: str) -> Invalid:
    """What validation found, in the shape FastAPI has it; `place` is `body`, `query` or `path`."""
    return Invalid([_finding(found, place) for found in error.errors(include_url=False, include_context=False)])


def _finding(found: Any, place: str) -> dict[str, Any]:
    return {
        "type": found["type"],
        "loc": [place, *found["loc"]],
        "msg": found["msg"],
        "input": None if found["type"] == "json_invalid" else _shown(found.get("input")),
    }


def _shown(value: Any) -> Any:
    """What was sent, as far as JSON can show it again and it is not long."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None
    return value if len(text) <= MOST_SHOWN else None


def answer_to(error: Exception, request: Request) -> JSONResponse:
    """The answer to whatever was raised; what was not meant is logged, and told without its text."""
    match error:
        case Refusal():
            return refusal(error.status, error.detail, error.headers)
        case Invalid():
            return refusal(422, error.findings)
        case HTTPException():
            return refusal(error.status_code, error.detail, error.headers)
        case UnknownWorkspace() if caller_of(request).workspace_id:
            return refusal(404, "This workspace is not there yet; remembering something makes it.")
        case McpMemoryError() if (status := status_of(error)) < 500:
            return refusal(status, str(error))
        case McpMemoryError():
            logger.error("%s %s: %s", request.method, request.url.path, error)
            return refusal(status_of(error), UNAVAILABLE, {"Retry-After": "5"})
        case _:
            logger.error("%s %s failed unexpectedly", request.method, request.url.path, exc_info=error)
            return JSONResponse({"detail": UNEXPECTED, **_named(request)}, status_code=500)


def _named(request: Request) -> dict[str, str]:
    """The id under which the log has the request."""
    found = request.scope.get("state", {}).get("request_id", "")
    return {"request_id": found} if found else {}


async def handled(request: Request, error: Exception) -> JSONResponse:
    """`answer_to`, as Starlette wants its handlers."""
    return answer_to(error, request)


EXCEPTION_HANDLERS: Final[dict[Any, Any]] = dict.fromkeys(
    (HTTPException, Refusal, Invalid, McpMemoryError, Exception), handled
)


class ErrorsAsJson:
    """The outermost middleware: whatever is raised before an answer has begun becomes one."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, noticing)
        except Exception as error:
            if begun:
                raise
            await answer_to(error, Request(scope))(scope, receive, send)
        return None

"""What a session holds in hand: any JSON under a key, until the session is over."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from mcp_memory.errors import UnknownRecord
from mcp_memory.models.session import MOST_TTL, WorkingSet
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import MOST_NAME, WHOLE, Key
from mcp_memory.rest.finding import in_use
from mcp_memory.rest.wire import plain
from mcp_memory.text import clip


class WorkingWrite(Body):
    """Hold a value in hand."""

    key: Key
    value: Any
    """Any JSON."""
    ttl_seconds: Annotated[int, Field(ge=1, le=MOST_TTL), WHOLE] | None = None
    """Let it go after so long; else it stays as long as its session."""


class WorkingQuery(Query):
    """Which values."""

    key: str = Field("", max_length=20_000)
    """One key, or several between commas; empty: all."""


class WorkingAnswer(Answer):
    """A value held in hand."""

    session_id: str
    key: str
    value: Any
    ttl_seconds: int | None = None
    created_at: str
    updated_at: str
    expires_at: str | None = None
    committed_at: str | None = None


async def hold(call: Call[WorkingWrite, NoQuery]) -> Reply:
    """Hold a value in hand."""
    _, scope = await in_use(call)
    body = call.body
    request = WorkingSet(key=body.key, value=body.value, ttl_seconds=body.ttl_seconds)
    entry = await call.memory.set_working(request, scope)
    return Reply({**plain(entry), "value": entry.value})


async def held(call: Call[NoBody, WorkingQuery]) -> Reply:
    """What the session holds: all of it, or the keys that are asked for and there.

    Raises:
        UnknownRecord: none of them is there.
    """
    session, scope = await in_use(call)
    values = {entry.key: entry.value for entry in await call.memory.working(scope)}
    key = call.query.key
    if not key:
        return Reply(values)
    wanted = [key] if key in values else [part.strip() for part in key.split(",")]
    found = {name: values[name] for name in wanted if name in values}
    if not found:
        raise UnknownRecord(f"The session {session.id!r} holds nothing under {clip(key, MOST_NAME)!r}.")
    return Reply(found)


TAG: Final = "Sessions"

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/sessions/{session_id}/memory",
        handler=hold,
        summary="Hold a value in hand under a key, in place of the one before.",
        verb="set_working",
        right="write",
        status=201,
        body=WorkingWrite,
        answer=WorkingAnswer,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/sessions/{session_id}/memory",
        handler=held,
        summary="What the session holds in hand, as one object by key.",
        verb="working",
        query=WorkingQuery,
        session="none",
        tag=TAG,
    ),
)

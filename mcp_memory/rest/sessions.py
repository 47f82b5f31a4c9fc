"""Sessions: begun, listed, read, committed, kept alive and ended. What they hold in hand is in `working`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field

from mcp_memory.models.session import (
    LEAST_TTL,
    MOST_TTL,
    Category,
    OpenSession,
    SessionCommit,
    SessionCommitted,
    SessionState,
)
from mcp_memory.rest.asking import asked, shared
from mcp_memory.rest.briefings import BriefingOptions, WireBriefing, briefing_wire
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import WHOLE, Meta, Name, Share
from mcp_memory.rest.finding import home_of_session, in_use, kept_alive, named_session, refuse_over, within
from mcp_memory.rest.wire import TENANT, plain, wrapped

if TYPE_CHECKING:
    from mcp_memory.models.session import Session

Seconds = Annotated[int, Field(ge=LEAST_TTL, le=MOST_TTL), WHOLE]
"""How long a session lasts, a minute to a day."""


class SessionCreate(Body):
    """Begin a session, or go on with the active one of this id."""

    session_id: Name | None = None
    """Of the caller's choice; else one is made."""
    workspace_id: Name | None = None
    ttl_seconds: Seconds | None = None
    """Default: the server's, an hour."""
    metadata: Meta | None = None
    context_id: Name | None = None
    user_id: Name | None = None
    working_memory: Meta | None = None
    """Values to hold in hand from the start, by key; others that an active session holds stay."""
    briefing: bool | None = None
    """Tell what the session should know."""
    briefing_options: BriefingOptions | None = None


class ListQuery(Query):
    """Which sessions."""

    workspace_id: Name = ""
    context_id: Name = ""
    include_expired: bool = False
    """Those that are over too, ended or expired."""


class SessionQuery(Query):
    """How to read a session."""

    include_expired: bool = False
    """Also where it is over, ended or expired."""


class TouchQuery(Query):
    """How long it should last from now."""

    extend_seconds: int | None = Field(None, ge=LEAST_TTL, le=MOST_TTL)


class Touch(Body):
    """The same in the body; the query counts before it."""

    ttl_seconds: Seconds | None = None


class CommitOptions(Body):
    """What to keep for long."""

    min_importance: Share | None = None
    deduplicate: bool | None = None
    categories: Annotated[list[Category], Field(max_length=6)] | None = None
    """Only these; else all."""
    max_memories: Annotated[int, Field(ge=1, le=500), WHOLE] | None = None
    clear_after_commit: bool | None = None


class WireSession(Answer):
    """A session."""

    id: str
    workspace_id: str
    tenant_id: str
    context_id: str
    user_id: str | None = None
    author: str | None = None
    metadata: dict[str, Any]
    ttl_seconds: int
    auto_commit: bool
    state: SessionState
    created_at: str
    touched_at: str
    expires_at: str
    committed_at: str | None = None
    ended_at: str | None = None


class SessionAnswer(WireSession):
    """A session, wrapped and bare."""

    session: WireSession


class OpenedAnswer(SessionAnswer):
    """The session that was begun or gone on with, wrapped and bare."""

    briefing: WireBriefing | None
    """`null` where it was not asked for."""
    outcome: Literal["created", "continued", "replaced"]
    """`replaced`: one of this id was over."""


class SessionsAnswer(Answer):
    """Sessions, latest use first."""

    sessions: list[WireSession]
    total_count: int


class TouchAnswer(Answer):
    """How long it lasts now."""

    expires_at: str
    session: WireSession


async def create(call: Call[SessionCreate, NoQuery]) -> Reply:
    """Begin a session, or go on with the active one of this id; one that is over gives way to a fresh one."""
    body = call.body
    request = asked(OpenSession, replace=True, **shared(OpenSession, body))
    scope = await home_of_session(call, request.session_id) if request.session_id else call.scope
    opened = await call.memory.open_session(request, replace(scope, session_id="", context_id=""))
    briefed = None
    if body.briefing:
        options = body.briefing_options or BriefingOptions()
        briefed = await briefing_wire(call.memory, options.request(), within(scope, opened.session))
    told = wrapped("session", _told(call, opened.session))
    return Reply({**told, "briefing": briefed, "outcome": opened.outcome})


async def listed(call: Call[NoBody, ListQuery]) -> Reply:
    """The workspace's sessions."""
    found = await call.memory.list_sessions(call.query.include_expired, call.scope)
    context = call.query.context_id
    told = [_told(call, one) for one in found if context in ("", one.context_id)]
    return Reply({"sessions": told, "total_count": len(told)})


async def read(call: Call[NoBody, SessionQuery]) -> Reply:
    """One session."""
    session, scope = await named_session(call)
    if not call.query.include_expired:
        refuse_over(call, session)
    return Reply(wrapped("session", _told(call, await kept_alive(call, session, scope))))


async def delete(call: Call[NoBody, NoQuery]) -> Reply:
    """End a session.

    What was committed stays. What was not leaves with it: the values it held are gone, and its notes (memories of
    type `working`) become tombstones, which can be restored; commit it first to keep them.
    """
    session_id = call.path["session_id"]
    await call.memory.delete_session(session_id, await home_of_session(call, session_id))
    return Reply()


async def commit(call: Call[CommitOptions, NoQuery]) -> Reply:
    """Turn what the session holds into long-term memories."""
    _, scope = await in_use(call)
    body = call.body
    request = asked(
        SessionCommit,
        importance_threshold=body.min_importance,
        deduplicate=body.deduplicate,
        categories=body.categories,
        max_memories=body.max_memories,
        clear_after_commit=body.clear_after_commit,
    )
    return Reply(plain(await call.memory.commit_session(request, scope)))


async def touch(call: Call[Touch, TouchQuery]) -> Reply:
    """Let the session last longer; never shortens."""
    session, scope = await named_session(call)
    refuse_over(call, session)
    seconds = call.query.extend_seconds or call.body.ttl_seconds
    told = _told(call, await call.memory.touch_session(seconds, scope))
    return Reply({"expires_at": told["expires_at"], "session": told})


def _told(call: Call[Any, Any], session: Session) -> dict[str, Any]:
    """A session as it stands now."""
    return {"tenant_id": TENANT, **plain(session), "state": session.state(call.memory.resources.now())}


TAG: Final = "Sessions"

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/sessions",
        handler=create,
        summary="Begin a session, or go on with the active one of this id; one that is over gives way to a fresh one.",
        verb="open_session",
        right="write",
        status=201,
        body=SessionCreate,
        answer=OpenedAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/sessions",
        handler=listed,
        summary="The workspace's sessions, latest use first.",
        verb="list_sessions",
        query=ListQuery,
        answer=SessionsAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/sessions/{session_id}",
        handler=read,
        summary="One session; 404 once it is over, unless that is asked for.",
        verb="get_session",
        query=SessionQuery,
        answer=SessionAnswer,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="DELETE",
        path="/v1/sessions/{session_id}",
        handler=delete,
        summary="End a session without committing it: what it committed stays, what it only held leaves with it.",
        verb="delete_session",
        right="write",
        status=204,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/sessions/{session_id}/commit",
        handler=commit,
        summary="Turn what the session holds into long-term memories; it goes on.",
        verb="commit_session",
        right="write",
        body=CommitOptions,
        optional_body=True,
        answer=SessionCommitted,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/sessions/{session_id}/touch",
        handler=touch,
        summary="Let the session last so long from now, else its own time to live; never shortens.",
        verb="touch_session",
        right="write",
        body=Touch,
        query=TouchQuery,
        optional_body=True,
        answer=TouchAnswer,
        session="none",
        tag=TAG,
    ),
)

"""Sessions: beginning, going on with, committing and ending them.

A session lives in the store, not in a process. Every verb works on the session it names, else on the scope's. One that
cannot be used is refused with what it is and how to mend the call; one that has expired is swept by whoever meets it.
"""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mcp_memory.core.maintenance import sweep
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.base import stamp
from mcp_memory.models.session import (
    LEAST_TTL,
    MOST_TTL,
    Session,
    SessionCommit,
    SessionEnded,
    SessionStarted,
    SessionStatus,
)
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.storage.base import SessionChange

if TYPE_CHECKING:
    from datetime import datetime

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.session import (
        SessionCommitted,
        SessionEnd,
        SessionStart,
    )

HANDOVER_TOKENS: Final = 1_000
"""Most of what an ended session hands over."""

RENEWED_BELOW: Final = 0.75
"""A session with less than this share of its time left is touched by the next activity."""

BEGIN: Final = "begin a new one with memory_session_start without `session_id`"


async def start_session(
    resources: Resources, policy: SessionPolicy, request: SessionStart, scope: Scope
) -> SessionStarted:
    """Go on with the named session, or with the scope's if that is what was asked for; else begin a new one.

    Raises:
        InvalidRequest: the named session cannot be gone on with.
    """
    if request.session_id:
        session = await usable(resources, policy, request.session_id, request.workspace_id or scope.workspace_id)
        refuse_change(session, request)
        return _started(await renewed(resources, session, request), reused=True, before="")
    current = await resources.store.session(scope.session_id) if scope.session_id else None
    if current is None:
        return _started(await begin(resources, policy, request, scope), reused=False, before="")
    before = await _before(resources, policy, current)
    if not before and _fits(current, request, scope):
        return _started(await renewed(resources, current, request), reused=True, before="")
    session = await begin(resources, policy, request, scope)
    beside = f"Session {current.id} goes on beside it until {stamp(current.expires_at)}."
    return _started(session, reused=False, before=before or beside)


async def begin(resources: Resources, policy: SessionPolicy, request: SessionStart, scope: Scope) -> Session:
    """A new session, as the request says and the policy has it."""
    return await resources.store.start_session(drafted(resources, policy, request, scope))


def drafted(
    resources: Resources, policy: SessionPolicy, request: SessionStart, scope: Scope, session_id: str = ""
) -> Session:
    """The same, not kept yet; with an id of the caller's choice, or one that nobody has."""
    now = resources.now()
    ttl = request.ttl_seconds if "ttl_seconds" in request.model_fields_set else policy.ttl_seconds
    return Session(
        id=session_id or f"sess_{secrets.token_hex(16)}",
        workspace_id=request.workspace_id or scope.workspace_id,
        context_id=request.context_id or scope.context_id or DEFAULT_CONTEXT,
        user_id=request.user_id or None,
        author=scope.author or None,
        metadata=request.metadata,
        ttl_seconds=ttl,
        auto_commit=policy.auto_commit,
        created_at=now,
        touched_at=now,
        expires_at=now + timedelta(seconds=ttl),
    )


async def usable(resources: Resources, policy: SessionPolicy, session_id: str, workspace_id: str) -> Session:
    """The session, which is active and of this workspace.

    Raises:
        InvalidRequest: it is not; one that has expired has then been swept.
    """
    if not session_id:
        raise InvalidRequest(f"There is no session here to work on; {BEGIN}.")
    session = await resources.store.session(session_id)
    if session is None:
        raise InvalidRequest(f"There is no session {session_id!r}; {BEGIN}.")
    if session.workspace_id != workspace_id:
        raise InvalidRequest(
            f"Session {session.id} belongs to workspace {session.workspace_id!r}, not to {workspace_id!r}; "
            f"go there with memory_session_start and `workspace_id` {session.workspace_id!r}, or {BEGIN}."
        )
    over = await _before(resources, policy, session)
    if over:
        raise InvalidRequest(f"{over} Nothing was done; {BEGIN}.")
    return session


async def _before(resources: Resources, policy: SessionPolicy, session: Session) -> str:
    """What has become of a session that is no longer active; empty for one that is."""
    match session.state(resources.now()):
        case "active":
            return ""
        case "ended":
            return f"Session {session.id} ended at {stamp(session.ended_at or session.expires_at)}."
        case "expired":
            return await swept(resources, policy, session)


async def swept(resources: Resources, policy: SessionPolicy, session: Session) -> str:
    """Sweep an expired session; a sentence about what became of it."""
    expired = f"Session {session.id} expired at {stamp(session.expires_at)}"
    try:
        committed = await sweep(resources, policy, session)
    except InvalidRequest:
        return f"{expired}, and was swept by another process."
    if committed is None:
        return f"{expired}; what it held left with it, as it does not commit by itself."
    return f"{expired}. {committed.message}"


async def commit_session(
    resources: Resources, policy: SessionPolicy, request: SessionCommit, scope: Scope
) -> SessionCommitted:
    """Turn what the session holds into long-term memories; it goes on.

    Raises:
        InvalidRequest: the session cannot be used.
    """
    from mcp_memory.core.committing import commit

    session = await usable(resources, policy, scope.session_id, scope.workspace_id)
    return await commit(resources, policy, session, request)


async def end_session(resources: Resources, policy: SessionPolicy, request: SessionEnd, scope: Scope) -> SessionEnded:
    """Commit the session unless told not to, write the handover, and end it.

    Raises:
        InvalidRequest: the session cannot be used.
    """
    from mcp_memory.core.committing import commit
    from mcp_memory.core.handover import handover

    session = await usable(resources, policy, scope.session_id, scope.workspace_id)
    held = len(await resources.store.working(session.id, resources.now()))
    threshold = SessionCommit(importance_threshold=request.importance_threshold)
    committed = await commit(resources, policy, session, threshold) if request.commit else None
    text = await handover(resources, scope, session, HANDOVER_TOKENS)
    await resources.store.commit_session(SessionChange(session.id, resources.now(), (), end=True), None)
    return SessionEnded(
        session_id=session.id,
        workspace_id=session.workspace_id,
        committed=committed is not None,
        working_memory_count=held,
        memories_extracted=committed.memories_extracted if committed else 0,
        memories_deduplicated=committed.memories_deduplicated if committed else 0,
        memories_created=committed.memories_created if committed else 0,
        breakdown=committed.breakdown if committed else {},
        handover=text,
        message=f"Session ended. {committed.message if committed else 'Nothing was committed, as asked.'}",
    )


async def session_status(resources: Resources, scope: Scope) -> SessionStatus:
    """Where the scope's session stands, whatever its state; changes nothing."""
    session = await resources.store.session(scope.session_id) if scope.session_id else None
    if session is None:
        return SessionStatus(active=False, state="none")
    now = resources.now()
    state = session.state(now)
    entries = await resources.store.working(session.id, now)
    notes = await resources.store.notes(session.id)
    written = await resources.store.browse(scope.own(session_id=session.id), 1)
    return SessionStatus(
        active=state == "active",
        state=state,
        id=session.id,
        workspace_id=session.workspace_id,
        context_id=session.context_id,
        created_at=session.created_at,
        expires_at=session.expires_at,
        working_memory_count=len(entries),
        committed=session.committed_at is not None and not notes and all(entry.committed_at for entry in entries),
        server_session_id=session.id,
        memories_written=written.total,
    )


async def list_sessions(resources: Resources, include_ended: bool, scope: Scope) -> list[Session]:
    """The workspace's sessions, latest use first."""
    return await resources.store.sessions(scope.workspace_id, resources.now(), include_ended)


async def touch_session(
    resources: Resources, policy: SessionPolicy, extend_seconds: int | None, scope: Scope
) -> Session:
    """Let the session last at least this long from now; its own TTL where no number is given. Never shortens.

    Raises:
        InvalidRequest: it cannot be used, or the number is out of range.
    """
    session = await usable(resources, policy, scope.session_id, scope.workspace_id)
    seconds = session.ttl_seconds if extend_seconds is None else extend_seconds
    if not LEAST_TTL <= seconds <= MOST_TTL:
        raise InvalidRequest(f"`extend_seconds` must be from {LEAST_TTL} to {MOST_TTL:,}, not {seconds}.")
    return await _touched(resources, session, seconds)


def is_due(session: Session, now: datetime) -> bool:
    """Whether activity should touch the session: not each time, only when a good part of its time has gone."""
    return session.expires_at - now < timedelta(seconds=session.ttl_seconds * RENEWED_BELOW)


def _fits(current: Session, request: SessionStart, scope: Scope) -> bool:
    """Whether the scope's session is what was asked for; a TTL can be given to it."""
    return (
        (request.workspace_id or scope.workspace_id) == current.workspace_id
        and request.context_id in ("", current.context_id)
        and request.user_id in ("", current.user_id)
        and (not request.metadata or request.metadata == current.metadata)
    )


def refuse_change(session: Session, request: SessionStart) -> None:
    """A session keeps its user, context and metadata; to drop what was asked for would be a lie."""
    if request.user_id not in ("", session.user_id):
        raise InvalidRequest(f"Session {session.id} does not belong to user {request.user_id!r}; {BEGIN}.")
    if request.context_id not in ("", session.context_id):
        raise InvalidRequest(
            f"Session {session.id} belongs to context {session.context_id!r}; leave `context_id` out, or {BEGIN}."
        )
    if request.metadata and request.metadata != session.metadata:
        raise InvalidRequest(f"Session {session.id} keeps the metadata it has; leave `metadata` out, or {BEGIN}.")


async def renewed(resources: Resources, session: Session, request: SessionStart) -> Session:
    """Let the session last as long from now as the request says, else its own TTL; never shortens."""
    asked = request.ttl_seconds if "ttl_seconds" in request.model_fields_set else session.ttl_seconds
    return await _touched(resources, session, asked)


async def _touched(resources: Resources, session: Session, seconds: int) -> Session:
    now = resources.now()
    return await resources.store.touch_session(session.id, now, now + timedelta(seconds=seconds))


def _started(session: Session, *, reused: bool, before: str) -> SessionStarted:
    done = "Going on with this session" if reused else "Session begun"
    place = "" if session.context_id == DEFAULT_CONTEXT else f", context {session.context_id}"
    return SessionStarted(
        session_id=session.id,
        workspace_id=session.workspace_id,
        context_id=session.context_id,
        server_session_id=session.id,
        created_at=session.created_at,
        expires_at=session.expires_at,
        reused=reused,
        message=f"{before} {done}; later calls belong to it and to workspace {session.workspace_id}{place}.".strip(),
    )

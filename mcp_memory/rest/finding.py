"""The session that a path names.

It is looked for in the workspace the request names; in its own, where the request names none and its caller is bound to
none. One that is over is not there any more: 404. Using one lets it live on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcp_memory.core.sessions import is_due
from mcp_memory.errors import UnknownRecord
from mcp_memory.models.base import stamp
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.session import Session
    from mcp_memory.rest.endpoint import Call


async def home_of_session(call: Call[Any, Any], session_id: str) -> Scope:
    """Where a session is to be found by its id."""
    if not call.anywhere:
        return call.scope
    session = await call.memory.resources.store.session(session_id)
    return call.scope if session is None else replace(call.scope, workspace_id=session.workspace_id)


async def named_session(call: Call[Any, Any]) -> tuple[Session, Scope]:
    """The session of the path, whatever its state, and the scope within it.

    Raises:
        UnknownRecord: there is none.
    """
    session_id = call.path["session_id"]
    home = await home_of_session(call, session_id)
    session = await call.memory.get_session(session_id, home)
    return session, within(home, session)


async def in_use(call: Call[Any, Any]) -> tuple[Session, Scope]:
    """The active session of the path, which lives on by that, and the scope within it.

    Raises:
        UnknownRecord: there is none, or it is over.
    """
    session, scope = await named_session(call)
    refuse_over(call, session)
    return await kept_alive(call, session, scope), scope


async def kept_alive(call: Call[Any, Any], session: Session, scope: Scope) -> Session:
    """The session, which lives on where it is active and the caller may write."""
    now = call.memory.resources.now()
    if session.state(now) == "active" and is_due(session, now) and call.caller.allows("write"):
        return await call.memory.touch_session(None, scope)
    return session


def refuse_over(call: Call[Any, Any], session: Session) -> None:
    """Let nobody use a session that has ended or expired.

    Raises:
        UnknownRecord: it has.
    """
    state = session.state(call.memory.resources.now())
    if state != "active":
        over = f"ended at {stamp(session.ended_at or session.expires_at)}" if state == "ended" else "has expired"
        raise UnknownRecord(
            f"The session {session.id!r} {over}; begin one with POST /v1/sessions, under the same id if you like."
        )


def within(scope: Scope, session: Session) -> Scope:
    """The scope of calls that belong to the session."""
    context = "" if session.context_id == DEFAULT_CONTEXT else session.context_id
    return replace(scope, workspace_id=session.workspace_id, session_id=session.id, context_id=context)

"""A call that names its session itself: a handle from `memory_session_start`, valid at every door."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mcp_memory.core.sessions import BEGIN, is_due, touch_session, usable
from mcp_memory.errors import InvalidRequest
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.session import Session


async def session_scope(memory: Memory, scope: Scope, session_id: str, only_in: str = "") -> Scope:
    """The scope moved into an active session and its workspace; the session is touched where its time runs out.

    Args:
        memory: whose session it is.
        scope: who calls.
        session_id: the session.
        only_in: the only workspace whose sessions the caller may see; empty: all.

    Raises:
        InvalidRequest: there is no such session to be seen, or it is over.
    """
    session = await memory.resources.store.session(session_id)
    if session is None or only_in not in ("", session.workspace_id):
        place = f" in workspace {only_in!r}" if only_in else ""
        raise InvalidRequest(f"There is no session {session_id!r}{place}; {BEGIN}.")
    session = await usable(memory.resources, memory.sessions, session_id, session.workspace_id)
    inside = within(scope, session)
    if is_due(session, memory.resources.now()):
        await touch_session(memory.resources, memory.sessions, None, inside)
    return inside


def within(scope: Scope, session: Session) -> Scope:
    """The scope moved into the session."""
    context = "" if session.context_id == DEFAULT_CONTEXT else session.context_id
    return replace(scope, workspace_id=session.workspace_id, session_id=session.id, context_id=context)

"""Where a request happens: the one place that finds its workspace, its session and its author.

The workspace is that of the path, else of the body, else of the query, else of `X-Workspace-ID`, else of the session
that `X-Session-ID` names, else the key's own, else the server's. A key that is bound to a workspace sees no other:
naming one is 403, and an id that lives in another is unknown to it, 404.

A session that is unknown or over is begun again under its id where the body or the header names a workspace and the
caller may write; a query only looks, so that listing what there is brings back nothing that was ended. Else
one that is over still says the workspace, and the call happens there without it; one that is unknown is 404.

Ids of memories are looked for in the resolved workspace and in `_global`, with one exception: `home_of`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mcp_memory.core.sessions import is_due
from mcp_memory.models.session import OpenSession
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.security.rights import check_workspace

if TYPE_CHECKING:
    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.session import Session
    from mcp_memory.rest.caller import Caller

WORKSPACE_HEADER: Final = "x-workspace-id"
SESSION_HEADER: Final = "x-session-id"

MOST_NAME: Final = 200
"""Characters of a workspace's or session's id."""


@dataclass(frozen=True, slots=True)
class Named:
    """What a request says about where it happens."""

    workspace: str = ""
    """Of path, body, query or header."""
    header: str = ""
    """The one of the header, whether it counts or not."""
    session: str = ""
    needs_session: bool = False
    begins: bool = False
    """Body or header say the workspace: a session that is not there is begun."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where it happens."""

    scope: Scope
    anywhere: bool
    """Nothing named a workspace, and the caller is bound to none."""


async def placed(memory: Memory, caller: Caller, named: Named) -> Place:
    """The place of a request.

    Raises:
        Refusal: 400 without a session where one is needed or a name is too long, 403 where the key may not go
            there, 404 for a session that is not there.
    """
    _check(caller, named)
    session = await _session(memory, caller, named) if named.session else None
    workspace = named.workspace or (session.workspace_id if session else "") or caller.workspace_id
    scope = _scope(memory, caller, workspace or memory.scope.workspace_id)
    if session is not None and session.workspace_id == workspace and _active(memory, session):
        scope = _within(scope, session)
        if is_due(session, memory.resources.now()) and caller.allows("write"):
            await memory.touch_session(None, scope)
    elif named.needs_session:
        raise _no_session(named.session)
    return Place(scope, anywhere=not workspace)


async def home_of(memory: Memory, scope: Scope, memory_id: str) -> Scope:
    """The scope moved to the workspace a memory lives in; unmoved where there is no such memory.

    Only for callers bound to no workspace whose request names none: MemoryLayer's async Python client sends its
    workspace with sessions alone, and asks for a memory by nothing but its id.
    """
    keys = await memory.resources.store.keys_of([memory_id])
    found = await memory.resources.store.fetch(list(keys.values()))
    return next((replace(scope, workspace_id=one.workspace_id) for one in found.values()), scope)


def _check(caller: Caller, named: Named) -> None:
    for name in (named.workspace, named.header, named.session):
        if len(name) > MOST_NAME or "\0" in name:
            raise Refusal(400, f"The id of a workspace or session has at most {MOST_NAME} characters, and no NUL.")
    if named.workspace:
        check_workspace(caller, named.workspace)
    if named.needs_session and not named.session:
        raise Refusal(400, "This call is about a session; name it in the header X-Session-ID.")


def _scope(memory: Memory, caller: Caller, workspace_id: str) -> Scope:
    check_workspace(caller, workspace_id)
    return replace(
        memory.scope,
        workspace_id=workspace_id,
        author=caller.name,
        session_id="",
        context_id="",
        confined=bool(caller.workspace_id),
    )


def _within(scope: Scope, session: Session) -> Scope:
    context = "" if session.context_id == DEFAULT_CONTEXT else session.context_id
    return replace(scope, session_id=session.id, context_id=context)


def _active(memory: Memory, session: Session) -> bool:
    return session.state(memory.resources.now()) == "active"


async def _session(memory: Memory, caller: Caller, named: Named) -> Session | None:
    """The session that is named, begun again where that may be.

    Raises:
        Refusal: 404 where there is none and none can be begun.
    """
    session = await memory.resources.store.session(named.session)
    if session is not None and _active(memory, session) and _visible(caller, session):
        return session
    if named.begins and caller.allows("write") and (session is None or session.workspace_id == named.workspace):
        return await _begun(memory, caller, named)
    if session is not None and _visible(caller, session):
        return session
    if not named.workspace:
        raise _no_session(named.session)
    return None


def _visible(caller: Caller, session: Session) -> bool:
    return caller.workspace_id in ("", session.workspace_id)


async def _begun(memory: Memory, caller: Caller, named: Named) -> Session:
    scope = _scope(memory, caller, named.workspace)
    request = OpenSession(session_id=named.session, metadata={"recreated": True}, replace=True)
    return (await memory.open_session(request, scope)).session


def _no_session(session_id: str) -> Refusal:
    return Refusal(
        404,
        f"There is no active session {session_id!r} here; begin one with POST /v1/sessions, or name a workspace too "
        "(header X-Workspace-ID): then one is begun under this id.",
    )

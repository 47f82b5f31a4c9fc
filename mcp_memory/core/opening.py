"""Sessions under an id of the caller's choice, as doors without a connection need them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mcp_memory.core.sessions import drafted, refuse_change, renewed, swept, usable
from mcp_memory.core.working import check_value
from mcp_memory.errors import Conflict, InvalidRequest, UnknownRecord
from mcp_memory.models.base import stamp
from mcp_memory.models.session import Session, SessionOpened, SessionStart, WorkingEntry, WorkingSet
from mcp_memory.models.validation import explain
from mcp_memory.storage.base import SessionChange

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.session import OpenSession


async def open_session(
    resources: Resources, policy: SessionPolicy, request: OpenSession, scope: Scope
) -> SessionOpened:
    """Go on with the active session of this id, or begin one.

    One that has expired is swept first, which commits what it held if it commits itself. It, or one that has ended,
    gives way to a fresh one only where the request says `replace`; long-term memories stay in any case.

    Raises:
        Conflict: the id is another workspace's, or its session is over and `replace` was not said.
        InvalidRequest: the active session is another user's or context's, or what it should hold cannot be held.
    """
    held = _checked(policy, request.working_memory)
    standing = await resources.store.session(request.session_id) if request.session_id else None
    if standing is not None and standing.workspace_id != scope.workspace_id:
        raise Conflict(f"The session id {standing.id!r} is another workspace's; choose another.")
    wanted = _wanted(request)
    state = "none" if standing is None else standing.state(resources.now())
    if standing is not None and state == "active":
        return await _continued(resources, policy, standing, wanted, held)
    if standing is not None and state == "expired":
        await swept(resources, policy, standing)
    session = drafted(resources, policy, wanted, scope, request.session_id)
    try:
        opened = await resources.store.open_session(session, _entries(resources, session, held), request.replace)
    except Conflict:
        if standing is not None:
            raise
        return await open_session(resources, policy, request, scope)  # somebody has begun it a moment ago
    return SessionOpened(outcome="created" if standing is None else "replaced", session=opened)


def _wanted(request: OpenSession) -> SessionStart:
    return SessionStart(
        **request.model_dump(include={"context_id", "user_id", "ttl_seconds", "metadata"}, exclude_unset=True)
    )


async def _continued(
    resources: Resources, policy: SessionPolicy, session: Session, wanted: SessionStart, held: Mapping[str, Any]
) -> SessionOpened:
    refuse_change(session, wanted)
    for entry in _entries(resources, session, held):
        await resources.store.set_working(entry, policy.most_entries)
    return SessionOpened(outcome="continued", session=await renewed(resources, session, wanted))


def _checked(policy: SessionPolicy, values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their tidy keys.

    Raises:
        InvalidRequest: there are too many, or one cannot be held.
    """
    if len(values) > policy.most_entries:
        raise InvalidRequest(
            f"`working_memory` has {len(values):,} keys; a session holds at most {policy.most_entries:,} "
            "(MCP_MEMORY_MAX_WORKING_ENTRIES). Nothing was stored."
        )
    try:
        entries = [WorkingSet(key=key, value=value) for key, value in values.items()]
    except ValidationError as error:
        raise InvalidRequest(f"In `working_memory` a {explain(error, tuple(WorkingSet.model_fields))}") from None
    for entry in entries:
        check_value(entry.value, policy.most_chars)
    return {entry.key: entry.value for entry in entries}


def _entries(resources: Resources, session: Session, held: Mapping[str, Any]) -> list[WorkingEntry]:
    now = resources.now()
    return [
        WorkingEntry(session_id=session.id, key=key, value=value, created_at=now, updated_at=now)
        for key, value in held.items()
    ]


async def get_session(resources: Resources, session_id: str, scope: Scope) -> Session:
    """A session of the workspace, whatever its state.

    Raises:
        UnknownRecord: the workspace has none of this id.
    """
    session = await resources.store.session(session_id)
    if session is None or session.workspace_id != scope.workspace_id:
        raise UnknownRecord(f"There is no session {session_id!r} in workspace {scope.workspace_id!r}.")
    return session


async def delete_session(resources: Resources, session_id: str, scope: Scope) -> Session:
    """End a session without committing it.

    Raises:
        UnknownRecord: the workspace has none of this id, or it has ended.
    """
    session = await get_session(resources, session_id, scope)
    if session.ended_at is not None:
        raise UnknownRecord(f"The session {session_id!r} ended at {stamp(session.ended_at)} already.")
    await resources.store.commit_session(SessionChange(session.id, resources.now(), (), end=True), None)
    return await get_session(resources, session_id, scope)


async def working_value(resources: Resources, policy: SessionPolicy, key: str, scope: Scope) -> WorkingEntry:
    """What the scope's session holds under a key.

    Raises:
        UnknownRecord: nothing, or not any more.
        InvalidRequest: the session cannot be used.
    """
    session = await usable(resources, policy, scope.session_id, scope.workspace_id)
    entries = await resources.store.working(session.id, resources.now())
    found = next((entry for entry in entries if entry.key == key), None)
    if found is None:
        raise UnknownRecord(f"The session {session.id!r} holds nothing under {key!r}.")
    return found

"""Sessions: what they hold in hand, and how it is committed or leaves with them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.errors import Conflict, InvalidRequest
from mcp_memory.models.base import stamp
from mcp_memory.models.session import Session, WorkingEntry
from mcp_memory.names import GLOBAL_WORKSPACE
from mcp_memory.storage.sqlite import journal, lifecycle, writing
from mcp_memory.storage.sqlite.rows import memory_of
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.base import Added, SessionChange
    from mcp_memory.storage.sqlite.connection import Connection

COMMITTED: Final = "committed with its session"
"""Why a note that was committed is a tombstone."""

LEFT: Final = "left with its session"
"""Why a note that was not committed is one, once its session has ended."""


# The session itself


def start(connection: Connection, session: Session) -> Session:
    """Keep a new session."""
    created = stamp(session.created_at)
    workspace = writing.ensure_scope(connection, session.workspace_id, session.context_id, created)
    if not connection.rows(sql("insert_session"), _bindings_of(session, workspace)):
        raise InvalidRequest(f"There is already a session {session.id!r}; continue it, or choose another id.")
    _record(connection, session, "session.start", {"context": session.context_id})
    return known(connection, session.id)


def open_(connection: Connection, session: Session, entries: Sequence[WorkingEntry], *, replace: bool) -> Session:
    """Keep a new session with what it holds from the start, in the place of an ended one where `replace`."""
    standing = find(connection, session.id)
    if standing is not None:
        _require_replaceable(standing, session, replace=replace)
        connection.run(sql("delete_session"), (session.id,))
    opened = start(connection, session)
    for entry in entries:
        connection.run(sql("set_working"), _bindings_of_entry(entry))
    return opened


def _require_replaceable(standing: Session, session: Session, *, replace: bool) -> None:
    if standing.workspace_id != session.workspace_id:
        raise Conflict(f"The session {session.id!r} belongs to another workspace; choose another id.")
    if standing.ended_at is None:
        raise Conflict(f"There is already a session {session.id!r} that has not ended; go on with it.")
    if not replace:
        raise Conflict(
            f"The session {session.id!r} ended at {stamp(standing.ended_at)}; begin one with another id, "
            "or ask for a fresh one in its place."
        )


def find(connection: Connection, session_id: str) -> Session | None:
    """The session, whatever its state, or None."""
    row = connection.first(sql("session"), (session_id,))
    return None if row is None else _session_of(row)


def of_workspace(connection: Connection, workspace_id: str, now: datetime, *, include_ended: bool) -> list[Session]:
    """The workspace's sessions, latest use first; without `include_ended` only the active."""
    bindings = {"workspace_id": workspace_id, "now": stamp(now), "include_ended": include_ended}
    return [_session_of(row) for row in connection.rows(sql("sessions"), bindings)]


def expired(connection: Connection, now: datetime, limit: int) -> list[Session]:
    """Sessions that have expired and not yet ended, longest expired first."""
    return [_session_of(row) for row in connection.rows(sql("expired_sessions"), (stamp(now), limit))]


def touch(connection: Connection, session_id: str, at: datetime, expires_at: datetime) -> Session:
    """Note that a session was used; it never expires earlier than before."""
    require_open(connection, session_id)
    connection.run(sql("touch_session"), {"id": session_id, "at": stamp(at), "expires_at": stamp(expires_at)})
    return known(connection, session_id)


# What it holds


def set_working(connection: Connection, entry: WorkingEntry, most_entries: int) -> WorkingEntry:
    """Hold a value under a key, replacing the one before. What has expired makes room."""
    require_open(connection, entry.session_id)
    connection.run(sql("drop_expired_working"), (entry.session_id, stamp(entry.updated_at)))
    others = connection.value(sql("count_other_working"), (entry.session_id, entry.key))
    if others >= most_entries:
        raise InvalidRequest(
            f"The session {entry.session_id!r} already holds {others} values, the most it may; use one of their "
            "keys again, or commit the session with `clear_after_commit`."
        )
    [row] = connection.rows(sql("set_working"), _bindings_of_entry(entry))
    return _entry_of(row)


def working(connection: Connection, session_id: str, now: datetime) -> list[WorkingEntry]:
    """What the session holds, by key; an entry is gone at the very instant it expires."""
    return [_entry_of(row) for row in connection.rows(sql("working"), (session_id, stamp(now)))]


def notes(connection: Connection, session_id: str) -> list[Memory]:
    """The session's live memories of type `working`, oldest first."""
    session = find(connection, session_id)
    return [] if session is None else [memory for _, memory in _notes(connection, session)]


# Its end


def commit(connection: Connection, change: SessionChange, identity: EncoderIdentity | None) -> list[Added]:
    """Write the drafts, mark what they came from as committed, and clear or end."""
    session = require_open(connection, change.session_id)
    _commit_entries(connection, change)
    _bury_notes(connection, session, change)
    added = writing.add(connection, change.drafts, identity) if change.drafts else []
    dropped = connection.rows(sql("drop_working"), (session.id,)) if change.clear or change.end else []
    if change.end:
        connection.run(sql("drop_environment"), (session.id,))
    connection.run(sql("settle_session"), _settled(change))
    _record(connection, session, "session.end" if change.end else "session.commit", {
        "created": sum(one.outcome == "created" for one in added),
        "confirmed": sum(one.outcome == "confirmed" for one in added),
        "entries": len(change.entries),
        "notes": len(change.notes),
        "dropped_uncommitted": sum(committed_at is None for (committed_at,) in dropped),
    })  # fmt: skip
    return added


def _commit_entries(connection: Connection, change: SessionChange) -> None:
    for entry in change.entries:
        bindings = _bindings_of_entry(entry) | {"session_id": change.session_id, "at": stamp(change.at)}
        if not connection.rows(sql("commit_working"), bindings):
            raise _changed_meanwhile(change.session_id, f"the value under {entry.key!r}")


def _bury_notes(connection: Connection, session: Session, change: SessionChange) -> None:
    """Turn the notes that are done with into tombstones; at the end of the session the others too."""
    alive = {memory.id: key for key, memory in _notes(connection, session)}
    for note in dict.fromkeys(change.notes):
        if note not in alive:
            raise _changed_meanwhile(session.id, f"the memory {note}")
        lifecycle.bury(connection, alive.pop(note), COMMITTED, session.author or "")
    for key in alive.values() if change.end else ():
        lifecycle.bury(connection, key, LEFT, session.author or "")


def _settled(change: SessionChange) -> dict[str, str | None]:
    """What becomes of the session's own moments. To clear or end without anything committed is no commit."""
    commits = bool(change.drafts or change.entries or change.notes) or not (change.clear or change.end)
    at = stamp(change.at)
    return {"id": change.session_id, "committed_at": at if commits else None, "ended_at": at if change.end else None}


def _changed_meanwhile(session_id: str, what: str) -> InvalidRequest:
    return InvalidRequest(
        f"In the session {session_id!r} {what} has changed meanwhile; try again. Nothing was written."
    )


# Leases


def take_lease(connection: Connection, name: str, holder: str, now: datetime, until: datetime) -> bool:
    """Whether `holder` has the lease from now on: it is new, has run out, or was its own."""
    bindings = {"name": name, "holder": holder, "now": stamp(now), "until": stamp(until)}
    return bool(connection.rows(sql("take_lease"), bindings))


# Rows


def require_open(connection: Connection, session_id: str) -> Session:
    """The session.

    Raises:
        InvalidRequest: there is none, or it has ended.
    """
    session = find(connection, session_id)
    if session is None:
        raise InvalidRequest(f"There is no session {session_id!r}; start one first.")
    if session.ended_at is not None:
        raise InvalidRequest(f"The session {session_id!r} ended at {stamp(session.ended_at)}; start a new one.")
    return session


def known(connection: Connection, session_id: str) -> Session:
    """A session that is known to exist."""
    [row] = connection.rows(sql("session"), (session_id,))
    return _session_of(row)


def _notes(connection: Connection, session: Session) -> list[tuple[int, Memory]]:
    bindings = {"session_id": session.id, "workspace_id": session.workspace_id, "global": GLOBAL_WORKSPACE}
    return [memory_of(row) for row in connection.rows(sql("notes"), bindings)]


def _session_of(row: Sequence[Any]) -> Session:
    (
        id_, workspace_id, context_id, user_id, author, metadata, ttl_seconds, auto_commit, created, touched, expires,
        committed, ended,
    ) = row  # fmt: skip
    return Session(
        id=id_, workspace_id=workspace_id, context_id=context_id, user_id=user_id or None, author=author or None,
        metadata=json.loads(metadata), ttl_seconds=ttl_seconds, auto_commit=bool(auto_commit), created_at=created,
        touched_at=touched, expires_at=expires, committed_at=committed, ended_at=ended,
    )  # fmt: skip


def _bindings_of(session: Session, workspace: int) -> dict[str, Any]:
    return {
        "id": session.id,
        "workspace": workspace,
        "context_id": session.context_id,
        "user_id": session.user_id or "",
        "author": session.author or "",
        "metadata": journal.dumps(session.metadata),
        "ttl_seconds": session.ttl_seconds,
        "auto_commit": int(session.auto_commit),
        "created_at": stamp(session.created_at),
        "touched_at": stamp(session.touched_at),
        "expires_at": stamp(session.expires_at),
        "committed_at": _stamped(session.committed_at),
        "ended_at": _stamped(session.ended_at),
    }


def _entry_of(row: Sequence[Any]) -> WorkingEntry:
    session_id, key, value, ttl_seconds, created, updated, expires, committed = row
    return WorkingEntry(
        session_id=session_id, key=key, value=json.loads(value), ttl_seconds=ttl_seconds, created_at=created,
        updated_at=updated, expires_at=expires, committed_at=committed,
    )  # fmt: skip


def _bindings_of_entry(entry: WorkingEntry) -> dict[str, Any]:
    return {
        "session_id": entry.session_id,
        "key": entry.key,
        "ttl_seconds": entry.ttl_seconds,
        "created_at": stamp(entry.created_at),
        "updated_at": stamp(entry.updated_at),
        "expires_at": _stamped(entry.expires_at),
        "committed_at": _stamped(entry.committed_at),
        "value": journal.dumps(entry.value),
    }


def _stamped(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)


def _record(connection: Connection, session: Session, action: str, detail: dict[str, Any]) -> None:
    journal.record_event(connection, session.workspace_id, action, session.id, session.author or "", detail)

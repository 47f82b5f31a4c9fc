"""Checkpoints: revisions of an environment that were given a name. They are copied inside SQLite, from row to row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_memory.errors import InvalidRequest
from mcp_memory.models.base import stamp
from mcp_memory.models.environment import Checkpoint
from mcp_memory.storage.sqlite import environments, journal, sessions
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mcp_memory.models.environment import Environment
    from mcp_memory.storage.base import EnvironmentQuota
    from mcp_memory.storage.sqlite.connection import Connection


def keep(
    connection: Connection, session_id: str, name: str, at: datetime, most: int, quota: EnvironmentQuota
) -> Checkpoint:
    """Keep the present revision under a name; one of that name is replaced.

    Raises:
        InvalidRequest: there is no environment, it has `most` other checkpoints already, or the quota is used up.
    """
    environment = _environment(connection, session_id)
    _refuse_crowding(connection, session_id, name, most)
    bindings = {"session_id": session_id, "name": name, "at": stamp(at)}
    [row] = connection.rows(sql("keep_checkpoint"), bindings)
    environments.refuse_excess(connection, environment.workspace_id, quota)
    kept = _checkpoint_of(row)
    _record(connection, environment, "environment.checkpoint", {"name": name, "revision": kept.revision})
    return kept


def of_session(connection: Connection, session_id: str) -> list[Checkpoint]:
    """The environment's checkpoints, oldest first."""
    return [_checkpoint_of(row) for row in connection.rows(sql("checkpoints"), (session_id,))]


def return_to(connection: Connection, session_id: str, name: str, at: datetime) -> Environment:
    """Make the state and the variables those of the checkpoint: as the next revision.

    Raises:
        InvalidRequest: there is no checkpoint of this name; names those there are.
    """
    environment = _environment(connection, session_id)
    checkpoint = _named(connection, session_id, name)
    place = {"session_id": session_id, "name": name}
    connection.run(sql("return_to_state"), place)
    connection.run(sql("drop_other_variables"), {"session_id": session_id, "names": "[]"})
    connection.run(sql("return_to_variables"), place)
    connection.run(sql("note_return"), {"session_id": session_id, "at": stamp(at)})
    detail = {"name": name, "revision": checkpoint.revision}
    _record(connection, environment, "environment.restore", detail)
    return environments.measured(connection, session_id)


def _environment(connection: Connection, session_id: str) -> Environment:
    environment = environments.find(connection, session_id)
    if environment is None:
        raise InvalidRequest(
            f"The session {session_id!r} has no environment, so there are no checkpoints; run code in it, or load "
            "something into it, first."
        )
    return environment


def _named(connection: Connection, session_id: str, name: str) -> Checkpoint:
    there = {one.name: one for one in of_session(connection, session_id)}
    if name not in there:
        names = f"there are {_listed(there)}" if there else "there are none yet"
        raise InvalidRequest(f"The environment of the session {session_id!r} has no checkpoint {name!r}; {names}.")
    return there[name]


def _refuse_crowding(connection: Connection, session_id: str, name: str, most: int) -> None:
    others = [one.name for one in of_session(connection, session_id) if one.name != name]
    if len(others) >= most:
        raise InvalidRequest(
            f"The environment of the session {session_id!r} already has {len(others)} checkpoints, the most it may; "
            f"use one of their names again to replace it: {_listed(others)}."
        )


def _listed(names: Sequence[str] | dict[str, Any]) -> str:
    return ", ".join(map(repr, names))


def _checkpoint_of(row: Sequence[Any]) -> Checkpoint:
    name, revision, created, variable_count, size_bytes = row
    return Checkpoint(
        name=name, revision=revision, created_at=created, variable_count=variable_count, size_bytes=size_bytes
    )


def _record(connection: Connection, environment: Environment, action: str, detail: dict[str, Any]) -> None:
    session = sessions.known(connection, environment.session_id)
    author = session.author or ""
    journal.record_event(connection, environment.workspace_id, action, session.id, author, detail)

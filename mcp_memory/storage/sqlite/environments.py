"""Environments: the state of an agent's own Python, its variables beside it, and what a workspace may keep of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_memory.errors import InvalidRequest, StaleEnvironment
from mcp_memory.models.base import stamp
from mcp_memory.models.environment import Environment, StoredVariable
from mcp_memory.storage.base import EnvironmentState
from mcp_memory.storage.sqlite import journal, sessions
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.storage.base import EnvironmentChange, EnvironmentQuota
    from mcp_memory.storage.sqlite.connection import Connection


# Reading


def load(connection: Connection, session_id: str) -> EnvironmentState | None:
    """The session's environment with its state, and its variables without their values; or None."""
    environment = find(connection, session_id)
    if environment is None:
        return None
    [[state, seal]] = connection.rows(sql("environment_state"), (session_id,))
    variables = connection.rows(sql("environment_variables"), (session_id,))
    return EnvironmentState(environment, state, seal, tuple(_variable_of(row) for row in variables))


def values(connection: Connection, session_id: str) -> dict[str, str]:
    """The JSON texts of its variables, of those that have one, by name."""
    return dict(connection.rows(sql("environment_values"), (session_id,)))


def find(connection: Connection, session_id: str) -> Environment | None:
    """The session's environment, or None. Its state is not read."""
    row = connection.first(sql("environment"), (session_id,))
    return None if row is None else _environment_of(row)


# Writing


def save(connection: Connection, change: EnvironmentChange, quota: EnvironmentQuota) -> Environment:
    """Write what a call changed, as the next revision.

    Raises:
        StaleEnvironment: its revision is no longer the one that was read.
        InvalidRequest: the session has ended, or the workspace's quota is used up. What makes an environment no
            larger is never refused for its size.
    """
    session = sessions.require_open(connection, change.environment.session_id)
    before = find(connection, session.id)
    _refuse_stale(change.environment, before)
    connection.run(sql("save_environment"), _bindings_of(change.environment))
    if change.state is not None or before is None:
        connection.run(sql("save_environment_state"), _bindings_of_state(change))
    _save_variables(connection, session.id, change.variables)
    after = measured(connection, session.id)
    if before is None:
        _refuse_crowding(connection, session.workspace_id, quota)
    if before is None or after.size_bytes > before.size_bytes:
        refuse_excess(connection, session.workspace_id, quota)
    return after


def drop(connection: Connection, session_id: str, author: str) -> bool:
    """Remove the environment with its checkpoints; whether there was one."""
    environment = find(connection, session_id)
    if environment is None:
        return False
    connection.run(sql("drop_environment"), (session_id,))
    detail = {"revision": environment.revision}
    journal.record_event(connection, environment.workspace_id, "environment.drop", session_id, author, detail)
    return True


def measured(connection: Connection, session_id: str) -> Environment:
    """An environment that is known to exist, once its size was summed up anew."""
    connection.run(sql("measure_environment"), {"session_id": session_id})
    [row] = connection.rows(sql("environment"), (session_id,))
    return _environment_of(row)


def _save_variables(connection: Connection, session_id: str, variables: Sequence[StoredVariable]) -> None:
    """Make these the variables there are. A value that is not given stays where its digest is the same."""
    names = journal.dumps([one.name for one in variables])
    connection.run(sql("drop_other_variables"), {"session_id": session_id, "names": names})
    for one in variables:
        connection.run(sql("save_environment_variable"), one.model_dump() | {"session_id": session_id})


# What is refused


def _refuse_stale(wanted: Environment, stored: Environment | None) -> None:
    if stored is None and wanted.revision:
        raise StaleEnvironment(
            f"The environment of the session {wanted.session_id!r} was removed meanwhile, by another window or because "
            "it was cleaned up; nothing was written. Call again to begin with an empty one."
        )
    if stored is not None and stored.revision != wanted.revision:
        raise StaleEnvironment(
            f"Another window has changed the environment of the session {wanted.session_id!r} meanwhile (revision "
            f"{stored.revision}, and {wanted.revision} was read); nothing was written. Call again."
        )


def _refuse_crowding(connection: Connection, workspace_id: str, quota: EnvironmentQuota) -> None:
    count, _ = _taken(connection, workspace_id)
    if count > quota.environments:
        raise InvalidRequest(
            f"The workspace {workspace_id!r} already holds {count - 1} environments, the most it may. Remove one with "
            "`mcp-memory context cleanup --session ID`, end sessions that are done, or raise MCP_MEMORY_ENVIRONMENTS."
        )


def refuse_excess(connection: Connection, workspace_id: str, quota: EnvironmentQuota) -> None:
    """Check what the workspace's environments take together, checkpoints included.

    Raises:
        InvalidRequest: more than they may.
    """
    _, size = _taken(connection, workspace_id)
    if size > quota.bytes:
        raise InvalidRequest(
            f"The environments of the workspace {workspace_id!r} with their checkpoints would take {size:,} bytes "
            f"together, and may take {quota.bytes:,}; nothing was written. Keep less in variables, remove an "
            "environment with `mcp-memory context cleanup --session ID`, or end sessions that are done."
        )


def _taken(connection: Connection, workspace_id: str) -> tuple[int, int]:
    """How many environments the workspace holds, and the bytes they and their checkpoints take."""
    [[count, size]] = connection.rows(sql("environments_of_workspace"), {"workspace_id": workspace_id})
    return count, size


# Rows


def _environment_of(row: Sequence[Any]) -> Environment:
    (
        session_id, workspace_id, revision, engine, exec_count, total_operations, restored, size_bytes, created,
        updated, last_exec,
    ) = row  # fmt: skip
    return Environment(
        session_id=session_id, workspace_id=workspace_id, revision=revision, engine=engine, exec_count=exec_count,
        total_operations=total_operations, restored=bool(restored), size_bytes=size_bytes, created_at=created,
        updated_at=updated, last_exec_at=last_exec,
    )  # fmt: skip


def _bindings_of(environment: Environment) -> dict[str, Any]:
    last_exec = environment.last_exec_at
    return {
        "session_id": environment.session_id,
        "revision": environment.revision + 1,
        "exec_count": environment.exec_count,
        "total_operations": environment.total_operations,
        "restored": int(environment.restored),
        "created_at": stamp(environment.created_at),
        "updated_at": stamp(environment.updated_at),
        "last_exec_at": None if last_exec is None else stamp(last_exec),
    }


def _bindings_of_state(change: EnvironmentChange) -> dict[str, Any]:
    return {
        "session_id": change.environment.session_id,
        "engine": change.environment.engine,
        "seal": change.seal,
        "state": change.state or b"",
    }


def _variable_of(row: Sequence[Any]) -> StoredVariable:
    name, type_, size, digest = row
    return StoredVariable(name=name, type=type_, size=size, digest=digest)

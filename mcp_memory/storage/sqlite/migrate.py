"""From whatever the file is to the schema of today, or a clear refusal.

Everything happens in one `BEGIN IMMEDIATE`, with the version read inside it: of many processes that start at once
one does the work, and the others find it done.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import apsw

from mcp_memory.errors import StoreTooNew
from mcp_memory.storage.sqlite import failures
from mcp_memory.storage.sqlite.statements import migrations, schema

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mcp_memory.storage.sqlite.connection import Connection

APPLICATION_ID: Final = 0x4D454D31
"""Tells our files from other SQLite databases: `MEM1`."""


def version_of(connection: Connection) -> int:
    """The schema's version; 0 for an empty file."""
    return int(connection.pragma("user_version"))


def recognise(connection: Connection, path: Path, newest: int | None = None) -> None:
    """Check that the file is empty or ours, without touching it.

    Raises:
        StoreCorrupt: it is somebody else's database.
        StoreTooNew: it was written by a newer version.
    """
    if connection.pragma("application_id") != APPLICATION_ID and _has_tables(connection):
        raise failures.not_ours(path)
    known = max(migrations()) if newest is None else newest
    if version_of(connection) > known:
        raise StoreTooNew(
            f"The database {path} was written by a newer mcp-memory (schema {version_of(connection)}, this one knows "
            f"{known}); nothing was changed. Upgrade mcp-memory to open it."
        )


def require_current(connection: Connection, path: Path) -> None:
    """Check that the schema needs no change, where none can be made.

    Raises:
        StoreReadOnly: it would have to be created or migrated first.
    """
    if version_of(connection) != max(migrations()):
        raise failures.read_only(path)


def migrate(connection: Connection, path: Path, steps: Mapping[int, str] | None = None) -> None:
    """Bring the file to the newest schema, after a copy of it was put aside where it holds memories already.

    Args:
        connection: one that may write.
        path: the file.
        steps: version to the script that leads to it; by default those of this package.
    """
    scripts = migrations() if steps is None else steps
    newest = max(scripts)
    if version_of(connection) == newest:
        return
    connection.run("BEGIN IMMEDIATE")
    try:
        recognise(connection, path, newest)
        if version_of(connection) == newest:
            return
        if version_of(connection) == 0 and steps is None:
            connection.run(schema())
        else:
            _replay(connection, path, scripts)
        connection.run(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.run(f"PRAGMA user_version = {newest}")
        connection.run("COMMIT")
    finally:
        if connection.in_transaction:
            connection.run("ROLLBACK")


def snapshot_path(path: Path, version: int) -> Path:
    """Where the file as it was in this schema version is kept."""
    return path.with_name(f"{path.name}.v{version}")


def snapshots(path: Path) -> list[Path]:
    """The copies put aside before migrations."""
    return sorted(path.parent.glob(f"{path.name}.v[0-9]*"))


def _replay(connection: Connection, path: Path, scripts: Mapping[int, str]) -> None:
    version = version_of(connection)
    outstanding = [script for number, script in sorted(scripts.items()) if number > version]
    if outstanding and version > 0:
        _put_copy_aside(path, snapshot_path(path, version))
    for script in outstanding:
        connection.run(script)


def _put_copy_aside(path: Path, target: Path) -> None:
    """Copy the committed file; nobody else can write meanwhile, as the caller holds the write lock."""
    unfinished = target.with_name(target.name + ".part")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    source, copy = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY), apsw.Connection(str(unfinished))
    with copy.backup("main", source, "main") as backup:
        backup.step(-1)
    copy.close()
    source.close()
    unfinished.replace(target)


def _has_tables(connection: Connection) -> bool:
    return bool(connection.value("SELECT count(*) FROM sqlite_schema"))

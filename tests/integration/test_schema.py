from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mcp_memory.errors import StoreTooNew
from mcp_memory.storage.sqlite import SqliteStore
from mcp_memory.storage.sqlite.connection import connect
from mcp_memory.storage.sqlite.migrate import migrate, snapshot_path, version_of
from mcp_memory.storage.sqlite.statements import _statements, migrations, schema, sql
from tests.integration.store_support import HERE, draft

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_memory.storage.sqlite.connection import Connection

pytestmark = pytest.mark.anyio


def opened(path: Path) -> Connection:
    path.touch()
    return connect(path, "write", durability="normal", busy_timeout=1.0)


def definitions(connection: Connection) -> set[tuple[str, str, str]]:
    rows = connection.rows("SELECT type, name, ifnull(sql, '') FROM sqlite_schema")
    return {(kind, name, " ".join(re.sub(r"--[^\n]*", "", text).split())) for kind, name, text in rows}


def test_the_schema_equals_the_replay_of_all_migrations(tmp_path: Path) -> None:
    new, replayed = opened(tmp_path / "new.db"), opened(tmp_path / "replayed.db")
    new.run(schema())
    for script in migrations().values():
        replayed.run(script)
    assert definitions(new) == definitions(replayed)
    assert new.rows("SELECT * FROM meta") == replayed.rows("SELECT * FROM meta")


def test_migrations_are_numbered_without_gaps() -> None:
    assert list(migrations()) == list(range(1, len(migrations()) + 1))


def test_every_statement_compiles_against_the_schema(tmp_path: Path) -> None:
    connection = opened(tmp_path / "new.db")
    connection.run(schema())
    connection.run("CREATE TABLE filler (zeros BLOB)")
    connection.run(sql("create_vector_index").replace("{index}", "vec_1").replace("{dimension}", "4"))
    for name in sorted(_statements().keys() - {"create_vector_index", "create_filler"}):
        text = sql(name).replace("{index}", "vec_1").replace("{condition}", "true")
        parameters = dict.fromkeys(re.findall(r":(\w+)", text), 1)
        numbers = max(text.count("?"), 1) if "?" in text else 0
        connection.execute(f"EXPLAIN {text}", parameters or (1,) * (1 if "?1" in text else numbers)).fetchall()


async def test_a_migration_keeps_the_memories_and_a_copy_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = SqliteStore(path)
    await store.add([draft("older than the migration")], None)
    await store.close()
    connection = opened(path)
    migrate(connection, path, {**migrations(), 2: "CREATE TABLE added_later (one INTEGER)"})
    assert version_of(connection) == 2
    assert connection.value("SELECT count(*) FROM memories") == 1
    assert connection.rows("SELECT * FROM added_later") == []
    connection.close()
    copy = snapshot_path(path, 1)
    assert copy.stat().st_mode & 0o777 == 0o600
    old = SqliteStore(copy)
    assert [memory.content for memory in (await old.browse(HERE, 5)).memories] == ["older than the migration"]
    await old.close()


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = SqliteStore(path)
    await store.add([draft("kept")], None)
    await store.close()
    connection = opened(path)
    with pytest.raises(Exception, match="nonsense"):
        migrate(connection, path, {**migrations(), 2: "CREATE TABLE added (one); nonsense"})
    connection.close()
    store = SqliteStore(path)
    assert (await store.browse(HERE, 5)).total == 1
    assert (await store.state()).schema_version == 1
    await store.close()


async def test_a_store_from_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = SqliteStore(path)
    await store.open()
    await store.close()
    connection = opened(path)
    connection.run("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    store = SqliteStore(path)
    with pytest.raises(StoreTooNew, match=r"newer mcp-memory.*Upgrade"):
        await store.browse(HERE, 1)
    assert path.read_bytes() == before

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from mcp_memory.errors import StoreTooNew
from mcp_memory.models.environment import Environment
from mcp_memory.models.search import Filter
from mcp_memory.storage.base import EnvironmentChange, EnvironmentQuota
from mcp_memory.storage.sqlite import SqliteStore
from mcp_memory.storage.sqlite.connection import connect
from mcp_memory.storage.sqlite.migrate import migrate, snapshot_path, version_of
from mcp_memory.storage.sqlite.statements import _statements, migrations, schema, sql
from tests.integration.store_support import ENCODER, EPOCH, HERE, draft, unit

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_memory.storage.sqlite.connection import Connection

pytestmark = pytest.mark.anyio
NEXT = max(migrations()) + 1
"""The version no migration leads to yet."""


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
        plan = connection.execute(f"EXPLAIN {text}", parameters or (1,) * (1 if "?1" in text else numbers)).fetchall()
        assert plan, name


async def test_a_migration_keeps_the_memories_and_a_copy_of_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = SqliteStore(path)
    await store.add([draft("older than the migration")], None)
    await store.close()
    connection = opened(path)
    migrate(connection, path, {**migrations(), NEXT: "CREATE TABLE added_later (one INTEGER)"})
    assert version_of(connection) == NEXT
    assert connection.value("SELECT count(*) FROM memories") == 1
    assert connection.rows("SELECT * FROM added_later") == []
    connection.close()
    copy = snapshot_path(path, NEXT - 1)
    assert copy.stat().st_mode & 0o777 == 0o600
    old = SqliteStore(copy)
    assert [memory.content for memory in (await old.browse(HERE, 5)).memories] == ["older than the migration"]
    await old.close()


def of_version(version: int, path: Path) -> Connection:
    """A store as an earlier release made it."""
    connection = opened(path)
    connection.run("PRAGMA journal_mode = WAL")
    migrate(connection, path, {number: script for number, script in migrations().items() if number <= version})
    return connection


OLD_ROWS = """
INSERT INTO workspaces (id, name, settings, created_at, updated_at)
VALUES ('home', 'Home', '{}', '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z');
INSERT INTO contexts VALUES (1, '_default', '_default', '', '{}', '2026-01-01T00:00:00.000000Z');
INSERT INTO encoders (name, revision, dimension, created_at, active)
VALUES ('test', '1', 16, '2026-01-01T00:00:00.000000Z', 1);
CREATE VIRTUAL TABLE vec_1 USING vec0 (
  workspace INTEGER PARTITION KEY, vector FLOAT[16] distance_metric=L2, chunk_size=128
);
"""
OLD_MEMORY = """
INSERT INTO memories (
  key, id, workspace, change, status, embedding_state, type, subtype, importance, pinned, words, short_question,
  access_count, confirmations, decay_factor, created_at, updated_at, occurred_at, last_accessed_at, forgotten_at,
  context_id, session_id, user_id, observer_id, subject_id, author, source_memory_id, content_hash, forget_reason,
  metadata, content, context_text
) VALUES (
  (1 << 40) + :row, 'mem_' || :row, 1, :row, :status, 'embedded', :type, '', 0.5, 0, 3, 0, 0, 0, 1.0,
  '2026-01-01T00:00:0' || :row || '.000000Z', '2026-01-01T00:00:00.000000Z', NULL, NULL, NULL,
  :context, :session, '', '', '', 'ann', '', 'hash ' || :row, NULL, '{}', :content, :quoted
)
"""


def add_old_memory(connection: Connection, row: int, content: str, *, quoted: str = "", **fields: str) -> None:
    values = {"row": row, "content": content, "quoted": quoted, "status": "active", "type": "semantic"}
    connection.run(OLD_MEMORY, values | {"context": "_default", "session": ""} | fields)
    key = (1 << 40) + row
    connection.run("INSERT INTO revisions VALUES (?, 1, 'created', 'ann', '{}', NULL, '2026-01-01')", (key,))
    connection.run("INSERT INTO memory_tags VALUES (?, 'old')", (key,))
    connection.run("INSERT INTO vectors VALUES (?, 1, ?)", (key, unit(row).tobytes()))
    if fields.get("status") != "deleted":
        connection.run("INSERT INTO memories_fts (rowid, content, context) VALUES (?, ?, ?)", (key, content, quoted))
        connection.run("INSERT INTO vec_1 (rowid, workspace, vector) VALUES (?, 1, ?)", (key, unit(row).tobytes()))


async def test_a_store_of_version_1_gets_sessions_and_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    connection = of_version(1, path)
    connection.run(OLD_ROWS)
    add_old_memory(connection, 1, "the first violet")
    add_old_memory(connection, 2, "asked in a session", session="s", context="kitchen")
    add_old_memory(connection, 3, "answered there", session="s", context="kitchen", quoted="asked in a session")
    add_old_memory(connection, 4, "a note of it", session="s", type="working")
    add_old_memory(connection, 5, "long forgotten", status="deleted")
    connection.run("UPDATE workspaces SET next_row = 6")
    before = connection.rows("SELECT id, content, context_text, session_id, context_id FROM memories ORDER BY key")
    connection.close()

    store = SqliteStore(path)
    inside = Filter(workspaces=("home",), viewer_session="s")
    assert (await store.state()).schema_version == max(migrations())
    assert await store.integrity() == []
    assert [one.content for one in (await store.browse(HERE, 9)).memories] == [
        "answered there", "asked in a session", "the first violet",
    ]  # fmt: skip
    assert (await store.browse(inside, 9)).total == 4
    assert [near.memory_id for near in await store.nearest(unit(1), ENCODER, HERE, 1)] == ["mem_1"]
    assert len((await store.keyword_candidates(("asked",), HERE, 9)).scores) == 2
    key = (await store.keys_of(["mem_2"]))["mem_2"]
    assert [(at, one.id) for at, one in (await store.neighbours([key], 2))[key]] == [(1, "mem_3")]
    assert (await store.restore("home", "mem_5", "")).content == "long forgotten"
    assert [one.action for one in await store.revisions("home", "mem_1")] == ["created"]
    await store.forget("home", "mem_2", "", "")
    assert (await store.keyword_candidates(("asked",), HERE, 9)).scores == {}
    assert await store.integrity() == []
    await store.close()

    connection = opened(path)
    now = connection.rows("SELECT id, content, session_id, context_id FROM memories ORDER BY key")
    assert now == [(id_, text, session, context) for id_, text, _, session, context in before]
    connection.close()
    copy = opened(snapshot_path(path, 1))
    assert version_of(copy) == 1
    query = "SELECT id, content, context_text, session_id, context_id FROM memories ORDER BY key"
    assert copy.rows(query) == before
    copy.close()


async def test_the_migrations_since_the_first_release_rewrite_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    connection = of_version(1, path)
    connection.run(OLD_ROWS)
    for row in range(1, 10):
        add_old_memory(connection, row, "long " * 50_000)
    connection.run("PRAGMA wal_checkpoint(TRUNCATE)")
    migrate(connection, path)
    assert path.with_name(path.name + "-wal").stat().st_size < path.stat().st_size / 4
    connection.close()


async def test_a_store_of_version_2_gets_environments_and_keeps_everything(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    connection = of_version(2, path)
    connection.run(OLD_ROWS)
    add_old_memory(connection, 1, "the first violet")
    add_old_memory(connection, 2, "a note of it", session="s", type="working")
    connection.run("UPDATE workspaces SET next_row = 3")
    moment = "2026-01-01T00:00:00.000000Z"
    session = ("s", 1, "_default", "", "ann", "{}", 3600, 1, moment, moment, "2026-01-01T01:00:00.000000Z", None, None)
    connection.run(f"INSERT INTO sessions VALUES ({', '.join('?' * len(session))})", session)
    connection.run("INSERT INTO working_memory VALUES ('s', 'k', NULL, ?, ?, NULL, NULL, '[1]')", (moment, moment))
    before = rows_of(connection)
    connection.close()

    store = SqliteStore(path)
    assert (await store.state()).schema_version == max(migrations())
    assert await store.integrity() == []
    assert [near.memory_id for near in await store.nearest(unit(1), ENCODER, HERE, 1)] == ["mem_1"]
    assert [(one.key, one.value) for one in await store.working("s", EPOCH)] == [("k", [1])]
    assert [one.content for one in await store.notes("s")] == ["a note of it"]
    await store.close()
    copy, now = opened(snapshot_path(path, 2)), opened(path)
    assert version_of(copy) == 2
    assert rows_of(copy) == before
    assert {name: rows for name, rows in rows_of(now).items() if name in before} == before
    copy.close()
    now.close()

    store = SqliteStore(path)
    made = Environment(session_id="s", workspace_id="home", created_at=EPOCH, updated_at=EPOCH)
    await store.save_environment(EnvironmentChange(made, b"dump", b"seal", ()), EnvironmentQuota(1, 100))
    assert (await store.environment("s")).state == b"dump"
    await store.close()


def rows_of(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Everything in every table."""
    tables = connection.rows("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL %'")
    return {name: connection.rows(f"SELECT * FROM {name}") for (name,) in tables}


async def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = SqliteStore(path)
    await store.add([draft("kept")], None)
    await store.close()
    connection = opened(path)
    with pytest.raises(Exception, match="nonsense"):
        migrate(connection, path, {**migrations(), NEXT: "CREATE TABLE added (one); nonsense"})
    connection.close()
    store = SqliteStore(path)
    assert (await store.browse(HERE, 5)).total == 1
    assert (await store.state()).schema_version == NEXT - 1
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

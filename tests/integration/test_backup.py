"""Copies of the whole store, made while others write and put back in its place."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from mcp_memory.app import restore_backup
from mcp_memory.errors import Conflict, StoreCorrupt, StoreError, StoreTooNew, StoreUnavailable
from mcp_memory.settings import Settings, load_settings
from mcp_memory.storage.sqlite import SqliteStore
from tests.integration.store_support import ENCODER, HERE, draft, finish, start, unit
from tests.integration.verb_support import desk_in

pytestmark = pytest.mark.anyio
needs_posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


async def contents(path: Path) -> list[str]:
    store = SqliteStore(path)
    page = await store.browse(HERE, 10_000)
    assert await store.integrity() == []
    await store.close()
    return [memory.content for memory in reversed(page.memories)]


async def filled(path: Path, *texts: str) -> Path:
    """A database of these memories."""
    store = SqliteStore(path)
    await store.add([draft(text, n, vector=unit(n)) for n, text in enumerate(texts)], ENCODER)
    await store.close()
    return path


async def backed_up(path: Path, copy: Path) -> Path:
    store = SqliteStore(path)
    await store.backup(copy, overwrite=False)
    await store.close()
    return copy


def settings_of(folder: Path) -> Settings:
    return load_settings(data_dir=folder)


async def test_a_backup_is_one_whole_file_that_stands_alone(tmp_path: Path) -> None:
    async with desk_in(tmp_path / "data") as desk:
        await desk.ready()
        await desk.remember("Ana drinks green tea.")
        made = await desk.memory.backup(tmp_path / "copy.db")
        assert (made.memories, made.workspaces) == (1, 1)
        assert made.size_bytes == (tmp_path / "copy.db").stat().st_size
    assert sorted(one.name for one in tmp_path.iterdir()) == ["copy.db", "data"]
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "copy.db").rename(tmp_path / "elsewhere" / "memory.db")
    async with desk_in(tmp_path / "elsewhere") as desk:
        assert await desk.recalled("hot drinks") == ["Ana drinks green tea."]
        assert await desk.store.integrity() == []


@needs_posix
async def test_a_backup_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = await filled(tmp_path / "memory.db", "one")
    copy = await backed_up(path, tmp_path / "copy.db")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


async def test_a_file_that_is_there_is_overwritten_only_on_request(tmp_path: Path) -> None:
    store = SqliteStore(await filled(tmp_path / "memory.db", "one"))
    copy = tmp_path / "copy.db"
    copy.write_text("mine")
    with pytest.raises(Conflict, match="already"):
        await store.backup(copy, overwrite=False)
    assert copy.read_text() == "mine"
    await store.backup(copy, overwrite=True)
    await store.close()
    assert await contents(copy) == ["one"]


async def test_a_backup_into_a_folder_that_is_not_there_says_so_and_leaves_nothing(tmp_path: Path) -> None:
    path = await filled(tmp_path / "memory.db", "one")
    store = SqliteStore(path)
    with pytest.raises(StoreUnavailable, match="nowhere"):
        await store.backup(tmp_path / "nowhere" / "copy.db", overwrite=False)
    await store.close()
    assert [one.name for one in tmp_path.iterdir()] == ["memory.db"]


async def test_a_backup_taken_while_another_process_writes_is_one_moment_of_it(tmp_path: Path) -> None:
    path = await filled(tmp_path / "memory.db", *[f"before {number}" for number in range(300)])
    body = """
store = SqliteStore(path)
print("writing", flush=True)
for number in range(200):
    await store.add([draft(f"pair {number} a"), draft(f"pair {number} b")], None)
await store.close()
"""
    child = start(path, body)
    assert child.stdout is not None
    child.stdout.readline()
    store = SqliteStore(path)
    copies = [tmp_path / f"copy{number}.db" for number in range(5)]
    for copy in copies:
        await store.backup(copy, overwrite=False)
        await anyio.lowlevel.checkpoint()
    await store.close()
    finish(child)
    for copy in copies:
        held = await contents(copy)
        pairs = [text for text in held if text.startswith("pair")]
        assert len(held) - len(pairs) == 300
        assert len(pairs) % 2 == 0
    assert len(await contents(path)) == 700


async def test_a_damaged_database_makes_no_backup(tmp_path: Path) -> None:
    path = await filled(tmp_path / "memory.db", *[f"memory {number} " + "x" * 400 for number in range(200)])
    content = bytearray(path.read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    path.write_bytes(content)
    store = SqliteStore(path)
    with pytest.raises(StoreCorrupt):
        await store.backup(tmp_path / "copy.db", overwrite=False)
    await store.close()
    assert not (tmp_path / "copy.db").exists()
    assert not list(tmp_path.glob(".*"))


async def test_a_restored_backup_is_what_it_was_and_the_old_database_is_kept(tmp_path: Path) -> None:
    path = await filled(tmp_path / "data" / "memory.db", "one", "two")
    copy = await backed_up(path, tmp_path / "copy.db")
    store = SqliteStore(path)
    await store.add([draft("three, after the backup", 3)], None)
    await store.close()
    done = await restore_backup(settings_of(tmp_path / "data"), copy, replace=True)
    assert (done.memories, done.path) == (2, str(path))
    assert await contents(path) == ["one", "two"]
    assert done.kept_aside is not None
    assert await contents(Path(done.kept_aside)) == ["one", "two", "three, after the backup"]
    assert copy.exists()


@needs_posix
async def test_a_restored_database_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    copy = await backed_up(await filled(tmp_path / "memory.db", "one"), tmp_path / "copy.db")
    copy.chmod(0o644)
    await restore_backup(settings_of(tmp_path / "new"), copy)
    assert stat.S_IMODE((tmp_path / "new" / "memory.db").stat().st_mode) == 0o600
    assert await contents(tmp_path / "new" / "memory.db") == ["one"]


async def test_a_database_that_is_there_is_replaced_only_on_request(tmp_path: Path) -> None:
    path = await filled(tmp_path / "memory.db", "mine")
    copy = await backed_up(await filled(tmp_path / "other.db", "other"), tmp_path / "copy.db")
    with pytest.raises(Conflict, match="already"):
        await restore_backup(settings_of(tmp_path), copy)
    with pytest.raises(Conflict, match="itself"):
        await restore_backup(settings_of(tmp_path), path, replace=True)
    assert await contents(path) == ["mine"]


async def test_nothing_is_restored_while_another_process_has_the_database_open(tmp_path: Path) -> None:
    path = await filled(tmp_path / "memory.db", "mine")
    copy = await backed_up(await filled(tmp_path / "other.db", "other"), tmp_path / "copy.db")
    body = """
store = SqliteStore(path)
print((await store.browse(HERE, 5)).total, flush=True)
sys.stdin.readline()
await store.add([draft("still mine", 9)], None)
await store.close()
"""
    child = start(path, body)
    assert child.stdout is not None
    assert child.stdin is not None
    child.stdout.readline()
    with pytest.raises(StoreUnavailable, match="close every window"):
        await restore_backup(settings_of(tmp_path), copy, replace=True)
    child.stdin.write("go on\n")
    child.stdin.flush()
    finish(child)
    assert await contents(path) == ["mine", "still mine"]
    done = await restore_backup(settings_of(tmp_path), copy, replace=True)
    assert await contents(path) == ["other"]
    assert done.kept_aside is not None


async def test_what_a_killed_process_left_in_the_log_goes_aside_with_its_database(tmp_path: Path) -> None:
    path = await filled(tmp_path / "data" / "memory.db", "one")
    copy = await backed_up(path, tmp_path / "copy.db")
    body = """
store = SqliteStore(path)
await store.add([draft("acknowledged", 5)], None)
os._exit(0)
"""
    finish(start(path, body))
    assert path.with_name("memory.db-wal").stat().st_size > 0
    done = await restore_backup(settings_of(tmp_path / "data"), copy, replace=True)
    assert await contents(path) == ["one"]
    assert done.kept_aside is not None
    assert await contents(Path(done.kept_aside)) == ["one", "acknowledged"]


async def test_a_database_too_damaged_to_open_is_replaced_and_kept(tmp_path: Path) -> None:
    path = await filled(tmp_path / "data" / "memory.db", "one")
    copy = await backed_up(path, tmp_path / "copy.db")
    path.write_bytes(b"nothing that could be read" * 400)
    done = await restore_backup(settings_of(tmp_path / "data"), copy, replace=True)
    assert await contents(path) == ["one"]
    assert done.kept_aside is not None
    assert Path(done.kept_aside).read_bytes().startswith(b"nothing that could be read")


async def damaged(path: Path) -> Path:
    content = bytearray((await filled(path, *[f"m {n} " + "x" * 400 for n in range(200)])).read_bytes())
    for page in range(3, len(content) // 4096):
        content[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    path.write_bytes(content)
    return path


async def foreign(path: Path) -> Path:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE recipes (name TEXT)")
    connection.commit()
    connection.close()
    return path


async def newer(path: Path) -> Path:
    connection = sqlite3.connect(await filled(path, "from the future"))
    connection.execute("PRAGMA user_version = 900")
    connection.close()
    return path


async def text(path: Path) -> Path:
    path.write_text("not a database at all" * 100)
    return path


async def empty(path: Path) -> Path:
    path.touch()
    return path


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (damaged, StoreCorrupt),
        (foreign, StoreCorrupt),
        (text, StoreCorrupt),
        (empty, StoreCorrupt),
        (newer, StoreTooNew),
    ],
)
async def test_a_file_that_is_no_whole_backup_of_ours_is_refused(
    tmp_path: Path, made: object, error: type[StoreError]
) -> None:
    path = await filled(tmp_path / "data" / "memory.db", "mine")
    assert callable(made)
    file = await made(tmp_path / "given.db")
    with pytest.raises(error, match=r"given\.db"):
        await restore_backup(settings_of(tmp_path / "data"), file, replace=True)
    assert await contents(path) == ["mine"]
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["memory.db"]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mcp_memory", *words, "--data-dir", str(folder)],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


async def test_the_commands_carry_a_memory_over_to_another_folder(tmp_path: Path) -> None:
    await filled(tmp_path / "data" / "memory.db", "one", "two")
    copy = tmp_path / "copy.db"
    done = run(tmp_path / "data", "backup", str(copy), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["memories"] == 2
    again = run(tmp_path / "data", "backup", str(copy))
    assert again.returncode == 1
    assert "already" in again.stderr
    restored = run(tmp_path / "new", "restore-backup", str(copy))
    assert "2 memories in 1 workspace restored" in restored.stdout
    assert run(tmp_path / "new", "restore-backup", str(copy)).returncode == 1
    assert run(tmp_path / "new", "restore-backup", str(copy), "--force").returncode == 0
    assert await contents(tmp_path / "new" / "memory.db") == ["one", "two"]

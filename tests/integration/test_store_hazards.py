"""What goes wrong on real machines: many processes, killed processes, full disks, files that are not ours."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from mcp_memory.errors import StoreCorrupt, StoreFull, StoreReadOnly, StoreUnavailable
from mcp_memory.models.search import Filter
from mcp_memory.storage.sqlite import SqliteStore
from tests.integration.store_support import ENCODER, HERE, draft, finish, start, unit

pytestmark = pytest.mark.anyio
PROCESSES = 8


async def test_eight_processes_start_at_once_on_an_empty_folder_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "new" / "memory.db"
    body = """
sys.stdin.readline()
store = SqliteStore(path)
for number in range(10):
    await store.add([draft(f"process {arguments} memory {number}", number, vector=unit(number))], ENCODER)
await store.close()
"""
    children = [start(path, body, number) for number in range(PROCESSES)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        finish(child)
    store = SqliteStore(path)
    page = await store.browse(HERE, 100)
    assert {memory.content for memory in page.memories} == {
        f"process {process} memory {number}" for process in range(PROCESSES) for number in range(10)
    }
    assert len(await store.nearest(unit(3), ENCODER, HERE, 100)) == 80
    assert await store.integrity() == []
    await store.close()


async def test_the_same_words_from_eight_processes_make_one_memory_with_seven_confirmations(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    body = """
store = SqliteStore(path)
[added] = await store.add([draft("everyone says this", tags=(f"from {arguments}",))], None)
print(added.outcome)
await store.close()
"""
    children = [start(path, body, number) for number in range(PROCESSES)]
    outcomes = sorted(finish(child) for child in children)
    assert outcomes == ["confirmed"] * 7 + ["created"]
    store = SqliteStore(path)
    [memory] = (await store.browse(HERE, 100)).memories
    assert memory.confirmations == 7
    assert memory.tags == [f"from {number}" for number in range(PROCESSES)]
    assert len(await store.revisions("home", memory.id)) == 8
    await store.close()


async def test_every_acknowledged_write_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    child = start(
        path,
        """
store = SqliteStore(path)
for number in range(100_000):
    [added] = await store.add([draft(f"memory {number}", number, vector=unit(number))], ENCODER)
    print(added.memory.id, flush=True)
""",
    )
    assert child.stdout is not None
    acknowledged = [child.stdout.readline().strip() for _ in range(60)]
    child.send_signal(signal.SIGKILL)
    rest, _ = child.communicate(timeout=30)
    acknowledged += [line for line in rest.splitlines() if len(line) == len("mem_") + 16]
    store = SqliteStore(path)
    assert len(await store.keys_of(acknowledged)) == len(acknowledged) >= 60
    assert await store.integrity() == []
    hits = await store.keyword_candidates(("59",), HERE, 5)
    assert len(hits.scores) == 1
    await store.close()


async def test_a_write_waits_for_another_process_and_says_so_when_it_waits_in_vain(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = SqliteStore(path, busy_timeout=0.1)
    await store.open()
    blocker = start(
        path,
        """
store = SqliteStore(path)
def hold(connection):
    print("held", flush=True)
    sys.stdin.readline()
store._database.write_now(hold)
await store.close()
""",
    )
    assert blocker.stdout is not None
    assert blocker.stdin is not None
    assert blocker.stdout.readline() == "held\n"
    with pytest.raises(StoreUnavailable, match=r"Another process.*BUSY_TIMEOUT"):
        await store.add([draft("too early")], None)
    assert (await store.browse(HERE, 1)).total == 0
    blocker.communicate("go on\n", timeout=30)
    assert len(await store.add([draft("now")], None)) == 1
    await store.close()


# Files that are not ours


@pytest.mark.parametrize(
    "content",
    [
        b"not a database at all, and long enough to be one\n" * 200,
        b"hello",
        b"\x00" * 5000,
        b"SQLite format 3\x00" + b"\xff" * 5000,
    ],
    ids=["text", "short", "zeros", "header only"],
)
async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "memory.db"
    path.write_bytes(content)
    store = SqliteStore(path)
    for _ in range(2):
        with pytest.raises(StoreCorrupt) as caught:
            await store.add([draft("lost?")], None)
        assert str(path) in str(caught.value)
    assert path.read_bytes() == content
    assert [one.name for one in tmp_path.iterdir()] == ["memory.db"]
    path.unlink()
    assert len(await store.add([draft("now there is room")], None)) == 1
    await store.close()


async def test_the_database_of_another_program_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.commit()
    other.close()
    before = path.read_bytes()
    with pytest.raises(StoreCorrupt, match="not a database of mcp-memory"):
        await SqliteStore(path).open()
    assert path.read_bytes() == before


async def test_a_damaged_page_is_told_as_damage(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    store = SqliteStore(path)
    await store.add([draft(f"memory {n}", n) for n in range(300)], None)
    await store.close()
    content = bytearray(path.read_bytes())
    for page in range(4096, len(content), 4096):
        content[page : page + 100] = b"\xaa" * 100
    path.write_bytes(content)
    store = SqliteStore(path)
    with pytest.raises(StoreCorrupt, match="mcp-memory doctor"):
        await store.browse(HERE, 10)
    await store.close()


# No room, no permission


FILL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(path)
await store.add([draft("before the disk was full")], None)
size = sum(one.stat().st_size for one in path.parent.iterdir() if one.suffix != ".db-shm")
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 200_000, resource.RLIM_INFINITY))
kept = 1
try:
    for number in range(10_000):
        await store.add([draft(f"{number} " + "long text " * 300, number)], None)
        kept += 1
except StoreFull as error:
    print(json.dumps([kept, str(error)]))
found = await store.browse(HERE, 1)
assert found.total == kept, found.total
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
await store.add([draft("after there was room again")], None)
assert await store.integrity() == []
await store.close()
"""


async def test_a_full_disk_loses_nothing_and_the_store_goes_on_when_there_is_room(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    kept, message = json.loads(finish(start(path, FILL)))
    assert kept > 1
    assert "full" in message
    assert str(path) in message
    store = SqliteStore(path)
    assert (await store.browse(HERE, 1)).total == kept + 1
    await store.close()


async def test_a_really_full_file_system_says_it_is_full(tmp_path: Path) -> None:
    place = tmp_path / "small"
    place.mkdir()
    if os.system(f"mount -t tmpfs -o size=1m tmpfs '{place}' 2>/dev/null") != 0:
        pytest.skip("mounting a small file system is not permitted here")
    try:
        store = SqliteStore(place / "memory.db")
        await store.add([draft("first")], None)
        large = [draft(f"{number} " + "long text " * 300, number) for number in range(2000)]
        with pytest.raises(StoreFull, match="Free some space"):
            await store.add(large, None)
        assert [memory.content for memory in (await store.browse(HERE, 3)).memories] == ["first"]
        assert await store.integrity() == []
        await store.close()
    finally:
        os.system(f"umount '{place}'")


READ_ONLY = """
store = SqliteStore(path)
print([memory.content for memory in (await store.browse(HERE, 5)).memories])
[near] = await store.nearest(unit(1), ENCODER, HERE, 1)
print(near.content, [len((await store.keyword_candidates(("readable",), HERE, 5)).scores)])
try:
    await store.add([draft("not this one")], None)
except StoreReadOnly as error:
    print(error)
print((await store.state()).memories, await store.integrity())
await store.close()
"""


def made_read_only(target: Path) -> bool:
    """Take the right to write away. Root keeps it whatever the mode says, so it gets a read-only mount."""
    if os.geteuid() != 0:
        target.chmod(0o555 if target.is_dir() else 0o444)
        return True
    mount = f"mount --bind '{target}' '{target}' 2>/dev/null && mount -o remount,ro,bind '{target}' 2>/dev/null"
    return os.system(mount) == 0


def made_writable(target: Path) -> None:
    if os.geteuid() == 0:
        os.system(f"umount '{target}' 2>/dev/null")
    else:
        target.chmod(0o700)


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_what_may_only_be_read_is_read_and_refuses_writes(tmp_path: Path, what: str) -> None:
    path = tmp_path / "data" / "memory.db"
    store = SqliteStore(path)
    await store.add([draft("readable text", vector=unit(1))], ENCODER)
    await store.close()
    target = path if what == "file" else path.parent
    if not made_read_only(target):
        made_writable(target)
        pytest.skip("root may write everywhere, and read-only mounts are not permitted here")
    try:
        lines = finish(start(path, READ_ONLY)).splitlines()
    finally:
        made_writable(target)
    assert lines[0] == "['readable text']"
    assert lines[1] == "readable text [1]"
    assert "may only be read" in lines[2]
    assert str(path) in lines[2]
    assert lines[3] == "1 []"


async def test_a_read_only_folder_without_a_database_says_so(tmp_path: Path) -> None:
    place = tmp_path / "data"
    place.mkdir()
    if not made_read_only(place):
        made_writable(place)
        pytest.skip("root may write everywhere, and read-only mounts are not permitted here")
    try:
        with pytest.raises(StoreReadOnly, match="may only be read"):
            await SqliteStore(place / "memory.db").open()
    finally:
        made_writable(place)


async def test_a_folder_that_cannot_be_made_says_which_and_what_to_do(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("a file, no folder")
    for path in (in_the_way / "memory.db", in_the_way / "deeper" / "memory.db", Path("/proc/nothing/memory.db")):
        store = SqliteStore(path)
        with pytest.raises(StoreUnavailable, match="MCP_MEMORY_DATA_DIR") as caught:
            await store.add([draft("x")], None)
        assert str(path) in str(caught.value)
        await store.close()


async def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "memory.db").mkdir()
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        await SqliteStore(tmp_path / "memory.db").open()


async def test_folder_and_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    old = os.umask(0o000)
    try:
        path = tmp_path / "mine" / "memory.db"
        store = SqliteStore(path)
        await store.add([draft("private")], None)
        modes = {one.name: oct(one.stat().st_mode & 0o777) for one in [path.parent, *path.parent.iterdir()]}
        assert modes == {"mine": "0o700", "memory.db": "0o600", "memory.db-wal": "0o600", "memory.db-shm": "0o600"}
        await store.close()
    finally:
        os.umask(old)


def test_opening_writing_and_reading_by_words_imports_nothing_heavy(tmp_path: Path) -> None:
    script = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from mcp_memory.models.search import Draft, Filter
from mcp_memory.storage.sqlite import SqliteStore

async def main():
    store, here = SqliteStore(Path(sys.argv[1])), Filter(workspaces=("w",))
    await store.add([Draft("w", "some words", "hash", "semantic", datetime.now(UTC))], None)
    hits = await store.keyword_candidates(("words",), here, 5)
    assert len(await store.candidates(None, None, hits, here, 5)) == 1
    await store.close()

asyncio.run(main())
print(sorted({"numpy", "sqlite_vec", "onnxruntime"} & set(sys.modules)))
"""
    command = [sys.executable, "-c", script, str(tmp_path / "memory.db")]
    assert subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip() == "[]"


# Erased for ever


def bytes_of(folder: Path) -> bytes:
    return b"".join(one.read_bytes() for one in sorted(folder.iterdir()))


@pytest.mark.parametrize("first", ["erased at once", "forgotten first", "confirmed first"])
async def test_an_erased_memory_leaves_no_bytes_on_disk(tmp_path: Path, first: str) -> None:
    path = tmp_path / "data" / "memory.db"
    store = SqliteStore(path)
    secret = "Xylophonquartz Zwiebelturmkatze"
    crowd = [draft(f"crowd {n} chatter about nothing", n, session_id="s", vector=unit(n)) for n in range(400)]
    await store.add(crowd[:200], ENCODER)
    hidden = draft(
        f"The code is {secret} indeed",
        500,
        session_id="s",
        vector=unit(777),
        tags=("zinnoberfarn",),
        metadata={"where": "kellerschrank"},
        author="quetzalautor",
    )
    [added] = await store.add([hidden], ENCODER)
    for one in crowd[200:]:
        await store.add([one], ENCODER)
    if first == "forgotten first":
        await store.forget("home", added.memory.id, "tulpenmanie", "ann")
    if first == "confirmed first":
        await store.add([hidden], ENCODER)
    await store.erase("home", added.memory.id, "ann")
    traces = [word.lower().encode() for word in (*secret.split(), "zinnoberfarn", "kellerschrank", "tulpenmanie")]
    left = bytes_of(path.parent).lower()
    assert [trace for trace in traces if trace in left or trace[:9] in left] == []
    assert unit(777).tobytes()[:24] not in bytes_of(path.parent)
    hits = await store.keyword_candidates(("xylophonquartz", "chatter"), Filter(workspaces=("home",)), 500)
    assert len(hits.scores) == 400
    assert hits.frequencies["xylophonquartz"] == 0
    assert added.memory.id not in str((await store.browse(HERE, 500)).memories)
    events = store._database.read_now(lambda connection: connection.rows("SELECT action, resource FROM events"))
    assert ("memory.erase", added.memory.id) in events
    assert await store.integrity() == []
    await store.close()


async def test_erasing_many_one_by_one_leaves_nothing_of_any(tmp_path: Path) -> None:
    path = tmp_path / "data" / "memory.db"
    store = SqliteStore(path)
    added = await store.add([draft(f"sekretum{n}x words and more words", n, session_id="s") for n in range(60)], None)
    for one in added:
        await store.erase("home", one.memory.id, "")
    assert b"sekretum" not in bytes_of(path.parent)
    assert (await store.state()).memories == 0
    await store.close()

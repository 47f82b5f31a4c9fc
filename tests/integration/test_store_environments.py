"""Environments and their checkpoints: on real files, among real processes."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.core.indexing import Indexer
from mcp_memory.core.maintenance import Maintenance
from mcp_memory.core.resources import Resources
from mcp_memory.core.session_policy import SessionPolicy
from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.errors import InvalidRequest, StaleEnvironment
from mcp_memory.models.environment import Environment, StoredVariable
from mcp_memory.models.session import Session
from mcp_memory.storage.base import EnvironmentChange, EnvironmentQuota, SessionChange
from mcp_memory.storage.sqlite import SqliteStore
from tests.integration.store_support import EPOCH, draft, released_together, start

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from mcp_memory.storage.sqlite.connection import Connection

pytestmark = pytest.mark.anyio
AMPLE = EnvironmentQuota(environments=10, bytes=10**8)
LARGE = 1_000_000


def at(second: float) -> datetime:
    return EPOCH + timedelta(seconds=second)


def session(id_: str = "s", **fields: Any) -> Session:
    made: dict[str, Any] = {"workspace_id": "home", "created_at": EPOCH, "touched_at": EPOCH, "author": "ann"}
    return Session(id=id_, **(made | {"expires_at": EPOCH + timedelta(hours=1)} | fields))


def variable(name: str, value: str | None = "1", **fields: Any) -> StoredVariable:
    """One with this JSON text, and its digest."""
    digest = "" if value is None else hashlib.sha256(value.encode()).hexdigest()
    made: dict[str, Any] = {"type": "int", "size": len(value or ""), "digest": digest}
    return StoredVariable(name=name, value=value, **(made | fields))


def as_stored(one: StoredVariable) -> StoredVariable:
    return one.model_copy(update={"value": None})


def change(
    state: bytes | None = b"dump",
    variables: Sequence[StoredVariable] = (),
    revision: int = 0,
    *,
    seal: bytes = b"seal",
    **fields: Any,
) -> EnvironmentChange:
    made: dict[str, Any] = {"session_id": "s", "workspace_id": "home", "engine": "monty 1", "revision": revision}
    environment = Environment(**(made | {"created_at": EPOCH, "updated_at": EPOCH} | fields))
    return EnvironmentChange(environment, state, seal, tuple(variables))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "memory.db", durability="normal")
    for id_ in ("s", "other", "third"):
        await store.start_session(session(id_))
    yield store
    assert await store.integrity() == []
    await store.close()


def events(store: SqliteStore) -> list[tuple[str, str, str, dict[str, Any]]]:
    query = "SELECT action, resource, author, detail FROM events WHERE action LIKE 'environment.%' ORDER BY number"
    rows = store._database.read_now(lambda connection: connection.rows(query))
    return [(action, resource, author, json.loads(detail)) for action, resource, author, detail in rows]


def rows_left(store: SqliteStore) -> dict[str, int]:
    """How many rows each of the tables of environments holds; empty ones are left out."""
    tables = ("environments", "environment_states", "environment_variables", "environment_checkpoints")

    def counts(connection: Connection) -> dict[str, int]:
        return {table: connection.value(f"SELECT count(*) FROM {table}") for table in tables}

    return {table: number for table, number in store._database.read_now(counts).items() if number}


def pages_touched(store: SqliteStore) -> int:
    """Pages that the store's connection has read or written so far."""
    kinds = (apsw.SQLITE_DBSTATUS_CACHE_HIT, apsw.SQLITE_DBSTATUS_CACHE_MISS, apsw.SQLITE_DBSTATUS_CACHE_WRITE)
    return sum(store._database.read_now(lambda connection: [connection.status(kind)[0] for kind in kinds]))


# Saved and read


async def test_an_environment_comes_back_as_it_was_saved_after_the_store_was_closed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db")
    await store.start_session(session())
    kept = [variable("rows", '[{"é":"京"}]', type="list"), variable("answer", "42"), variable("helper", None, size=9)]
    saved = await store.save_environment(
        change(b"\0dump\xff", kept, seal=b"\0seal", exec_count=3, total_operations=5, last_exec_at=at(7)), AMPLE
    )
    assert saved == Environment(
        session_id="s", workspace_id="home", revision=1, engine="monty 1", exec_count=3, total_operations=5,
        size_bytes=len(b"\0dump\xff") + len('[{"é":"京"}]'.encode()) + len("42"), created_at=EPOCH, updated_at=EPOCH,
        last_exec_at=at(7),
    )  # fmt: skip
    await store.close()
    store = SqliteStore(tmp_path / "memory.db")
    found = await store.environment("s")
    assert found is not None
    assert (found.environment, found.state, found.seal) == (saved, b"\0dump\xff", b"\0seal")
    assert list(found.variables) == [as_stored(one) for one in (kept[1], kept[2], kept[0])]
    assert await store.environment_values("s") == {"answer": "42", "rows": '[{"é":"京"}]'}
    assert await store.integrity() == []
    await store.close()


async def test_a_session_sees_its_own_environment_only(store: SqliteStore) -> None:
    await store.save_environment(change(b"mine", [variable("secret")]), AMPLE)
    assert await store.environment("other") is None
    assert await store.environment_values("other") == {}
    assert await store.checkpoints("other") == []
    assert await store.environment("unknown") is None
    await store.save_environment(change(b"theirs", [variable("secret", "2")], session_id="other"), AMPLE)
    assert (await store.environment("s")).state == b"mine"
    assert await store.environment_values("s") == {"secret": "1"}


async def test_each_save_is_the_next_revision_and_the_beginning_stays(store: SqliteStore) -> None:
    await store.save_environment(change(b"one"), AMPLE)
    second = await store.save_environment(change(b"two", revision=1, created_at=at(9), updated_at=at(9)), AMPLE)
    assert (second.revision, second.created_at, second.updated_at) == (2, EPOCH, at(9))
    assert (await store.environment("s")).state == b"two"


async def test_without_a_state_the_stored_one_stays_with_its_seal_and_engine(store: SqliteStore) -> None:
    await store.save_environment(change(b"dump", seal=b"its seal", engine="monty 1"), AMPLE)
    counted = change(None, revision=1, seal=b"", engine="monty 2", total_operations=8)
    assert (await store.save_environment(counted, AMPLE)).engine == "monty 1"
    found = await store.environment("s")
    assert (found.state, found.seal) == (b"dump", b"its seal")
    assert (found.environment.revision, found.environment.total_operations) == (2, 8)


async def test_an_environment_may_begin_without_a_state(store: SqliteStore) -> None:
    await store.save_environment(change(None, [variable("x")], restored=True), AMPLE)
    found = await store.environment("s")
    assert (found.state, found.environment.restored, found.environment.size_bytes) == (b"", True, 1)


async def test_a_value_that_has_not_changed_is_neither_written_nor_read_again_and_stays(
    store: SqliteStore,
) -> None:
    long = json.dumps("x" * LARGE)
    await store.save_environment(change(b"d" * LARGE, [variable("long", long), variable("count", "1")]), AMPLE)
    before = pages_touched(store)
    unchanged = as_stored(variable("long", long))
    await store.save_environment(change(None, [unchanged, variable("count", "2")], revision=1), AMPLE)
    assert (pages_touched(store) - before) * 4096 < LARGE / 2
    assert await store.environment_values("s") == {"long": long, "count": "2"}
    assert (await store.environment("s")).environment.size_bytes == LARGE + len(long) + 1


async def test_names_that_are_gone_are_removed(store: SqliteStore) -> None:
    await store.save_environment(change(b"d", [variable("a"), variable("b"), variable("c", None)]), AMPLE)
    await store.save_environment(change(b"d", [as_stored(variable("b"))], revision=1), AMPLE)
    assert [one.name for one in (await store.environment("s")).variables] == ["b"]
    assert await store.environment_values("s") == {"b": "1"}
    await store.save_environment(change(b"d", (), revision=2), AMPLE)
    assert rows_left(store) == {"environments": 1, "environment_states": 1}


async def test_a_variable_that_can_no_longer_be_json_loses_the_value_it_had(store: SqliteStore) -> None:
    await store.save_environment(change(b"d", [variable("x", "[1]"), variable("y", "[2]")]), AMPLE)
    function = StoredVariable(name="x", type="function", size=10)
    other = StoredVariable(name="y", type="list", size=10**9, digest="of a longer list than is kept as JSON")
    await store.save_environment(change(b"d", [function, other], revision=1), AMPLE)
    assert await store.environment_values("s") == {}
    assert (await store.environment("s")).variables == (function, other)


async def test_a_type_that_json_does_not_tell_apart_changes_and_the_value_stays(store: SqliteStore) -> None:
    await store.save_environment(change(b"d", [variable("x", "[1]", type="list")]), AMPLE)
    as_tuple = as_stored(variable("x", "[1]", type="tuple"))
    await store.save_environment(change(b"d", [as_tuple], revision=1), AMPLE)
    assert (await store.environment("s")).variables == (as_tuple,)
    assert await store.environment_values("s") == {"x": "[1]"}


# Windows beside each other


async def test_of_two_windows_the_one_that_read_an_older_revision_writes_nothing(store: SqliteStore) -> None:
    await store.save_environment(change(b"read by both", [variable("x")]), AMPLE)
    window = SqliteStore(store.path, durability="normal")
    await window.save_environment(change(b"by the other", [variable("x", "2")], revision=1), AMPLE)
    for revision in (0, 1, 3):
        with pytest.raises(StaleEnvironment, match=rf"revision 2, and {revision} was read.*nothing was written"):
            await store.save_environment(change(b"lost", [variable("y")], revision=revision), AMPLE)
    assert (await store.environment("s")).state == b"by the other"
    assert await store.environment_values("s") == {"x": "2"}
    await window.close()


async def test_an_environment_that_was_removed_meanwhile_does_not_come_back(store: SqliteStore) -> None:
    await store.save_environment(change(), AMPLE)
    await store.drop_environment("s", "")
    with pytest.raises(StaleEnvironment, match="was removed meanwhile"):
        await store.save_environment(change(revision=1), AMPLE)
    assert rows_left(store) == {}


@pytest.mark.parametrize("state", ["unknown", "ended"])
async def test_a_session_that_is_not_there_or_has_ended_gets_no_environment(store: SqliteStore, state: str) -> None:
    if state == "ended":
        await store.start_session(session(state))
        await store.commit_session(SessionChange(state, at(1), (), end=True), None)
    with pytest.raises(InvalidRequest, match=state):
        await store.save_environment(change(session_id=state), AMPLE)
    assert rows_left(store) == {}


# Quotas


async def test_a_workspace_holds_so_many_environments(store: SqliteStore) -> None:
    two = EnvironmentQuota(environments=2, bytes=10**8)
    await store.start_session(session("elsewhere", workspace_id="elsewhere"))
    for id_ in ("s", "other", "elsewhere"):
        await store.save_environment(change(session_id=id_), two)
    with pytest.raises(InvalidRequest, match=r"already holds 2 environments.*context cleanup.*MCP_MEMORY_ENVIRONMENTS"):
        await store.save_environment(change(session_id="third"), two)
    assert await store.environment("third") is None
    await store.save_environment(change(b"goes on", revision=1), two)
    await store.commit_session(SessionChange("other", at(1), (), end=True), None)
    await store.save_environment(change(session_id="third"), two)


async def test_environments_and_checkpoints_of_a_workspace_take_so_many_bytes_together(store: SqliteStore) -> None:
    quota = EnvironmentQuota(environments=9, bytes=1000)
    await store.save_environment(change(b"d" * 300, [variable("x", '"' + "é" * 49 + '"')]), quota)
    await store.keep_checkpoint("s", "one", at(1), 5, AMPLE)
    await store.save_environment(change(b"d" * 200, session_id="other"), quota)
    with pytest.raises(InvalidRequest, match=r"would take 1,001 bytes together, and may take 1,000.*context cleanup"):
        await store.save_environment(change(b"d" * 201, revision=1, session_id="other"), quota)
    with pytest.raises(InvalidRequest, match=r"may take 1,000"):
        await store.save_environment(change(b"d", session_id="third"), quota)
    assert len((await store.environment("other")).state) == 200
    await store.start_session(session("elsewhere", workspace_id="elsewhere"))
    await store.save_environment(change(b"d" * 999, session_id="elsewhere"), quota)


async def test_what_makes_it_no_larger_is_let_through_even_over_the_quota(store: SqliteStore) -> None:
    await store.save_environment(change(b"d" * 500), AMPLE)
    none_left = EnvironmentQuota(environments=0, bytes=10)
    await store.save_environment(change(b"e" * 500, revision=1), none_left)
    await store.save_environment(change(b"e" * 400, revision=2), none_left)
    with pytest.raises(InvalidRequest, match="may take 10"):
        await store.save_environment(change(b"e" * 401, revision=3), none_left)


async def test_a_checkpoint_that_would_exceed_the_quota_is_not_kept(store: SqliteStore) -> None:
    await store.save_environment(change(b"d" * 500), AMPLE)
    quota = EnvironmentQuota(environments=9, bytes=1000)
    await store.keep_checkpoint("s", "fits", at(1), 5, quota)
    with pytest.raises(InvalidRequest, match="would take 1,500 bytes"):
        await store.keep_checkpoint("s", "too much", at(2), 5, quota)
    await store.keep_checkpoint("s", "fits", at(3), 5, quota)
    assert [one.name for one in await store.checkpoints("s")] == ["fits"]


# Its end


async def with_checkpoint(store: SqliteStore, session_id: str = "s") -> None:
    await store.save_environment(change(variables=[variable("x")], session_id=session_id), AMPLE)
    await store.keep_checkpoint(session_id, "one", at(1), 5, AMPLE)


async def test_it_ends_with_its_session_and_nobody_elses_does(store: SqliteStore) -> None:
    await with_checkpoint(store)
    await with_checkpoint(store, "other")
    await store.commit_session(SessionChange("s", at(5), [draft("committed")]), None)
    await store.commit_session(SessionChange("s", at(6), (), clear=True), None)
    assert await store.environment("s") is not None
    await store.commit_session(SessionChange("s", at(9), (), end=True), None)
    assert await store.environment("s") is None
    assert await store.checkpoints("s") == []
    assert set(rows_left(store).values()) == {1}
    assert await store.environment_values("other") == {"x": "1"}


async def test_an_end_that_fails_leaves_it(store: SqliteStore) -> None:
    await with_checkpoint(store)
    with pytest.raises(InvalidRequest):
        await store.commit_session(SessionChange("s", at(9), (), notes=["mem_unknown"], end=True), None)
    assert await store.environment("s") is not None
    assert len(await store.checkpoints("s")) == 1


async def test_maintenance_removes_the_environment_of_an_expired_session(store: SqliteStore) -> None:
    await store.touch_session("other", EPOCH, EPOCH + timedelta(days=1))
    await with_checkpoint(store)
    await with_checkpoint(store, "other")
    embedder = BackgroundEmbedder(MiniLMEncoder())
    resources = Resources(store, Indexer(store, embedder), now=lambda: EPOCH + timedelta(hours=2))
    assert await Maintenance(resources, SessionPolicy()).round() == 2
    assert await store.environment("s") is None
    assert await store.environment("other") is not None
    assert set(rows_left(store).values()) == {1}
    await embedder.close()


async def test_it_can_be_dropped_with_its_checkpoints(store: SqliteStore) -> None:
    await with_checkpoint(store)
    await with_checkpoint(store, "other")
    assert await store.drop_environment("s", "ann") is True
    assert await store.drop_environment("s", "ann") is False
    assert await store.drop_environment("unknown", "ann") is False
    assert set(rows_left(store).values()) == {1}
    assert (await store.save_environment(change(), AMPLE)).revision == 1


# Checkpoints


ODD = '{"a":"\\u0000\\n\\"é京"}'


async def test_a_checkpoint_is_returned_to_whatever_came_after(store: SqliteStore) -> None:
    kept = [
        variable("x", ODD),
        variable("f", None, type="function", size=7),
        variable("y", "null"),
    ]
    first = await store.save_environment(change(b"\0first\xff", kept, seal=b"first seal", engine="monty 1"), AMPLE)
    checkpoint = await store.keep_checkpoint("s", "before", at(3), 5, AMPLE)
    assert (checkpoint.name, checkpoint.revision, checkpoint.created_at) == ("before", 1, at(3))
    assert (checkpoint.variable_count, checkpoint.size_bytes) == (3, first.size_bytes)
    later = [variable("x", "2"), variable("z", "3")]
    await store.save_environment(change(b"second", later, revision=1, seal=b"2", engine="monty 2"), AMPLE)

    returned = await store.return_to_checkpoint("s", "before", at(9))
    assert (returned.revision, returned.engine, returned.size_bytes) == (3, "monty 1", first.size_bytes)
    assert (returned.created_at, returned.updated_at) == (EPOCH, at(9))
    found = await store.environment("s")
    assert found.environment == returned
    assert (found.state, found.seal) == (b"\0first\xff", b"first seal")
    assert sorted(found.variables, key=lambda one: one.name) == [as_stored(one) for one in (kept[1], kept[0], kept[2])]
    assert await store.environment_values("s") == {"x": ODD, "y": "null"}
    assert await store.checkpoints("s") == [checkpoint]
    with pytest.raises(StaleEnvironment):
        await store.save_environment(change(b"by a window that knows of no return", revision=2), AMPLE)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


@settings(max_examples=25, deadline=None)
@given(values=st.dictionaries(st.text("abé", min_size=1, max_size=3), st.none() | TEXT, max_size=4))
def test_whatever_values_there_are_come_back_with_a_checkpoint(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, str | None]
) -> None:
    import anyio

    async def there_and_back() -> None:
        store = SqliteStore(tmp_path_factory.mktemp("values") / "memory.db", durability="normal")
        await store.start_session(session())
        variables = [variable(name, text, digest=f"of {text}") for name, text in values.items()]
        await store.save_environment(change(variables=variables), AMPLE)
        await store.keep_checkpoint("s", "one", at(1), 1, AMPLE)
        before = await store.environment("s")
        await store.save_environment(change(revision=1), AMPLE)
        await store.return_to_checkpoint("s", "one", at(2))
        assert await store.environment_values("s") == {name: text for name, text in values.items() if text is not None}
        assert (await store.environment("s")).variables == before.variables
        await store.close()

    anyio.run(there_and_back)


async def test_a_checkpoint_of_the_same_name_is_replaced_and_is_then_the_latest(store: SqliteStore) -> None:
    await store.save_environment(change(b"one"), AMPLE)
    await store.keep_checkpoint("s", "a", at(1), 2, AMPLE)
    await store.keep_checkpoint("s", "b", at(2), 2, AMPLE)
    await store.save_environment(change(b"two", revision=1), AMPLE)
    await store.keep_checkpoint("s", "a", at(3), 2, AMPLE)
    assert [(one.name, one.revision) for one in await store.checkpoints("s")] == [("b", 1), ("a", 2)]
    await store.return_to_checkpoint("s", "b", at(4))
    assert (await store.environment("s")).state == b"one"
    await store.return_to_checkpoint("s", "a", at(5))
    assert (await store.environment("s")).state == b"two"


async def test_an_environment_has_so_many_checkpoints_and_another_as_many(store: SqliteStore) -> None:
    await with_checkpoint(store)
    await with_checkpoint(store, "other")
    with pytest.raises(InvalidRequest, match=r"already has 1 checkpoints.*use one of their names again.*'one'"):
        await store.keep_checkpoint("s", "two", at(2), 1, AMPLE)
    await store.keep_checkpoint("s", "one", at(3), 1, AMPLE)
    assert [one.created_at for one in await store.checkpoints("s")] == [at(3)]


async def test_a_checkpoint_that_is_not_there_names_those_that_are(store: SqliteStore) -> None:
    for attempt in (store.keep_checkpoint("s", "one", at(1), 5, AMPLE), store.return_to_checkpoint("s", "one", at(1))):
        with pytest.raises(InvalidRequest, match="session 's' has no environment"):
            await attempt
    await store.save_environment(change(), AMPLE)
    with pytest.raises(InvalidRequest, match="has no checkpoint 'one'; there are none yet"):
        await store.return_to_checkpoint("s", "one", at(1))
    for name in ("start", "it's 50%"):
        await store.keep_checkpoint("s", name, at(1), 5, AMPLE)
    with pytest.raises(InvalidRequest, match="has no checkpoint 'one'; there are 'start', \"it's 50%\""):
        await store.return_to_checkpoint("s", "one", at(1))
    assert (await store.environment("s")).environment.revision == 1


async def test_the_audit_trail_tells_of_checkpoints_and_of_the_end_and_not_of_each_call(store: SqliteStore) -> None:
    await store.save_environment(change(), AMPLE)
    await store.keep_checkpoint("s", "one", at(1), 5, AMPLE)
    await store.save_environment(change(revision=1), AMPLE)
    await store.return_to_checkpoint("s", "one", at(2))
    await store.drop_environment("s", "ben")
    await store.drop_environment("s", "ben")
    assert events(store) == [
        ("environment.checkpoint", "s", "ann", {"name": "one", "revision": 1}),
        ("environment.restore", "s", "ann", {"name": "one", "revision": 1}),
        ("environment.drop", "s", "ben", {"revision": 3}),
    ]


# The file


class SyncedFile(apsw.VFSFile):
    def __init__(self, name: Any, flags: Any, synced: list[str]) -> None:
        self._name = str(name.filename() if isinstance(name, apsw.URIFilename) else name)
        self._synced = synced
        super().__init__("unix", name, flags)

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._synced.append(self._name.rpartition("-")[2])
        super().xSync(flags)


class SyncedFiles(apsw.VFS):
    """Notes which files SQLite syncs: `wal` for the write-ahead log."""

    def __init__(self) -> None:
        self.synced: list[str] = []
        super().__init__("synced", "unix", makedefault=True)

    def xOpen(self, name: Any, flags: Any) -> SyncedFile:  # noqa: N802 - SQLite's name
        return SyncedFile(name, flags, self.synced)


@pytest.fixture
def synced() -> Iterator[list[str]]:
    if "unix" not in apsw.vfs_names():
        pytest.skip("the names of SQLite's file systems are POSIX")
    files = SyncedFiles()
    yield files.synced
    files.unregister()


async def test_a_save_waits_for_no_disk_and_what_is_remembered_next_still_does(
    tmp_path: Path, synced: list[str]
) -> None:
    store = SqliteStore(tmp_path / "memory.db", durability="full")
    await store.start_session(session())
    await store.save_environment(change(), AMPLE)
    synced.clear()
    await store.save_environment(change(b"d" * 10_000, [variable("x")], revision=1), AMPLE)
    assert synced == []
    await store.add([draft("remembered")], None)
    assert synced == ["wal"]
    synced.clear()
    with pytest.raises(StaleEnvironment):
        await store.save_environment(change(), AMPLE)
    assert synced == []
    await store.keep_checkpoint("s", "one", at(1), 5, AMPLE)
    assert synced == ["wal"]
    await store.close()


async def test_rows_that_lost_their_environment_are_found(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db", durability="normal")
    await store.start_session(session())
    await with_checkpoint(store)
    await store.close()
    raw = apsw.Connection(str(store.path))
    raw.execute("PRAGMA foreign_keys = OFF; DELETE FROM environments").fetchall()
    raw.close()
    store = SqliteStore(store.path)
    found = " ".join(await store.integrity())
    for table in ("environment_states", "environment_variables", "environment_checkpoints"):
        assert table in found
    await store.close()


# Among processes


IMPORTS = """
from mcp_memory.models.environment import Environment, StoredVariable
from mcp_memory.storage.base import EnvironmentChange, EnvironmentQuota
AMPLE = EnvironmentQuota(10, 10**9)
def change(state, revision, *variables):
    known = {"session_id": "s", "workspace_id": "home", "created_at": EPOCH, "updated_at": EPOCH}
    return EnvironmentChange(Environment(revision=revision, **known), state, b"seal", variables)
store = SqliteStore(path)
"""

SAVE_AND_DIE = f"""
{IMPORTS}
value = json.dumps("v" * arguments)
await store.save_environment(
    change(b"d" * arguments, 0, StoredVariable(name="x", type="str", size=arguments, digest="1", value=value)), AMPLE
)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("size", [100, LARGE])
async def test_a_process_killed_right_after_a_save_has_kept_it(store: SqliteStore, size: int) -> None:
    child = start(store.path, SAVE_AND_DIE, size)
    child.communicate(timeout=60)
    assert child.returncode == -9
    found = await store.environment("s")
    assert (found.environment.revision, found.state) == (1, b"d" * size)
    assert await store.environment_values("s") == {"x": json.dumps("v" * size)}


ENDLESS = f"""
{IMPORTS}
revision = arguments
while True:
    mark = revision + 1
    x, y = (StoredVariable(name=name, type="int", size=1, digest=str(mark), value=str(mark)) for name in "xy")
    saved = await store.save_environment(change(str(mark).encode() * 100_000, revision, x, y), AMPLE)
    revision = saved.revision
    print(revision, flush=True)
"""


async def test_a_process_killed_while_it_saves_leaves_a_whole_revision_and_none_older_than_it_said(
    store: SqliteStore,
) -> None:
    revision = 0
    for attempt in range(4):
        child = start(store.path, ENDLESS, revision)
        assert child.stdout is not None
        for _ in range(5 + attempt):
            said = int(child.stdout.readline())
        child.kill()
        rest, _ = child.communicate(timeout=60)
        acknowledged = [said, *(int(line) for line in rest.splitlines()[:-1])]
        found = await store.environment("s")
        revision = found.environment.revision
        assert revision >= max(acknowledged)
        assert found.state == str(revision).encode() * 100_000
        assert set((await store.environment_values("s")).values()) == {str(revision)}
        assert await store.integrity() == []


APPEND = f"""
{IMPORTS}
print("ready", flush=True)
sys.stdin.readline()
done = 0
while done < 10:
    found = await store.environment("s")
    revision, state = (found.environment.revision, found.state) if found else (0, b"")
    try:
        saved = await store.save_environment(change(state + f"{{arguments}}{{done}} ".encode(), revision), AMPLE)
    except StaleEnvironment:
        continue
    print(saved.revision, flush=True)
    done += 1
await store.close()
"""


async def test_of_four_processes_that_save_at_once_one_wins_each_revision_and_no_save_is_lost(
    store: SqliteStore,
) -> None:
    told = released_together(store.path, APPEND, "abcd")
    won = Counter(int(line) for one in told for line in one.splitlines())
    assert won == Counter(range(1, 41))
    written = (await store.environment("s")).state.decode().split()
    assert sorted(written) == sorted(f"{who}{number}" for who in "abcd" for number in range(10))
    assert [one for one in written if one.startswith("a")] == [f"a{number}" for number in range(10)]

"""Sessions, what they hold, and who sees it: on real files, among real processes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.errors import EncoderMismatch, InvalidRequest, UnknownMemory
from mcp_memory.models.session import Session, WorkingEntry
from mcp_memory.models.workspace import Context
from mcp_memory.storage.base import SessionChange
from mcp_memory.storage.sqlite import SqliteStore
from tests.integration.store_support import ENCODER, EPOCH, HERE, draft, link, released_together, start, unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.models.memory import Memory
    from mcp_memory.models.search import Filter

pytestmark = pytest.mark.anyio
HOUR = timedelta(hours=1)
INSIDE = replace(HERE, viewer_session="s")
OUTSIDE = replace(HERE, viewer_session="other")


def at(second: float) -> datetime:
    return EPOCH + timedelta(seconds=second)


def session(id_: str = "s", **fields: Any) -> Session:
    made: dict[str, Any] = {
        "workspace_id": "home",
        "created_at": EPOCH,
        "touched_at": EPOCH,
        "expires_at": EPOCH + HOUR,
    }
    return Session(id=id_, **(made | fields))


def entry(key: str, value: Any, second: float = 0, session_id: str = "s", **fields: Any) -> WorkingEntry:
    return WorkingEntry(
        session_id=session_id, key=key, value=value, created_at=at(second), updated_at=at(second), **fields
    )


def note(content: str, second: int = 0, session_id: str = "s", **fields: Any) -> Any:
    return draft(content, second, type="working", session_id=session_id, **fields)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "memory.db", durability="normal")
    await store.start_session(session())
    yield store
    assert await store.integrity() == []
    await store.close()


@pytest.fixture(params=[10_000_000, 0], ids=["in memory", "on disk"])
async def either(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[SqliteStore]:
    """A store that searches vectors in memory, and one that searches on disk."""
    store = SqliteStore(tmp_path / "memory.db", durability="normal", vector_cache_bytes=request.param)
    await store.start_session(session())
    yield store
    await store.close()


async def everything(store: SqliteStore, where: Filter = HERE) -> list[str]:
    return sorted(memory.content for memory in (await store.browse(where, 100)).memories)


async def found_by_words(store: SqliteStore, *terms: str, where: Filter = HERE) -> list[str]:
    hits = await store.keyword_candidates(terms, where, 50)
    return sorted(memory.content for memory in (await store.fetch(list(hits.scores))).values())


def events(store: SqliteStore, action: str) -> list[tuple[str, dict[str, Any]]]:
    query = "SELECT resource, detail FROM events WHERE action = ? ORDER BY number"
    rows = store._database.read_now(lambda connection: connection.rows(query, (action,)))
    return [(resource, json.loads(detail)) for resource, detail in rows]


# The session itself


async def test_a_session_comes_back_as_it_was_started_after_the_store_was_closed(tmp_path: Path) -> None:
    made = session(
        "sess_1", context_id="kitchen", user_id="u", author="claude", metadata={"é": [1, None]}, ttl_seconds=60,
        auto_commit=False,
    )  # fmt: skip
    store = SqliteStore(tmp_path / "memory.db")
    assert await store.start_session(made) == made
    await store.close()
    store = SqliteStore(tmp_path / "memory.db")
    assert await store.session("sess_1") == made
    assert [context.id for context in await store.contexts("home")] == ["_default", "kitchen"]
    assert await store.session("sess_2") is None
    await store.close()


async def test_the_same_id_starts_no_second_session_not_even_elsewhere(store: SqliteStore) -> None:
    for place in ("home", "elsewhere"):
        with pytest.raises(InvalidRequest, match="already a session 's'"):
            await store.start_session(session(workspace_id=place, author="intruder"))
    assert await store.session("s") == session()
    assert await store.workspace("elsewhere") is None


async def test_sessions_are_listed_by_latest_use_and_only_while_they_last(store: SqliteStore) -> None:
    await store.start_session(session("ended"))
    await store.commit_session(SessionChange("ended", at(5), (), end=True), None)
    await store.start_session(session("short", expires_at=at(60)))
    await store.start_session(session("used", touched_at=at(9)))
    await store.start_session(session("foreign", workspace_id="elsewhere"))
    assert [one.id for one in await store.sessions("home", at(59))] == ["used", "s", "short"]
    assert [one.id for one in await store.sessions("home", at(60))] == ["used", "s"]
    assert {one.id for one in await store.sessions("home", at(60), include_ended=True)} == {
        "used", "s", "short", "ended",
    }  # fmt: skip


async def test_a_touch_lengthens_a_session_and_never_shortens_it(store: SqliteStore) -> None:
    later = await store.touch_session("s", at(100), EPOCH + 2 * HOUR)
    assert (later.touched_at, later.expires_at) == (at(100), EPOCH + 2 * HOUR)
    assert await store.touch_session("s", at(50), EPOCH + HOUR) == later
    assert await store.session("s") == later


@pytest.mark.parametrize("state", ["unknown", "ended"])
async def test_a_session_that_is_not_there_or_has_ended_takes_nothing(store: SqliteStore, state: str) -> None:
    if state == "ended":
        await store.start_session(session(state))
        await store.commit_session(SessionChange(state, at(1), (), end=True), None)
    with pytest.raises(InvalidRequest, match=state):
        await store.touch_session(state, at(2), EPOCH + HOUR)
    with pytest.raises(InvalidRequest, match=state):
        await store.set_working(entry("k", 1, session_id=state), 10)
    with pytest.raises(InvalidRequest, match=state):
        await store.commit_session(SessionChange(state, at(2), [draft("never written")], end=True), None)
    assert await everything(store) == []
    assert await store.working(state, EPOCH) == []


async def test_expired_sessions_wait_for_their_end_longest_expired_first(store: SqliteStore) -> None:
    for name, seconds in (("b", 20), ("a", 10), ("c", 30), ("ended", 5)):
        await store.start_session(session(name, expires_at=at(seconds)))
    await store.commit_session(SessionChange("ended", at(1), (), end=True), None)
    assert [one.id for one in await store.expired_sessions(at(9.999999), 9)] == []
    assert [one.id for one in await store.expired_sessions(at(30), 9)] == ["a", "b", "c"]
    assert [one.id for one in await store.expired_sessions(at(30), 2)] == ["a", "b"]


# What it holds


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aé京", max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(values=st.dictionaries(st.text("abé/ %_", min_size=1, max_size=4), JSON, max_size=4))
def test_whatever_json_is_held_comes_back_and_can_be_committed(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    import anyio

    async def hold() -> None:
        store = SqliteStore(tmp_path_factory.mktemp("json") / "memory.db", durability="normal")
        await store.start_session(session())
        for key, value in values.items():
            await store.set_working(entry(key, value), 10)
        held = await store.working("s", EPOCH)
        assert {one.key: one.value for one in held} == values
        await store.commit_session(SessionChange("s", at(1), (), held), None)
        assert all(one.committed_at == at(1) for one in await store.working("s", EPOCH))
        await store.close()

    anyio.run(hold)


async def test_a_value_is_gone_at_the_very_instant_it_expires(store: SqliteStore) -> None:
    await store.set_working(entry("brief", 1, ttl_seconds=10, expires_at=at(10)), 10)
    await store.set_working(entry("lasting", 2), 10)
    assert [one.key for one in await store.working("s", at(9.999999))] == ["brief", "lasting"]
    assert [one.key for one in await store.working("s", at(10))] == ["lasting"]


async def test_a_new_value_replaces_the_old_one_and_is_uncommitted_again(store: SqliteStore) -> None:
    first = await store.set_working(entry("k", "old", 1, ttl_seconds=10, expires_at=at(11)), 10)
    await store.commit_session(SessionChange("s", at(2), (), [first]), None)
    assert [one.committed_at for one in await store.working("s", at(3))] == [at(2)]
    again = await store.set_working(entry("k", "new", 4), 10)
    assert (again.value, again.created_at, again.updated_at) == ("new", at(1), at(4))
    assert (again.ttl_seconds, again.expires_at, again.committed_at) == (None, None, None)
    assert await store.working("s", at(5)) == [again]


async def test_a_session_holds_so_many_values_and_those_that_expired_make_room(store: SqliteStore) -> None:
    await store.set_working(entry("a", 1, expires_at=at(10)), 2)
    await store.set_working(entry("b", 2), 2)
    with pytest.raises(InvalidRequest, match="already holds 2 values"):
        await store.set_working(entry("c", 3, 9), 2)
    await store.set_working(entry("b", "replaced", 9), 2)
    await store.set_working(entry("c", 3, 10), 2)
    assert [(one.key, one.value) for one in await store.working("s", at(10))] == [("b", "replaced"), ("c", 3)]


async def test_values_of_two_sessions_do_not_meet(store: SqliteStore) -> None:
    await store.start_session(session("other"))
    await store.set_working(entry("k", "mine"), 1)
    await store.set_working(entry("k", "theirs", session_id="other"), 1)
    await store.commit_session(SessionChange("other", at(1), (), clear=True), None)
    assert [one.value for one in await store.working("s", EPOCH)] == ["mine"]


async def test_notes_are_the_live_working_memories_of_the_session_in_its_workspace(store: SqliteStore) -> None:
    await store.start_session(session("other"))
    added = await store.add(
        [
            note("second", 2), note("first", 1), note("forgotten", 3), note("theirs", session_id="other"),
            draft("no note", session_id="s"), draft("of nobody", type="working"),
            note("same label elsewhere", workspace_id="elsewhere"),
            note("for all workspaces", 4, workspace_id="_global"),
        ],
        None,
    )  # fmt: skip
    await store.forget("home", added[2].memory.id, "", "")
    assert [one.content for one in await store.notes("s")] == ["first", "second", "for all workspaces"]
    assert await store.notes("unknown") == []


# Commit


async def held_session(store: SqliteStore) -> tuple[list[WorkingEntry], list[Memory]]:
    for number, key in enumerate(("plan", "draft")):
        await store.set_working(entry(key, f"value of {key}", number), 10)
    await store.add([note("the plan changed", 1, vector=unit(1)), note("ask Ann", 2, vector=unit(2))], ENCODER)
    return await store.working("s", EPOCH), await store.notes("s")


async def test_a_commit_writes_the_drafts_and_marks_what_they_came_from(store: SqliteStore) -> None:
    entries, notes = await held_session(store)
    await store.add([draft("known before")], None)
    drafts = [draft("the plan changed", 5, session_id="s", vector=unit(1)), draft("known before", 6)]
    added = await store.commit_session(SessionChange("s", at(9), drafts, entries[:1], [notes[0].id]), ENCODER)

    assert [one.outcome for one in added] == ["created", "confirmed"]
    assert added[0].memory.id != notes[0].id
    assert await everything(store, OUTSIDE) == ["known before", "the plan changed"]
    assert await found_by_words(store, "plan") == ["the plan changed"]
    assert [near.memory_id for near in await store.nearest(unit(1), ENCODER, OUTSIDE, 1)] == [added[0].memory.id]
    assert [one.action for one in await store.revisions("home", added[0].memory.id)] == ["created"]
    [buried] = await store.get(HERE, [notes[0].id], include_deleted=True)
    assert (buried.status, buried.forget_reason) == ("deleted", "committed with its session")
    assert await store.notes("s") == notes[1:]
    committed = {one.key: one.committed_at for one in await store.working("s", EPOCH)}
    assert committed == {entries[0].key: at(9), entries[1].key: None}
    assert (await store.session("s")) == session(committed_at=at(9))
    counted = {"created": 1, "confirmed": 1, "entries": 1, "notes": 1, "dropped_uncommitted": 0}
    assert events(store, "session.commit") == [("s", counted)]


async def test_clearing_drops_what_is_held_and_leaves_the_notes(store: SqliteStore) -> None:
    entries, notes = await held_session(store)
    await store.commit_session(SessionChange("s", at(9), (), entries[:1], clear=True), None)
    assert await store.working("s", EPOCH) == []
    assert await store.notes("s") == notes
    assert events(store, "session.commit")[0][1]["dropped_uncommitted"] == 1
    assert (await store.session("s")).state(at(9)) == "active"


async def test_at_the_end_everything_leaves_and_says_why(store: SqliteStore) -> None:
    entries, notes = await held_session(store)
    change = SessionChange("s", at(9), [draft("kept", 8)], entries, [notes[1].id], end=True)
    await store.commit_session(change, None)
    tombstones = await store.get(HERE, [one.id for one in notes], include_deleted=True)
    assert [one.forget_reason for one in tombstones] == ["left with its session", "committed with its session"]
    assert await store.working("s", EPOCH) == []
    assert await store.notes("s") == []
    assert await everything(store, INSIDE) == ["kept"]
    assert await store.session("s") == session(committed_at=at(9), ended_at=at(9))


async def test_a_session_that_ends_without_a_commit_is_not_called_committed(store: SqliteStore) -> None:
    await held_session(store)
    await store.commit_session(SessionChange("s", at(9), (), end=True), None)
    assert await store.session("s") == session(ended_at=at(9))
    assert await everything(store, INSIDE) == []
    assert events(store, "session.end")[0][1]["dropped_uncommitted"] == 2


@pytest.mark.parametrize("change", ["value", "same value", "committed", "dropped", "expired", "note", "foreign note"])
async def test_what_has_changed_since_it_was_read_stops_the_whole_commit(store: SqliteStore, change: str) -> None:
    entries, notes = await held_session(store)
    wanted = [one.id for one in notes]
    if change in ("value", "same value"):
        await store.set_working(entry("plan", "value of plan" if change == "same value" else "new", 5), 10)
    elif change == "committed":
        await store.commit_session(SessionChange("s", at(5), (), entries), None)
    elif change == "dropped":
        await store.commit_session(SessionChange("s", at(5), (), clear=True), None)
    elif change == "expired":
        await store.set_working(entry("plan", "brief", 5, expires_at=at(6)), 10)
        entries = await store.working("s", at(5))
        await store.set_working(entry("more", 1, 6), 10)
    elif change == "note":
        await store.forget("home", notes[1].id, "", "")
    else:
        wanted = [(await store.add([note("elsewhere", workspace_id="elsewhere")], None))[0].memory.id]
    before = await store.working("s", EPOCH), await store.notes("s"), await store.session("s")
    with pytest.raises(InvalidRequest, match="changed meanwhile; try again"):
        await store.commit_session(SessionChange("s", at(9), [draft("never")], entries, wanted, end=True), None)
    assert (await store.working("s", EPOCH), await store.notes("s"), await store.session("s")) == before
    assert await found_by_words(store, "never") == []


async def test_a_commit_with_a_wrong_vector_changes_nothing(store: SqliteStore) -> None:
    entries, notes = await held_session(store)
    change = SessionChange("s", at(9), [draft("wrong", vector=[1.0])], entries, [notes[0].id], end=True)
    with pytest.raises(EncoderMismatch):
        await store.commit_session(change, ENCODER)
    assert await store.working("s", EPOCH) == entries
    assert await store.notes("s") == notes


async def test_a_memory_of_the_same_words_as_a_note_is_a_memory_of_its_own(store: SqliteStore) -> None:
    await store.start_session(session("other"))
    outcomes = [
        (await store.add([one], None))[0].outcome
        for one in (
            note("tea at five"), note("tea at five"), note("tea at five", session_id="other"), draft("tea at five"),
            draft("tea at five", type="working"), draft("tea at five", session_id="other"),
        )
    ]  # fmt: skip
    assert outcomes == ["created", "confirmed", "created", "created", "confirmed", "confirmed"]
    for name in ("s", "other"):
        await store.commit_session(SessionChange(name, at(9), (), end=True), None)
    assert await everything(store) == ["tea at five"]


async def test_a_note_is_not_written_into_a_session_that_has_ended(store: SqliteStore) -> None:
    await store.commit_session(SessionChange("s", at(1), (), end=True), None)
    with pytest.raises(InvalidRequest, match="'s' has ended"):
        await store.add([draft("fine"), note("too late")], None)
    assert await everything(store, INSIDE) == []
    await store.add([draft("said in that session", session_id="s")], None)
    assert await everything(store) == ["said in that session"]


async def test_a_note_that_left_can_be_restored_for_all_to_find(store: SqliteStore) -> None:
    _, [first, second] = await held_session(store)
    await store.forget("home", first.id, "", "")
    assert (await store.restore("home", first.id, "")).session_id == "s"
    assert await everything(store, OUTSIDE) == []
    await store.commit_session(SessionChange("s", at(9), [draft(second.content)], notes=[second.id], end=True), None)
    restored = await store.restore("home", first.id, "ann")
    assert (restored.session_id, restored.type) == (None, "working")
    assert await found_by_words(store, "plan", where=OUTSIDE) == [first.content]
    assert [near.memory_id for near in await store.nearest(unit(1), ENCODER, OUTSIDE, 1)] == [first.id]
    with pytest.raises(InvalidRequest, match="remembered again"):
        await store.restore("home", second.id, "ann")


async def test_a_note_can_be_erased_alive_or_as_a_tombstone(store: SqliteStore) -> None:
    _, [first, second] = await held_session(store)
    await store.erase("home", first.id, "")
    await store.commit_session(SessionChange("s", at(9), (), end=True), None)
    await store.erase("home", second.id, "")
    assert await store.get(INSIDE, [first.id, second.id], include_deleted=True) == []
    with pytest.raises(UnknownMemory):
        await store.revisions("home", second.id)


# Who sees it


async def room(store: SqliteStore) -> dict[str, Memory]:
    """A memory for all, one of nobody's session, and the notes of two sessions."""
    await store.start_session(session("other"))
    drafts = [
        draft("tea for all", 1, vector=unit(1)), draft("tea in hand", 2, type="working", vector=unit(2)),
        note("tea of mine", 3, vector=unit(3), importance=0.9),
        note("tea of theirs", 4, "other", vector=unit(4), importance=0.9),
    ]  # fmt: skip
    return {one.memory.content: one.memory for one in await store.add(drafts, ENCODER)}


VIEWS = [
    (INSIDE, ["tea for all", "tea in hand", "tea of mine"]),
    (OUTSIDE, ["tea for all", "tea in hand", "tea of theirs"]),
    (HERE, ["tea for all", "tea in hand"]),
]


@pytest.mark.parametrize(
    "narrow", [{}, {"include_archived": True}, {"types": ("semantic", "working")}, {"created_after": EPOCH}]
)
@pytest.mark.parametrize("archived", [False, True])
async def test_notes_are_found_by_their_own_session_alone_on_every_path(
    either: SqliteStore, narrow: dict[str, Any], archived: bool
) -> None:
    memories = await room(either)
    ids = [one.id for one in memories.values()]
    keys = {key: content for content, one in memories.items() for key in (await either.keys_of([one.id])).values()}
    await either.add([draft("put away", 9, vector=unit(9))], ENCODER)
    away = "UPDATE memories SET status = 'archived', change = 99 WHERE content = 'put away'"
    if archived:
        either._database.write_now(lambda connection: connection.run(away))
        either._database.write_now(lambda connection: connection.run("UPDATE meta SET change = 99"))
    else:
        await either.forget("home", (await either.browse(HERE, 1)).memories[0].id, "", "")
    for viewer, expected in VIEWS:
        where = replace(viewer, **narrow)
        shown = sorted({*expected, "put away"}) if archived and where.include_archived else expected
        page = await either.browse(where, 9)
        assert (sorted(one.content for one in page.memories), page.total) == (sorted(shown), len(shown))
        assert sorted(one.content for one in await either.important(where, 9)) == sorted(shown)
        assert [one.content for one in await either.get(where, ids)] == expected
        assert await found_by_words(either, "tea", where=where) == expected
        hits = await either.keyword_candidates(("tea",), where, 9)
        assert sorted(keys[key] for key in hits.exact) == [one for one in expected if hits.exact]
        candidates = await either.candidates(unit(4), ENCODER, hits, where, 9)
        assert sorted(keys.get(one.key, "put away") for one in candidates) == sorted(shown)
        for seed, content in ((3, "tea of mine"), (4, "tea of theirs")):
            near = await either.nearest(unit(seed), ENCODER, where, 1)
            assert (near[0].content == content) == (content in expected)
            assert near[0].content in shown
        assert len(await either.nearest(unit(4), ENCODER, where, 3)) == 3 - (viewer is HERE and shown is expected)


async def test_the_search_on_disk_is_whole_however_many_notes_others_have(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db", durability="normal", vector_cache_bytes=0)
    await store.start_session(session())
    await store.add([note(f"note {n}", n, vector=unit(1)) for n in range(40)], ENCODER)
    await store.add([draft(f"memory {n}", n, vector=unit(n + 2)) for n in range(5)], ENCODER)
    assert len(await store.nearest(unit(1), ENCODER, OUTSIDE, 5)) == 5
    assert {near.content[:4] for near in await store.nearest(unit(1), ENCODER, INSIDE, 5)} == {"note"}
    assert [one.content[:6] for one in await store.nearest(unit(1), ENCODER, OUTSIDE, 4096)] == ["memory"] * 5
    await store.close()


async def test_the_matrix_follows_notes_as_they_come_and_are_committed(either: SqliteStore) -> None:
    await either.add([draft("there before", vector=unit(9))], ENCODER)
    assert len(await either.nearest(unit(1), ENCODER, OUTSIDE, 9)) == 1
    await either.add([note("new note", vector=unit(1))], ENCODER)
    assert [near.content for near in await either.nearest(unit(1), ENCODER, OUTSIDE, 9)] == ["there before"]
    assert [near.content for near in await either.nearest(unit(1), ENCODER, INSIDE, 1)] == ["new note"]
    [one] = await either.notes("s")
    change = SessionChange("s", at(5), [draft("new note", vector=unit(1))], notes=[one.id])
    await either.commit_session(change, ENCODER)
    assert len(await either.nearest(unit(1), ENCODER, OUTSIDE, 9)) == 2
    assert len(await either.nearest(unit(1), ENCODER, INSIDE, 9)) == 2


async def test_links_to_a_note_are_seen_by_its_session_alone(store: SqliteStore) -> None:
    memories = await room(store)
    common, mine, theirs = (memories[f"tea {of}"].id for of in ("for all", "of mine", "of theirs"))
    await store.associate(link(common, mine))
    await store.associate(link(theirs, common))
    assert [edge.target_id for edge in await store.associations(INSIDE, [common])] == [mine]
    assert [edge.source_id for edge in await store.associations(OUTSIDE, [common])] == [theirs]
    assert await store.associations(HERE, [common]) == []


# Groups


async def neighbours_of(store: SqliteStore, memory: Memory) -> list[tuple[int, str]]:
    keys = await store.keys_of([memory.id])
    return [(place, one.content) for place, one in (await store.neighbours([keys[memory.id]], 3))[keys[memory.id]]]


async def test_memories_share_a_group_where_session_and_context_are_the_same(store: SqliteStore) -> None:
    places = [("s", "_default"), ("s", "kitchen"), ("", "kitchen"), ("other", "kitchen"), ("", "_default")]
    added = await store.add(
        [
            draft(f"{word} {session_id}:{context_id}", number, session_id=session_id or None, context_id=context_id)
            for number, word in enumerate(("first", "second"))
            for session_id, context_id in places
        ],
        None,
    )
    memories = [one.memory for one in added]
    for first, second, (session_id, _) in zip(memories[:4], memories[5:9], places, strict=False):
        assert await neighbours_of(store, first) == [(1, second.content)]
        assert await neighbours_of(store, second) == [(-1, first.content)]
        found = await store.keyword_candidates((first.context_id, "first"), replace(HERE, session_id=session_id), 50)
        assert added[memories.index(second)].key in found.scores
    assert await neighbours_of(store, memories[4]) == []
    hits = await store.keyword_candidates(("first", "second"), HERE, 50)
    groups = {one.key: one.group for one in await store.candidates(None, None, hits, HERE, 50)}
    assert [groups[one.key] for one in added[:5]] == ["s/", "s/kitchen", "/kitchen", "other/kitchen", ""]
    assert [groups[one.key] for one in added[5:]] == ["s/", "s/kitchen", "/kitchen", "other/kitchen", ""]


async def test_a_session_filter_finds_all_contexts_of_the_session(store: SqliteStore) -> None:
    await store.add(
        [draft("a", session_id="s"), draft("b", session_id="s", context_id="kitchen"), draft("c", context_id="s")], None
    )
    assert await everything(store, replace(HERE, session_id="s")) == ["a", "b"]


async def test_nobody_but_a_note_has_a_note_beside_it_or_is_found_by_its_words(store: SqliteStore) -> None:
    added = await store.add(
        [
            draft("one", 1, session_id="s"), note("a zebra", 2), note("a giraffe", 3), note("a lion", 4),
            draft("two", 5, session_id="s"),
        ],
        None,
    )  # fmt: skip
    first, zebra, giraffe, _, second = (one.memory for one in added)
    assert await neighbours_of(store, first) == [(1, "two")]
    assert await neighbours_of(store, second) == [(-1, "one")]
    assert await neighbours_of(store, zebra) == [(-1, "one"), (1, "a giraffe"), (2, "a lion"), (3, "two")]
    assert await found_by_words(store, "zebra", "giraffe", "lion", where=OUTSIDE) == []
    assert await found_by_words(store, "one", where=OUTSIDE) == ["one", "two"]
    assert "a giraffe" in await found_by_words(store, "zebra", where=INSIDE)
    await store.forget("home", zebra.id, "", "")
    assert await found_by_words(store, "zebra", where=INSIDE) == []
    await store.forget("home", first.id, "", "")
    assert await found_by_words(store, "one", where=INSIDE) == []
    await store.restore("home", first.id, "")
    assert second.content in await found_by_words(store, "one", where=INSIDE)
    assert giraffe.content in await found_by_words(store, "one", where=INSIDE)


# Contexts


async def test_a_context_is_kept_as_it_was_made_and_its_name_is_taken(store: SqliteStore) -> None:
    made = Context(
        id="c1", workspace_id="home", name="kitchen", description="all about it", settings={"a": 1}, created_at=EPOCH
    )
    assert await store.create_context(made) == made
    assert made in await store.contexts("home")
    for clash in ({"id": "c2"}, {"name": "other name"}):
        with pytest.raises(InvalidRequest, match="already has a context"):
            await store.create_context(made.model_copy(update=clash))
    await store.create_context(made.model_copy(update={"workspace_id": "elsewhere"}))
    assert [one.id for one in await store.contexts("elsewhere")] == ["_default", "c1"]


# Leases


async def test_a_lease_is_one_holders_until_it_runs_out(store: SqliteStore) -> None:
    assert await store.take_lease("sweep", "a", at(0), at(10))
    assert not await store.take_lease("sweep", "b", at(9.999999), at(20))
    assert await store.take_lease("sweep", "a", at(5), at(12))
    assert not await store.take_lease("sweep", "b", at(11), at(20))
    assert await store.take_lease("other", "b", at(11), at(20))
    assert await store.take_lease("sweep", "b", at(12), at(20))
    assert not await store.take_lease("sweep", "a", at(13), at(30))


TAKE = """
store = SqliteStore(path)
await store.open()
print("ready", flush=True)
sys.stdin.readline()
taken = []
for number in range(20):
    if await store.take_lease(f"lease {number}", arguments, EPOCH, EPOCH + timedelta(hours=1)):
        taken.append(number)
await store.close()
print(json.dumps(taken))
"""


def test_each_lease_goes_to_one_of_several_processes(tmp_path: Path) -> None:
    told = released_together(tmp_path / "memory.db", TAKE, ["a", "b", "c"])
    taken = [json.loads(one) for one in told]
    assert sorted(number for numbers in taken for number in numbers) == list(range(20))


# Among processes


COMMIT = """
from mcp_memory.storage.base import SessionChange
store = SqliteStore(path)
entries, notes = await store.working("s", EPOCH), await store.notes("s")
drafts = [draft(f"from {one.key}", 5, vector=unit(5)) for one in entries] + [draft(one.content, 5) for one in notes]
change = SessionChange("s", EPOCH + timedelta(seconds=9), drafts, entries, [one.id for one in notes], **arguments)
print("ready", flush=True)
sys.stdin.readline()
try:
    print(json.dumps([one.outcome for one in await store.commit_session(change, ENCODER)]))
except InvalidRequest as error:
    print(error)
await store.close()
"""


@pytest.mark.parametrize("how", [{}, {"clear": True}, {"end": True}], ids=["commit", "clear", "end"])
async def test_of_two_windows_that_commit_at_once_one_wins_and_nothing_is_written_twice(
    store: SqliteStore, how: dict[str, bool]
) -> None:
    await held_session(store)
    told = sorted(released_together(store.path, COMMIT, [how, how]))
    assert told[1] == json.dumps(["created"] * 4)
    assert "try again" in told[0] or "ended" in told[0]
    assert await everything(store, INSIDE) == ["ask Ann", "from draft", "from plan", "the plan changed"]
    assert len(events(store, "session.commit") + events(store, "session.end")) == 1
    for memory in (await store.browse(INSIDE, 9)).memories:
        assert [one.action for one in await store.revisions("home", memory.id)] == ["created"]


ENDLESS = """
from mcp_memory.models.session import Session, WorkingEntry
from mcp_memory.storage.base import SessionChange
store = SqliteStore(path)
for number in range(arguments, 100_000):
    name, later = f"{arguments}-{number}", EPOCH + timedelta(hours=1)
    await store.start_session(
        Session(id=name, workspace_id="home", created_at=EPOCH, touched_at=EPOCH, expires_at=later)
    )
    for key in "abc":
        await store.set_working(
            WorkingEntry(session_id=name, key=key, value=key, created_at=EPOCH, updated_at=EPOCH), 9
        )
    note = {"type": "working", "session_id": name}
    await store.add([draft(f"{name} note {n}", vector=unit(n), **note) for n in range(3)], ENCODER)
    entries, notes = await store.working(name, EPOCH), await store.notes(name)
    drafts = [draft(f"{name} from {key}", session_id=name, vector=unit(7)) for key in "abcdef"]
    print(name, flush=True)
    await store.commit_session(
        SessionChange(name, later, drafts, entries, [one.id for one in notes], end=number % 2 == 0), ENCODER
    )
"""


async def test_a_process_killed_while_it_commits_leaves_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    for attempt in range(6):
        child = start(path, ENDLESS, attempt * 1000)
        assert child.stdout is not None
        for _ in range(3 + attempt):
            begun = child.stdout.readline().strip()
        child.kill()
        child.communicate()
        store = SqliteStore(path)
        assert await store.integrity() == []
        for one in await store.sessions("home", EPOCH, include_ended=True):
            if one.id.split("-")[0] == str(attempt * 1000):
                await assert_all_or_nothing(store, one)
        assert begun.startswith(f"{attempt * 1000}-")
        await store.close()


async def assert_all_or_nothing(store: SqliteStore, one: Session) -> None:
    written = await store.browse(replace(HERE, session_id=one.id), 50)
    entries, notes = await store.working(one.id, EPOCH), await store.notes(one.id)
    if one.committed_at is None:
        assert (written.total, one.ended_at) == (0, None)
        assert not any(each.committed_at for each in entries)
        return
    assert (written.total, len(notes)) == (6, 0)
    assert all(memory.embedding_state == "embedded" for memory in written.memories)
    if one.ended_at is None:
        assert [each.committed_at for each in entries] == [one.committed_at] * 3
    else:
        assert entries == []


async def test_what_one_process_holds_another_goes_on_with(store: SqliteStore) -> None:
    body = """
from mcp_memory.models.session import WorkingEntry
store = SqliteStore(path)
entry = WorkingEntry(session_id="s", key="k", value={"n": 1}, created_at=EPOCH, updated_at=EPOCH)
await store.set_working(entry, 9)
await store.add([draft("seen by the next window", type="working", session_id="s", vector=unit(1))], ENCODER)
os.kill(os.getpid(), 9)
"""
    child = start(store.path, body)
    child.communicate(timeout=60)
    assert child.returncode == -9
    assert [one.value for one in await store.working("s", EPOCH)] == [{"n": 1}]
    assert await found_by_words(store, "window", where=INSIDE) == ["seen by the next window"]
    assert await found_by_words(store, "window", where=OUTSIDE) == []

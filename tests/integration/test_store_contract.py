"""Every method of the protocol, on a real file."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest

from mcp_memory.errors import EncoderMismatch, InvalidRequest, StoreUnavailable, UnknownMemory
from mcp_memory.models.search import Filter
from mcp_memory.storage.base import Portable, Unembedded
from mcp_memory.storage.sqlite import SqliteStore
from mcp_memory.storage.sqlite.statements import migrations
from tests.integration.store_support import ENCODER, EPOCH, HERE, OTHER, draft, link, unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.models.memory import Memory

pytestmark = pytest.mark.anyio
EVERYWHERE = Filter(workspaces=("home", "_global"))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "memory.db")
    yield store
    assert await store.integrity() == []
    await store.close()


async def remember(store: SqliteStore, *contents: str, **fields: object) -> list[Memory]:
    added = await store.add([draft(text, number, **fields) for number, text in enumerate(contents)], None)
    return [one.memory for one in added]


async def found_by_words(store: SqliteStore, *terms: str, where: Filter = HERE) -> list[str]:
    hits = await store.keyword_candidates(terms, where, 50)
    memories = await store.fetch(list(hits.scores))
    return [memory.content for memory in memories.values()]


# Writing


async def test_a_memory_comes_back_as_it_was_written(store: SqliteStore) -> None:
    one = draft(
        "Ann prefers tea",
        tags=("drinks", "ann"),
        metadata={"source": "dîner", "nested": {"n": [1, 2.5, None]}},
        context_id="kitchen",
        session_id="s1",
        user_id="u",
        observer_id="o",
        subject_id="ann",
        author="bob",
        subtype="preference",
        importance=0.7,
        occurred_at=EPOCH - timedelta(days=3),
        source_memory_id="mem_0",
    )
    [added] = await store.add([one], None)
    [read] = await store.get(HERE, [added.memory.id])
    assert added.outcome == "created"
    assert read == added.memory
    assert read.tags == ["ann", "drinks"]
    assert read.metadata == one.metadata
    assert read.occurred_at == one.occurred_at
    assert read.embedding_state == "pending"
    assert [context.name for context in await store.contexts("home")] == ["_default", "kitchen"]


async def test_the_same_words_again_confirm_the_memory_and_unite_its_tags(store: SqliteStore) -> None:
    first, again = [
        (await store.add([draft("tea at five", second, tags=tags, importance=weight)], None))[0]
        for second, tags, weight in ((0, ("b",), 0.4), (60, ("a",), 0.9))
    ]
    assert again.outcome == "confirmed"
    assert (again.memory.id, again.key) == (first.memory.id, first.key)
    assert (again.memory.tags, again.memory.importance, again.memory.confirmations) == (["a", "b"], 0.9, 1)
    assert again.memory.created_at == first.memory.created_at
    assert [one.action for one in await store.revisions("home", first.memory.id)] == ["created", "confirmed"]


@pytest.mark.parametrize("field", ["workspace_id", "context_id", "user_id", "observer_id", "subject_id"])
async def test_the_same_words_about_someone_or_somewhere_else_are_another_memory(
    store: SqliteStore, field: str
) -> None:
    outcomes = [
        (await store.add([draft("likes tea", **{field: place})], None))[0].outcome for place in ("one", "two", "one")
    ]
    assert outcomes == ["created", "created", "confirmed"]


async def test_duplicates_within_one_batch_confirm_each_other(store: SqliteStore) -> None:
    added = await store.add([draft("same"), draft("other"), draft("same")], None)
    assert [one.outcome for one in added] == ["created", "created", "confirmed"]
    assert (await store.browse(HERE, 10)).total == 2


async def test_a_confirmation_brings_the_vector_a_pending_memory_lacked(store: SqliteStore) -> None:
    await store.add([draft("late vector")], None)
    [again] = await store.add([draft("late vector", vector=unit(1))], ENCODER)
    assert again.memory.embedding_state == "embedded"
    [near] = await store.nearest(unit(1), ENCODER, HERE, 5)
    assert near.memory_id == again.memory.id
    assert near.cosine == pytest.approx(1.0, abs=1e-5)


async def test_a_batch_with_a_wrong_vector_is_not_written_at_all(store: SqliteStore) -> None:
    with pytest.raises(EncoderMismatch, match="16"):
        await store.add([draft("fine", vector=unit(1)), draft("wrong", vector=np.ones(3))], ENCODER)
    assert (await store.browse(HERE, 10)).total == 0
    assert await found_by_words(store, "fine") == []


async def test_access_is_counted_and_changes_nothing_else(store: SqliteStore) -> None:
    [added] = await store.add([draft("read often")], None)
    later = EPOCH + timedelta(days=9)
    await store.record_access([added.key], later)
    await store.record_access([added.key, 12345], later - timedelta(days=1))
    [read] = await store.get(HERE, [added.memory.id])
    assert read == added.memory.model_copy(update={"access_count": 2, "last_accessed_at": later})


# Forgetting


async def test_a_forgotten_memory_is_found_by_nothing_and_comes_back_whole(store: SqliteStore) -> None:
    [added] = await store.add([draft("the safe code is violet", vector=unit(1), tags=("code",))], ENCODER)
    buried = await store.forget("home", added.memory.id, "asked to", "ann")
    assert (buried.status, buried.forget_reason) == ("deleted", "asked to")
    assert await found_by_words(store, "violet") == []
    assert await store.nearest(unit(1), ENCODER, HERE, 5) == []
    assert await store.get(HERE, [added.memory.id]) == []
    assert await store.fetch([added.key]) == {}
    assert (await store.browse(HERE, 5)).memories == []
    assert await store.get(HERE, [added.memory.id], include_deleted=True) == [buried]

    restored = await store.restore("home", added.memory.id, "ann")
    assert restored.model_copy(update={"updated_at": added.memory.updated_at}) == added.memory
    assert await found_by_words(store, "violet") == ["the safe code is violet"]
    assert [near.memory_id for near in await store.nearest(unit(1), ENCODER, HERE, 5)] == [added.memory.id]
    history = await store.revisions("home", added.memory.id)
    assert [(one.number, one.action, one.author) for one in history] == [
        (1, "created", None),
        (2, "forgotten", "ann"),
        (3, "restored", "ann"),
    ]


async def test_what_cannot_be_forgotten_or_restored_says_so(store: SqliteStore) -> None:
    [memory] = await remember(store, "once")
    with pytest.raises(UnknownMemory, match="no memory 'mem_x'"):
        await store.forget("home", "mem_x", "", "")
    with pytest.raises(UnknownMemory, match="'elsewhere'"):
        await store.forget("elsewhere", memory.id, "", "")
    with pytest.raises(UnknownMemory, match="not forgotten"):
        await store.restore("home", memory.id, "")
    await store.forget("home", memory.id, "", "")
    with pytest.raises(UnknownMemory, match="already forgotten"):
        await store.forget("home", memory.id, "", "")


async def test_a_tombstone_whose_words_were_remembered_again_stays_one(store: SqliteStore) -> None:
    [memory] = await remember(store, "twice")
    await store.forget("home", memory.id, "", "")
    [again] = await remember(store, "twice")
    assert again.id != memory.id
    with pytest.raises(InvalidRequest, match=again.id):
        await store.restore("home", memory.id, "")


async def test_a_memory_with_links_can_be_erased(store: SqliteStore) -> None:
    first, second = await remember(store, "one end", "other end")
    await store.associate(link(first.id, second.id))
    erased = await store.erase("home", first.id, "ann")
    assert erased == first
    assert await store.all_associations("home") == []
    assert await store.keys_of([first.id, second.id]) == {second.id: (await store.keys_of([second.id]))[second.id]}
    with pytest.raises(UnknownMemory):
        await store.revisions("home", first.id)
    with pytest.raises(UnknownMemory):
        await store.erase("home", first.id, "ann")


async def test_a_tombstone_can_be_erased_and_its_key_is_never_used_again(store: SqliteStore) -> None:
    [added] = await store.add([draft("gone", vector=unit(3))], ENCODER)
    await store.forget("home", added.memory.id, "", "")
    await store.erase("home", added.memory.id, "")
    [again] = await store.add([draft("gone", vector=unit(3))], ENCODER)
    assert again.outcome == "created"
    assert again.key > added.key


# Reading


async def test_browsing_is_newest_first_across_workspaces_in_pages(store: SqliteStore) -> None:
    for number in range(7):
        await store.add([draft(f"m{number}", number, workspace_id=("home", "_global")[number % 2])], None)
    pages = [await store.browse(EVERYWHERE, 3, offset) for offset in (0, 3, 6)]
    assert [memory.content for page in pages for memory in page.memories] == [f"m{n}" for n in range(6, -1, -1)]
    assert {page.total for page in pages} == {7}
    assert (await store.browse(Filter(workspaces=("nowhere",)), 3)).total == 0


async def test_important_memories_come_heaviest_first(store: SqliteStore) -> None:
    weights = (0.2, 0.9, 0.9, 0.5)
    await store.add([draft(f"m{n}", n, importance=weight) for n, weight in enumerate(weights)], None)
    assert [memory.content for memory in await store.important(HERE, 3)] == ["m2", "m1", "m3"]


async def test_memories_come_in_the_order_asked(store: SqliteStore) -> None:
    memories = await remember(store, "a", "b", "c")
    ids = [memories[2].id, "mem_unknown", memories[0].id, memories[2].id]
    keys = await store.keys_of(ids)
    assert [memory.content for memory in await store.get(HERE, ids)] == ["c", "a"]
    assert [memory.content for memory in (await store.fetch([keys[ids[2]], keys[ids[0]]])).values()] == ["a", "c"]
    assert await store.get(Filter(workspaces=("elsewhere",)), ids) == []


async def test_neighbours_are_those_of_the_same_session_that_still_live(store: SqliteStore) -> None:
    added = await store.add(
        [draft(f"m{n}", n, session_id="s" if n != 2 else "t", context_id="c") for n in range(6)], None
    )
    await store.forget("home", added[3].memory.id, "", "")
    around = await store.neighbours([added[4].key, added[2].key], 2)
    assert [(place, memory.content) for place, memory in around[added[4].key]] == [(-2, "m0"), (-1, "m1"), (1, "m5")]
    assert around[added[2].key] == []


async def test_a_named_context_gives_neighbours_and_the_default_one_does_not(store: SqliteStore) -> None:
    named = await store.add([draft("a", context_id="plan"), draft("b", context_id="plan")], None)
    plain = await store.add([draft("c"), draft("d")], None)
    around = await store.neighbours([named[0].key, plain[0].key], 1)
    assert [memory.content for _, memory in around[named[0].key]] == ["b"]
    assert around[plain[0].key] == []


# Associations


async def test_a_link_written_again_changes_its_strength(store: SqliteStore) -> None:
    first, second = await remember(store, "a", "b")
    edge, new = await store.associate(link(first.id, second.id, strength=0.3))
    again, new_again = await store.associate(link(first.id, second.id, strength=0.8, metadata={"why": "said so"}))
    assert (new, new_again) == (True, False)
    assert edge.id.startswith("assoc_")
    assert len(edge.id) == len("assoc_") + 16
    assert again.id == edge.id
    assert await store.associations(HERE, [first.id]) == [again]
    assert again.strength == 0.8


async def test_links_are_found_by_direction_strongest_first_and_only_between_the_living(store: SqliteStore) -> None:
    a, b, c, d = await remember(store, "a", "b", "c", "d")
    for source, target, strength in ((a, b, 0.2), (c, a, 0.9), (a, d, 0.5)):
        await store.associate(link(source.id, target.id, strength=strength))
    ends = {
        direction: [(edge.source_id, edge.target_id) for edge in await store.associations(HERE, [a.id], direction)]
        for direction in ("outgoing", "incoming", "both")
    }
    assert ends["outgoing"] == [(a.id, d.id), (a.id, b.id)]
    assert ends["incoming"] == [(c.id, a.id)]
    assert ends["both"] == [(c.id, a.id), (a.id, d.id), (a.id, b.id)]
    assert len(await store.associations(HERE, [a.id], limit=1)) == 1
    await store.forget("home", d.id, "", "")
    assert len(await store.associations(HERE, [a.id])) == 2
    assert len(await store.all_associations("home")) == 3
    await store.restore("home", d.id, "")
    assert len(await store.associations(HERE, [a.id])) == 3


async def test_a_link_needs_both_ends_alive_in_the_workspace_or_the_global_one(store: SqliteStore) -> None:
    [here] = await remember(store, "here")
    [shared] = await remember(store, "shared", workspace_id="_global")
    [foreign] = await remember(store, "foreign", workspace_id="elsewhere")
    await store.associate(link(here.id, shared.id))
    for target in (foreign.id, "mem_nobody"):
        with pytest.raises(UnknownMemory, match=target):
            await store.associate(link(here.id, target))
    assert len(await store.associations(EVERYWHERE, [here.id])) == 1
    assert await store.associations(HERE, [here.id]) == []


async def test_removed_links_are_counted_and_links_come_in_pages_by_id(store: SqliteStore) -> None:
    memories = await remember(store, *"abcde")
    edges = [(await store.associate(link(memories[0].id, one.id)))[0] for one in memories[1:]]
    listed = await store.all_associations("home", limit=3)
    rest = await store.all_associations("home", after=listed[-1].id, limit=3)
    assert [edge.id for edge in listed + rest] == sorted(edge.id for edge in edges)
    assert await store.dissociate([edges[0].id, "assoc_x", edges[1].id], "ann") == 2
    assert len(await store.all_associations("home")) == 2


# Vectors


async def test_pending_memories_are_embedded_later_oldest_first(store: SqliteStore) -> None:
    memories = await remember(store, "a", "b", "c")
    waiting = await store.unembedded(ENCODER, 2)
    assert [row.content for row in waiting] == ["a", "b"]
    stale = Unembedded(waiting[1].key, waiting[1].memory_id, "something else")
    assert await store.set_vectors(ENCODER, [(waiting[0], unit(1)), (stale, unit(2))]) == 1
    assert [row.content for row in await store.unembedded(ENCODER, 5)] == ["b", "c"]
    assert [near.memory_id for near in await store.nearest(unit(1), ENCODER, HERE, 5)] == [memories[0].id]


async def test_what_could_not_be_embedded_is_not_asked_for_again(store: SqliteStore) -> None:
    [memory] = await remember(store, "unreadable")
    [row] = await store.unembedded(ENCODER, 5)
    assert await store.set_vectors(ENCODER, [(row, None)]) == 0
    assert await store.unembedded(ENCODER, 5) == []
    assert await store.unembedded(ENCODER, 5, pending_only=False) == []
    assert (await store.get(HERE, [memory.id]))[0].embedding_state == "failed"


async def test_two_encoders_live_side_by_side_and_never_mix(store: SqliteStore) -> None:
    added = await store.add([draft(f"m{n}", n, vector=unit(n)) for n in range(3)], ENCODER)
    for row in await store.unembedded(OTHER, 2, pending_only=False):
        await store.set_vectors(OTHER, [(row, unit(row.key, 8))])
    coverage = {one.identity: (one.embedded, one.active) for one in await store.encoders()}
    assert coverage == {ENCODER: (3, True), OTHER: (2, False)}
    assert len(await store.nearest(unit(1, 8), OTHER, HERE, 9)) == 2
    assert len(await store.nearest(unit(1), ENCODER, HERE, 9)) == 3
    await store.activate_encoder(OTHER)
    assert await store.drop_encoder(ENCODER) == 3
    assert await store.nearest(unit(1), ENCODER, HERE, 9) == []
    assert [one.identity for one in await store.encoders()] == [OTHER]
    assert [row.key for row in await store.unembedded(OTHER, 9)] == [added[2].key]
    assert await store.drop_encoder(ENCODER) == 0


# The whole


async def test_counts_say_what_a_workspace_holds(store: SqliteStore) -> None:
    now = EPOCH + timedelta(days=40)
    added = await store.add(
        [
            draft("a", tags=("x", "y"), author="ann", created_at=now),
            draft("b", tags=("x",), author="ann", subtype="fix", created_at=now - timedelta(days=400)),
            draft("c", type="episodic", created_at=now),
            draft("elsewhere", workspace_id="other"),
        ],
        None,
    )
    await store.forget("home", added[2].memory.id, "", "")
    await store.associate(link(added[0].memory.id, added[1].memory.id))
    counts = await store.counts("home", now)
    assert (counts.memories, counts.associations, counts.contexts) == (2, 1, 1)
    assert (counts.oldest, counts.newest) == (now - timedelta(days=400), now)
    assert counts.by_type == {"semantic": 2}
    assert counts.by_subtype == {"fix": 1}
    assert counts.by_status == {"active": 2, "deleted": 1}
    assert counts.by_tag == {"x": 2, "y": 1}
    assert counts.by_author == {"ann": 2}
    assert counts.by_age == {"today": 1, "older": 1}
    assert counts.by_relationship == {"related_to": 1}
    state = await store.state()
    assert (state.workspaces, state.memories, state.schema_version) == (2, 3, max(migrations()))
    assert state.size_bytes > 0
    assert "SQLite 3." in state.engine
    assert "sqlite-vec" in state.engine
    assert (await store.counts("nowhere", now)).memories == 0


async def test_a_workspace_is_made_once_with_its_default_context(store: SqliteStore) -> None:
    made = await store.ensure_workspace("home", "Home")
    assert await store.ensure_workspace("home", "Another name") == made
    assert made.name == "Home"
    assert await store.workspace("nowhere") is None
    assert [one.id for one in await store.workspaces()] == ["home"]
    assert [context.id for context in await store.contexts("home")] == ["_default"]


async def test_indexes_made_anew_find_what_they_found_before(store: SqliteStore) -> None:
    added = await store.add(
        [draft(f"memory number {n} of 東京", n, vector=unit(n), session_id="s") for n in range(20)], ENCODER
    )
    await store.forget("home", added[3].memory.id, "", "")
    before = await store.keyword_candidates(("number", "京", "7"), HERE, 50)
    near = await store.nearest(unit(5), ENCODER, HERE, 10)
    await store.rebuild_indexes()
    after = await store.keyword_candidates(("number", "京", "7"), HERE, 50)
    assert after.scores == pytest.approx(before.scores)
    assert await store.nearest(unit(5), ENCODER, HERE, 10) == near


async def test_damaged_indexes_are_reported_and_mended(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db", vector_cache_bytes=0)
    await store.add([draft(f"m{n}", n, vector=unit(n)) for n in range(5)], ENCODER)
    for damage in (
        "DELETE FROM vec_1 WHERE rowid IN (SELECT key FROM memories LIMIT 2)",
        "DELETE FROM memories_fts_docsize",
        "UPDATE workspaces SET live = 77",
    ):
        store._database.write_now(lambda connection, text=damage: connection.run(text))
    findings = " ".join(await store.integrity())
    assert "vector index of test holds 3 of 5" in findings
    assert "keyword index" in findings
    assert "count of memories" in findings
    await store.rebuild_indexes()
    assert await store.integrity() == []
    assert len(await store.nearest(unit(1), ENCODER, HERE, 9)) == 5
    await store.close()


async def test_events_name_what_was_done_and_hold_no_text(store: SqliteStore) -> None:
    [added] = await store.add([draft("a secret")], None)
    await store.forget("home", added.memory.id, "", "ann")
    await store.record_event("home", "recall", "query", "ann", {"results": 3})
    rows = store._database.read_now(lambda connection: connection.rows("SELECT action, resource, detail FROM events"))
    assert [action for action, _, _ in rows] == ["memory.remember", "memory.forget", "recall"]
    assert rows[0][1] == added.memory.id
    assert "secret" not in str(rows)


# Between stores


async def test_memories_links_and_history_move_between_stores_without_loss(store: SqliteStore, tmp_path: Path) -> None:
    added = await store.add(
        [draft(f"m{n} quarterly", n, vector=unit(n), session_id="s", tags=("t",)) for n in range(5)], ENCODER
    )
    await store.add([draft("m1 quarterly", 90)], None)
    await store.forget("home", added[4].memory.id, "old", "ann")
    edge, _ = await store.associate(link(added[0].memory.id, added[1].memory.id, strength=0.7))
    first = await store.scan(None, limit=3)
    second = await store.scan("home", after=first[-1][0], limit=3)
    items = [portable for _, portable in first + second]

    target = SqliteStore(tmp_path / "target" / "memory.db")
    assert await target.transplant(items, ENCODER) == ["imported"] * 5
    assert await target.transplant(items, ENCODER) == ["present"] * 5
    assert await target.transplant_associations([edge, edge]) == ["imported", "present"]
    dangling = edge.model_copy(update={"id": "assoc_2", "target_id": "mem_gone"})
    assert await target.transplant_associations([dangling]) == ["dangling"]
    moved = [portable for _, portable in await target.scan(None)]
    assert [one.memory for one in moved] == [one.memory for one in items]
    assert [one.revisions for one in moved] == [one.revisions for one in items]
    assert all(np.array_equal(a.vector, b.vector) for a, b in zip(moved, items, strict=True))
    assert await target.all_associations("home") == [edge]
    assert [near.memory_id for near in await target.nearest(unit(2), ENCODER, HERE, 1)] == [added[2].memory.id]
    assert len(await found_by_words(target, "quarterly")) == 4
    restored = await target.restore("home", added[4].memory.id, "")
    assert restored.content == "m4 quarterly"
    assert await target.integrity() == []
    await target.close()


async def test_a_foreign_memory_with_the_same_words_is_left_out(store: SqliteStore) -> None:
    [memory] = await remember(store, "known already")
    copy = memory.model_copy(update={"id": "mem_00000000000000ff"})
    assert await store.transplant([Portable(copy)], None) == ["present"]
    other = copy.model_copy(update={"content": "new", "content_hash": "n"})
    assert await store.transplant([Portable(other)], None) == ["imported"]
    [revision] = await store.revisions("home", other.id)
    assert (revision.action, revision.snapshot["content"]) == ("imported", "new")
    assert [row.content for row in await store.unembedded(ENCODER, 9)] == ["known already", "new"]


# Conduct


async def test_many_writes_and_reads_at_once_all_succeed(store: SqliteStore) -> None:
    async with anyio.create_task_group() as group:
        for number in range(40):
            group.start_soon(store.add, [draft(f"m{number}", number)], None)
            group.start_soon(store.browse, HERE, 5)
    assert (await store.browse(HERE, 1)).total == 40


async def test_a_caller_who_gives_up_leaves_nothing_behind(store: SqliteStore) -> None:
    for number in range(25):
        with anyio.move_on_after(0.0002 * (number % 5)):
            await store.add([draft(f"m{number}", number)], None)
        with anyio.move_on_after(0.0002 * (number % 3)):
            await store.browse(HERE, 5)
    [added] = await store.add([draft("afterwards", 99)], None)
    assert (await store.browse(HERE, 1)).memories == [added.memory]
    assert store._database._idle.qsize() == 4


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db")
    await store.open()
    await store.open()
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="has been closed"):
        await store.browse(HERE, 1)

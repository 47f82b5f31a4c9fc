"""Searching: exact against a full scan, literal against every operator, and current against other processes."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.errors import EncoderMismatch
from mcp_memory.models.search import NO_KEYWORDS, Filter
from mcp_memory.storage.sqlite import SqliteStore, plan, scans, vectors
from mcp_memory.text import keyword_terms
from tests.integration.store_support import ENCODER, EPOCH, HERE, OTHER, draft, finish, start, unit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio
MIB = 1024 * 1024
BOTH = ("home", "_global")


@pytest.fixture(params=[64 * MIB, 0], ids=["in memory", "on disk"])
async def store(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "memory.db", durability="normal", vector_cache_bytes=request.param)
    yield store
    assert await store.integrity() == []
    await store.close()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteStore]:
    """One store for all examples of a property."""
    store = SqliteStore(tmp_path_factory.mktemp("shelf") / "memory.db", durability="normal")
    yield store
    anyio.run(store.close)


async def words_find(store: SqliteStore, query: str, where: Filter = HERE) -> list[str]:
    hits = await store.keyword_candidates(keyword_terms(query), where, 50)
    return [memory.content for memory in (await store.fetch(list(hits.scores))).values()]


# By words


async def test_words_are_found_in_any_inflection_and_case(store: SqliteStore) -> None:
    await store.add([draft("Deployments were failing on Mondays"), draft("unrelated")], None)
    assert await words_find(store, "DEPLOY failed monday") == ["Deployments were failing on Mondays"]


async def test_an_identifier_is_found_as_a_whole_and_is_rare(store: SqliteStore) -> None:
    texts = [f"error ERR-{number} in job {number}" for number in range(4000, 4040)]
    await store.add([draft(text, n) for n, text in enumerate(texts)], None)
    hits = await store.keyword_candidates(keyword_terms("what was ERR-4031?"), HERE, 50)
    memories = await store.fetch(list(hits.scores))
    assert next(iter(memories.values())).content == "error ERR-4031 in job 4031"
    assert [memories[key].content for key in hits.exact] == ["error ERR-4031 in job 4031"]
    assert hits.frequencies["err-4031"] == pytest.approx(1 / 40)
    assert hits.frequencies["err"] == pytest.approx(1.0)
    assert hits.total == 40


@pytest.mark.parametrize("text", ["东京的天气很好", "明日は会議があります", "오늘 회의가 있습니다"])
async def test_text_without_spaces_is_found_by_a_part_of_it(store: SqliteStore, text: str) -> None:
    await store.add([draft(text), draft("something else")], None)
    assert await words_find(store, text[2:5]) == [text]


async def test_words_said_just_before_in_the_session_count_less(store: SqliteStore) -> None:
    said = ["Shall we paint the kitchen green?", "Yes, on Friday.", "kitchen green"]
    await store.add([draft(text, n, session_id="s" if n < 2 else "") for n, text in enumerate(said)], None)
    assert (await words_find(store, "kitchen"))[-1] == "Yes, on Friday."
    hits = await store.keyword_candidates(("kitchen",), HERE, 50)
    assert hits.frequencies["kitchen"] == pytest.approx(2 / 3)
    assert len(hits.scores) == 3
    assert hits.exact == frozenset()
    assert len((await store.keyword_candidates(("friday",), HERE, 50)).exact) == 1


async def test_a_forgotten_memory_is_no_longer_quoted_by_its_neighbours(store: SqliteStore) -> None:
    added = await store.add([draft(text, n, session_id="s") for n, text in enumerate(("zebra", "b", "c", "d"))], None)
    assert len(await words_find(store, "zebra")) == 3
    await store.forget("home", added[0].memory.id, "", "")
    assert await words_find(store, "zebra") == []
    await store.restore("home", added[0].memory.id, "")
    assert len(await words_find(store, "zebra")) == 3


OPERATORS = [
    '"',
    "'",
    "*",
    "^",
    "(",
    ")",
    "{",
    "}",
    ":",
    "-",
    "+",
    "AND",
    "OR",
    "NOT",
    "NEAR",
    "content:",
    "%",
    "_",
    "\\",
]


@settings(max_examples=120, deadline=None)
@given(
    query=st.lists(st.sampled_from([*OPERATORS, "fox", "東京", "é", "\u200b", "😀"]) | st.text(max_size=12), max_size=8)
)
def test_no_query_is_ever_an_operator_or_an_error(shelf: SqliteStore, query: list[str]) -> None:
    terms = [*query, " ".join(query), "".join(query)]
    hits = anyio.run(shelf.keyword_candidates, terms, HERE, 10)
    assert all(0 <= share <= 1 for share in hits.frequencies.values())
    assert set(hits.frequencies) == set(terms)


@settings(max_examples=60, deadline=None)
@given(words=st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=1, max_size=5))
def test_every_memory_is_found_by_each_of_its_words(shelf: SqliteStore, words: list[str]) -> None:
    text = " ".join(words)
    anyio.run(shelf.add, [draft(text)], None)
    for word in words:
        hits = anyio.run(shelf.keyword_candidates, [word], HERE, 100_000)
        keys = anyio.run(shelf.fetch, list(hits.scores))
        assert text in {memory.content for memory in keys.values()}


@settings(max_examples=60, deadline=None)
@given(tag=st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20))
def test_a_tag_is_matched_literally_whatever_it_holds(shelf: SqliteStore, tag: str) -> None:
    anyio.run(shelf.add, [draft(f"tagged {tag!r}", tags=(tag,))], None)
    page = anyio.run(shelf.browse, Filter(workspaces=("home",), tags=(tag,)), 1000)
    assert f"tagged {tag!r}" in {memory.content for memory in page.memories}
    assert all(tag in memory.tags for memory in page.memories)


async def test_percent_and_underscore_in_a_tag_match_only_themselves(store: SqliteStore) -> None:
    for tag in ("a_b", "axb", "a%b", "50%"):
        await store.add([draft(f"tag {tag}", tags=(tag,))], None)
    for tag in ("a_b", "a%b"):
        page = await store.browse(Filter(workspaces=("home",), tags=(tag,)), 10)
        assert [memory.content for memory in page.memories] == [f"tag {tag}"]


async def test_in_a_large_store_the_best_matches_are_those_of_a_full_ranking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "memory.db", durability="normal")
    dice = random.Random(4)
    vocabulary = [f"word{number}" for number in range(300)]
    shares = [1 / (rank + 1) for rank in range(300)]
    texts = [" ".join(dice.choices(vocabulary, shares, k=12)) + f" n{n}" for n in range(3000)]
    await store.add([draft(text, n) for n, text in enumerate(texts)], None)
    queries = [tuple(dict.fromkeys(dice.choices(vocabulary, shares, k=5))) for _ in range(20)]
    full = [await store.keyword_candidates(query, HERE, 100) for query in queries]
    monkeypatch.setattr(plan, "SCORED", 300)
    shared = []
    for query, expected in zip(queries, full, strict=True):
        planned = await store.keyword_candidates(query, HERE, 100)
        common = set(planned.scores) & set(expected.scores)
        assert {key: planned.scores[key] for key in common} == pytest.approx(
            {key: expected.scores[key] for key in common}
        )
        worst = sorted(expected.scores.values(), reverse=True)[9]
        best = {key for key, score in expected.scores.items() if score > worst}
        shared.append(len(best & set(planned.scores)) / len(best) if best else 1.0)
    assert sum(shared) / len(shared) > 0.95
    await store.close()


# By meaning


async def test_the_nearest_are_those_of_a_full_scan(store: SqliteStore) -> None:
    await store.add([draft(f"m{n}", n, vector=unit(n), workspace_id=BOTH[n % 2]) for n in range(300)], ENCODER)
    query = unit(12345)
    expected = sorted(range(300), key=lambda n: -float(unit(n) @ query))[:20]
    near = await store.nearest(query, ENCODER, Filter(workspaces=BOTH), 20)
    assert [one.content for one in near] == [f"m{n}" for n in expected]
    assert [one.cosine for one in near] == pytest.approx([float(unit(n) @ query) for n in expected], abs=1e-5)


FILTERS = [
    Filter(workspaces=("home",), tags=("even",)),
    Filter(workspaces=("home",), tags=("even", "third")),
    Filter(workspaces=BOTH, author="ann"),
    Filter(workspaces=BOTH, user_id="u3", subject_id="", observer_id=""),
    Filter(workspaces=("home",), session_id="s1"),
    Filter(workspaces=("home",), context_id="c2"),
    Filter(workspaces=("home",), types=("episodic",), subtypes=("fix", "error")),
    Filter(
        workspaces=("home",), created_after=EPOCH + timedelta(seconds=50), created_before=EPOCH + timedelta(seconds=52)
    ),
    Filter(workspaces=("home", "nowhere", "home"), include_archived=True),
    Filter(workspaces=("nowhere",)),
]


def passes(where: Filter, number: int, fields: dict[str, object]) -> bool:
    """The filter, said once more in Python."""
    moment = EPOCH + timedelta(seconds=number)
    labels = ("context_id", "session_id", "user_id", "author")
    return (
        fields["workspace_id"] in where.workspaces
        and all(getattr(where, label) in ("", fields[label]) for label in labels)
        and (not where.types or fields["type"] in where.types)
        and (not where.subtypes or fields["subtype"] in where.subtypes)
        and set(where.tags) <= set(fields["tags"])
        and (where.created_after is None or moment >= where.created_after)
        and (where.created_before is None or moment < where.created_before)
    )


@pytest.mark.parametrize("where", FILTERS, ids=str)
async def test_every_search_answers_within_its_filter_and_finds_all_that_pass(
    store: SqliteStore, where: Filter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scans, "PROBES", (1, 2))
    fields = [
        {
            "workspace_id": BOTH[n % 5 == 0],
            "author": ("ann", "bob")[n % 2],
            "user_id": f"u{n % 7}",
            "session_id": f"s{n % 4}" if n % 3 else "",
            "context_id": f"c{n % 3}",
            "type": ("semantic", "episodic")[n % 2],
            "subtype": ("fix", "error", "")[n % 3],
            "tags": (*(["even"] if n % 2 == 0 else []), *(["third"] if n % 3 == 0 else [])),
        }
        for n in range(120)
    ]
    drafts = [draft(f"memory m{n}", n, vector=unit(n), **one) for n, one in enumerate(fields)]
    await store.add(drafts, ENCODER)
    expected = {f"memory m{n}" for n, one in enumerate(fields) if passes(where, n, one)}
    query = unit(99)

    assert {memory.content for memory in (await store.browse(where, 200)).memories} == expected
    assert (await store.browse(where, 0)).total == len(expected)
    assert {memory.content for memory in await store.important(where, 200)} == expected
    assert {one.content for one in await store.nearest(query, ENCODER, where, 200)} == expected
    top = [one.content for one in await store.nearest(query, ENCODER, where, 5)]
    ranked = sorted(expected, key=lambda text: -float(unit(int(text[8:])) @ query))
    assert top == ranked[:5]
    hits = await store.keyword_candidates(("memory",), where, 200)
    assert {memory.content for memory in (await store.fetch(list(hits.scores))).values()} == expected
    candidates = await store.candidates(query, ENCODER, hits, where, 5)
    assert {one.key for one in candidates} == set(hits.scores)


async def test_excluded_memories_are_not_found(store: SqliteStore) -> None:
    added = await store.add([draft(f"memory m{n}", n, vector=unit(n)) for n in range(6)], ENCODER)
    without = Filter(workspaces=("home",), exclude_ids=(added[0].memory.id, "mem_x", added[4].memory.id))
    expected = {f"memory m{n}" for n in (1, 2, 3, 5)}
    assert {one.content for one in await store.nearest(unit(0), ENCODER, without, 9)} == expected
    assert set(await words_find(store, "memory", without)) == expected
    assert (await store.browse(without, 9)).total == 4


async def test_archived_memories_are_found_only_when_asked_for(store: SqliteStore) -> None:
    added = await store.add([draft(f"memory m{n}", n, vector=unit(n)) for n in range(4)], ENCODER)
    await store.nearest(unit(0), ENCODER, HERE, 9)
    archive = "UPDATE memories SET status = 'archived', change = (SELECT change + 1 FROM meta) WHERE key = ?"
    store._database.write_now(
        lambda connection: [
            connection.run(archive, (added[1].key,)),
            connection.run("UPDATE meta SET change = change + 1"),
        ]
    )
    everything = Filter(workspaces=("home",), include_archived=True)
    for where, expected in ((HERE, 3), (everything, 4)):
        assert len(await store.nearest(unit(0), ENCODER, where, 9)) == expected
        assert len(await words_find(store, "memory", where)) == expected
        assert (await store.browse(where, 9)).total == expected
        hits = await store.keyword_candidates(("memory",), where, 9)
        assert len(await store.candidates(unit(0), ENCODER, hits, where, 9)) == expected
    [again] = await store.add([draft("memory m1", 50)], None)
    assert (again.outcome, again.memory.status) == ("confirmed", "active")
    assert len(await store.nearest(unit(0), ENCODER, HERE, 9)) == 4


async def test_a_candidate_brings_all_that_ranking_wants_to_know(store: SqliteStore) -> None:
    when = EPOCH - timedelta(days=1)
    await store.add(
        [
            draft("Where is the blue folder?", author="ann", session_id="s", importance=0.8, vector=unit(1)),
            draft("In the attic, I think", context_id="c", occurred_at=when, vector=unit(2)),
            draft("folder without a vector"),
        ],
        ENCODER,
    )
    hits = await store.keyword_candidates(("folder", "blue"), HERE, 10)
    found = {one.group: one for one in await store.candidates(unit(2), ENCODER, hits, HERE, 10)}
    question, answer, bare = found["s/"], found["/c"], found[""]
    assert (question.author, question.words, question.importance) == ("ann", 5, 0.8)
    assert question.short_question
    assert question.exact
    assert question.keyword > 0
    assert question.cosine == pytest.approx(float(unit(1) @ unit(2)), abs=1e-5)
    assert question.moment == EPOCH
    assert (answer.moment, answer.cosine, answer.keyword) == (when, pytest.approx(1.0, abs=1e-5), 0.0)
    assert not answer.exact
    assert bare.cosine is None
    by_words = await store.candidates(None, None, hits, HERE, 10)
    assert {one.key for one in by_words} == set(hits.scores)
    assert {one.cosine for one in by_words} == {None}


async def test_an_unknown_encoder_or_a_vector_of_another_size_is_no_search(store: SqliteStore) -> None:
    await store.add([draft("a", vector=unit(1))], ENCODER)
    assert await store.nearest(unit(1, 8), OTHER, HERE, 5) == []
    assert await store.candidates(unit(1, 8), OTHER, NO_KEYWORDS, HERE, 5) == []
    with pytest.raises(EncoderMismatch, match="16"):
        await store.nearest(unit(1, 8), ENCODER, HERE, 5)


async def test_vectors_are_given_by_id_for_those_that_have_one_of_the_encoder(store: SqliteStore) -> None:
    added = await store.add([draft(f"number {n}", n, vector=unit(n)) for n in range(3)], ENCODER)
    ids = [one.memory.id for one in added]
    [without] = [one.memory.id for one in await store.add([draft("without")], None)]
    await store.add([draft("of another", vector=unit(9, 8))], OTHER)
    await store.erase("home", ids[1], "")
    found = await store.vectors(ENCODER, [ids[2], without, "mem_unknown", ids[1], ids[0], ids[0]])
    assert list(found) == [ids[2], ids[0]]
    for number in (0, 2):
        assert found[ids[number]].dtype == np.float32
        np.testing.assert_array_equal(found[ids[number]], unit(number))
    assert await store.vectors(OTHER, ids) == {}
    assert await store.vectors(EncoderIdentity("never used", "1", 16), ids) == {}
    assert await store.vectors(ENCODER, []) == {}


async def test_the_matrix_in_memory_follows_every_change(store: SqliteStore) -> None:
    dice = random.Random(8)
    alive: dict[str, int] = {}
    buried: dict[str, int] = {}
    for step in range(250):
        deed = dice.choice(["add", "add", "forget", "restore", "erase", "embed"])
        if deed == "add":
            made = draft(f"m{step}", step, vector=unit(step) if step % 3 else None)
            [added] = await store.add([made], ENCODER)
            alive[added.memory.id] = step
        elif deed == "embed":
            rows = await store.unembedded(ENCODER, 2)
            await store.set_vectors(ENCODER, [(row, unit(int(row.content[1:]))) for row in rows])
        elif deed == "restore" and buried:
            one = dice.choice(sorted(buried))
            await store.restore("home", one, "")
            alive[one] = buried.pop(one)
        elif deed == "forget" and alive:
            one = dice.choice(sorted(alive))
            await store.forget("home", one, "", "")
            buried[one] = alive.pop(one)
        elif deed == "erase" and alive and step % 4 == 0:
            one = dice.choice(sorted(alive))
            await store.erase("home", one, "")
            del alive[one]
        pending = {row.memory_id for row in await store.unembedded(ENCODER, 999)}
        query = unit(step + 1000)
        near = await store.nearest(query, ENCODER, HERE, 999)
        expected = {one: float(unit(number) @ query) for one, number in alive.items() if one not in pending}
        assert {one.memory_id: one.cosine for one in near} == pytest.approx(expected, abs=1e-5)


async def test_a_matrix_is_packed_when_most_of_it_is_gone(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db", durability="normal")
    added = await store.add([draft(f"m{n}", n, vector=unit(n)) for n in range(900)], ENCODER)
    await store.nearest(unit(0), ENCODER, HERE, 1)
    for one in added[:600]:
        await store.forget("home", one.memory.id, "", "")
    near = await store.nearest(unit(700), ENCODER, HERE, 999)
    assert len(near) == 300
    assert near[0].content == "m700"
    [matrix] = store._vectors._ready.values()
    assert len(matrix.rows()[1]) == 300
    await store.close()


async def test_a_large_workspace_answers_at_once_and_the_same_before_and_after_it_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "LOADED_AT_ONCE", 100)
    path = tmp_path / "memory.db"
    store = SqliteStore(path, durability="normal")
    await store.add([draft(f"m{n}", n, vector=unit(n)) for n in range(400)], ENCODER)
    first = await store.nearest(unit(5000), ENCODER, HERE, 20)
    with anyio.fail_after(10):
        while not store._vectors._ready:
            await anyio.sleep(0.01)
    await store.add([draft("m5000", 500, vector=unit(5000))], ENCODER)
    then = await store.nearest(unit(5000), ENCODER, HERE, 21)
    assert [one.key for one in then[1:]] == [one.key for one in first]
    assert then[0].content == "m5000"
    await store.close()


async def test_vectors_beyond_the_budget_are_searched_on_disk_and_the_least_used_make_room(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "memory.db", durability="normal", vector_cache_bytes=30_000)
    for place in ("home", "two", "three"):
        await store.add([draft(f"m{n}", n, vector=unit(n), workspace_id=place) for n in range(200)], ENCODER)
        near = await store.nearest(unit(7), ENCODER, Filter(workspaces=(place,)), 1)
        assert [one.content for one in near] == ["m7"]
    assert len(store._vectors._ready) == 1
    await store.add([draft(f"n{n}", n, vector=unit(n)) for n in range(1000)], ENCODER)
    assert [one.content for one in await store.nearest(unit(999), ENCODER, HERE, 1)] == ["n999"]
    await store.close()


async def test_a_write_of_another_process_is_found_by_the_very_next_search(store: SqliteStore) -> None:
    [mine] = await store.add([draft("mine", vector=unit(1))], ENCODER)
    await store.nearest(unit(1), ENCODER, HERE, 5)
    await words_find(store, "theirs")
    finish(
        start(
            store.path,
            """
store = SqliteStore(path)
await store.add([draft("theirs", 5, vector=unit(2))], ENCODER)
await store.erase("home", arguments, "")
await store.close()
""",
            mine.memory.id,
        )
    )
    assert [one.content for one in await store.nearest(unit(1), ENCODER, HERE, 5)] == ["theirs"]
    assert await words_find(store, "theirs") == ["theirs"]


async def test_two_open_stores_see_each_others_writes_in_turn(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    one, two = SqliteStore(path), SqliteStore(path)
    for number in range(20):
        writer, reader = (one, two) if number % 2 else (two, one)
        [added] = await writer.add([draft(f"m{number}", number, vector=unit(number))], ENCODER)
        near = await reader.nearest(unit(number), ENCODER, HERE, 99)
        assert near[0].memory_id == added.memory.id
        assert len(near) == number + 1
        hits = await reader.keyword_candidates((f"m{number}",), HERE, 5)
        assert list(hits.scores) == [added.key]
    await one.close()
    await two.close()


def test_the_products_of_both_ways_are_the_same() -> None:
    rows = np.stack([unit(n) for n in range(50)])
    assert scans._products(rows, unit(3)) == pytest.approx(rows @ unit(3), abs=1e-6)

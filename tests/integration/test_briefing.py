"""The briefing, from a real store and without any encoder."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from mcp_memory.core.briefing import briefing
from mcp_memory.core.indexing import Indexer
from mcp_memory.core.rendering import as_text
from mcp_memory.core.resources import Resources, Scope
from mcp_memory.models.association import Association
from mcp_memory.models.briefing import Briefing, BriefingRequest
from mcp_memory.models.search import Draft
from mcp_memory.models.session import Session, WorkingEntry
from mcp_memory.storage.sqlite.store import SqliteStore
from mcp_memory.text import content_hash, estimate_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)
HERE = Scope("kitchen")


class NoEncoder:
    """An embedder that must not be asked."""

    name = "none"
    identity = None
    state = "idle"
    failure = ""

    def start(self) -> NoReturn:
        raise AssertionError("a briefing loads no model")

    async def embed(self, texts: object, *, patience: float) -> NoReturn:
        raise AssertionError("a briefing embeds nothing")

    async def close(self) -> None:
        pass


class Window:
    """A workspace as the next window finds it."""

    def __init__(self, store: SqliteStore) -> None:
        self.resources = Resources(store, Indexer(store, NoEncoder()), now=lambda: NOW)

    async def note(self, content: str, minutes_ago: float = 5, workspace_id: str = "kitchen", **more: Any) -> str:
        given = {"type": "semantic", "created_at": NOW - timedelta(minutes=minutes_ago)} | more
        draft = Draft(workspace_id=workspace_id, content=content, content_hash=content_hash(content), **given)
        [added] = await self.resources.store.add([draft], None)
        return added.memory.id

    async def start(self, name: str, user_id: str | None = None, workspace_id: str = "kitchen") -> Session:
        begun = {"created_at": NOW - timedelta(hours=1), "touched_at": NOW, "expires_at": NOW + timedelta(hours=1)}
        session = Session(id=name, workspace_id=workspace_id, user_id=user_id, **begun)
        return await self.resources.store.start_session(session)

    async def hold(self, session: Session, key: str, value: Any, **more: Any) -> None:
        entry = WorkingEntry(session_id=session.id, key=key, value=value, created_at=NOW, updated_at=NOW, **more)
        await self.resources.store.set_working(entry, 100)

    async def link(self, source: str, relationship: str, target: str) -> None:
        edge = {"id": "", "workspace_id": "kitchen", "source_id": source, "target_id": target}
        moments = {"created_at": NOW, "updated_at": NOW}
        await self.resources.store.associate(Association(**edge, **moments, relationship=relationship, strength=0.8))

    async def brief(self, scope: Scope = HERE, **asked: Any) -> Briefing:
        return await briefing(self.resources, BriefingRequest(**asked), scope)


@pytest.fixture
async def window(tmp_path: Path) -> AsyncIterator[Window]:
    store = SqliteStore(tmp_path / "memory.db")
    await store.open()
    yield Window(store)
    await store.close()


async def test_an_empty_workspace_has_an_empty_briefing(window: Window) -> None:
    told = await window.brief()
    assert told.total_memories == told.recent_memories == told.contradictions_found == 0
    assert (told.memories, told.active_topics, told.recent_activity, told.truncated) == ([], [], [], False)
    assert (told.decisions, told.open_threads, told.working_memory, told.sessions) == ([], [], [], [])


async def test_standing_directives_come_first_however_old(window: Window) -> None:
    await window.note("The soup is on the stove.")
    await window.note("The roof was rebuilt.", 60 * 24 * 30, importance=0.9)
    directive = await window.note("Never salt the pasta water.", 60 * 24 * 300, subtype="directive")
    told = await window.brief()
    assert [memory.reason for memory in told.memories] == ["standing", "important", "recent"]
    assert told.memories[0].id == directive


async def test_each_memory_is_told_once(window: Window) -> None:
    twice = await window.note("Always preheat the oven.", subtype="directive", importance=0.95)
    told = await window.brief()
    assert [memory.id for memory in told.memories] == [twice]


async def test_only_the_window_counts_as_recent(window: Window) -> None:
    recent = await window.note("The soup is on the stove.", 59)
    await window.note("The bread is sold out.", 61)
    told = await window.brief(time_window_minutes=60)
    assert [memory.id for memory in told.memories] == [recent]
    assert (told.recent_memories, told.total_memories) == (1, 2)


async def test_a_memory_of_usual_importance_is_not_called_important(window: Window) -> None:
    await window.note("The bread is sold out.", 600)
    assert (await window.brief()).memories == []


async def test_many_directives_leave_room_for_what_is_recent(window: Window) -> None:
    for number in range(20):
        await window.note(f"Rule {number}: wash bowl {number}.", 6000, subtype="directive")
    soup = await window.note("The soup is on the stove.")
    told = await window.brief(limit=10)
    assert len(told.memories) == 10
    assert soup in [memory.id for memory in told.memories]


async def test_what_was_superseded_is_not_told(window: Window) -> None:
    old = await window.note("Use the gas stove.", 600, subtype="directive")
    new = await window.note("Use the induction stove.", 5, subtype="directive")
    await window.link(new, "supersedes", old)
    assert [memory.id for memory in (await window.brief()).memories] == [new]


async def test_global_directives_hold_here_and_say_where_they_come_from(window: Window) -> None:
    await window.note("Answer in French.", 9000, "_global", subtype="preference")
    await window.note("The cellar is flooded.", 1, "cellar", subtype="directive")
    told = await window.brief()
    assert [(memory.content, memory.workspace_id) for memory in told.memories] == [("Answer in French.", "_global")]
    assert told.total_memories == 0


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ("abstract", "The soup needs salt."),
        ("overview", "The soup needs salt. It was made on Monday with leeks."),
        ("full", "The soup needs salt. It was made on Monday with leeks.\n" + "Stir it now and then. " * 30),
    ],
)
async def test_the_detail_level_decides_how_much_is_told(window: Window, detail: str, expected: str) -> None:
    full = "The soup needs salt. It was made on Monday with leeks.\n" + "Stir it now and then. " * 30
    await window.note(full)
    [memory] = (await window.brief(detail_level=detail)).memories
    assert memory.content.startswith(expected)
    assert len(memory.content) <= {"abstract": 100, "overview": 500, "full": len(full)}[detail]


@pytest.mark.parametrize("max_tokens", [100, 400, 1500])
async def test_the_text_keeps_to_the_tokens_allowed_and_says_what_was_cut(window: Window, max_tokens: int) -> None:
    for number in range(40):
        subtype = "directive" if number % 2 else "decision"
        text = f"Recipe {number} needs {number + 3} eggs. " + "Whisk them for a while and let them rest. " * 20
        await window.note(
            text, number, subtype=subtype, author=f"Cook {number % 5}", session_id=f"session-{number % 7}"
        )
    told = await window.brief(detail_level="full", limit=50, max_tokens=max_tokens)
    assert told.truncated
    assert estimate_tokens(as_text(told)) <= max_tokens


async def test_a_directive_too_long_for_the_budget_is_told_in_less_detail(window: Window) -> None:
    await window.note("Never use the old oven. " + "It smokes. " * 400, subtype="directive")
    told = await window.brief(detail_level="full", max_tokens=300)
    assert told.memories[0].content.startswith("Never use the old oven.")
    assert told.truncated


async def test_enough_room_means_nothing_is_cut(window: Window) -> None:
    await window.note("The soup is on the stove.")
    assert not (await window.brief()).truncated


async def test_topics_are_tags_names_and_returning_words(window: Window) -> None:
    await window.note("Yesterday we really had to talk about the Lisbon kitchen.", 3, tags=["renovation"], author="Zoe")
    await window.note("Zoe said the sourdough is ready.", 2, author="Zoe")
    await window.note("The sourdough went to Lisbon by train.", 1, author="Zoe")
    topics = (await window.brief()).active_topics
    assert {"renovation", "Lisbon", "sourdough"} <= set(topics)
    assert not {"zoe", "yesterday", "really", "the", "talk", "said"} & {topic.lower() for topic in topics}


async def test_topics_of_long_ago_are_not_active(window: Window) -> None:
    await window.note("The Lisbon kitchen has Lisbon tiles.", 6000, tags=["tiles"])
    assert (await window.brief()).active_topics == []


async def test_activity_is_told_by_session_with_counts_that_add_up(window: Window) -> None:
    for number in range(6):
        await window.note(f"Egg {number} was boiled.", 20 + number, session_id="breakfast", author="Ana")
    for number in range(3):
        await window.note(f"Pot {number} was washed.", 5 + number, context_id="sink", author="Bo", type="episodic")
    told = await window.brief()
    seen = [(one.session_id, one.context_id, one.author, one.memories_created) for one in told.recent_activity]
    assert seen == [(None, "sink", "Bo", 3), ("breakfast", None, "Ana", 6)]
    assert "3 episodic" in told.recent_activity[0].summary
    assert told.recent_activity[0].timestamp == NOW - timedelta(minutes=5)


async def test_activity_beyond_what_is_broken_down_is_still_counted(window: Window) -> None:
    for number in range(150):
        await window.note(f"Egg {number} was boiled.", number, author=f"Cook {number % 13}")
    told = await window.brief(time_window_minutes=1000)
    assert sum(one.memories_created for one in told.recent_activity) == told.recent_memories == 150


async def test_conflicts_between_directives_are_listed(window: Window) -> None:
    old = await window.note("The oven timer is set to 40 minutes.", 500, subtype="directive")
    new = await window.note("The oven timer is set to 55 minutes.", 5, subtype="directive")
    told = await window.brief()
    assert told.contradictions_found == 1
    assert {told.contradictions[0].memory_a, told.contradictions[0].memory_b} == {old, new}
    assert told.contradictions[0].newer == new


async def test_conflicts_and_memories_are_left_out_on_request(window: Window) -> None:
    await window.note("The oven timer is set to 40 minutes.", 500, subtype="directive")
    await window.note("The oven timer is set to 55 minutes.", 5, subtype="directive")
    assert (await window.brief(include_contradictions=False)).contradictions_found == 0
    told = await window.brief(include_memories=False)
    assert (told.memories, told.contradictions_found) == ([], 1)


async def test_forgotten_memories_are_told_by_nobody(window: Window) -> None:
    gone = await window.note("Never salt the pasta water.", subtype="directive", tags=["pasta"])
    await window.resources.store.forget("kitchen", gone, "wrong", "Bo")
    told = await window.brief()
    assert (told.memories, told.active_topics, told.total_memories) == ([], [], 0)


async def test_totals_are_counted_by_type(window: Window) -> None:
    one = await window.note("The soup is on the stove.", type="episodic", subtype="event")
    two = await window.note("Leeks grow in sand.", 4000)
    await window.link(one, "related_to", two)
    told = await window.brief()
    assert told.memory_types == {"episodic": 1, "semantic": 1}
    assert (told.total_memories, told.total_associations, told.total_categories) == (2, 1, 1)


async def test_decisions_are_told_with_their_dates_and_not_twice(window: Window) -> None:
    on_monday = datetime(2026, 5, 4, tzinfo=UTC)
    stored = await window.note(
        "Bread: sourdough only.", 90000, subtype="decision", occurred_at=on_monday, importance=0.9
    )
    worded = await window.note("Ana decided to bake on Tuesdays.", 50000)
    told = await window.brief()
    assert [one.id for one in told.decisions] == [stored, worded]
    assert told.decisions[0].occurred_at == on_monday
    assert told.memories == []
    assert "2026-05-04" in as_text(told)


async def test_important_decisions_beyond_the_most_are_still_among_the_important_memories(window: Window) -> None:
    for number in range(3):
        await window.note(f"We decided on oven {number}.", 60 * 24 * 40, importance=0.9)
    told = await window.brief(limit=4)
    assert len(told.decisions) == 2
    assert [one.reason for one in told.memories] == ["important"]


async def test_a_decision_that_was_replaced_is_not_told(window: Window) -> None:
    old, new = await window.note("We decided on gas."), await window.note("We decided on induction.")
    await window.link(old, "replaced_by", new)
    assert [one.id for one in (await window.brief()).decisions] == [new]


async def test_open_threads_are_told_with_status_and_key_memories_until_they_are_finished(window: Window) -> None:
    plan = await window.note("We plan to repaint the pantry walls.", 5000)
    [thread] = (await window.brief()).open_threads
    assert (thread.topic, thread.status, [one.id for one in thread.key_memories]) == (
        "repaint the pantry walls",
        "planned",
        [plan],
    )
    assert thread.last_activity == NOW - timedelta(minutes=5000)
    await window.note("The pantry walls are finished.", 4000)
    assert (await window.brief()).open_threads == []


async def test_what_is_blocked_from_outside_the_window_is_an_open_thread(window: Window) -> None:
    move = await window.note("The new oven in the corner.", 60 * 24 * 90)
    permit = await window.note("The fire permit.", 10)
    await window.link(permit, "blocks", move)
    [thread] = (await window.brief()).open_threads
    assert (thread.status, thread.key_memories[0].id) == ("blocked", move)


async def test_what_active_sessions_hold_is_told(window: Window) -> None:
    lunch = await window.start("lunch")
    await window.hold(lunch, "oven", {"degrees": 220})
    await window.hold(lunch, "menu", "leek soup " * 60)
    await window.hold(lunch, "gone", "no", expires_at=NOW - timedelta(seconds=1))
    told = await window.brief()
    held = {one.key: one.value for one in told.working_memory}
    assert held["oven"] == '{"degrees":220}'
    assert held["menu"].startswith("leek soup")
    assert len(held["menu"]) <= 100
    assert set(held) == {"oven", "menu"}
    assert [(one.id, one.held) for one in told.sessions] == [("lunch", 2)]
    assert "oven" in as_text(told)


async def test_what_another_user_or_workspace_holds_is_not_told(window: Window) -> None:
    for session in (
        await window.start("hers", user_id="ana"),
        await window.start("elsewhere", workspace_id="cellar"),
    ):
        await window.hold(session, "secret", "of others")
    assert "secret" not in as_text(await window.brief())
    mine = Scope("kitchen", session_id="hers")
    assert [one.key for one in (await window.brief(mine)).working_memory] == ["secret"]


async def test_a_session_that_is_over_holds_nothing_here(window: Window) -> None:
    session = Session(
        id="over",
        workspace_id="kitchen",
        created_at=NOW - timedelta(hours=2),
        touched_at=NOW - timedelta(hours=2),
        expires_at=NOW + timedelta(seconds=1),
    )
    await window.resources.store.start_session(session)
    await window.hold(session, "oven", "on")
    assert len((await window.brief()).working_memory) == 1
    later = Resources(window.resources.store, window.resources.indexer, now=lambda: NOW + timedelta(seconds=1))
    told = await briefing(later, BriefingRequest(), HERE)
    assert (told.working_memory, told.sessions) == ([], [])


async def test_the_own_session_is_listed_only_where_it_holds_something(window: Window) -> None:
    await window.start("mine")
    assert (await window.brief(Scope("kitchen", session_id="mine"))).sessions == []
    assert [one.id for one in (await window.brief()).sessions] == ["mine"]


async def test_of_equal_importance_what_is_used_more_comes_first(window: Window) -> None:
    await window.note("Never salt the pasta water.", 100, subtype="directive")
    used = await window.note("Always preheat the oven.", 200, subtype="directive")
    keys = await window.resources.store.keys_of([used])
    for _ in range(5):
        await window.resources.store.record_access(list(keys.values()), NOW)
    assert (await window.brief()).memories[0].id == used


async def test_what_is_used_a_lot_is_important(window: Window) -> None:
    used = await window.note("The oven needs ten minutes.", 6000)
    keys = await window.resources.store.keys_of([used])
    for _ in range(8):
        await window.resources.store.record_access(list(keys.values()), NOW)
    assert [(one.id, one.reason) for one in (await window.brief()).memories] == [(used, "important")]


# A real conversation

LOCOMO = Path(os.environ.get("MCP_MEMORY_LOCOMO") or Path(__file__).parents[3] / "shared/data/locomo/locomo10.json")


async def import_conversation(window: Window, conversation: dict[str, Any]) -> int:
    """Every turn is a memory, its session the context, its session's date its time; how many there are."""
    count, number = 0, 1
    while (name := f"session_{number}") in conversation:
        began = datetime.strptime(conversation[f"{name}_date_time"], "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
        for position, turn in enumerate(conversation[name]):
            moment = began + timedelta(seconds=position)
            given = {"type": "episodic", "context_id": name, "author": turn["speaker"], "occurred_at": moment}
            await window.note(f"{turn['speaker']}: {turn['text']}", created_at=moment, **given)
            count += 1
        number += 1
    return count


@pytest.mark.skipif(not LOCOMO.exists(), reason="LoCoMo is not here; MCP_MEMORY_LOCOMO may name locomo10.json")
async def test_the_briefing_on_a_locomo_conversation_holds_its_decisions_and_plans_with_dates(window: Window) -> None:
    conversation = json.loads(LOCOMO.read_text(encoding="utf-8"))[0]["conversation"]
    total = await import_conversation(window, conversation)
    ten_years = 10 * 365 * 24 * 60
    for detail in ("abstract", "overview", "full"):
        for max_tokens in (400, 2000, 6000):
            told = await window.brief(
                time_window_minutes=ten_years, detail_level=detail, max_tokens=max_tokens, limit=20
            )
            assert estimate_tokens(as_text(told)) <= max_tokens
            assert told.recent_memories == told.total_memories == total
    decided = {one.content: one for one in told.decisions}
    adoption = next(one for text, one in decided.items() if "adoption" in text)
    assert adoption.occurred_at is not None
    assert f"{adoption.occurred_at:%Y-%m-%d}" in as_text(told)
    planned = {thread.topic: thread for thread in told.open_threads}
    show = next(thread for topic, thread in planned.items() if "show" in topic or "camping" in topic)
    assert show.last_activity.year == 2023
    assert told.active_topics
    assert len(told.recent_activity) > 5

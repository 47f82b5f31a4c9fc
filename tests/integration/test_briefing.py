"""The briefing, from a real store and without any encoder."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from mcp_memory.core.briefing import briefing
from mcp_memory.core.indexing import Indexer
from mcp_memory.core.rendering import as_text
from mcp_memory.core.resources import Resources, Scope
from mcp_memory.models.association import Association
from mcp_memory.models.briefing import Briefing, BriefingRequest
from mcp_memory.models.search import Draft
from mcp_memory.storage.sqlite.store import SqliteStore
from mcp_memory.text import content_hash, estimate_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

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

    async def link(self, source: str, relationship: str, target: str) -> None:
        edge = {"id": "", "workspace_id": "kitchen", "source_id": source, "target_id": target}
        moments = {"created_at": NOW, "updated_at": NOW}
        await self.resources.store.associate(Association(**edge, **moments, relationship=relationship, strength=0.8))

    async def brief(self, **asked: Any) -> Briefing:
        return await briefing(self.resources, BriefingRequest(**asked), HERE)


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

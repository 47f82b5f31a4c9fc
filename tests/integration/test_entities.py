"""What is known about a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_memory.core.resources import Scope
from mcp_memory.models.entity import DeriveInsights, EntityCardRequest, EntityInsightsRequest
from mcp_memory.models.memory import Forget
from tests.integration.verb_support import Desk, desk_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

ANA = EntityInsightsRequest(entity_id="ana")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        await opened.remember("Ana drinks green tea.", subject_id="ana", type="semantic", subtype="preference")
        await opened.remember("Ana prefers short meetings.", subject_id="ana", type="semantic", subtype="preference")
        await opened.remember("Ana was born in Faro.", subject_id="ana", type="semantic")
        await opened.remember("Bruno drinks black coffee.", subject_id="bruno", subtype="preference")
        yield opened


async def contents(desk: Desk) -> list[str]:
    return [one.content for one in (await desk.memory.entity_insights(ANA)).insights]


async def test_a_card_speaks_of_its_subject_and_nobody_else(desk: Desk) -> None:
    card = await desk.memory.entity_card(EntityCardRequest(entity_id="ana"))
    assert "green tea" in card.reflection
    assert "Bruno" not in card.reflection
    assert len(card.source_memories) == 3
    assert card.confidence > 0
    assert card.generated_at == desk.time


async def test_the_card_of_somebody_unknown_is_empty(desk: Desk) -> None:
    card = await desk.memory.entity_card(EntityCardRequest(entity_id="nobody"))
    assert (card.source_memories, card.insights, card.confidence) == ([], [], 0.0)


async def test_only_kinds_with_two_memories_become_a_statement(desk: Desk) -> None:
    derived = await desk.memory.derive_insights(DeriveInsights(entity_id="ana"))
    assert (derived.insights_created, derived.insights_updated, derived.source_memory_count) == (1, 0, 3)
    [insight] = derived.insights
    assert insight.content == "About ana, 2 preferences are remembered."
    assert (insight.subtype, insight.tags, insight.subject_id) == ("inference", ["derived", "inference"], "ana")
    assert await contents(desk) == [insight.content]


async def test_deriving_again_changes_only_what_has_changed(desk: Desk) -> None:
    first = await desk.memory.derive_insights(DeriveInsights(entity_id="ana"))
    again = await desk.memory.derive_insights(DeriveInsights(entity_id="ana"))
    assert (again.insights_created, again.insights_updated) == (0, 0)
    assert again.insights[0].confirmations == 0
    await desk.remember("Ana likes the window seat.", subject_id="ana", subtype="preference")
    await desk.remember("Ana speaks Portuguese.", subject_id="ana", type="semantic")
    third = await desk.memory.derive_insights(DeriveInsights(entity_id="ana"))
    assert (third.insights_created, third.insights_updated) == (1, 1)
    assert sorted(await contents(desk)) == [
        "About ana, 2 facts are remembered.", "About ana, 3 preferences are remembered.",
    ]  # fmt: skip
    history = await desk.store.revisions("desk", first.insights[0].id)
    assert [one.snapshot["content"] for one in history] == [
        "About ana, 2 preferences are remembered.", "About ana, 3 preferences are remembered.",
    ]  # fmt: skip


async def test_a_statement_that_no_longer_holds_is_taken_back(desk: Desk) -> None:
    await desk.memory.derive_insights(DeriveInsights(entity_id="ana"))
    where = desk.memory.scope.own(subject_id="ana", subtypes=("preference",))
    page = await desk.store.browse(where, 9)
    await desk.memory.forget(Forget(memory_id=page.memories[0].id))
    derived = await desk.memory.derive_insights(DeriveInsights(entity_id="ana"))
    assert (derived.insights_updated, derived.insights) == (1, [])
    assert await contents(desk) == []


async def test_insights_are_those_of_the_workspace_and_of_the_observer(desk: Desk) -> None:
    await desk.remember("Ana seems tired.", subject_id="ana", observer_id="bot", subtype="inference")
    await desk.remember("Ana seems cheerful.", subject_id="ana", subtype="inference")
    assert len(await contents(desk)) == 2
    seen = await desk.memory.entity_insights(EntityInsightsRequest(entity_id="ana", observer_id="bot"))
    assert ([one.content for one in seen.insights], seen.total_count) == (["Ana seems tired."], 1)
    assert (await desk.memory.entity_insights(ANA, Scope("other"))).insights == []
    one = await desk.memory.entity_insights(EntityInsightsRequest(entity_id="ana", limit=1))
    assert (len(one.insights), one.total_count) == (1, 2)

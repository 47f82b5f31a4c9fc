"""What remote callers may ask of recall besides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_memory.models.association import Associate
from mcp_memory.models.editing import UpdateMemory
from tests.integration.verb_support import Desk, desk_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield await opened.ready()


async def test_recency_goes_by_when_it_was_written_and_not_by_when_it_was_changed(desk: Desk) -> None:
    old = await desk.remember("The parking garage closes at ten in the evening.")
    desk.later(days=90)
    await desk.remember("The parking garage has a new barrier.")
    await desk.memory.update_memory(UpdateMemory(memory_id=old, importance=0.6))
    query = "When does the parking garage close?"
    assert (await desk.recalled(query))[0].startswith("The parking garage closes")
    assert (await desk.recalled(query, recency_weight=1.0))[0] == "The parking garage has a new barrier."


async def test_links_add_no_more_memories_than_asked(desk: Desk) -> None:
    start = await desk.remember("Zanzibar opens in spring.")
    for number in range(5):
        other = await desk.remember(f"Invoice {number} was paid by wire.")
        await desk.memory.associate(Associate(source_id=start, target_id=other, relationship="related_to"))

    async def found(**fields: object) -> int:
        query = {"tolerance": "strict", "include_associations": True} | fields
        return len(await desk.recalled("Zanzibar spring opening", **query))

    assert (await found(), await found(max_expansion=2), await found(include_associations=False)) == (6, 3, 1)

"""Counts of a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_memory.app import open_memory
from mcp_memory.models.association import Associate
from mcp_memory.models.memory import Forget, MemoryType, Remember
from mcp_memory.models.statistics import StatisticsRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.core.memory import Memory

pytestmark = pytest.mark.anyio


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with open_memory(data_dir=tmp_path, workspace="team") as opened:
        yield opened


async def test_memories_are_counted_by_what_they_are(memory: Memory) -> None:
    tea = await memory.remember(
        Remember(content="Ana drinks tea.", type=MemoryType.SEMANTIC, tags=["drinks"], author="ana")
    )
    trip = await memory.remember(Remember(content="We went to Porto.", type=MemoryType.EPISODIC, tags=["drinks", "x"]))
    gone = await memory.remember(Remember(content="The lamp is green.", type=MemoryType.WORKING))
    request = Associate(source_id=tea.memory_id, target_id=trip.memory_id, relationship="related_to")
    await memory.associate(request)
    await memory.forget(Forget(memory_id=gone.memory_id))

    counted = await memory.statistics(StatisticsRequest())

    assert (counted.total_memories, counted.total_associations, counted.workspace_id) == (2, 1, "team")
    assert counted.breakdown is not None
    assert counted.breakdown.by_type == {"semantic": 1, "episodic": 1}
    assert counted.breakdown.by_status == {"active": 2, "deleted": 1}
    assert counted.breakdown.by_tag == {"drinks": 2, "x": 1}
    assert counted.breakdown.by_author == {"ana": 1}
    assert counted.breakdown.by_relationship == {"related_to": 1}
    assert sum(counted.breakdown.by_age.values()) == 2
    assert "2 memories and 1 links" in counted.message


async def test_the_breakdown_can_be_left_out(memory: Memory) -> None:
    assert (await memory.statistics(StatisticsRequest(include_breakdown=False))).breakdown is None


async def test_an_empty_workspace_is_said_to_be_empty(memory: Memory) -> None:
    counted = await memory.statistics(StatisticsRequest())
    assert (counted.total_memories, counted.oldest, counted.newest) == (0, None, None)
    assert "no memories yet" in counted.message


async def test_another_workspace_counts_for_the_store_only(memory: Memory) -> None:
    await memory.resources.store.ensure_workspace("other")
    await memory.remember(Remember(content="Elsewhere."), await memory.scope_in("other"))
    counted = await memory.statistics(StatisticsRequest())
    assert counted.total_memories == 0
    assert counted.storage.memories == 1


async def test_the_encoder_says_how_far_the_store_is_embedded(memory: Memory, tmp_path: Path) -> None:
    await memory.remember(Remember(content="Ana drinks tea."))
    await memory.resources.indexer.catch_up()
    counted = await memory.statistics(StatisticsRequest())
    assert (counted.encoder.embedded, counted.encoder.pending) == (1, 0)
    assert counted.encoder.dimension == 384
    assert counted.encoder.state == "ready"
    assert counted.encoder.note is None
    assert counted.storage.location == str(tmp_path / "memory.db")
    assert counted.storage.size_bytes > 0

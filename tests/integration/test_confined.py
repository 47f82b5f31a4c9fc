"""What somebody may do whose key is for one workspace: read `_global`, and change nothing there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mcp_memory import open_memory
from mcp_memory.errors import McpMemoryError, UnknownMemory, UnknownRecord
from mcp_memory.models.association import Associate
from mcp_memory.models.editing import Decay, GetMemory, ListAssociations, UpdateMemory
from mcp_memory.models.memory import Forget, Remember
from mcp_memory.names import GLOBAL_WORKSPACE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope

pytestmark = pytest.mark.anyio


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with open_memory(data_dir=tmp_path, workspace="home") as opened:
        yield opened


@pytest.fixture
def confined(memory: Memory) -> Scope:
    return replace(memory.scope, confined=True)


async def shared(memory: Memory, content: str) -> str:
    everywhere = replace(memory.scope, workspace_id=GLOBAL_WORKSPACE)
    return (await memory.remember(Remember(content=content), everywhere)).memory_id


async def test_what_is_global_is_read_and_not_changed(memory: Memory, confined: Scope) -> None:
    memory_id = await shared(memory, "Ana answers in Portuguese.")
    assert (await memory.get_memory(GetMemory(memory_id=memory_id), confined)).content == "Ana answers in Portuguese."
    attempts = (
        memory.update_memory(UpdateMemory(memory_id=memory_id, content="Ana answers in Danish."), confined),
        memory.decay(Decay(memory_id=memory_id), confined),
        memory.forget(Forget(memory_id=memory_id), confined),
        memory.forget(Forget(memory_id=memory_id, hard=True), confined),
    )
    for attempt in attempts:
        with pytest.raises(UnknownMemory, match="may read and not change"):
            await attempt
    still = await memory.get_memory(GetMemory(memory_id=memory_id))
    assert (still.content, still.importance) == ("Ana answers in Portuguese.", 0.5)


async def test_a_forgotten_global_memory_is_not_brought_back_either(memory: Memory, confined: Scope) -> None:
    memory_id = await shared(memory, "Ana answers in Portuguese.")
    await memory.forget(Forget(memory_id=memory_id))
    with pytest.raises(McpMemoryError, match="may read and not change"):
        await memory.restore(memory_id, confined)


async def test_links_between_global_memories_are_the_workspaces_own(memory: Memory, confined: Scope) -> None:
    one, two = await shared(memory, "Ana answers in Portuguese."), await shared(memory, "Ana lives in Lisbon.")
    link = Associate(source_id=one, target_id=two, relationship="related_to", strength=0.9)
    theirs = await memory.associate(link.model_copy(update={"relationship": "supports"}))
    await memory.associate(link, confined)
    found = await memory.associations(ListAssociations(memory_id=one), confined)
    assert {(edge.relationship, edge.workspace_id) for edge in found} == {
        ("related_to", "home"),
        ("supports", GLOBAL_WORKSPACE),
    }
    with pytest.raises(UnknownRecord):
        await memory.dissociate(theirs.association_id, confined)

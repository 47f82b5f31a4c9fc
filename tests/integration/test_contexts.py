"""Named parts of a workspace, and recall from inside one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mcp_memory.app import open_memory
from mcp_memory.core.contexts import create_context, list_contexts
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.memory import Remember
from mcp_memory.models.recall import Recall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.core.memory import Memory

pytestmark = pytest.mark.anyio


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with open_memory(data_dir=tmp_path, workspace="team", auto_session=False) as opened:
        yield opened


async def test_a_context_that_was_created_is_listed_by_its_name(memory: Memory) -> None:
    made = await create_context(
        memory.resources, " billing ", "Invoices and refunds.", {"colour": "blue"}, memory.scope
    )
    listed = {one.id: one for one in await list_contexts(memory.resources, memory.scope)}
    assert (made.id, made.name) == ("billing", "billing")
    assert listed["billing"].description == "Invoices and refunds."
    assert listed["billing"].settings == {"colour": "blue"}
    assert set(listed) == {"_default", "billing"}


async def test_a_context_that_a_memory_made_is_listed_too(memory: Memory) -> None:
    await memory.remember(Remember(content="Refunds take two days.", context_id="billing"))
    assert "billing" in {one.name for one in await list_contexts(memory.resources, memory.scope)}


async def test_contexts_of_one_workspace_are_not_those_of_another(memory: Memory) -> None:
    await create_context(memory.resources, "billing", "", {}, memory.scope)
    elsewhere = replace(memory.scope, workspace_id="other")
    assert await list_contexts(memory.resources, elsewhere) == []
    await create_context(memory.resources, "billing", "", {}, elsewhere)


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "blank"), ("  \n", "blank"), ("x" * 201, "200"), ("a\0b", "NUL"), ("_default", "another name")],
)
async def test_a_name_that_cannot_be_is_refused_with_the_reason(memory: Memory, name: str, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        await create_context(memory.resources, name, "", {}, memory.scope)
    assert await list_contexts(memory.resources, memory.scope) == []


async def test_a_name_that_is_taken_is_refused_and_nothing_changes(memory: Memory) -> None:
    await create_context(memory.resources, "billing", "Invoices.", {}, memory.scope)
    with pytest.raises(InvalidRequest, match="already"):
        await create_context(memory.resources, "billing", "Refunds.", {}, memory.scope)
    [_, kept] = await list_contexts(memory.resources, memory.scope)
    assert kept.description == "Invoices."


async def test_recall_lifts_the_own_context_and_says_so(memory: Memory) -> None:
    await memory.remember(Remember(content="The port of the test server is 8080.", context_id="shop"))
    await memory.remember(Remember(content="The port of the test server is 9090.", context_id="billing"))
    for own, other in (("shop", "billing"), ("billing", "shop")):
        here = replace(memory.scope, context_id=own)
        found = (await memory.recall(Recall(query="port of the test server"), here)).memories
        assert [one.context_id for one in found] == [own, other]
        assert "context" in found[0].why
        assert "context" not in found[1].why


async def test_a_clearly_better_match_of_another_context_still_comes_first(memory: Memory) -> None:
    await memory.remember(Remember(content="The canteen closes at three.", context_id="shop"))
    await memory.remember(Remember(content="The port of the test server is 9090.", context_id="billing"))
    here = replace(memory.scope, context_id="shop")
    assert (await memory.recall(Recall(query="port of the test server"), here)).memories[0].context_id == "billing"


async def test_recall_can_be_limited_to_a_context(memory: Memory) -> None:
    await memory.remember(Remember(content="The port of the test server is 8080.", context_id="shop"))
    await memory.remember(Remember(content="The port of the test server is 9090.", context_id="billing"))
    found = await memory.recall(Recall(query="port of the test server", context_id="shop"))
    assert [one.context_id for one in found.memories] == ["shop"]
    assert "context" not in found.memories[0].why

"""Finding memories again: the way that was asked for, then as much text as was asked for."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from mcp_memory.core.detail import shortened
from mcp_memory.core.presenting import fit, present
from mcp_memory.core.ranking import Ranked
from mcp_memory.core.searching import Found, filter_of, floor_of, search
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.recall import Neighbour, Recall, RecallMode, RecallResult

if TYPE_CHECKING:
    from typing import Literal

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.searching import Searched
    from mcp_memory.models.recall import RecalledMemory

BROWSE = frozenset(("*", "**"))


async def recall(resources: Resources, request: Recall, scope: Scope) -> RecallResult:
    """Answer a query with the memories that fit it best, or browse them newest first.

    Raises:
        InvalidRequest: the query is blank.
    """
    started = perf_counter()
    if not request.query.strip():
        raise InvalidRequest("`query` is blank; ask something, or use `*` to browse newest first.")
    browsing = request.query.strip() in BROWSE
    result = await (_browse if browsing else _search)(resources, request, scope)
    result.search_latency_ms = round((perf_counter() - started) * 1000)
    return result


async def _browse(resources: Resources, request: Recall, scope: Scope) -> RecallResult:
    page = await resources.store.browse(filter_of(request, scope), request.limit, request.offset)
    found = [Found(memory, Ranked(0, 0.0, None, ())) for memory in page.memories]
    return await _result(resources, request, scope, found, page.total, "browse")


async def _search(resources: Resources, request: Recall, scope: Scope) -> RecallResult:
    searched = await _searched(resources, request, scope)
    result = await _result(resources, request, scope, searched.found, searched.total, searched.mode)
    result.degraded = searched.degraded
    return result


async def _searched(resources: Resources, request: Recall, scope: Scope) -> Searched:
    if request.mode is RecallMode.RAG:
        return await search(resources, request, scope, floor_of(request))
    from mcp_memory.core.recall_modes import search_with_model

    return await search_with_model(resources, request, scope)


async def _result(
    resources: Resources,
    request: Recall,
    scope: Scope,
    found: list[Found],
    total: int,
    mode: Literal["rag", "keywords", "browse", "llm"],
) -> RecallResult:
    memories = [present(one.memory, one.rank, request.detail_level, scope.workspace_id) for one in found]
    if request.include_neighbors:
        await _add_neighbours(resources, request, memories)
    kept, truncated = fit(memories, request.max_tokens)
    return RecallResult(
        workspace_id=scope.workspace_id,
        memories=kept,
        total_count=total,
        search_latency_ms=0,
        mode_used=mode,
        truncated=truncated,
    )


async def _add_neighbours(resources: Resources, request: Recall, memories: list[RecalledMemory]) -> None:
    """Put what was said right before and after beside each memory, unless it is in the answer itself."""
    shown = {memory.id for memory in memories}
    keys = await resources.store.keys_of([memory.id for memory in memories])
    around = await resources.store.neighbours(list(keys.values()), request.include_neighbors)
    for memory in memories:
        memory.neighbors = [
            Neighbour(id=near.id, content=shortened(near.content, request.detail_level), position=position)
            for position, near in around.get(keys.get(memory.id, 0), [])
            if near.id not in shown
        ]

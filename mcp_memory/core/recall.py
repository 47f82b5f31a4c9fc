"""Finding memories again: words and meaning first, then what is linked, then as much text as was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from mcp_memory.core.detail import shortened
from mcp_memory.core.expansion import linked_memories
from mcp_memory.core.presenting import fit, present
from mcp_memory.core.ranking import FLOORS, POOL, Ranked, analyse, dense_query, rank
from mcp_memory.errors import EmbedderUnavailable, InvalidRequest
from mcp_memory.models.recall import Neighbour, Recall, RecallResult
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from typing import Literal

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.recall import RecalledMemory
    from mcp_memory.models.search import Filter

BROWSE = frozenset(("*", "**"))


@dataclass(frozen=True, slots=True)
class Found:
    """A memory with its rank."""

    memory: Memory
    rank: Ranked


async def recall(resources: Resources, request: Recall, scope: Scope) -> RecallResult:
    """Answer a query with the memories that fit it best, or browse them newest first.

    Raises:
        InvalidRequest: the query is blank.
    """
    started = perf_counter()
    if not request.query.strip():
        raise InvalidRequest("`query` is blank; ask something, or use `*` to browse newest first.")
    where = filter_of(request, scope)
    browsing = request.query.strip() in BROWSE
    result = await (_browse if browsing else _search)(resources, request, scope, where)
    result.search_latency_ms = round((perf_counter() - started) * 1000)
    return result


def filter_of(request: Recall, scope: Scope) -> Filter:
    """The request's conditions, as the store applies them before it ranks."""
    return scope.where(
        types=tuple(kind.value for kind in request.types),
        subtypes=tuple(kind.value for kind in request.subtypes),
        tags=tuple(request.tags),
        context_id=request.context_id,
        session_id=request.session_id,
        user_id=request.user_id,
        observer_id=request.observer_id,
        subject_id=request.subject_id,
        author=request.author,
        created_after=request.created_after,
        created_before=request.created_before,
        include_archived=request.include_archived,
        exclude_ids=tuple(request.exclude_ids),
    )


def floor_of(request: Recall) -> float:
    """The least relevance: the tolerance's floor, raised by `min_relevance`; none where that is 0."""
    floor = FLOORS[request.tolerance.value]
    if request.min_relevance is None:
        return floor
    return max(request.min_relevance, floor) if request.min_relevance > 0 else -1.0


async def _browse(resources: Resources, request: Recall, scope: Scope, where: Filter) -> RecallResult:
    page = await resources.store.browse(where, request.limit, request.offset)
    found = [Found(memory, Ranked(0, 0.0, None, ())) for memory in page.memories]
    return await _result(resources, request, scope, found, page.total, "browse", None)


async def _search(resources: Resources, request: Recall, scope: Scope, where: Filter) -> RecallResult:
    query = analyse(request.query, resources.now(), _own_context(request, scope))
    hits = await resources.store.keyword_candidates(query.terms, where, POOL)
    vector, degraded = await _dense(resources, dense_query(query, hits.frequencies, hits.total))
    candidates = await resources.store.candidates(vector, resources.indexer.identity, hits, where, POOL)
    ranked = rank(query, candidates, floor=floor_of(request))
    found = await _fetched(resources, ranked[: request.limit])
    if request.include_associations and request.traverse_depth:
        found = await _with_linked(resources, request, where, found)
    mode: Literal["rag", "keywords"] = "keywords" if vector is None else "rag"
    return await _result(resources, request, scope, found, max(len(ranked), len(found)), mode, degraded)


def _own_context(request: Recall, scope: Scope) -> str:
    """Whose memories are lifted: where the search is limited to one context, none is the caller's more than others."""
    return "" if request.context_id or scope.context_id == DEFAULT_CONTEXT else scope.context_id


async def _dense(resources: Resources, text: str) -> tuple[object | None, str | None]:
    """The query's vector, or None and why there is none."""
    patience = resources.limits.recall_patience
    try:
        vector = await resources.indexer.query(text, patience)
    except EmbedderUnavailable as error:
        return None, f"Searched by words only: {error}"
    await resources.indexer.settle(patience)
    return vector, await resources.indexer.note()


async def _fetched(resources: Resources, ranked: list[Ranked]) -> list[Found]:
    memories = await resources.store.fetch([one.key for one in ranked])
    return [Found(memories[one.key], one) for one in ranked if one.key in memories]


async def _with_linked(resources: Resources, request: Recall, where: Filter, found: list[Found]) -> list[Found]:
    scores = {one.memory.id: one.rank.score for one in found}
    linked = await linked_memories(resources.store, where, scores, request.traverse_depth)
    extra = [Found(one.memory, Ranked(0, one.score, None, (one.reason,))) for one in linked]
    return sorted([*found, *extra], key=lambda one: -one.rank.score)[: request.limit]


async def _result(
    resources: Resources,
    request: Recall,
    scope: Scope,
    found: list[Found],
    total: int,
    mode: Literal["rag", "keywords", "browse"],
    degraded: str | None,
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
        degraded=degraded,
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

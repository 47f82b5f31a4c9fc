"""One search of memory: the filters, words and meaning, the floor, then what is linked. No language model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_memory.core.expansion import linked_memories
from mcp_memory.core.ranking import FLOORS, POOL, Ranked, analyse, dense_query, rank
from mcp_memory.core.recency import newer_first
from mcp_memory.errors import EmbedderUnavailable
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from typing import Literal

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.recall import Recall
    from mcp_memory.models.search import Filter


@dataclass(frozen=True, slots=True)
class Found:
    """A memory with its rank."""

    memory: Memory
    rank: Ranked


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search found, best first, and the way it took."""

    found: list[Found]
    passed: frozenset[int]
    """Keys of everything in the pool that passed filters and floor; `found` begins with the best of them."""
    mode: Literal["rag", "keywords", "llm"]
    degraded: str | None = None
    """What could not be done, as a sentence."""

    @property
    def total(self) -> int:
        """How many memories passed, linked ones that were added included."""
        return max(len(self.passed), len(self.found))


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


async def search(resources: Resources, request: Recall, scope: Scope, floor: float) -> Searched:
    """The `request.limit` memories that fit the query best, of those that pass its filters and the floor."""
    where = filter_of(request, scope)
    pool = max(POOL, request.limit)
    query = analyse(request.query, resources.now(), _own_context(request, scope))
    hits = await resources.store.keyword_candidates(query.terms, where, pool)
    vector, degraded = await _dense(resources, dense_query(query, hits.frequencies, hits.total))
    candidates = await resources.store.candidates(vector, resources.indexer.identity, hits, where, pool)
    ranked = rank(query, candidates, floor=floor)
    ranked = newer_first(ranked, candidates, request.recency_weight, query.now)
    found = await _fetched(resources, ranked[: request.limit])
    if request.include_associations and request.traverse_depth:
        found = await _with_linked(resources, request, where, found)
    mode: Literal["rag", "keywords"] = "keywords" if vector is None else "rag"
    return Searched(found, frozenset(one.key for one in ranked), mode, degraded)


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
    linked = await linked_memories(resources.store, where, scores, request.traverse_depth, request.max_expansion)
    extra = [Found(one.memory, Ranked(0, one.score, None, (one.reason,))) for one in linked]
    return sorted([*found, *extra], key=lambda one: -one.rank.score)[: request.limit]

"""What the next window should know: directives first, then what matters, then what happened lately.

Reads rows only: no encoder is asked, no model is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mcp_memory.core.activity import recent_activity
from mcp_memory.core.conflicts import conflicts_among
from mcp_memory.core.presenting import shortened
from mcp_memory.core.rendering import (
    USUAL_IMPORTANCE,
    render_activity,
    render_briefed,
    render_contradiction,
    render_topics,
)
from mcp_memory.core.succession import successors
from mcp_memory.core.topics import Topics
from mcp_memory.models.briefing import BriefedMemory, Briefing
from mcp_memory.models.memory import DetailLevel, MemorySubtype
from mcp_memory.text import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.association import Association
    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.briefing import Activity, BriefingRequest, Reason
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.base import Counts, Page

STANDING: Final = (MemorySubtype.DIRECTIVE.value, MemorySubtype.PREFERENCE.value)
"""Subtypes that hold until they are taken back."""

REASONS: Final[tuple[Reason, ...]] = ("standing", "important", "recent")
"""Why a memory is in a briefing, in the order of a briefing."""

WINDOW_READ: Final = 120
"""Memories of the window that are read for topics and activity, newest first."""

MOST_TOPICS: Final = 10
MOST_ACTIVITIES: Final = 10
MOST_COMPARED: Final = 24
"""Memories searched for conflicts with each other, standing ones first; reading one for claims takes 0.6 ms."""

HEADER_TOKENS: Final = 60
"""What workspace, counts and headings cost in the rendered text."""

_LOWER: Final = {
    DetailLevel.FULL: (DetailLevel.FULL, DetailLevel.OVERVIEW, DetailLevel.ABSTRACT),
    DetailLevel.OVERVIEW: (DetailLevel.OVERVIEW, DetailLevel.ABSTRACT),
    DetailLevel.ABSTRACT: (DetailLevel.ABSTRACT,),
}
"""A memory too long for what is left of the budget is told in less detail."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """What was read."""

    counts: Counts
    window: Page
    chosen: list[tuple[Memory, Reason]]
    contradictions: list[Contradiction]
    topics: list[str]
    activity: list[Activity]


class _Budget:
    """Tokens left; remembers whether anything was refused."""

    def __init__(self, tokens: int) -> None:
        self.left = tokens
        self.exceeded = False

    def take(self, text: str) -> bool:
        """Pay for a line of text, where there is enough left."""
        cost = estimate_tokens(text + "\n")
        if cost > self.left:
            self.exceeded = True
            return False
        self.left -= cost
        return True


async def briefing(resources: Resources, request: BriefingRequest, scope: Scope) -> Briefing:
    """Counts, standing and important and recent memories, topics, activity and conflicts of the workspace.

    Directives, preferences and important memories of `_global` count as well; superseded ones do not.
    """
    now = resources.now()
    since = now - timedelta(minutes=request.time_window_minutes)
    return _within_budget(request, scope, await _look(resources, request, scope, now, since))


async def _look(
    resources: Resources, request: BriefingRequest, scope: Scope, now: datetime, since: datetime
) -> _Picture:
    store = resources.store
    window = await store.browse(scope.own(created_after=since), WINDOW_READ)
    standing = await store.important(scope.where(subtypes=STANDING), request.limit)
    important = [one for one in await store.important(scope.where(), request.limit) if _is_important(one)]
    lists = [standing, important, window.memories[: request.limit]]
    ids = list(dict.fromkeys(memory.id for memories in lists for memory in memories))
    edges = await store.associations(scope.where(), ids) if ids else []
    replaced = successors(edges)
    valid = [[memory for memory in memories if memory.id not in replaced] for memories in lists]
    topics = Topics(window.memories)
    return _Picture(
        counts=await store.counts(scope.workspace_id, now),
        window=window,
        chosen=_chosen(valid, request.limit) if request.include_memories else [],
        contradictions=_conflicts(request, valid, edges),
        topics=topics.most_active(window.memories, MOST_TOPICS),
        activity=recent_activity(window, topics, since, MOST_ACTIVITIES),
    )


def _is_important(memory: Memory) -> bool:
    return memory.pinned or memory.importance > USUAL_IMPORTANCE


def _conflicts(
    request: BriefingRequest, valid: Sequence[Sequence[Memory]], edges: Sequence[Association]
) -> list[Contradiction]:
    """Between the memories looked at; what contradicts the rest of the store is an audit's business."""
    if not request.include_contradictions:
        return []
    looked_at = {memory.id: memory for memories in valid for memory in memories}
    return conflicts_among(list(looked_at.values())[:MOST_COMPARED], edges)


def _chosen(candidates: Sequence[Sequence[Memory]], limit: int) -> list[tuple[Memory, Reason]]:
    """At most `limit` different memories: half standing ones, a quarter important ones, the rest recent ones.

    What one kind does not need goes to the others in that order. `candidates` are in the order of `REASONS`.
    """
    shares: dict[Reason, int] = {"standing": limit - limit // 2, "important": limit // 4, "recent": limit // 4 or 1}
    found: dict[str, tuple[Memory, Reason]] = {}
    for most in (shares, dict.fromkeys(REASONS, limit)):
        for reason, memories in zip(REASONS, candidates, strict=True):
            fresh = (one for one in memories if one.content_hash not in found)
            room = min(most[reason], limit - len(found))
            found |= {one.content_hash: (one, reason) for one, _ in zip(fresh, range(room), strict=False)}
    return sorted(found.values(), key=lambda pair: REASONS.index(pair[1]))


def _within_budget(request: BriefingRequest, scope: Scope, seen: _Picture) -> Briefing:
    """Standing memories are paid for first, then conflicts, the other memories, topics and activity."""
    budget = _Budget(request.max_tokens - HEADER_TOKENS)
    standing = _told((pair for pair in seen.chosen if pair[1] == "standing"), request.detail_level, scope, budget)
    contradictions = [one for one in seen.contradictions if budget.take(render_contradiction(one))]
    others = _told((pair for pair in seen.chosen if pair[1] != "standing"), request.detail_level, scope, budget)
    topics = list(seen.topics)
    while topics and not budget.take(render_topics(topics)):
        topics.pop()
    activity = [one for one in seen.activity if budget.take(render_activity(one))]
    return Briefing(
        workspace_id=scope.workspace_id,
        total_memories=seen.counts.memories,
        recent_memories=seen.window.total,
        total_associations=seen.counts.associations,
        total_categories=len(seen.counts.by_subtype),
        memory_types=dict(seen.counts.by_type),
        active_topics=topics,
        recent_activity=activity,
        contradictions_found=len(seen.contradictions),
        contradictions=contradictions,
        memories=[*standing, *others],
        truncated=budget.exceeded,
    )


def _told(
    chosen: Iterable[tuple[Memory, Reason]], detail: DetailLevel, scope: Scope, budget: _Budget
) -> list[BriefedMemory]:
    """Each memory at the asked detail or the next that fits; those that fit in none are left out."""
    told = []
    for memory, reason in chosen:
        tellings = (_briefed(memory, reason, level, scope) for level in _LOWER[detail])
        fitting = next((one for one in tellings if budget.take(render_briefed(one))), None)
        told += [fitting] if fitting else []
    return told


def _briefed(memory: Memory, reason: Reason, detail: DetailLevel, scope: Scope) -> BriefedMemory:
    return BriefedMemory(
        id=memory.id,
        content=shortened(memory.content, detail),
        type=memory.type,
        subtype=memory.subtype,
        importance=memory.importance,
        tags=memory.tags,
        workspace_id=memory.workspace_id if memory.workspace_id != scope.workspace_id else None,
        author=memory.author,
        occurred_at=memory.occurred_at,
        created_at=memory.created_at,
        reason=reason,
    )

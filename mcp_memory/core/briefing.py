"""What the next window should know: directives and decisions first, then what is open, what matters, what happened.

Reads rows only: no encoder is asked, no model is loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core import briefing_text as text
from mcp_memory.core import telling
from mcp_memory.core.activity import recent_activity
from mcp_memory.core.budget import Section, cost_of, fill
from mcp_memory.core.conflicts import conflicts_among
from mcp_memory.core.looking import read_links, read_pools, read_sessions
from mcp_memory.core.succession import successors
from mcp_memory.core.threads import open_threads
from mcp_memory.core.topics import Topics
from mcp_memory.models.briefing import Briefing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from mcp_memory.core.looking import Pools
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.threads import Thread
    from mcp_memory.models.association import Association
    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.briefing import Activity, BriefedMemory, BriefingRequest, Reason
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.session import Session, WorkingEntry
    from mcp_memory.storage.base import Totals

REASONS: Final[tuple[Reason, ...]] = ("standing", "important", "recent")
"""Why a memory is among the memories of a briefing, in the order of a briefing."""

MOST_TOPICS: Final = 10
MOST_ACTIVITIES: Final = 10
MOST_COMPARED: Final = 24
"""Memories searched for conflicts with each other, standing ones first; reading one for claims takes 0.6 ms."""

SHARES: Final = {"standing": 0.3, "decisions": 0.2, "threads": 0.2, "conflicts": 0.1, "held": 0.1, "memories": 0.1}
"""Of the tokens, what each part gets before any other gets what is left; they add up to 1."""


@dataclass(frozen=True, slots=True)
class _Picture:
    """What there is to tell, those that matter most first."""

    totals: Totals
    recent: int
    decisions: list[Memory]
    chosen: dict[Reason, list[Memory]]
    threads: list[Thread]
    contradictions: list[Contradiction]
    topics: list[str]
    activity: list[Activity]
    sessions: list[tuple[Session, list[WorkingEntry]]]


async def briefing(resources: Resources, request: BriefingRequest, scope: Scope) -> Briefing:
    """What stands, was decided, is open, matters, contradicts, is held in hand and has happened in the workspace.

    Directives, preferences, decisions and important memories of `_global` count as well; superseded ones do not.
    Conflicts are those between the memories looked at; what contradicts the rest is an audit's business.
    """
    since = resources.now() - timedelta(minutes=request.time_window_minutes)
    return _within_budget(request, scope, await _look(resources, request, scope, since))


async def _look(resources: Resources, request: BriefingRequest, scope: Scope, since: datetime) -> _Picture:
    store, now = resources.store, resources.now()
    pools = await read_pools(resources, scope, since, request.limit)
    edges, linked = await read_links(store, scope, pools.every())
    decided, candidates = _holding(pools, edges)
    threads = open_threads([*pools.newest, *linked], edges, now)[: request.limit]
    shown = request.include_memories
    told_decisions = decided[: request.limit // 2 or 1] if shown else []
    told_elsewhere = {one.id for one in (*told_decisions, *(thread.memories[0] for thread in threads))}
    topics = Topics(pools.window.memories)
    return _Picture(
        totals=await store.totals(scope.workspace_id),
        recent=pools.window.total,
        decisions=told_decisions,
        chosen=_chosen(candidates, request.limit, told_elsewhere) if shown else {},
        threads=threads,
        contradictions=_conflicts(request, [*candidates["standing"], *decided, *candidates["important"]], pools, edges),
        topics=topics.most_active(pools.window.memories, MOST_TOPICS),
        activity=recent_activity(pools.window, topics, since, MOST_ACTIVITIES),
        sessions=await read_sessions(store, scope, now),
    )


def _holding(pools: Pools, edges: Sequence[Association]) -> tuple[list[Memory], dict[Reason, list[Memory]]]:
    """The decisions, and the other memories by reason, without those that were replaced."""
    replaced = successors(edges)

    def valid(memories: Sequence[Memory]) -> list[Memory]:
        return [memory for memory in memories if memory.id not in replaced]

    lists = (pools.standing, pools.important, pools.window.memories)
    return valid(pools.decisions), dict(zip(REASONS, map(valid, lists), strict=True))


def _conflicts(
    request: BriefingRequest, mattering: Sequence[Memory], pools: Pools, edges: Sequence[Association]
) -> list[Contradiction]:
    if not request.include_contradictions:
        return []
    replaced = successors(edges)
    recent = (memory for memory in pools.window.memories[: request.limit] if memory.id not in replaced)
    looked_at = {memory.id: memory for memory in (*mattering, *recent)}
    return conflicts_among(list(looked_at.values())[:MOST_COMPARED], edges)


def _chosen(candidates: dict[Reason, list[Memory]], limit: int, told_elsewhere: set[str]) -> dict[Reason, list[Memory]]:
    """At most `limit` different memories: half standing ones, a quarter important ones, the rest recent ones.

    What one kind does not need goes to the others in that order.
    """
    shares: dict[Reason, int] = {"standing": limit - limit // 2, "important": limit // 4, "recent": limit // 4 or 1}
    found: dict[str, tuple[Memory, Reason]] = {}
    for most in (shares, dict.fromkeys(REASONS, limit)):
        for reason in REASONS:
            fresh = (
                one
                for one in candidates[reason]
                if one.content_hash not in found and (reason == "standing" or one.id not in told_elsewhere)
            )
            room = min(most[reason], limit - len(found))
            found |= {one.content_hash: (one, reason) for one, _ in zip(fresh, range(room), strict=False)}
    return {reason: [memory for memory, why in found.values() if why == reason] for reason in REASONS}


def _within_budget(request: BriefingRequest, scope: Scope, seen: _Picture) -> Briefing:
    """As much of it as the tokens allow, every part its share first."""
    frame = _frame(scope, seen)
    parts = _parts(request, scope, seen)
    is_whole = fill(list(parts.values()), request.max_tokens - cost_of(text.heading(frame)))
    told = {name: part.told for name, part in parts.items()}
    topics = told.pop("active_topics")
    memories = [one for reason in REASONS for one in told.pop(reason)]
    return frame.model_copy(
        update={**told, "memories": memories, "active_topics": topics[0] if topics else [], "truncated": not is_whole}
    )


def _frame(scope: Scope, seen: _Picture) -> Briefing:
    """The counts; it counts as truncated, because saying so costs tokens too."""
    return Briefing(
        workspace_id=scope.workspace_id,
        total_memories=seen.totals.memories,
        recent_memories=seen.recent,
        total_associations=seen.totals.associations,
        total_categories=len(seen.totals.by_subtype),
        memory_types=dict(seen.totals.by_type),
        active_topics=[],
        recent_activity=[],
        contradictions_found=len(seen.contradictions),
        truncated=True,
    )


def _parts(request: BriefingRequest, scope: Scope, seen: _Picture) -> dict[str, Section[Any]]:
    """Every part by its field, or its reason; what is told first comes first."""
    detail = request.detail_level

    def memories(title: str, some: Sequence[Memory], reason: Reason, share: float) -> Section[BriefedMemory]:
        tellings = (telling.of_memory(one, reason, detail, scope) for one in some)
        return Section(title, tellings, text.render_briefed, share)

    topics = [seen.topics[:most] for most in (MOST_TOPICS, 5, 2)] if seen.topics else []
    return {
        "standing": memories(text.STANDING, seen.chosen.get("standing", []), "standing", SHARES["standing"]),
        "decisions": memories(text.DECISIONS, seen.decisions, "decision", SHARES["decisions"]),
        "open_threads": Section(
            text.THREADS,
            (telling.of_thread(one, detail) for one in seen.threads),
            text.render_thread,
            SHARES["threads"],
        ),
        "contradictions": Section(
            f"{text.CONFLICTS}: {len(seen.contradictions)}",
            ([one] for one in seen.contradictions),
            text.render_contradiction,
            SHARES["conflicts"],
        ),
        "working_memory": Section(
            text.HELD,
            (telling.of_entry(one, detail) for _, entries in seen.sessions for one in entries),
            text.render_held,
            SHARES["held"],
        ),
        "important": memories(text.IMPORTANT, seen.chosen.get("important", []), "important", SHARES["memories"]),
        "recent": memories(text.RECENT, seen.chosen.get("recent", []), "recent", 0),
        "active_topics": Section("", [topics] if topics else [], text.render_topics, 0),
        "recent_activity": Section(text.ACTIVITY, ([one] for one in seen.activity), text.render_activity, 0),
        "sessions": Section(
            text.SESSIONS,
            ([telling.of_session(one, entries)] for one, entries in seen.sessions),
            text.render_session,
            0,
        ),
    }

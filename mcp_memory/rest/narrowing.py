"""What clients ask of a recall that is done with what was found: pages, spans of time, an order, a confidence.

Recall ranks; among its best hundred memories those are taken here that happened in a span of time or belong to the
workspace itself, a page of these is cut out and put into order. What lies beyond the hundred is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from mcp_memory.core.presenting import fit
from mcp_memory.core.ranking import FLOORS
from mcp_memory.core.recall import BROWSE
from mcp_memory.names import GLOBAL_WORKSPACE
from mcp_memory.text import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mcp_memory.models.memory import Memory
    from mcp_memory.models.recall import RecalledMemory, RecallResult
    from mcp_memory.rest.recalls import MemoryRecall

    Whole = Mapping[str, Memory]

MOST: Final = 100
"""Memories that one recall ranks for us."""

DEFAULT_LIMIT: Final = 10

STRONG: Final = 0.5
"""Cosine from which the best memory is a strong answer; `moderate` begins at the floor of tolerance `strict`."""

Confidence = Literal["strong", "moderate", "weak"]


def is_narrowed(body: MemoryRecall) -> bool:
    """Whether more must be found than is told. Core pages by itself where it browses."""
    pages = bool(body.offset) and body.query.strip() not in BROWSE
    return pages or bool(body.event_after or body.event_before) or body.include_global is False


def wider() -> dict[str, Any]:
    """The fields of the recall that finds enough to narrow."""
    return {"limit": MOST, "offset": None, "max_tokens": None}


def narrowed(body: MemoryRecall, found: RecallResult, whole: Whole) -> RecallResult:
    """The page that was asked for."""
    passing = [one for one in found.memories if one.id in whole and _passes(body, whole[one.id])]
    start = body.offset or 0
    page, truncated = fit(passing[start : start + (body.limit or DEFAULT_LIMIT)], budget_of(body))
    return found.model_copy(update={"memories": page, "total_count": len(passing), "truncated": truncated})


def _passes(body: MemoryRecall, memory: Memory) -> bool:
    if body.include_global is False and memory.workspace_id == GLOBAL_WORKSPACE:
        return False
    return _within(memory.moment, body.event_after, body.event_before)


def _within(moment: datetime, after: datetime | None, before: datetime | None) -> bool:
    """Both ends belong to it."""
    return (after is None or moment >= after) and (before is None or moment <= before)


def in_order(body: MemoryRecall, found: Sequence[RecalledMemory], whole: Whole) -> list[RecalledMemory]:
    """By when they happened, where that was asked for; else as they are."""
    if body.time_order is None:
        return list(found)
    return sorted(found, key=lambda one: whole[one.id].moment, reverse=body.time_order == "desc")


def budget_of(body: MemoryRecall) -> int | None:
    """Tokens that the answer may have, under either name."""
    return body.max_tokens or body.budget_tokens


def spent(body: MemoryRecall, found: RecallResult) -> dict[str, Any]:
    """What became of a budget; empty where there is none."""
    budget = budget_of(body)
    if budget is None:
        return {}
    left_out = min(body.limit or DEFAULT_LIMIT, found.total_count) - len(found.memories)
    used = sum(estimate_tokens(one.content) for one in found.memories)
    summary = {"requested": budget, "used": used, "estimator": "characters", "omitted_items": max(0, left_out)}
    return {"budget_summary": summary}


def confidence(body: MemoryRecall, found: RecallResult) -> dict[str, Any]:
    """How well the best memory fits, in a word; empty where nobody asks."""
    if not body.include_confidence:
        return {}
    best = max((one.relevance_score or 0.0 for one in found.memories), default=0.0)
    reason = f"The best memory has a relevance of {best:.2f}." if found.memories else "Nothing was found."
    return {"retrieval_confidence": _word(best), "confidence_reasons": [reason]}


def _word(relevance: float) -> Confidence:
    if relevance >= STRONG:
        return "strong"
    return "moderate" if relevance >= FLOORS["strict"] else "weak"

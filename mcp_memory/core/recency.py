"""Putting newer memories first, as far as the caller asks for it. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mcp_memory.core.ranking import Ranked
    from mcp_memory.models.search import Candidate

HALF_LIFE_HOURS: Final = 168.0
"""A week: what is as old counts half (MemoryLayer's value)."""


def newer_first(
    ranked: Sequence[Ranked], candidates: Iterable[Candidate], weight: float | None, now: datetime
) -> list[Ranked]:
    """The ranking with each score multiplied by (1 - weight) + weight * recency, in its new order.

    Recency goes by when a memory happened, else by when it was written; to confirm or change it makes it no newer.
    """
    if not weight:
        return list(ranked)
    moments = {candidate.key: candidate.moment for candidate in candidates}
    weighed = [replace(one, score=_weighed(one.score, weight, recency(moments[one.key], now))) for one in ranked]
    return sorted(weighed, key=lambda one: (one.score, one.key), reverse=True)


def recency(moment: datetime, now: datetime) -> float:
    """1 for now and later, halved every week."""
    hours = max(0.0, (now - moment).total_seconds() / 3600)
    return float(0.5 ** (hours / HALF_LIFE_HOURS))


def _weighed(score: float, weight: float, fresh: float) -> float:
    """A score below zero is made no better by age."""
    factor = 1 - weight + weight * fresh
    return score * factor if score > 0 else score * (2 - factor)

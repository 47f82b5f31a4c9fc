"""How much a memory matters to whoever starts afresh: by what it was rated, how it was used, how new it is. Pure."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Final

from mcp_memory.core.phrases import USUAL_IMPORTANCE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mcp_memory.models.memory import Memory

USE: Final = 0.08
"""What each doubling of its use adds: seven recalls weigh as much as a quarter of importance."""

CONFIRMED: Final = 2
"""Recalls that one confirmation counts for: somebody said it again."""

MOST_USE: Final = 0.4
"""What is recalled all the time still does not outweigh everything else."""

MUCH_USED: Final = 8
"""Recalls from which on a memory is important, however it was rated."""

RECENCY: Final = 0.3
HALF_LIFE_DAYS: Final = 14.0
"""Days after which a memory has lost half of its recency."""


def uses(memory: Memory) -> int:
    """Recalls, and what confirmations count for."""
    return memory.access_count + CONFIRMED * memory.confirmations


def is_important(memory: Memory) -> bool:
    """Pinned, rated above the usual, or much used."""
    return memory.pinned or memory.importance > USUAL_IMPORTANCE or uses(memory) >= MUCH_USED


def worth(memory: Memory, now: datetime) -> float:
    """Importance, use and recency together; pinned ones before all others."""
    used = min(MOST_USE, USE * log2(1 + uses(memory)))
    return float(memory.pinned) * 2 + memory.importance + used + RECENCY * _recency(memory, now)


def by_worth(memories: Iterable[Memory], now: datetime) -> list[Memory]:
    """Those that matter most first; of two alike the newer."""
    return sorted(memories, key=lambda one: (worth(one, now), one.moment), reverse=True)


def _recency(memory: Memory, now: datetime) -> float:
    """By when it was last written or confirmed, not by when what it tells of happened."""
    age_days = max(0.0, (now - max(memory.created_at, memory.updated_at)).total_seconds() / 86_400)
    return float(0.5 ** (age_days / HALF_LIFE_DAYS))

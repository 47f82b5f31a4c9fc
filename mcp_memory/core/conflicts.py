"""Conflicts inside a handful of memories that are already read: no search, no vector. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

from mcp_memory.core.claims import claims, conflict
from mcp_memory.core.contradictions import contradiction
from mcp_memory.core.succession import settled_pairs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_memory.core.claims import Claim
    from mcp_memory.models.association import Association
    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.memory import Memory


def conflicts_among(memories: Sequence[Memory], edges: Iterable[Association]) -> list[Contradiction]:
    """Pairs of these that cannot both be true and that no link settles, surest first."""
    settled = settled_pairs(edges)
    open_pairs = ((a, b) for a, b in _suspicious(memories) if frozenset((a.id, b.id)) not in settled)
    found = (contradiction(a, b) for a, b in open_pairs)
    return sorted((one for one in found if one), key=lambda one: (-one.confidence, one.memory_a, one.memory_b))


def _suspicious(memories: Sequence[Memory]) -> Iterable[tuple[Memory, Memory]]:
    """Each pair with claims about one topic that exclude each other, once. Every memory is read once."""
    topics: dict[object, list[tuple[Memory, Claim]]] = defaultdict(list)
    for memory in memories:
        for claim in claims(memory.content):
            topics[claim.key].append((memory, claim))
    pairs = {
        (a.id, b.id): (a, b)
        for members in topics.values()
        for (a, said), (b, contrary) in combinations(members, 2)
        if a.id != b.id and conflict(said, contrary)
    }
    return pairs.values()

"""From the memories found to the memories linked with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from mcp_memory.models.association import Association
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.search import Filter
    from mcp_memory.storage.base import Store

HOP_SHARE = 0.8
"""What is left of a score after one link of strength 1 (MemoryLayer's value)."""

MOST_LINKED = 50
"""Memories added where no other number is asked for, strongest first."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A memory reached along links: its score is its parent's, times the link's strength, times the hop's share."""

    memory: Memory
    score: float
    reason: str


async def linked_memories(
    store: Store, where: Filter, scores: Mapping[str, float], depth: int, most: int = MOST_LINKED
) -> list[Linked]:
    """What is linked to the memories in `scores`, up to `depth` links away, under the same filter."""
    reached: dict[str, tuple[float, str]] = {}
    frontier = dict(scores)
    for _ in range(depth):
        edges = await store.associations(where, list(frontier))
        steps = _steps(edges, frontier, {*scores, *reached})
        reached |= steps
        frontier = {found: score for found, (score, _) in steps.items()}
        if not frontier:
            break
    best = sorted(reached, key=lambda found: -reached[found][0])[:most]
    return [Linked(memory, *reached[memory.id]) for memory in await store.get(where, best)]


def _steps(
    edges: Sequence[Association], frontier: Mapping[str, float], known: AbstractSet[str]
) -> dict[str, tuple[float, str]]:
    """The best way to each memory one link beyond the frontier: its score and the link it came by."""
    steps: dict[str, tuple[float, str]] = {}
    for edge in edges:
        for here, there in ((edge.source_id, edge.target_id), (edge.target_id, edge.source_id)):
            if here not in frontier or there in known:
                continue
            score = frontier[here] * edge.strength * HOP_SHARE
            if score > steps.get(there, (-1.0, ""))[0]:
                steps[there] = (score, f"linked: {edge.source_id} {edge.relationship} {edge.target_id}")
    return steps

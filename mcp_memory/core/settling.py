"""Contradictions that are recorded, wait, and are settled for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.contradictions import find_contradictions
from mcp_memory.core.remember import EMBEDDING_PATIENCE, check_length
from mcp_memory.errors import UnknownRecord
from mcp_memory.models.contradiction import ContradictionScan, RecordedContradiction
from mcp_memory.storage.base import MemoryChange, Settlement
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.contradiction import ListContradictions, ResolveContradiction, ScanContradictions

MOST_FOUND: Final = 5_000
"""Contradictions a scan looks at, so that those recorded already do not hide others."""


async def scan_contradictions(resources: Resources, request: ScanContradictions, scope: Scope) -> ContradictionScan:
    """Record what contradicts itself now; a pair that is recorded, settled or not, is not recorded again."""
    found = await find_contradictions(resources, scope, MOST_FOUND)
    homes = await _homes(resources, found, scope)
    candidates = [_candidate(resources, one, homes, scope) for one in found]
    new = await resources.store.record_contradictions(candidates, request.limit, scope.workspace_id, scope.author)
    return ContradictionScan(
        workspace_id=scope.workspace_id,
        contradictions_found=len(new),
        contradictions=new,
        unresolved=await resources.store.count_contradictions(scope.workspaces),
    )


async def _homes(resources: Resources, found: list[Contradiction], scope: Scope) -> dict[str, str]:
    """The workspace of each memory, by its id."""
    ids = sorted({end for one in found for end in (one.memory_a, one.memory_b)})
    return {memory.id: memory.workspace_id for memory in await resources.store.get(scope.where(), ids)}


def _candidate(resources: Resources, one: Contradiction, homes: dict[str, str], scope: Scope) -> RecordedContradiction:
    """In the workspace of both memories, else in the one that was scanned."""
    home = homes.get(one.memory_a)
    return RecordedContradiction(
        id="",
        workspace_id=home if home is not None and home == homes.get(one.memory_b) else scope.workspace_id,
        memory_a=one.memory_a,
        memory_b=one.memory_b,
        content_a=one.content_a,
        content_b=one.content_b,
        kind=one.kind,
        confidence=one.confidence,
        detail=one.detail,
        detected_at=resources.now(),
    )


async def list_contradictions(
    resources: Resources, request: ListContradictions, scope: Scope
) -> list[RecordedContradiction]:
    """Those that wait, of the workspace and of `_global`, surest first."""
    return await resources.store.contradictions(scope.workspaces, request.limit)


async def resolve_contradiction(
    resources: Resources, request: ResolveContradiction, scope: Scope
) -> RecordedContradiction:
    """Keep one, both, or the older one with new content; what is not kept becomes a tombstone.

    Raises:
        UnknownRecord: there is none with this id here.
        Conflict: it is settled already, what should be kept is forgotten, or another memory holds the new content.
        InvalidRequest: the new content is longer than the limit.
    """
    one = await resources.store.contradiction(request.contradiction_id)
    if one is None or not await _may_be_settled(resources, one, scope):
        raise UnknownRecord(
            f"There is no contradiction {request.contradiction_id!r} in workspace {scope.workspace_id!r}; "
            "list those that wait to see their ids."
        )
    merged = await _merged(resources, request.merged_content, scope) if request.merged_content else None
    settlement = Settlement(one.id, request.resolution, resources.now(), scope.author, merged)
    settled = await resources.store.settle_contradiction(settlement, resources.indexer.identity)
    if merged is not None and merged.vector is None:
        resources.indexer.catch_up()
    return settled


async def _may_be_settled(resources: Resources, one: RecordedContradiction, scope: Scope) -> bool:
    """Whether it is seen from here, and whatever comes of it may be changed from here."""
    if one.workspace_id not in scope.changeable:
        return False
    alive = await resources.store.get(scope.where(), [one.memory_a, one.memory_b])
    return all(memory.workspace_id in scope.changeable for memory in alive)


async def _merged(resources: Resources, content: str, scope: Scope) -> MemoryChange:
    check_length(content, resources.limits.max_content_chars)
    vectors = await resources.indexer.at_once([content], EMBEDDING_PATIENCE)
    return MemoryChange(
        at=resources.now(),
        author=scope.author,
        content=content,
        content_hash=content_hash(content),
        vector=None if vectors is None else vectors[0],
    )

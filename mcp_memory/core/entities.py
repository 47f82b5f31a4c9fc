"""What is known about somebody or something: memories that name it as their subject.

What is derived without a language model is only what can be counted: how many memories of each kind there are.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mcp_memory.core.counting import counted
from mcp_memory.core.reflect import reflect
from mcp_memory.models.entity import DerivedInsights, EntityCard, EntityInsights
from mcp_memory.models.memory import MemorySubtype, MemoryType
from mcp_memory.models.recall import Reflect
from mcp_memory.models.search import Draft
from mcp_memory.storage.base import MemoryChange
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.entity import DeriveInsights, EntityCardRequest, EntityInsightsRequest
    from mcp_memory.models.memory import Memory

CARD_INSIGHTS: Final = 10
"""Insights on a card."""

PAGE: Final = 500
MOST_READ: Final = 5_000
"""Newest memories about a subject that are counted."""

LEAST: Final = 2
"""Memories of one kind from which a statement is made (MemoryLayer's value)."""

TAGS: Final = ("derived", "inference")
DERIVED: Final = "derived_from"
"""Where an insight's metadata says which kind of memory it counts, so that it is found again when the number moves."""

NO_LONGER: Final = "no longer follows from the memories"

NOUNS: Final = {
    MemorySubtype.CODE_PATTERN.value: "code pattern",
    MemorySubtype.PROFILE.value: "profile fact",
    MemorySubtype.ENTITY.value: "description",
    MemoryType.EPISODIC.value: "episode",
    MemoryType.SEMANTIC.value: "fact",
    MemoryType.PROCEDURAL.value: "how-to",
}
"""What a memory of a kind is called where its name is no noun; of all others the name itself."""

PLURALS: Final = {"fix": "fixes", "how-to": "how-tos"}


async def entity_card(resources: Resources, request: EntityCardRequest, scope: Scope) -> EntityCard:
    """The memories about a subject summed up, with what was inferred."""
    asked = Reflect(query="*", subject_id=request.entity_id)
    summed = await reflect(resources, asked, scope)
    where = scope.where(subject_id=request.entity_id, subtypes=(MemorySubtype.INFERENCE.value,))
    insights = await resources.store.browse(where, CARD_INSIGHTS)
    return EntityCard(
        entity_id=request.entity_id,
        workspace_id=scope.workspace_id,
        reflection=summed.reflection,
        insights=insights.memories,
        source_memories=summed.source_memories,
        confidence=summed.confidence,
        generated_at=resources.now(),
    )


async def entity_insights(resources: Resources, request: EntityInsightsRequest, scope: Scope) -> EntityInsights:
    """What was inferred about a subject, by everybody or by one observer."""
    where = scope.where(
        subject_id=request.entity_id,
        observer_id=request.observer_id,
        subtypes=(MemorySubtype.INFERENCE.value,),
    )
    page = await resources.store.browse(where, request.limit)
    return EntityInsights(
        entity_id=request.entity_id,
        workspace_id=scope.workspace_id,
        insights=page.memories,
        total_count=page.total,
    )


async def derive_insights(resources: Resources, request: DeriveInsights, scope: Scope) -> DerivedInsights:
    """One statement for each kind of which the workspace holds at least two memories about the subject.

    Done again, a statement whose number has moved is updated, with a revision, one that no longer holds becomes a
    tombstone, and the others stay as they are.
    """
    memories = await _about(resources, request, scope)
    counts = _kinds(one for one in memories if one.subtype is not MemorySubtype.INFERENCE)
    standing = {str(one.metadata[DERIVED]): one for one in memories if DERIVED in one.metadata}
    insights: list[Memory] = []
    updated = 0
    for kind in sorted(counts.keys() & standing.keys()):
        moved = await _revised(resources, standing[kind], _statement(request.entity_id, kind, counts[kind]), scope)
        updated += moved.content_hash != standing[kind].content_hash
        insights.append(moved)
    for kind in sorted(standing.keys() - counts.keys()):
        await resources.store.forget(scope.workspace_id, standing[kind].id, NO_LONGER, scope.author)
        updated += 1
    created = await _created(resources, request, {kind: counts[kind] for kind in counts if kind not in standing}, scope)
    if updated or created:
        resources.indexer.catch_up()
    return DerivedInsights(
        subject_id=request.entity_id,
        workspace_id=scope.workspace_id,
        insights_created=len(created),
        insights_updated=updated,
        source_memory_count=sum(one.subtype is not MemorySubtype.INFERENCE for one in memories),
        insights=[*created, *insights],
    )


async def _about(resources: Resources, request: DeriveInsights, scope: Scope) -> list[Memory]:
    where = scope.own(subject_id=request.entity_id, observer_id=request.observer_id)
    found: list[Memory] = []
    for offset in range(0, MOST_READ, PAGE):
        page = await resources.store.browse(where, PAGE, offset)
        found += page.memories
        if len(page.memories) < PAGE:
            break
    return found


def _kinds(memories: Iterable[Memory]) -> dict[str, int]:
    """Subtypes, and types of memories without one, of which there are enough."""
    kinds = Counter((one.subtype or one.type).value for one in memories if one.type is not MemoryType.WORKING)
    return {kind: count for kind, count in kinds.items() if count >= LEAST}


def _statement(entity_id: str, kind: str, count: int) -> str:
    noun = NOUNS.get(kind, kind)
    said = f"{count:,} {PLURALS[noun]}" if noun in PLURALS else counted(count, noun)
    return f"About {entity_id}, {said} are remembered."


async def _revised(resources: Resources, insight: Memory, statement: str, scope: Scope) -> Memory:
    change = MemoryChange(
        at=resources.now(), author=scope.author, content=statement, content_hash=content_hash(statement)
    )
    return await resources.store.revise(insight.workspace_id, insight.id, change, None)


async def _created(
    resources: Resources, request: DeriveInsights, counts: dict[str, int], scope: Scope
) -> Sequence[Memory]:
    drafts = [_draft(resources, request, kind, count, scope) for kind, count in sorted(counts.items())]
    return [added.memory for added in await resources.store.add(drafts, None)]


def _draft(resources: Resources, request: DeriveInsights, kind: str, count: int, scope: Scope) -> Draft:
    statement = _statement(request.entity_id, kind, count)
    return Draft(
        workspace_id=scope.workspace_id,
        content=statement,
        content_hash=content_hash(statement),
        type=MemoryType.SEMANTIC.value,
        subtype=MemorySubtype.INFERENCE.value,
        created_at=resources.now(),
        observer_id=request.observer_id or None,
        subject_id=request.entity_id,
        author=scope.author or None,
        importance=0.4,
        tags=TAGS,
        metadata={DERIVED: kind},
    )

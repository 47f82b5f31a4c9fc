"""Summing up what is remembered about a question.

Where a language model is configured, in its words, each sentence with the memories it rests on; where there is none,
or it fails, in the memories' own sentences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.core.asking import bounded_model, budget_of
from mcp_memory.core.confidence import Evidence, confidence
from mcp_memory.core.conflicts import conflicts_among
from mcp_memory.core.expansion import linked_memories
from mcp_memory.core.model_synthesis import Question, write
from mcp_memory.core.recall import recall
from mcp_memory.core.searching import filter_of
from mcp_memory.core.succession import successors
from mcp_memory.core.summarise import Source, ranked
from mcp_memory.core.synthesis import synthesise
from mcp_memory.errors import InvalidRequest, LanguageModelError, LanguageModelUnusable
from mcp_memory.models.recall import Recall, ReflectResult
from mcp_memory.text import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.summarise import Sentence
    from mcp_memory.llm.base import LanguageModel
    from mcp_memory.models.association import Association
    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.recall import RecalledMemory, RecallResult, Reflect
    from mcp_memory.models.search import Filter

READ: Final = 20
"""Memories asked of recall (MemoryLayer's value)."""

MOST_LINKED: Final = 20
"""Memories added by following links, strongest first."""

LEAST_CONFIDENCE: Final = 0.05
"""Below this nothing found has to do with the question, and the answer says so."""

NOTHING: Final = "Nothing remembered answers this."


@dataclass(frozen=True, slots=True)
class _Material:
    """The question, and everything there is to answer it with."""

    request: Reflect
    found: RecallResult
    sources: Sequence[Source]
    conflicts: Sequence[Contradiction]

    @property
    def browsing(self) -> bool:
        """Nothing was asked; the newest memories are summed up."""
        return self.found.mode_used == "browse"

    @property
    def read(self) -> int:
        """Tokens of the memories."""
        return sum(estimate_tokens(source.content) for source in self.sources)

    def confidence(self, sentences: Sequence[Sentence]) -> float:
        """How far an answer that rests on these sentences may be trusted."""
        disputed = {key for one in self.conflicts for key in (one.memory_a, one.memory_b)}
        return confidence(Evidence(self.request.query, sentences, browsing=self.browsing, disputed=disputed))


@dataclass(frozen=True, slots=True)
class _Links:
    """How the memories read hang together."""

    neighbours: dict[str, set[str]]
    successors: dict[str, str]
    """Memory to the one that replaces it."""


async def reflect(resources: Resources, request: Reflect, scope: Scope) -> ReflectResult:
    """What the memories say about the question, with its sources, and how far to trust it.

    Raises:
        InvalidRequest: the query is blank.
    """
    if not request.query.strip():
        raise InvalidRequest("`query` is blank; ask what to reflect on, for example a person, a decision or a topic.")
    question = _question(request)
    found = await recall(resources, question, scope)
    if not found.memories:
        return _nothing(found, 0)
    sources, conflicts = await _evidence(resources, found, request.depth, filter_of(question, scope))
    material = _Material(request, found, sources, conflicts)
    quoted = _in_their_words(material)
    if quoted.method == "none" or resources.model is None:
        return quoted
    return await _by_model_if_possible(resources, material, quoted)


def _question(request: Reflect) -> Recall:
    return Recall(
        query=request.query,
        limit=READ,
        types=request.types,
        subtypes=request.subtypes,
        tags=request.tags,
        context_id=request.context_id,
        user_id=request.user_id,
        subject_id=request.subject_id,
    )


async def _evidence(
    resources: Resources, found: RecallResult, depth: int, where: Filter
) -> tuple[list[Source], list[Contradiction]]:
    """What recall found and what is linked with it up to `depth` links away, and the conflicts among these."""
    scores = {memory.id: _weight(memory, found.memories) for memory in found.memories}
    linked = await linked_memories(resources.store, where, scores, depth)
    reached = sorted(linked, key=lambda one: -one.score)[:MOST_LINKED]
    scores |= {one.memory.id: one.score for one in reached}
    relevance = {memory.id: memory.relevance_score for memory in found.memories}
    memories = await resources.store.get(where, list(scores))
    edges = await resources.store.associations(where, list(scores))
    links = _hanging_together(edges)
    sources = [_source(memory, scores[memory.id], relevance.get(memory.id), links) for memory in memories]
    return sources, conflicts_among(memories, edges)


def _weight(memory: RecalledMemory, found: Sequence[RecalledMemory]) -> float:
    """The fused score as a share of the best; browsed memories have none and weigh the same."""
    best = max((one.score or 0.0 for one in found), default=0.0)
    return max(0.0, memory.score or 0.0) / best if best > 0 else 1.0


def _hanging_together(edges: Sequence[Association]) -> _Links:
    links = _Links({}, successors(edges))
    for edge in edges:
        links.neighbours.setdefault(edge.source_id, set()).add(edge.target_id)
        links.neighbours.setdefault(edge.target_id, set()).add(edge.source_id)
    return links


def _source(memory: Memory, weight: float, relevance: float | None, links: _Links) -> Source:
    return Source(
        id=memory.id,
        content=memory.content,
        kind=f"{memory.type}/{memory.subtype}" if memory.subtype else str(memory.type),
        moment=memory.moment,
        weight=weight,
        author=memory.author or "",
        tags=tuple(memory.tags),
        relevance=relevance,
        links=frozenset(links.neighbours.get(memory.id, ())),
        superseded_by=links.successors.get(memory.id, ""),
    )


def _in_their_words(material: _Material) -> ReflectResult:
    """The memories' own sentences that say most; nothing where none of them has to do with the question."""
    request, found = material.request, material.found
    synthesis = synthesise(
        request.query, material.sources, material.conflicts, request.detail_level, request.include_sources
    )
    sure = material.confidence(synthesis.sentences)
    if sure < LEAST_CONFIDENCE:
        return _nothing(found, material.read)
    return ReflectResult(
        workspace_id=found.workspace_id,
        reflection=synthesis.text,
        source_memories=list(synthesis.cited) if request.include_sources else [],
        confidence=sure,
        tokens_processed=material.read,
        method="extractive",
        degraded=found.degraded,
    )


async def _by_model_if_possible(resources: Resources, material: _Material, quoted: ReflectResult) -> ReflectResult:
    budget = budget_of(resources)
    try:
        async with bounded_model(resources, budget) as model:
            result = await _in_its_words(model, material, resources.now().date())
    except LanguageModelError as error:
        result = _with_note(quoted, f"In the memories' own words, not a language model's: {error}")
    result.tokens_processed = material.read + budget.tokens_used
    return result


async def _in_its_words(model: LanguageModel, material: _Material, today: date) -> ReflectResult:
    """The model's summary. Its confidence is that of the memories it cites, by the formula for quoted ones.

    Raises:
        LanguageModelError: there is none, or it rests on memories that have nothing to do with the question.
    """
    request, found = material.request, material.found
    query = "" if material.browsing else request.query
    written = await write(
        model,
        Question(query, today, material.sources, material.conflicts, request.detail_level, request.include_sources),
    )
    sure = material.confidence(ranked(request.query, written.cited))
    if sure < LEAST_CONFIDENCE:
        raise LanguageModelUnusable("What the language model's answer cites has nothing to do with the question.")
    result = ReflectResult(
        workspace_id=found.workspace_id,
        reflection=written.text,
        source_memories=[source.id for source in written.cited] if request.include_sources else [],
        confidence=sure,
        tokens_processed=0,
        method="llm",
        degraded=found.degraded,
    )
    return _with_note(result, written.note) if written.note else result


def _with_note(result: ReflectResult, note: str) -> ReflectResult:
    return result.model_copy(update={"degraded": f"{note} {result.degraded}" if result.degraded else note})


def _nothing(found: RecallResult, read: int) -> ReflectResult:
    return ReflectResult(
        workspace_id=found.workspace_id,
        reflection=NOTHING,
        source_memories=[],
        confidence=0.0,
        tokens_processed=read,
        method="none",
        degraded=found.degraded,
    )

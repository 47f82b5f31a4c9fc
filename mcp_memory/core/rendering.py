"""Every result as compact text for people and language models. Pure functions; `as_text` finds the right one.

The text carries the whole answer, because some clients show nothing else. Memory text is given as it was stored, and
always behind the id of its memory: a line `[mem_...]` opens it. Text of several lines is closed by a line
`[end mem_...]`; an id is drawn at random when the memory is stored, so no text can close itself early.
"""

from __future__ import annotations

from functools import singledispatch
from typing import TYPE_CHECKING

from mcp_memory.core.briefing_text import render_briefing
from mcp_memory.core.counting import counted
from mcp_memory.core.environment_text import (
    render_context_answered,
    render_context_checkpointed,
    render_context_cleaned,
    render_context_executed,
    render_context_injected,
    render_context_inspected,
    render_context_loaded,
    render_context_rlm,
    render_context_status,
)
from mcp_memory.core.phrases import (
    DATA,
    USUAL_IMPORTANCE,
    as_lines,
    compact_json,
    kind_of,
    named,
    one_line,
    tally,
    verbatim,
    when,
)
from mcp_memory.core.session_text import (
    render_session_committed,
    render_session_ended,
    render_session_started,
    render_session_status,
)
from mcp_memory.models.association import Associated, GraphResult
from mcp_memory.models.audit import AuditResult
from mcp_memory.models.briefing import Briefing
from mcp_memory.models.environment import (
    ContextAnswered,
    ContextCheckpointed,
    ContextCleaned,
    ContextExecuted,
    ContextInjected,
    ContextInspected,
    ContextLoaded,
    ContextRlmResult,
    ContextStatus,
)
from mcp_memory.models.memory import Forgotten, Remembered, Restored
from mcp_memory.models.recall import RecallResult, ReflectResult
from mcp_memory.models.session import SessionCommitted, SessionEnded, SessionStarted, SessionStatus
from mcp_memory.models.statistics import EncoderState, Statistics, StorageState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_memory.models.association import GraphEdge, GraphPath
    from mcp_memory.models.audit import Finding
    from mcp_memory.models.base import Result
    from mcp_memory.models.recall import RecalledMemory

LOW, HIGH = 0.4, 0.65
"""Below and above which a confidence is called low or high; measured on LoCoMo, see `confidence`."""


@singledispatch
def as_text(result: Result) -> str:
    """The whole result as text.

    Raises:
        TypeError: nobody has written how this kind of result reads.
    """
    raise TypeError(f"There is no text form of {type(result).__name__}; register one with `rendering.as_text`.")


@as_text.register
def render_remembered(result: Remembered) -> str:
    """What became of the text, and what it is close to."""
    facts = [
        f"importance {result.importance:g}",
        *named("tags", ", ".join(result.tags)),
        *([f"embedding {result.embedding_state}"] if result.embedding_state != "embedded" else []),
    ]
    return as_lines(
        f"{result.message} [{result.memory_id}] {kind_of(result.type, result.subtype)}, {', '.join(facts)}; "
        f"{result.outcome} in workspace {result.workspace_id}.",
        [f"Similar memories. {DATA}"] if result.similar else [],
        (f"[{one.memory_id}] similarity {one.similarity:.2f}: {one.content}" for one in result.similar),
    )


@as_text.register
def render_recall(result: RecallResult) -> str:
    """Memories, one block each."""
    return as_lines(
        _recall_heading(result),
        [result.degraded] if result.degraded else [],
        ["More were found than `max_tokens` allows."] if result.truncated else [],
        (line for memory in result.memories for line in ("", *_recalled(memory))),
    )


def _recall_heading(result: RecallResult) -> str:
    count, place = len(result.memories), f"workspace {result.workspace_id}"
    if not count:
        return f"Nothing relevant is remembered in {place} ({result.total_count} found, by {result.mode_used})."
    order = "newest first" if result.mode_used == "browse" else "best first"
    share = f"{count} of {result.total_count}" if result.total_count != count else f"{count}"
    noun = "memory" if count == result.total_count == 1 else "memories"
    return f"{share} {noun} from {place}, {order}{_WAYS.get(result.mode_used, '')}. {DATA}"


_WAYS = {"keywords": ", by keywords only", "llm": ", chosen by a language model"}
"""How an answer was found, where that is not the usual way."""


def _recalled(memory: RecalledMemory) -> Iterator[str]:
    yield f"[{memory.id}] {', '.join(_recalled_facts(memory))}"
    yield from verbatim(memory.id, memory.content)
    for near in sorted(memory.neighbors, key=lambda one: one.position):
        yield f"[{near.id}] {abs(near.position)} {'before' if near.position < 0 else 'after'}:"
        yield from verbatim(near.id, near.content)


def _recalled_facts(memory: RecalledMemory) -> list[str]:
    """Everything but the fused score, which the order tells, and an importance that nobody gave."""
    stored = f"stored {when(memory.created_at)}"
    dates = [f"happened {when(memory.occurred_at or memory.created_at)}", stored[: len("stored 2026-05-07")]]
    relevance = [f"relevance {memory.relevance_score:.2f}"] if memory.relevance_score is not None else []
    importance = f"{memory.importance:g}" if memory.importance != USUAL_IMPORTANCE else ""
    return [
        kind_of(memory.type, memory.subtype),
        *(dates if memory.occurred_at else [stored]),
        *named("by", memory.author),
        *relevance,
        *named("why", "+".join(memory.why)),
        *named("importance", importance),
        *named("tags", ", ".join(memory.tags)),
        *named("workspace", memory.workspace_id),
        *named("context", memory.context_id),
        *named("user", memory.user_id),
        *named("subject", memory.subject_id),
        *named("recalled", str(memory.access_count or "")),
        *named("metadata", compact_json(memory.metadata) if memory.metadata else ""),
    ]


@as_text.register
def render_reflect(result: ReflectResult) -> str:
    """The synthesis, and how far to trust it."""
    heading = f"From workspace {result.workspace_id}"
    read = f"{result.tokens_processed} tokens {'processed' if result.method == 'llm' else 'read'}"
    if result.method == "none":
        return as_lines(f"{heading}: {result.reflection} (Confidence 0; {read}.)", [result.degraded or ""])
    trust = "low" if result.confidence < LOW else "high" if result.confidence > HIGH else "moderate"
    by_model = result.method == "llm"
    whose = "a language model's words" if by_model else "the memories' own words"
    sources = f"{len(result.source_memories)} {'cited' if by_model else 'quoted'}, " if result.source_memories else ""
    return as_lines(
        f"{heading}, in {whose}; confidence {result.confidence:.2f} ({trust}), {sources}{read}. {DATA}",
        [result.degraded] if result.degraded else [],
        ["", result.reflection],
    )


@as_text.register
def render_forgotten(result: Forgotten) -> str:
    """What was forgotten, and whether it can come back."""
    how = "erased" if result.hard_delete else "tombstone"
    where = f"[{result.memory_id}] in workspace {result.workspace_id}"
    return f"{result.message} {where}; {how}; reason: {one_line(result.reason)}"


@as_text.register
def render_restored(result: Restored) -> str:
    """What came back."""
    return f"{result.message} [{result.memory_id}] in workspace {result.workspace_id}."


@as_text.register
def render_associated(result: Associated) -> str:
    """The link as it stands."""
    edge = f"{result.source_id} {result.relationship} {result.target_id}"
    return f"{result.message} {edge}, strength {result.strength:g} [{result.association_id}], {result.outcome}."


@as_text.register
def render_graph(result: GraphResult) -> str:
    """Paths, then the memories on them."""
    more = "; there are more" if result.truncated else ""
    return as_lines(
        f"{counted(result.total_paths, 'path')} over {counted(len(result.unique_nodes), 'memory')} in workspace "
        f"{result.workspace_id}, strongest first{more}. {DATA}",
        map(_path, result.paths),
        ["", "Memories"] if result.memories else [],
        (f"[{node.id}] {node.type}: {node.content}" for node in result.memories),
    )


def _path(path: GraphPath) -> str:
    overall = f"; first to last: {path.relationship}" if path.relationship and path.depth > 1 else ""
    return f"- {path.total_strength:g}: {' ; '.join(map(_step, path.edges))}{overall}"


def _step(edge: GraphEdge) -> str:
    stored = ", stored the other way round" if edge.inverse else ""
    return f"{edge.source} {edge.relationship} {edge.target} ({edge.strength:g}{stored})"


@as_text.register
def render_statistics(result: Statistics) -> str:
    """Counts, the store and the encoder."""
    encoder = result.encoder
    span = f", from {when(result.oldest)} to {when(result.newest)}" if result.oldest and result.newest else ""
    breakdown = result.breakdown.model_dump() if result.breakdown else {}
    return as_lines(
        result.message,
        f"Workspace {result.workspace_id}: {counted(result.total_memories, 'memory')}, "
        f"{counted(result.total_associations, 'link')}, {counted(result.total_contexts, 'context')}{span}.",
        (f"{name.removeprefix('by_')}: {tally(counts)}" for name, counts in breakdown.items() if counts),
        _store_line(result.storage),
        f"Encoder: {encoder.name}, {encoder.state}, {encoder.dimension or 'unknown'} dimensions{_embedded(encoder)}.",
        [f"Other encoders: {', '.join(encoder.other_encoders)}."] if encoder.other_encoders else [],
        [encoder.note] if encoder.note else [],
    )


def _store_line(store: StorageState) -> str:
    told = f"{store.location or 'on the server'}, schema {store.schema_version}"
    if store.size_bytes is None or store.memories is None or store.workspaces is None:
        return f"Store: {told}."
    held = f"{counted(store.memories, 'memory')} in {counted(store.workspaces, 'workspace')}"
    return f"Store: {told}, {store.size_bytes:,} bytes, {held}."


def _embedded(encoder: EncoderState) -> str:
    return "" if encoder.embedded is None else f"; {encoder.embedded} embedded, {encoder.pending} pending"


@as_text.register
def render_audit(result: AuditResult) -> str:
    """Findings with advice, and what was mended."""
    more = "; there are more findings" if result.truncated else ""
    return as_lines(
        f"{result.message} Checked {counted(result.checked_memories, 'memory')} and "
        f"{counted(result.checked_associations, 'link')} of workspace {result.workspace_id}{more}. {DATA}",
        [f"Found: {tally(result.counts)}."] if result.counts else [],
        map(_finding, result.findings),
        ["Mended"] if result.resolved else [],
        (f"- {act.kind} ({', '.join(act.memory_ids)}): {act.done}" for act in result.resolved),
    )


def _finding(finding: Finding) -> str:
    ids = ", ".join([*finding.memory_ids, *finding.association_ids])
    sure = "certain" if finding.certain else "to be judged"
    return f"- {finding.kind} ({sure}; {ids}): {one_line(finding.detail)} {finding.advice}"


as_text.register(Briefing, render_briefing)
as_text.register(SessionStarted, render_session_started)
as_text.register(SessionCommitted, render_session_committed)
as_text.register(SessionEnded, render_session_ended)
as_text.register(SessionStatus, render_session_status)
as_text.register(ContextExecuted, render_context_executed)
as_text.register(ContextInspected, render_context_inspected)
as_text.register(ContextLoaded, render_context_loaded)
as_text.register(ContextInjected, render_context_injected)
as_text.register(ContextAnswered, render_context_answered)
as_text.register(ContextRlmResult, render_context_rlm)
as_text.register(ContextStatus, render_context_status)
as_text.register(ContextCheckpointed, render_context_checkpointed)
as_text.register(ContextCleaned, render_context_cleaned)

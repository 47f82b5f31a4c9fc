"""Open threads: what was begun, promised, planned, blocked or asked, and is not visibly finished. Pure functions.

A memory opens a thread by its words (see `openings`) or by a link (`blocks`). It is finished where a link says so
(`solves`, `addresses`, something that replaces it), or where a later memory says in words that it is done. Memories
about the same thing are one thread. Everything later than a memory must be among those given: what finishes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING, Final

from mcp_memory.core.openings import Opening, finishes, opening_of, question_of, topic_stems
from mcp_memory.core.succession import successors
from mcp_memory.core.worth import worth
from mcp_memory.models.memory import MemorySubtype
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.ontology import statement
from mcp_memory.text import clip, is_short_question

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from mcp_memory.models.association import Association
    from mcp_memory.models.briefing import ThreadStatus
    from mcp_memory.models.memory import Memory

LASTING: Final = frozenset(
    (
        MemorySubtype.DIRECTIVE,
        MemorySubtype.PREFERENCE,
        MemorySubtype.PROFILE,
        MemorySubtype.ENTITY,
        MemorySubtype.WORKFLOW,
        MemorySubtype.CODE_PATTERN,
        MemorySubtype.SOLUTION,
        MemorySubtype.FIX,
    )
)
"""Subtypes that say how things are or were mended: nothing in them is left to do."""

ALIKE: Final = 0.5
"""Share of the smaller set of stems that two texts about the same thing have in common."""

LEAST_COMMON: Final = 2
"""Stems they must have in common, unless one of them holds a single one."""

TOPIC_CHARS: Final = 80

MOST_OPEN: Final = 150
"""Openings compared with each other and with what is finished, newest first."""

_URGENCY: Final[dict[ThreadStatus, float]] = {
    "blocked": 0.3,
    "begun": 0.25,
    "promised": 0.2,
    "planned": 0.1,
    "asked": 0.0,
}
"""What a status adds to the worth of a thread."""

_FINISHING: Final = frozenset(("solves", "addresses"))


@dataclass(slots=True)
class Thread:
    """Memories about one unfinished thing, newest first."""

    status: ThreadStatus
    topic: str
    memories: list[Memory] = field(default_factory=list)
    sentences: dict[str, str] = field(default_factory=dict)
    """Memory id to the sentence in it that is open."""

    @property
    def last_activity(self) -> datetime:
        """Of its newest memory."""
        return max(memory.moment for memory in self.memories)


def open_threads(memories: Iterable[Memory], edges: Sequence[Association], now: datetime) -> list[Thread]:
    """The open threads of these memories, those that matter most first."""
    newest = sorted({one.id: one for one in memories}.values(), key=_order, reverse=True)
    statements = [statement(edge.source_id, edge.target_id, edge.relationship) for edge in edges]
    settled = _settled(edges, statements)
    opened = _opened(newest, settled)
    still = _unfinished(newest, opened)
    blocked = _blocked(newest, statements, settled)
    found = [*((one, still[one.id]) for one in newest if one.id in still and one.id not in blocked), *blocked.values()]
    threads = [_thread(group) for group in _grouped(found, statements)]
    return sorted(threads, key=lambda one: (_rank(one, now), one.last_activity), reverse=True)


def _order(memory: Memory) -> tuple[datetime, datetime, str]:
    return memory.moment, memory.created_at, memory.id


def _settled(edges: Sequence[Association], statements: Iterable[tuple[str, str, str]]) -> set[str]:
    """Ids of what a link says is solved, addressed or replaced."""
    solved = {target for _, target, kind in statements if kind in _FINISHING}
    solved |= {source for source, _, kind in statements if kind in ("solved_by", "addressed_by")}
    return solved | set(successors(edges))


def _opened(newest: Sequence[Memory], settled: set[str]) -> dict[str, Opening]:
    """What each memory leaves open by its words."""
    later: set[str] = set()
    found: dict[str, Opening] = {}
    for memory in newest:
        group = _conversation(memory)
        if memory.id not in settled and memory.subtype not in LASTING and len(found) < MOST_OPEN:
            opening = opening_of(memory.content) or _unanswered(memory, group in later)
            found |= {memory.id: opening} if opening else {}
        later |= {group} if group else set()
    return found


def _unanswered(memory: Memory, went_on: bool) -> Opening | None:
    """A question is open while the conversation it was asked in has not gone on."""
    return question_of(memory.content) if is_short_question(memory.content) and not went_on else None


def _conversation(memory: Memory) -> str:
    if memory.session_id:
        return f"session {memory.session_id}"
    return f"context {memory.context_id}" if memory.context_id != DEFAULT_CONTEXT else ""


def _unfinished(newest: Sequence[Memory], opened: Mapping[str, Opening]) -> dict[str, Opening]:
    """The openings of which no later memory says that they are done."""
    done: list[frozenset[str]] = []
    still: dict[str, Opening] = {}
    for memory in newest:
        opening = opened.get(memory.id)
        if opening and not any(_alike(opening.stems, stems) for stems in done):
            still[memory.id] = opening
        if memory.id not in opened and (stems := finishes(memory.content)):
            done.append(stems)
    return still


def _blocked(
    newest: Sequence[Memory], statements: Iterable[tuple[str, str, str]], settled: set[str]
) -> dict[str, tuple[Memory, Opening]]:
    """Memories that a link says are blocked, as long as what blocks them is not settled."""
    held = {one.id: one for one in newest if one.id not in settled}
    pairs = [(source, target) for source, target, kind in statements if kind == "blocks"]
    pairs += [(target, source) for source, target, kind in statements if kind == "blocked_by"]
    done = {one.id for one in newest if finishes(one.content)}
    waiting = {target for source, target in pairs if source in held and source not in done and target in held}
    return {one: (held[one], _blocked_opening(held[one])) for one in held if one in waiting}


def _blocked_opening(memory: Memory) -> Opening:
    opening = opening_of(memory.content)
    if opening:
        return replace(opening, status="blocked")
    topic = clip(memory.content, TOPIC_CHARS)
    return Opening("blocked", topic, topic_stems(topic), memory.content)


def _alike(some: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two sets of stems are about the same thing."""
    smaller = min(len(some), len(others))
    common = len(some & others)
    return smaller > 0 and common >= min(LEAST_COMMON, smaller) and common >= ALIKE * smaller


_Found = tuple["Memory", Opening]


def _grouped(found: Sequence[_Found], statements: Iterable[tuple[str, str, str]]) -> list[list[_Found]]:
    """Openings that are linked, or about the same thing, together."""
    place = {memory.id: memory.id for memory, _ in found}

    def root(member: str) -> str:
        while place[member] != member:
            member = place[member]
        return member

    pairs = [(source, target) for source, target, _ in statements if source in place and target in place]
    pairs += [(a.id, b.id) for (a, first), (b, second) in combinations(found, 2) if _alike(first.stems, second.stems)]
    for one, other in pairs:
        place[root(other)] = root(one)
    groups: dict[str, list[_Found]] = {}
    for memory, opening in found:
        groups.setdefault(root(memory.id), []).append((memory, opening))
    return list(groups.values())


def _thread(group: Sequence[_Found]) -> Thread:
    """Its newest memory says how far it has come, unless a link says that it is blocked."""
    members = sorted(group, key=lambda pair: (pair[1].status == "blocked", _order(pair[0])), reverse=True)
    _, leading = members[0]
    sentences = {memory.id: opening.sentence for memory, opening in members}
    return Thread(leading.status, leading.topic, [memory for memory, _ in members], sentences)


def _rank(thread: Thread, now: datetime) -> float:
    return max(worth(memory, now) for memory in thread.memories) + _URGENCY[thread.status]

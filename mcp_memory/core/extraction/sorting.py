"""Which of the six categories a piece belongs to, and the type and subtype a memory of it has. Pure functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mcp_memory.core.classify import classify
from mcp_memory.core.wording import DAY, is_past
from mcp_memory.models.memory import MemorySubtype, MemoryType
from mcp_memory.models.session import Category

if TYPE_CHECKING:
    from mcp_memory.core.extraction.pieces import Piece

KINDS: Final = {
    Category.PROFILE: (MemoryType.SEMANTIC, MemorySubtype.PROFILE),
    Category.PREFERENCES: (MemoryType.SEMANTIC, MemorySubtype.PREFERENCE),
    Category.ENTITIES: (MemoryType.SEMANTIC, MemorySubtype.ENTITY),
    Category.EVENTS: (MemoryType.EPISODIC, MemorySubtype.EVENT),
    Category.CASES: (MemoryType.EPISODIC, MemorySubtype.SOLUTION),
    Category.PATTERNS: (MemoryType.PROCEDURAL, MemorySubtype.WORKFLOW),
}
"""What a memory of each category is (MemoryLayer's table)."""

KEPT: Final = frozenset({MemorySubtype.DECISION, MemorySubtype.PROBLEM, MemorySubtype.ERROR})
"""Subtypes that stay as they were read: a decision is looked for as one, and a problem is no solution."""

_BY_SUBTYPE: Final = {
    MemorySubtype.PROFILE: Category.PROFILE,
    MemorySubtype.PREFERENCE: Category.PREFERENCES,
    MemorySubtype.DIRECTIVE: Category.PREFERENCES,
    MemorySubtype.ENTITY: Category.ENTITIES,
    MemorySubtype.INFERENCE: Category.ENTITIES,
    MemorySubtype.EVENT: Category.EVENTS,
    MemorySubtype.DECISION: Category.EVENTS,
    MemorySubtype.SOLUTION: Category.CASES,
    MemorySubtype.PROBLEM: Category.CASES,
    MemorySubtype.FIX: Category.CASES,
    MemorySubtype.ERROR: Category.CASES,
    MemorySubtype.WORKFLOW: Category.PATTERNS,
    MemorySubtype.CODE_PATTERN: Category.PATTERNS,
}
_BY_TYPE: Final = {
    MemoryType.EPISODIC: Category.EVENTS,
    MemoryType.WORKING: Category.EVENTS,
    MemoryType.PROCEDURAL: Category.PATTERNS,
    MemoryType.SEMANTIC: Category.ENTITIES,
}


def _hint(category: Category, pattern: str) -> tuple[Category, re.Pattern[str]]:
    return category, re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


_HINTS: Final = (
    _hint(Category.PREFERENCES, r"preferences?|prefers?|likes?|dislikes?|style|rules?|directives?|instructions?|avoid"),
    _hint(Category.EVENTS, r"decisions?|decided|events?|milestones?|meetings?|deadlines?|appointments?|todos?|history"),
    _hint(Category.CASES, r"bugs?|errors?|problems?|issues?|fix(?:es)?|solutions?|workarounds?|root cause|lessons?"),
    _hint(Category.PATTERNS, r"workflows?|process|procedures?|steps|patterns?|recipes?|how to|runbook|playbook"),
    _hint(Category.PROFILE, r"user|profile|about me|me|my|role|occupation|birthday|time ?zone|hobbies|family"),
)
"""What the keys a value stands under say about it, the first that fits."""


_HAPPENS = re.compile(r"\btakes? place\b|\b(?:is|are) (?:scheduled|planned|due) (?:for|on|at)\b", re.IGNORECASE)
_ON_A_DAY = re.compile(rf"\A(?:on|last|this) {DAY}\b", re.IGNORECASE)


def sort(piece: Piece) -> tuple[Category, MemoryType, MemorySubtype]:
    """The category, and what a memory of the piece is: its own words decide, then the keys it stands under."""
    kind, subtype = classify(piece.text)
    category = _category(piece, kind, subtype)
    usual_type, usual_subtype = KINDS[category]
    return category, usual_type, subtype if subtype in KEPT else usual_subtype


def _category(piece: Piece, kind: MemoryType, subtype: MemorySubtype | None) -> Category:
    hinted = next((category for category, pattern in _HINTS if pattern.search(piece.subject)), None)
    if hinted is not None and (piece.labelled or subtype is None):
        return hinted
    if _tells_an_event(piece.text, subtype):
        return Category.EVENTS
    return _BY_SUBTYPE[subtype] if subtype is not None else _BY_TYPE[kind]


def _tells_an_event(text: str, subtype: MemorySubtype | None) -> bool:
    """What takes place, and what was done on a day, where nothing more telling was read from it."""
    if subtype is None:
        return _HAPPENS.search(text) is not None
    return subtype is MemorySubtype.WORKFLOW and _ON_A_DAY.match(text) is not None and is_past(text)

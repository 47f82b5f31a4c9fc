"""How important a piece is, estimated from its category and its words. Pure functions.

The numbers are set so that at the usual threshold of 0.5 a plain fact stays in and a guess, a passing state or a scrap
falls out. Instructions, preferences and decisions come first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mcp_memory.core.wording import MONTH, TIME, names, quantities
from mcp_memory.models.memory import MemorySubtype
from mcp_memory.models.session import Category
from mcp_memory.text import words

if TYPE_CHECKING:
    from mcp_memory.core.extraction.pieces import Piece

BASE: Final = {
    Category.PREFERENCES: 0.75,
    Category.PROFILE: 0.65,
    Category.CASES: 0.65,
    Category.PATTERNS: 0.65,
    Category.EVENTS: 0.55,
    Category.ENTITIES: 0.5,
}
DECISION: Final = 0.75
HEDGED: Final = -0.2
PASSING: Final = -0.2
SCRAP: Final = -0.05
STRESSED: Final = 0.1
DETAILED: Final = 0.05
"""For a number or an identifier; as much again for a name, and for a date."""

LEAST, MOST = 0.05, 0.95

FEW_WORDS: Final = 4

_HEDGE = re.compile(
    r"\b(?:maybe|perhaps|possibly|probably|presumably|apparently|i\ think|i\ guess|i\ believe|not\ sure|unsure|might"
    r"|could\ be|seems?|somewhat|kind\ of|sort\ of|supposedly|allegedly|i\ suppose|as\ far\ as\ i\ know)\b",
    re.VERBOSE | re.IGNORECASE,
)
_STRESS = re.compile(
    r"\b(?:important|importantly|critical|crucial|essential|never|always|must|under no circumstances|remember|key)\b",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"\b(?:currently|right now|at the moment|for now|just now|so far|in the middle of|half-?way)\b"
    r"|\A(?:now|still|looking|trying|reading|checking|testing|debugging|waiting|working|running)\b"
    r"|\A(?:i am|i['’]m|we are|we['’]re) (?:now |just |still |currently )?\w+ing\b",
    re.IGNORECASE,
)
_PASSING_KEY = re.compile(
    r"\b(?:status|state|progress|current|tmp|temp|temporary|scratch|cursor|index|counter|count|offset|page|step|last"
    r"|position|flag|cache|pending|retry|retries left|attempt|iteration|timestamp)\b",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?:to-?do|next steps?|blocked|still (?:need|have) to|need to|have to|open question|promised|remaining"
    r"|left to do|continue(?:s|d)? (?:with|tomorrow))\b",
    re.IGNORECASE,
)
_WHEN = re.compile(rf"{TIME}|\b{MONTH}\ (?:19|20)\d\d", re.VERBOSE | re.IGNORECASE)


def weigh(piece: Piece, category: Category, subtype: MemorySubtype) -> float:
    """The estimated importance, 0..1."""
    text = piece.text
    base = DECISION if subtype is MemorySubtype.DECISION else BASE[category]
    weight = base + _details(piece) + (STRESSED if _STRESS.search(text) else 0) + (HEDGED if _HEDGE.search(text) else 0)
    weight += PASSING if _is_passing(piece) else 0
    weight += SCRAP if len(words(text)) < FEW_WORDS and not piece.labelled else 0
    return round(min(MOST, max(LEAST, weight)), 2)


def _details(piece: Piece) -> float:
    """More for what can be asked for: a number, a name that does not only begin the text, a time."""
    text = piece.text.removeprefix(f"{piece.subject}: ") if piece.labelled else piece.text
    opening = set() if piece.labelled else set(words(text)[:1])
    found = (bool(quantities(text)), bool(names(text) - opening), _WHEN.search(text) is not None)
    return DETAILED * sum(found)


def _is_passing(piece: Piece) -> bool:
    """Whether it tells a state that will soon be over; what is left to do is none, the next window wants to know."""
    if _OPEN.search(piece.text):
        return False
    return _PASSING.search(piece.text) is not None or (
        piece.labelled and _PASSING_KEY.search(piece.subject) is not None
    )

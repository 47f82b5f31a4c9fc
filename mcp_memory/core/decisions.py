"""Which memories hold a decision: those that say so, and those whose words do. Pure functions, English."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mcp_memory.models.memory import MemorySubtype

if TYPE_CHECKING:
    from mcp_memory.models.memory import Memory

WORDS: Final = ("decided", "decision", "agreed", "chose", "settled on", "opted", "going with", "made up my mind")
"""What a keyword search finds them by."""

READ_CHARS: Final = 2000

_WORDING: Final = re.compile(
    r"""\A(?:\w+:\s)?(?:final\ )?(?:decision|decided|verdict|resolved)\b\s*[:–—-]
    | \b(?:(?:i|we|they|he|she|it\ was|team|board|(?-i:[A-Z][a-z]+))(?:['’]ve|['’]s|\ have|\ has|\ had)?
        \ (?:(?:just|finally|also|both|all|since|already|recently|mutually|then|now)\ )*
        (?:decided|chose|opted|(?:agreed|settled)\ (?:on|to|that)|made\ up\ (?:my|our|his|her|their)\ minds?
          |picked\b.{1,60}\ (?:over|instead)|went\ with|(?:(?:am|are|is|were)\ )going\ with
          |made\ (?:the|a|my|our)\ decision))\b
    | \b(?:was|were|has\ been|have\ been|been)\ (?:decided|agreed|chosen)\b
    | ['’](?:m|re)\ going\ with\b""",
    re.VERBOSE | re.IGNORECASE,
)
_UNDECIDED: Final = re.compile(
    r"\b(?:not|n['’]t|never|yet\ to|haven['’]t|hasn['’]t|until|whether|if)\s(?:\w+\s){0,2}(?:been\s)?"
    r"(?:decided?|agreed|chosen)\b",
    re.IGNORECASE,
)


def is_decision(memory: Memory) -> bool:
    """Whether it was stored as a decision, or tells of one; an event may tell of one, a question does not."""
    if memory.subtype == MemorySubtype.DECISION:
        return True
    return memory.subtype in (None, MemorySubtype.EVENT) and tells_of_decision(memory.content)


def tells_of_decision(text: str) -> bool:
    """Whether the words say that something was decided."""
    read = text[:READ_CHARS]
    found = _WORDING.search(read)
    if found is None or _UNDECIDED.search(read):
        return False
    return not _is_question(read, found.end())


def _is_question(text: str, at: int) -> bool:
    """Whether the sentence around this place asks."""
    return re.match(r"[^.!\n]*\?", text[at:]) is not None

"""How much of a memory's text each detail level shows. Pure functions."""

from __future__ import annotations

from typing import Final

from mcp_memory.models.memory import DetailLevel
from mcp_memory.text import first_sentences

DETAIL_CHARS: Final = {DetailLevel.ABSTRACT: 100, DetailLevel.OVERVIEW: 500}
"""Most characters of a memory's text; the full text has no limit."""


def shortened(content: str, detail: DetailLevel) -> str:
    """The first sentence, the first few, or everything."""
    return content if detail is DetailLevel.FULL else first_sentences(content, DETAIL_CHARS[detail])

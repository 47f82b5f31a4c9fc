"""Extraction by rules: no language model, the same answer every time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import filterfalse
from typing import TYPE_CHECKING

from mcp_memory.core.extraction.base import Statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from mcp_memory.core.extraction.base import Source


class RuleExtractor:
    """Cuts, drops, sorts and weighs by the words alone. Written for English; other languages are kept as facts."""

    async def extract(self, sources: Sequence[Source]) -> list[Statement]:
        """The statements of all sources, each once, in the order they were said. Works in a thread."""
        return await asyncio.to_thread(statements, sources)


def statements(sources: Iterable[Source]) -> list[Statement]:
    """The statements of all sources; what several say is one, as important as the most important of them."""
    from mcp_memory.text import normalised

    kept: dict[object, Statement] = {}
    for found in (statement for source in sources for statement in _of_source(source)):
        same = (found.people, normalised(found.content).rstrip(".!"))
        kept[same] = united(kept[same], found) if same in kept else found
    return list(kept.values())


def united(first: Statement, again: Statement) -> Statement:
    """One statement for two that say the same, in the words of the first."""
    return replace(
        first,
        importance=max(first.importance, again.importance),
        sources=tuple(dict.fromkeys(first.sources + again.sources)),
        occurred=first.occurred or again.occurred,
    )


def _of_source(source: Source) -> Iterator[Statement]:
    from mcp_memory.core.extraction.chatter import is_worthless
    from mcp_memory.core.extraction.pieces import pieces
    from mcp_memory.core.extraction.sorting import sort
    from mcp_memory.core.extraction.weighing import weigh

    for piece in filterfalse(is_worthless, pieces(source.value, source.subject)):
        category, kind, subtype = sort(piece)
        importance = weigh(piece, category, subtype) if source.rating is None else source.rating
        day = _day(piece.text, source.written)
        content = piece.text.replace("\0", " ").strip()
        names = (source.name,)
        yield Statement(content, category, kind.value, subtype.value, importance, names, source.people, day)


def _day(text: str, written: date) -> date | None:
    """The one day a text speaks of; None where it names none, several, or one of any year."""
    from mcp_memory.core.dates import date_spans

    spans = date_spans(text[:2_000], written)
    return spans[0].start if len(spans) == 1 and spans[0].start == spans[0].end and not spans[0].yearly else None

"""Laying a summary out as text within a budget. Pure functions.

Every line that is not a heading is a sentence (or the opening of one) as its memory has it, behind the date and the
id of that memory; from there to the end of the line it is quoted text. Nothing else is put into words here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Final

from mcp_memory.core.summarise import asked_terms, ranked, themes
from mcp_memory.models.memory import DetailLevel
from mcp_memory.text import clip, estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mcp_memory.core.summarise import Sentence, Source
    from mcp_memory.models.audit import Contradiction

BUDGETS: Final = {DetailLevel.ABSTRACT: 150, DetailLevel.OVERVIEW: 500, DetailLevel.FULL: 4096}
"""Tokens of each detail level (MemoryLayer's values)."""

_MOST_LINES: Final = {DetailLevel.ABSTRACT: 3, DetailLevel.OVERVIEW: 14, DetailLevel.FULL: 80}
_PER_SOURCE: Final = {DetailLevel.ABSTRACT: 2, DetailLevel.OVERVIEW: 2, DetailLevel.FULL: 6}

LEAST_SCORE: Final = 0.3
"""Sentences below this share of the best one's score are not part of an abstract or overview."""

HEADING_TOKENS: Final = 9
"""A theme's heading of at most 24 characters and the blank line before it."""

TIMELINE_CHARS: Final = 90

_CONFLICT_CHARS: Final = {DetailLevel.ABSTRACT: 44, DetailLevel.OVERVIEW: 90, DetailLevel.FULL: 150}
_MOST_CONFLICTS: Final = {DetailLevel.ABSTRACT: 1, DetailLevel.OVERVIEW: 2, DetailLevel.FULL: 12}


_Entry = tuple[str, tuple[str, ...]]
"""A line and the ids of the memories it quotes."""


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A summary, and what it rests on."""

    text: str
    cited: tuple[str, ...]
    """Ids of the memories quoted, in the order of the text."""
    sentences: tuple[Sentence, ...]
    """The sentences quoted, best first."""


@dataclass(slots=True)
class _Page:
    """Lines within a budget; a line that does not fit is not taken."""

    tokens: int
    lines: list[str] = field(default_factory=list)
    cited: dict[str, None] = field(default_factory=dict)

    def take(self, *lines: str, sources: Iterable[str] = ()) -> bool:
        cost = sum(cost_of(line) for line in lines)
        if cost > self.tokens:
            return False
        self.tokens -= cost
        self.lines.extend(lines)
        self.cited.update(dict.fromkeys(sources))
        return True

    def section(self, heading: str, entries: Iterable[_Entry]) -> None:
        """A heading with as many entries as fit; nothing where there is no entry."""
        opening: tuple[str, ...] = ("", heading)
        for line, sources in entries:
            opening = () if self.take(*opening, line, sources=sources) else opening


def cost_of(line: str) -> int:
    """Tokens of a line with its line break."""
    return estimate_tokens(line + "\n")


def synthesise(
    query: str,
    sources: Sequence[Source],
    conflicts: Sequence[Contradiction] = (),
    detail: DetailLevel = DetailLevel.FULL,
    with_sources: bool = True,
) -> Synthesis:
    """The sentences that say most about the query, as text of at most `BUDGETS[detail]` tokens.

    `abstract` is the one to three best sentences, `overview` adds themes and conflicts, `full` also a timeline and
    the list of sources. Without sources no id is written.
    """
    found = ranked(query, sources)
    if not found:
        return Synthesis("", (), ())
    lines = _Lines(with_sources, detail, {source.id: source for source in sources})
    disputed = [lines.conflict(one) for one in islice(conflicts, _MOST_CONFLICTS[detail])]
    chosen = _chosen(found, lines, detail, _body_tokens(detail, disputed))
    page = _Page(BUDGETS[detail])
    _write_body(page, lines, chosen, query, detail)
    if detail is DetailLevel.FULL:
        page.section("Timeline", _timeline(chosen, lines))
    page.section("Conflicts", disputed)
    if detail is DetailLevel.FULL and with_sources:
        page.section("Sources", lines.origins(list(page.cited)))
    return Synthesis("\n".join(page.lines).strip("\n"), tuple(page.cited), tuple(chosen))


def _body_tokens(detail: DetailLevel, disputed: Sequence[_Entry]) -> int:
    """What the sentences themselves may cost, so that conflicts, timeline and sources find room too."""
    budget = BUDGETS[detail]
    if detail is DetailLevel.FULL:
        return budget // 2
    return budget - min(budget // 3, sum(cost_of(line) for line, _ in disputed) + HEADING_TOKENS * bool(disputed))


def _chosen(found: Sequence[Sentence], lines: _Lines, detail: DetailLevel, tokens: int) -> list[Sentence]:
    """The best sentences whose lines fit, not too many of one memory; the very best cut where it alone is too long."""
    room = _Page(tokens - (0 if detail is DetailLevel.ABSTRACT else HEADING_TOKENS * 6))
    taken: dict[str, int] = {}
    chosen: list[Sentence] = []
    for sentence in _worth_saying(found, detail):
        count = taken.get(sentence.source.id, 0)
        if count < _PER_SOURCE[detail] and room.take(lines.quoted(sentence)):
            taken[sentence.source.id] = count + 1
            chosen.append(sentence)
        if len(chosen) == _MOST_LINES[detail]:
            break
    return chosen or [_cut_to(found[0], lines, room.tokens)]


def _worth_saying(found: Sequence[Sentence], detail: DetailLevel) -> Iterator[Sentence]:
    share = 0.0 if detail is DetailLevel.FULL else 2 * LEAST_SCORE if detail is DetailLevel.ABSTRACT else LEAST_SCORE
    return (one for one in found if one.score >= share * found[0].score)


def _cut_to(sentence: Sentence, lines: _Lines, tokens: int) -> Sentence:
    """The opening of a sentence that fits into so many tokens."""
    cut, chars = sentence, len(sentence.text)
    while cost_of(lines.quoted(cut)) > tokens and chars > 1:
        chars = chars * 9 // 10
        cut = replace(sentence, text=clip(sentence.text, chars))
    return cut


def _write_body(page: _Page, lines: _Lines, chosen: Sequence[Sentence], query: str, detail: DetailLevel) -> None:
    if detail is DetailLevel.ABSTRACT:
        for sentence in chosen:
            page.take(lines.quoted(sentence), sources=[sentence.source.id])
        return
    found = themes(chosen, asked_terms(query))
    for theme in found:
        heading = theme.heading or ("Also" if len(found) > 1 else "")
        opening = ("", heading) if heading else ()
        for sentence in theme.sentences:
            page.take(*opening, lines.quoted(sentence), sources=[sentence.source.id])
            opening = ()


def _timeline(chosen: Sequence[Sentence], lines: _Lines) -> list[_Entry]:
    """The best sentence of each memory by day; nothing where all is of one day."""
    best: dict[str, Sentence] = {}
    for sentence in chosen:
        best.setdefault(sentence.source.id, sentence)
    if len({one.source.moment.date() for one in best.values()}) < 2:
        return []
    in_time = sorted(best.values(), key=lambda one: (one.source.moment, one.source.id))
    return [(lines.dated(one), (one.source.id,)) for one in in_time]


@dataclass(frozen=True, slots=True)
class _Lines:
    """How a line looks, with ids or without."""

    with_sources: bool
    detail: DetailLevel
    sources: Mapping[str, Source]

    def mark(self, memory_id: str) -> str:
        return f"[{memory_id}] " if self.with_sources else ""

    def quoted(self, sentence: Sentence) -> str:
        source = sentence.source
        return f"- {self.mark(source.id)}{source.moment:%Y-%m-%d} {self.late(source)}{_said(sentence)}"

    def late(self, source: Source) -> str:
        if not source.superseded_by:
            return ""
        return f"(superseded by {source.superseded_by}) " if self.with_sources else "(superseded) "

    def dated(self, sentence: Sentence) -> str:
        source = sentence.source
        return f"- {source.moment:%Y-%m-%d} {self.mark(source.id)}{clip(sentence.text, TIMELINE_CHARS)}"

    def conflict(self, found: Contradiction) -> _Entry:
        chars = _CONFLICT_CHARS[self.detail]
        sides = [(found.memory_a, found.content_a), (found.memory_b, found.content_b)]
        sides.sort(key=lambda side: side[0] != found.newer)
        new, old = (f"{self.mark(key)}{clip(content, chars)}" for key, content in sides)
        return f"- newer: {new} | older: {old}", (sides[0][0], sides[1][0])

    def origins(self, ids: Sequence[str]) -> Iterator[_Entry]:
        return ((_origin(self.sources[key]), ()) for key in ids if key in self.sources)


def _said(sentence: Sentence) -> str:
    """The sentence, and before it who said it where it does not itself begin with that."""
    author = " ".join(sentence.source.author.split())
    speaker = f"{clip(author, 40)}: " if author and not sentence.text.startswith(author) else ""
    return speaker + sentence.text


def _origin(source: Source) -> str:
    parts = [source.kind, f"{source.moment:%Y-%m-%d %H:%M}"]
    parts += [f"by {' '.join(source.author.split())}"] if source.author else []
    parts += [f"relevance {source.relevance:.2f}"] if source.relevance is not None else []
    return f"- [{source.id}] {', '.join(parts)}"

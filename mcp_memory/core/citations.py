"""A text in a language model's words that cites numbered sources as `[n]`, checked sentence by sentence.

Pure functions. Nothing passes that names no source: a number that no source has is removed, and a sentence left
without any is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from mcp_memory.text import estimate_tokens, sentences

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_NUMBER: Final = r"[#^]?\d{1,4}"
_CITATION: Final = re.compile(
    r"\s*[\[【]\s*(?:(?:sources?|notes?|memor(?:y|ies))\s*)?"
    rf"({_NUMBER}(?:\s*(?:[,;&–-]|and)\s*{_NUMBER})*)\s*[\]】]",
    re.IGNORECASE,
)
_RANGE: Final = re.compile(r"(\d+)(?:\s*[–-]\s*#?(\d+))?")
_MARK: Final = re.compile(r"\[(\d+)\]")
_MARKS: Final = re.compile(r"\s*(?:\[\d+\])+")
_LATE_MARKS: Final = re.compile(r"(?<![\]\s.!?…。！？])([.!?…。！？]+[\"'”’)]*)[ \t]*((?:\[\d+\])+)(?![ \t]*[a-z])")
"""Citations behind the full stop of the sentence that they belong to."""

_FOREIGN_ID: Final = re.compile(r"\s*\[?\bmem_[0-9a-f]{4,}\b\]?")
"""Ids are written in afterwards: one that is there already is quoted from the text of a memory."""

_ITEM: Final = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_WHOLE: Final = re.compile(r"[.!?…。！？][\"'”’)*_]*$")


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence with its citations in it as `[n]`, and where it stands."""

    text: str
    paragraph: int
    line: int
    listed: bool = False
    """Its line is the item of a list."""

    @property
    def numbers(self) -> tuple[int, ...]:
        """The sources it cites, from 1, in its order."""
        return tuple(dict.fromkeys(int(number) for number in _MARK.findall(self.text)))

    @property
    def words(self) -> str:
        """What it says, without citations."""
        return _MARKS.sub("", self.text).strip()


def cited_sentences(text: str, sources: int, truncated: bool = False) -> list[Cited]:
    """The sentences of a text that cite a source from 1 to `sources`, in their order.

    Of a truncated text the last sentence is left out unless it is whole.
    """
    found = list(_sentences(_normal(text, sources)))
    if truncated and found and not _WHOLE.search(found[-1].words):
        found.pop()
    return [one for one in found if one.numbers and any(map(str.isalnum, one.words))]


def rendered(found: Sequence[Cited], mark: Callable[[int], str]) -> str:
    """The sentences as one text in their layout, each citation written as `mark` writes its number."""
    breaks = [_start(one, _break(before, one)) for before, one in pairwise(found)]
    openings = [_start(one, "\n") for one in found[:1]] + breaks
    return "".join(start + _marked(one, mark) for start, one in zip(openings, found, strict=True)).strip("\n")


def within(found: Sequence[Cited], tokens: int, mark: Callable[[int], str]) -> list[Cited]:
    """As many of the sentences, from the first, as take at most `tokens` when rendered."""
    count = next((n for n in range(len(found), 0, -1) if estimate_tokens(rendered(found[:n], mark)) <= tokens), 0)
    return list(found[:count])


def _break(before: Cited, one: Cited) -> str:
    if before.paragraph != one.paragraph:
        return "\n\n"
    return "\n" if before.line != one.line else " "


def _start(one: Cited, gap: str) -> str:
    return f"{gap}- " if one.listed and gap != " " else gap


def _marked(one: Cited, mark: Callable[[int], str]) -> str:
    if not any(map(mark, one.numbers)):
        return one.words
    return _MARK.sub(lambda found: mark(int(found[1])), one.text)


def _normal(text: str, sources: int) -> str:
    """Every citation as `[n]` of a known source, inside the sentence that it belongs to."""

    def known(found: re.Match[str]) -> str:
        numbers = dict.fromkeys(number for number in _numbers(found[1]) if 1 <= number <= sources)
        return " " + "".join(f"[{number}]" for number in numbers) if numbers else ""

    marked = _CITATION.sub(known, _FOREIGN_ID.sub("", text)).replace("] [", "][")
    return _LATE_MARKS.sub(r" \2\1", marked)


def _numbers(listed: str) -> Iterator[int]:
    """`1, 3-5` is 1, 3, 4, 5."""
    for first, last in _RANGE.findall(listed.replace("^", "")):
        yield from range(int(first), int(last or first) + 1)


def _sentences(text: str) -> Iterator[Cited]:
    paragraph = 0
    for number, line in enumerate(text.splitlines()):
        paragraph += not line.strip()
        listed = _ITEM.match(line) is not None
        yield from (Cited(one, paragraph, number, listed) for one in _with_their_marks(sentences(line)))


def _with_their_marks(parts: Iterable[str]) -> list[str]:
    """Citations that stand alone put to the sentence before them."""
    joined: list[str] = []
    for part in parts:
        if joined and not _MARKS.sub("", part).strip():
            joined[-1] = f"{joined[-1]} {part}"
        else:
            joined.append(part)
    return joined

"""Cutting a value into pieces that each say one thing. Pure functions.

Prose becomes sentences; steps and code stay whole, because each line alone would be a command. Of JSON, an object
becomes `key: value` pieces with the way to the value as their subject, and a list is taken item by item.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.text import sentences, words

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_DEPTH: Final = 6
"""Levels of JSON that are taken apart; what lies deeper is told as JSON."""

LEAST_SENTENCE: Final = 3
"""Words of the shortest text that is a sentence rather than the value of its key."""

_FENCE: Final = re.compile(r"^[ \t]*(?:```|~~~)", re.MULTILINE)
_STEPS: Final = re.compile(r"(?:^|\s)1[.)]\s[\s\S]*?(?:^|\s)2[.)]\s")
_SNAKE: Final = re.compile(r"[a-z0-9]+(?:[_-][a-z0-9]+)+")
_FINISHED: Final = (".", "!", "?", "…", "。", "！", "？")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text that says one thing."""

    text: str
    subject: str = ""
    """The keys it stood under, in words."""
    labelled: bool = False
    """The subject is part of the text, as in `favourite colour: blue`."""


def pieces(value: Any, subject: str) -> Iterator[Piece]:
    """The pieces of any JSON value; a blank text and null have none."""
    if isinstance(value, str):
        yield from _of_text(value, subject, LEAST_SENTENCE)
    else:
        yield from _of_json(value, subject, MOST_DEPTH)


def readable(key: str) -> str:
    """A key in words: `favourite_colour` is `favourite colour`, `MAX_RETRIES` stays the identifier it is."""
    return re.sub(r"[_-]+", " ", key) if _SNAKE.fullmatch(key) else key.strip()


def _of_text(text: str, subject: str, least: int) -> Iterator[Piece]:
    """Sentences and blocks; a text of fewer than `least` words is the value of its subject."""
    parts = [part for block in _blocks(text) for part in _parts(block)]
    for part in parts:
        if subject and len(parts) == 1 and len(words(part)) < least:
            yield _labelled(subject, part)
        else:
            yield Piece(part, subject)


def _blocks(text: str) -> list[str]:
    """Paragraphs; fenced code keeps its blank lines, and the line that announces it."""
    if _FENCE.search(text):
        return [text.strip()]
    return [block.strip() for block in re.split(r"\n\s*\n", text) if block.strip()]


def _parts(block: str) -> list[str]:
    return [block] if _STEPS.search(block) or _FENCE.search(block) else sentences(block)


def _of_json(value: Any, subject: str, depth: int) -> Iterator[Piece]:
    match value:
        case dict() if depth:
            for key, inner in value.items():
                yield from _of_json(inner, _joined(subject, readable(str(key))), depth - 1)
        case list() if depth:
            for item in value:
                yield from _of_item(item, subject, depth - 1)
        case str():
            yield from _of_field(value, subject)
        case _ if value not in (None, {}, []):
            yield _labelled(subject, _told(value))


def _of_item(item: Any, subject: str, depth: int) -> Iterator[Piece]:
    """One item of a list: the fields of a flat object belong together, and text stands for itself if it can."""
    if isinstance(item, dict) and not any(isinstance(inner, dict | list) for inner in item.values()):
        fields = [f"{readable(str(key))}: {_told(inner)}" for key, inner in item.items() if inner not in (None, "")]
        if fields:
            yield _labelled(subject, "; ".join(fields))
    elif isinstance(item, str):
        yield from _of_text(item, subject, LEAST_SENTENCE)
    else:
        yield from _of_json(item, subject, depth)


def _of_field(text: str, subject: str) -> Iterator[Piece]:
    """The text under a key: its value, unless it is written as a sentence or as several."""
    parts = sentences(text)
    if len(parts) == 1 and not text.rstrip().endswith(_FINISHED):
        yield _labelled(subject, parts[0])
    else:
        yield from _of_text(text, subject, LEAST_SENTENCE)


def _labelled(subject: str, text: str) -> Piece:
    return Piece(f"{subject}: {text}" if subject else text, subject, labelled=bool(subject))


def _joined(subject: str, key: str) -> str:
    return f"{subject} {key}".strip()


def _told(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)

"""What lately written memories are about: tags, names and words that come back. Pure functions."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mcp_memory.core.terms import content_words, is_topic
from mcp_memory.core.wording import CALENDAR, stem
from mcp_memory.text import clip, is_identifier_like, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_memory.models.memory import Memory

TAG_WEIGHT: Final = 2.0
"""A tag is a topic somebody chose."""

NAME_WEIGHT: Final = 1.5
"""A name inside a sentence, or an identifier."""

WORD_WEIGHT: Final = 1.0

OLDEST_SHARE: Final = 0.25
"""What the oldest memory looked at counts beside the newest; in between evenly."""

READ_CHARS: Final = 2000
"""How much of each memory is read."""

TOPIC_CHARS: Final = 40


_POSSESSIVE = re.compile(r"['’]s?$")
_Mentions = dict[str, tuple[str, float]]
"""Stem to written form and weight."""

_NAME = re.compile(r"(?<=[\w,;:]\s)[^\W\d_a-z][\w'’-]+")
"""A capitalized word that does not open its sentence."""


@dataclass(slots=True)
class _Topic:
    weight: float = 0.0
    memories: int = 0
    chosen: bool = False
    """A tag or a name: one memory is enough."""
    forms: Counter[str] = field(default_factory=Counter)

    def count(self, form: str, weight: float, recency: float) -> None:
        self.weight += weight * recency
        self.memories += 1
        self.chosen = self.chosen or weight > WORD_WEIGHT
        self.forms[form] += 1


class Topics:
    """What some memories mention, read once. Who wrote a memory is no topic, nor are words of talk and calendar."""

    def __init__(self, memories: Sequence[Memory]) -> None:
        self._authors = {stem(word) for author in {one.author for one in memories} for word in words(author or "")}
        self._mentions = {one.id: _mentions(one) for one in memories}

    def most_active(self, newest_first: Sequence[Memory], most: int) -> list[str]:
        """The topics of these, which are among the memories read; a plain word counts once two memories hold it."""
        found: dict[str, _Topic] = {}
        for place, memory in enumerate(newest_first):
            recency = 1 - (1 - OLDEST_SHARE) * place / len(newest_first)
            for key, (form, weight) in self._mentions[memory.id].items():
                if key not in self._authors:
                    found.setdefault(key, _Topic()).count(form, weight, recency)
        real = {key: topic for key, topic in found.items() if topic.chosen or topic.memories > 1}
        best = sorted(real, key=lambda key: (-real[key].weight, key))[:most]
        return [clip(real[key].forms.most_common(1)[0][0], TOPIC_CHARS) for key in best]


def _mentions(memory: Memory) -> _Mentions:
    """Everything in one memory that can be a topic."""
    text = memory.content[:READ_CHARS]
    found = {key: (word, WORD_WEIGHT) for word in content_words(text) if _names_something(key := stem(word))}
    for name in _names(text):
        if _names_something(key := stem(name.lower())):
            found[key] = (name, NAME_WEIGHT)
    return found | {stem(tag): (tag, TAG_WEIGHT) for tag in memory.tags}


def _names_something(key: str) -> bool:
    return is_topic(key) and key not in CALENDAR


def _names(text: str) -> Iterator[str]:
    """Capitalized words inside a sentence, and identifiers."""
    yield from (_POSSESSIVE.sub("", name) for name in _NAME.findall(text))
    for chunk in text.split():
        if not chunk.isalpha() and is_identifier_like(bare := chunk.strip(".,;:!?()[]\"'")):
            yield bare

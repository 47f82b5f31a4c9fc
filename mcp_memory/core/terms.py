"""The words of a text that say what it is about, in the form in which two texts are compared. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.wording import is_denied, names, quantities, stem
from mcp_memory.text import STOP_WORDS, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FILLERS: Final = frozenset(
    """
    hey hi hello yeah yep yup nope okay ok oh wow haha hmm um uh thanks thank welcome bye cheers sure indeed totally
    absolutely definitely certainly really actually basically literally maybe perhaps probably quite pretty super
    truly great good nice cool awesome amazing wonderful lovely fantastic incredible gorgeous beautiful glad happy
    excited exciting love loved sounds sound sorry hope wish want wanted wanna gonna gotta need needed like liked feel
    felt feeling think thought know knew known guess believe mean means meant see saw seen look looks looked looking
    say says said saying talk talked talking tell told ask asked speak spoke spoken hear heard chat chatted happen
    happened make makes made making take takes took taken taking go goes going went gone come comes came coming give
    gave given keep kept start started try tried trying use used using work works worked help helped helps show showed
    shown find found put set let bit lot lots way ways kind sort stuff thing things time times day days week weeks
    month months year years today yesterday tomorrow tonight now lately recently soon later always never sometimes
    often usually once first last next new old big little small long best better well right back around away together
    hard people person someone guys everything anything something nothing able bring brings brought seem seems enjoy
    enjoyed image photo picture pic memory memories note notes else especially important different real fun wait
    remember reminded must may cause became become becomes turn turned call called leave left live lived run ran play
    played bought buy got
    """.split()  # noqa: SIM905 - reads as text
)
"""Words of talk that name no topic: they never head a theme and never are one."""

_LEAST_TOPIC: Final = 3
"""Letters of the shortest word that names a topic; one character is enough in scripts without spaces."""


def content_words(text: str) -> Iterator[str]:
    """The lower-case words of a text that name something, in order and with repetitions."""
    return (word for word in words(text) if word.replace("’", "'") not in STOP_WORDS)


def terms(text: str) -> frozenset[str]:
    """The stems of the naming words of a text; of all its words where none names anything."""
    return frozenset(map(stem, content_words(text))) or frozenset(map(stem, words(text)))


def facts(text: str) -> frozenset[str]:
    """What two sentences must share to say the same: numbers, dates, names, and whether they deny."""
    return quantities(text) | names(text) | ({"not"} if is_denied(text) else frozenset())


_FILLER_STEMS: Final = frozenset(map(stem, FILLERS))


def telling(some: Iterable[str]) -> set[str]:
    """The stems that name something, words of talk left out."""
    return {term for term in some if term not in _FILLER_STEMS}


def is_topic(term: str) -> bool:
    """Whether a stem can name a topic."""
    wide = len(term) >= _LEAST_TOPIC or not term.isascii()
    return wide and not term.isdigit() and term not in _FILLER_STEMS and term not in STOP_WORDS

"""What an extractor is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from mcp_memory.models.session import Category


@dataclass(frozen=True, slots=True)
class Source:
    """One thing a session holds: a working entry, or a note (a memory of type `working`)."""

    name: str
    """The entry's key or the note's id, which is what its statements are traced back to."""
    value: Any
    """Any JSON; text for a note."""
    written: date
    """The day that `yesterday` is counted from."""
    subject: str = ""
    """What the value is about, in words; empty for a note, whose text speaks for itself."""
    rating: float | None = None
    """The importance its author gave it, 0..1; None where nobody did."""
    people: tuple[str, ...] = ()
    """Whose it is and about whom: the same words of different people are different statements."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One self-contained sentence, or a block that would be nothing in parts, worth remembering."""

    content: str
    category: Category
    type: str
    subtype: str
    importance: float
    """0..1."""
    sources: tuple[str, ...]
    """The names of all that said it."""
    people: tuple[str, ...] = ()
    """As the source has them."""
    occurred: date | None = None
    """The one day it speaks of, if it names one."""


class Extractor(Protocol):
    """Finds what is worth keeping. A language model may stand behind it."""

    async def extract(self, sources: Sequence[Source]) -> list[Statement]:
        """The statements of all sources, each once, in the order they were said."""

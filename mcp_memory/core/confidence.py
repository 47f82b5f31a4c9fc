"""How far a synthesis may be trusted, as a number with a written formula. Pure functions.

    confidence = (0.6 * nearness + 0.2 * coverage + 0.2 * support) * (1 - 0.5 * dispute)

* nearness: the best cosine between the question and a quoted memory, from 0 at `UNRELATED` to 1 at `ANSWERING`.
  Where nothing was compared by meaning, `WORDS_ONLY` times the coverage stands in for it.
* coverage: the share of the question's words that the quoted sentences hold; rare words count more.
* support: n / (n + 2) for n quoted memories at least `SUPPORTING` times as near as the best one.
* dispute: the share of the quoted memories that contradict another memory.

Without nearness and coverage there is no confidence, however much is quoted. It says how likely the answer is among
the sentences, not how true they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.core.summarise import asked_terms, held_by, matched, rarity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from collections.abc import Set as AbstractSet

    from mcp_memory.core.summarise import Sentence, Source

UNRELATED: Final = 0.2
"""Cosine that all-MiniLM-L6-v2 gives to texts of one conversation that have nothing to do with each other."""

ANSWERING: Final = 0.7
"""Cosine that a question and the turn that answers it seldom exceed."""

WORDS_ONLY: Final = 0.5
SUPPORTING: Final = 0.8


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a synthesis quotes, and of which question."""

    query: str
    sentences: Sequence[Sentence]
    browsing: bool = False
    """Nothing was asked: whatever is quoted fits."""
    disputed: AbstractSet[str] = frozenset()
    """Ids of memories that contradict another one."""


def confidence(evidence: Evidence) -> float:
    """From 0 (nothing to do with the question) to 1; two decimals."""
    sources = {one.source.id: one.source for one in evidence.sentences}
    if not sources:
        return 0.0
    coverage = 1.0 if evidence.browsing else _coverage(evidence)
    nearness = 1.0 if evidence.browsing else _nearness(sources.values(), coverage)
    support = _support(list(sources.values()))
    if nearness == coverage == 0.0:
        return 0.0
    dispute = len(sources.keys() & evidence.disputed) / len(sources)
    return round((0.6 * nearness + 0.2 * coverage + 0.2 * support) * (1 - 0.5 * dispute), 2)


def _coverage(evidence: Evidence) -> float:
    held = frozenset().union(*map(held_by, evidence.sentences))
    return matched(held, rarity(asked_terms(evidence.query), evidence.sentences))


def _nearness(sources: Iterable[Source], coverage: float) -> float:
    cosines = [source.relevance for source in sources if source.relevance is not None]
    if not cosines:
        return WORDS_ONLY * coverage
    return min(1.0, max(0.0, (max(cosines) - UNRELATED) / (ANSWERING - UNRELATED)))


def _support(sources: Sequence[Source]) -> float:
    best = max(_strength(source) for source in sources)
    count = sum(_strength(source) >= SUPPORTING * best for source in sources)
    return count / (count + 2)


def _strength(source: Source) -> float:
    return source.weight if source.relevance is None else source.relevance

"""Which memories are worth scoring for a query, where its words are in too many of them.

BM25 costs time for every memory that holds any word, and in a large store ordinary words are in most of them, while
the best matches hold a rare word, or several ordinary ones. A pair of words is as telling as one word that is as rare
as the pair. So words and pairs are taken, rarest first, until enough memories are covered; all words count in the
score of those, and the others are left alone.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from mcp_memory.text import fts_phrase, fts_query

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SCORED: Final = 2000
"""Memories scored at most, about. Of the first 50 of a full ranking of 100,000 memories 99 % stay (measured)."""

WORTHWHILE: Final = 5
"""A plan scores twice and looks up more, so it is made only where it leaves out most: at this many times `SCORED`."""


def worth_scoring(counts: Mapping[str, int], total: int) -> str | None:
    """The FTS5 expression of the memories worth scoring; None where all that hold any of the words are.

    Args:
        counts: each term of the query, and how many memories hold it.
        total: how many memories there are.
    """
    if sum(counts.values()) <= SCORED * WORTHWHILE:
        return None
    ordered = sorted(counts, key=lambda term: counts[term])
    clauses = sorted(
        [
            *((float(counts[term]), (term,)) for term in ordered),
            *((counts[one] * counts[other] / total, (one, other)) for one, other in combinations(ordered, 2)),
        ]
    )
    alone: set[str] = set()
    pairs: list[tuple[str, ...]] = []
    covered = 0.0
    for count, terms in clauses:
        if not alone.isdisjoint(terms):
            continue
        if covered and covered + count > SCORED:
            break
        covered += count
        alone.update(terms) if len(terms) == 1 else pairs.append(terms)
    return " OR ".join((*map(fts_phrase, alone), *_pairs([pair for pair in pairs if alone.isdisjoint(pair)])))


def _pairs(pairs: list[tuple[str, ...]]) -> Iterator[str]:
    """One clause for all pairs with the same first term: each phrase of an expression costs a look at its list."""
    for first in dict.fromkeys(pair[0] for pair in pairs):
        others = fts_query(pair[1] for pair in pairs if pair[0] == first)
        yield f"({fts_phrase(first)} AND ({others}))"

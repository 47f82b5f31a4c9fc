"""Finding memories by their words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mcp_memory.models.search import KeywordHits
from mcp_memory.storage.sqlite.filters import Condition
from mcp_memory.storage.sqlite.plan import worth_scoring
from mcp_memory.storage.sqlite.scope import partitions
from mcp_memory.storage.sqlite.statements import sql, sql_with
from mcp_memory.text import fts_phrase, fts_query, rare_terms, telling_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.models.search import Filter
    from mcp_memory.storage.sqlite.connection import Connection
    from mcp_memory.storage.sqlite.scope import Partition

Hit = tuple[int, float]
"""Key and BM25 score, higher is better."""

STALE_SHARE: Final = 0.05
"""A term is counted again once the workspace has grown or shrunk by this share since."""


REMEMBERED: Final = 20_000
"""Counts kept; they are all dropped when there are more."""


class Frequencies:
    """How many memories of a workspace match an expression, counted once and remembered a while."""

    def __init__(self) -> None:
        self._counted: dict[tuple[int, str], tuple[int, int]] = {}

    def count(self, connection: Connection, partition: Partition, expression: str) -> int:
        """The number of memories, exact to within `STALE_SHARE` of the workspace."""
        known = self._counted.get((partition.number, expression))
        if known is not None and abs(known[1] - partition.live) <= STALE_SHARE * known[1]:
            return known[0]
        bindings = {"query": expression, "first": partition.first, "last": partition.last}
        count: int = connection.value(sql("count_words"), bindings)
        if len(self._counted) >= REMEMBERED:
            self._counted.clear()
        self._counted[partition.number, expression] = (count, partition.live)
        return count


def search(
    connection: Connection, frequencies: Frequencies, terms: Sequence[str], where: Filter, limit: int
) -> KeywordHits:
    """The best memories by BM25, any of the terms that are not all over the searched workspaces.

    A name that every other memory of a workspace holds can be rare in the file, which is what BM25 goes by.
    """
    searched = [partition for partition in partitions(connection, where.workspaces) if partition.live]
    total = sum(partition.live for partition in searched)
    if not terms or not total:
        return KeywordHits({}, frozenset(), dict.fromkeys(terms, 0.0), total)
    shares = {
        term: sum(frequencies.count(connection, partition, _in_content((term,))) for partition in searched) / total
        for term in dict.fromkeys(terms)
    }
    telling, rare = telling_terms(shares, total), rare_terms(shares, total)
    found = [_best(connection, frequencies, telling, where, partition, limit) for partition in searched]
    scores = sorted((hit for hits in found for hit in hits), key=lambda hit: hit[1], reverse=True)[:limit]
    return KeywordHits(
        scores=dict(scores),
        exact=frozenset(key for partition in searched for key in _holders(connection, rare, where, partition)),
        frequencies={term: min(1.0, share) for term, share in shares.items()},
        total=total,
    )


def _best(
    connection: Connection,
    frequencies: Frequencies,
    terms: Sequence[str],
    where: Filter,
    partition: Partition,
    limit: int,
) -> list[Hit]:
    condition, query = Condition(where), fts_query(terms)
    if not where.is_plain:
        bindings = condition.within(partition, query=query, limit=limit)
        return connection.rows(sql_with("filtered_keyword_hits", condition.sql), bindings)
    counts = {term: frequencies.count(connection, partition, fts_phrase(term)) for term in terms}
    worthwhile = worth_scoring(counts, partition.live)
    if worthwhile is None:
        return connection.rows(sql("keyword_hits"), condition.within(partition, query=query, limit=limit))
    return _best_among(connection, worthwhile, query, condition.within(partition, limit=-1))[:limit]


def _best_among(connection: Connection, worthwhile: str, query: str, bindings: dict[str, Any]) -> list[Hit]:
    """The hits of a query among the memories worth scoring, best first.

    FTS5 scores every phrase of an expression: the words that choose the memories would count twice, so their share
    is taken off again.
    """
    twice = connection.rows(sql("keyword_hits"), bindings | {"query": f"({worthwhile}) AND ({query})"})
    surplus: dict[int, float] = dict(connection.rows(sql("keyword_hits"), bindings | {"query": worthwhile}))
    hits = [(key, score - surplus.get(key, 0.0)) for key, score in twice]
    return sorted(hits, key=lambda hit: hit[1], reverse=True)


def _holders(connection: Connection, rare: Sequence[str], where: Filter, partition: Partition) -> list[int]:
    """The keys of the memories that hold any of the rare terms."""
    if not rare:
        return []
    condition = Condition(where)
    bindings = condition.within(partition, query=_in_content(rare))
    return [key for (key,) in connection.rows(sql_with("holders", condition.sql), bindings)]


def _in_content(terms: Sequence[str]) -> str:
    """The expression of the memories that hold any of the terms themselves, not only in their context."""
    return f"content : ({' OR '.join(map(fts_phrase, terms))})"

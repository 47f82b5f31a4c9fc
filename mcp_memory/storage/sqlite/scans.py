"""Exact nearest-neighbour search in one workspace: in memory, or on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from mcp_memory.storage.sqlite.filters import Condition, integers
from mcp_memory.storage.sqlite.matrix import ACTIVE, GONE
from mcp_memory.storage.sqlite.statements import sql, sql_for_index, sql_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mcp_memory.models.search import Filter
    from mcp_memory.storage.sqlite.connection import Connection
    from mcp_memory.storage.sqlite.matrix import Floats, Matrix
    from mcp_memory.storage.sqlite.scope import Partition

    Rows = NDArray[np.intp]

PROBES: Final = (4, 32)
"""Times the memories wanted that are put to a filter, before all that pass it are looked up."""

MOST_FROM_DISK: Final = 4096
"""The most neighbours `vec0` gives."""

THREADED_FROM: Final = 30_000
"""Vectors from which the threads of a matrix product gain more than they wait for one another."""

Hit = tuple[int, float]
"""Key and cosine."""


class Scan(Protocol):
    """One query against the vectors of one workspace."""

    def top(self, limit: int) -> list[Hit]:
        """The nearest memories that pass the filter, nearest first."""

    def of(self, keys: Sequence[int]) -> list[Hit]:
        """The cosines of these memories, in any order; those without a vector are left out."""


class MemoryScan:
    """A scan of the matrix: every cosine is computed once."""

    def __init__(
        self, connection: Connection, matrix: Matrix, query: Floats, where: Filter, partition: Partition
    ) -> None:
        self._connection = connection
        self._matrix = matrix
        self._where = where
        self._partition = partition
        vectors, self._keys, self._states = matrix.rows()
        self._cosines = _products(vectors, query)

    def top(self, limit: int) -> list[Hit]:
        """The nearest memories that pass the filter, nearest first."""
        allowed = self._states != GONE if self._where.include_archived else self._states == ACTIVE
        if self._where.is_plain:
            hidden = _notes_of_others(self._connection, self._where, self._partition)
            allowed[self._matrix.positions(hidden, len(self._keys))] = False
            return self._hits(self._largest(allowed, limit))
        for times in PROBES:
            probed = self._largest(allowed, limit * times)
            passing = self._passing_among(probed)
            if len(passing) >= limit or len(probed) < limit * times:
                return self._hits(passing[:limit])
            if len(passing) * PROBES[-1] < limit * PROBES[0]:
                break
        return self._hits(self._largest(self._all_passing(), limit))

    def of(self, keys: Sequence[int]) -> list[Hit]:
        """The cosines of these memories, in any order; those without a vector are left out."""
        positions = self._matrix.positions(keys, len(self._keys))
        return self._hits(positions)

    def _hits(self, positions: Sequence[int] | Rows) -> list[Hit]:
        if not len(positions):
            return []
        return list(zip(self._keys[positions].tolist(), self._cosines[positions].tolist(), strict=True))

    def _largest(self, allowed: NDArray[np.bool_], limit: int) -> Rows:
        """The rows of the largest cosines among those allowed, largest first."""
        import numpy as np

        cosines = self._cosines if allowed.all() else np.where(allowed, self._cosines, -np.inf)
        count = min(limit, len(cosines))
        rows = np.argpartition(cosines, len(cosines) - count)[len(cosines) - count :] if count else np.arange(0)
        rows = rows[allowed[rows]]
        ordered: Rows = rows[np.lexsort((self._keys[rows], -cosines[rows]))]
        return ordered

    def _passing_among(self, rows: Rows) -> Rows:
        import numpy as np

        if not len(rows):
            return rows
        keys = self._keys[rows]
        condition = Condition(self._where)
        bindings = condition.within(self._partition, keys=integers(keys.tolist()))
        passing = {key for (key,) in self._connection.rows(sql_with("allowed_among", condition.sql), bindings)}
        kept: Rows = rows[np.fromiter((key in passing for key in keys.tolist()), dtype=bool, count=len(rows))]
        return kept

    def _all_passing(self) -> NDArray[np.bool_]:
        import numpy as np

        condition = Condition(self._where)
        rows = self._connection.rows(sql_with("allowed_keys", condition.sql), condition.within(self._partition))
        allowed = np.zeros(len(self._keys), dtype=bool)
        allowed[self._matrix.positions([key for (key,) in rows], len(self._keys))] = True
        return allowed


def _notes_of_others(connection: Connection, where: Filter, partition: Partition) -> list[int]:
    """The keys of the notes of sessions other than the one that looks; usually few, of the sessions open now."""
    bindings = {"viewer_session": where.viewer_session, "first": partition.first, "last": partition.last}
    return [key for (key,) in connection.rows(sql("notes_of_others"), bindings)]


def _products(vectors: Floats, query: Floats) -> Floats:
    """The inner product of every row with the query, shape (rows,)."""
    import numpy as np

    products: Floats = vectors @ query if len(vectors) >= THREADED_FROM else np.vecdot(vectors, query)
    return products


class DiskScan:
    """A scan by `vec0`, for a workspace whose vectors are not in memory (yet)."""

    def __init__(
        self, connection: Connection, encoder: int, query: Floats, where: Filter, partition: Partition
    ) -> None:
        self._connection = connection
        self._encoder = encoder
        self._query = query
        self._where = where
        self._partition = partition

    def top(self, limit: int) -> list[Hit]:
        """The nearest memories that pass the filter, nearest first."""
        condition, hidden = Condition(self._where), self._hidden(limit)
        wanted = limit if hidden is None else limit + len(hidden)
        bindings = condition.within(self._partition, vector=self._query.tobytes(), k=min(wanted, MOST_FROM_DISK))
        among = "search_vector_index_among" if hidden is None else "search_vector_index"
        text = sql_for_index(among, self._encoder).replace("{condition}", condition.sql)
        rows = self._connection.rows(text, bindings)
        seen = [(key, 1.0 - distance * distance / 2.0) for key, distance in rows if not hidden or key not in hidden]
        return seen[:limit]

    def _hidden(self, limit: int) -> set[int] | None:
        """The few memories of the workspace the search must leave out; None where it must look up which it may find."""
        if not self._where.is_plain or self._connection.value(sql("has_archived")):
            return None
        hidden = _notes_of_others(self._connection, self._where, self._partition)
        return set(hidden) if limit + len(hidden) <= MOST_FROM_DISK or not hidden else None

    def of(self, keys: Sequence[int]) -> list[Hit]:
        """The cosines of these memories, in any order; those without a vector are left out."""
        import numpy as np

        if not keys:
            return []
        bindings = {"keys": integers(keys), "encoder": self._encoder}
        rows = self._connection.rows(sql("vectors_by_key"), bindings)
        flat = np.frombuffer(b"".join([vector for _, vector in rows]), dtype="<f4")
        cosines = flat.reshape(len(rows), len(self._query)) @ self._query
        return list(zip([key for key, _ in rows], cosines.tolist(), strict=True))

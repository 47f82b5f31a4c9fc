"""The vectors of one workspace and encoder in memory, kept in step with the file."""

from __future__ import annotations

import threading
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.storage.sqlite import journal
from mcp_memory.storage.sqlite.scope import Partition, number_of
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mcp_memory.storage.sqlite.connection import Connection

    Floats = NDArray[np.float32]

GONE: Final = 0
ACTIVE: Final = 1
ARCHIVED: Final = 2

GROWTH: Final = 1.25
"""Rows are allocated ahead by this factor, so that a new memory does not copy all others."""

SLACK: Final = 256
"""Rows allocated ahead at least."""

LOAD_ROWS: Final = 4096
"""Rows turned into one array at a time while loading."""

MOSTLY_GONE: Final = 0.25
"""Share of dead rows above which the matrix is packed."""


class Matrix:
    """Rows of vectors with their keys and states.

    A row once written never changes its vector or its place, only its state: who still reads an earlier `rows()`
    sees whole vectors. A changed vector is a new row.
    """

    def __init__(self, encoder: int, dimension: int, workspace: int, expected: int = 0) -> None:
        self.encoder = encoder
        self.dimension = dimension
        self.workspace = workspace
        self._lock = threading.Lock()
        self._seen = -1
        self._positions: dict[int, int] = {}
        self._vectors: Floats
        self._keys: NDArray[np.int64]
        self._states: NDArray[np.int8]
        self._count = 0
        self._allocate(expected)

    @property
    def size_bytes(self) -> int:
        """Memory taken by the vectors."""
        return int(self._vectors.nbytes)

    def load(self, connection: Connection) -> None:
        """Read everything there is."""
        with self._lock:
            here = Partition(self.workspace, 0)
            bindings = {"first": here.first, "last": here.last, "encoder": self.encoder}
            stream = connection.stream(sql("vectors_to_load"), bindings)
            while rows := list(islice(stream, LOAD_ROWS)):
                self._append(rows)
            self._seen = journal.last_change(connection)

    def catch_up(self, connection: Connection) -> None:
        """Read what has changed since, by whichever process."""
        latest = journal.last_change(connection)
        if latest <= self._seen:
            return
        with self._lock:
            since = self._seen
            if latest <= since:
                return
            erased = [key for (key,) in connection.rows(sql("erased_since"), (since,))]
            bindings = {"workspace": self.workspace, "encoder": self.encoder, "since": since}
            changed = connection.rows(sql("vectors_changed"), bindings)
            self._remove([key for key in erased if number_of(key) == self.workspace])
            self._remove([key for key, _, _ in changed])
            self._append(
                [
                    (key, status == "archived", vector)
                    for key, status, vector in changed
                    if status != "deleted" and vector is not None
                ]
            )
            self._pack()
            self._seen = latest

    def rows(self) -> tuple[Floats, NDArray[np.int64], NDArray[np.int8]]:
        """Vectors (n, dimension), keys (n,) and states (n,) as they are now."""
        with self._lock:
            count = self._count
            return self._vectors[:count], self._keys[:count], self._states[:count]

    def positions(self, keys: Sequence[int], count: int) -> list[int]:
        """The rows of these keys among the first `count`; keys without a vector are left out."""
        found = (self._positions.get(key, count) for key in keys)
        return [position for position in found if position < count]

    def _allocate(self, rows: int) -> None:
        import numpy as np

        capacity = max(int(rows * GROWTH), rows + SLACK)
        vectors = np.empty((capacity, self.dimension), dtype=np.float32)
        keys = np.zeros(capacity, dtype=np.int64)
        states = np.zeros(capacity, dtype=np.int8)
        if self._count:
            vectors[: self._count] = self._vectors[: self._count]
            keys[: self._count] = self._keys[: self._count]
            states[: self._count] = self._states[: self._count]
        self._vectors, self._keys, self._states = vectors, keys, states

    def _append(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows of key, whether archived, and vector."""
        import numpy as np

        first, last = self._count, self._count + len(rows)
        if not rows:
            return
        if last > len(self._keys):
            self._allocate(last)
        keys = [row[0] for row in rows]
        flat = np.frombuffer(b"".join([row[2] for row in rows]), dtype="<f4")
        self._vectors[first:last] = flat.reshape(len(rows), self.dimension)
        self._keys[first:last] = keys
        self._states[first:last] = [ARCHIVED if row[1] else ACTIVE for row in rows]
        self._positions.update(zip(keys, range(first, last), strict=True))
        self._count = last

    def _remove(self, keys: Sequence[int]) -> None:
        for key in keys:
            position = self._positions.pop(key, None)
            if position is not None:
                self._states[position] = GONE

    def _pack(self) -> None:
        """Copy the living rows together once too many are dead."""
        import numpy as np

        if self._count - len(self._positions) <= max(SLACK, MOSTLY_GONE * self._count):
            return
        kept = np.flatnonzero(self._states[: self._count] != GONE)
        vectors, keys, states = self._vectors[kept], self._keys[kept], self._states[kept]
        self._count = 0
        self._allocate(len(kept))
        self._count = len(kept)
        self._vectors[: self._count], self._keys[: self._count], self._states[: self._count] = vectors, keys, states
        self._positions = dict(zip(keys.tolist(), range(self._count), strict=True))

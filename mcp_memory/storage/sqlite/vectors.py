"""Finding memories by meaning, and all that ranking wants to know of what was found."""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import StoreError
from mcp_memory.models.search import Candidate, Near
from mcp_memory.storage.sqlite import encoders
from mcp_memory.storage.sqlite.filters import integers
from mcp_memory.storage.sqlite.matrix import Matrix
from mcp_memory.storage.sqlite.scans import DiskScan, Hit, MemoryScan, Scan
from mcp_memory.storage.sqlite.scope import partitions
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.search import Filter, KeywordHits
    from mcp_memory.storage.sqlite.connection import Connection
    from mcp_memory.storage.sqlite.database import Database
    from mcp_memory.storage.sqlite.matrix import Floats
    from mcp_memory.storage.sqlite.scope import Partition

LOADED_AT_ONCE: Final = 2000
"""Vectors a search waits for; a larger matrix is loaded in the background while the disk answers."""


class VectorCache:
    """Matrices ready to search, those least recently used given up first."""

    def __init__(self, database: Database, budget_bytes: int) -> None:
        self._database = database
        self._budget = budget_bytes
        self._lock = threading.Lock()
        self._ready: OrderedDict[tuple[int, int], Matrix] = OrderedDict()
        self._loading: set[tuple[int, int]] = set()

    def scan(
        self,
        connection: Connection,
        encoder: int,
        query: Floats,
        where: Filter,
        partition: Partition,
    ) -> Scan:
        """The query against one workspace, by the fastest exact way there is now."""
        matrix = self._matrix(connection, encoder, len(query), partition)
        if matrix is None:
            return DiskScan(connection, encoder, query, where, partition)
        matrix.catch_up(connection)
        return MemoryScan(connection, matrix, query, where, partition)

    def _matrix(self, connection: Connection, encoder: int, dimension: int, partition: Partition) -> Matrix | None:
        place = (encoder, partition.number)
        with self._lock:
            if place in self._ready:
                self._ready.move_to_end(place)
                return self._ready[place]
            if partition.live * dimension * 4 > self._budget:
                return None
            if partition.live > LOADED_AT_ONCE:
                self._load_in_background(Matrix(encoder, dimension, partition.number, partition.live))
                return None
        matrix = Matrix(encoder, dimension, partition.number, partition.live)
        matrix.load(connection)
        return self._keep(place, matrix)

    def _load_in_background(self, matrix: Matrix) -> None:
        place = (matrix.encoder, matrix.workspace)
        if place not in self._loading:
            self._loading.add(place)
            threading.Thread(target=self._load, args=(place, matrix), name="vectors", daemon=True).start()

    def _load(self, place: tuple[int, int], matrix: Matrix) -> None:
        try:
            self._database.read_now(matrix.load)
            self._keep(place, matrix)
        except StoreError:
            return
        finally:
            with self._lock:
                self._loading.discard(place)

    def _keep(self, place: tuple[int, int], matrix: Matrix) -> Matrix:
        with self._lock:
            kept = self._ready.setdefault(place, matrix)
            self._ready.move_to_end(place)
            while len(self._ready) > 1 and sum(one.size_bytes for one in self._ready.values()) > self._budget:
                self._ready.popitem(last=False)
            return kept


def candidates(
    connection: Connection,
    cache: VectorCache,
    vector: object | None,
    identity: EncoderIdentity | None,
    hits: KeywordHits,
    where: Filter,
    limit: int,
) -> list[Candidate]:
    """The keyword hits and the nearest memories, every one with its cosine."""
    scans = _scans(connection, cache, vector, identity, where)
    nearest = _nearest(scans, limit)
    cosines = dict(nearest)
    for scan in scans:
        cosines.update(scan.of([key for key in hits.scores if key not in cosines]))
    keys = list(dict.fromkeys([*hits.scores, *(key for key, _ in nearest)]))
    if not keys:
        return []
    scores, exact = hits.scores, hits.exact
    return [
        Candidate(
            key, scores.get(key, 0.0), cosines.get(key), key in exact, author, group, datetime.fromisoformat(moment),
            importance, words, bool(short), context,
        )
        for key, author, group, moment, importance, words, short, context in connection.rows(
            sql("features"), (integers(keys),)
        )
    ]  # fmt: skip


def nearest(
    connection: Connection,
    cache: VectorCache,
    vector: object,
    identity: EncoderIdentity,
    where: Filter,
    limit: int,
) -> list[Near]:
    """The memories nearest to a vector, nearest first."""
    found = _nearest(_scans(connection, cache, vector, identity, where), limit)
    if not found:
        return []
    keys = [key for key, _ in found]
    texts = {key: (memory_id, content) for key, memory_id, content in connection.rows(sql("near"), (integers(keys),))}
    return [Near(key, *texts[key], cosine) for key, cosine in found if key in texts]


def _scans(
    connection: Connection,
    cache: VectorCache,
    vector: object | None,
    identity: EncoderIdentity | None,
    where: Filter,
) -> list[Scan]:
    """One for each workspace that holds anything; none without a vector on either side."""
    encoder = encoders.find(connection, identity) if vector is not None and identity is not None else None
    if encoder is None or vector is None or identity is None:
        return []
    query = encoders.as_array(vector, identity)
    held = (partition for partition in partitions(connection, where.workspaces) if partition.live)
    return [cache.scan(connection, encoder, query, where, partition) for partition in held]


def _nearest(scans: list[Scan], limit: int) -> list[Hit]:
    if limit <= 0:
        return []
    found = [hit for scan in scans for hit in scan.top(limit)]
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit]

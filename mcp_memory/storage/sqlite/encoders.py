"""Vectors by encoder: the rows that are the truth, and their index on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.errors import EncoderMismatch
from mcp_memory.storage.base import EncoderCoverage, Unembedded
from mcp_memory.storage.sqlite import journal, scope
from mcp_memory.storage.sqlite.filters import strings
from mcp_memory.storage.sqlite.statements import sql, sql_for_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from mcp_memory.storage.sqlite.connection import Connection

    Vector = NDArray[np.float32]


def find(connection: Connection, identity: EncoderIdentity) -> int | None:
    """The encoder's number; None where nothing was ever embedded with it."""
    row = connection.first(sql("encoder"), (identity.name, identity.revision, identity.dimension))
    return None if row is None else int(row[0])


def ensure(connection: Connection, identity: EncoderIdentity) -> int:
    """The encoder's number; the first one of a store is its active one."""
    number = find(connection, identity)
    if number is not None:
        return number
    values = (identity.name, identity.revision, identity.dimension, journal.now_stamp())
    number = connection.value(sql("insert_encoder"), values)
    create_index(connection, number, identity.dimension)
    return int(number)


def create_index(connection: Connection, number: int, dimension: int) -> None:
    """Make the encoder's empty index on disk."""
    connection.run(sql_for_index("create_vector_index", number).replace("{dimension}", f"{dimension:d}"))


def as_array(vector: object, identity: EncoderIdentity) -> Vector:
    """A vector of any kind as float32 of shape (dimension,).

    Raises:
        EncoderMismatch: it is not one of this encoder's.
    """
    import numpy as np

    array = np.ascontiguousarray(vector, dtype="<f4").reshape(-1)
    if array.size != identity.dimension or not np.isfinite(array).all():
        raise EncoderMismatch(
            f"{identity} should give {identity.dimension} finite numbers and gave {array.size} numbers"
            f"{'' if array.size != identity.dimension else ', not all finite'}; check that the embedder's settings "
            "and its model belong together."
        )
    return array


def as_blob(vector: object, identity: EncoderIdentity) -> bytes:
    """A vector as it is stored.

    Raises:
        EncoderMismatch: it is not one of this encoder's.
    """
    return as_array(vector, identity).tobytes()


def store_vector(connection: Connection, encoder: int, key: int, vector: bytes | None) -> None:
    """Write or overwrite one vector, in the rows and in the index; None: it could not be embedded."""
    keep_vector(connection, encoder, key, vector)
    connection.run(sql_for_index("delete_from_vector_index", encoder), (key,))
    if vector is not None:
        index_vector(connection, encoder, key, vector)


def keep_vector(connection: Connection, encoder: int, key: int, vector: bytes | None) -> None:
    """Write or overwrite one vector in the rows only."""
    connection.run(sql("upsert_vector"), (key, encoder, vector))


def index_vector(connection: Connection, encoder: int, key: int, vector: bytes) -> None:
    """Add one vector to the encoder's index."""
    connection.run(sql_for_index("insert_into_vector_index", encoder), (key, scope.number_of(key), vector))


def index_vectors_of(connection: Connection, key: int) -> None:
    """Add what vectors a memory has to the indexes."""
    for encoder, vector in connection.rows(sql("vectors_of"), (key,)):
        index_vector(connection, encoder, key, vector)


def unindex_vectors_of(connection: Connection, key: int) -> None:
    """Take a memory out of every encoder's index."""
    for encoder, _ in connection.rows(sql("vectors_of"), (key,)):
        connection.run(sql_for_index("delete_from_vector_index", encoder), (key,))


def unembedded(
    connection: Connection, identity: EncoderIdentity, limit: int, *, pending_only: bool
) -> list[Unembedded]:
    """Live memories without a vector of this encoder, oldest first; `pending_only`: without any."""
    if pending_only:
        rows = connection.rows(sql("pending"), (limit,))
    else:
        rows = connection.rows(sql("missing_vectors"), (find(connection, identity) or 0, limit))
    return [Unembedded(*row) for row in rows]


def set_vectors(
    connection: Connection, identity: EncoderIdentity, rows: Sequence[tuple[Unembedded, object | None]]
) -> int:
    """Store vectors of rows whose content is still the same; how many."""
    encoder, change, stored = ensure(connection, identity), journal.next_change(connection), 0
    for row, vector in rows:
        if not connection.rows(sql("is_still"), (row.key, row.content)):
            continue
        store_vector(connection, encoder, row.key, None if vector is None else as_blob(vector, identity))
        connection.run(sql("settle_embedding_state"), (change, row.key))
        stored += vector is not None
    return stored


def vectors_of(connection: Connection, identity: EncoderIdentity, memory_ids: Sequence[str]) -> dict[str, object]:
    """Memory id to unit vector of shape (dimension,), for those that have one of this encoder, in the order asked."""
    import numpy as np

    encoder = find(connection, identity)
    if encoder is None or not memory_ids:
        return {}
    bindings = {"ids": strings(memory_ids), "encoder": encoder}
    return {id_: np.frombuffer(vector, "<f4") for id_, vector in connection.rows(sql("vectors_by_id"), bindings)}


def coverage(connection: Connection) -> list[EncoderCoverage]:
    """Every encoder with vectors here, most vectors first."""
    found = [
        EncoderCoverage(
            EncoderIdentity(name, revision, dimension),
            connection.value(sql_for_index("count_vector_index", number)),
            bool(active),
        )
        for number, name, revision, dimension, active in connection.rows(sql("encoder_numbers"))
    ]
    return sorted(found, key=lambda one: -one.embedded)


def activate(connection: Connection, identity: EncoderIdentity) -> None:
    """Say that the store as a whole is embedded with this one."""
    connection.run(sql("activate_encoder"), (ensure(connection, identity),))


def drop(connection: Connection, identity: EncoderIdentity) -> int:
    """Remove an encoder's vectors; how many there were."""
    encoder = find(connection, identity)
    if encoder is None:
        return 0
    keys = [key for (key,) in connection.rows(sql("keys_of_encoder"), (encoder,))]
    connection.run(sql_for_index("drop_vector_index", encoder))
    connection.run(sql("delete_vectors_of_encoder"), (encoder,))
    connection.run(sql("delete_encoder"), (encoder,))
    change = journal.next_change(connection)
    for key in keys:
        connection.run(sql("settle_embedding_state"), (change, key))
    return len(keys)

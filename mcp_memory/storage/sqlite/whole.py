"""The store as a whole: counts, state, soundness, and making its indexes anew."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import apsw

from mcp_memory.models.base import in_utc, stamp
from mcp_memory.storage.base import Counts, StoreState, Totals
from mcp_memory.storage.sqlite import encoders, scope
from mcp_memory.storage.sqlite.migrate import version_of
from mcp_memory.storage.sqlite.statements import sql, sql_for_index
from mcp_memory.storage.sqlite.words import rebuild_words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mcp_memory.storage.sqlite.connection import Connection

NOTHING = Counts(0, 0, 0, None, None, {}, {}, {}, {}, {}, {}, {})


def counts(connection: Connection, workspace_id: str, now: datetime) -> Counts:
    """Counts of one workspace; all zero where there is none."""
    found = scope.partitions(connection, [workspace_id])
    if not found:
        return NOTHING
    number = found[0].number
    [row] = connection.rows(sql("counts"), {"workspace": number})
    memories, oldest, newest, associations, contexts = row

    def by(what: str, bindings: Any = (number,)) -> dict[str, int]:
        return dict(connection.rows(sql(f"count_by_{what}"), bindings))

    return Counts(
        memories=memories,
        associations=associations,
        contexts=contexts,
        oldest=_moment(oldest),
        newest=_moment(newest),
        by_type=by("type"),
        by_subtype=by("subtype"),
        by_status=by("status"),
        by_tag=by("tag", {"first": found[0].first, "last": found[0].last}),
        by_author=by("author"),
        by_age=by("age", {"workspace": number} | _age_borders(now)),
        by_relationship=by("relationship"),
    )


def totals(connection: Connection, workspace_id: str) -> Totals:
    """How much one workspace holds, by kind; all zero where there is none."""
    by_type: Counter[str] = Counter()
    by_subtype: Counter[str] = Counter()
    found = scope.partitions(connection, [workspace_id])
    for kind, subtype, count in connection.rows(sql("totals"), (found[0].number,)) if found else ():
        by_type[kind] += count
        by_subtype[subtype] += count
    by_subtype.pop("", None)
    associations = connection.value(sql("count_associations"), (found[0].number,)) if found else 0
    return Totals(by_type.total(), associations, dict(by_type.most_common()), dict(by_subtype.most_common()))


def state(connection: Connection, path: Path) -> StoreState:
    """The store as a whole."""
    [[workspaces, memories]] = connection.rows(sql("state"))
    vec_version = connection.value(sql("vec_version"))
    return StoreState(
        location=str(path),
        size_bytes=sum(one.stat().st_size for one in _files(path)),
        schema_version=version_of(connection),
        engine=f"SQLite {apsw.sqlite_lib_version()} with sqlite-vec {vec_version}",
        workspaces=workspaces,
        memories=memories,
    )


def integrity(connection: Connection) -> list[str]:
    """What is damaged, a sentence each. FTS5 checks itself through an INSERT, so not where nothing can be written."""
    return [f"{sentence}." for sentence in _findings(connection)]


def _findings(connection: Connection) -> Iterator[str]:
    for (finding,) in connection.rows("PRAGMA integrity_check"):
        if finding != "ok":
            yield f"The file is damaged: {finding}"
    for table, row, parent, _ in connection.rows("PRAGMA foreign_key_check"):
        yield f"Row {row} of {table} refers to a row of {parent} that is gone"
    for (workspace,) in connection.rows(sql("check_live")):
        yield f"The count of memories in the workspace {workspace!r} is wrong; `mcp-memory reindex` mends it"
    yield from _keyword_findings(connection)
    yield from _vector_findings(connection)


def _keyword_findings(connection: Connection) -> Iterator[str]:
    try:
        with suppress(apsw.ReadOnlyError):
            connection.run(sql("check_keyword_index"))
        [[indexed, live]] = connection.rows(sql("count_indexed"))
    except (apsw.CorruptError, apsw.SQLError) as error:
        yield f"The keyword index is damaged ({error}); `mcp-memory reindex` mends it"
        return
    if indexed != live:
        yield f"The keyword index holds {indexed} memories instead of {live}; `mcp-memory reindex` mends it"


def _vector_findings(connection: Connection) -> Iterator[str]:
    for number, name, *_ in connection.rows(sql("encoder_numbers")):
        try:
            [[indexed, stored]] = connection.rows(sql_for_index("check_vector_index", number), (number,))
        except (apsw.CorruptError, apsw.SQLError) as error:
            yield f"The vector index of {name} is damaged ({error}); `mcp-memory reindex` mends it"
            continue
        if indexed != stored:
            yield f"The vector index of {name} holds {indexed} of {stored} vectors; `mcp-memory reindex` mends it"


def rebuild_indexes(connection: Connection) -> None:
    """Make the keyword index, the vector indexes and the counts anew from the rows."""
    rebuild_words(connection)
    for number, _, _, dimension, _ in connection.rows(sql("encoder_numbers")):
        connection.run(sql_for_index("drop_vector_index", number))
        encoders.create_index(connection, number, dimension)
        for partition in scope.all_partitions(connection):
            rows = connection.stream(sql("live_vectors"), (partition.first, partition.last, number))
            connection.executemany(
                sql_for_index("insert_into_vector_index", number),
                ((key, partition.number, vector) for key, vector in rows),
            )
    connection.run(sql("recount_live"))


def _files(path: Path) -> list[Path]:
    return [one for one in (path, path.with_name(path.name + "-wal")) if one.exists()]


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _age_borders(now: datetime) -> dict[str, str]:
    """The first moment of today, of this week (Monday), month and year, in UTC."""
    today = in_utc(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "today": stamp(today),
        "this_week": stamp(today - timedelta(days=today.weekday())),
        "this_month": stamp(today.replace(day=1)),
        "this_year": stamp(today.replace(month=1, day=1)),
    }

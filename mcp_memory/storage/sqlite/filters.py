"""A filter as a condition in SQL. Values are always bound, never written into it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw

from mcp_memory.models.base import stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_memory.models.search import Filter
    from mcp_memory.storage.sqlite.scope import Partition

_NOT_EXCLUDED = "m.key NOT IN (SELECT e.key FROM carray(:exclude_ids) c CROSS JOIN memories e ON e.id = c.value)"
_NOT_OF_ANOTHER_SESSION = "(m.type != 'working' OR m.session_id IN ('', :viewer_session) OR m.status = 'deleted')"
_LABELS = ("context_id", "user_id", "observer_id", "subject_id", "author")


class Condition:
    """An SQL condition on the table (or view) aliased `m`, and the values it binds.

    `status`: a condition in place of the filter's own on a memory's status.
    """

    def __init__(self, where: Filter, status: str = "") -> None:
        parts = [(status or _status(where), {}), *_parts(where)]
        self.sql = " AND ".join(part for part, _ in parts)
        self._values = {name: value for _, values in parts for name, value in values.items()}

    def within(self, partition: Partition, **more: Any) -> dict[str, Any]:
        """The bindings of a statement that looks at one workspace."""
        return self._values | {
            "workspace": partition.number, "first": partition.first, "last": partition.last, **more,
        }  # fmt: skip


def strings(values: Sequence[str]) -> Any:
    """A bindable array of text, for `carray`. Must not be empty."""
    return apsw.carray(tuple(values))


def integers(values: Sequence[int]) -> Any:
    """A bindable array of keys, for `carray`. Must not be empty."""
    from array import array

    return apsw.carray(array("q", values))


def _status(where: Filter) -> str:
    column = "+m.status" if where.session_id else "m.status"  # the `+` leaves the search to the index of sessions
    return f"{column} IN ('active', 'archived')" if where.include_archived else f"{column} = 'active'"


def _parts(where: Filter) -> Iterator[tuple[str, dict[str, Any]]]:
    yield _NOT_OF_ANOTHER_SESSION, {"viewer_session": where.viewer_session}
    for column in _LABELS:
        if value := getattr(where, column):
            yield f"m.{column} = :{column}", {column: value}
    if where.session_id:
        yield "m.session_id = :session_id AND m.session_id != ''", {"session_id": where.session_id}
    if where.types:
        yield "m.type IN (SELECT value FROM carray(:types))", {"types": strings(where.types)}
    if where.subtypes:
        yield "m.subtype IN (SELECT value FROM carray(:subtypes))", {"subtypes": strings(where.subtypes)}
    for position, tag in enumerate(dict.fromkeys(where.tags)):
        yield _has_tag(position), {f"tag_{position}": tag}
    if where.created_after is not None:
        yield "m.created_at >= :created_after", {"created_after": stamp(where.created_after)}
    if where.created_before is not None:
        yield "m.created_at < :created_before", {"created_before": stamp(where.created_before)}
    if where.exclude_ids:
        yield _NOT_EXCLUDED, {"exclude_ids": strings(where.exclude_ids)}


def _has_tag(position: int) -> str:
    return f"m.key IN (SELECT key FROM memory_tags WHERE tag = :tag_{position} AND key BETWEEN :first AND :last)"  # noqa: S608

"""Contradictions that were recorded, and what settling one does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_memory.errors import Conflict, UnknownRecord
from mcp_memory.models.association import Association
from mcp_memory.models.base import stamp
from mcp_memory.models.contradiction import RecordedContradiction
from mcp_memory.storage.sqlite import graph, journal, lifecycle, revising, scope
from mcp_memory.storage.sqlite.filters import strings
from mcp_memory.storage.sqlite.rows import memory_of
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.storage.sqlite.writing import new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.base import Settlement
    from mcp_memory.storage.sqlite.connection import Connection

    Held = tuple[int, Memory]


def record(
    connection: Connection, found: Sequence[RecordedContradiction], most: int, workspace_id: str, author: str
) -> list[RecordedContradiction]:
    """Keep those that are new, at most so many."""
    kept: list[RecordedContradiction] = []
    for one in found:
        if len(kept) < most and (new := _insert(connection, one)) is not None:
            kept.append(new)
    journal.record_event(connection, workspace_id, "contradiction.scan", "", author, {"found": len(kept)})
    return kept


def _insert(connection: Connection, one: RecordedContradiction) -> RecordedContradiction | None:
    fresh = one.model_copy(update={"id": new_id("contra")})
    bindings = {
        "id": fresh.id,
        "workspace": scope.ensure_workspace(connection, one.workspace_id, "", stamp(one.detected_at)),
        "memory_a": one.memory_a,
        "memory_b": one.memory_b,
        "kind": one.kind,
        "confidence": one.confidence,
        "detail": one.detail,
        "detected_at": stamp(one.detected_at),
    }
    return fresh if connection.rows(sql("insert_contradiction"), bindings) else None


def unsettled(connection: Connection, workspaces: Sequence[str], limit: int) -> list[RecordedContradiction]:
    """Those not settled whose memories are both alive, surest first."""
    rows = connection.rows(sql("open_contradictions"), {"workspaces": strings(tuple(workspaces)), "limit": limit})
    return [_contradiction_of(row) for row in rows]


def count_unsettled(connection: Connection, workspaces: Sequence[str]) -> int:
    """How many there are."""
    return int(connection.value(sql("count_open_contradictions"), (strings(tuple(workspaces)),)))


def find(connection: Connection, contradiction_id: str) -> RecordedContradiction | None:
    """The contradiction, settled or not, or None."""
    row = connection.first(sql("contradiction"), (contradiction_id,))
    return None if row is None else _contradiction_of(row)


def settle(connection: Connection, settlement: Settlement, identity: EncoderIdentity | None) -> RecordedContradiction:
    """Do what the settlement says, and note that it is settled."""
    one = _open(connection, settlement.contradiction_id)
    first, second = _held(connection, one.memory_a), _held(connection, one.memory_b)
    merged = settlement.merged
    bindings = {
        "id": one.id,
        "at": stamp(settlement.at),
        "resolution": settlement.resolution,
        "merged_content": merged.content if merged else None,
    }
    connection.run(sql("settle_contradiction"), bindings)
    match settlement.resolution:
        case "keep_a":
            _supersede(connection, one, first, second, settlement)
        case "keep_b":
            _supersede(connection, one, second, first, settlement)
        case "keep_both":
            _let_both_hold(connection, one, first, second, settlement)
        case "merge":
            _supersede(connection, one, first, second, settlement)
            if merged is not None:
                revising.rewrite(connection, *_held(connection, one.memory_a), merged, identity)
    told = {"resolution": settlement.resolution, "memory_a": one.memory_a, "memory_b": one.memory_b}
    journal.record_event(connection, one.workspace_id, "contradiction.resolve", one.id, settlement.author, told)
    return _known(connection, one.id)


def _open(connection: Connection, contradiction_id: str) -> RecordedContradiction:
    one = find(connection, contradiction_id)
    if one is None:
        raise UnknownRecord(f"There is no contradiction {contradiction_id!r}; list those that wait.")
    if one.resolved_at is not None:
        raise Conflict(f"{one.id} was settled at {stamp(one.resolved_at)} ({one.resolution}); nothing was done.")
    return one


def _supersede(
    connection: Connection, one: RecordedContradiction, kept: Held, dropped: Held, settlement: Settlement
) -> None:
    """Link the memory that is kept to the other, which becomes a tombstone unless it is one already."""
    _require_alive(kept[1])
    graph.write(connection, _link(one, kept[1], dropped[1], "supersedes", settlement))
    if dropped[1].status != "deleted":
        reason = f"superseded by {kept[1].id}, as settled in {one.id}"
        lifecycle.bury(connection, dropped[0], reason, settlement.author)


def _let_both_hold(
    connection: Connection, one: RecordedContradiction, first: Held, second: Held, settlement: Settlement
) -> None:
    """Say so by a link, which audits, briefings and other stores understand too."""
    _require_alive(first[1])
    _require_alive(second[1])
    graph.write(connection, _link(one, second[1], first[1], "variant_of", settlement))


def _require_alive(memory: Memory) -> None:
    if memory.status == "deleted":
        raise Conflict(f"{memory.id} is forgotten, so it cannot be kept; restore it first. Nothing was done.")


def _link(
    one: RecordedContradiction, source: Memory, target: Memory, relationship: str, settlement: Settlement
) -> Association:
    together = source.workspace_id == target.workspace_id
    return Association(
        id="",
        workspace_id=source.workspace_id if together else one.workspace_id,
        source_id=source.id,
        target_id=target.id,
        relationship=relationship,
        strength=1.0,
        metadata={"by": one.id},
        created_at=settlement.at,
        updated_at=settlement.at,
    )


def _held(connection: Connection, memory_id: str) -> Held:
    [row] = connection.rows(sql("memory_by_id"), (memory_id,))
    return memory_of(row)


def _known(connection: Connection, contradiction_id: str) -> RecordedContradiction:
    [row] = connection.rows(sql("contradiction"), (contradiction_id,))
    return _contradiction_of(row)


def _contradiction_of(row: Sequence[Any]) -> RecordedContradiction:
    (
        id_, workspace_id, a, b, content_a, content_b, kind, confidence, detail, detected, resolved, resolution, merged,
    ) = row  # fmt: skip
    return RecordedContradiction(
        id=id_, workspace_id=workspace_id, memory_a=a, memory_b=b, content_a=content_a, content_b=content_b, kind=kind,
        confidence=confidence, detail=detail, detected_at=detected, resolved_at=resolved, resolution=resolution,
        merged_content=merged,
    )  # fmt: skip

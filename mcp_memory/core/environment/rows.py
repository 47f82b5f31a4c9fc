"""A memory as code sees it: a plain dictionary."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mcp_memory.models.base import stamp

if TYPE_CHECKING:
    from mcp_memory.models.recall import RecalledMemory


def as_row(memory: RecalledMemory) -> dict[str, Any]:
    """Always the same keys, with None for what is not known, and `metadata` where there is some. Times are ISO 8601
    in UTC."""
    row: dict[str, Any] = {
        "id": memory.id,
        "content": memory.content,
        "type": memory.type.value,
        "subtype": memory.subtype.value if memory.subtype else None,
        "importance": memory.importance,
        "tags": list(memory.tags),
        "created_at": stamp(memory.created_at),
        "author": memory.author,
        "occurred_at": stamp(memory.occurred_at) if memory.occurred_at else None,
        "relevance_score": memory.relevance_score,
    }
    if memory.metadata:
        row["metadata"] = memory.metadata
    return row

"""Rows to models and back. Absent labels are '' in rows and None in models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.models.association import Association
from mcp_memory.models.base import stamp
from mcp_memory.models.memory import Memory
from mcp_memory.text import is_short_question, words

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

LABELS: Final = ("session_id", "user_id", "observer_id", "subject_id", "author", "subtype", "source_memory_id")
MOMENTS: Final = ("last_accessed_at", "occurred_at", "created_at", "updated_at", "forgotten_at")
FIELDS: Final = (
    "id", "workspace_id", "context_id", "session_id", "user_id", "observer_id", "subject_id", "author", "content",
    "content_hash", "type", "subtype", "importance", "tags", "metadata", "source_memory_id", "status", "pinned",
    "access_count", "confirmations", "last_accessed_at", "decay_factor", "embedding_state", "occurred_at",
    "created_at", "updated_at", "forgotten_at", "forget_reason",
)  # fmt: skip
"""The columns of the view `whole_memories` after `key`."""


def memory_of(row: Sequence[Any]) -> tuple[int, Memory]:
    """Key and memory of a row of `whole_memories`."""
    fields = dict(zip(FIELDS, row[1:], strict=False))
    for name in LABELS:
        fields[name] = fields[name] or None
    fields["tags"] = json.loads(fields["tags"])
    fields["metadata"] = json.loads(fields["metadata"])
    return row[0], Memory.model_validate(fields)


def bindings_of(memory: Memory, key: int, workspace: int, change: int, context_text: str) -> dict[str, Any]:
    """The values `insert_memory` binds."""
    values: dict[str, Any] = {name: getattr(memory, name) for name in FIELDS if name not in ("tags", "workspace_id")}
    values |= {name: values[name] or "" for name in LABELS}
    values |= {name: _stamped(values[name]) for name in MOMENTS}
    values["pinned"] = int(memory.pinned)
    values["metadata"] = json.dumps(memory.metadata, ensure_ascii=False)
    return values | {
        "key": key,
        "workspace": workspace,
        "change": change,
        "words": len(words(memory.content)),
        "short_question": int(is_short_question(memory.content)),
        "context_text": context_text,
    }


def association_of(row: Sequence[Any]) -> Association:
    """The link of a row of `association_columns`."""
    id_, workspace_id, source, target, relationship, strength, metadata, created, updated = row
    return Association(
        id=id_, workspace_id=workspace_id, source_id=source, target_id=target, relationship=relationship,
        strength=strength, metadata=json.loads(metadata), created_at=created, updated_at=updated,
    )  # fmt: skip


def _stamped(moment: datetime | None) -> str | None:
    return None if moment is None else stamp(moment)

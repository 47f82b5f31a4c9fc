"""What a statement becomes before it is written: a draft of a memory. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from mcp_memory.models.search import Draft
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from mcp_memory.core.extraction.base import Statement
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.session import Session, WorkingEntry


@dataclass(frozen=True, slots=True)
class Held:
    """What the session holds and has not committed, as it was read."""

    entries: list[WorkingEntry]
    notes: list[Memory]

    def note(self, statement: Statement) -> Memory | None:
        """The first note the statement came from."""
        return next((note for note in self.notes if note.id in statement.sources), None)


def people_of(one: Memory | Draft) -> tuple[str, ...]:
    """Whose it is, who observed it and about whom; the same words are another memory for others."""
    return one.user_id or "", one.observer_id or "", one.subject_id or ""


def confirming(draft: Draft, known: Memory) -> Draft:
    """The draft in the words and at the place of a memory that is there: the store then confirms that one."""
    return replace(
        draft, content=known.content, content_hash=known.content_hash, context_id=known.context_id, vector=None
    )


def draft_of(session: Session, held: Held, statement: Statement, at: datetime) -> Draft:
    """The memory that a statement becomes: of its session, with where it comes from in its metadata."""
    note = held.note(statement)
    occurred = datetime.combine(statement.occurred, time(), UTC) if statement.occurred else None
    keys = [name for name in statement.sources if any(entry.key == name for entry in held.entries)]
    notes = [name for name in statement.sources if name not in keys]
    origin = {"session_id": session.id, "category": statement.category.value, "keys": keys, "notes": notes}
    draft = Draft(
        workspace_id=session.workspace_id,
        content=statement.content,
        content_hash=content_hash(statement.content),
        type=statement.type,
        subtype=statement.subtype,
        created_at=at,
        context_id=session.context_id,
        session_id=session.id,
        user_id=session.user_id,
        author=session.author,
        importance=statement.importance,
        metadata={"session_commit": {name: value for name, value in origin.items() if value}},
        occurred_at=occurred,
    )
    return draft if note is None else _like(draft, note)


def _like(draft: Draft, note: Memory) -> Draft:
    """The draft with what its author said of the note it comes from."""
    return replace(
        draft,
        context_id=note.context_id if note.context_id != DEFAULT_CONTEXT else draft.context_id,
        user_id=note.user_id or draft.user_id,
        observer_id=note.observer_id,
        subject_id=note.subject_id,
        author=note.author or draft.author,
        tags=tuple(note.tags),
        metadata={**note.metadata, **draft.metadata},
        occurred_at=note.occurred_at or draft.occurred_at,
    )

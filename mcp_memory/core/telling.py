"""How a thing of a briefing is told: in every detail that will do, the fullest first. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.detail import shortened
from mcp_memory.core.phrases import compact_json, one_line
from mcp_memory.models.briefing import BriefedMemory, BriefedSession, HeldValue, KeyMemory, OpenThread
from mcp_memory.models.memory import DetailLevel
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.text import clip

if TYPE_CHECKING:
    from mcp_memory.core.resources import Scope
    from mcp_memory.core.threads import Thread
    from mcp_memory.models.briefing import Reason
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.session import Session, WorkingEntry

LOWER: Final = {
    DetailLevel.FULL: (DetailLevel.FULL, DetailLevel.OVERVIEW, DetailLevel.ABSTRACT),
    DetailLevel.OVERVIEW: (DetailLevel.OVERVIEW, DetailLevel.ABSTRACT),
    DetailLevel.ABSTRACT: (DetailLevel.ABSTRACT,),
}
"""A thing too long for what is left of the budget is told in less detail."""

KEY_MEMORIES: Final = {DetailLevel.FULL: 5, DetailLevel.OVERVIEW: 3, DetailLevel.ABSTRACT: 1}
"""Memories named for each thread."""

VALUE_CHARS: Final = {DetailLevel.FULL: 1000, DetailLevel.OVERVIEW: 300, DetailLevel.ABSTRACT: 100}
"""Of a value in working memory."""


def of_memory(memory: Memory, reason: Reason, detail: DetailLevel, scope: Scope) -> list[BriefedMemory]:
    """A memory, with as much of its text as each detail has."""
    told = BriefedMemory(
        id=memory.id,
        content=shortened(memory.content, detail),
        type=memory.type,
        subtype=memory.subtype,
        importance=memory.importance,
        tags=memory.tags,
        workspace_id=memory.workspace_id if memory.workspace_id != scope.workspace_id else None,
        author=memory.author,
        occurred_at=memory.occurred_at,
        created_at=memory.created_at,
        reason=reason,
    )
    less = (shortened(memory.content, level) for level in LOWER[detail][1:])
    return [told, *(told.model_copy(update={"content": content}) for content in less)]


def of_thread(thread: Thread, detail: DetailLevel) -> list[OpenThread]:
    """A thread, with fewer and shorter memories where there is little room, and none in the end."""
    tellings = [
        [
            KeyMemory(id=one.id, content=_open_part(thread, one, level), moment=one.moment)
            for one in thread.memories[: KEY_MEMORIES[level]]
        ]
        for level in LOWER[detail]
    ]
    return [
        OpenThread(topic=thread.topic, status=thread.status, last_activity=thread.last_activity, key_memories=memories)
        for memories in [*tellings, []]
    ]


def _open_part(thread: Thread, memory: Memory, level: DetailLevel) -> str:
    """What of a memory is open, where its text is not told from the beginning to the end."""
    text = memory.content if level is DetailLevel.FULL else thread.sentences.get(memory.id, memory.content)
    return shortened(text, level)


def of_entry(entry: WorkingEntry, detail: DetailLevel) -> list[HeldValue]:
    """A value in hand."""
    value = entry.value if isinstance(entry.value, str) else compact_json(entry.value)
    return [
        HeldValue(
            session_id=entry.session_id,
            key=entry.key,
            value=clip(one_line(value), VALUE_CHARS[level]),
            committed=entry.committed_at is not None,
        )
        for level in LOWER[detail]
    ]


def of_session(session: Session, held: list[WorkingEntry]) -> BriefedSession:
    """An active session."""
    return BriefedSession(
        id=session.id,
        context_id=session.context_id if session.context_id != DEFAULT_CONTEXT else None,
        author=session.author,
        last_activity=session.touched_at,
        expires_at=session.expires_at,
        held=len(held),
    )

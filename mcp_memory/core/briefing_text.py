"""A briefing as compact text, part by part: each part is also what it costs. Pure functions.

Memory text stands as in `rendering`: as it was stored, behind the id of its memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.counting import counted
from mcp_memory.core.phrases import DATA, as_lines, kind_of, named, one_line, tally, verbatim, when

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.briefing import (
        Activity,
        BriefedMemory,
        BriefedSession,
        Briefing,
        HeldValue,
        KeyMemory,
        OpenThread,
    )

STANDING: Final = "Standing directives and preferences"
DECISIONS: Final = "Decisions"
THREADS: Final = "Open threads"
CONFLICTS: Final = "Conflicts"
HELD: Final = "Working memory"
IMPORTANT: Final = "Important"
RECENT: Final = "Recent"
ACTIVITY: Final = "Activity"
SESSIONS: Final = "Active sessions"


def render_briefing(result: Briefing) -> str:
    """What stands, what was decided, what is open, what matters, what happened."""
    memories = {reason: [one for one in result.memories if one.reason == reason] for reason in _REASONS}
    return as_lines(
        heading(result),
        _section(STANDING, memories["standing"], render_briefed),
        _section(DECISIONS, result.decisions, render_briefed),
        _section(THREADS, result.open_threads, render_thread),
        _conflicts(result),
        _section(HELD, result.working_memory, render_held),
        _section(IMPORTANT, memories["important"], render_briefed),
        _section(RECENT, memories["recent"], render_briefed),
        [render_topics(result.active_topics)] if result.active_topics else [],
        _section(ACTIVITY, result.recent_activity, render_activity),
        _section(SESSIONS, result.sessions, render_session),
    )


_REASONS: Final = ("standing", "important", "recent")


def heading(result: Briefing) -> str:
    """The counts, in one line."""
    cut = " Shortened to `max_tokens`." if result.truncated else ""
    types = f" ({tally(result.memory_types)})" if result.memory_types else ""
    return (
        f"Workspace {result.workspace_id}: {counted(result.total_memories, 'memory')}{types}, "
        f"{counted(result.total_categories, 'subtype')}, {counted(result.total_associations, 'link')}, "
        f"{result.recent_memories} new in this window.{cut} {DATA}"
    )


def _section(title: str, items: Sequence[object], render: Callable[..., str]) -> list[str]:
    return [title, *map(render, items)] if items else []


def _conflicts(result: Briefing) -> Iterable[str]:
    if not result.contradictions_found:
        return []
    return [f"{CONFLICTS}: {result.contradictions_found}", *map(render_contradiction, result.contradictions)]


def render_briefed(memory: BriefedMemory) -> str:
    """One memory of a briefing."""
    facts = [
        kind_of(memory.type, memory.subtype),
        when(memory.occurred_at or memory.created_at),
        *named("by", memory.author),
        f"importance {memory.importance:g}",
        *named("tags", ", ".join(memory.tags)),
        *named("workspace", memory.workspace_id),
    ]
    return as_lines(f"[{memory.id}] {', '.join(facts)}", verbatim(memory.id, memory.content))


def render_thread(thread: OpenThread) -> str:
    """What is open, how far it has come, and the memories it hangs on."""
    head = f"- {one_line(thread.topic)} ({thread.status}, last {when(thread.last_activity)})"
    return as_lines(head, *map(_key_memory, thread.key_memories))


def _key_memory(memory: KeyMemory) -> str:
    return as_lines(f"[{memory.id}] {when(memory.moment)}", verbatim(memory.id, memory.content))


def render_held(held: HeldValue) -> str:
    """A key and its value in one line."""
    kept = ", committed" if held.committed else ""
    return f"- {one_line(held.key)} (session {one_line(held.session_id)}{kept}): {one_line(held.value)}"


def render_session(session: BriefedSession) -> str:
    """One session in one line."""
    facts = [
        f"last used {when(session.last_activity)}",
        f"expires {when(session.expires_at)}",
        *named("context", session.context_id),
        *named("by", session.author),
        *([f"{session.held} held"] if session.held else []),
    ]
    return f"- {one_line(session.id)}: {', '.join(facts)}"


def render_contradiction(found: Contradiction) -> str:
    """Two memories that cannot both be true, the newer one first."""
    sides = [(found.memory_a, found.content_a), (found.memory_b, found.content_b)]
    sides.sort(key=lambda side: side[0] != found.newer)
    new, old = (f"[{memory_id}] {one_line(content)}" for memory_id, content in sides)
    sure = f"{found.kind.replace('_', ' ')}, confidence {found.confidence:.2f}"
    return f"- {sure}: {one_line(found.detail)}\n  newer {new}\n  older {old}"


def render_topics(topics: Sequence[str]) -> str:
    """The topics in one line."""
    return f"Topics: {', '.join(map(one_line, topics))}"


def render_activity(activity: Activity) -> str:
    """One group of memories in one line."""
    where = [
        *named("session", activity.session_id),
        *named("context", activity.context_id),
        *named("by", activity.author),
    ]
    place = f" ({', '.join(where)})" if where else ""
    return f"- {when(activity.timestamp)}{place}: {counted(activity.memories_created, 'memory')}: {activity.summary}"

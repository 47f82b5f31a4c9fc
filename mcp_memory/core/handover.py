"""What a session leaves to the next window: what was decided, is open, was held in hand, and was done."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core import briefing_text as text
from mcp_memory.core import telling
from mcp_memory.core.budget import Section, cost_of, fill
from mcp_memory.core.counting import counted
from mcp_memory.core.decisions import is_decision
from mcp_memory.core.looking import read_links
from mcp_memory.core.phrases import DATA, as_lines, named, tally, when
from mcp_memory.core.resources import Scope
from mcp_memory.core.succession import successors
from mcp_memory.core.threads import open_threads
from mcp_memory.core.topics import Topics
from mcp_memory.core.worth import by_worth
from mcp_memory.models.memory import DetailLevel
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.core.resources import Resources
    from mcp_memory.core.threads import Thread
    from mcp_memory.models.briefing import Reason
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.session import Session, WorkingEntry
    from mcp_memory.storage.base import Page

READ: Final = 200
"""Memories of the session that are read, newest first."""

MOST_TOPICS: Final = 8

DETAIL: Final = DetailLevel.OVERVIEW
"""Things are told in less where the tokens end."""

DONE: Final = "Written in this session"

SHARES: Final = {"decisions": 0.3, "threads": 0.3, "held": 0.2, "done": 0.2}
"""Of the tokens, what each part gets before any other gets what is left."""


async def handover(resources: Resources, scope: Scope, session: Session, max_tokens: int) -> str:
    """A briefing on one session as text, at most about `max_tokens` long; what it still holds is part of it."""
    store, now = resources.store, resources.now()
    here = Scope(session.workspace_id, scope.author, session.id, session.context_id)
    page = await store.browse(here.own(session_id=session.id), READ)
    edges, linked = await read_links(store, here, page.memories)
    replaced = successors(edges)
    valid = [memory for memory in page.memories if memory.id not in replaced]
    threads = open_threads([*valid, *linked], edges, now)
    decided = [memory for memory in valid if is_decision(memory)]
    told_elsewhere = {one.id for one in decided} | {thread.memories[0].id for thread in threads}
    done = [memory for memory in valid if memory.id not in told_elsewhere]
    parts = _parts(
        here, by_worth(decided, now), threads, await store.working(session.id, now), by_worth(done, now), valid
    )
    opening = _opening(session, page)
    fill(parts, max_tokens - cost_of(opening))
    return as_lines(opening, (line for section in parts for line in section.lines()))


def _opening(session: Session, page: Page) -> str:
    """Which session it was, and how much was written in it."""
    facts = [
        *named("in context", session.context_id if session.context_id != DEFAULT_CONTEXT else None),
        *named("by", session.author),
        f"from {when(session.created_at)} to {when(session.touched_at)}",
    ]
    kinds = Counter(str(memory.subtype or memory.type) for memory in page.memories)
    written = f"{counted(page.total, 'memory')} written" + (f" ({tally(dict(kinds.most_common()))})" if kinds else "")
    return f"Session {session.id} of workspace {session.workspace_id}, {', '.join(facts)}: {written}. {DATA}"


def _parts(
    scope: Scope,
    decided: Sequence[Memory],
    threads: Sequence[Thread],
    held: Sequence[WorkingEntry],
    done: Sequence[Memory],
    newest: Sequence[Memory],
) -> list[Section[Any]]:
    def memories(title: str, some: Sequence[Memory], reason: Reason, share: float) -> Section[Any]:
        tellings = (telling.of_memory(one, reason, DETAIL, scope) for one in some)
        return Section(title, tellings, text.render_briefed, share)

    open_ones = (telling.of_thread(one, DETAIL) for one in threads)
    entries = (telling.of_entry(one, DETAIL) for one in held)
    topics = Topics(newest).most_active(newest, MOST_TOPICS)
    return [
        memories(text.DECISIONS, decided, "decision", SHARES["decisions"]),
        Section(text.THREADS, open_ones, text.render_thread, SHARES["threads"]),
        Section(text.HELD, entries, text.render_held, SHARES["held"]),
        memories(DONE, done, "recent", SHARES["done"]),
        Section("", [[topics]] if topics else [], text.render_topics, 0),
    ]

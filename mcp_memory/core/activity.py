"""Who remembered what, where and when, in one line each. Pure functions."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mcp_memory.models.briefing import Activity
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mcp_memory.core.topics import Topics
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.base import Page

MOST_TOPICS: Final = 4
"""Topics named for each group."""


def recent_activity(window: Page, topics: Topics, since: datetime, most: int) -> list[Activity]:
    """The window's memories by session, else by context, author and hour, newest first.

    Groups beyond `most`, and memories of the window beyond those on the page, are one last entry, so that the
    counts add up to the window's total.
    """
    groups = _grouped(window.memories)
    shown = [_activity(memories, topics) for memories in groups[:most]]
    rest = window.total - sum(one.memories_created for one in shown)
    return [*shown, _older(since, rest)] if rest else shown


def _grouped(newest_first: Iterable[Memory]) -> list[list[Memory]]:
    groups: dict[tuple[object, ...], list[Memory]] = {}
    for memory in newest_first:
        hour = memory.created_at.replace(minute=0, second=0, microsecond=0)
        key = (memory.session_id,) if memory.session_id else (memory.context_id, memory.author, hour)
        groups.setdefault(key, []).append(memory)
    return list(groups.values())


def _activity(memories: Sequence[Memory], topics: Topics) -> Activity:
    newest = memories[0]
    return Activity(
        timestamp=newest.created_at,
        summary=_summary(memories, topics),
        memories_created=len(memories),
        session_id=newest.session_id,
        context_id=newest.context_id if newest.context_id != DEFAULT_CONTEXT else None,
        author=", ".join(dict.fromkeys(one.author for one in memories if one.author)) or None,
    )


def _summary(memories: Sequence[Memory], topics: Topics) -> str:
    kinds = Counter(str(one.subtype or one.type) for one in memories)
    named = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    about = topics.most_active(memories, MOST_TOPICS)
    return f"{named}; about {', '.join(about)}" if about else named


def _older(since: datetime, count: int) -> Activity:
    return Activity(timestamp=since, summary="earlier in this window, not broken down", memories_created=count)

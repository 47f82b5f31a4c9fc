"""What a briefing reads before it tells anything: a bounded number of rows, and no vector."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mcp_memory.core import decisions
from mcp_memory.core.worth import by_worth, is_important
from mcp_memory.models.memory import MemorySubtype
from mcp_memory.storage.base import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.association import Association
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.session import Session, WorkingEntry
    from mcp_memory.storage.base import Store

STANDING: Final = (MemorySubtype.DIRECTIVE.value, MemorySubtype.PREFERENCE.value)
"""Subtypes that hold until they are taken back."""

NEWEST_READ: Final = 150
"""Memories read for threads, newest first; what finishes one of them is newer, so it is among them too."""

WINDOW_READ: Final = 80
"""Of these, how many of the window are read for topics and activity; reading one takes 0.1 ms."""

THREAD_DAYS: Final = 30
"""How far back threads are looked for, where the window is shorter."""

POOL: Final = 3
"""Times the memories wanted that are read, so that use can put them in another order than importance does."""

WORDED: Final = 40
"""Memories whose words speak of a decision that are read."""

MOST_SESSIONS: Final = 5
"""Active sessions whose working memory is read."""

_BLOCKING: Final = frozenset(("blocks", "blocked_by"))


@dataclass(frozen=True, slots=True)
class Pools:
    """Memories by why they may matter; those that matter most first, `newest` and `window` newest first."""

    standing: list[Memory]
    decisions: list[Memory]
    important: list[Memory]
    window: Page
    newest: list[Memory]

    def every(self) -> list[Memory]:
        """All of them, each once."""
        lists = (self.standing, self.decisions, self.important, self.window.memories, self.newest)
        return list({memory.id: memory for memories in lists for memory in memories}.values())


async def read_pools(resources: Resources, scope: Scope, since: datetime, limit: int) -> Pools:
    """What stands, what was decided, what matters, and what is new in the workspace since then."""
    store, now = resources.store, resources.now()
    standing = await store.important(scope.where(subtypes=STANDING), limit * POOL)
    rated = await store.important(scope.where(), limit * POOL)
    newest, window = await _newest(store, scope, since, now)
    used = (one for one in newest if is_important(one))
    return Pools(
        standing=by_worth(standing, now),
        decisions=by_worth(await _decisions(store, scope, limit, newest), now),
        important=by_worth(_distinct(one for one in (*rated, *used) if is_important(one)), now),
        window=window,
        newest=newest,
    )


async def _newest(store: Store, scope: Scope, since: datetime, now: datetime) -> tuple[list[Memory], Page]:
    """The newest memories for threads, and those of the window with how many there are."""
    horizon = min(since, now - timedelta(days=THREAD_DAYS))
    page = await store.browse(scope.own(created_after=horizon), NEWEST_READ)
    recent = [memory for memory in page.memories if memory.created_at >= since]
    reaches_back = len(recent) < len(page.memories) or page.total == len(page.memories)
    total = len(recent) if reaches_back else (await store.browse(scope.own(created_after=since), 0)).total
    return page.memories, Page(recent[:WINDOW_READ], total)


async def _decisions(store: Store, scope: Scope, limit: int, newest: Sequence[Memory]) -> list[Memory]:
    """Those stored as decisions, and those that say so in words."""
    stored = await store.important(scope.where(subtypes=(MemorySubtype.DECISION.value,)), limit * POOL)
    hits = await store.keyword_candidates(decisions.WORDS, scope.where(), WORDED)
    worded = await store.fetch(list(hits.scores))
    return [one for one in _distinct((*stored, *worded.values(), *newest)) if decisions.is_decision(one)]


def _distinct(memories: Iterable[Memory]) -> list[Memory]:
    return list({memory.id: memory for memory in memories}.values())


async def read_links(store: Store, scope: Scope, memories: Sequence[Memory]) -> tuple[list[Association], list[Memory]]:
    """Links of these memories, and what blocks or is blocked by one of them but is not among them."""
    known = {memory.id for memory in memories}
    edges = await store.associations(scope.where(), sorted(known)) if known else []
    ends = {end for edge in edges if edge.relationship in _BLOCKING for end in (edge.source_id, edge.target_id)}
    return edges, await store.get(scope.where(), sorted(ends - known))


async def read_sessions(store: Store, scope: Scope, now: datetime) -> list[tuple[Session, list[WorkingEntry]]]:
    """The active sessions of the caller's user with what they hold, latest use first.

    Another user's sessions are nobody else's business; a caller without a session has no user.
    """
    active = await store.sessions(scope.workspace_id, now)
    user = next((one.user_id for one in active if one.id == scope.session_id), None)
    mine = [one for one in active if one.user_id == user][:MOST_SESSIONS]
    held = [(one, await store.working(one.id, now)) for one in mine]
    return [(one, entries) for one, entries in held if entries or one.id != scope.session_id]

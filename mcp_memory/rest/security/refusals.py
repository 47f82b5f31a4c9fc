"""Refusals in the audit trail: counted by who and why, so that a flood of them fills no disk."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import McpMemoryError
from mcp_memory.models.administration import NewEvent
from mcp_memory.rest.security.later import Later

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from mcp_memory.core.memory import Memory
    from mcp_memory.rest.security.refused import Reason

logger = logging.getLogger(__name__)

MOST_EVENTS: Final = 10
"""Events written at a time."""

MOST_KINDS: Final = 500
"""Kinds of refusal that are told apart between two writings."""

FIRST_SECONDS, LAST_SECONDS = 5.0, 600.0
"""How long refusals are gathered; twice as long each time that there are more kinds than events, up to the last.

A flood that never ends so writes 1,440 events a day, less than a megabyte.
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of refusal. Holds neither secrets nor ids nor anything that was sent in a body or a query."""

    status: int
    reason: Reason
    method: str
    path: str
    """Its template."""
    client: str
    author: str = ""
    key_prefix: str = ""
    workspace_id: str = ""
    """The key's own, if it has one."""


class RefusalLog:
    """Refusals that are not written yet. Losing some at a crash loses a count."""

    def __init__(self, memory: Callable[[], Awaitable[Memory]]) -> None:
        self._memory = memory
        self._counts: Counter[Kind] = Counter()
        self._more = 0
        self.pause = FIRST_SECONDS
        """Seconds until what is noted now is written."""
        self._later = Later(self._write)

    def note(self, refusal: Kind) -> None:
        """Count it, and write it soon."""
        if refusal in self._counts or len(self._counts) < MOST_KINDS:
            self._counts[refusal] += 1
        else:
            self._more += 1
        self._later.within(self.pause)

    async def flush(self) -> None:
        """Write what is gathered."""
        await self._later.now()

    async def _write(self) -> None:
        counts, more = self._counts, self._more
        self._counts, self._more = Counter(), 0
        if not counts:
            return
        crowded = len(counts) > MOST_EVENTS
        self.pause = min(2 * self.pause, LAST_SECONDS) if crowded else FIRST_SECONDS
        try:
            memory = await self._memory()
            for event in _events(counts, more):
                await memory.record_event(event)
        except McpMemoryError as error:
            logger.warning("Refused requests are missing in the audit trail: %s", error)


def _events(counts: Counter[Kind], more: int) -> Iterator[NewEvent]:
    """One for each kind; those with a known key first, then the most frequent, and the rest in one."""
    kinds = sorted(counts, key=lambda one: (not one.author, -counts[one]))
    told = kinds if len(kinds) <= MOST_EVENTS else kinds[: MOST_EVENTS - 1]
    for kind in told:
        yield _event(kind, counts[kind])
    rest = sum(counts[kind] for kind in kinds[len(told) :]) + more
    if rest:
        yield NewEvent(action="refuse", metadata={"reason": "various", "count": rest})


def _event(kind: Kind, count: int) -> NewEvent:
    told = {
        "status": kind.status,
        "reason": kind.reason,
        "method": kind.method[:20],
        "path": kind.path[:200],
        "client": kind.client[:64],
        "key": kind.key_prefix or None,
        "count": count,
    }
    metadata = {name: value for name, value in told.items() if value is not None}
    return NewEvent(action="refuse", workspace_id=kind.workspace_id, author=kind.author[:200], metadata=metadata)

"""What a living server does on the side: sweep the sessions that have expired."""

from __future__ import annotations

import asyncio
import logging
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import InvalidRequest, StoreError
from mcp_memory.storage.base import SessionChange

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.session import Session, SessionCommitted

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 60.0

FIRST_SECONDS: Final = 3.0
"""After how long the first round begins: the first calls, and the loading of the encoder, go before it."""

LEASE: Final = "maintenance"
LEASE_SECONDS: Final = 90.0
"""Longer than a round's interval, so that its holder keeps it; a dead one is succeeded after that."""

MOST_SESSIONS: Final = 100
"""Sessions swept in one round."""

MOST_MEMORIES: Final = 500
"""Of one session that commits by itself: nobody will do it again."""


async def sweep(resources: Resources, policy: SessionPolicy, session: Session) -> SessionCommitted | None:
    """Commit an expired session if it wants that, and end it, in one transaction; what was committed, if anything.

    Raises:
        InvalidRequest: somebody else has ended it meanwhile.
    """
    if session.auto_commit:
        return await _committed(resources, policy, session)
    await resources.store.commit_session(SessionChange(session.id, resources.now(), (), end=True), None)
    return None


async def _committed(resources: Resources, policy: SessionPolicy, session: Session) -> SessionCommitted:
    from mcp_memory.core.committing import commit
    from mcp_memory.models.session import SessionCommit

    return await commit(resources, policy, session, SessionCommit(max_memories=MOST_MEMORIES), ending=True)


class Maintenance:
    """A round every minute, of one process among all that serve the same store."""

    def __init__(self, resources: Resources, policy: SessionPolicy) -> None:
        self._resources = resources
        self._policy = policy
        self._holder = secrets.token_hex(8)
        self._running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the background; calling it twice is harmless."""
        if self._running is None:
            self._running = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        await asyncio.sleep(FIRST_SECONDS)
        while True:
            try:
                await self.round()
            except StoreError as error:
                logger.warning("maintenance stopped until the next round: %s", error)
            except Exception:
                logger.exception("maintenance failed unexpectedly; it goes on with the next round")
            await asyncio.sleep(EVERY_SECONDS)

    async def round(self) -> int:
        """Sweep what has expired, if this process has the lease; how many sessions were swept."""
        store, now = self._resources.store, self._resources.now()
        if not await store.take_lease(LEASE, self._holder, now, now + timedelta(seconds=LEASE_SECONDS)):
            return 0
        expired = await store.expired_sessions(now, MOST_SESSIONS)
        return sum([await self._swept(session) for session in expired])

    async def _swept(self, session: Session) -> bool:
        try:
            await sweep(self._resources, self._policy, session)
        except InvalidRequest as error:
            logger.info("session %s was not swept: %s", session.id, error)
            return False
        return True

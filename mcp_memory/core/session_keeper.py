"""Which session the calls of one connection belong to.

The session itself is in the store. Here is only its id, and what is still to be said about the one before.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from mcp_memory.core.named_session import session_scope
from mcp_memory.core.sessions import begin, is_due, swept, usable
from mcp_memory.errors import InvalidRequest, StoreError
from mcp_memory.models.base import stamp
from mcp_memory.models.session import SessionEnded, SessionStart, SessionStarted
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from typing import TypeVar

    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.base import Result
    from mcp_memory.models.session import Session

    Answer = TypeVar("Answer", bound=Result)

logger = logging.getLogger(__name__)

Need = Literal["active", "any", "as is"]
"""What a call wants: an active session, begun where there is none; whatever there is, else a new one; no change."""


class SessionKeeper:
    """The current session of a connection: continued, begun by itself, followed, touched."""

    def __init__(self, memory: Memory, home: Scope | None = None) -> None:
        """`home`: where calls happen that belong to no session; the memory's own scope where it is not given."""
        self._memory = memory
        self._resources = memory.resources
        self._policy = memory.sessions
        self._scope = self._home = home or memory.scope
        self._configured = self._home.session_id
        """Set from outside and not yet looked at: it is continued, or the call fails."""
        self._choosing = asyncio.Lock()
        self._touching: asyncio.Task[None] | None = None
        self._news: list[str] = []
        self._trouble = ""
        """Why the present call has no session."""

    async def scope(self, author: str) -> Scope:
        """Where a call happens: in the session in use, or in one that is begun for it.

        Raises:
            InvalidRequest: the session that was configured cannot be used.
        """
        async with self._choosing:
            session = await self._current(author)
        if session is None:
            return replace(self._scope, author=author, session_id="")
        return replace(self._within(session), author=author)

    async def scope_of(self, author: str, need: Need) -> Scope:
        """Where a call with this need of a session happens.

        Raises:
            InvalidRequest: the session that was configured cannot be used.
        """
        if need == "active" or (need == "any" and not self._scope.session_id):
            return await self.scope(author)
        return replace(self._scope, author=author)

    async def scope_in(self, author: str, session_id: str) -> Scope:
        """Where a call happens that names its session itself.

        Raises:
            InvalidRequest: that session cannot be used.
        """
        return await session_scope(self._memory, replace(self._home, author=author), session_id)

    def follow(self, result: Result) -> None:
        """Take notice of a result that chose or ended a session."""
        if isinstance(result, SessionStarted):
            self._configured = ""
            self._scope = replace(
                self._scope,
                workspace_id=result.workspace_id,
                session_id=result.session_id,
                context_id=_own(result.context_id),
            )
        elif isinstance(result, SessionEnded) and result.session_id == self._scope.session_id:
            self._leave()

    def told(self, result: Answer) -> Answer:
        """The result, with what has happened to the session since the last one that could carry a message."""
        message = getattr(result, "message", None)
        news = [*self._news, *([self._trouble] if self._trouble else [])]
        if not news or not isinstance(message, str):
            return result
        self._news.clear()
        return result.model_copy(update={"message": " ".join([message, *news])})

    async def close(self) -> None:
        """Finish what is running."""
        if self._touching is not None:
            await asyncio.gather(self._touching, return_exceptions=True)

    async def _current(self, author: str) -> Session | None:
        """The session in use, if it is still active; else a new one, if one begins by itself."""
        self._trouble = ""
        if self._configured:
            return await self._continued()
        session = await self._still_active() if self._scope.session_id else None
        if session is not None:
            self._touch_soon(session)
            return session
        return await self._begun(author) if self._policy.begins_by_itself else None

    async def _continued(self) -> Session:
        """The session that was configured.

        Raises:
            InvalidRequest: it is unknown, expired, ended or of another workspace.
        """
        try:
            session = await usable(self._resources, self._policy, self._configured, self._scope.workspace_id)
        except InvalidRequest as error:
            raise InvalidRequest(f"MCP_MEMORY_SESSION cannot be continued. {error}") from None
        self._configured = ""
        self._scope = self._within(session)
        self._touch_soon(session)
        return session

    async def _still_active(self) -> Session | None:
        session_id = self._scope.session_id
        session = await self._resources.store.session(session_id)
        state = "gone" if session is None else session.state(self._resources.now())
        if session is None:
            self._news.append(f"Session {session_id} is no longer there.")
        elif state == "active":
            return session
        elif state == "expired":
            self._news.append(await swept(self._resources, self._policy, session))
        else:
            self._news.append(f"Session {session_id} ended at {stamp(session.ended_at or session.expires_at)}.")
        self._leave()
        return None

    async def _begun(self, author: str) -> Session | None:
        """A new session; without one where the store cannot be written, as reading needs none."""
        scope = replace(self._scope, author=author)
        try:
            session = await begin(self._resources, self._policy, SessionStart(), scope)
        except StoreError as error:
            self._trouble = f"It belongs to no session, because none could be begun: {error}"
            return None
        if self._news:
            self._news.append(f"Session {session.id} was begun; this call belongs to it.")
        self._scope = self._within(session)
        return session

    def _within(self, session: Session) -> Scope:
        return replace(
            self._scope,
            workspace_id=session.workspace_id,
            session_id=session.id,
            context_id=_own(session.context_id),
        )

    def _leave(self) -> None:
        self._scope = replace(self._scope, session_id="", context_id=self._home.context_id)

    def _touch_soon(self, session: Session) -> None:
        """Touch a session whose time runs out, beside the call."""
        idle = self._touching is None or self._touching.done()
        if idle and is_due(session, self._resources.now()):
            self._touching = asyncio.create_task(self._touch(session))

    async def _touch(self, session: Session) -> None:
        from mcp_memory.core.sessions import touch_session

        try:
            await touch_session(self._resources, self._policy, None, self._within(session))
        except (InvalidRequest, StoreError) as error:
            logger.info("session %s was not touched: %s", session.id, error)


def _own(context_id: str) -> str:
    return "" if context_id == DEFAULT_CONTEXT else context_id

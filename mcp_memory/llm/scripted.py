"""`ScriptedModel`: a language model in memory that says what it is told, for tests of what is built on one."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from inspect import isawaitable

from mcp_memory.errors import LanguageModelUnavailable, LanguageModelUnusable
from mcp_memory.llm.base import Completion, Message
from mcp_memory.llm.tokens import estimate_exchange
from mcp_memory.text import estimate_tokens

Reply = str | Completion | Exception
"""A text, cut at `max_tokens` as a model's would be; a completion, given as it is; or an error, raised."""
Replies = Iterable[Reply] | Callable[[Sequence[Message]], Reply | Awaitable[Reply]]
"""Replies in order, whoever asks; or what to reply to an exchange."""


class ScriptedModel:
    """Answers from a script and remembers what it was asked. Its tokens are estimates."""

    def __init__(self, replies: Replies, *, name: str = "scripted") -> None:
        """Reply with each of `replies` in order, or with what the function `replies`, async or not, returns."""
        self.exchanges: list[tuple[Message, ...]] = []
        """Every exchange it was asked to complete, in order."""
        self._reply = replies if callable(replies) else _in_order(replies)
        self._name = name

    @property
    def name(self) -> str:
        """As it was given."""
        return self._name

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, timeout: float | None = None
    ) -> Completion:
        """The next reply of the script.

        Args:
            messages: the exchange so far; kept in `exchanges`.
            max_tokens: where a reply that is a text is cut.
            timeout: seconds that an async function may take; None: as long as it likes.

        Raises:
            LanguageModelUnavailable: no reply is left, or the function took longer than `timeout`.
            LanguageModelUnusable: the reply is an empty text.
        """
        self.exchanges.append(tuple(messages))
        match await self._next(messages, timeout):
            case Exception() as error:
                raise error
            case Completion() as completion:
                return completion
            case text:
                return _said(messages, text, max_tokens)

    async def close(self) -> None:
        """Nothing: it holds nothing."""

    async def _next(self, messages: Sequence[Message], timeout: float | None) -> Reply:
        reply = self._reply(messages)
        if not isawaitable(reply):
            return reply
        try:
            async with asyncio.timeout(timeout):
                return await reply
        except TimeoutError:
            raise LanguageModelUnavailable(f"{self._name} did not answer within {timeout:g} seconds.") from None


def _in_order(replies: Iterable[Reply]) -> Callable[[Sequence[Message]], Reply]:
    waiting = deque(replies)

    def next_reply(_messages: Sequence[Message]) -> Reply:
        if not waiting:
            return LanguageModelUnavailable("The script of this language model has no further reply.")
        return waiting.popleft()

    return next_reply


def _said(messages: Sequence[Message], text: str, max_tokens: int) -> Completion:
    if not text:
        raise LanguageModelUnusable("The script of this language model replied with an empty text.")
    end = bisect_right(range(len(text) + 1), max_tokens, key=lambda end: estimate_tokens(text[:end])) - 1
    tokens = estimate_exchange(messages) + estimate_tokens(text[:end])
    return Completion(text[:end], tokens, truncated=end < len(text))

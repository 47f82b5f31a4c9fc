"""One budget of calls and tokens for everything that one request sets off, calls at the same time included."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mcp_memory.errors import BudgetSpent
from mcp_memory.llm.tokens import estimate_exchange

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_memory.llm.base import Completion, LanguageModel, Message

LEAST_ANSWER = 16
"""Tokens, about twelve words: a call that could answer with fewer, though more were asked for, is not begun."""


@dataclass(slots=True)
class Place:
    """A call under way: what was promised to it, and what it is charged in the end."""

    max_tokens: int
    """Most tokens of its answer: what was asked for, or what is left."""
    charge: int
    """Of a call that fails: what was sent. Whoever gets an answer writes its cost here."""


class Budget:
    """What a whole tree of calls may use. For one event loop; no call waits for it."""

    def __init__(self, calls: int, tokens: int) -> None:
        """Allow so many calls, and so many tokens read and written by all of them together."""
        self.calls = calls
        self.tokens = tokens
        self._calls_used = 0
        self._tokens_used = 0
        self._tokens_promised = 0

    @property
    def calls_used(self) -> int:
        """Calls begun, failed ones and those under way included."""
        return self._calls_used

    @property
    def calls_left(self) -> int:
        """Calls that may still begin."""
        return self.calls - self._calls_used

    @property
    def tokens_used(self) -> int:
        """Tokens of the calls that are over."""
        return self._tokens_used

    @property
    def tokens_left(self) -> int:
        """Tokens neither used nor promised to a call under way."""
        return max(0, self.tokens - self._tokens_used - self._tokens_promised)

    def check(self) -> None:
        """Whether a further call may begin at all.

        Raises:
            BudgetSpent: no call or no token is left; the text says which.
        """
        if self.calls_left <= 0:
            raise BudgetSpent(
                f"All {self.calls} calls of the language model allowed here are used; go on with what is known, "
                "or allow more with MCP_MEMORY_LLM_MAX_CALLS."
            )
        if self.tokens_left <= 0:
            raise BudgetSpent(
                f"All {self.tokens} tokens of the language model allowed here are used, or promised to calls under "
                "way; go on with what is known, or allow more with MCP_MEMORY_LLM_MAX_TOKENS."
            )

    def charge(self, tokens: int) -> None:
        """Count tokens as used."""
        self._tokens_used += max(0, tokens)

    @contextmanager
    def reserve(self, *, prompt_tokens: int, max_tokens: int) -> Iterator[Place]:
        """Hold one call, and the tokens it may cost, until it is over; then charge what it did cost.

        Args:
            prompt_tokens: what is sent.
            max_tokens: most tokens of the answer; clipped to what is left.

        Raises:
            BudgetSpent: no call is left, or too few tokens for what is sent and `LEAST_ANSWER`.
        """
        self.check()
        room = self.tokens_left - prompt_tokens
        if room < min(max_tokens, LEAST_ANSWER):
            raise BudgetSpent(
                f"This call of the language model would send about {prompt_tokens} tokens, and {self.tokens_left} of "
                f"the {self.tokens} allowed here are left; send less, or allow more with MCP_MEMORY_LLM_MAX_TOKENS."
            )
        place = Place(min(max_tokens, room), charge=prompt_tokens)
        promised = prompt_tokens + place.max_tokens
        self._calls_used += 1
        self._tokens_promised += promised
        try:
            yield place
        finally:
            self._tokens_promised -= promised
            self.charge(place.charge)


class Budgeted:
    """A `LanguageModel` that spends from a budget. It borrows the model: closing it leaves the model open.

    Tokens sent are estimated before a call and counted after it, so that the budget can be overdrawn by the
    difference, and by no more where the model keeps to `max_tokens`.
    """

    def __init__(self, model: LanguageModel, budget: Budget) -> None:
        """Let `model` be called as long as `budget` lasts."""
        self.budget = budget
        self._model = model

    @property
    def name(self) -> str:
        """That of the model."""
        return self._model.name

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, timeout: float | None = None
    ) -> Completion:
        """The model's next message, charged to the budget.

        Args:
            messages: the exchange so far, the last one the user's.
            max_tokens: most tokens of the answer; fewer where the budget has no more.
            timeout: seconds the whole call may take; None: what the model is set up with.

        Raises:
            BudgetSpent: the budget allows no further call.
            LanguageModelUnavailable, LanguageModelUnusable: from the model. The call counts, with what was sent.
        """
        with self.budget.reserve(prompt_tokens=estimate_exchange(messages), max_tokens=max_tokens) as place:
            completion = await self._model.complete(messages, max_tokens=place.max_tokens, timeout=timeout)
            place.charge = completion.tokens
            return completion

    async def close(self) -> None:
        """Nothing: whoever opened the model closes it."""

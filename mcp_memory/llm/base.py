"""The protocol between memory and a language model, which nobody has to have.

Every verb works without one and says what it did instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

Role = Literal["system", "user", "assistant"]


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an exchange."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What the model said, never empty, and what it cost."""

    text: str
    tokens: int
    """Of the exchange and the answer together: as the endpoint counts, else estimated from their length."""
    truncated: bool = False
    """It was cut at `max_tokens`: the end is missing."""


class LanguageModel(Protocol):
    """A model that completes an exchange. Any number of calls may be under way at once."""

    @property
    def name(self) -> str:
        """What it is, for people: known without asking it."""

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, timeout: float | None = None
    ) -> Completion:
        """The model's next message.

        Args:
            messages: the exchange so far, the last one the user's.
            max_tokens: most tokens of the answer.
            timeout: seconds the whole call may take, retries included; None: what the model is set up with.

        Raises:
            LanguageModelUnavailable: it cannot be reached, refuses, or is too slow; a sentence says which.
            LanguageModelUnusable: it answered with nothing that could be used.
            BudgetSpent: a budget around it allows no further call.
        """

    async def close(self) -> None:
        """Let go of the connections."""

"""What a whole run may use, its sub-tasks included: turns, calls and tokens of the model, and time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mcp_memory.llm.budget import Budget


@dataclass(slots=True)
class Allowance:
    """One for the whole tree of loops. Read it inside the event loop that it was made in."""

    most_turns: int
    budget: Budget
    """Of calls and tokens; every model of the tree spends from it."""
    seconds: float
    deadline: float
    """By the event loop's clock."""
    turns_taken: int = 0

    @classmethod
    def starting_now(cls, turns: int, budget: Budget, seconds: float) -> Allowance:
        """So many turns, and so many seconds from now."""
        return cls(turns, budget, seconds, asyncio.get_running_loop().time() + seconds)

    @property
    def turns_left(self) -> int:
        """Turns that may still begin."""
        return self.most_turns - self.turns_taken

    @property
    def seconds_left(self) -> float:
        """Until the deadline, 0 beyond it."""
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def take_turn(self) -> int:
        """Begin a turn; its number, from 1."""
        self.turns_taken += 1
        return self.turns_taken

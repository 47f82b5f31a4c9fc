"""Telling as much as the tokens allow: every section gets its share first, then what the others left over."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mcp_memory.text import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

Item = TypeVar("Item")


class Budget:
    """Tokens left."""

    def __init__(self, tokens: int) -> None:
        self.tokens = tokens
        self.left = tokens

    def take(self, text: str, most: int | None = None) -> bool:
        """Pay for lines of text, where there is enough left and they cost at most `most` tokens."""
        cost = cost_of(text)
        if cost > self.left or (most is not None and cost > most):
            return False
        self.left -= cost
        return True


def cost_of(text: str) -> int:
    """Tokens of a text and the line break after it."""
    return estimate_tokens(text + "\n")


class Section(Generic[Item]):
    """Things of one kind under a heading, in the order in which they matter.

    Args:
        heading: the line above them, paid for with the first of them; may be empty.
        tellings: each thing, told in every way that will do, the fullest first.
        render: how one of them reads.
        share: of all tokens that are theirs before the others get what is left, 0..1.
    """

    def __init__(
        self, heading: str, tellings: Iterable[Sequence[Item]], render: Callable[[Item], str], share: float
    ) -> None:
        self.told: list[Item] = []
        self.shortened = False
        self._heading = heading
        self._waiting = deque(tellings)
        self._render = render
        self._share = share

    @property
    def is_whole(self) -> bool:
        """Nothing was left out or told in less than its fullest way."""
        return not self._waiting and not self.shortened

    def lines(self) -> list[str]:
        """What was told, under the heading; nothing where nothing was."""
        heading = [self._heading] if self._heading and self.told else []
        return [*heading, *map(self._render, self.told)]

    def take_share(self, budget: Budget) -> None:
        """Tell the first of them in full, as far as the section's share of all tokens goes."""
        most = int(budget.tokens * self._share)
        while self._waiting:
            before = budget.left
            if not budget.take(self._text(self._waiting[0][0]), most):
                return
            most -= before - budget.left
            self.told.append(self._waiting.popleft()[0])

    def take_rest(self, budget: Budget) -> None:
        """Tell the others as far as there are tokens left: each in the fullest way that fits."""
        refused: deque[Sequence[Item]] = deque()
        while self._waiting:
            tellings = self._waiting.popleft()
            fitting = next((one for one in tellings if budget.take(self._text(one))), None)
            if fitting is None:
                refused.append(tellings)
                continue
            self.shortened = self.shortened or fitting is not tellings[0]
            self.told.append(fitting)
        self._waiting = refused

    def _text(self, item: Item) -> str:
        line = self._render(item)
        return f"{self._heading}\n{line}" if self._heading and not self.told else line


def fill(sections: Sequence[Section[Any]], tokens: int) -> bool:
    """Let the sections tell what they can, those that matter more first.

    Returns:
        Whether everything was told in full.
    """
    budget = Budget(max(0, tokens))
    for section in sections:
        section.take_share(budget)
    for section in sections:
        section.take_rest(budget)
    return all(section.is_whole for section in sections)

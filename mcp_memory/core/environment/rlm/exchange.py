"""The conversation with the model: what it is told each turn, and how the whole stays short."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.core.prompting import as_data, prompt
from mcp_memory.llm.base import Message

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.core.environment.rlm.allowance import Allowance
    from mcp_memory.sandbox.base import Failure, Ran, Variable

MOST_CHARS: Final = 60_000
"""Of the whole conversation; beyond it older outputs shrink to a line each."""
OUTPUT_HEAD: Final = 6_000
OUTPUT_TAIL: Final = 2_000
"""Characters of a turn's output that the model is shown: the first and the last."""
VALUE_CHARS: Final = 2_000
"""Of the value of a block's last expression."""
ERROR_CHARS: Final = 2_000
REPLY_CHARS: Final = 40_000
"""Of one reply of the model's, should it not keep to its limit."""
MOST_NAMED: Final = 40


@dataclass(slots=True)
class _Turn:
    said: str
    told: str
    brief: str

    @property
    def chars(self) -> int:
        return len(self.said) + len(self.told)


class Exchange:
    """What was said so far."""

    def __init__(self, system: str, first: str, most_chars: int = MOST_CHARS) -> None:
        self._system = system
        self._first = first
        self._most_chars = most_chars
        self._turns: list[_Turn] = []

    def add(self, said: str, told: str, brief: str) -> None:
        """A turn: the model's reply, what it is told of it, and the line that remains of that."""
        self._turns.append(_Turn(head_and_tail(said, REPLY_CHARS, 0), told, brief))
        self._shrink()

    def messages(self, also: str = "") -> list[Message]:
        """The exchange, the user's word last; `also` is added to it."""
        messages = [Message("system", self._system), Message("user", self._first)]
        for turn in self._turns:
            messages += [Message("assistant", turn.said), Message("user", turn.told)]
        if also:
            messages[-1] = Message("user", f"{messages[-1].content}\n\n{also}")
        return messages

    def _shrink(self) -> None:
        """Reduce older turns until it fits, never the last: outputs first, then replies."""
        excess = len(self._system) + len(self._first) + sum(turn.chars for turn in self._turns) - self._most_chars
        for turn in self._turns[:-1]:
            if excess <= 0:
                return
            shorter = min(turn.told, turn.brief, key=len)
            excess -= len(turn.told) - len(shorter)
            turn.told = shorter
        for turn in self._turns[:-1]:
            if excess <= 0:
                return
            shorter = min(turn.said, head_and_tail(turn.said, 200, 0), key=len)
            excess -= len(turn.said) - len(shorter)
            turn.said = shorter


@dataclass(frozen=True, slots=True)
class TurnReport:
    """What a turn's code did."""

    ran: Sequence[Ran]
    """Of each block that was run, in order; the last may have failed."""
    blocks: int
    """How many there were."""
    changed: str = ""
    """Variables, as `described` writes them."""
    rolled_back: bool = False

    @property
    def failure(self) -> Failure | None:
        """Why it stopped."""
        return self.ran[-1].failure if self.ran else None

    @property
    def output(self) -> str:
        """Everything printed, and the values of last expressions."""
        return "\n".join(filter(None, (shown for one in self.ran for shown in _shown(one))))

    def told(self) -> str:
        """The whole report, for the model."""
        output = head_and_tail(self.output, OUTPUT_HEAD, OUTPUT_TAIL)
        parts = [as_data("output", output) if output else "The code printed nothing."]
        if self.failure is not None:
            parts.append(self._error(self.failure))
        if self.changed:
            parts.append(f"Changed: {self.changed}.")
        return "\n".join(parts)

    def brief(self, number: int) -> str:
        """The line that remains of it."""
        error = f", then {self.failure.type}" if self.failure is not None else ""
        changed = f"; changed: {self.changed}" if self.changed else ""
        return f"(Turn {number} printed {len(self.output):,} characters{error}{changed}. The output is not kept here.)"

    def _error(self, failure: Failure) -> str:
        which = f"Block {len(self.ran)} of {self.blocks} failed" if self.blocks > 1 else "The code failed"
        line = f" in line {failure.line}" if failure.line else ""
        told = head_and_tail(f"{failure.type}: {failure.message}", ERROR_CHARS, 0)
        parts = [f"{which}{line}:", as_data("error", told)]
        if failure.hint:
            parts.append(f"Hint: {failure.hint}")
        if self.rolled_back:
            parts.append("Variables are as they were before this turn.")
        return "\n".join(parts)


def described(variables: Sequence[Variable], names: Sequence[str]) -> str:
    """Variables by name, type and length, for example `memories list[300], total int, old (gone)`."""
    there = {one.name: one for one in variables}
    told = [_kind(there[name]) if name in there else f"{name} (gone)" for name in names[:MOST_NAMED]]
    more = [f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join(told + more)


def what_is_left(allowance: Allowance) -> str:
    """The next turn's number, and what it and all later ones may use."""
    told = prompt(
        "rlm_allowance",
        turn=allowance.turns_taken + 1,
        turns=allowance.most_turns,
        calls=allowance.budget.calls_left,
        tokens=_thousands(allowance.budget.tokens_left),
        seconds=round(allowance.seconds_left),
    )
    return told if allowance.turns_left > 1 else f"{told}\n{prompt('rlm_last_turn')}"


def head_and_tail(text: str, head: int, tail: int) -> str:
    """The first and the last characters, and between them how many were left out."""
    left_out = len(text) - head - tail
    if left_out <= 0:
        return text
    return f"{text[:head]}\n... {left_out:,} characters left out ...\n{text[len(text) - tail :]}".rstrip("\n")


def _shown(ran: Ran) -> list[str]:
    cut = f"... {ran.output_cut:,} characters of output were not kept ..." if ran.output_cut else ""
    value = "" if ran.result is None else f"=> {head_and_tail(ran.result, VALUE_CHARS, 0)}"
    return [ran.output.rstrip("\n"), cut, value]


def _kind(variable: Variable) -> str:
    length = "" if variable.length is None else f"[{variable.length}]"
    return f"{variable.name} {variable.type}{length}"


def _thousands(tokens: int) -> str:
    return f"{tokens // 1000}k" if tokens >= 10_000 else f"{tokens:,}"

"""What is told of a run's turns, by the level of detail that was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.rlm.exchange import head_and_tail
from mcp_memory.models.environment import RlmTurn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.models.environment import RlmAction, RlmDetail


@dataclass(slots=True)
class Turn:
    """One turn as it happened."""

    iteration: int
    action: RlmAction = "model_failed"
    said: str = ""
    """The model's reply, code included."""
    code: str = ""
    output: str = ""
    error: str = ""
    changed: list[str] = field(default_factory=list)
    llm_calls: int = 0
    """The turn's own, and all that its code made."""
    tokens: int = 0
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class _Room:
    """Most characters of each part of a turn; 0: it is not told."""

    code: int
    output: int
    error: int
    reply: int
    all_turns: int
    """Of all turns together: many turns get less each."""


ROOM: Final[dict[RlmDetail, _Room]] = {
    "brief": _Room(code=0, output=0, error=200, reply=0, all_turns=10_000),
    "standard": _Room(code=2_000, output=600, error=500, reply=0, all_turns=24_000),
    "detailed": _Room(code=16_000, output=8_000, error=2_000, reply=16_000, all_turns=150_000),
}
"""Standard fits the context window of an agent that only wants to see what was done; detailed is for finding out why
a run went wrong."""


def told(turns: Sequence[Turn], level: RlmDetail) -> list[RlmTurn]:
    """The trace. `brief` has no code and no output, `detailed` also the whole replies."""
    room = ROOM[level]
    share = min(1.0, room.all_turns / max(1, sum(_asked_for(turn, room) for turn in turns)))
    return [_told(turn, room, share) for turn in turns]


def _asked_for(turn: Turn, room: _Room) -> int:
    parts = ((turn.code, room.code), (turn.output, room.output), (turn.error, room.error), (turn.said, room.reply))
    return sum(min(len(text), most) for text, most in parts)


def _told(turn: Turn, room: _Room, share: float) -> RlmTurn:
    return RlmTurn(
        iteration=turn.iteration,
        action=turn.action,
        generated_code=_cut(turn.code, room.code, share),
        exec_output=_cut(turn.output, room.output, share),
        exec_error=_cut(turn.error, room.error, share),
        reply=_cut(turn.said, room.reply, share) if turn.said != turn.code else None,
        variables_changed=turn.changed,
        llm_calls=turn.llm_calls,
        tokens=turn.tokens,
        duration_ms=turn.duration_ms,
    )


def _cut(text: str, most: int, share: float) -> str | None:
    room = min(len(text), most) * share
    head = round(room * 0.75)
    return head_and_tail(text, head, round(room) - head) if room else None


def in_words(turn: Turn) -> str:
    """How a turn went, in a few words."""
    lines = len(turn.code.splitlines())
    ran = f"ran {lines} {'line' if lines == 1 else 'lines'}"
    match turn.action:
        case "executed":
            return ran
        case "exec_error":
            return f"{ran}, {turn.error.partition(':')[0]}"
        case "final":
            return f"{ran}, finished" if lines else "finished"
        case "refused_final":
            return "answered too early"
        case "no_code":
            return "no code to run"
        case "model_failed":
            return "the language model did not answer"

"""What calls on the environment say in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.models.environment import CodeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mcp_memory.core.environment.changes import Excess
    from mcp_memory.sandbox.base import Failure

MOST_NAMED: Final = 20
"""Names that one sentence lists."""
NAME_CHARS: Final = 150
"""Of a name and its type: what is more is cut. Longer ones come of a changed database alone."""


def code_error(failure: Failure) -> CodeError:
    """A failure as the caller is told of it. After a fatal one nothing of the call was kept."""
    return CodeError(
        type=failure.type,
        message=failure.message,
        line=failure.line,
        traceback=failure.traceback or None,
        hint=failure.hint or None,
        rolled_back=failure.fatal,
    )


def restored_note(why: str, before: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Says what came back from JSON, as what, and what could not: names to types, before and now."""
    lost = [f"{name} ({_short(kind)})" for name, kind in before.items() if name not in now]
    other = [
        f"{name} (was {_short(before[name])}, is {kind})"
        for name, kind in now.items()
        if before.get(name, kind) != kind
    ]
    sentences = [f"The environment was rebuilt from its variables' JSON: {why}."]
    if now:
        sentences.append(
            f"Back are {listed(list(now))}; inside them tuples have become lists, and keys that were numbers text."
        )
    if other:
        sentences.append(f"Of another type now: {listed(other)}.")
    if lost:
        sentences.append(f"Not restored, define them again: {listed(lost)}.")
    return " ".join(sentences)


def listed(names: Sequence[str], most: int = MOST_NAMED) -> str:
    """Names in one line, the first ones where there are too many."""
    first = ", ".join([_short(name) for name in names[:most]])
    return first if len(names) <= most else f"{first} and {len(names) - most:,} more"


def _short(name: str) -> str:
    return name if len(name) <= NAME_CHARS else f"{name[: NAME_CHARS - 1]}…"


def excess_error(excess: Excess) -> CodeError:
    """What the caller is told where code made more than there is room for."""
    return CodeError(type="LimitExceeded", message=str(excess), rolled_back=True)

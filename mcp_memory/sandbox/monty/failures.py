"""Monty's errors as failures: what went wrong, where in the given code, and what to do about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mcp_memory.sandbox.base import MIB, Failure
from mcp_memory.sandbox.monty.hints import hint_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.sandbox.base import SandboxLimits

MESSAGE = 2_000
"""Characters of a message that are kept."""
LINE = 200
"""Characters of a line of code that are shown."""
NAME = 80
"""Characters of a function's name that are shown."""
OUTER, INNER = 3, 5
"""Frames that are shown of a long traceback: the first and the last."""

BROKEN = "The code has overwritten what the sandbox keeps under the name `_mm`: nothing of this call was kept."


def failure_of(error: Any, lines: Sequence[str], limits: SandboxLimits) -> Failure:
    """What a `MontyError` says about the code with these lines."""
    if not hasattr(error, "display"):
        return _death(error, limits)
    type_name, _, message = _cut(error.display("type-msg"), MESSAGE + 100).partition(":")
    message = _cut(message.strip(), MESSAGE)
    limit = limit_hit(type_name, message, limits)
    if limit:
        return Failure(type_name, limit, hint=hint_for(type_name, limit), fatal=True)
    if type_name == "NotImplementedError" and "not yet support" in message:
        type_name, message = "SyntaxError", _unsupported(message)
    frames = _frames(error.traceback(), lines)
    return Failure(
        type_name.rpartition(".")[2] if "." in type_name else type_name,
        message,
        line=frames[-1][0] if frames else None,
        traceback=_traceback(frames),
        hint=hint_for(type_name, message),
    )


def limit_hit(type_name: str, message: str, limits: SandboxLimits) -> str:
    """Which limit it was, in words, or nothing. What follows a limit cannot be trusted, whoever raised it."""
    if type_name == "MemoryError":
        return f"The code needs more memory than the {limits.memory_bytes // MIB} MiB it may have."
    if type_name == "TimeoutError" and "sleep" in message:
        return "The code slept, and it may not."
    if type_name == "TimeoutError":
        return f"The code computed for longer than the {limits.run_seconds:g} s it may take."
    if type_name == "RuntimeError" and message.startswith("suspension limit"):
        return too_many_calls(limits)
    return ""


def too_many_calls(limits: SandboxLimits) -> str:
    """What is said to code that goes on calling."""
    return f"The code went on calling after the {limits.host_calls} host calls it may make."


def too_slow(limits: SandboxLimits) -> Failure:
    """The failure of a run that took too long altogether."""
    message = f"The run took longer than the {limits.wall_seconds:g} s it may take, tools included."
    return Failure("TimeoutError", message, hint=hint_for("TimeoutError", message), fatal=True)


def _death(error: Any, limits: SandboxLimits) -> Failure:
    if getattr(error, "timed_out", False):
        message = limit_hit("TimeoutError", "", limits)
        return Failure("TimeoutError", message, hint=hint_for("TimeoutError", message), fatal=True)
    return Failure("SandboxDied", "The process that ran the code has died: nothing of this call was kept.", fatal=True)


def _unsupported(message: str) -> str:
    return re.sub(r"^The monty syntax parser does", "This Python does", message)


def _frames(frames: Sequence[Any], lines: Sequence[str]) -> list[tuple[int, str, str]]:
    """The frames in the given code: line number, function and text."""
    if not frames:
        return []
    own = [frame for frame in frames if frame.filename == frames[0].filename and frame.line <= len(lines)]
    return [(frame.line, _cut(frame.function_name or "<module>", NAME), lines[frame.line - 1].strip()) for frame in own]


def _traceback(frames: Sequence[tuple[int, str, str]]) -> str:
    shown = [f"line {line}, in {function}: {_cut(text, LINE)}" for line, function, text in frames]
    if len(shown) > OUTER + INNER:
        shown[OUTER:-INNER] = [f"… {len(shown) - OUTER - INNER} more"]
    return "\n".join(shown)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"

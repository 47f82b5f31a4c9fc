"""The protocol between memory and the place where an agent's code runs.

A sandbox runs each call in a process of its own, which sees no file, no network, no environment and nothing of this
process. State comes in as bytes and goes out as bytes. Nothing the code made is ever walked, printed or compared out
here: it is rendered inside, where the limits hold, and only text comes out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mcp_memory.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    HostTool = Callable[..., Awaitable[Any]]
    """A function the code may call as if it were synchronous. Arguments come as the code gave them: check types and
    sizes before anything else, and never walk a container of theirs unchecked. It returns plain JSON-able data made
    out here, or raises `ToolError`."""

MIB = 1024 * 1024


class SandboxFailed(SandboxError):
    """The sandbox's own work hit a limit, or its session has died."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.type}: {failure.message}")
        self.failure = failure


class ToolError(Exception):
    """What a host tool tells the code that called it; it becomes a `RuntimeError` there. Never holds secrets."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one call may use."""

    run_seconds: float = 5.0
    """Of computing, host calls not counted; a watchdog ends the process a second later."""
    wall_seconds: float = 60.0
    """From the first line to the last, host calls included."""
    memory_bytes: int = 128 * MIB
    """Of the interpreter's heap; the process may take about 2.5 times as much."""
    recursion: int = 500
    host_calls: int = 200
    output_head: int = 12_000
    output_tail: int = 4_000
    """Characters of printed output that are kept: the first and the last."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why code did not run to its end."""

    type: str
    """The exception's name, for example `NameError`; `SyntaxError` also for Python the sandbox does not have."""
    message: str
    line: int | None = None
    """1-based, in the code as it was given."""
    traceback: str = ""
    """Compact: the lines of the given code that led there."""
    hint: str = ""
    """What to write instead, where that is known."""
    fatal: bool = False
    """A limit was hit or the process has died: the state is lost, and the session can be asked nothing more."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of running code."""

    output: str = ""
    """What it printed, head and tail where it was too much."""
    output_cut: int = 0
    """Characters of output left out."""
    result: str | None = None
    """A preview of the value of the last expression; None where there is none or it is None."""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable as it looks from outside."""

    name: str
    type: str
    size: int
    """Bytes as JSON; an estimate where it is none."""
    preview: str = ""
    length: int | None = None
    """Items or characters, of what has a length."""
    digest: str = ""
    """SHA-256 of its JSON text in hexadecimal; empty where it cannot be written as JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the code has given as its final answer (see `FINAL`)."""

    content: str
    """Text as it is; anything else as JSON."""
    ready: bool = True


class SandboxSession(Protocol):
    """One process with one state, alive inside its context manager.

    Every method but `run` raises `SandboxFailed`, with the `Failure` in it, where the sandbox's own work hits a limit
    or the code has broken what it stands on.
    """

    async def run(
        self, code: str, tools: Mapping[str, HostTool], *, result_var: str = "", result_chars: int = 10_000
    ) -> Ran:
        """Run code as a REPL would: the value of a trailing expression is its result.

        Assignments made before an ordinary exception stay. `result_var`: keep the value under this name, unless it
        is None.
        """

    async def put(self, name: str, json_text: str) -> None:
        """Bind a name to what the JSON text says."""

    async def variables(self, preview_chars: int = 0) -> list[Variable]:
        """All variables of the code's own, by name; without previews where `preview_chars` is 0."""

    async def variable(self, name: str, preview_chars: int) -> Variable | None:
        """One variable, or None where there is none of this name."""

    async def render(self, names: Sequence[str], most_chars: int) -> dict[str, str]:
        """Variables as text for a language model, sharing `most_chars` fairly; names that are not there are left
        out. A text is given as it is, anything else as JSON or, where it is none, as a preview."""

    async def json_of(self, names: Sequence[str]) -> dict[str, str]:
        """The JSON texts of these variables; those that are none are left out."""

    async def remove(self, names: Sequence[str]) -> None:
        """Unbind names; those that are not there are no error."""

    async def answer(self) -> Answer | None:
        """The final answer the code has given since `forget_answer`, or None."""

    async def forget_answer(self) -> None:
        """Begin to wait for a new answer."""

    async def dump(self) -> bytes:
        """The whole state, for `Sandbox.session`, of a sandbox with the same `engine`."""


class Sandbox(Protocol):
    """Runs sessions, each in a process of its own."""

    @property
    def engine(self) -> str:
        """Name, version and dump format: what a dump can be loaded by. Empty until it has been started."""

    @property
    def limits(self) -> SandboxLimits:
        """What one call may use."""

    @property
    def reserved(self) -> frozenset[str]:
        """Names that variables cannot have: the tools' and the sandbox's own."""

    async def start(self) -> None:
        """Make sure that it works, with a sum it must get right; later calls cost nothing.

        Raises:
            SandboxUnavailable: and why. There is no other way to run code.
        """

    def reads(self, engine: str) -> bool:
        """Whether it can load a dump of that engine."""

    def session(self, state: bytes | None = None) -> AbstractAsyncContextManager[SandboxSession]:
        """A session with this state, or a new one. Leaving or cancelling ends the process.

        Raises:
            SandboxUnavailable: it cannot run, or every worker is busy for too long.
            SandboxFailed: the state is not one that it can load.
        """

    async def close(self) -> None:
        """End all processes."""

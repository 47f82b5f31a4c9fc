"""What an attack is: code, and how its call has to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Ends:
    """How a call ends."""

    how: Literal["value", "error", "rolled back"]
    """With a result; with an error that keeps what was assigned before it; at a limit, with nothing kept."""
    types: frozenset[str] = frozenset()
    """Of the error: one of these."""


def fails(*types: str) -> Ends:
    """With an error of the code's own."""
    return Ends("error", frozenset(types))


def stopped(*types: str) -> Ends:
    """At a limit, or because the code has broken what the sandbox stands on."""
    return Ends("rolled back", frozenset(types))


VALUE = Ends("value")
TIME = stopped("TimeoutError")
MEMORY = stopped("MemoryError")
TIME_OR_MEMORY = stopped("TimeoutError", "MemoryError")
"""Which limit is met first depends on the machine."""
BROKEN = stopped("SandboxBroken")
TOO_LARGE = stopped("LimitExceeded")

BOMB = "def bomb():\n    x = ['a']\n    for _ in range(40):\n        x = [x, x]\n    return x\n"
"""A list of 2**40 items, 41 of them in memory."""


@dataclass(frozen=True, slots=True)
class Program:
    """One attack through `memory_context_exec`."""

    name: str
    """Of one word or several with hyphens; unique in its family."""
    code: str
    ends: Ends
    shows: str | None = None
    """What its result is, where it ends with a value; None where that may be anything."""
    then: tuple[str, str] | None = None
    """An expression that a later call asks for, and what it comes to."""
    result_var: str = ""
    """What its result is to be kept under."""


@dataclass(frozen=True, slots=True)
class Tampering:
    """One attack on the database: an environment is changed behind the memory's back, and then used."""

    name: str
    statements: tuple[str, ...]
    """SQL, each with one parameter: the session's id."""
    ends: Ends
    """What comes of the next call, which asks for the list `notes`."""
    shows: str | None = "['ours']"
    """What `notes` is then."""
    told: bool = True
    """Whether that call says what has happened."""

"""How a long call tells its caller where it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

Report = Callable[[float, float, str], Awaitable[None]]
"""Told how much is done, of how much, and what is happening, in a few words."""

"""The sandbox of a server that has none: it says why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.errors import SandboxUnavailable
from mcp_memory.sandbox.base import SandboxLimits

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from mcp_memory.sandbox.base import SandboxSession


class UnavailableSandbox:
    """A `Sandbox` that can run nothing."""

    def __init__(self, reason: str, limits: SandboxLimits | None = None) -> None:
        self._reason = reason
        self._limits = limits or SandboxLimits()

    @property
    def engine(self) -> str:
        """Empty: it never starts."""
        return ""

    @property
    def limits(self) -> SandboxLimits:
        """What a call could use, were there one."""
        return self._limits

    @property
    def reserved(self) -> frozenset[str]:
        """No names."""
        return frozenset()

    async def start(self) -> None:
        """Raise `SandboxUnavailable` with the reason."""
        raise SandboxUnavailable(self._reason)

    def reads(self, _engine: str) -> bool:
        """No dump can be loaded."""
        return False

    def session(self, _state: bytes | None = None) -> AbstractAsyncContextManager[SandboxSession]:
        """Raise `SandboxUnavailable` with the reason."""
        raise SandboxUnavailable(self._reason)

    async def close(self) -> None:
        """There is nothing to end."""

"""What all environments of this process share: the sandbox, the seal, the limits, and a lock for each session."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from mcp_memory.errors import SandboxUnavailable
from mcp_memory.storage.base import EnvironmentQuota

if TYPE_CHECKING:
    from mcp_memory.sandbox.base import Sandbox
    from mcp_memory.sandbox.seal import Seal

MIB: Final = 1024 * 1024
MOST_REMEMBERED: Final = 32 * MIB
"""Of states that are known to be ours, for all sessions of this process together."""

Sealed = tuple[bytes, str, bytes]
"""A seal, and the engine and state that it is on."""


@dataclass(frozen=True, slots=True)
class EnvironmentPolicy:
    """What a deployment allows; see `settings`."""

    most_bytes: int = 32 * MIB
    """Of one environment: its state, and all its variables as JSON, each."""
    most_value_bytes: int = 8 * MIB
    """Of one value that is injected or loaded."""
    most_variables: int = 200
    most_environments: int = 50
    """In one workspace."""
    most_workspace_bytes: int = 512 * MIB
    most_checkpoints: int = 10
    """Of one environment."""
    most_recalls: int = 20
    """Calls of `recall` in one piece of code."""
    rlm_seconds: float = 300.0
    """One run of the loop, from the first turn to the last."""

    @property
    def quota(self) -> EnvironmentQuota:
        """What a workspace's environments may take together, checkpoints included."""
        return EnvironmentQuota(self.most_environments, self.most_workspace_bytes)


class Environments:
    """Where environments come from. Without a sandbox every call says that there is none."""

    def __init__(
        self, sandbox: Sandbox | None = None, seal: Seal | None = None, policy: EnvironmentPolicy | None = None
    ) -> None:
        self.sandbox = sandbox
        self.seal = seal
        self.policy = policy or EnvironmentPolicy()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._sealed: OrderedDict[str, Sealed] = OrderedDict()

    async def ready(self) -> tuple[Sandbox, Seal]:
        """The sandbox, which works, and the seal of its states.

        Raises:
            SandboxUnavailable: and why.
        """
        if self.sandbox is None or self.seal is None:
            raise SandboxUnavailable("This memory was set up without a sandbox, so it cannot run code.")
        await self.sandbox.start()
        return self.sandbox, self.seal

    def lock(self, session_id: str) -> asyncio.Lock:
        """One for each session: calls on the same environment go one after the other."""
        return self._locks.setdefault(session_id, asyncio.Lock())

    async def seal_of(self, session_id: str, engine: str, state: bytes) -> bytes:
        """The seal on a state that is about to be stored."""
        _, seal = await self.ready()
        made = await asyncio.to_thread(seal.of, session_id, engine, state)
        self._remember(session_id, (made, engine, state))
        return made

    async def is_ours(self, session_id: str, sealed: Sealed) -> bool:
        """Whether a stored state is one that we wrote for this session. One that equals, to the last byte, what was
        sealed or found good before needs no second proof."""
        if self._sealed.get(session_id) == sealed:
            return True
        _, seal = await self.ready()
        mark, engine, state = sealed
        good = await asyncio.to_thread(seal.holds, mark, session_id, engine, state)
        if good:
            self._remember(session_id, sealed)
        return good

    def _remember(self, session_id: str, sealed: Sealed) -> None:
        self._sealed[session_id] = sealed
        self._sealed.move_to_end(session_id)
        while sum(len(state) for _, _, state in self._sealed.values()) > MOST_REMEMBERED:
            self._sealed.popitem(last=False)

    async def close(self) -> None:
        """End all sandbox processes."""
        if self.sandbox is not None:
            await self.sandbox.close()

"""Whether the server lives, and whether it can serve."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Final, Literal
from weakref import WeakKeyDictionary

from mcp_memory import __version__
from mcp_memory.errors import McpMemoryError
from mcp_memory.rest.endpoint import Answer, Probe, Reply

if TYPE_CHECKING:
    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.memory import Memory
    from mcp_memory.rest.endpoint import MemorySource

logger = logging.getLogger(__name__)

DESCRIPTION: Final = "Long-term memory for AI agents."

PATIENCE: Final = 2.0
"""Seconds a part has to answer. A store does not while it is being migrated, a sandbox while it starts."""

BELIEVED_SECONDS: Final = 30.0
"""How long a sandbox that did not work is believed not to: anybody may ask, and a try starts a process."""

SandboxState = Literal["ready", "starting", "unavailable", "not_configured", "unknown"]


class About(Answer):
    """What answers here."""

    name: str
    version: str
    description: str


class Alive(Answer):
    """The process answers."""

    status: Literal["healthy"]


class Services(Answer):
    """How each part stands; `unknown`: the store has to answer first.

    While the encoder loads, and after it failed, memories are found by words alone. Without a sandbox the tools for
    running code say so, and all others work.
    """

    database: Literal["connected", "disconnected"]
    encoder: Literal["idle", "loading", "ready", "failed", "unknown"]
    sandbox: SandboxState
    cache: Literal["not_configured"]


class Ready(Answer):
    """Ready: the store answers, and the encoder has not failed. A sandbox that is missing is told, and nothing more."""

    status: Literal["ready", "not_ready"]
    services: Services


async def about(_: MemorySource) -> Reply:
    """Name and version."""
    return Reply({"name": "mcp-memory", "version": __version__, "description": DESCRIPTION})


async def alive(_: MemorySource) -> Reply:
    """The process answers; nothing else is looked at."""
    return Reply({"status": "healthy"})


async def ready(source: MemorySource) -> Reply:
    """Whether calls can be served now: 503 where not."""
    memory = await _memory(source)
    return _unserved() if memory is None else await _served(memory)


def _unserved() -> Reply:
    services = Services(database="disconnected", encoder="unknown", sandbox="unknown", cache="not_configured")
    return _told("not_ready", services)


async def _served(memory: Memory) -> Reply:
    embedder = memory.resources.indexer.embedder
    services = Services(
        database="connected",
        encoder=embedder.state,
        sandbox=await _sandbox(memory.environments),
        cache="not_configured",
    )
    if services.encoder == "failed":
        embedder.start()
        return _told("not_ready", services)
    return _told("ready", services)


def _told(status: Literal["ready", "not_ready"], services: Services) -> Reply:
    content = Ready(status=status, services=services).model_dump()
    return Reply(content, status=200 if status == "ready" else 503)


async def _memory(source: MemorySource) -> Memory | None:
    """The memory, if its store answers a question within `PATIENCE` seconds."""
    try:
        async with asyncio.timeout(PATIENCE):
            memory = await source()
            await memory.resources.store.workspace(memory.scope.workspace_id)
    except (McpMemoryError, TimeoutError):
        return None
    return memory


class SandboxTrial:
    """Finds out whether a sandbox works, by starting it. Many may wait for the same trial."""

    def __init__(self, environments: Environments) -> None:
        self._ended_at = 0.0
        self._task = asyncio.get_running_loop().create_task(self._try(environments))

    @property
    def is_over(self) -> bool:
        """Whether it says nothing about this moment any more."""
        if not self._task.done():
            return False
        return self._task.result() == "ready" or time.monotonic() >= self._ended_at + BELIEVED_SECONDS

    async def state(self) -> SandboxState:
        """What was found, if that takes no longer than `PATIENCE` seconds; the trial goes on by itself."""
        await asyncio.wait((self._task,), timeout=PATIENCE)
        return self._task.result() if self._task.done() else "starting"

    async def _try(self, environments: Environments) -> SandboxState:
        try:
            await environments.ready()
        except McpMemoryError as error:
            self._ended_at = time.monotonic()
            logger.warning("Code cannot be run: %s", error)
            return "unavailable"
        return "ready"


_TRIALS: Final[WeakKeyDictionary[Environments, SandboxTrial]] = WeakKeyDictionary()


async def _sandbox(environments: Environments) -> SandboxState:
    """How the place for an agent's code stands."""
    if environments.sandbox is None:
        return "not_configured"
    trial = _TRIALS.get(environments)
    if trial is None or trial.is_over:
        trial = _TRIALS[environments] = SandboxTrial(environments)
    return await trial.state()


ENDPOINTS: Final = (
    Probe(method="GET", path="/", handler=about, summary="Name and version.", answer=About, tag="Server"),
    Probe(method="GET", path="/health", handler=alive, summary="The process answers.", answer=Alive, tag="Server"),
    Probe(
        method="GET",
        path="/health/ready",
        handler=ready,
        summary="Whether calls can be served: how store, encoder and sandbox stand.",
        answer=Ready,
        also=(503,),
        tag="Server",
    ),
)

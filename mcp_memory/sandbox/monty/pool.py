"""The pool of Monty's worker processes."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from mcp_memory.errors import SandboxUnavailable
from mcp_memory.sandbox.monty.availability import find_binary, load_engine
from mcp_memory.sandbox.monty.inside import REVISION, inside
from mcp_memory.sandbox.monty.session import RESERVED, MontySession

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection
    from pathlib import Path
    from types import ModuleType

    from mcp_memory.sandbox.base import SandboxLimits

WATCHDOG = 1.0
"""Seconds after a feed's limit at which its process is ended."""
CHECKOUT_SECONDS = 10.0
"""How long a call waits for a free worker."""
SUSPENSIONS = 100_000
"""Most per checkout, should the count per run ever fail."""
TOOL_NAMES = ("recall", "llm_query", "llm_query_batched", "rlm_query")
HEADER = b"MONTY\0"
"""A dump begins with this; the number of its format follows, two bytes, the lower first."""
ENGINE = re.compile(r"monty (?P<version>\S+)/(?P<format>\d+)\+(?P<prelude>\d+)")


class MontySandbox:
    """A `Sandbox` over worker processes of Monty's, started when first needed; each session has a fresh one."""

    def __init__(self, limits: SandboxLimits, workers: int = 4, tool_names: Collection[str] = TOOL_NAMES) -> None:
        self._limits = limits
        self._workers = workers
        self._tool_names = frozenset(tool_names)
        self._starting = asyncio.Lock()
        self._started: tuple[ModuleType, Any] | None = None
        self._engine = ""
        self._closed = False

    @property
    def engine(self) -> str:
        """For example `monty 1.4.0/14+1`: version, dump format, revision of the prelude."""
        return self._engine

    @property
    def limits(self) -> SandboxLimits:
        """What one call may use."""
        return self._limits

    @property
    def reserved(self) -> frozenset[str]:
        """The tools' names and the sandbox's own."""
        return RESERVED | self._tool_names

    async def start(self) -> None:
        """Start the pool and test it with a sum.

        Raises:
            SandboxUnavailable: not installed, no binary, wrong platform, or the test failed.
        """
        await self._running()

    async def _running(self) -> tuple[ModuleType, Any]:
        """The engine's module and its pool."""
        if self._closed:
            raise SandboxUnavailable("The sandbox has been closed.")
        async with self._starting:
            if self._started is None:
                self._started = await self._start()
            return self._started

    async def _start(self) -> tuple[ModuleType, Any]:
        module, binary = await asyncio.to_thread(_prepare)
        pool = module.AsyncMonty(
            binary_path=binary,
            min_processes=1,
            max_processes=self._workers,
            max_checkouts_per_worker=1,
            checkout_timeout=CHECKOUT_SECONDS,
            request_timeout=self._limits.run_seconds + 3,
            feed_duration_limit_grace=WATCHDOG,
        )
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(pool)
                self._engine = await self._self_test(module, pool)
            except (module.MontyError, OSError, RuntimeError) as error:
                raise SandboxUnavailable(f"The sandbox's worker does not work here: {error}.") from error
            stack.pop_all()
        return module, pool

    async def _self_test(self, module: ModuleType, pool: Any) -> str:
        async with pool.checkout(**self._terms()) as worker:
            product = await worker.feed_run("6*7", print_callback=module.CollectString())
            if product != 42:
                raise SandboxUnavailable(f"The sandbox's worker takes 6*7 to be {product!r}.")
            return f"monty {module.__version__}/{_format_of(await worker.dump())}+{REVISION}"

    def reads(self, engine: str) -> bool:
        """Whether the dump is of this prelude and of this format or an older one."""
        theirs, ours = ENGINE.fullmatch(engine), ENGINE.fullmatch(self._engine)
        if theirs is None or ours is None:
            return False
        return theirs["prelude"] == ours["prelude"] and int(theirs["format"]) <= int(ours["format"])

    @asynccontextmanager
    async def session(self, state: bytes | None = None) -> AsyncIterator[MontySession]:
        """A session in a process of its own; see `Sandbox.session`."""
        module, pool = await self._running()
        async with AsyncExitStack() as stack:
            try:
                worker = await stack.enter_async_context(pool.checkout(**self._terms()))
            except TimeoutError:
                raise SandboxUnavailable("Every worker of the sandbox is busy; try again in a moment.") from None
            except (module.MontyError, OSError, RuntimeError) as error:
                raise SandboxUnavailable(f"The sandbox could not start a worker: {error}.") from error
            session = MontySession(module, worker, self._limits, self._tool_names)
            await (session.begin() if state is None else session.load(state))
            yield session

    def _terms(self) -> dict[str, Any]:
        """What every checkout is bound by."""
        return {
            "limits": {
                "max_feed_duration_secs": self._limits.run_seconds,
                "max_memory": self._limits.memory_bytes,
                "max_recursion_depth": self._limits.recursion,
                "max_suspensions": SUSPENSIONS,
                "max_total_sleep_secs": 0,
            },
            "os_policy": {"sleep": "zero"},
            "assert_message_annotations": False,
        }

    async def close(self) -> None:
        """End all processes. A session that is still open loses its own."""
        self._closed = True
        async with self._starting:
            started, self._started = self._started, None
            if started is not None:
                await started[1].__aexit__(None, None, None)


def _prepare() -> tuple[ModuleType, Path]:
    """What takes a moment the first time, and would hold the event loop up."""
    inside("housekeeping")
    return load_engine(), find_binary()


def _format_of(dump: bytes) -> int:
    """The number of a dump's format; 0 where it is no dump."""
    return int.from_bytes(dump[len(HEADER) : len(HEADER) + 2], "little") if dump.startswith(HEADER) else 0

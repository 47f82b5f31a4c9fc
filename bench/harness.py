"""What the benchmarks share: a real server over stdio, percentiles, tables."""

from __future__ import annotations

import os
import statistics
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp import Client, StdioServerParameters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

ROOT = Path(__file__).resolve().parent.parent


@asynccontextmanager
async def server(data_dir: Path, workspace: str = "bench", **settings: str) -> AsyncIterator[Client]:
    """A client connected to a real server process over `data_dir`."""
    environment = {
        "MCP_MEMORY_DATA_DIR": str(data_dir),
        "MCP_MEMORY_WORKSPACE": workspace,
        "PYTHONPATH": str(ROOT),
        **{f"MCP_MEMORY_{name.upper()}": value for name, value in settings.items()},
    }
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "mcp_memory"], env=environment)
    async with Client(parameters, mode="legacy") as client:
        yield client


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured result of a tool call that must succeed."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise RuntimeError(f"{tool}: {result.content}")
    return result.structured_content or {}


@dataclass
class Timer:
    """Durations of one kind of call, in milliseconds."""

    name: str
    spans: list[float] = field(default_factory=list)

    async def measure(self, work: Callable[[], Awaitable[Any]]) -> Any:
        started = time.perf_counter()
        result = await work()
        self.spans.append((time.perf_counter() - started) * 1000)
        return result

    def run(self, work: Callable[[], Any]) -> Any:
        started = time.perf_counter()
        result = work()
        self.spans.append((time.perf_counter() - started) * 1000)
        return result

    @property
    def p50(self) -> float:
        return statistics.median(self.spans)

    @property
    def p95(self) -> float:
        return sorted(self.spans)[min(len(self.spans) - 1, int(len(self.spans) * 0.95))]


def table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MiB."""
    import psutil

    return float(psutil.Process(pid).memory_info().rss) / 1024 / 1024


def children() -> list[int]:
    """Ids of the processes this one started."""
    import psutil

    return [child.pid for child in psutil.Process(os.getpid()).children(recursive=True)]

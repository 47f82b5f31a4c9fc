"""Recalls over HTTP by many clients at once: over REST and over MCP, beside what HTTP itself costs, in the same run.

    uv run python -m bench.http --memories 10000 --clients 8 32
    uv run python -m bench.http --memories 10000 --data-dir FOLDER     # keeps the store for the next run
    uv run python -m bench.http --peer PYTHON                          # and beside memorylayer-server

Every client is one connection that asks, waits for the answer, and asks again, over plain sockets, so that most of
the machine is the server's. **The floor** is `GET /health` of the same process: HTTP, the door and the access log,
and no memory. The phases alternate, round by round, so that noise hits all of them.

`--peer` is the Python of an environment with `memorylayer-server` (it wants 3.12), for example

    uv venv -p 3.12 peer && uv pip install -p peer memorylayer-server pysqlite3-binary

It is given the same memories over its own API and asked the same questions by the same clients; see `bench.peer`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.connection import Connection, http, until
from bench.corpus import memories, questions
from bench.harness import ROOT, rss_mb, table
from bench.latency import fill
from bench.peer import by_peer, fill_peer, serving_peer
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

WORKSPACE = "bench"
STARTING_SECONDS = 60.0
MODERN = "2026-07-28"
LEGACY = "2025-11-25"


# What is asked


def by_rest(question: str) -> bytes:
    return http("POST", "/v1/memories/recall", {"query": question, "limit": 10}, X_Workspace_ID=WORKSPACE)


def by_mcp(era: str) -> Callable[[str], bytes]:
    def request(question: str) -> bytes:
        params: dict[str, Any] = {"name": "memory_recall", "arguments": {"query": question, "limit": 10}}
        headers = {"Accept": "application/json, text/event-stream", "MCP_Protocol_Version": era}
        if era == MODERN:
            meta = {"protocolVersion": era, "clientInfo": {"name": "bench", "version": "1"}, "clientCapabilities": {}}
            params["_meta"] = {f"io.modelcontextprotocol/{name}": value for name, value in meta.items()}
            headers |= {"Mcp_Method": "tools/call", "Mcp_Name": "memory_recall"}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        return http("POST", "/mcp", body, X_Workspace_ID=WORKSPACE, **headers)

    return request


def health(_: str) -> bytes:
    return http("GET", "/health")


# Measuring


@dataclass
class Measured:
    """What came of one kind of request."""

    spans: list[float] = field(default_factory=list)
    """Milliseconds."""
    sizes: list[int] = field(default_factory=list)
    errors: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    """Seconds of CPU the server's processes took."""

    def row(self, name: str, clients: int) -> list[Any]:
        spans = sorted(self.spans)
        p95 = spans[min(len(spans) - 1, int(len(spans) * 0.95))]
        rate = round(len(spans) / self.seconds)
        size, cpu = round(statistics.mean(self.sizes)), self.cpu * 1000 / len(spans)
        return [name, clients, len(spans), rate, statistics.median(spans), p95, cpu, size, self.errors]


HEADER = ("what", "clients", "answers", "a second", "p50 ms", "p95 ms", "CPU ms each", "bytes", "errors")


@dataclass(frozen=True)
class Subject:
    """A kind of request to one server."""

    port: int
    pid: int
    request: Callable[[str], bytes]

    def cpu(self) -> float:
        """Seconds of CPU that the server has taken, its children's included."""
        import psutil

        process = psutil.Process(self.pid)
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
        return sum(one.user + one.system for one in times)


async def phase(measured: Measured, subject: Subject, asked: Sequence[str], clients: int) -> None:
    """All questions, by so many clients at once."""
    waiting = [subject.request(question) for question in asked]

    async def client() -> None:
        connection = Connection(subject.port)
        while waiting:
            request = waiting.pop()
            began = time.perf_counter()
            status, body = await connection.ask(request)
            measured.spans.append((time.perf_counter() - began) * 1000)
            measured.sizes.append(len(body))
            measured.errors += status != 200 or b'"isError":true' in body
        connection.close()

    began, worked = time.perf_counter(), subject.cpu()
    await asyncio.gather(*(client() for _ in range(clients)))
    measured.seconds += time.perf_counter() - began
    measured.cpu += subject.cpu() - worked


async def compare(subjects: dict[str, Subject], clients: int, requests: int, rounds: int) -> dict[str, Measured]:
    """Each by so many clients, in turns."""
    results = {name: Measured() for name in subjects}
    for subject in subjects.values():
        await phase(Measured(), subject, questions(clients, seed=3), clients)
    for turn in range(rounds):
        asked = questions(requests // rounds, seed=100 * clients + turn)
        for name, subject in subjects.items():
            await phase(results[name], subject, asked, clients)
    return results


# Servers


@contextmanager
def serving(data_dir: Path, *options: str, **settings: str) -> Iterator[tuple[int, int]]:
    """A real `mcp-memory serve`, ready: its port and process id."""
    given = {"data_dir": str(data_dir), "http_rate_per_minute": "0", "log_level": "ERROR", **settings}
    environment = {**os.environ, **{f"MCP_MEMORY_{name.upper()}": value for name, value in given.items()}}
    with (data_dir / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mcp_memory", "serve", "--port", "0", *options],
            stderr=log, env={**environment, "PYTHONPATH": str(ROOT)}, cwd=tempfile.gettempdir(),
        )  # fmt: skip
        try:
            port = _announced(data_dir / "serve.log", process)
            asyncio.run(until(port, "/health/ready"))
            yield port, process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _announced(log: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        found = re.search(r"serves http://127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return int(found[1])
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {log.read_text()}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 32])
    parser.add_argument("--requests", type=int, default=800, help="of each kind")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--peer", type=Path, help="the Python of an environment with memorylayer-server")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = options.data_dir or Path(folder)
        data_dir.mkdir(parents=True, exist_ok=True)
        asyncio.run(fill(data_dir, memories(options.memories), MiniLMEncoder()))
        measure(data_dir, options)


def measure(data_dir: Path, options: argparse.Namespace) -> None:
    rows = []
    with ExitStack() as running:
        port, pid = running.enter_context(serving(data_dir))
        kinds = {
            "GET /health (the floor)": health,
            "recall over REST": by_rest,
            f"recall over /mcp, {MODERN}": by_mcp(MODERN),
            f"recall over /mcp, {LEGACY}": by_mcp(LEGACY),
        }
        subjects = {name: Subject(port, pid, request) for name, request in kinds.items()}
        if options.peer:
            peer_port, peer_pid = running.enter_context(serving_peer(options.peer))
            asyncio.run(fill_peer(peer_port, memories(options.memories)))
            subjects["recall, memorylayer-server"] = Subject(peer_port, peer_pid, by_peer)
        for clients in options.clients:
            results = asyncio.run(compare(subjects, clients, options.requests, options.rounds))
            rows += [one.row(name, clients) for name, one in results.items()]
        resident = {name: rss_mb(subject.pid) for name, subject in subjects.items()}
    print(f"\n{options.memories:,} memories, answers of ten\n")
    print(table(HEADER, rows))
    print(f"\nresident memory of the server: {resident['recall over REST']:.0f} MiB")
    if options.peer:
        print(f"and of memorylayer-server: {resident['recall, memorylayer-server']:.0f} MiB")


if __name__ == "__main__":
    main()

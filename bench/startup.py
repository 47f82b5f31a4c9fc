"""From process start to the first answers, beside a bare MCP server of the same SDK in the same run.

    uv run python -m bench.startup --rounds 15

Rounds alternate between the two servers. Times are wall milliseconds, medians and minima; the client speaks raw
JSON lines, so that its own imports are not measured.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from bench.harness import ROOT, Timer, rss_mb, table
from bench.wire import Wire

BARE = [sys.executable, str(ROOT / "bench" / "bare_server.py")]


def bare_round(timer: Timer, folder: Path) -> None:
    started = time.perf_counter()
    wire = Wire(folder, command=BARE)
    wire.handshake()
    timer.spans.append((time.perf_counter() - started) * 1000)
    wire.end()


def our_round(timers: dict[str, Timer], folder: Path, degraded: list[str], resident: list[float]) -> None:
    started = time.perf_counter()
    wire = Wire(folder)
    wire.handshake()
    timers["start"].spans.append((time.perf_counter() - started) * 1000)
    shaken = time.perf_counter()
    wire.tool("memory_remember", content="Ana prefers green tea to coffee in the morning.")
    answer = wire.tool("memory_recall", query="What does Ana like to drink?")
    timers["first"].spans.append((time.perf_counter() - shaken) * 1000)
    if answer.get("degraded") or not answer["memories"]:
        degraded.append(str(answer.get("degraded")))
    resident.append(rss_mb(wire.process.pid))
    closing = time.perf_counter()
    wire.end()
    timers["end"].spans.append((time.perf_counter() - closing) * 1000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    bare = Timer("bare MCP server: process start to tools/list")
    timers = {
        "start": Timer("mcp-memory: process start to tools/list"),
        "first": Timer("mcp-memory: first remember + recall by meaning, after the handshake"),
        "end": Timer("mcp-memory: standard input closed to process gone"),
    }
    degraded: list[str] = []
    resident: list[float] = []
    for number in range(options.rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            bare_round(bare, Path(folder))
            our_round(timers, Path(folder), degraded, resident)
        if number == 0:
            for timer in (bare, *timers.values()):
                timer.spans.clear()
    rows = [[timer.name, timer.p50, min(timer.spans)] for timer in (bare, *timers.values())]
    print(table(["what", "median ms", "least ms"], rows))
    print(f"\nstart over the floor: {timers['start'].p50 - bare.p50:+.0f} ms median")
    print(f"resident memory after the first recall: {max(resident):.0f} MiB")
    print(f"recalls answered without meaning: {len(degraded)} of {options.rounds + 1} {degraded[:1] or ''}")


if __name__ == "__main__":
    main()

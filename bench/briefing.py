"""CPU of `mcp-memory briefing` as a whole process, beside what every process costs, in the same run.

    uv run python -m bench.briefing --memories 10000 --rounds 15

The store is filled without vectors: a briefing reads none. Rounds alternate between the commands, so that noise hits
all of them. CPU is user and system time of the process from its start to its end; medians and minima, milliseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from bench.corpus import memories
from bench.harness import ROOT, Timer, table
from mcp_memory.app import build_memory
from mcp_memory.models.search import Draft
from mcp_memory.settings import load_settings
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 500
DAYS = 60
SUBTYPES = ("", "", "", "decision", "directive", "preference", "event", "fix", "problem")
OPENINGS = ("", "", "", "", "We plan this next: ", "Still in progress: ", "Blocked by the audit: ", "We decided: ")


async def fill(data_dir: Path, count: int) -> None:
    """`count` memories of 200 sessions over two months, some of them open, decided, directives or preferences."""
    memory = build_memory(load_settings(data_dir=data_dir), "bench")
    await memory.open()
    dice, now = random.Random(3), memory.resources.now()
    drafts = [
        Draft(
            workspace_id="bench",
            content=content,
            content_hash=content_hash(content),
            type="semantic",
            subtype=dice.choice(SUBTYPES) or None,
            created_at=now - timedelta(minutes=dice.randrange(DAYS * 24 * 60)),
            tags=tuple(dice.sample("red green blue grey pink".split(), 2)),
            importance=dice.choice((0.5, 0.5, 0.5, 0.7, 0.9)),
            author=dice.choice(("Ana", "Bruno")),
            session_id=f"sess_{dice.randrange(200)}",
        )
        for content in (dice.choice(OPENINGS) + text for text in memories(count))
    ]
    for at in range(0, len(drafts), BATCH):
        await memory.resources.store.add(drafts[at : at + BATCH], None)
    await memory.close()


def cpu_ms(command: Sequence[str], environment: dict[str, str]) -> float:
    """User and system time of a process that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True, cwd=tempfile.gettempdir())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def measure(data_dir: Path, rounds: int) -> list[Timer]:
    environment = {**os.environ, "MCP_MEMORY_DATA_DIR": str(data_dir), "MCP_MEMORY_WORKSPACE": "bench"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    ours = [sys.executable, "-m", "mcp_memory"]
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import asyncio, apsw, click, pydantic_settings'": [
            sys.executable,
            "-c",
            "import asyncio, apsw, click, pydantic_settings",
        ],
        "mcp-memory --version": [*ours, "--version"],
        "mcp-memory briefing": [*ours, "briefing"],
        "mcp-memory briefing --json --detail full": [*ours, "briefing", "--json", "--detail", "full"],
    }
    timers = [Timer(name) for name in commands]
    for number in range(rounds + 1):
        for timer, command in zip(timers, commands.values(), strict=True):
            spent = cpu_ms(command, environment)
            timer.spans += [spent] if number else []
    return timers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(Path(folder), options.memories))
        timers = measure(Path(folder), options.rounds)
    print(f"{options.memories:,} memories; CPU of the whole process; Python {platform.python_version()}\n")
    print(table(["command", "median ms", "least ms"], [[timer.name, timer.p50, min(timer.spans)] for timer in timers]))


if __name__ == "__main__":
    main()

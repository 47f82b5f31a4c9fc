"""The context environment in-process: code over 1,000 loaded memories, beside the bare sandbox doing the same.

    uv run python -m bench.environment

**Bare** is what any stateless call has to do: take a worker, load the state, run the code, dump the state; no session,
no store, nothing rendered. Subject and baseline alternate in one run. The memories are stored with their vectors.
"""

from __future__ import annotations

import argparse
import asyncio
import sysconfig
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.corpus import memories
from bench.harness import Timer, table
from bench.latency import fill
from mcp_memory.app import build_memory
from mcp_memory.core.resources import Scope
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.models.environment import ContextExec, ContextLoad
from mcp_memory.models.session import SessionStart
from mcp_memory.settings import load_settings

if TYPE_CHECKING:
    from mcp_memory.core.memory import Memory

READING = "sum(len(m['content']) for m in notes)"
WRITING = "count = len([m for m in notes if 'the' in m['content']])"
CHANGING = "notes[0]['seen'] = notes[0].get('seen', 0) + 1"


async def bare(pool: Any, state: bytes, code: str) -> None:
    """The least a stateless call can be."""
    from pydantic_monty import CollectString

    async with pool.checkout() as session:
        await session.load_session(state)
        await session.feed_run(code, print_callback=CollectString())
        await session.dump()


async def bare_state(pool: Any, rows: list[dict[str, str]]) -> bytes:
    from pydantic_monty import CollectString

    async with pool.checkout() as session:
        await session.feed_run("count = 0", inputs={"notes": rows}, print_callback=CollectString())
        state: bytes = await session.dump()
        return state


async def measured(memory: Memory, scope: Scope, rounds: int, rows: list[dict[str, str]]) -> list[Timer]:
    from pydantic_monty import AsyncMonty

    timers = [
        Timer("exec that reads"),
        Timer("exec that makes a small variable"),
        Timer("exec that changes the memories"),
        Timer("bare sandbox, reading"),
        Timer("load of 500 memories"),
        Timer("recall of 100 memories"),
    ]
    reading, writing, changing, baseline, load, recall = timers
    binary = Path(sysconfig.get_path("scripts")) / "monty"
    async with AsyncMonty(binary_path=binary, max_checkouts_per_worker=1) as pool:
        state = await bare_state(pool, rows)
        for turn in range(rounds + 3):
            if turn == 3:
                for timer in timers:
                    timer.spans.clear()
            for timer, code in ((reading, READING), (writing, WRITING), (changing, CHANGING)):
                result = await timer.measure(lambda code=code: memory.context_exec(ContextExec(code=code), scope))
                if result.error is not None:
                    raise RuntimeError(str(result.error))
            await baseline.measure(lambda: bare(pool, state, READING))
        for _ in range(max(3, rounds // 5)):
            await load.measure(lambda: memory.context_load(ContextLoad(var="more", query="*", limit=500), scope))
            from mcp_memory.models.recall import Recall

            await recall.measure(lambda: memory.recall(Recall(query="*", limit=100), scope))
    return timers


async def run(count: int, rounds: int, data_dir: Path) -> None:
    texts = memories(count)
    await fill(data_dir, texts, MiniLMEncoder())
    memory = build_memory(load_settings(data_dir=data_dir), "bench")
    try:
        started = await memory.start_session(SessionStart())
        scope = Scope("bench", session_id=started.session_id)
        for part in range(2):
            await memory.context_load(ContextLoad(var=f"part_{part}", query="*", limit=500), scope)
        await memory.context_exec(
            ContextExec(code="notes = [dict(m, id=str(n)) for n, m in enumerate(part_0 + part_1)]"), scope
        )
        await memory.context_exec(ContextExec(code="part_0 = part_1 = None"), scope)
        rows = [{"id": str(n), "content": text, "type": "episodic"} for n, text in enumerate(texts[:1000])]
        timers = await measured(memory, scope, rounds, rows)
    finally:
        await memory.close()
    print(f"{count:,} memories in the store, 1,000 in a variable, {rounds} rounds\n")
    print(table(("what", "p50 ms", "p95 ms"), [(timer.name, timer.p50, timer.p95) for timer in timers]))
    print(f"\nexec that reads: {timers[0].p50 / timers[3].p50:.2f}x the bare sandbox; goal 10 ms")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memories", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(arguments.memories, arguments.rounds, Path(folder)))


if __name__ == "__main__":
    main()

"""Remember and recall over stdio in a store of a given size, beside the parts they are made of, in the same run.

    uv run python -m bench.latency --memories 10000
    uv run python -m bench.latency --memories 100000 --data-dir /tmp/mcp-memory-100k

The store is filled once, with real embeddings; `--data-dir` keeps it for the next run. **Parts of a recall**: one
embedding of the question, one exact NumPy scan over all vectors, one FTS5 query (any of the question's words,
BM25, top 200) over the same rows. **Parts of a remember**: one embedding, one durable commit of one row (WAL,
synchronous FULL, the same disk). Parts and calls alternate, so that noise hits both.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import apsw
import numpy as np

from bench.corpus import memories, questions
from bench.harness import Timer, call, children, rss_mb, server, table
from mcp_memory.app import build_memory
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.models.search import Draft
from mcp_memory.settings import load_settings
from mcp_memory.text import content_hash, fts_query, keyword_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp import Client

BATCH = 500
WARM_UP = 20
SCAN_DEPTH = 200


async def fill(data_dir: Path, texts: Sequence[str], encoder: MiniLMEncoder) -> None:
    """Store `texts` with their vectors, those that are missing."""
    memory = build_memory(load_settings(data_dir=data_dir), "bench")
    store = memory.resources.store
    await store.open()
    identity = encoder.load()
    done = (await store.state()).memories
    for at in range(done, len(texts), BATCH):
        batch = texts[at : at + BATCH]
        vectors = encoder.encode(batch)
        drafts = [
            Draft(
                workspace_id="bench",
                content=text,
                content_hash=content_hash(text),
                type="episodic",
                created_at=memory.resources.now(),
                vector=vector,
            )
            for text, vector in zip(batch, vectors, strict=True)
        ]
        await store.add(drafts, identity)
        print(f"\rfilled {at + len(batch):,} of {len(texts):,}", end="", flush=True)
    print()
    await memory.close()


class Parts:
    """The least work a recall or a remember can be."""

    def __init__(self, data_dir: Path, encoder: MiniLMEncoder) -> None:
        self.encoder = encoder
        rows = apsw.Connection(str(data_dir / "memory.db"), flags=apsw.SQLITE_OPEN_READONLY)
        contents = rows.execute("SELECT content FROM memories ORDER BY 1").fetchall()
        vectors = rows.execute("SELECT vector FROM vectors").fetchall()
        self.matrix = np.frombuffer(b"".join(vector for (vector,) in vectors), dtype=np.float32).reshape(
            len(vectors), -1
        )
        self.words = apsw.Connection(str(data_dir / "baseline-words.db"))
        self.words.execute("DROP TABLE IF EXISTS words")
        self.words.execute("CREATE VIRTUAL TABLE words USING fts5(content, tokenize='porter unicode61')")
        with self.words:
            self.words.executemany("INSERT INTO words(content) VALUES (?)", contents)
        self.commits = apsw.Connection(str(data_dir / "baseline-commit.db"))
        self.commits.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL")
        self.commits.execute("CREATE TABLE IF NOT EXISTS rows(content TEXT)")

    def recall(self, question: str) -> None:
        vector = self.encoder.encode([question])[0]
        similarities = self.matrix @ vector
        np.argpartition(similarities, -SCAN_DEPTH)[-SCAN_DEPTH:]
        self.words.execute(
            "SELECT rowid, rank FROM words WHERE words MATCH ? ORDER BY rank LIMIT ?",
            (fts_query(keyword_terms(question)), SCAN_DEPTH),
        ).fetchall()

    def remember(self, text: str) -> None:
        self.encoder.encode([text])
        self.commits.execute("INSERT INTO rows VALUES (?)", (text,))


async def measure(client: Client, parts: Parts, asked: Sequence[str], told: Sequence[str]) -> dict[str, Timer]:
    timers = {
        "recall": Timer("recall over stdio"),
        "recall parts": Timer("parts of a recall"),
        "remember": Timer("remember over stdio"),
        "remember parts": Timer("parts of a remember"),
    }
    for number, question in enumerate(asked):
        await timers["recall"].measure(lambda: call(client, "memory_recall", query=question))  # noqa: B023
        timers["recall parts"].run(lambda: parts.recall(question))  # noqa: B023
        if number == WARM_UP:
            clear(timers)
    for text in told:
        await timers["remember"].measure(lambda: call(client, "memory_remember", content=text))  # noqa: B023
        timers["remember parts"].run(lambda: parts.remember(text))  # noqa: B023
    return timers


def clear(timers: dict[str, Timer]) -> None:
    for timer in timers.values():
        timer.spans.clear()


async def in_flight(client: Client, asked: Sequence[str], at_once: int) -> float:
    """Recalls a second with so many in flight."""
    waiting = list(asked)

    async def work() -> None:
        while waiting:
            await call(client, "memory_recall", query=waiting.pop())

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return len(asked) / (time.perf_counter() - started)


async def run(data_dir: Path, options: argparse.Namespace) -> None:
    encoder = MiniLMEncoder()
    await fill(data_dir, memories(options.memories), encoder)
    parts = Parts(data_dir, encoder)
    told = [f"{text} Told in run {time.time_ns()}." for text in memories(options.calls, seed=23)]
    async with server(data_dir) as client:
        cold = Timer("first recall of the process")
        answer = await cold.measure(lambda: call(client, "memory_recall", query="Who repaired the bicycle?"))
        timers = await measure(client, parts, questions(options.calls + WARM_UP), told)
        rate = await in_flight(client, questions(options.calls * 2, seed=5), 8)
        resident = max(rss_mb(pid) for pid in children())
    print(f"\n{options.memories:,} memories\n")
    print(table(["what", "calls", "p50 ms", "p95 ms"], [[t.name, len(t.spans), t.p50, t.p95] for t in timers.values()]))
    print(f"\nrecall / parts:   {timers['recall'].p50 / timers['recall parts'].p50:.2f}")
    print(f"remember / parts: {timers['remember'].p50 / timers['remember parts'].p50:.2f}")
    print(f"first recall of the process: {cold.spans[0]:.0f} ms ({answer['mode_used']})")
    print(f"8 recalls in flight: {rate:.0f} a second")
    print(f"resident memory of the server: {resident:.0f} MiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--memories", type=int, default=10_000)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--data-dir", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = options.data_dir or Path(folder)
        data_dir.mkdir(parents=True, exist_ok=True)
        asyncio.run(run(data_dir, options))


if __name__ == "__main__":
    main()

"""`memorylayer-server` as a subject: started, given memories over its own API, and asked over it.

It works with hashed words for vectors, which cost it next to nothing (its own models cannot be fetched everywhere),
and without its background work. Where its Python's `sqlite3` cannot load extensions, `pysqlite3` stands in for it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.connection import Connection, http, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

WORKSPACE = "bench"
WRITERS = 1
"""With more its writes fail."""

START = """
import sys
try:
    import pysqlite3, pysqlite3.dbapi2
    sys.modules |= {"sqlite3": pysqlite3, "sqlite3.dbapi2": pysqlite3.dbapi2}
except ImportError:
    pass
from memorylayer_server.cli import cli
cli()
"""

SETTINGS = {
    "EMBEDDING_PROVIDER": "hash",
    "TASKS_ENABLED": "false",
    "FACT_DECOMPOSITION_ENABLED": "false",
    "LLM_QUERY_REWRITE_ENABLED": "false",
    "SEMANTIC_TIERING_ENABLED": "false",
}


@contextmanager
def serving_peer(python: Path) -> Iterator[tuple[int, int]]:
    """A real `memorylayer serve` over an empty store: its port and process id."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        given = {"DATA_DIR": folder, **SETTINGS}
        environment = {f"MEMORYLAYER_{name}": value for name, value in given.items()}
        process = subprocess.Popen(
            [str(python), "-c", START, "serve", "--host", "127.0.0.1", "--port", str(port)],
            env={**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, **environment},
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            asyncio.run(until(port, "/health"))
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


async def fill_peer(port: int, texts: Sequence[str]) -> None:
    """Store the texts as memories."""
    waiting = list(texts)

    async def writer() -> None:
        connection = Connection(port)
        while waiting:
            status, body = await connection.ask(
                http("POST", "/v1/memories", {"content": waiting.pop(), "workspace_id": WORKSPACE})
            )
            if status >= 300:
                raise RuntimeError(f"the peer stored nothing: {status} {body[:200]!r}")
            if len(waiting) % 500 == 0:
                print(f"\rfor the peer: {len(waiting):,} to go", end="", flush=True)
        connection.close()

    await asyncio.gather(*(writer() for _ in range(WRITERS)))


def by_peer(question: str) -> bytes:
    """A recall as its clients ask for it."""
    body = {"query": question, "limit": 10, "workspace_id": WORKSPACE}
    return http("POST", "/v1/memories/recall", body, X_Workspace_ID=WORKSPACE)

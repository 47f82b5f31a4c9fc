"""The bundled encoder in the background of a real process."""

from __future__ import annotations

import subprocess
import sys

import pytest

PRELUDE = """
import asyncio
from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
embedder = BackgroundEmbedder(MiniLMEncoder())
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PRELUDE + body], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("embedder.start()", id="while it loads"),
        pytest.param("asyncio.run(embedder.embed(['tea'], patience=30))", id="while the worker waits"),
        pytest.param(
            "async def main():\n"
            "    await embedder.embed(['tea'], patience=30)\n"
            "    asyncio.create_task(embedder.embed(['a long text ' * 100] * 5000, patience=600))\n"
            "    await asyncio.sleep(0)\n"
            "asyncio.run(main())",
            id="while it encodes",
        ),
        pytest.param(
            "async def main():\n"
            "    await embedder.embed(['tea'], patience=30)\n"
            "    await embedder.close()\n"
            "asyncio.run(main())",
            id="after close",
        ),
    ],
)
def test_a_process_ends_by_itself_and_in_silence(body: str) -> None:
    done = run(body)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_loading_and_encoding_print_nothing_to_stdout() -> None:
    done = run("print(asyncio.run(embedder.embed(['tea', 'coffee'], patience=30)).shape)")
    assert done.stdout == "(2, 384)\n"


def test_the_model_takes_little_memory_and_bulk_work_hardly_more() -> None:
    pytest.importorskip("psutil")
    done = run(
        "import psutil\n"
        "rss = lambda: psutil.Process().memory_info().rss\n"
        "async def main():\n"
        "    before = rss()\n"
        "    await embedder.embed(['a long text ' * 100], patience=30)\n"
        "    loaded = rss()\n"
        "    await embedder.embed(['a long text ' * 100] * 40, patience=60)\n"
        "    print(loaded - before, rss() - loaded)\n"
        "    await embedder.close()\n"
        "asyncio.run(main())"
    )
    of_loading, of_bulk = map(int, done.stdout.split())
    assert of_loading < 130 * 2**20
    assert of_bulk < 30 * 2**20

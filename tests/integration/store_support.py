"""Small makers for the tests of the SQLite store."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.models.association import Association
from mcp_memory.models.search import Draft, Filter

if TYPE_CHECKING:
    from collections.abc import Sequence

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
ENCODER = EncoderIdentity("test", "1", 16)
OTHER = EncoderIdentity("other", "1", 8)
HERE = Filter(workspaces=("home",))


def unit(seed: int, dimension: int = 16) -> np.ndarray:
    vector = np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def draft(content: str, second: int = 0, **fields: Any) -> Draft:
    made: dict[str, Any] = {
        "workspace_id": "home",
        "content": content,
        "content_hash": hashlib.sha256(content.encode()).hexdigest(),
        "type": "semantic",
        "created_at": EPOCH + timedelta(seconds=second),
    }
    return Draft(**(made | fields))


def link(source: str, target: str, **fields: Any) -> Association:
    made: dict[str, Any] = {
        "id": "",
        "workspace_id": "home",
        "source_id": source,
        "target_id": target,
        "relationship": "related_to",
        "created_at": EPOCH,
        "updated_at": EPOCH,
    }
    return Association(**(made | fields))


CHILD = """
import anyio, json, os, sys
from pathlib import Path
sys.path.insert(0, {root!r})
from tests.integration.store_support import *
from mcp_memory.errors import *
from mcp_memory.storage.sqlite import SqliteStore

async def main(path, arguments):
{body}

anyio.run(main, Path(sys.argv[1]), json.loads(sys.argv[2]))
"""


def start(path: Path, body: str, arguments: Any = None, **how: Any) -> subprocess.Popen[str]:
    """Another real process that runs `body`, the inside of an async function of `path` and `arguments`."""
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    script = CHILD.format(body=indented, root=str(Path(__file__).parents[2]))
    return subprocess.Popen(
        [sys.executable, "-c", script, str(path), json.dumps(arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **how,
    )


def finish(child: subprocess.Popen[str]) -> str:
    """What the process printed."""
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    return out.strip()


def released_together(path: Path, body: str, arguments: Sequence[Any]) -> list[str]:
    """What each of several processes printed that began at the same moment: each says `ready`, then reads a line."""
    children = [start(path, body, one) for one in arguments]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    return [finish(child) for child in children]

"""MemoryLayer's own Python client, unchanged, against a real `mcp-memory serve`: each step of its users by itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.memorylayer_client.installing import CannotBeHad, interpreter_with_client
from tests.support.memorylayer_client.telling import steps
from tests.support.server import ROOT, ServerProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 300.0
MOST_TOLD = 6000

Told = dict[tuple[str, str], str]
"""What went wrong with each step that was taken; empty: nothing."""


@pytest.fixture(scope="module")
def interpreter(request: pytest.FixtureRequest) -> Path:
    cache = request.config.cache
    assert cache is not None
    try:
        return interpreter_with_client(Path(cache.mkdir("memorylayer-client")))
    except CannotBeHad as why:
        pytest.skip(f"The package memorylayer-client cannot be had: {why}")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """A server that asks for no key, and one that does, with its keys."""
    open_to_all, locked = (tmp_path_factory.mktemp(name) / "data" for name in ("open", "locked"))
    keys = {
        "admin": _key(locked, "admin", "--scope", "admin"),
        "reader": _key(locked, "reader", "--scope", "read"),
        "bound": _key(locked, "bound", "--bound-to", "team"),
        "revoked": _key(locked, "revoked"),
    }
    _terminal(locked, "keys", "revoke", "_".join(keys["revoked"].split("_")[:2]))
    with ServerProcess(open_to_all) as first, ServerProcess(locked, http_auth_failures_per_minute=600) as second:
        yield {"url": first.url, "locked_url": second.url, "keys": keys}


def _key(data_dir: Path, name: str, *options: str) -> str:
    return _terminal(data_dir, "keys", "create", name, *options).strip()


def _terminal(data_dir: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "mcp_memory", *words],
        env={**os.environ, "MCP_MEMORY_DATA_DIR": str(data_dir)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told(interpreter: Path, place: dict[str, object]) -> Told:
    done = subprocess.run(
        [interpreter, "-m", "tests.support.memorylayer_client"],
        input=json.dumps(place),
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr[-MOST_TOLD:]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {(line["kind"], line["step"]): line["why"] for line in lines}


@pytest.mark.parametrize(("kind", "step"), steps())
def test_a_user_of_the_client_sees_that(told: Told, kind: str, step: str) -> None:
    assert (kind, step) in told, "this step was not taken"
    why = told[kind, step]
    assert not why, f"{step.replace('_', ' ')}:\n{why[-MOST_TOLD:]}"

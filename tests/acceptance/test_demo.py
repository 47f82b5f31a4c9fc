"""The demo is the promise: what is remembered in one process is recalled in the next."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def demo(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mcp_memory", "demo", *words]
    return subprocess.run(
        command,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )


def test_the_demo_finds_everything_again_by_meaning_and_by_identifier(tmp_path: Path) -> None:
    done = demo("--json", "--data-dir", str(tmp_path / "demo"))
    shown = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert shown["success"] is True
    assert all(recalled["hit"] for recalled in shown["recalls"])
    assert {recalled["how"] for recalled in shown["recalls"]} == {"meaning", "identifier"}
    assert len(shown["starts"]) == 2
    assert shown["database"] == str(tmp_path / "demo" / "memory.db")


def test_the_demo_leaves_the_users_own_memory_alone_and_keeps_its_own(tmp_path: Path) -> None:
    mine, temporary = tmp_path / "mine", tmp_path / "temporary"
    temporary.mkdir()
    done = demo(MCP_MEMORY_DATA_DIR=str(mine), TMPDIR=str(temporary), MCP_MEMORY_WORKSPACE="mine")
    [folder] = temporary.glob("mcp-memory-demo-*")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not mine.exists()
    assert (folder / "memory.db").exists()
    assert str(folder) in done.stdout
    assert "ERR-4031" in done.stdout


def test_a_demo_that_cannot_run_says_so_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = demo("--data-dir", str(tmp_path / "file" / "demo"))
    assert done.returncode == 1
    assert "The demonstration failed" in done.stderr
    assert "Traceback" not in done.stderr

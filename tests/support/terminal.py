"""`mcp-memory` at a terminal: every call is a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Cli = Callable[..., subprocess.CompletedProcess[str]]


def environment(folder: Path) -> dict[str, str]:
    """This process's variables, with the store in a folder and the workspace `team`."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MCP_MEMORY_")}
    return {**bare, "MCP_MEMORY_DATA_DIR": str(folder), "MCP_MEMORY_WORKSPACE": "team"}


def terminal(folder: Path, *command: str) -> Cli:
    """A function that runs `mcp-memory`, with these words first, over the store in a folder."""

    def run(*words: str, stdin: str = "", **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mcp_memory", *command, *words],
            env={**environment(folder), **variables},
            input=stdin,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    return run


def answer(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """What a command that succeeded said with `--json`."""
    assert done.returncode == 0, done.stdout + done.stderr
    value: dict[str, Any] = json.loads(done.stdout)
    assert value.get("success", True) is True
    return value

"""Settings as a person meets them: in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def config(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("MCP_MEMORY_")}
    command = [sys.executable, "-m", "mcp_memory", "config", *words]
    return subprocess.run(
        command, env={**bare, **variables}, capture_output=True, text=True, encoding="utf-8", timeout=60, check=False
    )


def test_config_shows_each_value_and_where_it_came_from(tmp_path: Path) -> None:
    shown = config(MCP_MEMORY_DATA_DIR=str(tmp_path), MCP_MEMORY_EMBEDDER_API_KEY="sk-very-secret")
    assert shown.returncode == 0
    assert f"MCP_MEMORY_DATA_DIR={tmp_path} (environment)" in shown.stdout
    assert "MCP_MEMORY_DURABILITY=full (default)" in shown.stdout
    assert "sk-very-secret" not in shown.stdout + shown.stderr


def test_config_touches_nothing(tmp_path: Path) -> None:
    config(MCP_MEMORY_DATA_DIR=str(tmp_path / "memory"))
    assert not (tmp_path / "memory").exists()


def test_the_server_refuses_a_wrong_value_by_name_at_once() -> None:
    command = [sys.executable, "-m", "mcp_memory"]
    environment = {**os.environ, "MCP_MEMORY_LOG_LEVEL": "LOUD"}
    done = subprocess.run(command, env=environment, input="", capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "MCP_MEMORY_LOG_LEVEL='LOUD' will not do" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_secret_is_refused_without_being_shown() -> None:
    done = config("--json", MCP_MEMORY_EMBEDDER_TIMEOUT="never", MCP_MEMORY_EMBEDDER_API_KEY="sk-very-secret")
    answer = json.loads(done.stdout)
    assert done.returncode == answer["exit_code"] == 1
    assert "MCP_MEMORY_EMBEDDER_TIMEOUT" in answer["error"]
    assert "sk-very-secret" not in done.stdout

"""A real `mcp-memory serve` in a process of its own, on a port that was free."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
WAITING_SECONDS = 60.0
ENDING_SECONDS = 30.0


class ServerProcess:
    """The process, its address, and what it has said. Settings are given by name."""

    def __init__(self, data_dir: Path, *options: str, ready: bool = True, **settings: Any) -> None:
        given = {"data_dir": data_dir, "http_rate_per_minute": 0, **settings}
        environment = {f"MCP_MEMORY_{name.upper()}": str(value) for name, value in given.items()}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mcp_memory", "serve", "--port", "0", *options],
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=data_dir.parent,
            text=True,
        )
        self._said: list[str] = []
        self._heard = threading.Condition()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self.url = re.search(r"serves (http://\S+)", self.wait_for("serves http://"))[1]  # type: ignore[index]
        if ready:
            self.wait_until_ready()

    @property
    def said(self) -> str:
        """Everything on standard error so far."""
        with self._heard:
            return "".join(self._said)

    def wait_for(self, text: str) -> str:
        """The line with this text, once it is there."""
        with self._heard:
            found = self._heard.wait_for(lambda: self._line_with(text) or self._is_silent(), WAITING_SECONDS)
        assert found, f"{text!r} was not said in time"
        line = self._line_with(text)
        assert line, f"the process ended with {self.process.poll()}: {self.said}"
        return line

    def wait_until_ready(self) -> None:
        """Until calls can be served in full."""
        eventually(lambda: httpx2.get(f"{self.url}/health/ready").status_code == 200)

    def terminate(self) -> int:
        """Ask it to end, and wait; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=ENDING_SECONDS)

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._heard:
                self._said.append(line)
                self._heard.notify_all()
        with self._heard:
            self._heard.notify_all()

    def _line_with(self, text: str) -> str:
        return next((line for line in self._said if text in line), "")

    def _is_silent(self) -> bool:
        return not self._listener.is_alive()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=ENDING_SECONDS)
        self._listener.join(ENDING_SECONDS)
        assert self.process.stderr is not None
        self.process.stderr.close()


def eventually(holds: Callable[[], bool]) -> None:
    """Wait, within bounds, until it holds."""
    deadline = time.monotonic() + WAITING_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)

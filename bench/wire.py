"""A server process and its raw JSON lines: for what a client library would hide (times, signals, stray output)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVER = [sys.executable, "-m", "mcp_memory"]
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "wire", "version": "1"}}


class Refused(Exception):
    """The tool call came back as an error."""


class Wire:
    """Speaks MCP to a process, line by line."""

    def __init__(self, data_dir: Path, command: list[str] | None = None, **environment: str) -> None:
        settings = {"MCP_MEMORY_DATA_DIR": str(data_dir), "MCP_MEMORY_WORKSPACE": "wire", "PYTHONPATH": str(ROOT)}
        self.process = subprocess.Popen(
            command or SERVER,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if environment.pop("quiet", "") else None,
            env={**os.environ, **settings, **environment},
            cwd=tempfile.gettempdir(),
        )
        self.number = 0
        self.answers: dict[int, dict[str, Any]] = {}

    def begin(self, method: str, **params: Any) -> int:
        """Send a request without waiting; its number."""
        self.number += 1
        self._send({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})
        return self.number

    def answer(self, number: int) -> dict[str, Any]:
        """Wait for the answer to a request; those to others are kept for who asks."""
        assert self.process.stdout is not None
        while number not in self.answers:
            line = self.process.stdout.readline()
            if not line:
                raise EOFError("the server closed its output")
            message = json.loads(line)
            if "id" in message:
                self.answers[message["id"]] = message["result"]
        return self.answers.pop(number)

    def request(self, method: str, **params: Any) -> dict[str, Any]:
        """Ask and wait."""
        return self.answer(self.begin(method, **params))

    def handshake(self) -> Wire:
        """Initialize and list the tools, as every client does."""
        self.request("initialize", **HELLO)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.request("tools/list")
        return self

    def tool(self, name: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a call.

        Raises:
            Refused: with the error's text.
        """
        result = self.request("tools/call", name=name, arguments=arguments)
        if result.get("isError"):
            raise Refused(result["content"][0]["text"])
        return result["structuredContent"]

    def end(self) -> int:
        """Close its input, as a client that goes away, and wait; the exit status."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(timeout=10)

    def _send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(message).encode() + b"\n")
        self.process.stdin.flush()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    continue

"""As plain a client of HTTP as can be, so that most of the machine is the server's."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

STARTING_SECONDS = 60.0


class Connection:
    """A client of HTTP/1.1 over one socket: as little work of its own as can be."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**20)
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        status, lower = int(head[9:12]), head.lower()
        if b"transfer-encoding: chunked" in lower:
            body = await self._chunks()
        else:
            length = re.search(rb"content-length: (\d+)", lower)
            body = await self._reader.readexactly(int(length[1]) if length else 0)
        if b"connection: close" in lower:
            self.close()
        return status, body

    async def _chunks(self) -> bytes:
        body = b""
        while size := int(await self._reader.readline(), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()
        return body

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def http(method: str, path: str, body: dict[str, Any] | None = None, **headers: str) -> bytes:
    """A request as bytes; `_` in a header's name stands for `-`."""
    payload = b"" if body is None else json.dumps(body).encode()
    named = {"Host": "127.0.0.1", "Content-Length": str(len(payload)), "Content-Type": "application/json"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    return "\r\n".join([*lines, "", ""]).encode() + payload


async def until(port: int, path: str) -> None:
    """Wait until the path answers 200."""
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline:
        try:
            if (await Connection(port).ask(http("GET", path)))[0] == 200:
                return
        except (OSError, asyncio.IncompleteReadError):
            pass
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{path} did not become ready")

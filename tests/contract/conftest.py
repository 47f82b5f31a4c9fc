"""One suite, every door: in-process, stdio, streamable HTTP and SSE, in both protocol eras."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from mcp import Client, StdioServerParameters

from mcp_memory.app import build_memory
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.settings import load_settings
from mcp_memory.tools.server import Desk, build_server
from tests.support.agents import Agent, StatelessAgent, client_over
from tests.support.served import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mcp_memory.embedding.base import EncoderIdentity

WORKSPACE = "contract"
ERAS = ("legacy", "2026-07-28")
LASTING = [(door, era) for door in ("in-process", "stdio", "sse") for era in ERAS]
"""Doors with connections: a session begins by itself, and the connection remembers it."""
STATELESS = [("streamable-http", era) for era in ERAS]
"""Where every request stands for itself: a call says which session it belongs to."""
DOORS = [*LASTING, *STATELESS]
CANCELLABLE = [door for door in DOORS if door != ("streamable-http", "legacy")]
"""Doors where a server can know which call a client cancels: by the connection, or by its end."""


@asynccontextmanager
async def connected(door: str, era: str, data_dir: Path, **settings: str) -> AsyncIterator[Agent]:
    """An agent at a door, over the store in `data_dir`, that checks every answer against the tool's output schema."""
    async with _client(door, era, data_dir, **settings) as client:
        await client.list_tools()
        yield StatelessAgent(client) if door == "streamable-http" else Agent(client)


@asynccontextmanager
async def _client(door: str, era: str, data_dir: Path, **settings: str) -> AsyncIterator[Client]:
    match door:
        case "in-process":
            opened = _in_process(era, data_dir, **settings)
        case "stdio":
            opened = _over_stdio(era, data_dir, **settings)
        case _:
            opened = _over_http(door, era, data_dir, **settings)
    async with opened as client:
        yield client


@asynccontextmanager
async def _in_process(era: str, data_dir: Path, **settings: str) -> AsyncIterator[Client]:
    memory = build_memory(load_settings(data_dir=data_dir, **settings), WORKSPACE)
    try:
        async with Client(build_server(Desk(lambda: memory)), mode=era) as client:
            yield client
    finally:
        await memory.close()


@asynccontextmanager
async def _over_stdio(era: str, data_dir: Path, **settings: str) -> AsyncIterator[Client]:
    given = {"data_dir": str(data_dir), "workspace": WORKSPACE, **settings}
    environment = {f"MCP_MEMORY_{name.upper()}": value for name, value in given.items()}
    server = StdioServerParameters(command=sys.executable, args=["-m", "mcp_memory"], env=environment)
    async with Client(server, mode=era) as client:
        yield client


@asynccontextmanager
async def _over_http(door: str, era: str, data_dir: Path, **settings: str) -> AsyncIterator[Client]:
    with served(data_dir, workspace=WORKSPACE, **settings) as url:
        async with client_over(door, era, url) as client:
            yield client


class KeptEncoder(MiniLMEncoder):
    """Loaded once for every memory of the test process: that takes longer than most tests."""

    def __init__(self) -> None:
        super().__init__()
        self._loaded: EncoderIdentity | None = None

    def load(self) -> EncoderIdentity:
        self._loaded = self._loaded or super().load()
        return self._loaded

    def unload(self) -> None:
        pass


@pytest.fixture(scope="package", autouse=True)
def _one_encoder() -> Iterator[None]:
    encoder = KeptEncoder()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mcp_memory.app._local", lambda _: encoder)
        yield


@pytest.fixture(params=DOORS, ids=lambda door: "-".join(door))
async def agent(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Agent]:
    """An agent at each of the doors, with an empty store."""
    door, era = request.param
    async with connected(door, era, tmp_path) as someone:
        yield someone


@pytest.fixture(params=LASTING, ids=lambda door: "-".join(door))
async def connected_agent(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Agent]:
    """An agent at each of the doors that keep its session, with an empty store."""
    door, era = request.param
    async with connected(door, era, tmp_path) as someone:
        yield someone

"""One suite, every door: in-process and over stdio, in both protocol eras."""

from __future__ import annotations

import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from mcp import Client, StdioServerParameters

from mcp_memory.app import build_memory
from mcp_memory.settings import load_settings
from mcp_memory.tools.server import Desk, build_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

WORKSPACE = "contract"
DOORS = [(door, era) for door in ("in-process", "stdio") for era in ("legacy", "2026-07-28")]


class Agent:
    """A client as an agent uses it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a call that succeeds."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content[0].text
        assert result.structured_content is not None
        return result.structured_content

    async def text(self, tool: str, **arguments: Any) -> str:
        """The text of a call that succeeds."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, result.content[0].text
        return result.content[0].text

    async def complaint(self, tool: str, **arguments: Any) -> str:
        """The text of a call that fails."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, f"{tool}({arguments}) succeeded: {result.structured_content}"
        assert result.structured_content == {"success": False, "error": result.content[0].text}
        return result.content[0].text

    async def remember(self, content: str, **arguments: Any) -> str:
        """The id of a new memory."""
        return (await self.ask("memory_remember", content=content, **arguments))["memory_id"]

    async def recalled(self, query: str, **arguments: Any) -> list[str]:
        """The contents a recall finds, best first."""
        answer = await self.ask("memory_recall", query=query, **arguments)
        return [memory["content"] for memory in answer["memories"]]


@asynccontextmanager
async def connected(door: str, era: str, data_dir: Path) -> AsyncIterator[Agent]:
    """An agent at a door, over the store in `data_dir`."""
    if door == "stdio":
        environment = {"MCP_MEMORY_DATA_DIR": str(data_dir), "MCP_MEMORY_WORKSPACE": WORKSPACE}
        server = StdioServerParameters(command=sys.executable, args=["-m", "mcp_memory"], env=environment)
        async with Client(server, mode=era) as client:
            yield Agent(client)
        return
    memory = build_memory(load_settings(data_dir=data_dir), WORKSPACE)
    try:
        async with Client(build_server(Desk(lambda: memory)), mode=era) as client:
            yield Agent(client)
    finally:
        await memory.close()


@pytest.fixture(params=DOORS, ids=lambda door: "-".join(door))
async def agent(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Agent]:
    """An agent at each of the doors, with an empty store."""
    door, era = request.param
    async with connected(door, era, tmp_path) as someone:
        yield someone

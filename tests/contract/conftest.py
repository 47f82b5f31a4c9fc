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

    async def failed(self, tool: str, **arguments: Any) -> tuple[dict[str, Any], str]:
        """The structure and the text of a call that fails after it has done something."""
        result = await self.client.call_tool(tool, arguments)
        assert result.is_error, f"{tool}({arguments}) succeeded: {result.structured_content}"
        assert result.structured_content is not None
        assert result.structured_content["success"] is False
        return result.structured_content, result.content[0].text

    async def run(self, code: str, **arguments: Any) -> dict[str, Any]:
        """What came of code that runs to its end."""
        return await self.ask("memory_context_exec", code=code, **arguments)

    async def remember(self, content: str, **arguments: Any) -> str:
        """The id of a new memory."""
        return (await self.ask("memory_remember", content=content, **arguments))["memory_id"]

    async def recalled(self, query: str, **arguments: Any) -> list[str]:
        """The contents a recall finds, best first."""
        answer = await self.ask("memory_recall", query=query, **arguments)
        return [memory["content"] for memory in answer["memories"]]


@asynccontextmanager
async def connected(door: str, era: str, data_dir: Path, **settings: str) -> AsyncIterator[Agent]:
    """An agent at a door, over the store in `data_dir`, that checks every answer against the tool's output schema."""
    async with _client(door, era, data_dir, **settings) as client:
        await client.list_tools()
        yield Agent(client)


@asynccontextmanager
async def _client(door: str, era: str, data_dir: Path, **settings: str) -> AsyncIterator[Client]:
    if door == "stdio":
        given = {"data_dir": str(data_dir), "workspace": WORKSPACE, **settings}
        environment = {f"MCP_MEMORY_{name.upper()}": value for name, value in given.items()}
        server = StdioServerParameters(command=sys.executable, args=["-m", "mcp_memory"], env=environment)
        async with Client(server, mode=era) as client:
            yield client
        return
    memory = build_memory(load_settings(data_dir=data_dir, **settings), WORKSPACE)
    try:
        async with Client(build_server(Desk(lambda: memory)), mode=era) as client:
            yield client
    finally:
        await memory.close()


@pytest.fixture(params=DOORS, ids=lambda door: "-".join(door))
async def agent(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Agent]:
    """An agent at each of the doors, with an empty store."""
    door, era = request.param
    async with connected(door, era, tmp_path) as someone:
        yield someone

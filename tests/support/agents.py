"""MCP clients as agents use them."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2
from mcp import Client
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp.types import CallToolResult

BEGINS_NOTHING = ("memory_session_start", "memory_session_end", "memory_session_commit")
"""Tools before which no session begins."""
ANSWERING_SECONDS = 60.0

NEED_A_SESSION: list[tuple[str, dict[str, Any]]] = [
    ("memory_session_end", {}),
    ("memory_session_commit", {}),
    ("memory_context_exec", {"code": "1"}),
    ("memory_context_inspect", {}),
    ("memory_context_load", {"var": "notes", "query": "*"}),
    ("memory_context_inject", {"key": "k", "value": 1}),
    ("memory_context_query", {"prompt": "What?", "variables": ["x"]}),
    ("memory_context_rlm", {"goal": "Count."}),
    ("memory_context_status", {}),
    ("memory_context_checkpoint", {}),
]
"""Calls that can do nothing without a session."""

WHOLE_CALLS: dict[str, dict[str, Any]] = {
    **dict(NEED_A_SESSION),
    "memory_remember": {"content": "Ana prefers green tea."},
    "memory_recall": {"query": "tea"},
    "memory_reflect": {"query": "tea"},
    "memory_forget": {"memory_id": "mem_0000000000000000"},
    "memory_associate": {
        "source_id": "mem_0000000000000000",
        "target_id": "mem_1111111111111111",
        "relationship": "causes",
    },
    "memory_briefing": {},
    "memory_statistics": {},
    "memory_graph_query": {"start_memory_id": "mem_0000000000000000"},
    "memory_audit": {},
    "memory_session_start": {},
    "memory_session_status": {},
}
"""A call of every tool that is right but for ids."""


class Agent:
    """A client as an agent uses it."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def call(self, tool: str, arguments: dict[str, Any], **options: Any) -> CallToolResult:
        """Whatever comes of a call."""
        return await self.client.call_tool(tool, arguments, **options)

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a call that succeeds."""
        result = await self.call(tool, arguments)
        assert not result.is_error, result.content[0].text
        assert result.structured_content is not None
        return result.structured_content

    async def text(self, tool: str, **arguments: Any) -> str:
        """The text of a call that succeeds."""
        result = await self.call(tool, arguments)
        assert not result.is_error, result.content[0].text
        return result.content[0].text

    async def complaint(self, tool: str, **arguments: Any) -> str:
        """The text of a call that fails."""
        result = await self.call(tool, arguments)
        assert result.is_error, f"{tool}({arguments}) succeeded: {result.structured_content}"
        assert result.structured_content == {"success": False, "error": result.content[0].text}
        return result.content[0].text

    async def failed(self, tool: str, **arguments: Any) -> tuple[dict[str, Any], str]:
        """The structure and the text of a call that fails after it has done something."""
        result = await self.call(tool, arguments)
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


class StatelessAgent(Agent):
    """Where no connection remembers its session, an agent begins one and passes its id, as it is told to."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self.session_id = ""

    async def call(self, tool: str, arguments: dict[str, Any], **options: Any) -> CallToolResult:
        """The same, in the agent's session."""
        if not self.session_id and tool not in BEGINS_NOTHING:
            self._follow(await super().call("memory_session_start", {}))
        named = {"session_id": self.session_id} if self.session_id and _belongs(tool, arguments) else {}
        result = await super().call(tool, named | arguments, **options)
        self._follow(result)
        return result

    def _follow(self, result: CallToolResult) -> None:
        told = result.structured_content or {}
        if "reused" in told:
            self.session_id = told["session_id"]
        elif "handover" in told:
            self.session_id = ""


def _belongs(tool: str, arguments: dict[str, Any]) -> bool:
    """Whether the call is about the session in use; a start that says anything wants a session of its own."""
    return tool != "memory_session_start" or not arguments


@asynccontextmanager
async def client_over(door: str, era: str, url: str, query: str = "", **headers: str) -> AsyncIterator[Client]:
    """A client of a running server; `_` in the name of a header stands for `-`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if door == "sse":
        async with Client(sse_client(f"{url}/sse{query}", headers=named), mode=era) as client:
            yield client
        return
    async with httpx2.AsyncClient(headers=named, timeout=ANSWERING_SECONDS) as http:
        transport = streamable_http_client(f"{url}/mcp{query}", http_client=http)
        async with Client(transport, mode=era) as client:
            yield client


@asynccontextmanager
async def agent_over(door: str, era: str, url: str, query: str = "", **headers: str) -> AsyncIterator[Agent]:
    """An agent at a running server, that names no session by itself and checks every answer against its schema."""
    async with client_over(door, era, url, query, **headers) as client:
        await client.list_tools()
        yield Agent(client)

"""The floor: an MCP server of the same SDK with one tool that does nothing."""

from __future__ import annotations

import asyncio

from mcp.server import Server
from mcp.server.stdio import stdio_server
from mcp.types import CallToolResult, ListToolsResult, TextContent, Tool


async def list_tools(ctx, params):
    return ListToolsResult(tools=[Tool(name="nothing", description="Does nothing.", input_schema={"type": "object"})])


async def call_tool(ctx, params):
    return CallToolResult(content=[TextContent(type="text", text="nothing")])


async def main() -> None:
    server = Server("bare", version="1", on_list_tools=list_tools, on_call_tool=call_tool)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


if __name__ == "__main__":
    asyncio.run(main())

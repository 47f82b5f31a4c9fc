"""The HTTP door: the REST mirror, and MCP over streamable HTTP and SSE, as one ASGI app."""

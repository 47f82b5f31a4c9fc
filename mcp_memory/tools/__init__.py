"""The MCP door: tools over one `Memory`."""

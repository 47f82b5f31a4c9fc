"""`python -m mcp_memory` is `mcp-memory`."""

from __future__ import annotations

from mcp_memory.cli import main

if __name__ == "__main__":
    main(prog_name="mcp-memory")

"""Long-term memory for AI agents: one SQLite file, found again by meaning, words, links and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp_memory.app import open_memory
    from mcp_memory.core.memory import Memory
    from mcp_memory.errors import McpMemoryError
    from mcp_memory.settings import Settings

__version__ = "0.1.0"

__all__ = ["McpMemoryError", "Memory", "Settings", "__version__", "open_memory"]

_HOMES = {
    "McpMemoryError": "mcp_memory.errors",
    "Memory": "mcp_memory.core.memory",
    "Settings": "mcp_memory.settings",
    "open_memory": "mcp_memory.app",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)

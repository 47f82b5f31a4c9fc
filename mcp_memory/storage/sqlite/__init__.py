"""The SQLite store: one file, shared by as many processes as like."""

from mcp_memory.storage.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]

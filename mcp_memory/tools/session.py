"""The four session tools."""

from __future__ import annotations

from mcp_memory.core.memory import Memory
from mcp_memory.models.session import (
    SessionCommit,
    SessionCommitted,
    SessionEnd,
    SessionEnded,
    SessionStart,
    SessionStarted,
    SessionStatus,
    SessionStatusRequest,
)
from mcp_memory.tools.spec import ToolSpec

SESSION_TOOLS = (
    ToolSpec(
        name="memory_session_start",
        description="Begin a session, or go on with one. One begins by itself; call this to name, place or resume it.",
        verb=Memory.start_session,
        request=SessionStart,
        result=SessionStarted,
        parameters={
            "session_id": "continue this one",
            "workspace_id": "later calls go there",
            "context_id": "",
            "ttl_seconds": "since last use; at most 86400",
            "metadata": "",
        },
        read_only=False,
        leading=("session_id", "workspace_id", "reused", "message"),
        session="as is",
    ),
    ToolSpec(
        name="memory_session_end",
        description="Commit the session's working memory, end it, and get a handover for the next window.",
        verb=Memory.end_session,
        request=SessionEnd,
        result=SessionEnded,
        parameters={"commit": "", "importance_threshold": ""},
        read_only=False,
        destructive=True,
        idempotent=False,
        leading=("session_id", "committed", "memories_created", "handover", "message"),
        session="as is",
    ),
    ToolSpec(
        name="memory_session_commit",
        description="Turn the session's notes (type working) and working memory into long-term memories.",
        verb=Memory.commit_session,
        request=SessionCommit,
        result=SessionCommitted,
        parameters={"importance_threshold": "", "clear_after_commit": "drop what was left out too"},
        read_only=False,
        leading=("session_id", "memories_extracted", "memories_created", "message"),
        session="as is",
    ),
    ToolSpec(
        name="memory_session_status",
        description="The session that calls belong to.",
        verb=Memory.session_status,
        request=SessionStatusRequest,
        result=SessionStatus,
        parameters={},
        leading=("active", "state", "id", "workspaceId"),
        session="any",
    ),
)

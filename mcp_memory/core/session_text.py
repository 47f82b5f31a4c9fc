"""The results of the session verbs as text. Pure functions; `rendering.as_text` knows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.phrases import as_lines, named, tally, when

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_memory.models.session import SessionCommitted, SessionEnded, SessionStarted, SessionStatus


def render_session_started(result: SessionStarted) -> str:
    """Which session it is, where, and until when."""
    kind = "gone on with" if result.reused else "new"
    return (
        f"{result.message} {result.session_id}, {kind}, workspace {result.workspace_id}, context {result.context_id}; "
        f"begun {when(result.created_at)}, expires {when(result.expires_at)} unless used."
    )


def render_session_committed(result: SessionCommitted) -> str:
    """What was made of what the session held."""
    facts = [
        _counts(result),
        *_categories(result.breakdown),
        f"{result.left_out} left out",
        f"working memory {'cleared' if result.working_memory_cleared else 'kept'}",
        f"session {'still active' if result.session_still_active else 'ended'}",
        f"{result.extraction_time_ms} ms",
    ]
    return as_lines(
        f"{result.message} {result.session_id} in workspace {result.workspace_id}: {'; '.join(facts)}.",
        [f"Created: {', '.join(f'[{one}]' for one in result.memory_ids)}"] if result.memory_ids else [],
    )


def render_session_ended(result: SessionEnded) -> str:
    """What was committed, and what the next window should know."""
    facts = [
        "committed" if result.committed else "not committed",
        f"held {result.working_memory_count} in working memory",
        _counts(result),
        *_categories(result.breakdown),
    ]
    return as_lines(
        f"{result.message} {result.session_id} in workspace {result.workspace_id}: {'; '.join(facts)}.",
        ["", "For the next window", result.handover] if result.handover else [],
    )


def render_session_status(result: SessionStatus) -> str:
    """Where the session stands."""
    if result.id is None or result.created_at is None or result.expires_at is None:
        return "No session is in use here; memory_session_start begins one."
    until = "expires" if result.active else "expired or would have"
    facts = [
        f"workspace {result.workspace_id}",
        *named("context", result.context_id),
        f"begun {when(result.created_at)}",
        f"{until} {when(result.expires_at)}",
        f"{result.working_memory_count} in working memory",
        "all committed" if result.committed else "not all committed",
        f"{result.memories_written} memories written in it",
    ]
    return f"Session {result.id} is {result.state}: {', '.join(facts)}."


def _counts(result: SessionCommitted | SessionEnded) -> str:
    return (
        f"{result.memories_extracted} extracted, {result.memories_deduplicated} known, "
        f"{result.memories_created} created"
    )


def _categories(breakdown: Mapping[str, int]) -> list[str]:
    return [f"by category: {tally(breakdown)}"] if breakdown else []

"""The only place that builds what a tool call returns.

Some clients show the model only the text, others only the structure: each carries the whole answer. Errors are
complete in the text, because some clients drop the structure of an error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp.types import CallToolResult, TextContent

from mcp_memory.core.rendering import as_text

if TYPE_CHECKING:
    from mcp_memory.models.base import Result


def answer(result: Result) -> CallToolResult:
    """The verb's result, as text and as structure; an error where what was asked for has failed."""
    return CallToolResult(
        content=[TextContent(type="text", text=as_text(result))],
        structured_content=result.lean(),
        is_error=result.failed,
    )


def failure(message: str) -> CallToolResult:
    """What was asked for did not happen, and how to mend the call."""
    return CallToolResult(
        content=[TextContent(type="text", text=message)],
        structured_content={"success": False, "error": message},
        is_error=True,
    )

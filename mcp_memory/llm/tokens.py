"""How many tokens an exchange is about, where nobody has counted them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.text import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_memory.llm.base import Message

MESSAGE_TOKENS = 4
"""Of a message beyond its text: the marks of its role and of its end in the usual chat templates."""


def estimate_exchange(messages: Iterable[Message]) -> int:
    """About how many tokens a model reads of an exchange."""
    return sum(MESSAGE_TOKENS + estimate_tokens(message.content) for message in messages)

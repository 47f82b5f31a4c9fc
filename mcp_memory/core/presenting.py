"""How a memory is shown: as much of it as was asked for, within the tokens allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.detail import shortened
from mcp_memory.models.recall import RecalledMemory
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.text import clip, estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.core.ranking import Ranked
    from mcp_memory.models.memory import DetailLevel, Memory

FRAME_TOKENS = 40
"""What id, type, dates and scores of one memory cost beside its text."""

CHARS_PER_TOKEN = 4
"""For cutting one text that alone is over the budget."""


def present(memory: Memory, rank: Ranked, detail: DetailLevel, workspace_id: str) -> RecalledMemory:
    """A memory as an answer shows it; what goes without saying is left out."""
    return RecalledMemory(
        id=memory.id,
        content=shortened(memory.content, detail),
        type=memory.type,
        subtype=memory.subtype,
        importance=memory.importance,
        tags=memory.tags,
        workspace_id=memory.workspace_id if memory.workspace_id != workspace_id else None,
        context_id=memory.context_id if memory.context_id != DEFAULT_CONTEXT else None,
        author=memory.author,
        user_id=memory.user_id,
        subject_id=memory.subject_id,
        occurred_at=memory.occurred_at,
        created_at=memory.created_at,
        access_count=memory.access_count,
        metadata=memory.metadata or None,
        relevance_score=None if rank.relevance is None else round(rank.relevance, 4),
        score=round(rank.score, 4) if rank.reasons else None,
        why=list(rank.reasons),
    )


def fit(memories: Sequence[RecalledMemory], max_tokens: int | None) -> tuple[list[RecalledMemory], bool]:
    """As many memories, best first, as the budget holds, and whether something was left out.

    The first is always there; where it alone is over the budget, its text is cut.
    """
    if max_tokens is None:
        return list(memories), False
    kept: list[RecalledMemory] = []
    left = max_tokens
    for memory in memories:
        cost = _cost(memory)
        if cost > left:
            break
        kept.append(memory)
        left -= cost
    if memories and not kept:
        return [_cut(memories[0], max_tokens)], True
    return kept, len(kept) < len(memories)


def _cost(memory: RecalledMemory) -> int:
    around = sum(estimate_tokens(near.content) for near in memory.neighbors)
    return FRAME_TOKENS + estimate_tokens(memory.content) + around


def _cut(memory: RecalledMemory, max_tokens: int) -> RecalledMemory:
    chars = max(1, max_tokens - FRAME_TOKENS) * CHARS_PER_TOKEN
    return memory.model_copy(update={"content": clip(memory.content, chars), "neighbors": []})

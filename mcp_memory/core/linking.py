"""Links between memories that are close in meaning; never merged, never overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.dedupe import near_duplicate
from mcp_memory.models.association import Association
from mcp_memory.models.search import Filter

if TYPE_CHECKING:
    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.search import Near
    from mcp_memory.storage.base import Store

LOOKED_AT = 6
"""Nearest memories looked at, the new one among them."""

MOST_LINKS = 3


async def link_similar(store: Store, encoder: EncoderIdentity, key: int, memory: Memory, vector: object) -> list[Near]:
    """Link `memory`, whose key is `key`, to older near-duplicates in its workspace with `similar_to`; to which."""
    nearest = await store.nearest(vector, encoder, Filter(workspaces=(memory.workspace_id,)), LOOKED_AT)
    alike = [near for near in nearest if near.key < key and near_duplicate(memory.content, near.content, near.cosine)][
        :MOST_LINKS
    ]
    for near in alike:
        await store.associate(_similarity(memory, near))
    return alike


def _similarity(memory: Memory, near: Near) -> Association:
    return Association(
        id="",
        workspace_id=memory.workspace_id,
        source_id=memory.id,
        target_id=near.memory_id,
        relationship="similar_to",
        strength=round(min(1.0, near.cosine), 4),
        metadata={"by": "near-duplicate"},
        created_at=memory.created_at,
        updated_at=memory.created_at,
    )

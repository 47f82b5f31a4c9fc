"""Forgetting, restorable or for ever, and bringing back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.errors import UnknownMemory
from mcp_memory.models.memory import Forget, Forgotten, Memory, MemoryStatus, Restored

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope

NO_REASON = "no reason given"


async def forget(resources: Resources, request: Forget, scope: Scope) -> Forgotten:
    """Turn a memory into a tombstone, or with `hard` erase it."""
    memory = changeable(await known(resources, request.memory_id, scope), scope)
    reason = request.reason or NO_REASON
    if request.hard:
        await resources.store.erase(memory.workspace_id, memory.id, scope.author)
        return _forgotten(memory, request, reason, "Erased for ever: content, vector, index entries, revisions, links.")
    if memory.status is MemoryStatus.DELETED:
        raise UnknownMemory(
            f"{memory.id} is already forgotten ({memory.forget_reason}). `mcp-memory restore {memory.id}` brings it "
            "back; `hard` erases it for ever."
        )
    await resources.store.forget(memory.workspace_id, memory.id, reason, scope.author)
    return _forgotten(memory, request, reason, f"Forgotten. `mcp-memory restore {memory.id}` brings it back.")


async def restore(resources: Resources, memory_id: str, scope: Scope) -> Restored:
    """Bring a tombstone back, to be found as before."""
    memory = changeable(await known(resources, memory_id, scope), scope)
    if memory.status is not MemoryStatus.DELETED:
        raise UnknownMemory(f"{memory.id} is not forgotten; there is nothing to restore.")
    await resources.store.restore(memory.workspace_id, memory.id, scope.author)
    resources.indexer.catch_up()
    return Restored(memory_id=memory.id, workspace_id=memory.workspace_id, message="Restored; it is found again.")


async def known(resources: Resources, memory_id: str, scope: Scope) -> Memory:
    """The memory with this id, tombstones too.

    Raises:
        UnknownMemory: nothing with this id can be seen from here.
    """
    found = await resources.store.get(scope.where(), [memory_id], include_deleted=True)
    if not found:
        raise UnknownMemory(
            f"There is no memory {memory_id!r} in workspace {scope.workspace_id!r}. "
            "Recall it first and use the id from the result; ids look like mem_0123456789abcdef."
        )
    return found[0]


def changeable(memory: Memory, scope: Scope) -> Memory:
    """The memory, which the caller may change.

    Raises:
        UnknownMemory: it is one of `_global`, and the caller's key is for one workspace.
    """
    if memory.workspace_id not in scope.changeable:
        raise UnknownMemory(
            f"{memory.id} belongs to workspace {memory.workspace_id!r}, which this key may read and not change; "
            "use a key without a workspace."
        )
    return memory


def _forgotten(memory: Memory, request: Forget, reason: str, message: str) -> Forgotten:
    return Forgotten(
        memory_id=memory.id,
        workspace_id=memory.workspace_id,
        hard_delete=request.hard,
        reason=reason,
        message=message,
    )

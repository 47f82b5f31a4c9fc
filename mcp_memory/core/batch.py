"""Many operations in one call: in order, each by itself, with all contents embedded together."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from mcp_memory.core.editing import recorded, update_embedded
from mcp_memory.core.forget import forget
from mcp_memory.core.remember import EMBEDDING_PATIENCE, check_length, remember_embedded
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.editing import BatchCreate, BatchDelete, BatchItem, BatchResult, BatchUpdate
from mcp_memory.models.memory import Forget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.editing import Batch, Operation
    from mcp_memory.models.memory import Remember, Remembered

    Numbered = tuple[int, Operation]
    Vectors = dict[int, object]


async def batch(resources: Resources, request: Batch, scope: Scope) -> BatchResult:
    """Carry the operations out. One that cannot be carried out is told in its place, and the next one follows.

    Raises:
        StoreError: the store cannot go on; what was done before it is kept.
    """
    vectors = await _vectors(resources, request.operations)
    results: list[BatchItem] = []
    for _, run in groupby(enumerate(request.operations), key=lambda numbered: numbered[1].op):
        results += await _carried_out(resources, list(run), vectors, scope)
    failed = sum(item.status == "error" for item in results)
    return BatchResult(
        success=not failed,
        workspace_id=scope.workspace_id,
        total_operations=len(results),
        successful=len(results) - failed,
        failed_operations=failed,
        results=results,
    )


async def _vectors(resources: Resources, operations: Sequence[Operation]) -> Vectors:
    """The vector of each operation's content, by its number; none while the encoder is not ready."""
    most = resources.limits.max_content_chars
    contents = {index: text for index, one in enumerate(operations) if 0 < len(text := _content(one)) <= most}
    vectors = await resources.indexer.at_once(list(contents.values()), EMBEDDING_PATIENCE) if contents else None
    return {} if vectors is None else dict(zip(contents, vectors, strict=True))


def _content(operation: Operation) -> str:
    match operation:
        case BatchCreate():
            return operation.memory.content
        case BatchUpdate():
            return operation.update.content or ""
        case BatchDelete():
            return ""


async def _carried_out(
    resources: Resources, run: Sequence[Numbered], vectors: Vectors, scope: Scope
) -> list[BatchItem]:
    """A run of operations of one kind; creations are one transaction unless one of them is refused."""
    if isinstance(run[0][1], BatchCreate) and len(run) > 1:
        try:
            return await _created(resources, run, vectors, scope)
        except InvalidRequest:
            pass
    return [await _attempted(resources, one, vectors, scope) for one in run]


async def _attempted(resources: Resources, one: Numbered, vectors: Vectors, scope: Scope) -> BatchItem:
    index, operation = one
    try:
        match operation:
            case BatchCreate():
                [item] = await _created(resources, [one], vectors, scope)
                return item
            case BatchUpdate():
                return await _updated(resources, index, operation, vectors, scope)
            case BatchDelete():
                return await _deleted(resources, index, operation, scope)
    except InvalidRequest as error:
        return BatchItem(index=index, type=operation.op, status="error", error=str(error))


async def _created(resources: Resources, run: Sequence[Numbered], vectors: Vectors, scope: Scope) -> list[BatchItem]:
    wanted = [(index, one.memory) for index, one in run if isinstance(one, BatchCreate)]
    for _, memory in wanted:
        check_length(memory.content, resources.limits.max_content_chars)
    placed = [_placed(memory, scope) for _, memory in wanted]
    remembered = await remember_embedded(resources, placed, [vectors.get(index) for index, _ in wanted], scope)
    return [await _told(resources, index, one, scope) for (index, _), one in zip(wanted, remembered, strict=True)]


def _placed(memory: Remember, scope: Scope) -> Remember:
    """In the scope's own context, where it names none."""
    return memory if memory.context_id else memory.model_copy(update={"context_id": scope.context_id})


async def _told(resources: Resources, index: int, one: Remembered, scope: Scope) -> BatchItem:
    found = await resources.store.get(scope.where(), [one.memory_id])
    memory = recorded(found[0]) if found else None
    return BatchItem(index=index, type="create", status="success", memory_id=one.memory_id, memory=memory)


async def _updated(
    resources: Resources, index: int, operation: BatchUpdate, vectors: Vectors, scope: Scope
) -> BatchItem:
    if operation.update.content is not None:
        check_length(operation.update.content, resources.limits.max_content_chars)
    memory = await update_embedded(resources, operation.update, scope, vectors.get(index))
    return BatchItem(index=index, type="update", status="success", memory_id=memory.id, memory=memory)


async def _deleted(resources: Resources, index: int, operation: BatchDelete, scope: Scope) -> BatchItem:
    wanted = Forget(memory_id=operation.memory_id, reason=operation.reason, hard=operation.hard)
    done = await forget(resources, wanted, scope)
    return BatchItem(index=index, type="delete", status="success", memory_id=done.memory_id)

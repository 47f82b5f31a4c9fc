"""Many operations in one call, in the three dialects that clients speak.

MemoryLayer's server takes `{"op": "create", **memory}`, its documentation and Python client say
`{"type": "create", "data": {**memory}}`, its TypeScript client `{"op": "create", "memory": {**memory}}` and
`{"op": "update", "memory_id": "...", "updates": {...}}`, with `action` for `op` in its published types. What an
operation lacks or has too much is 422 and nothing is done; what cannot be done with a memory is told in its place.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AliasChoices, Discriminator, Field, Tag

from mcp_memory.models.editing import MOST_OPERATIONS, Batch, BatchCreate, BatchDelete, BatchUpdate, UpdateMemory
from mcp_memory.models.memory import MemorySubtype, MemoryType, Remember
from mcp_memory.rest.asking import asked, shared
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoQuery, Reply
from mcp_memory.rest.fields import Key, Meta, Moment, Name, Share, Tags, Text  # noqa: TC001 - pydantic reads them
from mcp_memory.rest.memories import Changes
from mcp_memory.rest.wire import WireMemory, memory_wire

if TYPE_CHECKING:
    from mcp_memory.models.editing import BatchItem, Operation


_NAMED: Any = Field(validation_alias=AliasChoices("op", "action"))


class NewMemory(Body):
    """A memory to store."""

    content: Text
    type: MemoryType | None = None
    subtype: MemorySubtype | None = None
    importance: Share | None = None
    tags: Tags | None = None
    metadata: Meta | None = None
    context_id: Name | None = Field(None, validation_alias=AliasChoices("context_id", "contextId"))
    observer_id: Name | None = None
    subject_id: Name | None = None
    user_id: Name | None = None
    author: Name | None = None
    occurred_at: Moment | None = None


class Target(Body):
    """The memory that is meant."""

    memory_id: Key = Field(validation_alias=AliasChoices("memory_id", "id"))


class FlatCreate(NewMemory):
    """Store a memory (MemoryLayer's server)."""

    op: Literal["create"] = _NAMED

    def operation(self) -> Operation:
        """What core does."""
        return _create(self)


class FlatUpdate(Target, Changes):
    """Change a memory (MemoryLayer's server)."""

    op: Literal["update"] = _NAMED

    def operation(self) -> Operation:
        """What core does."""
        return _update(self.memory_id, self)


class FlatDelete(Target):
    """Forget a memory (MemoryLayer's server and TypeScript client)."""

    op: Literal["delete"] = _NAMED
    hard: bool | None = None
    reason: Name | None = None

    def operation(self) -> Operation:
        """What core does."""
        return _delete(self)


class NestedCreate(Body):
    """Store a memory (MemoryLayer's TypeScript client)."""

    op: Literal["create"] = _NAMED
    memory: NewMemory

    def operation(self) -> Operation:
        """What core does."""
        return _create(self.memory)


class NestedUpdate(Target):
    """Change a memory (MemoryLayer's TypeScript client)."""

    op: Literal["update"] = _NAMED
    updates: Changes

    def operation(self) -> Operation:
        """What core does."""
        return _update(self.memory_id, self.updates)


class TypedCreate(Body):
    """Store a memory (MemoryLayer's documentation)."""

    type: Literal["create"]
    data: NewMemory

    def operation(self) -> Operation:
        """What core does."""
        return _create(self.data)


class TypedChanges(Target, Changes):
    """A memory, and what of it changes."""


class TypedUpdate(Body):
    """Change a memory (MemoryLayer's documentation)."""

    type: Literal["update"]
    data: TypedChanges

    def operation(self) -> Operation:
        """What core does."""
        return _update(self.data.memory_id, self.data)


class Unwanted(Target):
    """A memory to forget."""

    hard: bool | None = None
    reason: Name | None = None


class TypedDelete(Body):
    """Forget a memory (MemoryLayer's documentation)."""

    type: Literal["delete"]
    data: Unwanted

    def operation(self) -> Operation:
        """What core does."""
        return _delete(self.data)


def _dialect(given: Any) -> str | None:
    """The dialect and kind of an operation; None where it is none."""
    if not isinstance(given, dict):
        return None
    if "data" in given:
        return f"typed_{given.get('type')}"
    kind = given.get("op", given.get("action"))
    nested = "memory" in given or "updates" in given
    return f"nested_{kind}" if nested else f"flat_{kind}"


AnyOperation = Annotated[
    Annotated[FlatCreate, Tag("flat_create")]
    | Annotated[FlatUpdate, Tag("flat_update")]
    | Annotated[FlatDelete, Tag("flat_delete")]
    | Annotated[NestedCreate, Tag("nested_create")]
    | Annotated[NestedUpdate, Tag("nested_update")]
    | Annotated[TypedCreate, Tag("typed_create")]
    | Annotated[TypedUpdate, Tag("typed_update")]
    | Annotated[TypedDelete, Tag("typed_delete")],
    Discriminator(
        _dialect,
        custom_error_type="unknown_operation",
        custom_error_message=(
            'is no operation; write {"op": "create", "content": "..."}, {"op": "update", "memory_id": "...", ...} '
            'or {"op": "delete", "memory_id": "..."}'
        ),
    ),
]


class BatchBody(Body):
    """Operations, carried out in order."""

    operations: list[AnyOperation] = Field(min_length=1, max_length=MOST_OPERATIONS)
    workspace_id: Name | None = None


class WireItem(Answer):
    """What became of one operation."""

    index: int
    type: Literal["create", "update", "delete"]
    status: Literal["success", "error"]
    success: bool
    memory_id: str | None = None
    memory: WireMemory | None = None
    error: str | None = None


class BatchAnswer(Answer):
    """What became of all of them, in the order asked."""

    success: bool
    workspace_id: str
    total_operations: int
    total_processed: int
    successful: int
    failed: int
    results: list[WireItem]


async def batch(call: Call[BatchBody, NoQuery]) -> Reply:
    """Create, update and forget; each operation succeeds or fails by itself."""
    request = asked(Batch, operations=[one.operation() for one in call.body.operations])
    done = await call.memory.batch(request, call.scope)
    told = done.model_dump(exclude={"results", "failed_operations"})
    told |= {"failed": done.failed_operations, "total_processed": done.total_operations}
    return Reply({**told, "results": [_item(one) for one in done.results]})


def _item(item: BatchItem) -> dict[str, Any]:
    told = item.model_dump(exclude_none=True, exclude={"memory"}) | {"success": item.status == "success"}
    return told if item.memory is None else {**told, "memory": memory_wire(item.memory)}


def _create(memory: NewMemory) -> Operation:
    return BatchCreate(memory=asked(Remember, **shared(Remember, memory)))


def _update(memory_id: str, changes: Changes) -> Operation:
    fields = shared(UpdateMemory, changes) | {"memory_id": memory_id}
    return BatchUpdate(update=asked(UpdateMemory, **fields))


def _delete(unwanted: FlatDelete | Unwanted) -> Operation:
    return asked(BatchDelete, memory_id=unwanted.memory_id, hard=unwanted.hard, reason=unwanted.reason)


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/memories/batch",
        handler=batch,
        summary="Create, update and forget many memories in one call.",
        verb="batch",
        right="write",
        body=BatchBody,
        answer=BatchAnswer,
        tag="Memories",
    ),
)

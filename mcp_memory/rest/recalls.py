"""Finding memories again, and summing them up."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import Field, WithJsonSchema

from mcp_memory.models.editing import GetMemory
from mcp_memory.models.memory import DetailLevel, MemorySubtype, MemoryType  # noqa: TC001 - pydantic reads them
from mcp_memory.models.recall import Neighbour, Recall, Tolerance
from mcp_memory.rest.asking import asked, shared
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import VISIBLE, WHOLE, Ids, Moment, Name, Share, Tags, Text
from mcp_memory.rest.narrowing import (
    Confidence,
    budget_of,
    confidence,
    in_order,
    is_narrowed,
    narrowed,
    spent,
    wider,
)
from mcp_memory.rest.wire import SourceScope, WireMemory, memory_wire, plain, recalled_wire
from mcp_memory.text import estimate_tokens

if TYPE_CHECKING:
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.memory import Memory

Question = Annotated[
    Text,
    Field(max_length=20_000),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 20_000, "pattern": VISIBLE}),
]


class Turn(Body):
    """One turn of the conversation in which the question came up."""

    role: Name
    content: str


class MemoryRecall(Body):
    """A question to memory; `*` browses newest first."""

    query: Question
    workspace_id: Name | None = None
    types: Annotated[list[MemoryType], Field(max_length=4)] | None = None
    subtypes: Annotated[list[MemorySubtype], Field(max_length=13)] | None = None
    tags: Tags | None = None
    """All of them."""
    context_id: Name | None = None
    """The caller's own context: what belongs to it comes first."""
    observer_id: Name | None = None
    subject_id: Name | None = None
    user_id: Name | None = None
    author: Name | None = None
    mode: Literal["rag", "llm", "hybrid"] | None = None
    tolerance: Tolerance | None = None
    limit: Annotated[int, Field(ge=1, le=100), WHOLE] | None = None
    offset: Annotated[int, Field(ge=0, le=1_000_000), WHOLE] | None = None
    """Memories passed over. Without limit where `*` browses, else within the best hundred."""
    min_relevance: Share | None = None
    recency_weight: Share | None = None
    include_associations: bool | None = None
    traverse_depth: Annotated[int, Field(ge=0, le=5), WHOLE] | None = None
    max_expansion: Annotated[int, Field(ge=1, le=500), WHOLE] | None = None
    include_neighbors: Annotated[int, Field(ge=0, le=2), WHOLE] | None = None
    created_after: Moment | None = None
    created_before: Moment | None = None
    context: Annotated[list[Turn], Field(max_length=100)] | None = None
    """The conversation; read where a language model rewrites the question."""
    rag_threshold: Share | None = None
    """Below this relevance mode `hybrid` asks the language model."""
    detail_level: DetailLevel | None = None
    max_tokens: Annotated[int, Field(ge=50, le=100_000), WHOLE] | None = None
    include_archived: bool | None = None
    exclude_ids: Ids | None = None
    include_embedding: bool | None = None
    event_after: Moment | None = None
    event_before: Moment | None = None
    """When it happened, as far as that is known, else when it was stored; looked at among the best hundred."""
    time_order: Literal["asc", "desc"] | None = None
    """By when it happened, instead of best first."""
    include_global: bool | None = None
    """False: without what is in `_global`."""
    include_global_user: bool | None = None
    """Taken for the sake of clients: there is no workspace of a user's own."""
    budget_tokens: Annotated[int, Field(ge=50, le=100_000), WHOLE] | None = None
    """The same as `max_tokens`."""
    include_confidence: bool | None = None
    include_relations: bool | None = None
    """Taken for the sake of clients: there are no relations besides associations."""


class BudgetSummary(Answer):
    """What became of a token budget."""

    requested: int
    used: int
    estimator: str
    omitted_items: int


class RecalledWire(WireMemory):
    """A memory that was found, and why."""

    source_scope: SourceScope
    relevance_score: float | None = None
    """Cosine to the question, comparable between answers."""
    boosted_score: float | None = None
    """What orders the answer; means nothing across answers."""
    why: list[str] | None = None
    neighbors: list[Neighbour] | None = None


class RecallAnswer(Answer):
    """Memories, best first."""

    success: bool
    workspace_id: str
    memories: list[RecalledWire]
    total_count: int
    query_tokens: int
    search_latency_ms: int
    mode_used: str
    degraded: str | None = None
    """Why the answer is less than what was asked for; absent when it is not."""
    truncated: bool
    budget_summary: BudgetSummary | None = None
    """Where a budget was given."""
    retrieval_confidence: Confidence | None = None
    """How well the best memory fits; where `include_confidence` asks for it."""
    confidence_reasons: list[str] | None = None


async def recall(call: Call[MemoryRecall, NoQuery]) -> Reply:
    """Find memories."""
    body, scope = call.body, lifting(call)
    found = await call.memory.recall(asked(Recall, **_fields(body)), scope)
    whole = await _whole(call, [one.id for one in found.memories], scope)
    if is_narrowed(body):
        found = narrowed(body, found, whole)
    memories = [one for one in found.memories if one.id in whole]
    told = plain(found) | {
        "query_tokens": estimate_tokens(body.query),
        "memories": [recalled_wire(one, whole[one.id], scope) for one in in_order(body, memories, whole)],
        **spent(body, found),
        **confidence(body, found),
    }
    return Reply(told)


def _fields(body: MemoryRecall) -> dict[str, Any]:
    """What core is asked. A narrowed recall is asked for more than is told."""
    fields = without_context(shared(Recall, body)) | _conversation(body) | {"max_tokens": budget_of(body)}
    return fields | wider() if is_narrowed(body) else fields


def _conversation(body: MemoryRecall) -> dict[str, Any]:
    return {"context": [turn.model_dump() for turn in body.context or ()]}


def without_context(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields but those that are told in another way."""
    return {name: value for name, value in fields.items() if name not in ("context_id", "context")}


def lifting(call: Call[Any, NoQuery]) -> Scope:
    """The scope with the body's context as the caller's own: it lifts what belongs to it and hides nothing."""
    context_id = call.body.context_id
    return replace(call.scope, context_id=context_id) if context_id else call.scope


async def _whole(call: Call[MemoryRecall, NoQuery], ids: list[str], scope: Scope) -> dict[str, Memory]:
    if call.body.include_embedding:
        requests = [GetMemory(memory_id=one, include_embedding=True) for one in ids]
        return {request.memory_id: await call.memory.get_memory(request, scope) for request in requests}
    where = scope.where(include_archived=True)
    return {memory.id: memory for memory in await call.memory.resources.store.get(where, ids)}


class ListQuery(Query):
    """Which memories."""

    workspace_id: Name = ""
    limit: int = Field(50, ge=1, le=200)
    offset: int = Field(0, ge=0, le=1_000_000)
    type: MemoryType | None = None
    subtype: MemorySubtype | None = None
    tag: Name = ""
    context_id: Name = ""


class ListAnswer(Answer):
    """Memories, newest first."""

    memories: list[WireMemory]
    total_count: int
    """Of all that pass, of which `memories` is a page."""


async def listed(call: Call[NoBody, ListQuery]) -> Reply:
    """Browse the workspace's own memories, newest first; that counts as no access."""
    query = call.query
    where = call.scope.own(
        types=(query.type.value,) if query.type else (),
        subtypes=(query.subtype.value,) if query.subtype else (),
        tags=(query.tag.strip().lower(),) if query.tag else (),
        context_id=query.context_id,
    )
    page = await call.memory.resources.store.browse(where, query.limit, query.offset)
    return Reply({"memories": [memory_wire(one) for one in page.memories], "total_count": page.total})


TAG: Final = "Recall"

ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/memories",
        handler=listed,
        summary="Browse the workspace's own memories, newest first.",
        query=ListQuery,
        answer=ListAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/memories/recall",
        handler=recall,
        summary="Find memories by meaning and words, best first; `*` browses newest first.",
        verb="recall",
        body=MemoryRecall,
        answer=RecallAnswer,
        tag=TAG,
    ),
)

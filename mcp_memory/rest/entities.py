"""What is known about somebody or something: the subject of memories."""

from __future__ import annotations

from typing import Any, Final

from pydantic import Field

from mcp_memory.models.entity import DeriveInsights, EntityCardRequest, EntityInsightsRequest
from mcp_memory.rest.asking import asked
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import Name  # noqa: TC001 - pydantic reads them
from mcp_memory.rest.wire import WireMemory, memory_wire, plain


class Derive(Body):
    """How to infer."""

    workspace_id: Name | None = None
    observer_id: Name | None = None
    force: bool | None = None
    """Taken for the sake of clients: what has changed is always made anew, and nothing else."""


class CardQuery(Query):
    """How to make a card."""

    workspace_id: Name = ""
    force_refresh: bool = False
    """Taken for the sake of clients: a card is always made now."""


class InsightsQuery(Query):
    """Which insights."""

    workspace_id: Name = ""
    observer_id: Name = ""
    limit: int = Field(20, ge=1, le=100)


class CardAnswer(Answer):
    """What is known about a subject, summed up."""

    entity_id: str
    workspace_id: str
    reflection: str
    insights: list[WireMemory]
    source_memories: list[str]
    confidence: float
    cached: bool
    generated_at: str


class InsightsAnswer(Answer):
    """What was inferred about a subject, newest first."""

    entity_id: str
    workspace_id: str
    insights: list[WireMemory]
    total_count: int


class DeriveAnswer(Answer):
    """The insights as they stand now."""

    subject_id: str
    workspace_id: str
    insights_created: int
    insights_updated: int
    source_memory_count: int
    insights: list[WireMemory]


async def card(call: Call[NoBody, CardQuery]) -> Reply:
    """Sum up what is known."""
    made = await call.memory.entity_card(asked(EntityCardRequest, "path", entity_id=call.path["entity_id"]), call.scope)
    return Reply(_told(made) | {"cached": False})


async def insights(call: Call[NoBody, InsightsQuery]) -> Reply:
    """What was inferred."""
    request = asked(
        EntityInsightsRequest,
        "path",
        entity_id=call.path["entity_id"],
        observer_id=call.query.observer_id,
        limit=call.query.limit,
    )
    return Reply(_told(await call.memory.entity_insights(request, call.scope)))


async def derive(call: Call[Derive, NoQuery]) -> Reply:
    """Infer from what is remembered."""
    request = asked(DeriveInsights, entity_id=call.path["entity_id"], observer_id=call.body.observer_id)
    return Reply(_told(await call.memory.derive_insights(request, call.scope)))


def _told(result: Any) -> dict[str, Any]:
    """A result with its memories in their wire form."""
    return plain(result) | {"insights": [memory_wire(one) for one in result.insights]}


TAG: Final = "Entities"

ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/entities/{entity_id}/card",
        handler=card,
        summary="What is remembered about a subject, summed up now.",
        verb="entity_card",
        query=CardQuery,
        answer=CardAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/entities/{entity_id}/insights",
        handler=insights,
        summary="What was inferred about a subject, newest first.",
        verb="entity_insights",
        query=InsightsQuery,
        answer=InsightsAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/entities/{entity_id}/derive",
        handler=derive,
        summary="Infer from the memories about a subject.",
        verb="derive_insights",
        right="write",
        body=Derive,
        optional_body=True,
        answer=DeriveAnswer,
        tag=TAG,
    ),
)

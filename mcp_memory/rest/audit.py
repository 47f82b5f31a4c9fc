"""The audit trail, the check of what is remembered, and counts."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import Field

from mcp_memory.models.administration import AuditEvent, AuditEventQuery, AuditSummaryQuery, EventType
from mcp_memory.models.audit import AuditRequest, AuditResult
from mcp_memory.models.statistics import Breakdown, EncoderState, StatisticsRequest
from mcp_memory.rest.asking import asked, shared
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import WHOLE, Key, Moment, Name
from mcp_memory.rest.wire import TENANT, plain


class EventsQuery(Query):
    """Which events."""

    workspace_id: Name = ""
    event_type: EventType | None = None
    since: Moment | None = None
    limit: int = Field(100, ge=1, le=1000)


class SummaryQuery(Query):
    """Since when."""

    workspace_id: Name = ""
    since: Moment | None = None


class WireEvent(AuditEvent):
    """One thing that was done or refused."""

    tenant_id: str
    user_id: str | None = None
    """Who did it: the key's name, or the client's."""


class EventsAnswer(Answer):
    """Events, newest first."""

    events: list[WireEvent]
    count: int


class SummaryAnswer(Answer):
    """How many events of each type there are."""

    workspace_id: str | None = None
    summary: dict[str, int]
    total: int


class WireStorage(Answer):
    """The store; how large it is only for callers who see all workspaces."""

    schema_version: int
    size_bytes: int | None = None
    workspaces: int | None = None
    memories: int | None = None


class StatisticsAnswer(Answer):
    """Counts of one workspace."""

    success: bool
    workspace_id: str
    total_memories: int
    total_associations: int
    total_contexts: int
    oldest: str | None = None
    newest: str | None = None
    breakdown: Breakdown | None = None
    storage: WireStorage
    encoder: EncoderState
    message: str


class AuditBody(Body):
    """What to check."""

    workspace_id: Name | None = None
    memory_id: Key | None = None
    """One memory; else the whole workspace."""
    auto_resolve: bool | None = None
    """Mend what is certain."""
    limit: Annotated[int, Field(ge=1, le=1000), WHOLE] | None = None


class StatisticsQuery(Query):
    """How much to count."""

    workspace_id: Name = ""
    include_breakdown: bool = True


async def events(call: Call[NoBody, EventsQuery]) -> Reply:
    """What was done and refused in the workspace."""
    request = asked(AuditEventQuery, "query", **shared(AuditEventQuery, call.query))
    found = [_event(one) for one in await call.memory.audit_events(request, call.scope)]
    return Reply({"events": found, "count": len(found)})


async def summary(call: Call[NoBody, SummaryQuery]) -> Reply:
    """How often."""
    request = asked(AuditSummaryQuery, "query", since=call.query.since)
    return Reply(plain(await call.memory.audit_summary(request, call.scope)))


async def audit(call: Call[AuditBody, NoQuery]) -> Reply:
    """Check whether what is remembered holds together."""
    return Reply(plain(await call.memory.audit(asked(AuditRequest, **shared(AuditRequest, call.body)), call.scope)))


async def statistics(call: Call[NoBody, StatisticsQuery]) -> Reply:
    """Count."""
    request = StatisticsRequest(include_breakdown=call.query.include_breakdown)
    told = plain(await call.memory.statistics(request, call.scope))
    told["storage"].pop("location", None)
    return Reply(told)


def _event(event: AuditEvent) -> dict[str, Any]:
    """An event with MemoryLayer's names besides."""
    who = {"user_id": event.author} if event.author else {}
    return {"tenant_id": TENANT, **plain(event), **who}


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/audit/events",
        handler=events,
        summary="What was done and refused in the workspace, newest first; never the text of a memory.",
        verb="audit_events",
        right="admin",
        query=EventsQuery,
        answer=EventsAnswer,
        tag="Audit",
    ),
    Endpoint(
        method="GET",
        path="/v1/audit/events/summary",
        handler=summary,
        summary="How many events of each type there are.",
        verb="audit_summary",
        right="admin",
        query=SummaryQuery,
        answer=SummaryAnswer,
        tag="Audit",
    ),
    Endpoint(
        method="POST",
        path="/v1/audit",
        handler=audit,
        summary="Check whether what is remembered holds together, and mend what is certain if asked to.",
        verb="audit",
        right="write",
        body=AuditBody,
        optional_body=True,
        answer=AuditResult,
        tag="Audit",
    ),
    Endpoint(
        method="GET",
        path="/v1/statistics",
        handler=statistics,
        summary="Counts of the workspace, and the state of store and encoder.",
        verb="statistics",
        query=StatisticsQuery,
        answer=StatisticsAnswer,
        tag="Audit",
    ),
)

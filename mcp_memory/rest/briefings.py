"""The briefing: what the next window should know, under the names that MemoryLayer's clients read."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from mcp_memory.models.briefing import (
    Activity,
    BriefedMemory,
    BriefedSession,
    BriefingRequest,
    HeldValue,
    KeyMemory,
    OpenThread,
)
from mcp_memory.models.contradiction import ListContradictions
from mcp_memory.models.memory import DetailLevel
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.rest.asking import asked
from mcp_memory.rest.contradictions import TYPES
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, Query, Reply
from mcp_memory.rest.fields import WHOLE, Name
from mcp_memory.rest.wire import plain, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mcp_memory.core.memory import Memory as Service
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.briefing import Briefing
    from mcp_memory.models.memory import Memory

MOST_MINUTES: Final = 5_256_000
"""Ten years."""

MOST_RECORDED: Final = 500
"""Recorded contradictions among which those of a briefing are looked for."""

RELATIONSHIP: Final = "contradicts"
"""What one memory of a contradiction is to the other."""


class BriefingQuery(Query):
    """How much to tell."""

    workspace_id: Name = ""
    lookback_minutes: int = Field(60, ge=1, le=MOST_MINUTES)
    detail_level: DetailLevel = DetailLevel.ABSTRACT
    limit: int = Field(10, ge=1, le=50)
    include_memories: bool = True
    include_contradictions: bool = True
    max_tokens: int = Field(2000, ge=100, le=100_000)


class BriefingOptions(Body):
    """How much to tell at the beginning of a session."""

    lookback_hours: Annotated[float, Field(gt=0, le=MOST_MINUTES / 60, allow_inf_nan=False)] | None = None
    lookback_minutes: Annotated[int, Field(ge=1, le=MOST_MINUTES), WHOLE] | None = None
    """Counts before `lookback_hours`."""
    detail_level: DetailLevel | None = None
    limit: Annotated[int, Field(ge=1, le=50), WHOLE] | None = None
    include_memories: bool | None = None
    include_contradictions: bool | None = None
    max_tokens: Annotated[int, Field(ge=100, le=100_000), WHOLE] | None = None

    def request(self) -> BriefingRequest:
        """What the verb is asked."""
        hours = self.lookback_hours
        window = self.lookback_minutes or (max(1, round(hours * 60)) if hours else None)
        given = self.model_dump(exclude={"lookback_hours", "lookback_minutes"})
        return asked(BriefingRequest, time_window_minutes=window, **given)


class Summary(Answer):
    """The workspace in numbers."""

    workspace_id: str
    total_memories: int
    recent_memories: int
    """Within the window."""
    active_topics: list[str]
    total_categories: int
    total_associations: int
    memory_types: dict[str, int]


class WireActivity(Activity):
    """What was remembered together."""

    key_decisions: list[str]
    """Decisions among it, as the briefing tells them."""


class WireThread(OpenThread):
    """Something that is not finished."""

    key_memories: list[str]  # type: ignore[assignment]
    """Ids, newest first."""
    memories: list[KeyMemory]


class WireConflict(Answer):
    """Two memories that cannot both be true, under all the names that clients know."""

    id: str | None = None
    """Where it is recorded: it can be resolved by this id."""
    memory_a: str
    memory_b: str
    memory_a_id: str
    memory_b_id: str
    content_a: str
    content_b: str
    relationship: str
    needs_resolution: bool
    kind: str
    type: str
    detail: str
    confidence: float
    newer: str


class WireBriefed(BriefedMemory):
    """A memory at the asked detail, which is in `content` in any case."""

    abstract: str | None = None
    overview: str | None = None


class WireBriefing(Answer):
    """What the next window should know."""

    workspace_id: str
    workspace_summary: Summary
    recent_activity: list[WireActivity]
    open_threads: list[WireThread]
    contradictions_detected: list[WireConflict]
    contradictions_found: int
    memories: list[WireBriefed]
    """Standing ones first, then the important, then the recent."""
    decisions: list[WireBriefed]
    working_memory: list[HeldValue]
    sessions: list[BriefedSession]
    truncated: bool
    """`max_tokens` left something out or shortened it."""


class BriefingAnswer(WireBriefing):
    """A briefing, wrapped and bare."""

    briefing: WireBriefing


async def read(call: Call[NoBody, BriefingQuery]) -> Reply:
    """What the next window should know."""
    query = call.query
    given = query.model_dump(exclude={"workspace_id", "lookback_minutes"})
    request = asked(BriefingRequest, "query", time_window_minutes=query.lookback_minutes, **given)
    return Reply(wrapped("briefing", await briefing_wire(call.memory, request, call.scope)))


async def briefing_wire(memory: Service, request: BriefingRequest, scope: Scope) -> dict[str, Any]:
    """A briefing as clients read it."""
    told = await memory.briefing(request, scope)
    since = memory.resources.now() - timedelta(minutes=request.time_window_minutes)
    decided = await memory.resources.store.get(scope.where(), [one.id for one in told.decisions])
    level = request.detail_level
    return {
        "workspace_id": told.workspace_id,
        "workspace_summary": told.model_dump(mode="json", include=set(Summary.model_fields)),
        "recent_activity": [_activity(one, told, decided, since) for one in told.recent_activity],
        "open_threads": [_thread(one) for one in told.open_threads],
        "contradictions_detected": await _conflicts(memory, told.contradictions, scope),
        "contradictions_found": told.contradictions_found,
        "memories": [_briefed(one, level) for one in told.memories],
        "decisions": [_briefed(one, level) for one in told.decisions],
        "working_memory": [plain(one) for one in told.working_memory],
        "sessions": [plain(one) for one in told.sessions],
        "truncated": told.truncated,
    }


def _activity(activity: Activity, told: Briefing, decided: Sequence[Memory], since: datetime) -> dict[str, Any]:
    theirs = {one.id for one in decided if one.created_at >= since and _is_among(one, activity)}
    return {**plain(activity), "key_decisions": [one.content for one in told.decisions if one.id in theirs]}


def _is_among(memory: Memory, activity: Activity) -> bool:
    """Whether the memory is one of those the activity sums up: of its session, or of its author, context and hour."""
    if memory.session_id or activity.session_id:
        return memory.session_id == activity.session_id
    return (memory.author, memory.context_id, _hour(memory.created_at)) == (
        activity.author,
        activity.context_id or DEFAULT_CONTEXT,
        _hour(activity.timestamp),
    )


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _thread(thread: OpenThread) -> dict[str, Any]:
    memories = [plain(one) for one in thread.key_memories]
    return {**plain(thread), "key_memories": [one["id"] for one in memories], "memories": memories}


def _briefed(memory: BriefedMemory, level: DetailLevel) -> dict[str, Any]:
    """A memory, its text also under the name of its detail."""
    return {**plain(memory), level.value if level is not DetailLevel.FULL else "content": memory.content}


async def _conflicts(memory: Service, found: Sequence[Contradiction], scope: Scope) -> list[dict[str, Any]]:
    if not found:
        return []
    recorded = await memory.list_contradictions(ListContradictions(limit=MOST_RECORDED), scope)
    ids = {frozenset((one.memory_a, one.memory_b)): one.id for one in recorded}
    return [_conflict(one, ids) for one in found]


def _conflict(one: Contradiction, ids: Mapping[frozenset[str], str]) -> dict[str, Any]:
    known = ids.get(frozenset((one.memory_a, one.memory_b)))
    return {
        **({"id": known} if known else {}),
        **plain(one),
        "memory_a_id": one.memory_a,
        "memory_b_id": one.memory_b,
        "relationship": RELATIONSHIP,
        "needs_resolution": True,
        "type": TYPES[one.kind],
    }


ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/sessions/briefing",
        handler=read,
        summary="What the next window should know: what stands, was decided, is open, contradicts, and has happened.",
        verb="briefing",
        query=BriefingQuery,
        answer=BriefingAnswer,
        tag="Sessions",
    ),
)

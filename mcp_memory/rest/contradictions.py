"""Contradictions that wait, are looked for and are settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import ConfigDict, Field

from mcp_memory.models.contradiction import (
    ListContradictions,
    RecordedContradiction,
    Resolution,
    ResolveContradiction,
    ScanContradictions,
)
from mcp_memory.rest.asking import asked
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.fields import WHOLE, Name, Text
from mcp_memory.rest.wire import plain

if TYPE_CHECKING:
    from pydantic.config import JsonDict

MERGED: Final[JsonDict] = {
    "if": {"properties": {"resolution": {"const": "merge"}}, "required": ["resolution"]},
    "then": {"properties": {"merged_content": {"type": "string"}}, "required": ["merged_content"]},
    "else": {"properties": {"merged_content": {"type": "null"}}},
}
"""`merged_content` goes with `merge`, and only with it."""


class ListQuery(Query):
    """How many."""

    limit: int = Field(10, ge=1, le=500)


class Scan(Body):
    """How much to record."""

    batch_size: Annotated[int, Field(ge=1, le=500), WHOLE] | None = None
    """Contradictions recorded at most, surest first; the next scan goes on. Default 100."""


class Resolve(Body):
    """How to settle one."""

    model_config = ConfigDict(json_schema_extra=MERGED)

    resolution: Resolution
    merged_content: Text | None = None
    """For `merge`, and only there: what the older memory says from now on."""
    workspace_id: Name | None = None


class WorkspaceQuery(Query):
    """Where."""

    workspace_id: Name = ""


class WireContradiction(RecordedContradiction):
    """Two memories that cannot both be true, under all the names that clients know."""

    memory_a_id: str
    memory_b_id: str
    contradiction_type: str
    detection_method: str
    newer_memory_id: str


class ContradictionsAnswer(Answer):
    """Those that wait, surest first."""

    contradictions: list[WireContradiction]
    count: int


class ScanAnswer(Answer):
    """What a scan recorded."""

    success: bool
    workspace_id: str
    contradictions_found: int
    contradictions: list[WireContradiction]
    unresolved: int
    """All that wait, those recorded before too."""


TYPES: Final = {"value_conflict": "semantic_value_conflict", "negation_conflict": "negation"}
METHODS: Final = {"value_conflict": "entity_value_extraction", "negation_conflict": "negation_pattern"}
"""MemoryLayer's names for what was found and how."""


def contradiction_wire(one: RecordedContradiction) -> dict[str, Any]:
    """A contradiction under both sets of names."""
    return {
        **plain(one),
        "memory_a_id": one.memory_a,
        "memory_b_id": one.memory_b,
        "contradiction_type": TYPES[one.kind],
        "detection_method": METHODS[one.kind],
        "newer_memory_id": one.newer,
    }


async def listed(call: Call[NoBody, ListQuery]) -> Reply:
    """Those that wait."""
    await call.memory.get_workspace(call.scope.workspace_id)
    found = await call.memory.list_contradictions(ListContradictions(limit=call.query.limit), call.scope)
    return Reply({"contradictions": [contradiction_wire(one) for one in found], "count": len(found)})


async def scan(call: Call[Scan, NoQuery]) -> Reply:
    """Look for new ones."""
    await call.memory.get_workspace(call.scope.workspace_id)
    done = await call.memory.scan_contradictions(asked(ScanContradictions, limit=call.body.batch_size), call.scope)
    return Reply({**plain(done), "contradictions": [contradiction_wire(one) for one in done.contradictions]})


async def resolve(call: Call[Resolve, WorkspaceQuery]) -> Reply:
    """Settle one."""
    request = asked(
        ResolveContradiction,
        contradiction_id=call.path["contradiction_id"],
        resolution=call.body.resolution,
        merged_content=call.body.merged_content,
    )
    settled = contradiction_wire(await call.memory.resolve_contradiction(request, call.scope))
    return Reply(settled)


TAG: Final = "Contradictions"

ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/workspaces/{workspace_id}/contradictions",
        handler=listed,
        summary="Contradictions that wait to be settled, surest first.",
        verb="list_contradictions",
        query=ListQuery,
        answer=ContradictionsAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/workspaces/{workspace_id}/contradictions/scan",
        handler=scan,
        summary="Look for contradictions, and record the new ones.",
        verb="scan_contradictions",
        right="write",
        body=Scan,
        optional_body=True,
        answer=ScanAnswer,
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/contradictions/{contradiction_id}/resolve",
        handler=resolve,
        summary="Settle a contradiction: keep one memory, both, or the older one with new content.",
        verb="resolve_contradiction",
        right="write",
        body=Resolve,
        query=WorkspaceQuery,
        answer=WireContradiction,
        tag=TAG,
    ),
)

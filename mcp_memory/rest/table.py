"""All endpoints of the REST door, in the order of the reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.rest import (
    associations,
    audit,
    batches,
    briefings,
    contexts,
    contradictions,
    enterprise,
    entities,
    environment,
    health,
    memories,
    recalls,
    reflections,
    sessions,
    transfer,
    traversals,
    working,
    workspaces,
)

if TYPE_CHECKING:
    from mcp_memory.rest.endpoint import Endpoint, Probe

ENDPOINTS: Final[tuple[Endpoint | Probe, ...]] = (
    *memories.ENDPOINTS,
    *batches.ENDPOINTS,
    *recalls.ENDPOINTS,
    *reflections.ENDPOINTS,
    *associations.ENDPOINTS,
    *traversals.ENDPOINTS,
    *sessions.ENDPOINTS,
    *working.ENDPOINTS,
    *briefings.ENDPOINTS,
    *workspaces.ENDPOINTS,
    *contexts.ENDPOINTS,
    *transfer.ENDPOINTS,
    *environment.ENDPOINTS,
    *contradictions.ENDPOINTS,
    *entities.ENDPOINTS,
    *audit.ENDPOINTS,
    *health.ENDPOINTS,
    *enterprise.ENDPOINTS,
)

"""`/health/ready` of a server that answers while its memory is still being opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mcp_memory.rest import health
from mcp_memory.rest.endpoint import Probe, Reply
from mcp_memory.rest.opening import Phase  # noqa: TC001 - pydantic reads it

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_memory.rest.endpoint import Endpoint, MemorySource
    from mcp_memory.rest.opening import Opening

PATH: Final = "/health/ready"


class Readiness(health.Ready):
    """Ready: the store answers, and the encoder has been loaded. A sandbox that is missing is told, no more."""

    phase: Phase
    """How far the start has come."""


def with_phase(endpoints: Iterable[Endpoint | Probe], opening: Opening) -> tuple[Endpoint | Probe, ...]:
    """The endpoints, with a readiness that knows how far the server has come."""

    async def ready(source: MemorySource) -> Reply:
        if opening.phase in ("opening", "migrating"):
            return _told(Reply(_UNOPENED, status=503), opening.phase)
        reply = await health.ready(source)
        return _told(reply, opening.phase)

    return tuple(
        replace(one, handler=ready, answer=Readiness) if isinstance(one, Probe) and one.path == PATH else one
        for one in endpoints
    )


def _told(reply: Reply, phase: Phase) -> Reply:
    content = {**(reply.content or {}), "phase": phase}
    if phase == "ready":
        return Reply(content, status=reply.status)
    return Reply({**content, "status": "not_ready"}, status=503)


_UNOPENED: Final = {
    "status": "not_ready",
    "services": {
        "database": "disconnected",
        "encoder": "unknown",
        "sandbox": "unknown",
        "cache": "not_configured",
    },
}

"""The audit trail as doors show it: what was done to what, in MemoryLayer's words."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from mcp_memory.models.administration import AuditEvent, AuditSummary

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.administration import AuditEventQuery, AuditSummaryQuery, NewEvent
    from mcp_memory.storage.base import StoredEvent

WORDS: Final = {
    "memory.remember": ("memory", "create"),
    "memory.forget": ("memory", "delete"),
    "memory.erase": ("memory", "delete"),
    "association.remove": ("association", "delete"),
    "session.start": ("session", "create"),
    "session.end": ("session", "close"),
    "import": ("workspace", "import"),
}
"""Stored actions that are told in other words; of all others the dot parts type and action."""

BEGINNINGS: Final = {"workspace": ("workspace", "import")}
"""Event types whose stored actions begin with something else besides."""


async def audit_events(resources: Resources, request: AuditEventQuery, scope: Scope) -> list[AuditEvent]:
    """Events of the workspace, or of all, newest first."""
    kind = request.event_type
    beginnings = () if kind is None else BEGINNINGS.get(kind, (kind,))
    place = None if request.everywhere else scope.workspace_id
    return [told(one) for one in await resources.store.events(place, beginnings, request.since, request.limit)]


async def audit_summary(resources: Resources, request: AuditSummaryQuery, scope: Scope) -> AuditSummary:
    """Events counted by type, the most frequent first."""
    place = None if request.everywhere else scope.workspace_id
    counted: Counter[str] = Counter()
    for action, count in (await resources.store.count_events(place, request.since)).items():
        counted[_words(action)[0]] += count
    return AuditSummary(workspace_id=place, summary=dict(counted.most_common()), total=counted.total())


async def record_event(resources: Resources, event: NewEvent) -> None:
    """Add what a door did or refused."""
    await resources.store.record_event(
        event.workspace_id, f"{event.event_type}.{event.action}", event.resource_id, event.author, event.metadata
    )


def told(event: StoredEvent) -> AuditEvent:
    """An event in the words of a door; the store's own word stays in `metadata` where it says more."""
    kind, action = _words(event.action)
    own = {"verb": event.action} if event.action in WORDS else {}
    return AuditEvent(
        id=f"{event.number:032x}",
        event_type=kind,
        action=action,
        workspace_id=event.workspace_id or None,
        author=event.author or None,
        resource_type=kind if event.resource else None,
        resource_id=event.resource or None,
        metadata={**event.detail, **own},
        timestamp=event.created_at,
    )


def _words(action: str) -> tuple[str, str]:
    kind, _, rest = action.partition(".")
    return WORDS.get(action, (kind, rest))

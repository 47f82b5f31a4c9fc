"""What a session holds in hand: any JSON under a key, for as long as the session or for less."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core.sessions import usable
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.session import WorkingEntry

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.session import WorkingSet

MOST_NESTED: Final = 50
"""Levels of JSON that a value may have."""


async def set_working(resources: Resources, policy: SessionPolicy, request: WorkingSet, scope: Scope) -> WorkingEntry:
    """Hold a value in hand under a key.

    Raises:
        InvalidRequest: the session cannot be used, the value is too long or no JSON, or there are too many keys.
    """
    check_value(request.value, policy.most_chars)
    session = await usable(resources, policy, scope.session_id, scope.workspace_id)
    now = resources.now()
    entry = WorkingEntry(
        session_id=session.id,
        key=request.key,
        value=request.value,
        ttl_seconds=request.ttl_seconds,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(seconds=request.ttl_seconds) if request.ttl_seconds else None,
    )
    return await resources.store.set_working(entry, policy.most_entries)


async def working(resources: Resources, policy: SessionPolicy, scope: Scope) -> list[WorkingEntry]:
    """What the session holds in hand, by key.

    Raises:
        InvalidRequest: the session cannot be used.
    """
    session = await usable(resources, policy, scope.session_id, scope.workspace_id)
    return await resources.store.working(session.id, resources.now())


def check_value(value: Any, most: int) -> None:
    """Refuse what cannot be held: no JSON, nested too deep, or longer than `most` characters.

    Raises:
        InvalidRequest: which, and how to mend it.
    """
    if _is_deep(value):
        raise InvalidRequest(f"`value` is nested more than {MOST_NESTED} levels deep; flatten it. Nothing was stored.")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()  # refuses halves of surrogate pairs
    except (TypeError, ValueError):
        raise InvalidRequest(
            "`value` is no JSON (NaN, infinity and halves of surrogate pairs are none either). Nothing was stored."
        ) from None
    if len(text) > most:
        raise InvalidRequest(
            f"`value` has {len(text):,} characters as JSON; at most {most:,} are allowed "
            "(MCP_MEMORY_MAX_WORKING_CHARS). Remember it as a memory, or split it. Nothing was stored."
        )


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MOST_NESTED):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []

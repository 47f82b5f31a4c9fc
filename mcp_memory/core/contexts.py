"""Contexts: named parts of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from mcp_memory.errors import InvalidRequest
from mcp_memory.models.validation import explain
from mcp_memory.models.workspace import Context, ContextCreate
from mcp_memory.names import DEFAULT_CONTEXT

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope


async def create_context(
    resources: Resources, name: str, description: str, settings: dict[str, Any], scope: Scope
) -> Context:
    """A new context of the workspace, which is created where it is missing; its name is its id.

    Raises:
        InvalidRequest: the name is blank, too long or taken, or the settings cannot be kept.
    """
    wanted = _checked(name, description, settings)
    if wanted.name == DEFAULT_CONTEXT:
        raise InvalidRequest(f"{DEFAULT_CONTEXT!r} is where memories without a context are; choose another name.")
    return await resources.store.create_context(
        Context(
            id=wanted.name,
            workspace_id=scope.workspace_id,
            name=wanted.name,
            description=wanted.description,
            settings=wanted.settings,
            created_at=resources.now(),
        )
    )


def _checked(name: str, description: str, settings: dict[str, Any]) -> ContextCreate:
    try:
        return ContextCreate(name=name, description=description, settings=settings)
    except ValidationError as error:
        raise InvalidRequest(explain(error, tuple(ContextCreate.model_fields))) from None


async def list_contexts(resources: Resources, scope: Scope) -> list[Context]:
    """The workspace's contexts by name, those that a memory or a session made among them."""
    return await resources.store.contexts(scope.workspace_id)

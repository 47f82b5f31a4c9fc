"""Contexts: named parts of a workspace."""

from __future__ import annotations

from typing import Any, Final

from mcp_memory.core.contexts import create_context, list_contexts
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Reply
from mcp_memory.rest.fields import Key, Meta, Name  # noqa: TC001 - pydantic reads them
from mcp_memory.rest.wire import context_wire, wrapped


class NewContext(Body):
    """Name a part of the workspace."""

    name: Key
    description: Name | None = None
    settings: Meta | None = None


class WireContext(Answer):
    """A named part of a workspace; its name is its id."""

    id: str
    workspace_id: str
    tenant_id: str
    name: str
    description: str
    settings: dict[str, Any]
    created_at: str
    updated_at: str


class ContextAnswer(WireContext):
    """A context, wrapped and bare."""

    context: WireContext


class ContextsAnswer(Answer):
    """Contexts by name."""

    contexts: list[WireContext]


async def create(call: Call[NewContext, NoQuery]) -> Reply:
    """Name a part of the workspace, which must be there: a wrong id should make none."""
    await call.memory.get_workspace(call.scope.workspace_id)
    body = call.body
    made = await create_context(
        call.memory.resources, body.name, body.description or "", body.settings or {}, call.scope
    )
    return Reply(wrapped("context", context_wire(made)))


async def listed(call: Call[NoBody, NoQuery]) -> Reply:
    """The workspace's contexts."""
    await call.memory.get_workspace(call.scope.workspace_id)
    found = await list_contexts(call.memory.resources, call.scope)
    return Reply({"contexts": [context_wire(one) for one in found]})


TAG: Final = "Workspaces"

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/workspaces/{workspace_id}/contexts",
        handler=create,
        summary="Name a part of the workspace.",
        right="write",
        status=201,
        body=NewContext,
        answer=ContextAnswer,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/workspaces/{workspace_id}/contexts",
        handler=listed,
        summary="The named parts of the workspace, those that a memory or a session made among them.",
        answer=ContextsAnswer,
        session="none",
        tag=TAG,
    ),
)

"""Workspaces: made, listed, changed, described and erased.

Tags, by which MemoryLayer's clients find workspaces, are kept among the settings under `tags`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from pydantic import Field, WithJsonSchema

from mcp_memory.models.administration import WorkspaceCreate, WorkspaceSchema, WorkspaceUpdate
from mcp_memory.rest.asking import asked
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.fields import Key, Meta, Name, Tags  # noqa: TC001 - pydantic reads them
from mcp_memory.rest.wire import plain, workspace_wire, wrapped

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_memory.models.workspace import Workspace

TAGS: Final = "tags"
"""Where among the settings tags are."""

TagsBetweenCommas = Annotated[
    str,
    Field(max_length=20_000),
    WithJsonSchema({"type": "array", "items": {"type": "string"}}),
]


class NewWorkspace(Body):
    """Make a workspace."""

    name: Key
    settings: Meta | None = None
    tags: Tags | None = None
    workspace_id: Name | None = None
    """Its id; else one is made."""


class ChangedWorkspace(Body):
    """Change a workspace; what is not given, or null, stays. `settings` and `tags` replace those it has."""

    name: Key | None = None
    settings: Meta | None = None
    tags: Tags | None = None


class ListQuery(Query):
    """Which workspaces."""

    lists: ClassVar = frozenset({"tags"})

    tags: TagsBetweenCommas = ""
    """Empty: any."""
    match: Literal["all", "any"] = "all"
    """Whether it must have all of these tags, or any."""


class WireWorkspace(Answer):
    """A workspace."""

    id: str
    tenant_id: str
    name: str
    settings: dict[str, Any]
    tags: list[str]
    created_at: str
    updated_at: str


class WorkspaceAnswer(WireWorkspace):
    """A workspace, wrapped and bare."""

    workspace: WireWorkspace


class WorkspacesAnswer(Answer):
    """Workspaces by id."""

    workspaces: list[WireWorkspace]
    total_count: int


async def create(call: Call[NewWorkspace, NoQuery]) -> Reply:
    """Make a workspace.

    Raises:
        Refusal: 403; the key is bound to another workspace than the new one.
    """
    body = call.body
    if call.caller.workspace_id not in ("", body.workspace_id):
        raise Refusal(403, "This key is bound to one workspace and may not make others.")
    settings = _tagged(body.settings or {}, body.tags)
    request = asked(WorkspaceCreate, name=body.name, settings=settings, workspace_id=body.workspace_id)
    return _told(await call.memory.create_workspace(request, call.scope))


async def listed(call: Call[NoBody, ListQuery]) -> Reply:
    """The workspaces that the caller may see."""
    seen = [one for one in await call.memory.list_workspaces() if call.caller.workspace_id in ("", one.id)]
    wanted = {tag.strip().lower() for tag in call.query.tags.split(",") if tag.strip()}
    found = [one for one in map(_wire, seen) if _has(one[TAGS], wanted, call.query.match)]
    return Reply({"workspaces": found, "total_count": len(found)})


async def read(call: Call[NoBody, NoQuery]) -> Reply:
    """One workspace."""
    return _told(await call.memory.get_workspace(call.path["workspace_id"]))


async def update(call: Call[ChangedWorkspace, NoQuery]) -> Reply:
    """Change a workspace."""
    body, workspace_id = call.body, call.path["workspace_id"]
    settings = body.settings
    if body.settings is not None or body.tags is not None:
        standing = (await call.memory.get_workspace(workspace_id)).settings
        settings = _tagged(standing if settings is None else _with_tags_of(standing, settings), body.tags)
    request = asked(WorkspaceUpdate, workspace_id=workspace_id, name=body.name, settings=settings)
    return _told(await call.memory.update_workspace(request, call.scope))


async def delete(call: Call[NoBody, NoQuery]) -> Reply:
    """Erase a workspace with all that is in it, for ever; `_default` and `_global` cannot be."""
    await call.memory.delete_workspace(call.path["workspace_id"], call.scope)
    return Reply()


async def schema(call: Call[NoBody, NoQuery]) -> Reply:
    """What its memories and links can be called."""
    return Reply(plain(await call.memory.workspace_schema(call.path["workspace_id"])))


def _tagged(settings: Mapping[str, Any], tags: list[str] | None) -> dict[str, Any]:
    return dict(settings) if tags is None else {**settings, TAGS: tags}


def _with_tags_of(standing: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """New settings, which keep the tags unless they say otherwise."""
    return {**({TAGS: standing[TAGS]} if TAGS in standing else {}), **settings}


def _has(tags: list[str], wanted: set[str], match: str) -> bool:
    return wanted <= set(tags) if match == "all" or not wanted else bool(wanted & set(tags))


def _wire(workspace: Workspace) -> dict[str, Any]:
    tags = workspace.settings.get(TAGS)
    is_list = isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)
    return {**workspace_wire(workspace), TAGS: tags if is_list else []}


def _told(workspace: Workspace) -> Reply:
    return Reply(wrapped("workspace", _wire(workspace)))


TAG: Final = "Workspaces"

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/workspaces",
        handler=create,
        summary="Make a workspace.",
        verb="create_workspace",
        right="write",
        status=201,
        body=NewWorkspace,
        answer=WorkspaceAnswer,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/workspaces",
        handler=listed,
        summary="The workspaces that the caller may see, by id.",
        verb="list_workspaces",
        query=ListQuery,
        answer=WorkspacesAnswer,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/workspaces/{workspace_id}",
        handler=read,
        summary="One workspace.",
        verb="get_workspace",
        answer=WorkspaceAnswer,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="PUT",
        path="/v1/workspaces/{workspace_id}",
        handler=update,
        summary="Rename a workspace, or replace its settings or tags.",
        verb="update_workspace",
        right="write",
        body=ChangedWorkspace,
        answer=WorkspaceAnswer,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="DELETE",
        path="/v1/workspaces/{workspace_id}",
        handler=delete,
        summary="Erase a workspace with all its memories, links and sessions, for ever.",
        verb="delete_workspace",
        right="admin",
        status=204,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/workspaces/{workspace_id}/schema",
        handler=schema,
        summary="The names that memories and links can be described with.",
        verb="workspace_schema",
        answer=WorkspaceSchema,
        session="none",
        tag=TAG,
    ),
)

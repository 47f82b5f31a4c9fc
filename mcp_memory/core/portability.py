"""Taking memory out of one store and into another, losing nothing on the way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core.importing import ImportReport, LineProblem, import_lines
from mcp_memory.core.interchange import (
    Footer,
    Header,
    association_line,
    context_line,
    footer_line,
    header_line,
    memory_line,
    workspace_line,
)
from mcp_memory.errors import UnknownWorkspace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_memory.core.resources import Resources
    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.association import Association
    from mcp_memory.models.workspace import Workspace
    from mcp_memory.storage.base import Portable, Store

__all__ = ["ImportReport", "LineProblem", "export", "import_lines"]

PAGE: Final = 500
"""Memories or associations read from the store at a time: any store goes through constant memory."""


async def export(
    resources: Resources, workspace_id: str | None = None, *, vectors: bool = False
) -> AsyncIterator[dict[str, Any]]:
    """The lines of `interchange`, in the order of writing; `workspace_id` None: all workspaces.

    With `vectors` each memory brings the vector of the encoder the store is embedded with.

    Raises:
        UnknownWorkspace: there is none with this id.
    """
    store = resources.store
    scopes = await _scopes(store, workspace_id)
    counts = [await store.counts(scope.id, resources.now()) for scope in scopes]
    encoder = await _active_encoder(store) if vectors else None
    yield header_line(
        Header(
            exported_at=resources.now(),
            workspace_id=workspace_id,
            memories=sum(sum(count.by_status.values()) for count in counts),
            associations=sum(count.associations for count in counts),
            encoder=encoder,
        )
    )
    lines = 2
    for scope in scopes:
        for line in [workspace_line(scope), *map(context_line, await store.contexts(scope.id))]:
            yield line
            lines += 1
    memories = associations = 0
    for scope in scopes:
        async for portable in _memories(store, scope.id):
            yield memory_line(portable if encoder else replace(portable, vector=None))
            memories += 1
    for scope in scopes:
        async for edge in _associations(store, scope.id):
            yield association_line(edge)
            associations += 1
    yield footer_line(Footer(memories, associations, lines + memories + associations))


async def _scopes(store: Store, workspace_id: str | None) -> list[Workspace]:
    if workspace_id is None:
        return await store.workspaces()
    workspace = await store.workspace(workspace_id)
    if workspace is None:
        names = ", ".join(one.id for one in await store.workspaces()) or "none yet"
        raise UnknownWorkspace(f"There is no workspace {workspace_id!r} to export; there are: {names}.")
    return [workspace]


async def _active_encoder(store: Store) -> EncoderIdentity | None:
    return next((one.identity for one in await store.encoders() if one.active), None)


async def _memories(store: Store, workspace_id: str) -> AsyncIterator[Portable]:
    page = await store.scan(workspace_id, limit=PAGE)
    while page:
        for _, portable in page:
            yield portable
        page = await store.scan(workspace_id, after=page[-1][0], limit=PAGE)


async def _associations(store: Store, workspace_id: str) -> AsyncIterator[Association]:
    page = await store.all_associations(workspace_id, limit=PAGE)
    while page:
        for edge in page:
            yield edge
        page = await store.all_associations(workspace_id, after=page[-1].id, limit=PAGE)

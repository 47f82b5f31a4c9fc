"""Workspaces on their way out and in, in lines and objects that clients of MemoryLayer handle.

Such a client reads of each line only its `type` and `data`, and makes one object of them. So a memory's revisions are
inside its `data` here, and whatever a client hands back is whole.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core.importing import import_lines
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
from mcp_memory.core.workspaces import existing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from mcp_memory.core.importing import ImportReport
    from mcp_memory.core.resources import Resources
    from mcp_memory.models.association import Association
    from mcp_memory.models.transfer import ExportRequest, WorkspaceExportData
    from mcp_memory.storage.base import Portable, Store

    Line = dict[str, Any]

PAGE: Final = 500
"""Memories or links read from the store at a time."""


async def export_workspace(resources: Resources, request: ExportRequest) -> AsyncIterator[Line]:
    """The lines of one workspace, or of a part of its memories in the order they were written.

    Raises:
        UnknownWorkspace: there is none with this id.
    """
    store = resources.store
    workspace = await existing(resources, request.workspace_id)
    counts = await store.counts(workspace.id, resources.now())
    memories, associations = sum(counts.by_status.values()), counts.associations
    header = Header(resources.now(), workspace.id, memories, associations)
    yield header_line(header) | {
        "total_memories": memories,
        "total_associations": associations,
        "offset": request.offset,
        "limit": request.limit,
    }
    places = [workspace_line(workspace), *map(context_line, await store.contexts(workspace.id))]
    for line in places:
        yield line
    written = linked = 0
    ids: list[str] = []
    async for portable in _part(store, request):
        yield _memory_line(portable)
        written += 1
        if _is_part(request):
            ids.append(portable.memory.id)
    if request.include_associations:
        edges = _links_of(store, ids) if _is_part(request) else _links(store, workspace.id)
        async for edge in edges:
            if edge.workspace_id == workspace.id:
                yield association_line(edge)
                linked += 1
    footer = Footer(written, linked, 2 + len(places) + written + linked)
    yield footer_line(footer) | {"memories_exported": written, "associations_exported": linked}


def _is_part(request: ExportRequest) -> bool:
    return bool(request.offset or request.limit)


def _memory_line(portable: Portable) -> Line:
    line = memory_line(replace(portable, vector=None))
    return {"type": line["type"], "data": line["data"] | {"revisions": line["revisions"]}}


async def _part(store: Store, request: ExportRequest) -> AsyncIterator[Portable]:
    passed = 0
    page = await store.scan(request.workspace_id, limit=PAGE)
    while page:
        for _, portable in page:
            passed += 1
            if passed > request.offset:
                yield portable
            if request.limit and passed >= request.offset + request.limit:
                return
        page = await store.scan(request.workspace_id, after=page[-1][0], limit=PAGE)


async def _links(store: Store, workspace_id: str) -> AsyncIterator[Association]:
    page = await store.all_associations(workspace_id, limit=PAGE)
    while page:
        for edge in page:
            yield edge
        page = await store.all_associations(workspace_id, after=page[-1].id, limit=PAGE)


async def _links_of(store: Store, memory_ids: list[str]) -> AsyncIterator[Association]:
    """Links with an end among these memories, each once."""
    seen: set[str] = set()
    for start in range(0, len(memory_ids), PAGE):
        for edge in await store.links_of(memory_ids[start : start + PAGE]):
            if edge.id not in seen:
                seen.add(edge.id)
                yield edge


async def import_workspace(resources: Resources, data: WorkspaceExportData, workspace_id: str) -> ImportReport:
    """Take in an export that comes as one object.

    In the report, line 1 stands for the object itself, line 2 for its first memory.
    """
    return await import_lines(resources, lines_of(data), workspace_id, fallback=workspace_id)


def lines_of(data: WorkspaceExportData) -> Iterator[str]:
    """The object as the lines it was made of."""
    header = {
        "type": "header",
        "total_memories": len(data.memories),
        "total_associations": len(data.associations),
        **({"exported_at": data.exported_at} if data.exported_at else {}),
        **({"workspace_id": data.workspace_id} if data.workspace_id else {}),
    }
    yield json.dumps(header)
    for memory in data.memories:
        yield json.dumps({"type": "memory", "data": memory})
    for edge in data.associations:
        yield json.dumps({"type": "association", "data": edge})
    yield json.dumps(
        {
            "type": "footer",
            "memories_exported": len(data.memories),
            "associations_exported": len(data.associations),
        }
    )

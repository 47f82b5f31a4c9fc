"""Whole workspaces out and in again: as lines, or as one JSON object.

What goes out has MemoryLayer's names, and every field of our own besides, so that what comes in again is whole: text,
history, times, tombstones, links, the workspace's name and settings, its contexts. Lines are read one by one as they
arrive, so an import of any size goes through little memory, and what cannot be read is told and passed over.
"""

from __future__ import annotations

import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Final

from pydantic import ConfigDict, Field
from starlette.requests import ClientDisconnect

from mcp_memory.core.exchange import lines_of
from mcp_memory.core.importing import import_lines
from mcp_memory.models.transfer import ExportRequest, WorkspaceExportData
from mcp_memory.rest.adopting import adopted
from mcp_memory.rest.asking import asked
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoQuery, Query, Reply
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.serving import NDJSON, parsed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from starlette.requests import Request

    from mcp_memory.core.importing import ImportReport

    Line = dict[str, Any]

MIB: Final = 1024 * 1024

MOST_BYTES: Final = 256 * MIB
"""Read of one import, where the door sets no other limit (`import_bytes` in the state of the request)."""

MOST_OBJECT_BYTES: Final = 64 * MIB
"""Read of one that comes as one object, which is held in memory as a whole."""

LINES: Final = frozenset((NDJSON, "application/jsonl", "application/jsonlines", "application/x-jsonlines"))
"""Media types of lines of JSON."""

JSON: Final = "application/json"

VERSION: Final = "1.0"
"""Of MemoryLayer's lines."""


class ExportQuery(Query):
    """Which part of the workspace; memories are counted in the order in which they were written."""

    offset: int = Field(0, ge=0, le=2**53)
    limit: int = Field(0, ge=0, le=2**53)
    """0: all."""
    include_associations: bool = True


class ExportAnswer(Answer):
    """A workspace as one object, where `Accept` asks for `application/json`; `import` takes it as `data`."""

    version: str
    workspace_id: str
    exported_at: str
    total_memories: int
    total_associations: int
    offset: int
    limit: int
    workspace: dict[str, Any]
    contexts: list[dict[str, Any]]
    memories: list[dict[str, Any]]
    associations: list[dict[str, Any]]


class ImportData(WorkspaceExportData):
    """An export as one object; MemoryLayer's own too. What it says besides is not read."""

    model_config = ConfigDict(extra="ignore")

    workspace: dict[str, Any] = Field(default_factory=dict)
    """Its name and settings; they count where the workspace is new."""
    contexts: list[dict[str, Any]] = Field(default_factory=list)


class Import(Body):
    """Take in an export."""

    data: ImportData


class ImportAnswer(Answer):
    """What became of the lines."""

    success: bool
    """Whether every line could be read and the export was whole."""
    workspace_id: str
    imported: int
    """Memories."""
    skipped_duplicates: int
    """Memories that were here already, by id or by content, and are left as they are."""
    errors: int
    """Lines that could not be read, and links left out as a memory of theirs is missing."""
    details: list[str]
    """What is wrong with each of the first hundred of these, and with the whole."""
    associations_imported: int
    associations_present: int
    embedded: int
    pending: int
    """Memories that are embedded later."""
    message: str


async def export(call: Call[Request, ExportQuery]) -> Reply:
    """The workspace as lines, or as one object."""
    workspace_id = call.path["workspace_id"]
    await call.memory.get_workspace(workspace_id)
    request = asked(ExportRequest, "query", workspace_id=workspace_id, **call.query.model_dump())
    lines = _outgoing(call.memory.export_workspace(request))
    if _wants_json(call.body):
        return Reply(await _as_object(lines))
    return Reply(lines=lines)


async def import_(call: Call[Request, NoQuery]) -> Reply:
    """Take in an export; safe to repeat. A workspace that is not there is made."""
    request = call.body
    most = request.scope.get("state", {}).get("import_bytes", MOST_BYTES)
    if _media_type(request) in LINES:
        report = await _take(call, _split(_read(request, most)))
        return Reply(_told(call, report, [f"Line {one.line}: {one.problem}" for one in report.problems]))
    raw = b"".join([part async for part in _read(request, min(most, MOST_OBJECT_BYTES))])
    data = parsed(Import, raw).data  # type: ignore[attr-defined]
    report, places = await _take(call, _lines(data)), _places(data)
    return Reply(_told(call, report, [f"{places[one.line - 1]}: {one.problem}" for one in report.problems]))


async def _take(call: Call[Request, NoQuery], lines: AsyncIterator[bytes]) -> ImportReport:
    workspace_id = call.path["workspace_id"]
    async with aclosing(adopted(call.memory, lines, call.scope)) as ready:
        return await import_lines(call.memory.resources, ready, workspace_id)


# Out


async def _outgoing(lines: AsyncIterator[Mapping[str, Any]]) -> AsyncIterator[Line]:
    """The lines with MemoryLayer's names in them."""
    index = 0
    async for line in lines:
        match line["type"]:
            case "header":
                yield {**line, "version": VERSION}
            case "memory":
                yield {"type": "memory", "index": index, "data": line["data"]}
                index += 1
            case "association":
                link = line["data"]
                yield {**line, "data": {**link, "relationship_type": link["relationship"]}}
            case _:
                yield dict(line)


async def _as_object(lines: AsyncIterator[Line]) -> Line:
    parts: dict[str, list[Any]] = {"workspace": [], "context": [], "memory": [], "association": []}
    header: Line = {}
    async for line in lines:
        if line["type"] == "header":
            header = line
        elif line["type"] in parts:
            parts[line["type"]].append(line["data"])
    said = {name: header[name] for name in ExportAnswer.model_fields if name in header}
    return {
        **said,
        "workspace": parts["workspace"][0],
        "contexts": parts["context"],
        "memories": parts["memory"],
        "associations": parts["association"],
    }


def _wants_json(request: Request) -> bool:
    """Whether one object is asked for and lines are not."""
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("accept", "").split(",")]
    return JSON in accepted and not LINES & set(accepted)


# In


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _read(request: Request, most: int) -> AsyncIterator[bytes]:
    """The body in the parts in which it comes.

    Raises:
        Refusal: 413 for more than `most` bytes, 400 where the client went away first.
    """
    read = 0
    try:
        async for part in request.stream():
            read += len(part)
            if read > most:
                raise Refusal(
                    413,
                    f"An import has at most {most // MIB:,} MiB here; what came before is taken in. Send less at a "
                    "time, or lines of JSON (application/x-ndjson); repeating is safe.",
                    {"Connection": "close"},
                )
            yield part
    except ClientDisconnect:
        raise Refusal(400, "The body ended before its length; what came is taken in, and repeating is safe.") from None


async def _split(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines, each as soon as it is whole."""
    held: list[bytes] = []
    async for part in parts:
        first, *others = part.split(b"\n")
        held.append(first)
        for other in others:
            yield b"".join(held)
            held = [other]
    if last := b"".join(held):
        yield last


async def _lines(data: ImportData) -> AsyncIterator[bytes]:
    """The object as the lines it was made of, its own ones first."""
    if data.workspace:
        yield json.dumps({"type": "workspace", "data": data.workspace}).encode()
    for context in data.contexts:
        yield json.dumps({"type": "context", "data": context}).encode()
    for line in lines_of(data):
        yield line.encode()


def _places(data: ImportData) -> list[str]:
    """Where in the object each of its lines comes from."""
    return [
        *(["workspace"] if data.workspace else []),
        *(f"contexts[{number}]" for number in range(len(data.contexts))),
        "data",
        *(f"memories[{number}]" for number in range(len(data.memories))),
        *(f"associations[{number}]" for number in range(len(data.associations))),
    ]


def _told(call: Call[Request, NoQuery], report: ImportReport, problems: list[str]) -> dict[str, Any]:
    return {
        "success": report.success,
        "workspace_id": call.path["workspace_id"],
        "imported": report.memories_imported,
        "skipped_duplicates": report.memories_present,
        "errors": report.unreadable + report.associations_dangling,
        "details": [*problems, *report.notes],
        "associations_imported": report.associations_imported,
        "associations_present": report.associations_present,
        "embedded": report.embedded,
        "pending": report.pending,
        "message": report.message,
    }


TAG: Final = "Workspaces"

ENDPOINTS: Final = (
    Endpoint(
        method="GET",
        path="/v1/workspaces/{workspace_id}/export",
        handler=export,
        summary="The workspace, or a part of it, as lines of JSON; as one object where `Accept` is application/json.",
        verb="export_workspace",
        query=ExportQuery,
        answer=ExportAnswer,
        raw_body=True,
        optional_body=True,
        lines=True,
        session="none",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/workspaces/{workspace_id}/import",
        handler=import_,
        summary="Take in an export, as one object or as lines of JSON; safe to repeat.",
        verb="import_workspace",
        right="write",
        body=Import,
        answer=ImportAnswer,
        raw_body=True,
        session="none",
        tag=TAG,
    ),
)

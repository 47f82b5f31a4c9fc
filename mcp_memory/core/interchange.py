"""The lines of an export: one JSON object each, every line whole by itself.

    {"type": "header", "format": "mcp-memory", "version": 1, "exported_at": ..., "workspace_id": null,
     "memories": 2, "associations": 1, "encoder": null}
    {"type": "workspace", "data": {...}}                            id, name, settings
    {"type": "context", "data": {...}}                              workspace_id, name, description, settings
    {"type": "memory", "data": {...}, "revisions": [...]}           models.memory.Memory and its Revisions
    {"type": "association", "data": {...}}                          models.association.Association
    {"type": "footer", "memories": 2, "associations": 1, "lines": 7}

With vectors, the header names their encoder and a memory line carries `"vector"`: base64 of little-endian float32.
`embedding_state` is left out, because it tells of one store's index and not of the memory; `content_hash` is
written and computed anew when read. Revisions may stand inside `data` too. A file of any other origin that has
MemoryLayer's NDJSON lines is read as well: its memories have fewer fields, and its associations call the relationship
`relationship_type`. Lines of both kinds may stand in one file, as clients put their own header before ours.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from mcp_memory.core.incoming import (
    AssociationFields,
    ContextFields,
    HeaderFields,
    MemoryFields,
    RelativeAssociation,
    RelativeHeader,
    RelativeMemory,
    RevisionFields,
    WorkspaceFields,
)
from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.errors import UnknownRelationship
from mcp_memory.models.association import Association
from mcp_memory.models.base import stamp
from mcp_memory.models.memory import Memory, MemorySubtype, MemoryType, Revision
from mcp_memory.models.validation import explain
from mcp_memory.ontology import relationship
from mcp_memory.storage.base import Portable
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mcp_memory.models.workspace import Context, Workspace

FORMAT: Final = "mcp-memory"
VERSION: Final = 1

OWN_FIELD: Final = "confirmations"
"""A memory with this field is one of ours, whatever the file around it says."""

TIERS: Final = ("abstract", "overview")
"""What MemoryLayer's model wrote about a memory; kept in its metadata."""

NORM_ERROR: Final = 1e-3
"""How far from 1 the length of an imported vector may be: float32 rounding, generously."""


class LineError(ValueError):
    """A line that cannot be read; the text says why and how to mend it."""


class NewerFormatError(Exception):
    """The file was written by a newer version, so that reading on could lose what it says."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself; counts are what the store held when the export began."""

    exported_at: datetime
    workspace_id: str | None = None
    """None: all workspaces."""
    memories: int = 0
    associations: int = 0
    encoder: EncoderIdentity | None = None
    own: bool = True
    """Written by mcp-memory, not by a relative."""


@dataclass(frozen=True, slots=True)
class Footer:
    """How many lines of each kind stand before it; without it a file was cut off."""

    memories: int
    associations: int
    lines: int
    """Of the whole file, header and footer too; of another program's, as many as there must be."""


Record = Header | WorkspaceFields | ContextFields | Portable | Association | Footer

_Model = TypeVar("_Model", bound=BaseModel)
_Placed = TypeVar("_Placed", Memory, Association, ContextFields)


def header_line(header: Header) -> dict[str, Any]:
    """The first line."""
    encoder = header.encoder
    return {
        "type": "header",
        "format": FORMAT,
        "version": VERSION,
        "exported_at": stamp(header.exported_at),
        "workspace_id": header.workspace_id,
        "memories": header.memories,
        "associations": header.associations,
        "encoder": encoder and asdict(encoder),
    }


def workspace_line(workspace: Workspace) -> dict[str, Any]:
    """A workspace, without the times of its row."""
    return {"type": "workspace", "data": workspace.model_dump(mode="json", include=set(WorkspaceFields.model_fields))}


def context_line(context: Context) -> dict[str, Any]:
    """A named context, without the time of its row."""
    return {"type": "context", "data": context.model_dump(mode="json", include=set(ContextFields.model_fields))}


def association_line(edge: Association) -> dict[str, Any]:
    """A link."""
    return {"type": "association", "data": edge.model_dump(mode="json")}


def memory_line(portable: Portable) -> dict[str, Any]:
    """A memory with its history, and its vector where it has one."""
    line: dict[str, Any] = {
        "type": "memory",
        "data": portable.memory.model_dump(mode="json", exclude={"embedding_state"}),
        "revisions": [revision.model_dump(mode="json", exclude={"memory_id"}) for revision in portable.revisions],
    }
    return line if portable.vector is None else line | {"vector": _encoded(portable.vector)}


def footer_line(footer: Footer) -> dict[str, Any]:
    """The last line."""
    return {"type": "footer", **asdict(footer)}


class LineReader:
    """Reads lines in the order of the file; what the header said holds for the lines after it.

    Args:
        workspace_id: where everything goes; None: where each line says.
        fallback: the workspace of lines that name none.
        now: the time of what carries no time.
        max_content_chars: the longest content taken.
    """

    def __init__(self, workspace_id: str | None, fallback: str, now: datetime, max_content_chars: int) -> None:
        self.workspace_id = workspace_id
        self.header = Header(exported_at=now, workspace_id=fallback)
        self._fallback = fallback
        self._max_content_chars = max_content_chars
        self._readers: dict[str, Callable[[dict[str, Any]], Record]] = {
            "header": self._header,
            "workspace": self._workspace,
            "context": self._context,
            "memory": self._memory,
            "association": self._association,
            "footer": self._footer,
        }

    def read(self, raw: str | bytes) -> Record | None:
        """What a line says; None for a blank one.

        Raises:
            LineError: it cannot be read.
            NewerFormatError: it is the header of a file this version does not know.
        """
        line = _decoded(raw)
        if line is None:
            return None
        kind = line.get("type")
        if not isinstance(kind, str) or kind not in self._readers:
            raise LineError(f"`type` must be one of {', '.join(self._readers)}, not {kind!r}.")
        try:
            return self._readers[kind](line)
        except OverflowError:
            raise LineError("A time in it lies outside the years 1 to 9999 once it is in UTC.") from None

    def _header(self, line: dict[str, Any]) -> Header:
        self.header = _own_header(line) if line.get("format") == FORMAT else self._foreign_header(line)
        return self.header

    def _foreign_header(self, line: dict[str, Any]) -> Header:
        if "format" in line:
            raise LineError(f"`format` is {line['format']!r}; only {FORMAT!r} and MemoryLayer's export can be read.")
        header = _validated(RelativeHeader, line)
        return Header(
            exported_at=header.exported_at or self.header.exported_at,
            workspace_id=header.workspace_id or self._fallback,
            memories=header.total_memories,
            associations=header.total_associations,
            own=False,
        )

    def _workspace(self, line: dict[str, Any]) -> WorkspaceFields:
        workspace = _validated(WorkspaceFields, _data(line))
        return WorkspaceFields(id=self.workspace_id) if self.workspace_id else workspace

    def _context(self, line: dict[str, Any]) -> ContextFields:
        return self._moved(_validated(ContextFields, _data(line)))

    def _memory(self, line: dict[str, Any]) -> Portable:
        if self._is_foreign(line):
            portable = Portable(self._foreign_memory(_validated(RelativeMemory, _data(line))))
        else:
            portable = _own_memory(line, self.header.encoder)
        memory = self._moved(portable.memory)
        if len(memory.content) > self._max_content_chars:
            raise LineError(
                f"`content` has {len(memory.content):,} characters and the limit is {self._max_content_chars:,}; "
                "split it, or raise MCP_MEMORY_MAX_CONTENT_CHARS."
            )
        return replace(portable, memory=memory.model_copy(update={"content_hash": content_hash(memory.content)}))

    def _is_foreign(self, line: dict[str, Any]) -> bool:
        return OWN_FIELD not in _data(line) and (not self.header.own or "index" in line)

    def _foreign_memory(self, memory: RelativeMemory) -> Memory:
        created = memory.created_at or self.header.exported_at
        fields = memory.model_dump(exclude={"type", "subtype", "created_at", "updated_at", *TIERS})
        tiers = {name: text for name in TIERS if (text := getattr(memory, name))}
        if tiers:
            fields["metadata"] |= {"memorylayer": tiers}
        return Memory(
            **fields,
            workspace_id=self.header.workspace_id or self._fallback,
            content_hash="",
            type=MemoryType(memory.type) if memory.type in set(MemoryType) else MemoryType.EPISODIC,
            subtype=MemorySubtype(memory.subtype) if memory.subtype in set(MemorySubtype) else None,
            created_at=created,
            updated_at=memory.updated_at or created,
        )

    def _association(self, line: dict[str, Any]) -> Association:
        data = _data(line)
        if "relationship_type" in data or not (self.header.own or "created_at" in data):
            edge = self._foreign_association(_validated(RelativeAssociation, data))
        else:
            fields = _validated(AssociationFields, data)
            edge = self._moved(Association.model_construct(**dict(fields)))
        try:
            relationship(edge.relationship)
        except UnknownRelationship as error:
            raise LineError(str(error)) from None
        if edge.source_id == edge.target_id:
            raise LineError("`source_id` and `target_id` are the same memory; a memory cannot be linked to itself.")
        return edge

    def _foreign_association(self, edge: RelativeAssociation) -> Association:
        workspace = self.workspace_id or self.header.workspace_id or self._fallback
        return Association(
            **edge.model_dump(),
            id=association_id(workspace, edge.source_id, edge.target_id, edge.relationship),
            workspace_id=workspace,
            created_at=self.header.exported_at,
            updated_at=self.header.exported_at,
        )

    def _footer(self, line: dict[str, Any]) -> Footer:
        def count(*names: str) -> int:
            found = next((line[name] for name in names if name in line), None)
            if not isinstance(found, int) or found < 0:
                raise LineError(f"`{names[0]}` must be a whole number from 0.")
            return found

        memories, associations = count("memories", "memories_exported"), count("associations", "associations_exported")
        return Footer(memories, associations, count("lines") if "lines" in line else memories + associations + 2)

    def _moved(self, record: _Placed) -> _Placed:
        return record.model_copy(update={"workspace_id": self.workspace_id}) if self.workspace_id else record


def association_id(workspace_id: str, source_id: str, target_id: str, relationship: str) -> str:
    """The id of a link that came without one: the same each time it is read."""
    key = "\n".join((workspace_id, source_id, target_id, relationship))
    return f"assoc_{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _decoded(raw: str | bytes) -> dict[str, Any] | None:
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        text = text.removeprefix("\ufeff").strip()
        decoded = json.loads(text) if text else None
    except UnicodeDecodeError as error:
        raise LineError(f"It is not UTF-8 (byte {error.start + 1}); save the file as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise LineError(f"It is not valid JSON: {error.msg} at column {error.colno}.") from None
    except (ValueError, RecursionError):
        raise LineError(
            "It is not JSON that can be read: a number in it is too long, or it is nested too deep."
        ) from None
    if text and not isinstance(decoded, dict):
        raise LineError('It must be a JSON object, for example {"type": "memory", "data": {...}}.')
    return decoded


def _validated(model: type[_Model], data: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise LineError(explain(error, tuple(model.model_fields))) from None


def _data(line: dict[str, Any]) -> dict[str, Any]:
    data = line.get("data")
    if not isinstance(data, dict):
        raise LineError("`data` must be an object.")
    return data


def _own_header(line: dict[str, Any]) -> Header:
    header = _validated(HeaderFields, line)
    if header.version > VERSION:
        raise NewerFormatError(
            f"The file has version {header.version} of the export format and this program reads up to {VERSION}; "
            "update mcp-memory."
        )
    encoder = header.encoder
    return Header(
        exported_at=header.exported_at,
        workspace_id=header.workspace_id,
        memories=header.memories,
        associations=header.associations,
        encoder=None if encoder is None else EncoderIdentity(**encoder.model_dump()),
    )


def _own_memory(line: dict[str, Any], encoder: EncoderIdentity | None) -> Portable:
    data = dict(_data(line))
    revisions = line.get("revisions", data.pop("revisions", []))
    memory = Memory.model_construct(**dict(_validated(MemoryFields, data)))
    if not isinstance(revisions, list) or not all(isinstance(one, dict) for one in revisions):
        raise LineError("`revisions` must be a list of objects.")
    fields = [_validated(RevisionFields, {**one, "memory_id": memory.id}) for one in revisions]
    history = tuple(Revision.model_construct(**dict(one)) for one in fields)
    if len({one.number for one in history}) < len(history):
        raise LineError("Two of its `revisions` have the same number.")
    return Portable(memory, history, _vector(line.get("vector"), encoder))


def _encoded(vector: Any) -> str:
    import base64

    import numpy as np

    return base64.b64encode(np.asarray(vector, dtype="<f4").tobytes()).decode("ascii")


def _vector(encoded: object, encoder: EncoderIdentity | None) -> object | None:
    """Float32 unit vector of shape (dimension,); None where the line has none or the header no encoder."""
    if encoded is None or encoder is None:
        return None
    import base64

    import numpy as np

    try:
        raw = base64.b64decode(encoded, validate=True) if isinstance(encoded, str) else b""
    except ValueError:
        raw = b""
    if len(raw) != 4 * encoder.dimension:
        raise LineError(f"`vector` must be base64 of {encoder.dimension} float32 numbers; or leave it out.")
    vector = np.frombuffer(raw, dtype="<f4").astype(np.float32)
    if not abs(float(np.linalg.norm(vector)) - 1.0) <= NORM_ERROR:
        raise LineError("`vector` is not of unit length; leave it out and the memory is embedded anew.")
    return vector

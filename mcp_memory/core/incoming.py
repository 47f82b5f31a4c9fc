"""What may stand in the lines of an import: closed types, as a file may be written by anyone."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from mcp_memory.models.association import Association
from mcp_memory.models.base import Label, Line, Metadata, Moment, Share, Tags
from mcp_memory.models.memory import Memory, Revision

Name = Annotated[Line, Field(max_length=200)]
"""A visible identifier."""

Count = Annotated[int, Field(ge=0)]


class EncoderFields(BaseModel):
    """Whose vectors a file carries."""

    name: Line
    revision: str
    dimension: int = Field(ge=1, le=65_536)


class HeaderFields(BaseModel):
    """The first line of an export."""

    version: int
    exported_at: Moment
    workspace_id: Name | None = None
    memories: Count = 0
    associations: Count = 0
    encoder: EncoderFields | None = None


class RevisionFields(Revision):
    """One revision; its memory is that of the line."""

    number: int = Field(ge=1)
    author: Label | None = None
    snapshot: Metadata


class MemoryFields(Memory):
    """A memory of an export: every field of `Memory`, with the limits of one that is written by hand."""

    id: Name
    workspace_id: Name
    context_id: Name
    session_id: Label | None = None
    user_id: Label | None = None
    observer_id: Label | None = None
    subject_id: Label | None = None
    author: Label | None = None
    content: Line
    content_hash: str = ""
    importance: Share
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)
    source_memory_id: Label | None = None
    access_count: Count = 0
    confirmations: Count = 0
    decay_factor: Share = 1.0
    forget_reason: Label | None = None


class AssociationFields(Association):
    """A link of an export."""

    id: Name
    workspace_id: Name
    source_id: Name
    target_id: Name
    relationship: Name
    strength: Share
    metadata: Metadata = Field(default_factory=dict)


class WorkspaceFields(BaseModel):
    """A workspace of an export."""

    id: Name
    name: Label = ""
    settings: Metadata = Field(default_factory=dict)


class ContextFields(BaseModel):
    """A named context of an export."""

    workspace_id: Name
    name: Name
    description: str = ""
    settings: Metadata = Field(default_factory=dict)


class _Relative(BaseModel):
    """Unknown fields are left out, as another program has its own."""

    model_config = ConfigDict(extra="ignore")


class RelativeMemory(_Relative):
    """A memory of MemoryLayer."""

    id: Name
    content: Line
    type: str = ""
    subtype: str | None = None
    importance: Share = 0.5
    tags: Tags = Field(default_factory=list)
    metadata: Metadata = Field(default_factory=dict)
    session_id: Label | None = None
    user_id: Label | None = None
    observer_id: Label | None = None
    subject_id: Label | None = None
    abstract: str | None = None
    overview: str | None = None
    created_at: Moment | None = None
    updated_at: Moment | None = None


class RelativeAssociation(_Relative):
    """A link of MemoryLayer."""

    source_id: Name
    target_id: Name
    relationship: Name = Field(validation_alias=AliasChoices("relationship_type", "relationship"))
    strength: Share = 0.5
    metadata: Metadata = Field(default_factory=dict)


class RelativeHeader(_Relative):
    """The first line of MemoryLayer's export."""

    workspace_id: Name | None = None
    exported_at: Moment | None = None
    total_memories: Count = 0
    total_associations: Count = 0

"""Contradictions that were found and wait to be settled."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mcp_memory.models.base import Line, Moment, Request, Result

Resolution = Literal["keep_a", "keep_b", "keep_both", "merge"]


class RecordedContradiction(Result):
    """Two memories that cannot both be true. Ids are `contra_` and 16 hexadecimal digits; `a` is the older one."""

    id: str
    workspace_id: str
    memory_a: str
    memory_b: str
    content_a: str | None = None
    content_b: str | None = None
    """None where the memory is no longer alive."""
    kind: Literal["value_conflict", "negation_conflict"]
    confidence: float
    detail: str
    detected_at: Moment
    resolved_at: Moment | None = None
    resolution: Resolution | None = None
    merged_content: str | None = None

    @property
    def newer(self) -> str:
        """The id of the later memory."""
        return self.memory_b


class ScanContradictions(Request):
    """Look for contradictions and record those that are new."""

    limit: int = Field(100, ge=1, le=500)
    """Recorded at most, surest first; the next scan goes on."""


class ContradictionScan(Result):
    """What a scan recorded."""

    success: bool = True
    workspace_id: str
    contradictions_found: int
    contradictions: list[RecordedContradiction]
    """The new ones."""
    unresolved: int
    """All that wait, those recorded before too."""


class ListContradictions(Request):
    """What waits to be settled, surest first."""

    limit: int = Field(10, ge=1, le=500)


class ResolveContradiction(Request):
    """Settle one: the memory that is not kept becomes a tombstone, and a link says what took its place."""

    contradiction_id: Line
    resolution: Resolution
    merged_content: Line | None = None
    """For `merge`: what the older memory says from now on."""

    @model_validator(mode="after")
    def _merge_has_content(self) -> ResolveContradiction:
        if (self.merged_content is None) == (self.resolution == "merge"):
            raise ValueError("`merged_content` goes with `resolution` merge, and only with it")
        return self

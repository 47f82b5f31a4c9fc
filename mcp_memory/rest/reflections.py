"""Summing up what is remembered."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from mcp_memory.models.memory import DetailLevel, MemorySubtype, MemoryType
from mcp_memory.models.recall import Reflect, ReflectResult
from mcp_memory.rest.asking import asked, shared
from mcp_memory.rest.endpoint import Body, Call, Endpoint, NoQuery, Reply
from mcp_memory.rest.fields import WHOLE, Name, Tags
from mcp_memory.rest.recalls import Question, lifting, without_context
from mcp_memory.rest.wire import plain
from mcp_memory.text import clip, estimate_tokens

MOST_TOKENS: Final = 100_000
"""Of a synthesis, where no number is given."""

LESS: Final = {
    DetailLevel.FULL: (DetailLevel.OVERVIEW, DetailLevel.ABSTRACT),
    DetailLevel.OVERVIEW: (DetailLevel.ABSTRACT,),
    DetailLevel.ABSTRACT: (),
}
"""Detail levels that tell less, in their order."""


class MemoryReflect(Body):
    """A synthesis of what is remembered about something."""

    query: Question
    workspace_id: Name | None = None
    detail_level: DetailLevel | None = None
    include_sources: bool | None = None
    depth: Annotated[int, Field(ge=1, le=5), WHOLE] | None = None
    types: Annotated[list[MemoryType], Field(max_length=4)] | None = None
    subtypes: Annotated[list[MemorySubtype], Field(max_length=13)] | None = None
    tags: Tags | None = None
    context_id: Name | None = None
    observer_id: Name | None = None
    subject_id: Name | None = None
    user_id: Name | None = None
    max_tokens: Annotated[int, Field(ge=1, le=100_000), WHOLE] | None = None
    """Of the synthesis: where it is longer, less is told of each thing."""


async def reflect(call: Call[MemoryReflect, NoQuery]) -> Reply:
    """Sum up, in less and less detail until it fits."""
    most = call.body.max_tokens or MOST_TOKENS
    found = await _reflected(call, call.body.detail_level or DetailLevel.FULL)
    for level in LESS[call.body.detail_level or DetailLevel.FULL]:
        if estimate_tokens(found.reflection) <= most:
            break
        found = await _reflected(call, level)
    return Reply(plain(_cut(found, most)))


async def _reflected(call: Call[MemoryReflect, NoQuery], level: DetailLevel) -> ReflectResult:
    request = asked(Reflect, **without_context(shared(Reflect, call.body)) | {"detail_level": level})
    return await call.memory.reflect(request, lifting(call))


def _cut(found: ReflectResult, most: int) -> ReflectResult:
    """The synthesis within its budget: whole lines from the start, and the sources these quote."""
    if estimate_tokens(found.reflection) <= most:
        return found
    lines = found.reflection.splitlines()
    while len(lines) > 1 and estimate_tokens("\n".join(lines)) > most:
        lines.pop()
    text = "\n".join(lines).rstrip()
    if estimate_tokens(text) > most:
        text = clip(text, most)
    quoted = [one for one in found.source_memories if one in text] or found.source_memories[:1]
    return found.model_copy(update={"reflection": text, "source_memories": quoted})


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/memories/reflect",
        handler=reflect,
        summary="Sum up what is remembered, with the ids of its sources.",
        verb="reflect",
        body=MemoryReflect,
        answer=ReflectResult,
        tag="Recall",
    ),
)

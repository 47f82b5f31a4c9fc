"""Storing one memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.core.classify import classify
from mcp_memory.core.linking import link_similar
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.memory import Remember, Remembered, SimilarMemory
from mcp_memory.models.search import Draft
from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.text import clip, content_hash

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.storage.base import Added

EMBEDDING_PATIENCE = 5.0
"""Seconds a write waits for a loaded encoder that is busy; after that the memory is embedded in the background."""

SHOWN_CHARS = 200
"""How much of a similar memory the answer shows."""


async def remember(resources: Resources, request: Remember, scope: Scope) -> Remembered:
    """Store the content, or confirm the memory that already holds it.

    Raises:
        InvalidRequest: the content is longer than the limit.
    """
    check_length(request.content, resources.limits.max_content_chars)
    vectors = await resources.indexer.at_once([request.content], EMBEDDING_PATIENCE)
    vector = None if vectors is None else vectors[0]
    [remembered] = await remember_embedded(resources, [request], [vector], scope)
    return remembered


async def remember_embedded(
    resources: Resources, requests: Sequence[Remember], vectors: Sequence[object | None], scope: Scope
) -> list[Remembered]:
    """Store contents of the right length, with those vectors there are already, in one transaction."""
    drafts = [_draft(resources, request, scope) for request in requests]
    for draft, vector in zip(drafts, vectors, strict=True):
        draft.vector = vector
    added = await resources.store.add(drafts, resources.indexer.identity)
    return [_remembered(one, await _linked(resources, one, draft)) for one, draft in zip(added, drafts, strict=True)]


def check_length(content: str, most: int) -> None:
    """Refuse a content that is too long for one memory.

    Raises:
        InvalidRequest: it is.
    """
    if len(content) > most:
        raise InvalidRequest(
            f"`content` has {len(content):,} characters; at most {most:,} are allowed (MCP_MEMORY_MAX_CONTENT_CHARS). "
            "Split it into separate memories; nothing was stored."
        )


def _draft(resources: Resources, request: Remember, scope: Scope) -> Draft:
    kind, subtype = _kind(request)
    return Draft(
        workspace_id=scope.workspace_id,
        content=request.content,
        content_hash=content_hash(request.content),
        type=kind,
        subtype=subtype,
        created_at=resources.now(),
        context_id=request.context_id or DEFAULT_CONTEXT,
        session_id=request.session_id or scope.session_id or None,
        user_id=request.user_id or None,
        observer_id=request.observer_id or None,
        subject_id=request.subject_id or None,
        author=request.author or scope.author or None,
        importance=request.importance,
        tags=tuple(request.tags),
        metadata=request.metadata,
        occurred_at=request.occurred_at,
    )


def _kind(request: Remember) -> tuple[str, str | None]:
    guessed_type, guessed_subtype = (request.type, None) if request.type else classify(request.content)
    subtype = request.subtype or guessed_subtype
    assert guessed_type is not None  # noqa: S101 - for the type checker: one of the two is always there
    return guessed_type.value, subtype.value if subtype else None


async def _linked(resources: Resources, added: Added, draft: Draft) -> list[SimilarMemory]:
    if draft.vector is None:
        resources.indexer.catch_up()
        return []
    if added.outcome == "confirmed" or resources.indexer.identity is None:
        return []
    near = await link_similar(resources.store, resources.indexer.identity, added.key, added.memory, draft.vector)
    return [
        SimilarMemory(memory_id=one.memory_id, content=clip(one.content, SHOWN_CHARS), similarity=round(one.cosine, 3))
        for one in near
    ]


def _remembered(added: Added, similar: list[SimilarMemory]) -> Remembered:
    memory = added.memory
    return Remembered(
        outcome=added.outcome,
        memory_id=memory.id,
        workspace_id=memory.workspace_id,
        type=memory.type,
        subtype=memory.subtype,
        importance=memory.importance,
        tags=memory.tags,
        similar=similar,
        embedding_state=memory.embedding_state,
        message=_message(added, similar),
    )


def _message(added: Added, similar: list[SimilarMemory]) -> str:
    if added.outcome == "confirmed":
        return "Already remembered; confirmed, and its tags merged."
    if similar:
        return (
            "Remembered, and linked to similar memories. If it replaces one of them, associate it with relationship "
            "`supersedes`, or forget the old one."
        )
    return "Remembered."

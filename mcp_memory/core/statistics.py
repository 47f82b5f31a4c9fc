"""Counting what is remembered, and saying how the store stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.models.statistics import Breakdown, EncoderState, Statistics, StorageState

if TYPE_CHECKING:
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.statistics import StatisticsRequest
    from mcp_memory.storage.base import Counts, StoreState


async def statistics(resources: Resources, request: StatisticsRequest, scope: Scope) -> Statistics:
    """Counts of the workspace, and the state of the file and the encoder that all workspaces share."""
    counts = await resources.store.counts(scope.workspace_id, resources.now())
    state = await resources.store.state()
    return Statistics(
        workspace_id=scope.workspace_id,
        total_memories=counts.memories,
        total_associations=counts.associations,
        total_contexts=counts.contexts,
        oldest=counts.oldest,
        newest=counts.newest,
        breakdown=_breakdown(counts) if request.include_breakdown else None,
        storage=_storage(state, scope),
        encoder=await _encoder(resources, state, scope),
        message=_message(counts, scope),
    )


def _breakdown(counts: Counts) -> Breakdown:
    return Breakdown(
        by_type=dict(counts.by_type),
        by_subtype=dict(counts.by_subtype),
        by_status=dict(counts.by_status),
        by_tag=dict(counts.by_tag),
        by_author=dict(counts.by_author),
        by_age=dict(counts.by_age),
        by_relationship=dict(counts.by_relationship),
    )


def _storage(state: StoreState, scope: Scope) -> StorageState:
    if scope.confined:
        return StorageState(schema_version=state.schema_version)
    return StorageState(
        location=state.location,
        size_bytes=state.size_bytes,
        schema_version=state.schema_version,
        workspaces=state.workspaces,
        memories=state.memories,
    )


async def _encoder(resources: Resources, state: StoreState, scope: Scope) -> EncoderState:
    """Of the encoder in use; before it says what it is, nothing counts as embedded with it."""
    identity = resources.indexer.identity
    coverage = await resources.store.encoders()
    embedded = next((one.embedded for one in coverage if one.identity == identity), 0)
    return EncoderState(
        name=str(identity) if identity else resources.indexer.embedder.name,
        state=resources.indexer.embedder.state,
        dimension=identity.dimension if identity else None,
        embedded=None if scope.confined else embedded,
        pending=None if scope.confined else max(0, state.memories - embedded),
        other_encoders=[str(one.identity) for one in coverage if one.identity != identity],
        note=await resources.indexer.note(),
    )


def _message(counts: Counts, scope: Scope) -> str:
    if counts.memories == 0:
        return f"Workspace {scope.workspace_id!r} holds no memories yet."
    return f"Workspace {scope.workspace_id!r} holds {counts.memories:,} memories and {counts.associations:,} links."

"""The composition root: the only place that knows which implementation runs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_memory.core.environment.environments import EnvironmentPolicy, Environments
from mcp_memory.core.indexing import Indexer
from mcp_memory.core.memory import Memory
from mcp_memory.core.resources import Limits, Resources, Scope
from mcp_memory.core.session_policy import SessionPolicy
from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.project import project_name
from mcp_memory.sandbox.base import MIB, SandboxLimits
from mcp_memory.sandbox.seal import Seal
from mcp_memory.settings import Settings, load_settings
from mcp_memory.storage.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_memory.embedding.base import Embedder, Encoder
    from mcp_memory.llm.base import LanguageModel
    from mcp_memory.models.administration import BackupRestored

SEAL_KEY = "environment.key"
"""Beside the database: what stored environments are sealed with."""

HTTP_WORKERS = 4
"""Requests to an embedding endpoint at a time: a slow one delays no other."""


def build_memory(settings: Settings, workspace: str = "") -> Memory:
    """Memory as the settings say. Opens nothing and loads nothing."""
    store = SqliteStore(
        settings.database,
        durability=settings.durability,
        busy_timeout=settings.busy_timeout,
        vector_cache_bytes=settings.vector_cache_mb * 1024 * 1024,
    )
    limits = Limits(
        max_content_chars=settings.max_content_chars,
        recall_patience=settings.recall_patience,
        llm_calls=settings.llm_max_calls,
        llm_tokens=settings.llm_max_tokens,
    )
    indexer = Indexer(store, build_embedder(settings))
    resources = Resources(store, indexer, limits, model=build_language_model(settings))
    scope = Scope(workspace or settings.workspace or project_name(Path.cwd()), session_id=settings.session)
    return Memory(resources, scope, _session_policy(settings), _environments(settings))


def _session_policy(settings: Settings) -> SessionPolicy:
    return SessionPolicy(
        begins_by_itself=settings.auto_session,
        ttl_seconds=settings.session_ttl,
        auto_commit=settings.session_auto_commit,
        most_entries=settings.max_working_entries,
        most_chars=settings.max_working_chars,
    )


def _environments(settings: Settings) -> Environments:
    from mcp_memory.sandbox.monty import MontySandbox

    limits = SandboxLimits(
        run_seconds=settings.sandbox_seconds,
        wall_seconds=settings.sandbox_wall_seconds,
        memory_bytes=settings.sandbox_memory_mb * MIB,
    )
    policy = EnvironmentPolicy(
        most_bytes=settings.environment_mb * MIB,
        most_variables=settings.environment_variables,
        most_environments=settings.environments,
    )
    return Environments(MontySandbox(limits, settings.sandbox_workers), Seal(settings.data_dir / SEAL_KEY), policy)


def build_language_model(settings: Settings) -> LanguageModel | None:
    """The model that `MCP_MEMORY_LLM_MODEL` names, or None."""
    if not settings.llm_model:
        return None
    from mcp_memory.llm.openai import OpenAIModel

    return OpenAIModel(
        settings.llm_model,
        base_url=settings.llm_base_url,
        api_key=settings.llm_api_key.get_secret_value(),
        timeout=settings.llm_timeout,
        max_retries=settings.llm_retries,
    )


def build_embedder(settings: Settings) -> Embedder:
    """The embedder that `MCP_MEMORY_EMBEDDER` names."""
    if settings.embedder == "openai":
        return BackgroundEmbedder(
            _openai(settings),
            workers=HTTP_WORKERS,
            batch_size=settings.embedder_batch,
            idle_seconds=settings.embedder_idle,
        )
    return BackgroundEmbedder(_local(settings), idle_seconds=settings.embedder_idle)


def _local(settings: Settings) -> Encoder:
    if settings.embedder == "sentence-transformers":
        from mcp_memory.embedding.sentence_transformers import DEFAULT_MODEL, SentenceTransformersEncoder

        return SentenceTransformersEncoder(settings.embedder_model or DEFAULT_MODEL)
    from mcp_memory.embedding.minilm.encoder import MiniLMEncoder

    return MiniLMEncoder()


def _openai(settings: Settings) -> Encoder:
    from mcp_memory.embedding.openai import DEFAULT_MODEL, OpenAIEncoder

    return OpenAIEncoder(
        model=settings.embedder_model or DEFAULT_MODEL,
        base_url=settings.embedder_base_url,
        api_key=settings.embedder_api_key.get_secret_value(),
        dimensions=settings.embedder_dimensions,
        batch_size=settings.embedder_batch,
        timeout=settings.embedder_timeout,
        max_retries=settings.embedder_retries,
    )


@asynccontextmanager
async def open_memory(settings: Settings | None = None, workspace: str = "", **overrides: Any) -> AsyncIterator[Memory]:
    """Memory, opened, and closed at the end; `overrides` are settings by name.

    Example:
        async with open_memory(data_dir="/tmp/notes") as memory:
            await memory.remember(Remember(content="Ana prefers tea."))
    """
    memory = build_memory(settings or load_settings(**overrides), workspace)
    try:
        await memory.open()
        yield memory
    finally:
        await memory.close()


async def restore_backup(settings: Settings, file: Path, replace: bool = False) -> BackupRestored:
    """Put a backup in the database's place; with `replace` one that is there is kept aside under another name.

    Raises:
        Conflict: there is a database already, and `replace` was not said.
        StoreError: the file is none of ours or damaged, or another process has the database open.
    """
    import anyio.to_thread

    from mcp_memory.core.copies import restored
    from mcp_memory.storage.sqlite.copies import restore

    return restored(await anyio.to_thread.run_sync(lambda: restore(file, settings.database, replace=replace)))


def is_outdated(settings: Settings) -> bool:
    """Whether opening the database will migrate it; touches nothing."""
    from mcp_memory.storage.sqlite.peeking import is_outdated

    return is_outdated(settings.database)


def has_keys(settings: Settings) -> bool:
    """Whether an API key was ever made, without opening the database for work."""
    from mcp_memory.storage.sqlite.peeking import has_keys

    return has_keys(settings.database)

"""Vectors: made at once or later, by one encoder or another, never mixed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mcp_memory.core.indexing import BATCH, Indexer
from mcp_memory.core.recall import recall
from mcp_memory.core.remember import remember
from mcp_memory.core.resources import Limits, Resources, Scope
from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.models.memory import Remember
from mcp_memory.models.recall import Recall
from mcp_memory.storage.sqlite.store import SqliteStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from mcp_memory.embedding.base import Encoder, Vectors

pytestmark = pytest.mark.anyio

HERE = Scope("kitchen")


class LetterEncoder:
    """A small real encoder of another dimension: how often each letter occurs."""

    name = "letters"

    def load(self) -> EncoderIdentity:
        return EncoderIdentity(self.name, "1", 26)

    def encode(self, texts: Sequence[str]) -> Vectors:
        counts = np.array([[1 + text.lower().count(chr(97 + n)) for n in range(26)] for text in texts], np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)

    def unload(self) -> None:
        pass


@asynccontextmanager
async def opened(folder: Path, encoder: Encoder, *, ready: bool = True) -> AsyncIterator[Resources]:
    store, embedder = SqliteStore(folder / "memory.db"), BackgroundEmbedder(encoder)
    resources = Resources(store, Indexer(store, embedder), Limits(recall_patience=30.0))
    await store.open()
    if ready:
        await embedder.embed(["."], patience=60.0)
    try:
        yield resources
    finally:
        await resources.indexer.close()
        await store.close()


async def note(resources: Resources, content: str) -> str:
    return (await remember(resources, Remember(content=content), HERE)).embedding_state


async def test_a_write_does_not_wait_for_the_encoder_and_is_found_by_meaning_all_the_same(tmp_path: Path) -> None:
    async with opened(tmp_path, MiniLMEncoder(), ready=False) as resources:
        assert await note(resources, "Our puppy was vaccinated on Thursday.") == "pending"
        answer = await recall(resources, Recall(query="dog at the veterinarian"), HERE)
        assert [memory.content for memory in answer.memories] == ["Our puppy was vaccinated on Thursday."]
        assert answer.degraded is None


async def test_with_another_encoder_recall_says_so_and_still_finds_by_words(tmp_path: Path) -> None:
    async with opened(tmp_path, MiniLMEncoder()) as resources:
        await note(resources, "The lighthouse keeper bakes bread.")
    async with opened(tmp_path, LetterEncoder()) as resources:
        answer = await recall(resources, Recall(query="lighthouse"), HERE)
        assert [memory.content for memory in answer.memories] == ["The lighthouse keeper bakes bread."]
        assert answer.memories[0].relevance_score is None
        assert answer.degraded is not None
        assert "letters" in answer.degraded
        assert "all-MiniLM-L6-v2-int8" in answer.degraded
        assert "mcp-memory reindex" in answer.degraded


async def test_reindexing_keeps_both_sets_and_going_back_costs_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path, MiniLMEncoder()) as resources:
        await note(resources, "The lighthouse keeper bakes bread.")
        await note(resources, "Trams stop at midnight.")
    async with opened(tmp_path, LetterEncoder()) as resources:
        steps: list[tuple[int, int]] = []
        assert await resources.indexer.reindex(lambda done, total: steps.append((done, total))) == 2
        assert steps[-1] == (2, 2)
        answer = await recall(resources, Recall(query="lighthouse keeper"), HERE)
        assert answer.degraded is None
        assert answer.memories[0].relevance_score is not None
        assert {one.identity.name: one.embedded for one in await resources.store.encoders()} == {
            "letters": 2,
            "all-MiniLM-L6-v2-int8": 2,
        }
    async with opened(tmp_path, MiniLMEncoder()) as resources:
        assert await resources.indexer.reindex(lambda _done, _total: None) == 0
        assert (await recall(resources, Recall(query="a baker by the sea"), HERE)).degraded is None


async def test_an_interrupted_reindex_goes_on_where_it_was(tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(_done: int, _total: int) -> None:
        raise Interrupted

    async with opened(tmp_path, LetterEncoder()) as resources:
        for number in range(BATCH + 10):
            await note(resources, f"Fact number {number} about trams.")
    async with opened(tmp_path, MiniLMEncoder()) as resources:
        with pytest.raises(Interrupted):
            await resources.indexer.reindex(interrupt)
        assert await resources.indexer.reindex(lambda _done, _total: None) == 10


async def test_near_duplicates_are_linked_even_when_they_were_embedded_later(tmp_path: Path) -> None:
    async with opened(tmp_path, MiniLMEncoder(), ready=False) as resources:
        await note(resources, "The staging server is rebuilt every night at two.")
        await note(resources, "The staging server is rebuilt each night at two.")
        await note(resources, "Trams stop at midnight.")
        await resources.indexer.catch_up()
        edges = await resources.store.all_associations("kitchen")
        assert [edge.relationship for edge in edges] == ["similar_to"]
        assert len((await recall(resources, Recall(query="*"), HERE)).memories) == 3

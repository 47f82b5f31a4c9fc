"""Vectors for memories: at once where the encoder is ready, in the background where it is not."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from mcp_memory.errors import EmbedderUnavailable, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_memory.embedding.base import Embedder, EncoderIdentity, Vectors
    from mcp_memory.storage.base import Store, Unembedded

logger = logging.getLogger(__name__)

BATCH = 64
"""Memories embedded and written per transaction in the background."""

BULK_PATIENCE = 120.0
"""Seconds a background batch may wait for the encoder."""


class Indexer:
    """The store's encoder: embeds queries and new memories, and catches up with what is pending."""

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self.store = store
        self.embedder = embedder
        self._catching_up: asyncio.Task[None] | None = None
        self._settled = False
        self._backlog = False
        self._mismatch: str | None = None
        self._mismatch_known = False

    @property
    def identity(self) -> EncoderIdentity | None:
        """Whose vectors these are; None while unknown."""
        return self.embedder.identity

    def warm_up(self) -> None:
        """Begin loading the encoder, and embed what another process left pending."""
        self.embedder.start()
        self.catch_up()

    async def query(self, text: str, patience: float) -> Vectors:
        """The vector of a query, shape (dimension,).

        Raises:
            EmbedderUnavailable: not ready within `patience` seconds, or failed.
        """
        vectors: Vectors = (await self.embedder.embed([text], patience=patience))[0]
        return vectors

    async def at_once(self, texts: Sequence[str], patience: float) -> Vectors | None:
        """Vectors of new memories, shape (texts, dimension); None where the encoder is not ready yet.

        A write never waits for a model that is still loading.
        """
        if self.embedder.state != "ready":
            return None
        try:
            return await self.embedder.embed(texts, patience=patience)
        except EmbedderUnavailable:
            return None

    def catch_up(self) -> asyncio.Task[None]:
        """Embed what is pending, in the background; one run at a time."""
        self._settled = False
        if self._catching_up is None or self._catching_up.done():
            self._catching_up = asyncio.create_task(self._embed_pending())
        return self._catching_up

    async def settle(self, patience: float) -> None:
        """Wait at most `patience` seconds until what was just written can be found by meaning.

        A backlog of more than one batch is not waited for.
        """
        if self._settled or self._backlog:
            return
        running = self._catching_up
        await asyncio.wait({self.catch_up() if running is None or running.done() else running}, timeout=patience)

    async def _embed_pending(self) -> None:
        try:
            await self.store.open()
            identity = self.identity or await self._learn_identity()
            while rows := await self.store.unembedded(identity, BATCH, pending_only=True):
                self._backlog = len(rows) == BATCH
                vectors = await self._embed_rows(identity, rows)
                await self._link(identity, rows, vectors)
            self._settled, self._backlog = True, False
        except (EmbedderUnavailable, StoreError) as error:
            logger.info("embedding in the background stopped: %s", error)

    async def _learn_identity(self) -> EncoderIdentity:
        await self.embedder.embed(["."], patience=BULK_PATIENCE)
        identity = self.identity
        if identity is None:
            raise EmbedderUnavailable("The encoder did not say what it is.")
        return identity

    async def _embed_rows(self, identity: EncoderIdentity, rows: Sequence[Unembedded]) -> Vectors:
        vectors = await self.embedder.embed([row.content for row in rows], patience=BULK_PATIENCE)
        await self.store.set_vectors(identity, list(zip(rows, vectors, strict=True)))
        return vectors

    async def _link(self, identity: EncoderIdentity, rows: Sequence[Unembedded], vectors: Vectors) -> None:
        from mcp_memory.core.linking import link_similar

        memories = await self.store.fetch([row.key for row in rows])
        for row, vector in zip(rows, vectors, strict=True):
            if row.key in memories:
                await link_similar(self.store, identity, row.key, memories[row.key], vector)

    async def reindex(self, progress: Callable[[int, int], None]) -> int:
        """Embed everything that has no vector of this encoder, then make it the store's own.

        Each batch is one transaction: interrupted, it goes on where it was. `progress` gets done and total.

        Returns:
            How many memories were embedded.
        """
        identity = self.identity or await self._learn_identity()
        total = (await self.store.state()).memories
        missing = total - await self._embedded(identity)
        done = 0
        while rows := await self.store.unembedded(identity, BATCH, pending_only=False):
            await self._embed_rows(identity, rows)
            done += len(rows)
            progress(done, max(missing, done))
        await self.store.activate_encoder(identity)
        self._mismatch_known = False
        return done

    async def _embedded(self, identity: EncoderIdentity) -> int:
        coverage = {one.identity: one.embedded for one in await self.store.encoders()}
        return coverage.get(identity, 0)

    async def note(self) -> str | None:
        """What stands between this encoder and the whole store, as a sentence; None when nothing does."""
        if self.embedder.failure:
            return f"Meaning cannot be searched: {self.embedder.failure}"
        if self._backlog:
            return "Memories are still being embedded in the background; until then they are found by words only."
        if not self._mismatch_known and self.identity is not None:
            self._mismatch = await self._foreign_vectors(self.identity)
            self._mismatch_known = True
        return self._mismatch

    async def _foreign_vectors(self, identity: EncoderIdentity) -> str | None:
        coverage = await self.store.encoders()
        others = [one for one in coverage if one.active and one.identity != identity]
        if not others:
            return None
        own = next((one.embedded for one in coverage if one.identity == identity), 0)
        return (
            f"The store is embedded with {others[0].identity}; {identity} has vectors of only {own} memories. "
            "Run `mcp-memory reindex` to embed the rest, or set MCP_MEMORY_EMBEDDER back."
        )

    async def close(self) -> None:
        """Stop the background work and the encoder."""
        if self._catching_up is not None:
            self._catching_up.cancel()
            await asyncio.gather(self._catching_up, return_exceptions=True)
        await self.embedder.close()

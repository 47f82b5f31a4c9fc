"""The background embedder over an encoder whose every step the test controls."""

from __future__ import annotations

import asyncio
import hashlib
import math
import threading
from typing import TYPE_CHECKING

import anyio
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from mcp_memory.embedding.base import Vectors

pytestmark = pytest.mark.anyio

PATIENCE = 10.0
"""Bounds every wait; no test that passes uses it up."""


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class ScriptedEncoder:
    """Hash vectors. Loading and encoding wait at a gate if the test shuts it."""

    name = "scripted"

    def __init__(self) -> None:
        self.load_gate = threading.Event()
        self.load_began = threading.Event()
        self.encode_gate = threading.Event()
        self.load_gate.set()
        self.encode_gate.set()
        self.load_errors: list[Exception] = []
        self.batches: list[list[str]] = []
        self.began = threading.Event()
        self.most_at_once = 0
        self.loads = self.unloads = self._inside = 0
        self._lock = threading.Lock()

    def load(self) -> EncoderIdentity:
        self.loads += 1
        self.load_began.set()
        assert self.load_gate.wait(PATIENCE)
        if self.load_errors:
            raise self.load_errors.pop(0)
        return EncoderIdentity(self.name, "1", 4)

    def encode(self, texts: Sequence[str]) -> Vectors:
        with self._lock:
            self.batches.append(list(texts))
            self._inside += 1
            self.most_at_once = max(self.most_at_once, self._inside)
        self.began.set()
        assert self.encode_gate.wait(PATIENCE)
        with self._lock:
            self._inside -= 1
        if "poison" in texts:
            raise RuntimeError("cannot read this")
        return np.stack([vector_of(text) for text in texts])

    def unload(self) -> None:
        self.unloads += 1


def vector_of(text: str) -> Vectors:
    raw = np.frombuffer(hashlib.sha256(text.encode()).digest()[:4], dtype=np.uint8).astype(np.float32) + 1
    return raw / np.linalg.norm(raw)


async def happened(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, PATIENCE)


async def queued(embedder: BackgroundEmbedder, texts: Sequence[str]) -> asyncio.Task[Vectors]:
    """A call that is certainly in the queue, or with a worker."""
    task = asyncio.create_task(embedder.embed(texts, patience=PATIENCE))
    await asyncio.sleep(0)
    return task


@pytest.fixture
def encoder() -> ScriptedEncoder:
    return ScriptedEncoder()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def embedder(encoder: ScriptedEncoder, clock: Clock) -> AsyncIterator[BackgroundEmbedder]:
    made = BackgroundEmbedder(encoder, clock=clock)
    yield made
    encoder.load_gate.set()
    encoder.encode_gate.set()
    await made.close()


async def test_nothing_is_loaded_before_it_is_needed(embedder: BackgroundEmbedder, encoder: ScriptedEncoder) -> None:
    assert (embedder.name, embedder.state, embedder.identity, encoder.loads) == ("scripted", "idle", None, 0)


async def test_the_first_call_loads_and_gets_its_vectors(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder
) -> None:
    vectors = await embedder.embed(["tea", "coffee"], patience=PATIENCE)
    np.testing.assert_array_equal(vectors, [vector_of("tea"), vector_of("coffee")])
    assert embedder.state == "ready"
    assert embedder.identity == EncoderIdentity("scripted", "1", 4)
    await embedder.embed(["again"], patience=PATIENCE)
    assert encoder.loads == 1


async def test_start_loads_without_any_text(embedder: BackgroundEmbedder, encoder: ScriptedEncoder) -> None:
    embedder.start()
    await happened(encoder.load_began)
    assert (encoder.loads, encoder.batches) == (1, [])
    await embedder.embed(["tea"], patience=PATIENCE)
    assert encoder.loads == 1


async def test_no_texts_give_no_vectors_without_loading(embedder: BackgroundEmbedder, encoder: ScriptedEncoder) -> None:
    assert (await embedder.embed([], patience=PATIENCE)).shape[0] == 0
    assert encoder.loads == 0


async def test_patience_that_runs_out_while_loading_says_so(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder
) -> None:
    encoder.load_gate.clear()
    with pytest.raises(EmbedderUnavailable, match=r"within 0\.01 seconds; it is still loading"):
        await embedder.embed(["tea"], patience=0.01)
    encoder.load_gate.set()
    np.testing.assert_array_equal(await embedder.embed(["tea"], patience=PATIENCE), [vector_of("tea")])
    assert encoder.batches[-1] == ["tea"]


async def test_calls_that_wait_together_are_encoded_together(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder
) -> None:
    encoder.encode_gate.clear()
    first = await queued(embedder, ["first"])
    await happened(encoder.began)
    others = [await queued(embedder, [word]) for word in ("a", "b", "c")]
    encoder.encode_gate.set()
    results = await asyncio.gather(first, *others)
    assert encoder.batches == [["first"], ["a", "b", "c"]]
    np.testing.assert_array_equal(np.concatenate(results), [vector_of(word) for word in ("first", "a", "b", "c")])


async def test_a_query_overtakes_a_bulk_call(encoder: ScriptedEncoder) -> None:
    embedder = BackgroundEmbedder(encoder, batch_size=4)
    encoder.encode_gate.clear()
    texts = [f"memory {number}" for number in range(42)]
    bulk = await queued(embedder, texts)
    await happened(encoder.began)
    query = await queued(embedder, ["query"])
    encoder.encode_gate.set()
    await query
    np.testing.assert_array_equal(await bulk, [vector_of(text) for text in texts])
    assert encoder.batches[1] == ["query"]
    assert max(map(len, encoder.batches)) == 4
    await embedder.close()


async def test_an_endless_stream_of_queries_does_not_starve_a_bulk_call(encoder: ScriptedEncoder) -> None:
    embedder = BackgroundEmbedder(encoder, batch_size=4)
    encoder.encode_gate.clear()
    bulk = await queued(embedder, [f"memory {number}" for number in range(12)])
    await happened(encoder.began)
    queries = [await queued(embedder, [f"query {number}"] * 4) for number in range(20)]
    encoder.encode_gate.set()
    await asyncio.gather(bulk, *queries)
    last_bulk = max(at for at, batch in enumerate(encoder.batches) if batch[0].startswith("memory"))
    assert last_bulk == 4
    await embedder.close()


async def test_a_waiter_who_leaves_costs_nobody_else_anything(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder
) -> None:
    encoder.encode_gate.clear()
    first = await queued(embedder, ["first"])
    await happened(encoder.began)
    leaver = await queued(embedder, ["left"])
    stayer = await queued(embedder, ["stayed"])
    first.cancel()
    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver
    encoder.encode_gate.set()
    np.testing.assert_array_equal(await stayer, [vector_of("stayed")])
    assert encoder.batches == [["first"], ["stayed"]]


async def test_a_cancel_scope_of_anyio_ends_the_wait(embedder: BackgroundEmbedder, encoder: ScriptedEncoder) -> None:
    encoder.encode_gate.clear()
    with anyio.move_on_after(0.01) as scope:
        await embedder.embed(["tea"], patience=PATIENCE)
    assert scope.cancelled_caught


async def test_an_encoder_error_fails_its_batch_and_no_later_call(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder
) -> None:
    with pytest.raises(EmbedderUnavailable, match="scripted failed: RuntimeError: cannot read this"):
        await embedder.embed(["poison"], patience=PATIENCE)
    assert "cannot read this" in embedder.failure
    assert embedder.state == "ready"
    await embedder.embed(["tea"], patience=PATIENCE)
    assert embedder.failure == ""


async def test_an_error_in_the_middle_of_a_bulk_call_ends_that_call(encoder: ScriptedEncoder) -> None:
    embedder = BackgroundEmbedder(encoder, batch_size=2)
    with pytest.raises(EmbedderUnavailable):
        await embedder.embed(["a", "b", "poison", "c", "d", "e"], patience=PATIENCE)
    await embedder.embed(["tea"], patience=PATIENCE)
    assert encoder.batches == [["a", "b"], ["poison", "c"], ["tea"]]
    await embedder.close()


async def test_a_failed_load_fails_all_who_wait_and_is_tried_again_after_a_pause(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder, clock: Clock
) -> None:
    encoder.load_errors = [EmbedderUnavailable("The model is not there.")]
    encoder.load_gate.clear()
    waiting = [await queued(embedder, [word]) for word in ("a", "b", "c")]
    encoder.load_gate.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["The model is not there."] * 3
    assert (embedder.state, embedder.failure) == ("failed", "The model is not there.")

    clock.now += 29
    embedder.start()
    with pytest.raises(EmbedderUnavailable, match="The model is not there"):
        await embedder.embed(["tea"], patience=PATIENCE)
    assert encoder.loads == 1

    clock.now += 1
    await embedder.embed(["tea"], patience=PATIENCE)
    assert (embedder.state, embedder.failure, encoder.loads) == ("ready", "", 2)


async def test_it_unloads_when_idle_and_loads_again_when_needed(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder, clock: Clock
) -> None:
    await embedder.embed(["tea"], patience=PATIENCE)
    clock.now += 599
    assert not embedder.unload_if_idle()
    clock.now += 1
    assert embedder.unload_if_idle()
    assert (embedder.state, encoder.unloads) == ("idle", 1)
    assert embedder.identity is not None
    await embedder.embed(["tea"], patience=PATIENCE)
    assert (embedder.state, encoder.loads) == ("ready", 2)


async def test_the_worker_unloads_by_itself(encoder: ScriptedEncoder) -> None:
    unloaded = threading.Event()
    encoder.unload = unloaded.set  # type: ignore[method-assign]
    embedder = BackgroundEmbedder(encoder, idle_seconds=0.001)
    await embedder.embed(["tea"], patience=PATIENCE)
    await happened(unloaded)
    assert embedder.state == "idle"
    await embedder.close()


async def test_it_is_never_unloaded_while_it_encodes(encoder: ScriptedEncoder, clock: Clock) -> None:
    embedder = BackgroundEmbedder(encoder, clock=clock)
    encoder.encode_gate.clear()
    call = await queued(embedder, ["tea"])
    await happened(encoder.began)
    clock.now += 10_000
    assert not embedder.unload_if_idle()
    encoder.encode_gate.set()
    await call
    await embedder.close()


async def test_close_fails_those_who_wait_and_those_who_come_later(
    embedder: BackgroundEmbedder, encoder: ScriptedEncoder
) -> None:
    encoder.encode_gate.clear()
    inside = await queued(embedder, ["inside"])
    await happened(encoder.began)
    waiting = await queued(embedder, ["waiting"])
    closing = asyncio.create_task(embedder.close())
    with pytest.raises(EmbedderUnavailable, match="closed"):
        await waiting
    encoder.encode_gate.set()
    await inside
    await closing
    assert encoder.unloads == 1
    with pytest.raises(EmbedderUnavailable, match="closed"):
        await embedder.embed(["late"], patience=PATIENCE)


async def test_several_workers_are_inside_the_encoder_at_once(encoder: ScriptedEncoder) -> None:
    embedder = BackgroundEmbedder(encoder, workers=4, batch_size=2)
    meeting = threading.Barrier(4)
    encode = encoder.encode

    def encode_when_all_are_here(texts: Sequence[str]) -> Vectors:
        meeting.wait(PATIENCE)
        return encode(texts)

    encoder.encode = encode_when_all_are_here  # type: ignore[method-assign]
    texts = [f"memory {number}" for number in range(8)]
    np.testing.assert_array_equal(await embedder.embed(texts, patience=PATIENCE), [vector_of(text) for text in texts])
    assert encoder.loads == 1
    await embedder.close()


def test_one_embedder_serves_several_event_loops(encoder: ScriptedEncoder) -> None:
    embedder = BackgroundEmbedder(encoder, idle_seconds=math.inf)
    results: dict[str, Vectors] = {}

    def serve(word: str) -> None:
        results[word] = asyncio.run(embedder.embed([word], patience=PATIENCE))

    threads = [threading.Thread(target=serve, args=(word,)) for word in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for word in ("a", "b", "c"):
        np.testing.assert_array_equal(results[word], [vector_of(word)])
    asyncio.run(embedder.close())


def test_a_loop_that_ends_while_its_call_is_encoded_harms_nobody(encoder: ScriptedEncoder) -> None:
    embedder = BackgroundEmbedder(encoder)
    encoder.encode_gate.clear()

    async def leave() -> None:
        await queued(embedder, ["abandoned"])
        await happened(encoder.began)

    asyncio.run(leave())
    encoder.encode_gate.set()
    assert asyncio.run(embedder.embed(["tea"], patience=PATIENCE)).shape == (1, 4)
    asyncio.run(embedder.close())


@given(
    calls=st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=15), min_size=1, max_size=8),
    batch_size=st.integers(1, 6),
    workers=st.integers(1, 3),
)
def test_every_call_gets_exactly_the_vectors_of_its_own_texts(
    calls: list[list[str]], batch_size: int, workers: int
) -> None:
    encoder = ScriptedEncoder()

    async def embed_all() -> list[Vectors]:
        embedder = BackgroundEmbedder(encoder, batch_size=batch_size, workers=workers)
        results = await asyncio.gather(*(embedder.embed(texts, patience=PATIENCE) for texts in calls))
        await embedder.close()
        return results

    for texts, vectors in zip(calls, asyncio.run(embed_all()), strict=True):
        np.testing.assert_array_equal(vectors, [vector_of(text) for text in texts])
    assert max(map(len, encoder.batches)) <= batch_size
    assert encoder.most_at_once <= workers

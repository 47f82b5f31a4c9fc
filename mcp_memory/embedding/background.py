"""`BackgroundEmbedder`: any encoder, off the event loop.

Event loops put calls into a queue; daemon threads load the encoder when it is first needed, encode what
waits, and unload it when it has long not been used. One condition guards everything that both sides touch and
is never held while the encoder works.
"""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING

from mcp_memory.embedding.base import KnowsIdentity
from mcp_memory.embedding.calls import Call, CallQueue
from mcp_memory.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mcp_memory.embedding.base import EmbedderState, Encoder, EncoderIdentity, Vectors
    from mcp_memory.embedding.calls import Piece

IDLE_SECONDS = 600.0
"""Unused for this long, the encoder is unloaded."""
RETRY_SECONDS = 30.0
"""A failed load is not tried again earlier."""
BATCH_SIZE = 4
"""Most texts of one encoder call, which a query may have to wait for: 5 to 20 ms of the bundled encoder."""

_EXIT_GRACE_SECONDS = 2.0
"""How long closing waits for a thread that is inside the encoder; it is left behind after that."""


class BackgroundEmbedder:
    """Makes an `Embedder` of an `Encoder`."""

    def __init__(
        self,
        encoder: Encoder,
        *,
        workers: int = 1,
        batch_size: int = BATCH_SIZE,
        idle_seconds: float = IDLE_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Wrap the encoder; no thread starts and nothing loads yet.

        Args:
            encoder: what turns texts into vectors.
            workers: threads that may be inside `encoder.encode` at once. More than one only for encoders
                that wait for someone else, such as an HTTP endpoint.
            batch_size: most texts of one `encoder.encode`; large for encoders that wait for someone else.
            idle_seconds: unused for this long, the encoder is unloaded; `math.inf` for never.
            retry_seconds: a failed load is tried again by the first call after this pause.
            clock: seconds, never going back.
        """
        self._encoder = encoder
        self._worker_count = workers
        self._idle_seconds = idle_seconds
        self._retry_seconds = retry_seconds
        self._clock = clock

        self._changed = threading.Condition()
        self._queue = CallQueue(batch_size)
        self._threads: list[threading.Thread] = []
        self._load_is_wanted = False
        self._busy = 0
        self._last_used = clock()
        self._closed = False

        self._model_lock = threading.Lock()
        self._state: EmbedderState = "idle"
        self._failure = ""
        self._retry_at = 0.0
        self._identity = encoder.identity if isinstance(encoder, KnowsIdentity) else None

    @property
    def name(self) -> str:
        """The encoder's name, known without loading it."""
        return self._encoder.name

    @property
    def identity(self) -> EncoderIdentity | None:
        """Known at once for an encoder that knows it, after the first load for others."""
        return self._identity

    @property
    def state(self) -> EmbedderState:
        """Where the encoder stands now."""
        return self._state

    @property
    def failure(self) -> str:
        """Why the last load or call failed; empty while all is well."""
        return self._failure

    def start(self) -> None:
        """Begin loading in the background, at once; returns immediately."""
        with self._changed:
            if self._closed or self._is_pausing() or self._state == "ready":
                return
            self._load_is_wanted = True
            self._wake_worker()

    async def embed(self, texts: Sequence[str], *, patience: float) -> Vectors:
        """Unit vectors of the texts, float32, shape (len(texts), dimension).

        Waits at most `patience` seconds, loading included. Small calls that wait at the same moment are
        encoded together; bulk calls are cut up and let small ones through.

        Raises:
            EmbedderUnavailable: not ready in time, or failed; `failure` says why.
        """
        if not texts:
            return self._no_vectors()
        waiting = asyncio.wrap_future(self._submit(texts))
        try:
            async with asyncio.timeout(patience):
                return await waiting
        except TimeoutError as error:
            raise EmbedderUnavailable(self._late(patience)) from error

    def unload_if_idle(self) -> bool:
        """Unload the encoder if it has not been used for `idle_seconds`; True if that was done."""
        with self._model_lock:
            with self._changed:
                if not self._is_idle():
                    return False
                self._state = "idle"
            self._unload()
            return True

    async def close(self) -> None:
        """Stop the workers and unload. Texts still waiting get `EmbedderUnavailable`."""
        await asyncio.to_thread(self._close)

    # Called by event loops.

    def _submit(self, texts: Sequence[str]) -> Future[Vectors]:
        call = Call(tuple(texts), Future())
        with self._changed:
            if self._closed:
                raise EmbedderUnavailable(self._closed_text())
            if self._is_pausing():
                raise EmbedderUnavailable(self._failure)
            self._queue.add(call)
            self._wake_worker()
        return call.future

    def _wake_worker(self) -> None:
        """Notify, after starting the threads if they do not run yet. The lock is held."""
        if not self._threads:
            self._start_threads()
        self._changed.notify()

    def _start_threads(self) -> None:
        atexit.register(self._stop)
        for number in range(self._worker_count):
            thread = threading.Thread(target=self._work, name=f"mcp-memory-embedder-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _no_vectors(self) -> Vectors:
        import numpy as np

        return np.empty((0, self._identity.dimension if self._identity else 0), dtype=np.float32)

    def _close(self) -> None:
        self._stop()
        with self._model_lock:
            if self._state == "ready" and not self._busy:
                self._state = "idle"
                self._unload()

    def _stop(self) -> None:
        """A process must not end while a thread is inside native code, so give that a little time."""
        with self._changed:
            self._closed = True
            waiting = self._queue.drain()
            threads, self._threads = self._threads, []
            self._changed.notify_all()
            for call in waiting:
                call.fail(EmbedderUnavailable(self._closed_text()))
        for thread in threads:
            thread.join(_EXIT_GRACE_SECONDS / self._worker_count)
        atexit.unregister(self._stop)

    # Called by the workers.

    def _work(self) -> None:
        while (pieces := self._next_batch()) is not None:
            self._serve(pieces)

    def _next_batch(self) -> list[Piece] | None:
        """Wait for work; None means that there will be no more."""
        while True:
            with self._changed:
                self._changed.wait_for(self._has_news, self._seconds_to_idle())
                if self._closed:
                    return None
                if self._has_news():
                    self._busy += 1
                    self._load_is_wanted = False
                    return self._queue.take()
            self.unload_if_idle()

    def _serve(self, pieces: list[Piece]) -> None:
        """Load if need be, encode, and wake the waiters. No encoder can kill the worker."""
        try:
            self._make_ready()
            texts = [text for piece in pieces for text in piece.texts]
            vectors = self._encoder.encode(texts) if texts else None
        except Exception as error:  # noqa: BLE001 - a worker's outermost door
            self._fail(pieces, error)
        else:
            self._deliver(pieces, vectors)

    def _make_ready(self) -> None:
        with self._model_lock:
            if self._state == "ready":
                return
            if self._is_pausing():
                raise EmbedderUnavailable(self._failure)
            self._state = "loading"
            try:
                self._identity = self._encoder.load()
            except Exception as error:
                self._failure = self._explain(error)
                self._retry_at = self._clock() + self._retry_seconds
                self._state = "failed"
                raise
            self._state = "ready"
            self._failure = ""

    def _unload(self) -> None:
        try:
            self._encoder.unload()
        except Exception as error:  # noqa: BLE001 - a worker's outermost door
            self._failure = self._explain(error)

    def _deliver(self, pieces: list[Piece], vectors: Vectors | None) -> None:
        with self._changed:
            self._rest()
            if vectors is None:
                return
            self._failure = ""
            row = 0
            for piece in pieces:
                piece.call.finish(piece.start, vectors[row : row + len(piece.texts)])
                row += len(piece.texts)

    def _fail(self, pieces: list[Piece], error: Exception) -> None:
        """Fail the calls of this batch, or all that wait if it was loading that failed."""
        with self._changed:
            self._rest()
            self._failure = text = self._explain(error)
            calls = [piece.call for piece in pieces]
            if self._state == "failed":
                calls += self._queue.drain()
            for call in calls:
                call.fail(EmbedderUnavailable(text))

    def _rest(self) -> None:
        self._busy -= 1
        self._last_used = self._clock()

    # Questions; the lock is held where the answer must not change.

    def _has_news(self) -> bool:
        return self._closed or self._load_is_wanted or bool(self._queue)

    def _is_pausing(self) -> bool:
        return self._state == "failed" and self._clock() < self._retry_at

    def _is_idle(self) -> bool:
        nothing_to_do = self._busy == 0 and not self._queue
        return self._state == "ready" and nothing_to_do and self._seconds_unused() >= self._idle_seconds

    def _seconds_unused(self) -> float:
        return self._clock() - self._last_used

    def _seconds_to_idle(self) -> float | None:
        """How long a worker may sleep before it looks whether to unload; None is for ever."""
        if self._state != "ready" or self._busy:
            return None
        return min(max(self._idle_seconds - self._seconds_unused(), 0.0), threading.TIMEOUT_MAX)

    def _late(self, patience: float) -> str:
        doing = "still loading" if self._state in ("idle", "loading") else "busy"
        return f"The encoder {self.name} did not answer within {patience:g} seconds; it is {doing}."

    def _closed_text(self) -> str:
        return f"The encoder {self.name} was closed."

    def _explain(self, error: Exception) -> str:
        if isinstance(error, EmbedderUnavailable):
            return str(error)
        return f"The encoder {self.name} failed: {type(error).__name__}: {error}".rstrip(". ") + "."

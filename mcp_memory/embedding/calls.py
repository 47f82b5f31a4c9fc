"""The texts that wait for the encoder, and which of them go next."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future

    from mcp_memory.embedding.base import Vectors

SMALL_CALL = 4
"""Most texts of a call that overtakes bulk work: a query, or a memory with its parts."""


@dataclass(slots=True, eq=False)
class Call:
    """One `embed` call: what it asks for and who waits for it."""

    texts: Sequence[str]
    future: Future[Vectors]
    taken: int = 0
    """Texts handed out so far; they are handed out in order."""
    parts: dict[int, Vectors] = field(default_factory=dict)
    """Vectors that have come back, by the position of their first text."""
    done: int = 0
    """Texts whose vectors have come back."""

    @property
    def is_over(self) -> bool:
        """Nobody waits for it any more."""
        return self.future.done()

    def take(self, most: int) -> Piece:
        """Hand out the next texts."""
        start = self.taken
        self.taken = min(start + most, len(self.texts))
        return Piece(self, start, self.texts[start : self.taken])

    def finish(self, start: int, vectors: Vectors) -> None:
        """Take in one piece's vectors; the last one wakes the waiter."""
        import numpy as np

        self.parts[start] = vectors
        self.done += len(vectors)
        if self.done < len(self.texts):
            return
        whole = vectors if len(self.parts) == 1 else np.concatenate([self.parts[at] for at in sorted(self.parts)])
        if self._claim():
            self.future.set_result(whole)

    def fail(self, error: Exception) -> None:
        """Wake the waiter with the error."""
        if self._claim():
            self.future.set_exception(error)

    def _claim(self) -> bool:
        """True for the one who may settle the future; a waiter can no longer cancel it then."""
        return not self.future.done() and self.future.set_running_or_notify_cancel()


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Some consecutive texts of a call."""

    call: Call
    start: int
    texts: Sequence[str]


class CallQueue:
    """Calls in the order in which they are to be served. Not thread-safe: the owner holds a lock.

    Small calls that wait at the same moment go together. Bulk calls are cut into pieces and take turns, with
    each other and with the small ones, so that neither waits for more than one batch of the other.
    """

    def __init__(self, batch_size: int) -> None:
        """Start empty.

        Args:
            batch_size: most texts handed out at once.
        """
        self._batch_size = batch_size
        self._most_of_a_small_call = min(SMALL_CALL, batch_size)
        self._small: deque[Call] = deque()
        self._bulk: deque[Call] = deque()
        self._bulk_is_next = False

    def __bool__(self) -> bool:
        return bool(self._small or self._bulk)

    def add(self, call: Call) -> None:
        """Let a call wait for its turn."""
        is_small = len(call.texts) <= self._most_of_a_small_call
        (self._small if is_small else self._bulk).append(call)

    def take(self) -> list[Piece]:
        """The next batch; empty when nobody waits any more. Calls whose waiter has left are dropped."""
        self._drop_abandoned()
        if not self._small or (self._bulk and self._bulk_is_next):
            self._bulk_is_next = False
            return self._take_bulk()
        self._bulk_is_next = True
        return self._take_small()

    def drain(self) -> list[Call]:
        """All calls, which are then no longer queued."""
        calls = [*self._small, *self._bulk]
        self._small.clear()
        self._bulk.clear()
        return calls

    def _drop_abandoned(self) -> None:
        self._small = deque(call for call in self._small if not call.is_over)
        self._bulk = deque(call for call in self._bulk if not call.is_over)

    def _take_small(self) -> list[Piece]:
        pieces: list[Piece] = []
        room = self._batch_size
        while self._small and len(self._small[0].texts) <= room:
            call = self._small.popleft()
            room -= len(call.texts)
            pieces.append(call.take(len(call.texts)))
        return pieces

    def _take_bulk(self) -> list[Piece]:
        if not self._bulk:
            return []
        call = self._bulk.popleft()
        piece = call.take(self._batch_size)
        if call.taken < len(call.texts):
            self._bulk.append(call)
        return [piece]

"""The protocols between memory and its encoders.

An `Encoder` is a plain synchronous model: it loads, encodes, unloads. The `Embedder` that `core` talks to
is asynchronous, lazy and never blocks the event loop; `background.BackgroundEmbedder` makes one of any
encoder.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    """Float32 of shape (texts, dimension); every row has unit length."""

EmbedderState = Literal["idle", "loading", "ready", "failed"]
"""`idle`: not loaded (yet, or unloaded to save memory); it loads by itself at the next text."""


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """What makes two vectors comparable: same name, revision and dimension."""

    name: str
    revision: str
    dimension: int

    def __str__(self) -> str:
        return f"{self.name}@{self.revision} ({self.dimension}-d)"


class Encoder(Protocol):
    """A synchronous text encoder, called from one worker thread at a time unless it says otherwise."""

    name: str

    def load(self) -> EncoderIdentity:
        """Make ready to encode. Safe to call again after `unload`.

        Raises:
            EmbedderUnavailable: with a sentence that says what is missing and how to mend it.
        """

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, float32, shape (len(texts), dimension)."""

    def unload(self) -> None:
        """Give the memory back."""


@runtime_checkable
class KnowsIdentity(Protocol):
    """An encoder that can say what it is before it is loaded."""

    @property
    def identity(self) -> EncoderIdentity | None:
        """None where it cannot say after all."""


class Embedder(Protocol):
    """What `core` needs of an encoder."""

    @property
    def name(self) -> str:
        """The encoder's name, known without loading it."""

    @property
    def identity(self) -> EncoderIdentity | None:
        """Known at once for the bundled encoder, after the first load for others."""

    @property
    def state(self) -> EmbedderState:
        """Where the encoder stands now."""

    @property
    def failure(self) -> str:
        """Why the last load or call failed; empty while all is well."""

    def start(self) -> None:
        """Begin loading in the background, at once; returns immediately."""

    async def embed(self, texts: Sequence[str], *, patience: float) -> Vectors:
        """Unit vectors of the texts, float32, shape (len(texts), dimension).

        Waits at most `patience` seconds, loading included.

        Raises:
            EmbedderUnavailable: not ready in time, or failed; `failure` says why.
        """

    async def close(self) -> None:
        """Stop the workers. Texts still waiting get `EmbedderUnavailable`."""

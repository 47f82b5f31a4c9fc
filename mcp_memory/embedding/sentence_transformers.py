"""`SentenceTransformersEncoder`: any model of the sentence-transformers library (extra `local`)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.embedding.base import Vectors

DEFAULT_MODEL = "sentence-transformers/all-MiniLM-L6-v2"
WEIGHT_SUFFIXES = frozenset({".safetensors", ".bin"})


class SentenceTransformersEncoder:
    """A model by its name on the hub or by the path of its folder; on a GPU if there is one."""

    def __init__(self, model: str = DEFAULT_MODEL, *, device: str | None = None, batch_size: int = 32) -> None:
        """Remember which model; nothing is imported or read yet.

        Args:
            model: a folder, or a name such as `BAAI/bge-small-en-v1.5`.
            device: such as `cpu` or `cuda`; None takes the best there is.
            batch_size: most texts that go through the model at once.
        """
        self._folder = Path(model).expanduser()
        self._model_name = model
        self._device = device
        self._batch_size = batch_size
        self._model: Any = None
        shown = self._folder.resolve().name if self._folder.is_dir() else model
        self.name = f"sentence-transformers/{shown}".replace("sentence-transformers/" * 2, "sentence-transformers/")

    def load(self) -> EncoderIdentity:
        """Load the model; the network is used only for a name that is not on this machine yet.

        Raises:
            EmbedderUnavailable: the extra is not installed, or there is no such model.
        """
        try:
            self._model = self._open()
        except ImportError as error:
            raise EmbedderUnavailable(
                f"The encoder {self.name} needs an extra that cannot be imported ({error}): "
                "pip install 'mcp-memory[local]'."
            ) from error
        except (OSError, ValueError) as error:
            raise EmbedderUnavailable(
                f"There is no model {self._model_name} that can be loaded ({_first_line(error)}); "
                "give the name of a sentence-transformers model or the path of its folder."
            ) from error
        return EncoderIdentity(self.name, self._revision(), self._dimension())

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, float32, shape (len(texts), dimension)."""
        import numpy as np

        if self._model is None:
            raise EmbedderUnavailable("The encoder was asked to encode before it was loaded.")
        vectors = self._model.encode(
            list(texts),
            batch_size=self._batch_size,
            normalize_embeddings=True,
            convert_to_numpy=True,
            show_progress_bar=False,
        )
        return np.asarray(vectors, dtype=np.float32)

    def unload(self) -> None:
        """Drop the model."""
        self._model = None

    def _open(self) -> Any:
        from sentence_transformers import SentenceTransformer

        if self._folder.is_dir():
            return SentenceTransformer(str(self._folder), device=self._device, local_files_only=True)
        try:
            return SentenceTransformer(self._model_name, device=self._device, local_files_only=True)
        except OSError:
            return SentenceTransformer(self._model_name, device=self._device)

    def _dimension(self) -> int:
        """Measured, because not every model declares it."""
        return int(self.encode(["How long are the vectors of this model?"]).shape[1])

    def _revision(self) -> str:
        """A folder's weights by their SHA-256, a hub model by its commit; 12 hexadecimal digits."""
        if self._folder.is_dir():
            return _fingerprint(self._folder)
        config = getattr(getattr(self._model[0], "auto_model", None), "config", None)
        return str(getattr(config, "_commit_hash", None) or "unknown")[:12]


def _fingerprint(folder: Path) -> str:
    weights = sorted(path for path in folder.rglob("*") if path.suffix in WEIGHT_SUFFIXES)
    whole = hashlib.sha256()
    for path in weights:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()[:12]


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")

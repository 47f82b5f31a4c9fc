"""`MiniLMEncoder`: the encoder that works offline in the first second."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import TYPE_CHECKING

from mcp_memory.embedding.minilm.files import (
    MODEL_FILE,
    SHIPPED_FOLDER,
    TOKENIZER_FILE,
    ModelCard,
    read_card,
    verify,
)
from mcp_memory.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

    from mcp_memory.embedding.base import EncoderIdentity, Vectors

_CHARACTERS_PER_TOKEN = 64
"""A text is cut to this many characters per token before it is tokenized, so that a megabyte costs no more
than a page. English has about four; only words longer than 64 letters could tell the difference."""


class MiniLMEncoder:
    """all-MiniLM-L6-v2, int8, on the CPU.

    Texts go through the graph one at a time: a batch is hardly faster with a model this small, memory stays
    bounded by one text of 256 tokens, and a text gets the same vector to the last bit whatever else is
    encoded with it (dynamic quantization takes one scale for a whole batch).
    """

    name = "all-MiniLM-L6-v2-int8"

    def __init__(self, *, folder: Path = SHIPPED_FOLDER, threads: int = 1) -> None:
        """Remember where the files are; nothing is read yet.

        Args:
            folder: where `model.onnx`, `tokenizer.json` and `model.json` lie.
            threads: that one text is computed with. One is as fast as two for short texts and leaves the
                other cores to the other windows on the machine.
        """
        self._folder = folder
        self._threads = threads
        self._session: InferenceSession | None = None
        self._tokenizer: Tokenizer | None = None
        self._longest = 0

    @property
    def identity(self) -> EncoderIdentity | None:
        """Read from `model.json`, without loading the model; None where that file is no use."""
        try:
            return read_card(self._folder).identity
        except EmbedderUnavailable:
            return None

    def load(self) -> EncoderIdentity:
        """Check both files against their SHA-256 and make the session.

        Raises:
            EmbedderUnavailable: a file is missing or damaged, or the runtime cannot be imported.
        """
        card = read_card(self._folder)
        verify(self._folder, card)
        try:
            self._tokenizer = _open_tokenizer(self._folder, card)
            self._session = _open_session(self._folder, self._threads)
        except ImportError as error:
            raise EmbedderUnavailable(
                f"The encoder's runtime cannot be imported ({error}). "
                "Reinstall it with `pip install --force-reinstall onnxruntime tokenizers`."
            ) from error
        self._longest = card.max_tokens * _CHARACTERS_PER_TOKEN
        return card.identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, float32, shape (len(texts), 384); 256 tokens of each are read."""
        import numpy as np

        if self._session is None or self._tokenizer is None:
            raise EmbedderUnavailable("The encoder was asked to encode before it was loaded.")
        vectors = np.empty((len(texts), self._session.get_outputs()[0].shape[1]), dtype=np.float32)
        for row, text in enumerate(texts):
            readable = text[: self._longest].encode("utf-8", "replace").decode("utf-8")
            ids = np.array([self._tokenizer.encode(readable).ids], dtype=np.int64)
            vectors[row] = self._session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0]
        return vectors

    def unload(self) -> None:
        """Drop model and tokenizer, and hand their memory back to the system."""
        self._session = None
        self._tokenizer = None
        _return_free_memory()


def _return_free_memory() -> None:
    """glibc keeps about 20 MB of what the model used, unless it is told; other systems need no telling."""
    if sys.platform != "linux":
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _open_tokenizer(folder: Path, card: ModelCard) -> Tokenizer:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER_FILE))
    tokenizer.enable_truncation(card.max_tokens)
    return tokenizer


def _open_session(folder: Path, threads: int) -> InferenceSession:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # Waiting threads that spin take a whole core from the other windows.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(
        str(folder / MODEL_FILE), sess_options=options, providers=["CPUExecutionProvider"]
    )

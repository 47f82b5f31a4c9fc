"""`OpenAIEncoder`: any endpoint that speaks OpenAI's embeddings API."""

from __future__ import annotations

import base64
import math
from typing import TYPE_CHECKING, Any, Literal

from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.endpoint import OPENAI_URL, Endpoint, keep_to_itself
from mcp_memory.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai import OpenAI

    from mcp_memory.embedding.base import Vectors

DEFAULT_MODEL = "text-embedding-3-small"
REVISION = "remote"
"""The API does not say which version of a model answers."""


class OpenAIEncoder:
    """A model behind HTTP. May be called from several threads at once after `load`."""

    def __init__(
        self,
        *,
        model: str = DEFAULT_MODEL,
        base_url: str = "",
        api_key: str = "",
        dimensions: int = 0,
        encoding: Literal["base64", "float"] = "base64",
        batch_size: int = 64,
        timeout: float = 30.0,
        max_retries: int = 2,
    ) -> None:
        """Remember how to ask; nothing is sent yet.

        Args:
            model: its name at the endpoint.
            base_url: of the endpoint, without `/embeddings`; empty for OpenAI's own.
            api_key: empty for endpoints that ask for none. It is never taken from elsewhere.
            dimensions: shorten the vectors to this length, for models that can; 0 for the model's own.
            encoding: how vectors are asked for. `float` for endpoints that refuse `base64`, which is four
                times shorter; either is understood in the answer.
            batch_size: most texts of one request.
            timeout: seconds that one request may take.
            max_retries: further attempts after a failed connection, a timeout, 408, 409, 429 or 5xx.
        """
        self.name = f"openai/{model}"
        self._model = model
        self._endpoint = Endpoint("embedding endpoint", "MCP_MEMORY_EMBEDDER_", base_url or OPENAI_URL, api_key)
        self._dimensions = dimensions
        self._encoding = encoding
        self._batch_size = batch_size
        self._timeout = timeout
        self._max_retries = max_retries
        self._client: OpenAI | None = None
        self._identity: EncoderIdentity | None = None

    def __repr__(self) -> str:
        return f"OpenAIEncoder(model={self._model!r}, base_url={self._endpoint.place!r})"

    def load(self) -> EncoderIdentity:
        """Open a client; the first time, ask for one vector to learn the dimension.

        Raises:
            EmbedderUnavailable: the endpoint cannot be reached, refuses, or answers with something else.
        """
        self._client = self._open_client()
        if self._identity is None:
            probe = self._request(self._client, ["How long are the vectors of this model?"])
            self._identity = EncoderIdentity(self.name, REVISION, probe.shape[1])
        return self._identity

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, float32, shape (len(texts), dimension).

        Raises:
            EmbedderUnavailable: the endpoint cannot be reached, refuses, or answers with something else.
        """
        import numpy as np

        if self._client is None or self._identity is None:
            raise EmbedderUnavailable("The encoder was asked to encode before it was loaded.")
        vectors = np.empty((len(texts), self._identity.dimension), dtype=np.float32)
        for start in range(0, len(texts), self._batch_size):
            batch = self._request(self._client, texts[start : start + self._batch_size])
            if batch.shape[1] != self._identity.dimension:
                raise self._unusable(f"vectors of {batch.shape[1]} numbers instead of {self._identity.dimension}")
            vectors[start : start + len(batch)] = batch
        return vectors

    def unload(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()
        self._client = None

    def _open_client(self) -> OpenAI:
        from openai import OpenAI

        if obstacle := self._endpoint.obstacle():
            raise EmbedderUnavailable(obstacle)
        client = OpenAI(
            base_url=self._endpoint.url,
            api_key=self._endpoint.api_key or "none",
            timeout=self._timeout,
            max_retries=self._max_retries,
        )
        keep_to_itself(client)
        return client

    def _request(self, client: OpenAI, texts: Sequence[str]) -> Vectors:
        """One request. The answer is read here and not by the client, which trusts what endpoints send."""
        from openai import APIError, omit

        try:
            answer = client.embeddings.with_raw_response.create(
                model=self._model,
                # The API refuses an empty string.
                input=[text or " " for text in texts],
                dimensions=self._dimensions or omit,
                encoding_format=self._encoding,
            )
        except APIError as error:
            reason = self._endpoint.explain(error, model=self._model, timeout=self._timeout)
            raise EmbedderUnavailable(reason) from None
        try:
            return _unit_rows(answer.http_response.json(), expected=len(texts))
        except (ValueError, KeyError, TypeError) as error:
            raise self._unusable(str(error)) from error

    def _unusable(self, what: str) -> EmbedderUnavailable:
        return EmbedderUnavailable(
            f"{self._endpoint.subject} sent an answer that is no list of vectors: {what}; "
            "check that its address is that of an OpenAI-compatible API."
        )


def _unit_rows(answer: Any, *, expected: int) -> Vectors:
    """The vectors of an answer in the order of the texts, normalised, shape (expected, dimension).

    Raises:
        ValueError, KeyError, TypeError: it is not what the API promises.
    """
    import numpy as np

    items = sorted(answer["data"], key=lambda item: int(item["index"]))
    if len(items) != expected:
        raise ValueError(f"{len(items)} vectors for {expected} texts")
    rows = [_row(item["embedding"]) for item in items]
    if len({row.shape for row in rows}) != 1:
        raise ValueError("vectors of different lengths")
    vectors: Vectors = np.stack(rows)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not all(math.isfinite(norm) and norm > 0 for norm in norms[:, 0]):
        raise ValueError("a vector without direction")
    unit: Vectors = vectors / norms
    return unit


def _row(embedding: Any) -> Vectors:
    import numpy as np

    if isinstance(embedding, str):
        row = np.frombuffer(base64.b64decode(embedding, validate=True), dtype="<f4").astype(np.float32)
    else:
        row = np.asarray(embedding, dtype=np.float32)
    if row.ndim != 1 or not row.size:
        raise ValueError("a vector without numbers")
    return row

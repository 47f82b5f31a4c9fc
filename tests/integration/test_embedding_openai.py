"""The HTTP encoder against a real server on loopback."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.embedding.openai import OpenAIEncoder
from mcp_memory.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 10.0
KEY = "sk-very-secret"

Answer = tuple[int, Any]
"""Status and body; a body that is bytes is sent as it is, anything else as JSON."""


class Endpoint:
    """An embeddings endpoint. `script` answers the next requests; after it, every answer is right."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.script: list[Callable[[dict[str, Any]], Answer]] = []
        self.dimension = 3
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()

    def right(self, request: dict[str, Any]) -> Answer:
        dimension = request.get("dimensions", self.dimension)
        as_sent = base64_of if request.get("encoding_format") == "base64" else list
        rows = [
            {"object": "embedding", "index": index, "embedding": as_sent(raw_vector(text, dimension))}
            for index, text in enumerate(request["input"])
        ]
        return 200, {"object": "list", "data": rows[::-1], "model": request["model"]}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                endpoint.requests.append(request)
                endpoint.keys.append(self.headers.get("Authorization", ""))
                endpoint.headers.append(dict(self.headers))
                answer = endpoint.script.pop(0) if endpoint.script else endpoint.right
                status, body = answer(request)
                sent = body if isinstance(body, bytes) else json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(sent)))
                    self.send_header("retry-after-ms", "1")
                    self.end_headers()
                    self.wfile.write(sent)
                except OSError:
                    self.close_connection = True  # the client gave up

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler


def raw_vector(text: str, dimension: int) -> list[float]:
    return [float(len(text)), *([1.0] * (dimension - 1))]


def unit_vector(text: str, dimension: int = 3) -> Any:
    raw = np.array(raw_vector(text, dimension), dtype=np.float32)
    return raw / np.linalg.norm(raw)


def base64_of(row: list[float]) -> str:
    return base64.b64encode(np.array(row, dtype="<f4").tobytes()).decode()


def always(status: int, body: Any) -> Callable[[dict[str, Any]], Answer]:
    return lambda request: (status, body)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    yield made
    made.stop()


@pytest.fixture
def opened() -> Iterator[list[OpenAIEncoder]]:
    encoders: list[OpenAIEncoder] = []
    yield encoders
    for encoder in encoders:
        encoder.unload()


@pytest.fixture
def connect(endpoint: Endpoint, opened: list[OpenAIEncoder]) -> Callable[..., OpenAIEncoder]:
    def make(**options: Any) -> OpenAIEncoder:
        settings = {"model": "small", "base_url": endpoint.url, "api_key": KEY, "max_retries": 0, "timeout": PATIENCE}
        opened.append(OpenAIEncoder(**(settings | options)))
        return opened[-1]

    return make


@pytest.fixture
def encoder(connect: Callable[..., OpenAIEncoder]) -> OpenAIEncoder:
    return connect()


@pytest.mark.parametrize("encoding", ["base64", "float"])
def test_vectors_come_back_normalised_and_in_the_order_of_the_texts(
    connect: Callable[..., OpenAIEncoder], encoding: str
) -> None:
    encoder = connect(encoding=encoding)
    assert encoder.load() == EncoderIdentity("openai/small", "remote", 3)
    vectors = encoder.encode(["a", "bbb", "cc"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [unit_vector("a"), unit_vector("bbb"), unit_vector("cc")], rtol=1e-6)


def test_lists_of_numbers_are_understood_although_base64_was_asked_for(
    encoder: OpenAIEncoder, endpoint: Endpoint
) -> None:
    encoder.load()
    endpoint.script = [lambda request: endpoint.right(request | {"encoding_format": "float"})]
    np.testing.assert_allclose(encoder.encode(["a"]), [unit_vector("a")], rtol=1e-6)


def test_the_wanted_dimension_is_asked_for(connect: Callable[..., OpenAIEncoder], endpoint: Endpoint) -> None:
    assert connect(dimensions=7).load().dimension == 7
    connect().load()
    assert [request.get("dimensions") for request in endpoint.requests] == [7, None]


def test_many_texts_go_in_several_requests(connect: Callable[..., OpenAIEncoder], endpoint: Endpoint) -> None:
    encoder = connect(batch_size=4)
    encoder.load()
    texts = ["x" * length for length in range(1, 11)]
    np.testing.assert_allclose(encoder.encode(texts), [unit_vector(text) for text in texts], rtol=1e-6)
    assert [len(request["input"]) for request in endpoint.requests] == [1, 4, 4, 2]


def test_an_empty_text_is_sent_as_a_space(encoder: OpenAIEncoder, endpoint: Endpoint) -> None:
    encoder.load()
    encoder.encode([""])
    assert endpoint.requests[-1]["input"] == [" "]


def test_loading_again_after_an_idle_pause_costs_no_request(encoder: OpenAIEncoder, endpoint: Endpoint) -> None:
    identity = encoder.load()
    encoder.unload()
    assert encoder.load() == identity
    assert len(endpoint.requests) == 1


def test_a_server_error_is_tried_again(connect: Callable[..., OpenAIEncoder], endpoint: Endpoint) -> None:
    endpoint.script = [always(500, {"error": {"message": "overheated"}})]
    assert connect(max_retries=1).load().dimension == 3
    assert len(endpoint.requests) == 2


def test_a_server_error_that_stays_is_reported_with_its_words(encoder: OpenAIEncoder, endpoint: Endpoint) -> None:
    endpoint.script = [always(500, {"error": {"message": "overheated"}})]
    with pytest.raises(EmbedderUnavailable, match=r"127\.0\.0\.1:\d+/v1 answered with status 500: .*overheated"):
        encoder.load()


def test_a_refused_key_is_named_as_the_reason_and_never_shown(encoder: OpenAIEncoder, endpoint: Endpoint) -> None:
    endpoint.script = [always(401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})]
    with pytest.raises(EmbedderUnavailable, match="refused the API key") as raised:
        encoder.load()
    assert KEY not in str(raised.value)
    assert endpoint.keys == [f"Bearer {KEY}"]


def test_a_server_that_repeats_the_key_in_another_error_does_not_leak_it(
    encoder: OpenAIEncoder, endpoint: Endpoint
) -> None:
    endpoint.script = [always(400, {"error": {"message": f"bad request by {KEY}"}})]
    with pytest.raises(EmbedderUnavailable, match=r"status 400: .*bad request by \[key\]"):
        encoder.load()


def test_an_unknown_model_is_named(encoder: OpenAIEncoder, endpoint: Endpoint) -> None:
    endpoint.script = [always(404, {"error": {"message": "no such model"}})]
    with pytest.raises(EmbedderUnavailable, match="has no model small"):
        encoder.load()


def test_an_endpoint_that_is_down_is_reported_with_its_address(encoder: OpenAIEncoder, endpoint: Endpoint) -> None:
    endpoint.stop()
    with pytest.raises(EmbedderUnavailable, match=r"127\.0\.0\.1:\d+/v1 cannot be reached.*check its address"):
        encoder.load()


def test_an_endpoint_that_is_too_slow_is_reported(connect: Callable[..., OpenAIEncoder], endpoint: Endpoint) -> None:
    released = threading.Event()

    def late(request: dict[str, Any]) -> Answer:
        assert released.wait(PATIENCE)
        return endpoint.right(request)

    endpoint.script = [late]
    try:
        with pytest.raises(EmbedderUnavailable, match=r"did not answer within 0\.2 seconds"):
            connect(timeout=0.2).load()
    finally:
        released.set()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"object": "list"}, id="no data"),
        pytest.param({"data": []}, id="no vectors"),
        pytest.param({"data": [{"index": 0, "embedding": [1.0]}, {"index": 1, "embedding": [1.0]}]}, id="too many"),
        pytest.param({"data": [{"index": 0, "embedding": []}]}, id="empty vector"),
        pytest.param({"data": [{"index": 0, "embedding": [[1.0]]}]}, id="nested vector"),
        pytest.param({"data": [{"index": 0, "embedding": [0.0, 0.0]}]}, id="zero vector"),
        pytest.param({"data": [{"index": 0, "embedding": [1.0, None]}]}, id="hole in the vector"),
        pytest.param({"data": [{"index": 0, "embedding": "!!"}]}, id="broken base64"),
        pytest.param({"data": [{"index": 0, "embedding": "AAAA"}]}, id="base64 of no floats"),
        pytest.param({"data": [{"embedding": [1.0]}]}, id="no index"),
        pytest.param({"data": None}, id="null data"),
        pytest.param({"data": [3]}, id="no objects"),
        pytest.param([1, 2], id="a list"),
        pytest.param(b"<html>It works!</html>", id="a web page"),
    ],
)
def test_an_answer_of_the_wrong_shape_is_refused(encoder: OpenAIEncoder, endpoint: Endpoint, body: Any) -> None:
    endpoint.script = [always(200, body)]
    with pytest.raises(EmbedderUnavailable, match="sent an answer that is no list of vectors"):
        encoder.load()


def test_a_dimension_that_changes_later_is_refused(encoder: OpenAIEncoder, endpoint: Endpoint) -> None:
    encoder.load()
    endpoint.dimension = 5
    with pytest.raises(EmbedderUnavailable, match="vectors of 5 numbers instead of 3"):
        encoder.encode(["a"])


def test_without_key_openai_itself_is_not_even_asked() -> None:
    with pytest.raises(EmbedderUnavailable, match="needs an API key; set MCP_MEMORY_EMBEDDER_API_KEY"):
        OpenAIEncoder().load()


def test_a_key_of_the_environment_is_never_sent_to_another_endpoint(
    connect: Callable[..., OpenAIEncoder], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-someone-else")
    connect(api_key="").load()
    assert endpoint.keys == ["Bearer none"]


def test_nothing_of_the_environment_goes_along(
    connect: Callable[..., OpenAIEncoder], endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "of-someone-else")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "of-someone-else")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: of-someone-else")
    connect().load()
    assert "of-someone-else" not in str(endpoint.headers)


def test_neither_key_nor_password_is_in_its_representation() -> None:
    shown = repr(OpenAIEncoder(model="small", base_url="https://me:pass@host.example/v1?t=1", api_key=KEY))
    assert shown == "OpenAIEncoder(model='small', base_url='https://host.example/v1')"


def test_behind_the_background_embedder_it_recovers_when_the_endpoint_does(
    encoder: OpenAIEncoder, endpoint: Endpoint
) -> None:
    async def embed_three_times() -> None:
        embedder = BackgroundEmbedder(encoder, workers=4, batch_size=2)
        await embedder.embed(["a"], patience=PATIENCE)
        endpoint.script = [always(503, {"error": {"message": "away"}})]
        with pytest.raises(EmbedderUnavailable, match="status 503"):
            await embedder.embed(["b"], patience=PATIENCE)
        texts = ["x" * length for length in range(1, 12)]
        vectors = await embedder.embed(texts, patience=PATIENCE)
        np.testing.assert_allclose(vectors, [unit_vector(text) for text in texts], rtol=1e-6)
        assert embedder.failure == ""
        await embedder.close()

    asyncio.run(embed_three_times())

"""A real OpenAI-compatible server on loopback that answers by a script: right, slow, wrong, truncated or down."""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PATIENCE = 10.0
"""Seconds after which any wait of the server ends."""
GLANCE = 0.01
"""Seconds between two looks at whether a slow answer is still wanted."""


@dataclass(frozen=True)
class Slow:
    """A right answer after so many seconds, or once the event is set; at the latest when the server closes."""

    until: float | threading.Event
    text: str


@dataclass(frozen=True)
class Status:
    """An error in OpenAI's form."""

    code: int
    message: str


@dataclass(frozen=True)
class Truncated:
    """An answer that was cut at the most tokens."""

    text: str


@dataclass(frozen=True)
class Empty:
    """A right answer without a word."""


@dataclass(frozen=True)
class NotJson:
    """Status 200 and this body: a web page, a list, half an answer."""

    body: str


@dataclass(frozen=True)
class Hangup:
    """The connection is closed without an answer."""


@dataclass(frozen=True)
class Usage:
    """A right answer that says what it cost; other answers do not say."""

    text: str
    prompt_tokens: int
    completion_tokens: int


Reply = str | Slow | Status | Truncated | Empty | NotJson | Hangup | Usage


class ModelServer:
    """`with ModelServer(["first answer", Status(500, "overheated")]) as server: ... server.url ...`

    A list is served in order, whoever asks; a callable gets the body of each request, possibly several at once.
    When a callable raises, the server hangs up, and raises it again at the end of the `with`.
    """

    def __init__(
        self, script: Sequence[Reply] | Callable[[dict[str, Any]], Reply], *, refuses: Sequence[str] = ()
    ) -> None:
        """`refuses` names parameters that are answered with status 400, as servers do that do not know them."""
        self.requests: list[dict[str, Any]] = []
        """The body of every request so far, refused ones too, in the order of arrival."""
        self.headers: list[dict[str, str]] = []
        """The headers of the same requests; their names in lower case."""
        self.abandoned = threading.Event()
        """A client has closed the connection while a slow answer was due."""
        self._reply = script if callable(script) else _in_order(script)
        self._refuses = tuple(refuses)
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": GLANCE})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        self.close()
        if self._server.failures and kind is None:
            raise self._server.failures[0]

    def close(self) -> None:
        """Release every slow answer and stop listening: from now on the endpoint is down. May be called twice."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()

    @property
    def url(self) -> str:
        """What a client is given as its base URL."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    @property
    def texts(self) -> list[str]:
        """The last message of the user in each request so far."""
        with self._lock:
            return [_last_user_message(request) for request in self.requests]

    def record(self, request: dict[str, Any], headers: dict[str, str]) -> None:
        """Keep a request for the test to look at."""
        with self._lock:
            self.requests.append(request)
            self.headers.append(headers)

    def reply_to(self, request: dict[str, Any]) -> Reply:
        """What the script says to a request."""
        return self._reply(request)

    def complaint(self, request: dict[str, Any]) -> dict[str, Any] | None:
        """The error of a request that this server does not take."""
        for name in self._refuses:
            if name in request:
                return _error(f"Unsupported parameter: '{name}' is not supported with this model.", name)
        if "max_tokens" in request and "max_completion_tokens" in request:
            return _error("Set max_tokens or max_completion_tokens, not both.", "max_tokens")
        if not isinstance(request.get("model"), str) or not request["model"]:
            return _error("You must provide a model parameter.", "model")
        if not request.get("messages"):
            return _error("Missing required parameter: 'messages'.", "messages")
        return None

    def wait(self, slow: Slow, connection: socket.socket) -> None:
        """Until the answer is due, the server closes or the client has gone."""
        event = slow.until if isinstance(slow.until, threading.Event) else threading.Event()
        seconds = PATIENCE if isinstance(slow.until, threading.Event) else slow.until
        end = time.monotonic() + seconds
        while not self._closing.is_set() and not event.wait(GLANCE) and time.monotonic() < end:
            if _is_gone(connection):
                self.abandoned.set()
                return


def _in_order(replies: Sequence[Reply]) -> Callable[[dict[str, Any]], Reply]:
    waiting = deque(replies)

    def next_reply(_request: dict[str, Any]) -> Reply:
        try:
            return waiting.popleft()
        except IndexError:
            return Status(500, "script exhausted")

    return next_reply


def _is_gone(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    if not readable:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def _last_user_message(request: dict[str, Any]) -> str:
    said = [message["content"] for message in request.get("messages", ()) if message["role"] == "user"]
    return said[-1] if said else ""


def _error(message: str, parameter: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": parameter, "code": None}}


def _completion(request: dict[str, Any], text: str, finish: str = "stop") -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": request["model"],
        "choices": [{"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": text}}],
    }


def _usage(reply: Usage) -> dict[str, int]:
    return {
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": reply.completion_tokens,
        "total_tokens": reply.prompt_tokens + reply.completion_tokens,
    }


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = False  # so that `server_close` waits for the answers under way

    def __init__(self, model: ModelServer) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model
        self.failures: list[BaseException] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep what a script raised; a client that gave up is no news."""
        error = sys.exception()
        if error is not None and not isinstance(error, OSError):
            self.failures.append(error)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = PATIENCE

    def do_GET(self) -> None:
        if self.path != "/v1/models":
            return self._send(404, _error(f"Unknown path {self.path}"))
        return self._send(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != "/v1/chat/completions":
            return self._send(404, _error(f"Unknown path {self.path}"))
        request = json.loads(body)
        self.server.model.record(request, {name.lower(): value for name, value in self.headers.items()})
        if complaint := self.server.model.complaint(request):
            return self._send(400, complaint)
        return self._answer(request, self.server.model.reply_to(request))

    def _answer(self, request: dict[str, Any], reply: Reply) -> None:
        match reply:
            case str():
                self._send(200, _completion(request, reply))
            case Slow():
                self.server.model.wait(reply, self.connection)
                self._send(200, _completion(request, reply.text))
            case Status():
                self._send(reply.code, _error(reply.message))
            case Truncated():
                self._send(200, _completion(request, reply.text, "length"))
            case Empty():
                self._send(200, _completion(request, ""))
            case NotJson():
                self._send(200, reply.body)
            case Usage():
                self._send(200, _completion(request, reply.text) | {"usage": _usage(reply)})
            case Hangup():
                self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, status: int, body: dict[str, Any] | str) -> None:
        sent = (body if isinstance(body, str) else json.dumps(body)).encode()
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

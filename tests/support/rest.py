"""A client of the REST door that holds every answer against `/openapi.json`.

It works in process over Starlette's test client, and over real HTTP against a running server:

    with serving(folder) as rest:                 # the real app, a real store, the real encoder
        rest.ask("POST", "/v1/memories", json={"content": "Ana prefers tea."}, status=201)

    with httpx2.Client(base_url=url) as http:     # a real server
        rest = Rest(http)
"""

from __future__ import annotations

import re
import secrets
import socket
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any

import httpx2
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from mcp_memory.app import build_memory
from mcp_memory.rest.app import build_app
from mcp_memory.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from starlette.applications import Starlette

    from mcp_memory.core.memory import Memory

Response = httpx2.Response

STARTING_SECONDS = 20.0


class Reference:
    """What `/openapi.json` promises about answers."""

    def __init__(self, description: Mapping[str, Any]) -> None:
        self.description = description
        self._components = _closed(description["components"])
        self._operations = [
            (re.compile(_pattern(path)), path, methods) for path, methods in description["paths"].items()
        ]
        self._operations.sort(key=lambda one: [segment.startswith("{") for segment in one[1].split("/")])

    def operation(self, method: str, path: str) -> Mapping[str, Any] | None:
        """The operation that a request is for."""
        for pattern, _, methods in self._operations:
            if pattern.fullmatch(path):
                found: Mapping[str, Any] | None = methods.get(method.lower())
                return found
        return None

    def check(self, response: Response) -> None:
        """Fail where status, media type or body are not what was promised."""
        request = response.request
        operation = self.operation(request.method, request.url.path)
        if operation is None:
            return
        where = f"{request.method} {request.url.path} {response.status_code}"
        answer = operation["responses"].get(str(response.status_code))
        assert answer is not None, f"{where} is not declared"
        if "$ref" in answer:
            answer = self._components["responses"][answer["$ref"].rpartition("/")[2]]
        content = answer.get("content")
        if content is None:
            assert response.content == b"", f"{where} has a body"
            return
        media = response.headers["content-type"].partition(";")[0]
        assert media in content, f"{where} is {media}"
        if media == "application/json":
            self._validate(response.json(), content[media]["schema"], where)

    def _validate(self, body: Any, schema: Mapping[str, Any], where: str) -> None:
        whole = {**_closed(schema), "components": self._components}
        errors = sorted(Draft202012Validator(whole).iter_errors(body), key=lambda one: one.json_path)
        assert not errors, f"{where}: {errors[0].json_path}: {errors[0].message[:300]}"


def _pattern(path: str) -> str:
    rest = path.rpartition("/")[2] == "{rest}"
    pattern = re.sub(r"{\w+}", "[^/]+", path)
    return re.sub(r"\[\^/\]\+$", ".+", pattern) if rest else pattern


def _closed(schema: Any) -> Any:
    """The schema, where every object with properties has no others: what is sent must be declared."""
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _closed(value) for name, value in schema.items()}
    if "properties" in told and told.get("type") == "object" and told.get("title") != "Detail":
        told.setdefault("additionalProperties", False)
    return told


class Rest:
    """Somebody who calls the REST door."""

    def __init__(self, http: httpx2.Client, headers: Mapping[str, str] | None = None) -> None:
        self.http = http
        self.headers = dict(headers or {})

    @cached_property
    def reference(self) -> Reference:
        """What the server says about itself."""
        return Reference(self.http.get("/openapi.json", headers=self.headers).json())

    def having(self, **headers: str) -> Rest:
        """The same with other headers; `_` stands for `-`, an empty one is left out."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        other = Rest(self.http, {name: value for name, value in (self.headers | named).items() if value})
        other.__dict__["reference"] = self.reference
        return other

    def alone(self) -> Rest:
        """The same in a workspace that nobody else uses."""
        return self.having(X_Workspace_ID=f"ws_{secrets.token_hex(8)}")

    @property
    def workspace(self) -> str:
        """The workspace it names."""
        return self.headers["X-Workspace-ID"]

    def send(self, method: str, path: str, **request: Any) -> Response:
        """The answer, whatever it is; one that is not as promised fails."""
        headers = self.headers | request.pop("headers", {})
        response = self.http.request(method, path, headers=headers, **request)
        self.reference.check(response)
        return response

    def ask(self, method: str, path: str, *, status: int = 200, **request: Any) -> Any:
        """The body of an answer that has this status; None where it is empty."""
        response = self.send(method, path, **request)
        assert response.status_code == status, f"{response.status_code}: {response.text[:500]}"
        return response.json() if response.content else None

    def get(self, path: str, **query: Any) -> Any:
        """The body of a successful GET."""
        return self.ask("GET", path, params=query)

    def post(self, path: str, body: Any = None, *, status: int = 200, **request: Any) -> Any:
        """The body of a successful POST."""
        return self.ask("POST", path, status=status, json=body, **request)

    def refusal(self, status: int, method: str, path: str, **request: Any) -> Any:
        """The `detail` of an answer that has this status."""
        body = self.ask(method, path, status=status, **request)
        return body["detail"]

    def remember(self, content: str, **fields: Any) -> dict[str, Any]:
        """A new memory."""
        made: dict[str, Any] = self.post("/v1/memories", {"content": content, **fields}, status=201)
        return made

    def recalled(self, query: str, **fields: Any) -> list[str]:
        """The contents found, best first."""
        return [one["content"] for one in self.post("/v1/memories/recall", {"query": query, **fields})["memories"]]


@contextmanager
def serving(folder: Path, workspace: str = "_default", **settings: Any) -> Iterator[Rest]:
    """The app in process, over a store in `folder` and the bundled encoder."""
    app = app_over(build_memory(load_settings(data_dir=folder, **settings), workspace))
    with TestClient(app, raise_server_exceptions=False) as http:
        yield Rest(http)


def app_over(memory: Memory, **parts: Any) -> Starlette:
    """The app over a memory that it opens and closes itself; `parts` are those of `build_app`."""

    async def source() -> Memory:
        return memory

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await memory.open()
        await memory.resources.indexer.embedder.embed(["."], patience=60)
        yield
        await memory.close()

    return build_app(source, lifespan=lifespan, **parts)


@contextmanager
def over_http(app: Any) -> Iterator[str]:
    """The address of a real server of the app, on this machine, in a thread of its own."""
    import uvicorn

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            _wait_for(server)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(STARTING_SECONDS)


def _wait_for(server: Any) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while not server.started:
        assert time.monotonic() < deadline, "the server did not start"
        time.sleep(0.01)

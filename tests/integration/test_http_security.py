"""The door before the real app, over real HTTP: every endpoint of the table, and what only a socket can send."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2
import pytest

from mcp_memory.app import build_memory, open_memory
from mcp_memory.core.resources import Scope
from mcp_memory.models.administration import AuditEventQuery, KeyCreate
from mcp_memory.models.memory import Remember
from mcp_memory.rest.endpoint import Endpoint, NoBody, Probe
from mcp_memory.rest.security.policy import Policy
from mcp_memory.rest.security.stack import OPEN, Security
from mcp_memory.rest.service import Service
from mcp_memory.rest.table import ENDPOINTS
from mcp_memory.settings import load_settings
from tests.support.rest import app_over, over_http

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from mcp_memory.core.memory import Memory

CALLS = [one for one in ENDPOINTS if isinstance(one, Endpoint)]
PROBES = [one for one in ENDPOINTS if isinstance(one, Probe)]
PRIVATE = "The vault opens with the third rune."


def named(endpoints: list[Any]) -> Any:
    return pytest.mark.parametrize("endpoint", endpoints, ids=[f"{one.method} {one.path}" for one in endpoints])


@dataclass
class World:
    """A server, a store with one memory in each of two workspaces, and keys."""

    http: httpx2.Client
    folder: Path
    theirs: str
    shared: str
    secrets: dict[str, str]
    moment: list[float]

    def send(self, endpoint: Any, key: str = "", id_: str = "x", **headers: str) -> httpx2.Response:
        """What comes of the endpoint's request about `id_`, with a body about something of the caller's own."""
        shown = {"Authorization": f"Bearer {self.secrets[key]}"} if key else {}
        path = re.sub(r"{workspace_id}", "theirs", endpoint.path)
        path = re.sub(r"{\w+(:path)?}", id_, path)
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.request(
            endpoint.method, path, headers=shown | told, content=body_of(endpoint, self.secrets["mine"])
        )

    def do(self, work: Callable[[Memory], Awaitable[Any]]) -> Any:
        return over_store(self.folder, work)

    def everything(self) -> str:
        """All that is stored, but for how often it was read."""

        async def told(memory: Memory) -> list[dict[str, Any]]:
            return [line async for line in memory.export()]

        lines = [line for line in self.do(told) if line["type"] not in ("header", "footer")]
        return re.sub(r'"(access_count|last_accessed_at)": [^,]+,', "", json.dumps(lines, default=str))


def over_store(folder: Path, work: Callable[[Memory], Awaitable[Any]]) -> Any:
    """What another process would do to the same store."""

    async def run() -> Any:
        async with open_memory(data_dir=folder, workspace="mine") as memory:
            return await work(memory)

    return asyncio.run(run())


def body_of(endpoint: Any, id_: str) -> bytes | None:
    """A body that fits the endpoint's model."""
    if getattr(endpoint, "body", NoBody) is NoBody:
        return None
    schema = endpoint.body.model_json_schema()
    return json.dumps(sample(schema, schema.get("$defs", {}), id_)).encode()


def sample(schema: dict[str, Any], models: dict[str, Any], id_: str) -> Any:
    """Something small that fits a JSON schema."""
    if "$ref" in schema:
        return sample(models[schema["$ref"].rpartition("/")[2]], models, id_)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return sample(schema[choice][0], models, id_)
    if "enum" in schema or "const" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    kind = schema.get("type")
    if kind == "object":
        required = schema.get("required", [])
        return {name: sample(schema["properties"][name], models, id_) for name in required}
    if kind == "array":
        return [sample(schema.get("items", {}), models, id_)] * schema.get("minItems", 0)
    return {"string": id_, "integer": 1, "number": 1.0, "boolean": True}.get(str(kind), id_)


async def seeded(memory: Memory) -> dict[str, str]:
    async def remembered(workspace: str, content: str) -> str:
        return (await memory.remember(Remember(content=content), Scope(workspace, author="eve"))).memory_id

    async def made(**fields: Any) -> str:
        return (await memory.create_key(KeyCreate(**fields))).secret

    return {
        "theirs": await remembered("theirs", PRIVATE),
        "shared": await remembered("_global", "Everybody may know that tea is hot."),
        "mine": await remembered("mine", "Tea is served at four."),
        "reader": await made(name="reader", scopes=["read"]),
        "writer": await made(name="writer", scopes=["write"]),
        "member": await made(name="member", scopes=["read", "write"]),
        "bound": await made(name="bound", scopes=["read", "write", "admin"], workspace_id="mine"),
        "admin": await made(name="admin", scopes=["admin"]),
    }


@contextmanager
def world_over(folder: Path, policy: Policy) -> Iterator[World]:
    found = over_store(folder, seeded)
    moment = [0.0]
    memory = build_memory(load_settings(data_dir=folder), "mine")
    app = app_over(memory)

    async def source() -> Memory:
        await memory.open()
        return memory

    door = Security(app, source, policy, clock=lambda: moment[0])
    with over_http(door) as url, httpx2.Client(base_url=url, timeout=60) as http:
        yield World(http, folder, found["theirs"], found["shared"], found, moment)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    policy = Policy(rate_per_minute=0, failures_per_minute=10_000)
    with world_over(tmp_path_factory.mktemp("world"), policy) as made:
        yield made


# Every endpoint


def test_only_what_tells_about_the_server_itself_needs_no_key() -> None:
    assert {one.path for one in PROBES} == OPEN - {"/docs", "/openapi.json"}


@named(CALLS)
def test_without_a_key_nothing_is_done_and_nothing_told(world: World, endpoint: Endpoint) -> None:
    for headers in ({}, {"Authorization": "Bearer mcpm_0123abcd_" + "A" * 43}):
        answer = world.send(endpoint, **headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert isinstance(answer.json()["detail"], str)
        assert PRIVATE not in answer.text


@named(CALLS)
def test_a_key_that_lacks_the_right_is_known_but_not_let_in(world: World, endpoint: Endpoint) -> None:
    lacking = {"read": ["writer"], "write": ["reader"], "admin": ["reader", "writer", "member"]}[endpoint.right]
    for key in lacking:
        answer = world.send(endpoint, key, X_Workspace_ID="mine")
        assert answer.status_code == 403
        assert endpoint.right in answer.json()["detail"]
        assert "WWW-Authenticate" not in answer.headers


@named([*CALLS, *PROBES])
def test_a_foreign_host_is_misdirected_even_with_a_good_key(world: World, endpoint: Any) -> None:
    assert world.send(endpoint, "admin", Host="evil.example").status_code == 421


@named([*CALLS, *PROBES])
def test_a_foreign_page_is_refused_even_with_a_good_key(world: World, endpoint: Any) -> None:
    for origin in ("https://evil.example", "null"):
        answer = world.send(endpoint, "admin", Origin=origin)
        assert answer.status_code == 403
        assert not any(name.startswith("access-control") for name in answer.headers)


@named([one for one in CALLS if one.verb])
def test_a_bound_key_enters_no_other_workspace(world: World, endpoint: Endpoint) -> None:
    answer = world.send(endpoint, "bound", X_Workspace_ID="theirs")
    assert answer.status_code == 403, answer.text
    assert "may not see" in answer.json()["detail"]


@named([one for one in CALLS if "{memory_id}" in one.path])
def test_to_a_bound_key_the_memories_of_others_do_not_exist(world: World, endpoint: Endpoint) -> None:
    answer = world.send(endpoint, "bound", world.theirs)
    assert answer.status_code == 404, answer.text
    assert PRIVATE not in answer.text


@named([one for one in CALLS if one.method == "GET" and "{workspace_id}" not in one.path])
def test_no_list_a_bound_key_can_get_names_the_workspaces_or_memories_of_others(
    world: World, endpoint: Endpoint
) -> None:
    answer = world.send(endpoint, "bound", "vault")
    assert answer.status_code in (200, 400, 403, 404, 501)
    for word in (PRIVATE, world.theirs, '"theirs"'):
        assert word not in answer.text


def test_a_bound_key_finds_its_own_memories_and_the_shared_ones_and_no_others(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.secrets['bound']}"}
    body = {"query": "tea vault rune", "limit": 20, "tolerance": "loose"}
    found = world.http.post("/v1/memories/recall", json=body, headers=headers).json()["memories"]
    assert {one["workspace_id"] for one in found} == {"mine", "_global"}


def test_a_bound_key_names_its_workspace_in_vain_where_the_body_names_another(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.secrets['bound']}", "X-Workspace-ID": "mine"}
    body = {"query": "vault", "workspace_id": "theirs"}
    answer = world.http.post("/v1/memories/recall", json=body, headers=headers)
    assert (answer.status_code, PRIVATE in answer.text) == (403, False)


def test_after_all_that_what_others_and_everybody_remember_is_as_it_was(world: World) -> None:
    before = world.everything()
    for endpoint in [one for one in CALLS if one.verb]:
        world.send(endpoint)
        world.send(endpoint, "bound", world.theirs, X_Workspace_ID="theirs")
        world.send(endpoint, "admin", world.theirs, Host="evil.example")
        if endpoint.right != "read":
            world.send(endpoint, "reader", world.theirs, X_Workspace_ID="theirs")
    assert world.everything() == before


# Keys


def test_the_keys_name_is_the_author_of_what_is_written_with_it(world: World) -> None:
    headers = {"X-API-Key": world.secrets["member"], "X-Workspace-ID": "authors"}
    made = world.http.post("/v1/memories", json={"content": "Ben plays chess."}, headers=headers)
    assert (made.status_code, made.json()["author"]) == (201, "member")
    events = world.do(lambda memory: memory.audit_events(AuditEventQuery(), Scope("authors")))
    assert [(one.event_type, one.author) for one in events if one.event_type == "memory"] == [("memory", "member")]


def test_a_key_revoked_by_another_process_is_out_two_seconds_later(world: World) -> None:
    secret = world.do(lambda memory: memory.create_key(KeyCreate(name="short"))).secret
    headers = {"Authorization": f"Bearer {secret}"}
    assert world.http.get("/v1/statistics", headers=headers).status_code == 200
    world.do(lambda memory: memory.revoke_key(secret[:13]))
    world.moment[0] += 2
    answer = world.http.get("/v1/statistics", headers=headers)
    assert (answer.status_code, "revoked" in answer.json()["detail"]) == (401, True)


def test_a_key_that_has_expired_is_out(world: World) -> None:
    async def past(memory: Memory) -> str:
        memory.resources = replace(memory.resources, now=lambda: datetime.now(UTC) - timedelta(hours=1))
        return (await memory.create_key(KeyCreate(name="old", expires_in=60))).secret

    answer = world.http.get("/v1/statistics", headers={"X-API-Key": world.do(past)})
    assert (answer.status_code, "expired" in answer.json()["detail"]) == (401, True)


def test_the_hash_in_the_store_is_compared_in_constant_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bool] = []

    def differs(one: bytes, other: bytes) -> bool:
        compared.append(one == other)
        return False

    monkeypatch.setattr("mcp_memory.storage.sqlite.keys.hmac.compare_digest", differs)
    assert world.do(lambda memory: memory.find_key(world.secrets["member"])) is None
    assert compared == [True]


def test_refusals_are_in_the_audit_trail_when_the_server_has_stopped(tmp_path: Path) -> None:
    with world_over(tmp_path, Policy()) as world:
        world.http.get("/v1/statistics")
        world.http.get("/v1/statistics")
        world.http.post("/v1/memories", headers={"X-API-Key": world.secrets["reader"]}, json={"content": "x"})
    events = world.do(lambda memory: memory.audit_events(AuditEventQuery(event_type="access", everywhere=True)))
    told = {(one.author, one.metadata["reason"], one.metadata["path"], one.metadata["count"]) for one in events}
    assert told == {(None, "no_key", "/v1/statistics", 2), ("reader", "not_allowed", "/v1/memories", 1)}
    used = {key.name for key in world.do(lambda memory: memory.list_keys()) if key.last_used_at}
    assert used == {"reader"}


# What only a socket can send


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server with a small cap and a short limit."""
    policy = Policy(body_bytes=4096, timeout=0.5, rate_per_minute=0)
    with world_over(tmp_path_factory.mktemp("small"), policy) as made:
        yield made


def spoken(world: World, text: str | bytes, *, ends: bool = False) -> tuple[int, str]:
    """What the server answers to these bytes, until it closes the connection; 0: nothing."""
    where = urlsplit(str(world.http.base_url))
    with closing(socket.create_connection((where.hostname, where.port), timeout=30)) as wire:
        wire.sendall(text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode())
        if ends:
            wire.shutdown(socket.SHUT_WR)
        heard = b""
        while part := wire.recv(65_536):
            heard += part
    head = heard.split(b"\r\n", 1)[0].split()
    return (int(head[1]) if len(head) > 1 else 0), heard.decode(errors="replace")


def headers_of(world: World, key: str = "member") -> str:
    return f"Host: 127.0.0.1\nX-API-Key: {world.secrets[key]}\nContent-Type: application/json\n"


def test_two_hosts_on_the_wire_reach_nothing(small: World) -> None:
    text = "GET /health HTTP/1.1\nHost: 127.0.0.1\nHost: evil.example\nConnection: close\n\n"
    assert spoken(small, text)[0] in (400, 421)


@pytest.mark.parametrize("host", ["evil.example", "user@127.0.0.1", "127.0.0.1.evil.example", "127.0.0.1:1:2", ""])
def test_a_host_on_the_wire_is_taken_as_it_is(small: World, host: str) -> None:
    assert spoken(small, f"GET /health HTTP/1.1\nHost: {host}\nConnection: close\n\n")[0] in (400, 421)


@pytest.mark.parametrize("host", ["LOCALHOST", "localhost.:80", "[::1]:61001", "127.0.0.1"])
def test_a_loopback_host_on_the_wire_is_served(small: World, host: str) -> None:
    assert spoken(small, f"GET /health HTTP/1.1\nHost: {host}\nConnection: close\n\n")[0] == 200


def test_a_request_without_a_host_is_misdirected(small: World) -> None:
    assert spoken(small, "GET /health HTTP/1.0\n\n")[0] == 421


@pytest.mark.parametrize("target", ["http://127.0.0.1/health", "http://evil.example/health", "//evil.example/health"])
def test_a_whole_address_in_the_place_of_a_path_is_no_way_in(small: World, target: str) -> None:
    status, heard = spoken(small, f"GET {target} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n")
    assert status in (401, 421)
    assert "Location" not in heard


def test_a_path_that_hides_its_slashes_is_no_way_around_the_key(small: World) -> None:
    for path in (
        "/health%2f..%2fv1%2fstatistics",
        "/v1%2fstatistics",
        "/%76%31/statistics",
        "/health/../v1/statistics",
    ):
        assert spoken(small, f"GET {path} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n")[0] == 401


def chunked(*parts: bytes) -> bytes:
    return b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts)


def test_a_chunked_body_over_the_cap_is_refused_while_it_is_sent_and_the_connection_closed(small: World) -> None:
    head = f"POST /v1/memories HTTP/1.1\n{headers_of(small)}Transfer-Encoding: chunked\n\n".replace("\n", "\r\n")
    status, heard = spoken(small, head.encode() + chunked(b'{"content": "', b"x" * 5000))
    assert status == 413
    assert "4,096 bytes" in heard
    assert "connection: close" in heard.lower()


def test_a_client_that_sends_all_of_too_large_a_body_first_still_reads_why(small: World) -> None:
    head = f"POST /v1/memories HTTP/1.1\n{headers_of(small)}Content-Length: 3000000\n\n".replace("\n", "\r\n")
    status, heard = spoken(small, head.encode() + b"x" * 3_000_000)
    assert (status, "4,096 bytes" in heard) == (413, True)


def test_a_chunked_body_under_the_cap_is_read(small: World) -> None:
    head = f"POST /v1/memories HTTP/1.1\n{headers_of(small)}Transfer-Encoding: chunked\nConnection: close\n\n"
    body = chunked(b'{"content": ', b'"Tea is hot."}') + b"0\r\n\r\n"
    assert spoken(small, head.replace("\n", "\r\n").encode() + body)[0] == 201


def test_a_length_and_chunks_together_are_no_request(small: World) -> None:
    head = f"POST /v1/memories HTTP/1.1\n{headers_of(small)}Content-Length: 4\nTransfer-Encoding: chunked\n\n"
    body = chunked(b"x" * 5000) + b"0\r\n\r\nGET /v1/statistics HTTP/1.1\r\n\r\n"
    status, heard = spoken(small, head.replace("\n", "\r\n").encode() + body, ends=True)
    assert status in (400, 413, 422)
    assert heard.count("HTTP/1.1 200") == 0


def test_a_body_that_stops_half_way_is_given_up(small: World) -> None:
    head = f"POST /v1/memories HTTP/1.1\n{headers_of(small)}Content-Length: 100\n\n" + '{"content": "half'
    status, heard = spoken(small, head)
    assert status == 408
    assert "did not arrive" in heard
    assert "connection: close" in heard.lower()


def test_without_a_key_no_byte_of_the_body_is_waited_for(small: World) -> None:
    head = "POST /v1/memories HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 100\nConnection: close\n\n"
    assert spoken(small, head)[0] == 401


def test_a_header_line_in_a_request_id_is_not_sent_back(small: World) -> None:
    text = "GET /health HTTP/1.1\nHost: 127.0.0.1\nX-Request-ID: a\tb; Set-Cookie: x\nConnection: close\n\n"
    status, heard = spoken(small, text)
    assert (status, "Set-Cookie" in heard) == (200, False)


# MCP behind the same door


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The whole server, as the settings compose it."""
    folder = tmp_path_factory.mktemp("served")
    found = over_store(folder, seeded)
    settings = load_settings(data_dir=folder, workspace="mine", http_rate_per_minute=0)
    with over_http(Service(settings).app) as url, httpx2.Client(base_url=url, timeout=60) as http:
        yield World(http, folder, found["theirs"], found["shared"], found, [])


def called(world: World, key: str, tool: str, **arguments: Any) -> dict[str, Any]:
    """The result of a tool call over streamable HTTP."""
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    headers = {"X-API-Key": world.secrets[key], "Accept": "application/json, text/event-stream"}
    answer = world.http.post("/mcp", json=message, headers=headers)
    assert answer.status_code == 200, answer.text
    [data] = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    result: dict[str, Any] = json.loads(data)["result"]
    return result


@pytest.mark.parametrize(("method", "path"), [("POST", "/mcp"), ("GET", "/sse"), ("POST", "/messages/")])
def test_every_mcp_door_wants_a_key_a_known_host_and_no_foreign_page(served: World, method: str, path: str) -> None:
    good = {"X-API-Key": served.secrets["member"]}
    answer = served.http.request(method, path)
    assert answer.status_code == 401
    where = str(served.http.base_url).rstrip("/") + "/.well-known/oauth-protected-resource" + path.rstrip("/")
    assert f'resource_metadata="{where}"' in answer.headers["WWW-Authenticate"]
    assert served.http.get(where).json()["resource"].endswith(path.rstrip("/"))
    assert served.http.request(method, path, headers=good | {"Host": "evil.example"}).status_code == 421
    assert served.http.request(method, path, headers=good | {"Origin": "https://evil.example"}).status_code == 403


def test_a_tool_that_writes_is_refused_to_a_key_that_reads_and_the_audit_trail_knows(served: World) -> None:
    assert not called(served, "reader", "memory_recall", query="tea")["isError"]
    refused = called(served, "reader", "memory_remember", content="Tea is cold.")
    assert refused["isError"]
    assert "write" in refused["content"][0]["text"]
    assert not called(served, "member", "memory_remember", content="Tea is warm.")["isError"]
    stored = served.everything()
    assert ("Tea is cold." in stored, "Tea is warm." in stored) == (False, True)


def test_a_bound_key_reaches_no_other_workspace_through_a_tool(served: World) -> None:
    found = called(served, "bound", "memory_recall", query="vault rune tea", tolerance="loose")
    assert PRIVATE not in json.dumps(found)
    assert called(served, "bound", "memory_forget", memory_id=served.theirs)["isError"]
    assert called(served, "bound", "memory_session_start", workspace_id="theirs")["isError"]
    headers = {"X-API-Key": served.secrets["bound"]}
    assert served.http.post("/mcp?workspace=theirs", json={}, headers=headers).status_code == 403
    assert served.http.post("/mcp", json={}, headers=headers | {"X-Workspace-ID": "theirs"}).status_code == 403
    assert PRIVATE in served.everything()

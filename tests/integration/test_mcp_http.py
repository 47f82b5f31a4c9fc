"""MCP over HTTP at a real server: who is where, who may do what, and what the wire answers to wrong requests."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import apsw
import httpx2
import pytest
from mcp import MCPError

from mcp_memory import open_memory
from mcp_memory.models.administration import KeyCreate
from tests.support.agents import WHOLE_CALLS, Agent, agent_over, client_over
from tests.support.model_server import ModelServer, Slow
from tests.support.served import served
from tests.support.server import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

pytestmark = pytest.mark.anyio

ERAS = ("legacy", "2026-07-28")
WAYS = [(door, era) for door in ("streamable-http", "sse") for era in ERAS]
every_way = pytest.mark.parametrize(("door", "era"), WAYS)
every_era = pytest.mark.parametrize("era", ERAS)

PATIENCE = 20.0
"""Seconds after which a test that waits gives up."""
MOST_LISTED = 16_384
"""Bytes that the list of tools may have on the wire."""
BODY_BYTES = 1024 * 1024

ACCEPT = {"Accept": "application/json, text/event-stream"}
MODERN = {"MCP-Protocol-Version": "2026-07-28"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "probe", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def unique(prefix: str = "ws") -> str:
    """A name that nobody else uses."""
    return f"{prefix}_{secrets.token_hex(6)}"


def message(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


INITIALIZE = message(
    "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo={"name": "probe", "version": "1"}
)


def asked(http: httpx2.Client, era: str, method: str, headers: dict[str, str] | None = None, **params: Any) -> Any:
    """The response to one request, sent as a client of that era sends it."""
    if era == "legacy":
        return http.post("/mcp", json=message(method, **params), headers=ACCEPT | (headers or {}))
    named = {"Mcp-Name": params["name"]} if "name" in params else {}
    told = ACCEPT | MODERN | {"Mcp-Method": method} | named | (headers or {})
    return http.post("/mcp", json=message(method, **params, _meta=ENVELOPE), headers=told)


def answer_in(response: httpx2.Response) -> Any:
    """The JSON-RPC answer, whether it comes as JSON or as a stream of events."""
    if response.headers["content-type"].startswith("application/json"):
        return response.json()
    [data] = [line[6:] for line in response.text.splitlines() if line.startswith("data: {")]
    return json.loads(data)


@dataclass
class Site:
    """A server, its store, and the secrets of its keys."""

    url: str
    folder: Path
    keys: dict[str, str]

    def agent(
        self, door: str, era: str, key: str = "", query: str = "", **headers: str
    ) -> AbstractAsyncContextManager[Agent]:
        """An agent there, with a key if one is named."""
        shown = {"Authorization": f"Bearer {self.keys[key]}"} if key else {}
        return agent_over(door, era, self.url, query, **shown, **headers)

    async def contents(self, workspace: str) -> list[str]:
        """What is remembered in a workspace, in the order of the alphabet."""
        async with open_memory(data_dir=self.folder, workspace=workspace) as memory:
            lines = [line async for line in memory.export()]
        memories = [line["data"] for line in lines if line["type"] == "memory"]
        return sorted(one["content"] for one in memories if one["workspace_id"] == workspace)

    def sessions(self, workspace: str) -> int:
        """How many were ever begun in a workspace."""
        with closing(apsw.Connection(str(self.folder / "memory.db"))) as database:
            counted = "SELECT count(*) FROM sessions JOIN workspaces ON workspace = number WHERE workspaces.id = ?"
            return int(database.execute(counted, (workspace,)).get)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server without keys."""
    folder = tmp_path_factory.mktemp("site")
    with served(folder, http_body_mb=BODY_BYTES // 1024**2) as url:
        yield Site(url, folder, {})


@pytest.fixture
def http(site: Site) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=site.url, timeout=60) as client:
        yield client


KEYS = {
    "ana": KeyCreate(name="ana", scopes=["read", "write"], workspace_id="ana"),
    "ben": KeyCreate(name="ben", scopes=["read", "write"], workspace_id="ben"),
    "cy": KeyCreate(name="cy", scopes=["read", "write"], workspace_id="cy"),
    "reader": KeyCreate(name="reader", scopes=["read"]),
    "writer": KeyCreate(name="writer", scopes=["write"]),
    "admin": KeyCreate(name="admin", scopes=["admin"]),
}


async def make_keys(folder: Path) -> dict[str, str]:
    async with open_memory(data_dir=folder, workspace="_default") as memory:
        return {name: (await memory.create_key(key)).secret for name, key in KEYS.items()}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with keys."""
    folder = tmp_path_factory.mktemp("guarded")
    keys = asyncio.run(make_keys(folder))
    with served(folder, http_auth_failures_per_minute=10_000) as url:
        yield Site(url, folder, keys)


# Whose memories


async def lives(agent: Agent, workspace: str) -> None:
    """Remember some things in a workspace, and see nothing else there."""
    mine = [f"Thing {number} of {workspace}." for number in range(5)]
    for content in mine:
        told = await agent.ask("memory_remember", content=content)
        assert told["workspace_id"] == workspace
    assert sorted(await agent.recalled("*", limit=50)) == mine
    assert sorted(await agent.recalled("thing", limit=50, min_relevance=0, tolerance="loose")) == mine
    assert (await agent.ask("memory_statistics"))["total_memories"] == len(mine)


@every_way
@pytest.mark.parametrize("how", ["header", "query"])
async def test_clients_that_work_at_once_each_live_in_the_workspace_they_name(
    site: Site, door: str, era: str, how: str
) -> None:
    async def live() -> None:
        workspace = unique()
        named: dict[str, Any] = (
            {"X_Workspace_ID": workspace} if how == "header" else {"query": f"?workspace={workspace}"}
        )
        async with site.agent(door, era, **named) as agent:
            await lives(agent, workspace)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(live)


@every_way
async def test_clients_with_bound_keys_live_in_the_workspaces_of_their_keys(guarded: Site, door: str, era: str) -> None:
    async def live(key: str) -> None:
        async with guarded.agent(door, era, key) as agent:
            for memory in (await agent.ask("memory_recall", query="*", limit=50))["memories"]:
                await agent.ask("memory_forget", memory_id=memory["id"], hard=True)
            await lives(agent, key)

    async with anyio.create_task_group() as tasks:
        for key in ("ana", "ben", "cy"):
            tasks.start_soon(live, key)


@every_way
async def test_a_header_says_more_about_the_workspace_than_a_query(site: Site, door: str, era: str) -> None:
    here, there = unique(), unique()
    async with site.agent(door, era, query=f"?workspace={there}", X_Workspace_ID=here) as agent:
        assert (await agent.ask("memory_remember", content="Here."))["workspace_id"] == here


@every_way
async def test_who_names_no_workspace_is_in_the_servers(site: Site, door: str, era: str) -> None:
    async with site.agent(door, era) as agent:
        assert (await agent.ask("memory_statistics"))["workspace_id"] == "_default"


@every_way
async def test_the_author_is_the_key_and_without_one_the_client_where_requests_name_it(
    site: Site, guarded: Site, door: str, era: str
) -> None:
    async with guarded.agent(door, era, "cy") as agent:
        memory_id = await agent.remember(unique("Cy knows "))
        [found] = [one for one in (await agent.ask("memory_recall", query="*"))["memories"] if one["id"] == memory_id]
        assert found["author"] == "cy"
    async with site.agent(door, era, X_Workspace_ID=unique()) as agent:
        await agent.remember("Somebody knows.")
        [found] = (await agent.ask("memory_recall", query="*"))["memories"]
        nameless = (door, era) == ("streamable-http", "legacy")
        assert found["author"] == ("http" if nameless else "mcp")


@pytest.mark.parametrize("path", ["/mcp", "/sse"])
@pytest.mark.parametrize("how", ["header", "query"])
def test_a_bound_key_that_names_another_workspace_is_refused_before_anything_is_done(
    guarded: Site, path: str, how: str
) -> None:
    named: dict[str, Any] = (
        {"headers": {"X-Workspace-ID": "ben"}} if how == "header" else {"params": {"workspace": "ben"}}
    )
    headers = ACCEPT | {"X-API-Key": guarded.keys["ana"]} | named.pop("headers", {})
    method = "POST" if path == "/mcp" else "GET"
    with httpx2.Client(base_url=guarded.url) as http:
        answer = http.request(method, path, json=INITIALIZE, headers=headers, **named)
    assert answer.status_code == 403
    assert answer.json() == {"detail": "This key may not see that workspace."}


@every_way
async def test_a_bound_key_moves_no_call_to_another_workspace(guarded: Site, door: str, era: str) -> None:
    before = await guarded.contents("ben")
    async with guarded.agent(door, era, "ana") as agent:
        assert "may not see" in await agent.complaint("memory_session_start", workspace_id="ben")
        started = await agent.ask("memory_session_start", workspace_id="ana")
        assert started["workspace_id"] == "ana"
    assert await guarded.contents("ben") == before


@every_way
async def test_a_bound_key_changes_nothing_that_is_global(guarded: Site, door: str, era: str) -> None:
    content = unique("Everybody knows ")
    async with guarded.agent(door, era, "admin", X_Workspace_ID="_global") as admin:
        memory_id = await admin.remember(content)
    async with guarded.agent(door, era, "ana") as agent:
        assert content in await agent.recalled(content)
        for hard in (False, True):
            assert "may read and not change" in await agent.complaint("memory_forget", memory_id=memory_id, hard=hard)
    assert content in await guarded.contents("_global")


@every_way
async def test_no_client_is_told_where_on_the_server_the_store_lies(site: Site, door: str, era: str) -> None:
    async with site.agent(door, era) as agent:
        result = await agent.call("memory_statistics", {})
    assert str(site.folder) not in str(result)
    assert result.structured_content is not None
    assert result.structured_content["storage"]["size_bytes"] > 0


@every_way
async def test_a_bound_key_is_told_nothing_of_what_other_workspaces_hold(guarded: Site, door: str, era: str) -> None:
    async with guarded.agent(door, era, "ana") as agent:
        told = await agent.ask("memory_statistics")
    assert set(told["storage"]) == {"schema_version"}
    assert not {"embedded", "pending"} & set(told["encoder"])


# Whose session


@every_era
async def test_two_clients_of_streamable_http_that_name_no_session_have_none(site: Site, era: str) -> None:
    workspace = unique()
    async with (
        site.agent("streamable-http", era, X_Workspace_ID=workspace) as one,
        site.agent("streamable-http", era, X_Workspace_ID=workspace) as other,
    ):
        await one.remember("Ana prefers green tea.")
        for agent in (one, other):
            assert not (await agent.ask("memory_session_status"))["active"]
            assert "no session" in await agent.complaint("memory_session_commit")
    assert site.sessions(workspace) == 0


@every_era
async def test_two_clients_over_sse_have_a_session_each(site: Site, era: str) -> None:
    workspace = unique()
    async with (
        site.agent("sse", era, X_Workspace_ID=workspace) as one,
        site.agent("sse", era, X_Workspace_ID=workspace) as other,
    ):
        first = (await one.run("secret = 'tea'"))["session_id"]
        await one.remember("For now only.", type="working")
        structure, _ = await other.failed("memory_context_exec", code="secret")
        assert structure["error"]["type"] == "NameError"
        assert (await other.ask("memory_session_status"))["id"] != first
        assert site.sessions(workspace) == 2
        assert await other.recalled("*") == []
        assert (await one.run("secret"))["result"].strip("'") == "tea"


@every_era
async def test_over_sse_the_header_names_the_session_of_a_connection(site: Site, era: str) -> None:
    headers = {"X_Workspace_ID": unique(), "X_Session_ID": unique("window")}
    async with site.agent("sse", era, **headers) as agent:
        await agent.run("x = 41")
    async with site.agent("sse", era, **headers) as agent:
        assert (await agent.run("x + 1"))["result"] == "42"
        assert (await agent.ask("memory_session_status"))["id"] == headers["X_Session_ID"]


@every_way
async def test_to_a_bound_key_the_session_of_another_workspace_is_one_that_is_not_there(
    guarded: Site, door: str, era: str
) -> None:
    async with guarded.agent(door, era, "ben") as ben, guarded.agent(door, era, "ana") as ana:
        theirs = (await ben.ask("memory_session_start"))["session_id"]
        await ben.run("secret = 'tea'", session_id=theirs)
        before = await ben.ask("memory_session_status", session_id=theirs)
        for tool, arguments in WHOLE_CALLS.items():
            unknown = await ana.complaint(tool, **arguments, session_id="sess_nowhere")
            refused = await ana.complaint(tool, **arguments, session_id=theirs)
            assert "no session" in refused, tool
            assert refused.replace(theirs, "sess_nowhere") == unknown, tool
        assert await ben.ask("memory_session_status", session_id=theirs) == before


@every_era
async def test_a_bound_key_gets_into_no_others_session_by_the_header(guarded: Site, era: str) -> None:
    async with guarded.agent("streamable-http", era, "ben") as ben:
        theirs = (await ben.ask("memory_session_start"))["session_id"]
        await ben.run("secret = 'tea'", session_id=theirs)
        async with guarded.agent("streamable-http", era, "ana", X_Session_ID=theirs) as ana:
            assert "another workspace's" in await ana.complaint("memory_context_exec", code="secret")
            assert "another workspace's" in await ana.complaint("memory_remember", content="Mine.", type="working")
        assert (await ben.run("secret", session_id=theirs))["result"].strip("'") == "tea"


@asynccontextmanager
async def opened_stream(http: httpx2.AsyncClient, **headers: str) -> AsyncIterator[str]:
    """An open SSE connection; where its messages are posted."""
    async with http.stream("GET", "/sse", headers=headers) as stream:
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                yield line[6:]
                return


async def test_nobody_posts_into_the_connection_of_another_key(guarded: Site) -> None:
    def shown(key: str) -> dict[str, str]:
        return {"X-API-Key": guarded.keys[key]}

    async with (
        httpx2.AsyncClient(base_url=guarded.url, timeout=PATIENCE) as http,
        opened_stream(http, **shown("ana")) as place,
    ):
        assert (await http.post(place, json=INITIALIZE)).status_code == 401
        assert (await http.post(place, json=INITIALIZE, headers=shown("ana"))).status_code == 202
        nowhere = f"/messages/?session_id={secrets.token_hex(16)}"
        for key in guarded.keys.keys() - {"ana"}:
            refused = await http.post(place, json=INITIALIZE, headers=shown(key))
            unknown = await http.post(nowhere, json=INITIALIZE, headers=shown(key))
            assert (refused.status_code, unknown.status_code) == (404, 404)
            assert refused.json() == unknown.json()


# Who is let in


@pytest.mark.parametrize(("method", "path"), [("POST", "/mcp"), ("GET", "/sse"), ("POST", "/messages/")])
def test_a_client_without_a_key_is_told_how_to_come_in(guarded: Site, method: str, path: str) -> None:
    with httpx2.Client(base_url=guarded.url) as http:
        answer = http.request(method, path, json=INITIALIZE, headers=ACCEPT)
        assert answer.status_code == 401
        assert "API key" in answer.json()["detail"]
        where = f"{guarded.url}/.well-known/oauth-protected-resource{path.rstrip('/')}"
        assert answer.headers["WWW-Authenticate"] == f'Bearer realm="mcp-memory", resource_metadata="{where}"'
        described = http.get(where).json()
    assert described["resource"] == f"{guarded.url}{path.rstrip('/')}"
    assert described["bearer_methods_supported"] == ["header"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/mcp"), ("GET", "/sse"), ("POST", "/messages/")])
def test_a_key_that_is_not_known_is_told_so(guarded: Site, method: str, path: str) -> None:
    with httpx2.Client(base_url=guarded.url) as http:
        headers = ACCEPT | {"Authorization": "Bearer mcpm_not_a_key"}
        answer = http.request(method, path, json=INITIALIZE, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="mcp-memory", error="invalid_token"')


@every_way
async def test_a_client_without_a_key_does_not_connect(guarded: Site, door: str, era: str) -> None:
    with pytest.RaisesGroup(
        pytest.RaisesExc((MCPError, httpx2.HTTPStatusError)), flatten_subgroups=True, allow_unwrapped=True
    ):
        async with client_over(door, era, guarded.url) as client:
            await client.list_tools()


@every_way
async def test_a_key_that_reads_is_refused_by_every_tool_that_writes_and_by_no_other(
    guarded: Site, door: str, era: str
) -> None:
    workspace = unique()
    async with guarded.agent(door, era, "reader", X_Workspace_ID=workspace) as agent:
        tools = (await agent.client.list_tools()).tools
        writing = {tool.name for tool in tools if not (tool.annotations and tool.annotations.read_only_hint)}
        assert {"memory_remember", "memory_forget", "memory_associate", "memory_context_exec"} <= writing
        refused = set()
        for tool, arguments in WHOLE_CALLS.items():
            result = await agent.call(tool, arguments)
            if "does not allow to write" in result.content[0].text:
                assert result.is_error
                refused.add(tool)
    assert refused == writing
    assert await guarded.contents(workspace) == []


@every_era
async def test_a_key_that_writes_alone_cannot_read(guarded: Site, era: str) -> None:
    async with guarded.agent("streamable-http", era, "writer", X_Workspace_ID=unique()) as agent:
        await agent.remember("Ana prefers green tea.")
        assert "does not allow to read" in await agent.complaint("memory_recall", query="tea")


@pytest.mark.parametrize(("method", "path"), [("POST", "/mcp"), ("GET", "/sse"), ("POST", "/messages/")])
def test_even_without_keys_a_foreign_host_or_page_gets_nothing(http: httpx2.Client, method: str, path: str) -> None:
    foreign_host = http.request(method, path, json=INITIALIZE, headers=ACCEPT | {"Host": "evil.example"})
    assert foreign_host.status_code == 421
    assert "MCP_MEMORY_HTTP_ALLOWED_HOSTS" in foreign_host.json()["detail"]
    for origin in ("https://evil.example", "null", "http://127.0.0.1.evil.example"):
        foreign_page = http.request(method, path, json=INITIALIZE, headers=ACCEPT | {"Origin": origin})
        assert foreign_page.status_code == 403
        assert "access-control-allow-origin" not in foreign_page.headers


def test_a_page_of_an_allowed_origin_may_call_and_read_the_answer(tmp_path: Path) -> None:
    page = {"Origin": "https://app.example.org"}
    with served(tmp_path, http_allowed_origins=page["Origin"]) as url, httpx2.Client(base_url=url) as http:
        asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "mcp-protocol-version"}
        assert http.options("/mcp", headers=page | asks).status_code == 204
        for era in ERAS:
            answer = asked(http, era, "tools/list", page)
            assert answer.status_code == 200
            assert answer.headers["access-control-allow-origin"] == page["Origin"]


def test_who_asks_too_often_is_told_when_to_come_again(tmp_path: Path) -> None:
    with served(tmp_path, http_rate_per_minute=2) as url, httpx2.Client(base_url=url) as http:
        answers = [asked(http, "legacy", "ping") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "detail" in answers[-1].json()


def test_beyond_what_is_served_at_a_time_clients_are_told_to_wait_and_health_is_still_told(tmp_path: Path) -> None:
    with served(tmp_path, http_concurrency=1) as url, httpx2.Client(base_url=url) as http:
        with http.stream("GET", "/sse") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: endpoint"
            crowded = asked(http, "legacy", "ping")
            assert (crowded.status_code, crowded.headers["Retry-After"]) == (503, "1")
            assert crowded.json()["detail"]
            assert http.get("/health").status_code == 200
        eventually(lambda: asked(http, "legacy", "ping").status_code == 200)


# What is wrong on the wire


@pytest.mark.parametrize(
    ("path", "allowed", "methods"),
    [
        ("/mcp", "POST", ("GET", "DELETE", "PUT", "PATCH", "OPTIONS")),
        ("/sse", "GET", ("POST", "DELETE", "PUT")),
        ("/messages/", "POST", ("GET", "DELETE", "PUT")),
    ],
)
def test_a_wrong_method_is_told_which_one_is_right(
    http: httpx2.Client, path: str, allowed: str, methods: tuple[str, ...]
) -> None:
    for method in methods:
        answer = http.request(method, path, headers=ACCEPT)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed), method
        assert answer.json()["detail"]


NO_MESSAGES = [
    b"",
    b"{",
    b"[]",
    b"null",
    b'"x"',
    b"\xff\xfe",
    b"{}",
    b"[" * 3000,
    b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}',
    b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
]


@every_era
def test_what_is_no_message_is_an_error_of_the_protocol(http: httpx2.Client, era: str) -> None:
    headers = ACCEPT | {"Content-Type": "application/json"} | (MODERN if era != "legacy" else {})
    for content in NO_MESSAGES:
        answer = http.post("/mcp", content=content, headers=headers)
        assert answer.status_code == 400, content[:40]
        assert answer.json()["jsonrpc"] == "2.0"
        assert answer.json()["error"]["code"] in (-32700, -32600, -32602)


async def test_what_is_no_message_leaves_an_open_connection_as_it_was(site: Site) -> None:
    async with httpx2.AsyncClient(base_url=site.url, timeout=PATIENCE) as http, opened_stream(http) as place:
        for content in NO_MESSAGES:
            answer = await http.post(place, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 400, content[:40]
            assert answer.json()["detail"]
        assert (await http.post(place, json=INITIALIZE)).status_code == 202


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("?session_id=zz", 400), (f"?session_id={'0' * 32}", 404), ("?session_id=", 400)]
)
def test_a_message_for_no_connection_is_refused(http: httpx2.Client, query: str, status: int) -> None:
    answer = http.post(f"/messages/{query}", json=INITIALIZE)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_an_answer_nobody_can_read_is_not_acceptable(http: httpx2.Client) -> None:
    for accepted in ("text/html", "application/json"):
        answer = http.post("/mcp", json=INITIALIZE, headers={"Accept": accepted})
        assert answer.status_code == 406
        assert answer.headers["content-type"].startswith("application/json")
    answer = http.post("/mcp", content=json.dumps(INITIALIZE), headers=ACCEPT | {"Content-Type": "text/plain"})
    assert answer.status_code == 400
    assert "Content-Type" in answer.json()["detail"]


@pytest.mark.parametrize("name", ["x" * 201, "a\0b"])
def test_a_name_that_is_none_is_refused(http: httpx2.Client, name: str) -> None:
    for path, method in (("/mcp", "POST"), ("/sse", "GET")):
        answer = http.request(method, path, params={"workspace": name}, json=INITIALIZE, headers=ACCEPT)
        assert answer.status_code == 400
        assert "at most 200" in answer.json()["detail"]
    answer = http.post("/mcp", json=INITIALIZE, headers=ACCEPT | {"X-Session-ID": "x" * 201})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/mcp", "/messages/"])
def test_a_body_over_the_cap_is_refused_and_the_client_hears_it(http: httpx2.Client, path: str) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(8 * BODY_BYTES // 65_536):
            yield b" " * 65_536

    headers = ACCEPT | {"Content-Type": "application/json"}
    for content in (b" " * (8 * BODY_BYTES), parts()):
        answer = http.post(path, content=content, headers=headers)
        assert answer.status_code == 413
        assert "MCP_MEMORY_HTTP_BODY_MB" in answer.json()["detail"]


@every_era
async def test_a_call_over_the_cap_fails_alone(site: Site, era: str) -> None:
    workspace = unique()
    async with site.agent("streamable-http", era, X_Workspace_ID=workspace) as agent:
        with anyio.fail_after(PATIENCE), pytest.raises(MCPError):
            await agent.call("memory_remember", {"content": "x" * (8 * BODY_BYTES)})
        await agent.remember("Ana prefers green tea.")
    assert await site.contents(workspace) == ["Ana prefers green tea."]


# Eras


def test_the_legacy_era_is_served_with_a_handshake_and_without(http: httpx2.Client) -> None:
    shaken = answer_in(http.post("/mcp", json=INITIALIZE, headers=ACCEPT))["result"]
    assert shaken["protocolVersion"] == "2025-11-25"
    assert shaken["serverInfo"]["name"] == "mcp-memory"
    assert "memory_session_start begins one" in shaken["instructions"]
    assert (
        http.post("/mcp", json={"jsonrpc": "2.0", "method": "notifications/initialized"}, headers=ACCEPT).status_code
        == 202
    )
    for headers in ({}, {"MCP-Protocol-Version": "2025-06-18"}, {"Mcp-Session-Id": "of another server"}):
        called = asked(http, "legacy", "tools/call", headers, name="memory_statistics", arguments={})
        assert answer_in(called)["result"]["isError"] is False


def test_a_handshake_for_a_version_that_is_not_known_is_offered_one_that_is(http: httpx2.Client) -> None:
    odd = {**INITIALIZE, "params": {**INITIALIZE["params"], "protocolVersion": "1999-01-01"}}
    assert answer_in(http.post("/mcp", json=odd, headers=ACCEPT))["result"]["protocolVersion"] == "2025-11-25"


def test_the_modern_era_needs_no_handshake_and_has_none(http: httpx2.Client) -> None:
    found = answer_in(asked(http, "2026-07-28", "server/discover"))["result"]
    assert "2026-07-28" in found["supportedVersions"]
    called = asked(http, "2026-07-28", "tools/call", name="memory_statistics", arguments={})
    assert answer_in(called)["result"]["isError"] is False
    assert asked(http, "2026-07-28", "initialize").status_code == 404


@pytest.mark.parametrize(("version", "code"), [("1999-01-01", -32020), ("2099-01-01", -32020), ("nonsense", -32020)])
def test_a_version_in_the_header_that_is_not_the_messages_is_refused(
    http: httpx2.Client, version: str, code: int
) -> None:
    answer = asked(http, "2026-07-28", "tools/list", {"MCP-Protocol-Version": version})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


def test_a_version_that_is_not_served_is_answered_with_those_that_are(http: httpx2.Client) -> None:
    envelope = ENVELOPE | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"}
    headers = ACCEPT | {"MCP-Protocol-Version": "2099-01-01", "Mcp-Method": "tools/list"}
    answer = http.post("/mcp", json=message("tools/list", _meta=envelope), headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["data"]["supported"] == ["2026-07-28"]


@every_era
def test_the_tools_are_21_and_their_list_is_small_on_the_wire(http: httpx2.Client, era: str) -> None:
    listed = asked(http, era, "tools/list")
    assert len(answer_in(listed)["result"]["tools"]) == 21
    assert len(listed.content) <= MOST_LISTED


def test_an_unknown_method_and_an_unknown_tool_are_errors_of_the_protocol(http: httpx2.Client) -> None:
    for era in ERAS:
        assert answer_in(asked(http, era, "no/such"))["error"]["code"] == -32601
        unknown = answer_in(asked(http, era, "tools/call", name="memory_recal", arguments={}))
        assert "memory_recall" in unknown["error"]["message"]


@pytest.mark.parametrize("closed", ["http_mcp", "http_sse"])
def test_a_door_that_is_switched_off_is_not_there(tmp_path: Path, closed: str) -> None:
    with served(tmp_path, **{closed: False}) as url, httpx2.Client(base_url=url) as http:
        assert http.post("/mcp", json=INITIALIZE, headers=ACCEPT).status_code == (404 if closed == "http_mcp" else 200)
        found = http.post("/messages/", json=INITIALIZE).status_code
        assert found == (404 if closed == "http_sse" else 400)


# Long calls


class Turns:
    """A model that takes two turns to a goal, and begins the second only when it is let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()

    def __call__(self, request: dict[str, Any]) -> str | Slow:
        if any(said["role"] == "assistant" for said in request["messages"]):
            self.asked.set()
            return Slow(self.let_go, "```python\nFINAL('done')\n```")
        return "```python\nprint('first')\n```"


@asynccontextmanager
async def in_session(door: str, era: str, url: str) -> AsyncIterator[tuple[Agent, dict[str, str]]]:
    """An agent, and what its calls say about their session."""
    async with agent_over(door, era, url) as agent:
        started = (await agent.ask("memory_session_start"))["session_id"]
        yield agent, {"session_id": started}


@every_way
async def test_progress_is_told_while_the_call_is_under_way(tmp_path: Path, door: str, era: str) -> None:
    model, heard = Turns(), anyio.Event()
    told: list[float] = []

    async def listen(progress: float, total: float | None, text: str | None) -> None:
        told.append(progress)
        assert text
        heard.set()

    with ModelServer(model) as server, served(tmp_path, llm_base_url=server.url, llm_model="scripted") as url:
        async with in_session(door, era, url) as (agent, mine), anyio.create_task_group() as tasks:
            results: list[Any] = []

            async def reach() -> None:
                arguments = {"goal": "Be done.", **mine}
                results.append(await agent.call("memory_context_rlm", arguments, progress_callback=listen))

            tasks.start_soon(reach)
            with anyio.fail_after(PATIENCE):
                await heard.wait()
            assert not results
            model.let_go.set()
    assert results[0].structured_content["result"] == "done"
    assert told == sorted(set(told))


@every_way
async def test_a_client_that_goes_away_frees_the_worker_that_ran_its_code(tmp_path: Path, door: str, era: str) -> None:
    model = Turns()
    settings = {"llm_model": "scripted", "sandbox_seconds": 30, "sandbox_workers": 1}
    with ModelServer(model) as server, served(tmp_path, llm_base_url=server.url, **settings) as url:
        async with in_session(door, era, url) as (agent, mine), anyio.create_task_group() as tasks:
            await agent.run("x = 'before'", **mine)
            tasks.start_soon(agent.call, "memory_context_rlm", {"goal": "Be done.", "variables": ["x"], **mine})
            assert await asyncio.to_thread(model.asked.wait, PATIENCE)
            tasks.cancel_scope.cancel()
        assert await asyncio.to_thread(server.abandoned.wait, PATIENCE)
        async with in_session(door, era, url) as (agent, other):
            with anyio.fail_after(PATIENCE):
                assert (await agent.run("1 + 1", **other))["result"] == "2"
                assert (await agent.run("x", **mine))["result"].strip("'") == "before"


@every_era
async def test_code_cancelled_over_sse_frees_the_only_worker(tmp_path: Path, era: str) -> None:
    under_way = threading.Event()
    settings = {"llm_model": "scripted", "sandbox_seconds": 30, "sandbox_workers": 1}
    spin = {"code": "llm_query('I am about to spin.')\nwhile True: pass"}

    def answer(_: dict[str, Any]) -> str:
        under_way.set()
        return "Go."

    with ModelServer(answer) as server, served(tmp_path, llm_base_url=server.url, **settings) as url:
        async with agent_over("sse", era, url) as agent, agent_over("sse", era, url) as other:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(agent.call, "memory_context_exec", spin)
                assert await asyncio.to_thread(under_way.wait, PATIENCE)
                tasks.cancel_scope.cancel()
            with anyio.fail_after(PATIENCE):
                assert (await other.run("1 + 1"))["result"] == "2"

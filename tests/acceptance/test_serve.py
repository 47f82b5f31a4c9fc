"""`mcp-memory serve` as whoever runs it knows it: real processes that start, end, are killed, and share one file."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from mcp import MCPError

from bench.wire import Wire
from mcp_memory import __version__
from mcp_memory.models.search import Filter
from mcp_memory.storage.sqlite import SqliteStore
from tests.integration.test_schema import OLD_ROWS, add_old_memory, of_version
from tests.support.agents import agent_over
from tests.support.model_server import ModelServer, Slow
from tests.support.server import ENDING_SECONDS, ROOT, ServerProcess, eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

PATIENCE = 60.0
"""Seconds after which a test that waits gives up."""
ACCEPT = {"Accept": "application/json, text/event-stream"}
MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call"}
ENVELOPE = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


def served_in_vain(data_dir: Path, *options: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What comes of a server that cannot start."""
    environment = {f"MCP_MEMORY_{name.upper()}": value for name, value in settings.items()}
    place = {"PYTHONPATH": str(ROOT), "MCP_MEMORY_DATA_DIR": str(data_dir)}
    return subprocess.run(
        [sys.executable, "-m", "mcp_memory", "serve", *options],
        env={**os.environ, **place, **environment}, cwd=data_dir.parent,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip


def tool_call(name: str, *, modern: bool = False, **arguments: Any) -> dict[str, Any]:
    """A tool call over streamable HTTP, as `httpx2` wants it."""
    params: dict[str, Any] = {"name": name, "arguments": arguments} | ({"_meta": ENVELOPE} if modern else {})
    return {
        "json": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        "headers": ACCEPT | (MODERN | {"Mcp-Name": name} if modern else {}),
    }


def result_of(answer: httpx2.Response) -> dict[str, Any]:
    """The result in the answer to a tool call."""
    text = answer.text
    if answer.headers["content-type"].startswith("text/event-stream"):
        [text] = [line[6:] for line in text.splitlines() if line.startswith("data: {")]
    result: dict[str, Any] = json.loads(text)["result"]
    return result


async def held_in(folder: Path, workspace: str = "_default") -> set[str]:
    """The contents of a store that is whole."""
    store = SqliteStore(folder / "memory.db")
    try:
        assert await store.integrity() == []
        return {memory.content for memory in (await store.browse(Filter(workspaces=(workspace,)), 100_000)).memories}
    finally:
        await store.close()


# Starting


def test_it_says_where_it_serves_what_and_in_which_version(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        line = server.wait_for("serves")
        for part in (__version__, server.url, "/mcp", "/sse", "/v1", "/docs"):
            assert part in line
        assert server.url.startswith("http://127.0.0.1:")
        assert httpx2.get(f"{server.url}/health").json() == {"status": "healthy"}
        assert server.terminate() == 0
        assert "Traceback" not in server.said


def test_scripts_read_the_address_as_json(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mcp_memory", "serve", "--port", "0", "--json"]
    place = {"PYTHONPATH": str(ROOT), "MCP_MEMORY_DATA_DIR": str(tmp_path / "data")}
    with subprocess.Popen(
        command, env={**os.environ, **place}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            assert told["success"] is True
            assert httpx2.get(f"{told['url']}/health").status_code == 200
        finally:
            process.terminate()
        assert process.wait(ENDING_SECONDS) == 0
        assert process.stdout.read() == ""


def test_a_port_that_is_taken_is_told_and_the_one_who_has_it_goes_on(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data") as server:
        port = server.url.rpartition(":")[2]
        second = served_in_vain(tmp_path / "other", "--port", port)
        assert second.returncode == 1
        assert f"Cannot serve on 127.0.0.1, port {port}" in second.stderr
        assert "--port" in second.stderr
        assert "Traceback" not in second.stderr
        assert not (tmp_path / "other").exists()
        assert httpx2.get(f"{server.url}/health").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_beyond_this_machine_nothing_is_served_without_a_key(tmp_path: Path, host: str) -> None:
    refused = served_in_vain(tmp_path / "data", "--host", host, "--port", "0")
    assert refused.returncode == 1
    assert host in refused.stderr
    assert "mcp-memory keys create" in refused.stderr
    assert "serves" not in refused.stderr
    assert not (tmp_path / "data" / "memory.db").exists()


def test_a_public_name_is_not_served_without_a_key_either(tmp_path: Path) -> None:
    refused = served_in_vain(tmp_path / "data", "--port", "0", http_allowed_hosts="memory.example.org")
    assert refused.returncode == 1
    assert "memory.example.org" in refused.stderr
    assert "mcp-memory keys create" in refused.stderr


@pytest.mark.parametrize(
    ("options", "settings", "told"),
    [
        (("--host", "no.such.host.invalid"), {}, "key"),
        (("--port", "70000"), {}, "--port"),
        ((), {"http_port": "many"}, "MCP_MEMORY_HTTP_PORT"),
        (("--port", "0"), {"http_allowed_origins": "*"}, "MCP_MEMORY_HTTP_ALLOWED_ORIGINS"),
        (("--port", "0"), {"http_allowed_hosts": "http://localhost"}, "MCP_MEMORY_HTTP_ALLOWED_HOSTS"),
    ],
)
def test_what_cannot_be_served_is_told_by_its_setting(
    tmp_path: Path, options: tuple[str, ...], settings: dict[str, str], told: str
) -> None:
    refused = served_in_vain(tmp_path / "data", *options, **settings)
    assert refused.returncode != 0
    assert told in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_key_that_is_made_while_it_serves_closes_the_door_to_those_without(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with ServerProcess(data) as server:
        assert httpx2.get(f"{server.url}/v1/workspaces").status_code == 200
        made = subprocess.run(
            [sys.executable, "-m", "mcp_memory", "keys", "create", "ana", "--json"],
            env={**os.environ, "PYTHONPATH": str(ROOT), "MCP_MEMORY_DATA_DIR": str(data)},
            capture_output=True, text=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        secret = next(value for value in json.loads(made.stdout).values() if str(value).startswith("mcpm_"))
        eventually(lambda: httpx2.post(f"{server.url}/mcp", **tool_call("memory_statistics")).status_code == 401)
        call = tool_call("memory_statistics")
        call["headers"] = call["headers"] | {"Authorization": f"Bearer {secret}"}
        assert not result_of(httpx2.post(f"{server.url}/mcp", **call))["isError"]


# Ending


class Writers:
    """Clients that write through every door until their server is gone, and know what it has acknowledged."""

    def __init__(self, url: str, each: int = 2) -> None:
        self._url = url
        ways: tuple[Callable[[], None], ...] = (self._rest, self._legacy, self._modern, self._sse)
        self._threads = [threading.Thread(target=self._write, args=(way,)) for way in ways for _ in range(each)]
        self._lock = threading.Lock()
        self._acknowledged: dict[str, list[str]] = {way.__name__: [] for way in ways}
        self.failures: list[str] = []

    @property
    def fewest(self) -> int:
        """Acknowledged writes at the door that has the fewest."""
        with self._lock:
            return min(map(len, self._acknowledged.values()))

    @property
    def acknowledged(self) -> set[str]:
        with self._lock:
            return {content for contents in self._acknowledged.values() for content in contents}

    def _write(self, way: Callable[[], None]) -> None:
        try:
            way()
        except* (httpx2.TransportError, MCPError):
            pass  # the server is gone

    def _note(self, way: str, content: str, done: bool, told: object) -> None:
        with self._lock:
            if done:
                self._acknowledged[way].append(content)
            else:
                self.failures.append(f"{way}: {told}")

    def _rest(self) -> None:
        with httpx2.Client(base_url=self._url, timeout=PATIENCE) as http:
            while True:
                content = secrets.token_hex(20)
                answer = http.post("/v1/memories", json={"content": content})
                self._note("_rest", content, answer.status_code == 201, answer.text)

    def _legacy(self) -> None:
        self._streamable("_legacy", modern=False)

    def _modern(self) -> None:
        self._streamable("_modern", modern=True)

    def _streamable(self, way: str, *, modern: bool) -> None:
        with httpx2.Client(base_url=self._url, timeout=PATIENCE) as http:
            while True:
                content = secrets.token_hex(20)
                answer = http.post("/mcp", **tool_call("memory_remember", content=content, modern=modern))
                done = answer.status_code == 200 and not result_of(answer)["isError"]
                self._note(way, content, done, answer.text)

    def _sse(self) -> None:
        asyncio.run(self._over_sse())

    async def _over_sse(self) -> None:
        async with agent_over("sse", "legacy", self._url) as agent:
            while True:
                content = secrets.token_hex(20)
                result = await agent.call("memory_remember", {"content": content})
                self._note("_sse", content, not result.is_error, result.content)

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive(), "a client waits for a server that is gone"


def test_asked_to_end_under_load_it_loses_nothing_it_has_acknowledged(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acknowledged: set[str] = set()
    for _ in range(2):
        with ServerProcess(data) as server, Writers(server.url) as writers:
            eventually(lambda writers=writers: writers.fewest >= 10)  # type: ignore[misc]
            assert server.terminate() == 0
        assert writers.failures == []
        assert "Traceback" not in server.said
        assert not (data / "memory.db-wal").exists(), "the write-ahead log was not folded in"
        acknowledged |= writers.acknowledged
    assert acknowledged <= asyncio.run(held_in(data))


def test_killed_under_load_it_loses_nothing_it_has_acknowledged_and_starts_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acknowledged: set[str] = set()
    for _ in range(2):
        with ServerProcess(data) as server, Writers(server.url) as writers:
            eventually(lambda writers=writers: writers.fewest >= 10)  # type: ignore[misc]
            server.process.kill()
            assert server.process.wait(ENDING_SECONDS) == -signal.SIGKILL
        assert writers.failures == []
        acknowledged |= writers.acknowledged
    with ServerProcess(data) as server:
        content = next(iter(acknowledged))
        answer = httpx2.post(f"{server.url}/mcp", **tool_call("memory_recall", query=content))
        assert content in [one["content"] for one in result_of(answer)["structuredContent"]["memories"]]
        assert server.terminate() == 0
    assert acknowledged <= asyncio.run(held_in(data))


def test_open_streams_end_with_it_and_hold_nothing_up(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", http_grace=600) as server, ExitStack() as stack:
        http = stack.enter_context(httpx2.Client(base_url=server.url, timeout=PATIENCE))
        streams = [stack.enter_context(http.stream("GET", "/sse")) for _ in range(5)]
        lines = [stream.iter_lines() for stream in streams]
        for one in lines:
            assert next(one) == "event: endpoint"
        assert server.terminate() == 0
        for one in lines:
            assert not [line for line in one if line.startswith("event:")]
    assert "without completing response" not in server.said


def test_a_client_that_never_finishes_its_request_holds_it_up_no_longer_than_the_grace(tmp_path: Path) -> None:
    with ServerProcess(tmp_path / "data", http_grace=1) as server, connection_to(server.url) as idle:
        idle.sendall(b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{")
        assert httpx2.get(f"{server.url}/health").status_code == 200
        assert server.terminate() == 0


def test_a_call_that_is_under_way_is_answered_before_it_ends(tmp_path: Path) -> None:
    asked, let_go = threading.Event(), threading.Event()
    answers: list[httpx2.Response] = []

    def answer(_: dict[str, Any]) -> Slow:
        asked.set()
        return Slow(let_go, "Green tea.")

    with ModelServer(answer) as model:
        settings = {"llm_base_url": model.url, "llm_model": "scripted", "http_grace": 60}
        with ServerProcess(tmp_path / "data", **settings) as server:
            call = tool_call("memory_context_exec", code="llm_query('What?')")
            call["headers"] = call["headers"] | {"X-Session-ID": "window"}
            url = f"{server.url}/mcp"
            waiting = threading.Thread(target=lambda: answers.append(httpx2.post(url, timeout=PATIENCE, **call)))
            waiting.start()
            assert asked.wait(PATIENCE)
            server.process.send_signal(signal.SIGTERM)
            eventually(lambda: not accepts(server.url))
            assert server.process.poll() is None
            let_go.set()
            waiting.join(PATIENCE)
            assert server.process.wait(ENDING_SECONDS) == 0
    assert result_of(answers[0])["structuredContent"]["result"].strip("'") == "Green tea."


def connection_to(url: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=PATIENCE)


def accepts(url: str) -> bool:
    """Whether somebody listens there."""
    try:
        connection_to(url).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_even_before_it_is_ready(tmp_path: Path, number: signal.Signals) -> None:
    with ServerProcess(tmp_path / "data", ready=False) as server:
        server.process.send_signal(number)
        assert server.process.wait(ENDING_SECONDS) == 0
        assert "Traceback" not in server.said


# One file


@contextmanager
def write_locked(file: Path) -> Iterator[None]:
    """Meanwhile nobody else can write to the database, so that its migration waits."""
    import apsw

    with closing(apsw.Connection(str(file))) as database:
        database.execute("BEGIN IMMEDIATE")
        yield
        database.execute("ROLLBACK")


def test_while_an_old_store_is_migrated_it_lives_says_so_and_tells_callers_to_wait(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    old = of_version(1, data / "memory.db")
    old.run(OLD_ROWS)
    for row in range(1, 6):
        add_old_memory(old, row, f"Old thing number {row}.")
    old.run("UPDATE workspaces SET next_row = 6")
    old.close()
    with ExitStack() as stack:
        with write_locked(data / "memory.db"):
            server = stack.enter_context(ServerProcess(data, ready=False, busy_timeout=300))
            http = stack.enter_context(httpx2.Client(base_url=server.url, timeout=PATIENCE))
            http.headers["X-Workspace-ID"] = "home"
            eventually(lambda: http.get("/health/ready").json()["phase"] == "migrating")
            assert http.get("/health").status_code == 200
            assert http.get("/health/ready").status_code == 503
            for early in (
                http.post("/v1/memories", json={"content": "Too early."}),
                http.post("/mcp", **tool_call("memory_remember", content="Too early.")),
                http.get("/sse"),
            ):
                assert early.status_code == 503
                assert int(early.headers["Retry-After"]) > 0
                assert early.json()["detail"]
        eventually(lambda: http.get("/health/ready").status_code == 200)
        recalled = result_of(http.post("/mcp", **tool_call("memory_recall", query="*")))["structuredContent"]
        assert recalled["total_count"] == 5
        assert server.terminate() == 0
    assert "Too early." not in asyncio.run(held_in(data, "home"))


def test_two_servers_and_two_windows_on_one_file_lose_nothing_and_see_everything(tmp_path: Path) -> None:
    data = tmp_path / "data"
    written = {f"Note {number} of {who}." for who in range(4) for number in range(15)}
    with ExitStack() as stack:
        servers = [stack.enter_context(ServerProcess(data, workspace="wire")) for _ in range(2)]
        windows = [stack.enter_context(Wire(data)) for _ in range(2)]
        for window in windows:
            window.handshake()
        refused: list[Any] = []

        def over_http(url: str, who: int) -> None:
            with httpx2.Client(base_url=url, timeout=PATIENCE) as http:
                for number in range(15):
                    call = tool_call("memory_remember", content=f"Note {number} of {who}.")
                    told = result_of(http.post("/mcp", **call))
                    refused.extend(told["content"] if told["isError"] else ())

        def over_stdio(window: Wire, who: int) -> None:
            for number in range(15):
                window.tool("memory_remember", content=f"Note {number} of {who}.")

        threads = [threading.Thread(target=over_http, args=(one.url, who)) for who, one in enumerate(servers)]
        threads += [threading.Thread(target=over_stdio, args=(one, who)) for who, one in enumerate(windows, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert refused == []
        everything = tool_call("memory_recall", query="*", limit=100)
        seen = [result_of(httpx2.post(f"{one.url}/mcp", **everything))["structuredContent"] for one in servers]
        seen += [window.tool("memory_recall", query="*", limit=100) for window in windows]
        assert [{memory["content"] for memory in one["memories"]} for one in seen] == [written] * 4
        assert [one.terminate() for one in servers] == [0, 0]
        windows[0].tool("memory_remember", content="After the servers have ended.")
    assert asyncio.run(held_in(data, "wire")) == written | {"After the servers have ended."}

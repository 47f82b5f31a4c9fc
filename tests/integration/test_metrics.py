"""Figures for Prometheus: off unless asked for, for keys that may see all, and without a word of what is remembered."""

from __future__ import annotations

import asyncio
import secrets
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from click.testing import CliRunner
from mcp import Client
from prometheus_client.parser import text_string_to_metric_families

from mcp_memory import __version__
from mcp_memory.app import open_memory
from mcp_memory.cli import main
from mcp_memory.errors import SettingsError
from mcp_memory.models.administration import KeyCreate
from mcp_memory.rest.logs import METHODS, UNKNOWN_PATH
from mcp_memory.rest.service import Service
from mcp_memory.rest.table import ENDPOINTS
from mcp_memory.settings import load_settings
from mcp_memory.tools.counter import TOOLS
from tests.support.rest import over_http
from tests.support.server import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUESTS = "mcp_memory_http_requests_total"
CALLS = "mcp_memory_tool_calls_total"


@dataclass
class Server:
    http: httpx2.Client
    key: str = ""

    def figures(self) -> Figures:
        answer = self.http.get("/metrics", headers={"X-API-Key": self.key} if self.key else {})
        assert answer.status_code == 200, answer.text
        return Figures(answer)

    def call(self, tool: str, **arguments: Any) -> bool:
        """Whether the tool, called over streamable HTTP, could do it."""

        async def called() -> bool:
            async with Client(f"{self.http.base_url}/mcp") as client:
                return not (await client.call_tool(tool, arguments)).is_error

        return asyncio.run(called())


class Figures:
    """What `/metrics` told."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.text = answer.text
        self.media_type = answer.headers["content-type"]
        self.samples = [one for family in text_string_to_metric_families(self.text) for one in family.samples]

    def of(self, name: str, **labels: str) -> float:
        """The sum over the series that have these labels."""
        return sum(one.value for one in self.samples if one.name == name and labels.items() <= one.labels.items())

    def values(self, label: str) -> set[str]:
        return {one.labels[label] for one in self.samples if label in one.labels}

    def series(self) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return {(one.name, frozenset(one.labels.items())) for one in self.samples}


@contextmanager
def serving(folder: Path, **settings: Any) -> Iterator[Server]:
    """The whole app over real HTTP, ready."""
    given = {"data_dir": folder, "http_metrics": True, "http_rate_per_minute": 0, **settings}
    app = Service(load_settings(**given)).app
    with over_http(app) as url, httpx2.Client(base_url=url, timeout=60) as http:
        eventually(lambda: http.get("/health/ready").status_code == 200)
        yield Server(http)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("metrics")) as running:
        yield running


def test_without_the_setting_there_is_no_such_page(tmp_path: Path) -> None:
    with serving(tmp_path, http_metrics=False) as server:
        answer = server.http.get("/metrics")
        assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


def test_the_figures_are_in_the_format_that_prometheus_reads(server: Server) -> None:
    figures = server.figures()
    assert figures.media_type.startswith("text/plain; version=")
    assert figures.of("mcp_memory_info", version=__version__) == 1
    assert figures.of("mcp_memory_store_bytes") > 0


def test_a_request_is_counted_under_its_route_method_status_and_door(server: Server) -> None:
    def counted() -> tuple[float, float, float]:
        figures = server.figures()
        return (
            figures.of(REQUESTS, route="/v1/memories", method="POST", status="201", door="rest"),
            figures.of(REQUESTS, route="/v1/memories/{memory_id}", method="GET", status="404", door="rest"),
            figures.of("mcp_memory_http_request_seconds_count", route="/v1/memories"),
        )

    before = counted()
    for number in range(3):
        server.http.post("/v1/memories", json={"content": f"Counted {number}."})
    server.http.get("/v1/memories/mem_0000000000000000")
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [3, 1, 3]


def test_a_request_that_is_turned_away_at_the_door_is_counted_too(server: Server) -> None:
    before = server.figures().of(REQUESTS, status="421")
    assert server.http.get("/v1/memories", headers={"Host": "evil.example"}).status_code == 421
    assert server.figures().of(REQUESTS, status="421") == before + 1


def test_a_tool_call_is_counted_with_how_it_ended(server: Server) -> None:
    assert server.call("memory_remember", content="Tea is served at four.")
    assert not server.call("memory_forget", memory_id="mem_0000000000000000")
    figures = server.figures()
    assert figures.of(CALLS, tool="memory_remember", outcome="ok") == 1
    assert figures.of(CALLS, tool="memory_forget", outcome="error") == 1
    assert figures.of("mcp_memory_tool_call_seconds_count", tool="memory_remember") == 1
    assert figures.of(REQUESTS, route="/mcp", door="mcp", status="200") >= 2


def test_what_nobody_serves_makes_no_series_of_its_own(server: Server) -> None:
    def send_odd_things() -> None:
        word = secrets.token_hex(4)
        for method in ("GET", "POST", f"BREW{word.upper()}", "PROPFIND"):
            server.http.request(method, f"/{word}")
            server.http.request(method, f"/v1/memories/{word}")
            server.http.request(method, f"/v1/documents/{word}/{word}")
        server.http.get("/v1/memories", params={"q": word}, headers={"X-Workspace-ID": word})
        with pytest.raises(ExceptionGroup):
            server.call(f"memory_{word}")

    send_odd_things()
    before = server.figures()
    send_odd_things()
    after = server.figures()
    assert after.series() == before.series()
    assert after.of(CALLS, tool="unknown") == before.of(CALLS, tool="unknown") + 1
    assert after.values("method") <= METHODS | {"OTHER"}
    assert after.values("tool") <= set(TOOLS) | {"unknown"}
    served = {one.path for one in ENDPOINTS} | {"/mcp", "/sse", "/messages/", "/metrics", "/docs", "/openapi.json"}
    assert after.values("route") <= served | {UNKNOWN_PATH}


def test_no_text_name_or_id_of_what_is_remembered_is_told(server: Server) -> None:
    made = server.http.post(
        "/v1/memories",
        json={"content": "The vault opens with the third rune.", "tags": ["runes"]},
        headers={"X-Workspace-ID": "vaults"},
    ).json()
    server.http.get(f"/v1/memories/{made['id']}", headers={"X-Workspace-ID": "vaults"})
    server.http.post("/v1/memories/recall", json={"query": "rune"}, headers={"X-Workspace-ID": "vaults"})
    text = server.figures().text
    assert not [word for word in (made["id"], "vault", "rune", "mem_") if word in text]


def test_how_much_is_remembered_is_told(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for number in range(2):
            server.http.post("/v1/memories", json={"content": f"Told {number}."})
        server.http.post("/v1/sessions", json={})
        figures = server.figures()
        assert (figures.of("mcp_memory_memories"), figures.of("mcp_memory_sessions")) == (2, 1)


def test_an_open_stream_of_events_is_told_while_it_lasts(server: Server) -> None:
    with server.http.stream("GET", "/sse") as stream:
        next(stream.iter_lines())
        assert server.figures().of("mcp_memory_sse_streams") == 1
    eventually(lambda: server.figures().of("mcp_memory_sse_streams") == 0)


def test_only_a_key_that_may_read_every_workspace_sees_them(tmp_path: Path) -> None:
    async def made() -> dict[str, str]:
        async with open_memory(data_dir=tmp_path) as memory:
            keys = {
                "reader": KeyCreate(name="reader", scopes=["read"]),
                "admin": KeyCreate(name="admin", scopes=["admin"]),
                "writer": KeyCreate(name="writer", scopes=["write"]),
                "bound": KeyCreate(name="bound", scopes=["read", "write", "admin"], workspace_id="desk"),
            }
            return {name: (await memory.create_key(wanted)).secret for name, wanted in keys.items()}

    keys = asyncio.run(made())
    with serving(tmp_path) as server:
        answers = {
            name: server.http.get("/metrics", headers={"Authorization": f"Bearer {secret}"})
            for name, secret in keys.items()
        }
        told = {name: answer.status_code for name, answer in answers.items()}
        assert told == {"reader": 200, "admin": 200, "writer": 403, "bound": 403}
        assert "all workspaces" in answers["bound"].json()["detail"]
        assert server.http.get("/metrics").status_code == 401
        assert server.http.get("/metrics", headers={"Host": "evil.example"}).status_code == 421
        assert not [secret for secret in keys.values() if secret in answers["reader"].text]


def test_without_prometheus_client_the_setting_is_refused_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(SettingsError, match=r"pip install 'mcp-memory\[metrics\]'"):
        Service(load_settings(data_dir=tmp_path, http_metrics=True))
    Service(load_settings(data_dir=tmp_path))
    monkeypatch.setenv("MCP_MEMORY_HTTP_METRICS", "true")
    done = CliRunner().invoke(main, ["serve", "--port", "0", "--data-dir", str(tmp_path)])
    assert done.exit_code != 0
    assert "pip install 'mcp-memory[metrics]'" in done.output

"""Bad input over REST: the right status, a JSON `detail`, nothing written, nothing leaked."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from mcp_memory.app import build_memory
from mcp_memory.core.environment.environments import Environments
from mcp_memory.core.indexing import Indexer
from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.errors import EmbedderUnavailable, SandboxUnavailable, StoreUnavailable
from mcp_memory.rest.app import build_app
from mcp_memory.rest.caller import Caller
from mcp_memory.rest.endpoint import Endpoint, NoBody
from mcp_memory.rest.failures import Refusal
from mcp_memory.rest.table import ENDPOINTS
from mcp_memory.sandbox.seal import Seal
from mcp_memory.settings import load_settings
from tests.support.rest import Rest, app_over, over_http
from tests.support.server import eventually

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send

    from mcp_memory.core.memory import Memory

WITH_BODY = [one for one in ENDPOINTS if isinstance(one, Endpoint) and one.body is not NoBody and not one.raw_body]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def named(endpoint: Endpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


def filled(path: str) -> str:
    return path.replace("{workspace_id}", "_default").replace("{rest:path}", "a/b").replace("{", "").replace("}", "")


class AsSomebody:
    """Takes who calls from a header, as the security middleware takes it from a key."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope.get("headers", ()))
        if b"x-caller" in headers:
            told = json.loads(headers[b"x-caller"])
            caller = Caller(rights=frozenset(told.pop("rights", ("read", "write"))), **told)
            scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, receive, send)


def key(**told: Any) -> dict[str, str]:
    return {"X-Caller": json.dumps({"name": "somebody", **told})}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rest]:
    memory = build_memory(load_settings(data_dir=tmp_path_factory.mktemp("rest")), "_default")
    app = app_over(memory, middleware=[Middleware(AsSomebody)])
    with TestClient(app, raise_server_exceptions=False) as http:
        yield Rest(http)


@pytest.fixture
def rest(server: Rest) -> Rest:
    return server.alone()


# -------------------------------------------------------------------------------------------- routes and methods


@pytest.mark.parametrize("path", ["/nope", "/v1", "/v1/", "/v1/memories/", "/v1/memories/a/b/c", "/v2/memories"])
@pytest.mark.parametrize("method", METHODS)
def test_an_unknown_route_is_404_in_json(rest: Rest, method: str, path: str) -> None:
    assert rest.refusal(404, method, path) == "Not Found"


@pytest.mark.parametrize("path", sorted({one.path for one in ENDPOINTS}))
def test_a_wrong_method_is_405_in_json_and_says_what_is_allowed(rest: Rest, path: str) -> None:
    allowed = {one.method for one in ENDPOINTS if one.path == path}
    for method in sorted({*METHODS, "TRACE"} - allowed):
        response = rest.http.request(method, filled(path))
        assert (response.status_code, response.json()) == (405, {"detail": "Method Not Allowed"})
        extra = {"HEAD", "OPTIONS"} if "GET" in allowed else {"OPTIONS"}
        assert set(response.headers["allow"].split(", ")) == allowed | extra


def test_options_tells_the_methods_and_head_is_a_get_without_a_body(rest: Rest) -> None:
    made = rest.remember("Heads have no body.")
    options = rest.http.options(f"/v1/memories/{made['id']}")
    assert (options.status_code, options.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS, PUT")
    full = rest.http.get(f"/v1/memories/{made['id']}")
    head = rest.http.head(f"/v1/memories/{made['id']}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == full.headers["content-length"]
    assert rest.http.head("/v1/memories/mem_0").status_code == 404


@pytest.mark.parametrize("path", ["/v1/documents/d/pages", "/v1/datasets", "/v1/threads/t/messages", "/v1/tokens"])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_not_part_of_the_server_is_501_whatever_is_sent(rest: Rest, method: str, path: str) -> None:
    detail = rest.refusal(501, method, path, content=b"--no json--")
    assert "not part of this server" in detail or "mcp-memory keys" in detail


# -------------------------------------------------------------------------------------------------------- bodies


@pytest.mark.parametrize("endpoint", WITH_BODY, ids=named)
def test_every_body_is_closed_and_must_be_an_object_in_json(rest: Rest, endpoint: Endpoint) -> None:
    def findings(content: bytes) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = rest.refusal(422, endpoint.method, filled(endpoint.path), content=content)
        assert all(set(one) == {"type", "loc", "msg", "input"} for one in found)
        return found

    assert any(one["loc"] == ["body", "surprise"] for one in findings(b'{"surprise": 1}'))
    assert findings(b'{"a": ')[0]["type"] == "json_invalid"
    assert findings(b"[" * 5_000)[0]["type"] == "json_invalid"
    assert findings(b'{"a": "\\ud800"}')[0]["type"] == "json_invalid"
    assert findings(b"\xff\xfe")[0]["type"] == "json_invalid"
    for content in (b"[]", b'"text"', b"null", b"3"):
        assert findings(content)[0]["loc"] == ["body"]
    if not endpoint.optional_body:
        assert findings(b"")[0]["type"] == "json_invalid"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "content"),
        ({"content": ""}, "content"),
        ({"content": " \n\t"}, "content"),
        ({"content": None}, "content"),
        ({"content": 5}, "content"),
        ({"content": "nul \0"}, "content"),
        ({"content": "x", "type": "dream"}, "type"),
        ({"content": "x", "subtype": "DECISION"}, "subtype"),
        ({"content": "x", "importance": 1.01}, "importance"),
        ({"content": "x", "importance": "0.5"}, "importance"),
        ({"content": "x", "importance": True}, "importance"),
        ({"content": "x", "tags": "a,b"}, "tags"),
        ({"content": "x", "tags": [1]}, "tags"),
        ({"content": "x", "metadata": []}, "metadata"),
        ({"content": "x", "context_id": "c" * 201}, "context_id"),
        ({"content": "x", "occurred_at": "soon"}, "occurred_at"),
        ({"content": "x", "occurred_at": 5}, "occurred_at"),
        ({"content": "x", "occurred_at": "20260301"}, "occurred_at"),
        ({"content": "x", "embedding": [1.0]}, "embedding"),
    ],
)
def test_a_wrong_field_is_422_names_itself_and_stores_nothing(rest: Rest, body: dict[str, Any], field: str) -> None:
    findings = rest.refusal(422, "POST", "/v1/memories", content=json.dumps(body))
    assert {one["loc"][1] for one in findings} == {field}
    assert rest.recalled("*") == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(rest: Rest, number: str) -> None:
    rest.refusal(422, "POST", "/v1/memories", content=f'{{"content": "x", "metadata": {{"n": {number}}}}}')
    rest.refusal(422, "POST", "/v1/memories", content=f'{{"content": "x", "importance": {number}}}')
    assert rest.recalled("*") == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("recall", {"query": " "}),
        ("recall", {"query": "x", "limit": 0}),
        ("recall", {"query": "x", "limit": 101}),
        ("recall", {"query": "x", "limit": 2.5}),
        ("recall", {"query": "x", "mode": "magic"}),
        ("recall", {"query": "x", "tolerance": "lax"}),
        ("recall", {"query": "x", "detail_level": "epic"}),
        ("recall", {"query": "x", "traverse_depth": 6}),
        ("recall", {"query": "x", "min_relevance": -0.1}),
        ("recall", {"query": "x", "created_after": "2026-13-01"}),
        ("recall", {"query": "x", "created_after": "0001-01-01T00:00:00+14:00"}),
        ("recall", {"query": "x", "context": [{"role": "user"}]}),
        ("recall", {"query": "x", "time_order": "random"}),
        ("recall", {"query": "x", "budget_tokens": 1}),
        ("recall", {"query": "q" * 20_001}),
        ("reflect", {"query": ""}),
        ("reflect", {"query": "x", "depth": 0}),
        ("reflect", {"query": "x", "max_tokens": 0}),
    ],
)
def test_a_wrong_question_is_422(rest: Rest, path: str, body: dict[str, Any]) -> None:
    rest.refusal(422, "POST", f"/v1/memories/{path}", json=body)


def test_a_whole_number_may_be_written_as_a_float(rest: Rest) -> None:
    assert rest.post("/v1/memories/recall", {"query": "x", "limit": 10.0})["memories"] == []


def test_content_beyond_the_limit_is_400_with_the_limit_in_its_text(rest: Rest) -> None:
    detail = rest.refusal(400, "POST", "/v1/memories", json={"content": "x" * 100_001})
    assert "100,000" in detail


def test_a_long_wrong_value_is_not_sent_back(rest: Rest) -> None:
    [finding] = rest.refusal(422, "POST", "/v1/memories", json={"content": "x", "type": "long" * 500})
    assert finding["input"] is None


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-8"])
def test_the_content_type_of_a_json_body_does_not_matter(rest: Rest, kind: str) -> None:
    headers = {"Content-Type": kind}
    rest.ask("POST", "/v1/memories", status=201, content=b'{"content": "Typed."}', headers=headers)
    assert rest.recalled("*") == ["Typed."]


@pytest.mark.parametrize(
    "query",
    ["hard=maybe", "hard=2", "hard=", "reason=" + "r" * 201],
)
def test_a_wrong_query_parameter_is_422_and_deletes_nothing(rest: Rest, query: str) -> None:
    made = rest.remember("Not deleted by mistake.")
    [finding] = rest.refusal(422, "DELETE", f"/v1/memories/{made['id']}?{query}")
    assert finding["loc"][0] == "query"
    assert rest.recalled("*") == ["Not deleted by mistake."]


@pytest.mark.parametrize("memory_id", ["%00", "%20", "..%2f..", "a" * 300, "%F0%9F%A6%8A", "mem_'--", "%"])
def test_what_can_be_no_id_is_404(rest: Rest, memory_id: str) -> None:
    for method in ("GET", "DELETE"):
        rest.refusal(404, method, f"/v1/memories/{memory_id}")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_body_whatever_makes_the_server_fail(rest: Rest, body: Any) -> None:
    for path in ("/v1/memories", "/v1/memories/batch", "/v1/memories/recall"):
        response = rest.send("POST", path, content=json.dumps({"content": body, "operations": body, "query": body}))
        assert response.status_code == 422


# --------------------------------------------------------------------------------------- workspaces and sessions


@pytest.mark.parametrize("header", ["X-Workspace-ID", "X-Session-ID"])
def test_a_name_that_is_too_long_is_400(rest: Rest, header: str) -> None:
    rest.refusal(400, "POST", "/v1/memories", json={"content": "x"}, headers={header: "w" * 201})


def test_a_key_may_do_what_its_scopes_say(rest: Rest) -> None:
    made = rest.remember("Seen by readers.")
    reader = rest.having(**key(rights=["read"]))
    assert reader.get(f"/v1/memories/{made['id']}")["content"] == "Seen by readers."
    assert "write" in reader.refusal(403, "POST", "/v1/memories", json={"content": "x"})
    reader.refusal(403, "DELETE", f"/v1/memories/{made['id']}")
    rest.having(**key(rights=["read", "write"])).refusal(403, "GET", "/v1/audit/events")
    administrator = rest.having(**key(rights=["admin"]))
    assert administrator.remember("Written by an administrator.")["author"] == "somebody"


def test_a_reader_begins_no_session_by_naming_one(rest: Rest) -> None:
    reader = rest.having(**key(rights=["read"]), X_Session_ID=f"r-{rest.workspace}")
    assert reader.recalled("*") == []
    bare = rest.having(X_Session_ID=f"r-{rest.workspace}", X_Workspace_ID="")
    bare.refusal(404, "POST", "/v1/memories", json={"content": "x"})


def test_a_bound_key_sees_its_own_workspace_without_naming_it(rest: Rest) -> None:
    bound = rest.having(**key(workspace_id=rest.workspace), X_Workspace_ID="")
    assert bound.remember("Mine.")["workspace_id"] == rest.workspace


def test_a_bound_key_that_names_another_workspace_is_403(rest: Rest) -> None:
    other = rest.alone()
    other.remember("Not for everybody.")
    bound = rest.having(**key(workspace_id=rest.workspace))
    bound.refusal(403, "POST", "/v1/memories/recall", json={"query": "*", "workspace_id": other.workspace})
    bound.refusal(403, "POST", "/v1/memories/recall", json={"query": "*"}, headers=other.headers)
    bound.refusal(403, "GET", f"/v1/workspaces/{other.workspace}/contradictions")
    bound.refusal(403, "GET", "/v1/statistics", params={"workspace_id": other.workspace})


def test_an_id_of_another_workspace_is_as_unknown_to_a_bound_key_as_one_that_is_not_there(rest: Rest) -> None:
    foreign = rest.alone().remember("Not for everybody.")["id"]
    bound = rest.having(**key(workspace_id=rest.workspace), X_Workspace_ID="")
    seen = bound.refusal(404, "GET", f"/v1/memories/{foreign}")
    unseen = bound.refusal(404, "GET", "/v1/memories/mem_ffffffffffffffff")
    assert seen.replace(foreign, "ID") == unseen.replace("mem_ffffffffffffffff", "ID")
    for method, path in (("DELETE", ""), ("PUT", ""), ("POST", "/decay"), ("POST", "/restore"), ("GET", "/trace")):
        body = {"json": {}} if method in ("PUT", "POST") else {}
        bound.refusal(404, method, f"/v1/memories/{foreign}{path}", **body)


def test_a_session_of_another_workspace_is_unknown_to_a_bound_key(rest: Rest) -> None:
    other = rest.alone()
    other.having(X_Session_ID="theirs").remember("Begins their session.")
    bound = rest.having(**key(workspace_id=rest.workspace), X_Workspace_ID="")
    answers = [
        bound.refusal(404, "POST", "/v1/memories/recall", json={"query": "*"}, headers={"X-Session-ID": name})
        for name in ("theirs", "nobodys")
    ]
    assert answers[0].replace("theirs", "S") == answers[1].replace("nobodys", "S")


def test_a_bound_key_learns_no_names_of_other_workspaces(rest: Rest) -> None:
    rest.alone().remember("Makes a workspace.")
    bound = rest.having(**key(workspace_id="not-there-yet"), X_Workspace_ID="")
    assert "ws_" not in bound.refusal(404, "GET", "/v1/workspaces/not-there-yet/contradictions")
    assert set(bound.get("/v1/statistics")["storage"]) == {"schema_version"}


# ------------------------------------------------------------------------------------------- when things go wrong


def test_whatever_middleware_raises_is_json() -> None:
    raised: dict[str, Exception] = {
        "/refusal": Refusal(429, "Slow down.", {"Retry-After": "3"}),
        "/store": StoreUnavailable("/secret/path cannot be opened."),
        "/bug": RuntimeError("secret"),
    }

    class Raising:
        def __init__(self, app: ASGIApp) -> None:
            self.app = app

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            if scope.get("path") in raised:
                raise raised[scope["path"]]
            await self.app(scope, receive, send)

    async def nothing() -> Memory:
        raise StoreUnavailable("/secret/path cannot be opened.")

    with TestClient(build_app(nothing, middleware=[Middleware(Raising)])) as http:
        slow, store, bug = (http.get(path) for path in raised)
        assert (slow.status_code, slow.json(), slow.headers["retry-after"]) == (429, {"detail": "Slow down."}, "3")
        assert store.status_code == 503
        assert bug.status_code == 500
        assert all("secret" not in one.text and "detail" in one.json() for one in (store, bug))
        unserved = http.post("/v1/memories/recall", json={"query": "x"})
        assert unserved.status_code == 503
        assert "secret" not in unserved.json()["detail"]
        ready = http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (503, "not_ready")
        assert ready.json()["services"]["database"] == "disconnected"
        assert http.get("/health").json() == {"status": "healthy"}


def test_a_bug_in_a_handler_is_500_in_json_without_its_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = build_memory(load_settings(data_dir=tmp_path), "_default")

    async def recall(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(memory, "recall", recall)
    with TestClient(app_over(memory), raise_server_exceptions=False) as http:
        detail = Rest(http).refusal(500, "POST", "/v1/memories/recall", json={"query": "x"})
    assert "secret" not in detail


def test_readiness_tells_how_each_part_stands(rest: Rest) -> None:
    ready = rest.get("/health/ready")
    assert ready == {
        "status": "ready",
        "services": {
            "database": "connected",
            "encoder": "ready",
            "sandbox": "ready",
            "cache": "not_configured",
        },
    }
    assert set(rest.get("/")) == {"name", "version", "description"}


def test_a_sandbox_that_cannot_work_is_told_without_its_reason_and_keeps_nobody_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Unavailable:
        async def start(self) -> None:
            raise SandboxUnavailable("no worker in /secret/place")

        async def close(self) -> None: ...

    memory = build_memory(load_settings(data_dir=tmp_path), "_default")
    memory.environments = Environments(Unavailable(), Seal(tmp_path / "key"))  # type: ignore[arg-type]
    with TestClient(app_over(memory)) as http:
        rest = Rest(http)
        first, second = (rest.get("/health/ready") for _ in range(2))
        assert rest.recalled("anything") == []
    assert first == second
    assert (first["status"], first["services"]["sandbox"]) == ("ready", "unavailable")
    assert len([one for one in caplog.records if "no worker in /secret/place" in one.message]) == 1


def test_a_server_without_a_sandbox_says_that_none_is_configured(tmp_path: Path) -> None:
    memory = build_memory(load_settings(data_dir=tmp_path), "_default")
    memory.environments = Environments()
    with TestClient(app_over(memory)) as http:
        assert Rest(http).get("/health/ready")["services"]["sandbox"] == "not_configured"


def test_a_failed_encoder_makes_the_server_not_ready_and_is_tried_again(tmp_path: Path) -> None:
    tried = []

    class Failing:
        name, identity = "failing", None

        def load(self) -> None:
            tried.append("load")
            if len(tried) == 1:
                raise EmbedderUnavailable("nobody answers at http://secret")

        def unload(self) -> None: ...

    async def lifespan_of(app: Starlette) -> AsyncIterator[None]:
        await memory.open()
        embedder.start()
        yield
        await memory.close()

    async def source() -> Memory:
        return memory

    memory = build_memory(load_settings(data_dir=tmp_path), "_default")
    embedder = BackgroundEmbedder(Failing(), retry_seconds=0)  # type: ignore[arg-type]
    memory.resources = replace(memory.resources, indexer=Indexer(memory.resources.store, embedder))
    with TestClient(build_app(source, lifespan=asynccontextmanager(lifespan_of))) as http:
        eventually(lambda: embedder.state == "failed")
        answer = http.get("/health/ready")
        assert (answer.status_code, answer.json()["services"]["encoder"]) == (503, "failed")
        assert "secret" not in answer.text
        eventually(lambda: http.get("/health/ready").json()["status"] == "ready")


def test_the_same_over_real_http(tmp_path: Path) -> None:
    memory = build_memory(load_settings(data_dir=tmp_path), "_default")
    with over_http(app_over(memory)) as url, httpx2.Client(base_url=url) as http:
        rest = Rest(http)
        made = rest.remember("Said over a socket.")
        assert rest.send("DELETE", f"/v1/memories/{made['id']}").content == b""
        assert rest.refusal(405, "PATCH", "/v1/memories") == "Method Not Allowed"
        assert http.head("/health").content == b""
        assert rest.refusal(501, "POST", "/v1/documents", files={"file": b"%PDF"})

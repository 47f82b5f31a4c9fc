"""Host, Origin and CORS: what a browser, or whoever pretends to be one, cannot get through the door."""

from __future__ import annotations

import pytest

from mcp_memory.rest.security.authority import Authority, Origin
from tests.unit.security_support import Bench

pytestmark = pytest.mark.anyio

APP = "https://app.example.org"
SHARED = {"origins": frozenset((Origin("https", "app.example.org", 443),))}
ASKED = (("Origin", APP), ("Access-Control-Request-Method", "POST"))


def cors_of(headers: list[tuple[str, str]]) -> set[str]:
    return {name for name, _ in headers if name.startswith("access-control")}


async def test_a_foreign_host_is_misdirected_and_reaches_nothing_not_even_health() -> None:
    bench = Bench()
    for path in ("/v1/memories", "/mcp", "/sse", "/messages/", "/docs", "/health", "/"):
        answer = await bench(path, "GET", ("Host", "evil.example"))
        assert answer.status == 421
        assert "MCP_MEMORY_HTTP_ALLOWED_HOSTS" in answer.json()["detail"]
    assert bench.seen == []


async def test_two_hosts_are_misdirected_even_if_both_are_allowed() -> None:
    bench = Bench()
    answer = await bench("/health", "GET", ("Host", "127.0.0.1"), ("Host", "127.0.0.1"))
    assert (answer.status, bench.seen) == (421, [])


async def test_no_host_is_misdirected() -> None:
    bench = Bench()
    assert (await bench("/health", host=False)).status == 421


@pytest.mark.parametrize("target", ["http://127.0.0.1:61001/health", "*", "evil.example:443"])
async def test_a_target_that_is_no_path_is_misdirected(target: str) -> None:
    bench = Bench()
    answer = await bench("/health", "GET", raw_path=target.encode())
    assert (answer.status, bench.seen) == (421, [])


async def test_a_configured_host_is_served() -> None:
    bench = Bench(hosts=frozenset((Authority("memory.example.org"),)))
    assert (await bench("/health", "GET", ("Host", "Memory.Example.Org:8443"))).status == 200
    assert (await bench("/health", "GET", ("Host", "memory.example.org.evil.example"))).status == 421


@pytest.mark.parametrize(
    "origin",
    ["null", "https://evil.example", "http://127.0.0.1:3000", "http://localhost:61001", "http://127.0.0.1",
     "http://127.0.0.1:61001.evil.example", "http://127.0.0.1:61001, https://evil.example", "", "http://[::1]:61001"],
)  # fmt: skip
async def test_a_page_of_another_origin_is_refused_before_anything_is_done(origin: str) -> None:
    bench = Bench()
    answer = await bench("/v1/memories", "POST", ("Origin", origin))
    assert (answer.status, bench.seen) == (403, [])
    assert "origin" in answer.json()["detail"]
    assert cors_of(answer.headers) == set()


async def test_two_origins_are_refused() -> None:
    bench = Bench()
    own = ("Origin", "http://127.0.0.1:61001")
    assert (await bench("/v1/memories", "POST", own, own)).status == 403


async def test_the_servers_own_page_is_let_in_and_needs_no_cors_header() -> None:
    bench = Bench()
    answer = await bench("/v1/memories", "POST", ("Origin", "http://127.0.0.1:61001"))
    assert answer.status == 200
    assert cors_of(answer.headers) == set()


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_an_image_or_script_of_a_foreign_page_is_refused_though_it_has_no_origin(site: str) -> None:
    bench = Bench()
    answer = await bench("/v1/export", "GET", ("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "no-cors"))
    assert (answer.status, bench.seen) == (403, [])


async def test_a_person_may_follow_a_link_to_the_docs() -> None:
    bench = Bench()
    assert (await bench("/docs", "GET", ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate"))).status == 200
    assert (await bench("/docs", "GET", ("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate"))).status == 200


async def test_a_page_of_an_allowed_origin_may_read_the_answer_without_cookies() -> None:
    answer = await Bench(**SHARED)("/v1/memories", "POST", ("Origin", APP))
    assert answer.status == 200
    assert answer.header("Access-Control-Allow-Origin") == APP
    assert answer.header("Access-Control-Allow-Credentials") is None
    assert "X-Request-ID" in (answer.header("Access-Control-Expose-Headers") or "")
    assert answer.header("Vary") == "Origin"


@pytest.mark.parametrize(
    "origin", ["http://app.example.org", "https://app.example.org:8443", "https://x.app.example.org"]
)
async def test_an_origin_is_allowed_exactly_or_not_at_all(origin: str) -> None:
    answer = await Bench(**SHARED)("/v1/memories", "POST", ("Origin", origin))
    assert answer.status == 403
    assert cors_of(answer.headers) == set()


async def test_a_refusal_can_be_read_by_the_page_that_caused_it() -> None:
    answer = await Bench(require_key=True, **SHARED)("/v1/memories", "POST", ("Origin", APP))
    assert answer.status == 401
    assert answer.header("Access-Control-Allow-Origin") == APP


async def test_a_preflight_of_an_allowed_origin_is_answered_without_a_key() -> None:
    bench = Bench(require_key=True, **SHARED)
    answer = await bench("/v1/memories", "OPTIONS", *ASKED)
    assert (answer.status, answer.body, bench.seen) == (204, b"", [])
    assert "Authorization" in (answer.header("Access-Control-Allow-Headers") or "")
    assert "PUT" in (answer.header("Access-Control-Allow-Methods") or "")
    assert answer.header("Access-Control-Allow-Origin") == APP


async def test_a_preflight_is_refused_where_no_origin_is_allowed() -> None:
    answer = await Bench()("/v1/memories", "OPTIONS", *ASKED)
    assert answer.status == 403
    assert cors_of(answer.headers) == set()


async def test_without_configured_origins_no_answer_speaks_of_cors() -> None:
    answer = await Bench()("/v1/memories")
    assert cors_of(answer.headers) == set()
    assert answer.header("Vary") is None


async def test_a_websocket_is_closed_before_it_opens() -> None:
    sent = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await Bench().door({"type": "websocket", "path": "/mcp", "headers": []}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]

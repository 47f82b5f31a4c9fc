"""What a request may weigh and take, and how it ends when something goes wrong."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.rest.failures import Refusal
from tests.unit.security_support import Answer, Bench

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

pytestmark = pytest.mark.anyio

START = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/x-ndjson")]}
MORE = {"type": "http.response.body", "body": b"{}\n", "more_body": True}
EVENTS = {"type": "http.response.start", "status": 200, "headers": [(b"Content-Type", b"text/event-stream; charset=x")]}

KIB = b"x" * 1024


async def test_a_body_that_says_it_is_too_large_is_not_read() -> None:
    bench = Bench(body_bytes=2048)
    answer = await bench("/v1/memories", "POST", ("Content-Length", "2049"), body=(KIB, KIB, b"x"))
    assert (answer.status, bench.seen) == (413, [])
    assert "2,048 bytes" in answer.json()["detail"]
    assert answer.header("Connection") == "close"


async def test_a_body_that_says_nothing_is_read_up_to_the_cap() -> None:
    bench = Bench(body_bytes=2048)
    assert (await bench("/v1/memories", "POST", body=(KIB, KIB))).status == 200
    answer = await bench("/v1/memories", "POST", body=(KIB, KIB, b"x", KIB))
    assert (answer.status, "2,048 bytes" in answer.json()["detail"]) == (413, True)


@pytest.mark.parametrize("length", ["7", "-1", "1e3", "0x10", "", "1,2"])
async def test_a_body_that_lies_about_its_size_is_measured(length: str) -> None:
    bench = Bench(body_bytes=2048)
    answer = await bench("/v1/memories", "POST", ("Content-Length", length), body=(KIB, KIB, b"x"))
    assert answer.status == 413


async def test_an_app_that_swallows_the_overflow_cannot_answer_as_if_all_were_well() -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        try:
            while (await receive()).get("more_body"):
                pass
        except Refusal:
            await send(START)
            await send({"type": "http.response.body", "body": b"stored what there was"})

    answer = await Bench(app, body_bytes=1024)("/v1/import", "POST", body=(KIB, KIB))
    assert answer.status == 413
    assert b"stored" not in answer.body


async def test_an_app_that_breaks_over_the_overflow_is_answered_for() -> None:
    async def app(_: Any, receive: Any, __: Any) -> None:
        try:
            while (await receive()).get("more_body"):
                pass
        except Refusal as error:
            raise RuntimeError("cannot go on") from error

    assert (await Bench(app, body_bytes=1024)("/v1/import", "POST", body=(KIB, KIB))).status == 413


async def test_an_answer_that_has_begun_when_the_body_overflows_stays_unfinished() -> None:
    async def app(_: Any, receive: Any, send: Any) -> None:
        await send(START)
        while (await receive()).get("more_body"):
            await send(MORE)

    answer = await Bench(app, body_bytes=1024)("/v1/import", "POST", body=(KIB, KIB))
    assert (answer.status, answer.complete) == (200, False)


async def timed(app: Callable[[Any, Any, Any], Awaitable[None]], **how: Any) -> Answer:
    return await Bench(app, timeout=0.05)("/v1/export", "POST", **how)


async def test_an_app_that_does_not_answer_in_time_is_answered_for() -> None:
    stopped = []

    async def app(_: Any, receive: Any, __: Any) -> None:
        await receive()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(True)

    answer = await timed(app)
    assert (answer.status, stopped) == (504, [True])
    assert "MCP_MEMORY_HTTP_TIMEOUT" in answer.json()["detail"]


async def test_a_body_that_does_not_come_in_time_is_the_clients_fault() -> None:
    async def app(_: Any, receive: Any, __: Any) -> None:
        while (await receive()).get("more_body"):
            pass

    answer = await timed(app, body=(b'{"content": "half a', b""), ends=False)
    assert answer.status == 408
    assert answer.header("Connection") == "close"


async def test_a_stream_that_falls_silent_is_cut() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        await send(MORE)
        await asyncio.Event().wait()

    answer = await timed(app)
    assert (answer.status, answer.body, answer.complete) == (200, b"{}\n", False)


async def test_a_stream_may_take_longer_than_the_limit_while_it_goes_on_and_events_may_be_silent() -> None:
    def soon(seconds: float) -> Awaitable[bool]:
        woken = asyncio.Event()
        asyncio.get_running_loop().call_later(seconds, woken.set)
        return woken.wait()

    async def lines(_: Any, __: Any, send: Any) -> None:
        await send(START)
        for _number in range(6):
            await soon(0.02)
            await send(MORE)
        await send({"type": "http.response.body", "body": b""})

    async def events(_: Any, __: Any, send: Any) -> None:
        await send(EVENTS)
        await soon(0.1)
        await send({"type": "http.response.body", "body": b"data: late\n\n"})

    assert (await timed(lines)).complete
    assert (await timed(events)).body == b"data: late\n\n"


async def test_a_failure_tells_the_id_of_the_request_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    async def app(_: Any, __: Any, ___: Any) -> None:
        raise KeyError("Ana's diary in /home/ana")

    answer = await Bench(app)("/v1/memories", "GET", ("X-Request-ID", "req-7"))
    assert answer.status == 500
    assert answer.json()["request_id"] == "req-7"
    assert "diary" not in answer.body.decode()
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "the request req-7 failed unexpectedly"
    ]


async def test_a_timeout_inside_the_app_is_its_own_failure() -> None:
    async def app(_: Any, __: Any, ___: Any) -> None:
        raise TimeoutError

    assert (await Bench(app)("/v1/memories")).status == 500


async def test_a_failure_after_the_answer_has_begun_leaves_it_unfinished() -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await send(START)
        raise RuntimeError

    answer = await Bench(app)("/v1/memories")
    assert (answer.status, answer.complete) == (200, False)


@pytest.mark.parametrize("sane", ["a", "req-1.2_3", "0" * 64])
async def test_a_short_plain_request_id_comes_back(sane: str) -> None:
    answer = await Bench()("/v1/memories", "GET", ("X-Request-ID", sane))
    assert answer.header("X-Request-ID") == sane


@pytest.mark.parametrize("insane", ["", "a b", "0" * 65, "-rf", "x\r\ny: z", "é", "{}", "../x"])
async def test_any_other_request_id_is_replaced(insane: str) -> None:
    answer = await Bench()("/v1/memories", "GET", ("X-Request-ID", insane))
    assert len(answer.header("X-Request-ID") or "") == 16
    assert insane not in (answer.header("X-Request-ID") or "") or not insane


async def test_two_request_ids_are_replaced_and_every_request_has_another() -> None:
    bench = Bench()
    answers = [await bench("/", "GET", ("X-Request-ID", "a"), ("X-Request-ID", "b")) for _ in range(2)]
    assert len({one.header("X-Request-ID") for one in answers} - {"a", "b"}) == 2


async def test_a_refusal_has_an_id_too() -> None:
    answer = await Bench(require_key=True)("/v1/memories", "GET", ("X-Request-ID", "req-8"))
    assert (answer.status, answer.header("X-Request-ID")) == (401, "req-8")


async def test_every_answer_is_neither_kept_nor_guessed_at_nor_framed() -> None:
    bench = Bench(require_key=True)
    for path in ("/health", "/v1/memories"):
        answer = await bench(path)
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert answer.header("Cache-Control") == "no-store"
        assert answer.header("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'"
        assert answer.header("X-Frame-Options") == "DENY"
        assert answer.header("Cross-Origin-Resource-Policy") == "same-origin"


async def test_a_page_runs_no_script_unless_it_has_a_policy_of_its_own() -> None:
    async def app(scope: Any, _: Any, send: Any) -> None:
        own = [(b"Content-Security-Policy", b"default-src 'self'")] if scope["path"] == "/docs" else []
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"Cache-Control", b"max-age=60"), *own]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"<p>"})

    bench = Bench(app)
    page, docs = await bench("/v1/page"), await bench("/docs")
    assert "script" not in (page.header("Content-Security-Policy") or "script")
    assert "style-src" in (page.header("Content-Security-Policy") or "")
    assert docs.header("Content-Security-Policy") == "default-src 'self'"
    assert page.header("Cache-Control") == "max-age=60"

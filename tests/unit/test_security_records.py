"""What is written about requests, in the log and in the audit trail; and what never is."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from mcp_memory.rest.logs import RequestIds
from mcp_memory.rest.security.later import Later
from tests.unit.security_support import FAR_CLIENT, LOCAL_CLIENT, SECRET, Bench, answered, request

pytestmark = pytest.mark.anyio

KEY = ("Authorization", f"Bearer {SECRET}")


class Route:
    """As Starlette's."""

    def __init__(self, path: str) -> None:
        from starlette.routing import compile_path

        self.path = path
        self.path_regex = compile_path(path)[0]


class App:
    """Answers what it was made to answer."""

    routes = (Route("/v1/memories/recall"), Route("/v1/memories/{memory_id}"), Route("/v1/entities/{name}"))

    def __init__(self, status: int = 200, body: bytes = b'{"content": "Ana is ill."}') -> None:
        self.status = status
        self.body = body

    async def __call__(self, _: Any, receive: Any, send: Any) -> None:
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": self.body})


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, "mcp_memory.access")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "mcp_memory.access"]


async def test_a_line_says_what_was_asked_and_how_it_ended(lines: Any) -> None:
    bench = Bench(App())
    bench.memory.make()
    await bench("/v1/memories/mem_1", "PUT", KEY, ("X-Request-ID", "req-9"), body=(b"12345",))
    [line] = lines()
    assert line.startswith("PUT /v1/memories/{memory_id} 200 ")
    assert line.endswith("ms in=5 out=26 key=mcpm_0123abcd id=req-9")


async def test_no_line_holds_an_id_a_name_a_query_a_body_an_answer_or_a_secret(lines: Any) -> None:
    bench = Bench(App())
    bench.memory.make()
    words = (b'{"query": "is Ana ill?"}',)
    query = {"query_string": b"q=ill&api_key=" + SECRET.encode()}
    await bench("/v1/entities/Ana", "GET", KEY, body=words, **query)
    await bench("/v1/nowhere/Ana ill\nfake 200", "GET", KEY, **query)
    await bench("/v1/entities/Ana", "GET", ("Authorization", "Bearer Ana-ill"), **query)
    await bench("/v1/entities/Ana", "Ana-ill", KEY)
    assert len(lines()) == 4
    for line in lines():
        assert "\n" not in line
        for private in ("Ana", "ill", SECRET, SECRET[-20:], "q="):
            assert private not in line
    assert [line.split()[:2] for line in lines()] == [
        ["GET", "/v1/entities/{name}"], ["GET", "(unknown)"], ["GET", "/v1/entities/{name}"],
        ["OTHER", "/v1/entities/{name}"],
    ]  # fmt: skip


async def test_a_fixed_path_is_not_taken_for_one_with_a_parameter(lines: Any) -> None:
    await Bench(App())("/v1/memories/recall", "POST")
    assert lines()[0].startswith("POST /v1/memories/recall 200")


async def test_what_the_app_logs_can_carry_the_id_of_the_request(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        logging.getLogger("app").warning("the disk is nearly full")
        await App()(scope, receive, send)

    caplog.handler.addFilter(RequestIds())
    logging.getLogger("app").warning("starting")
    await Bench(app)("/v1/memories", "GET", ("X-Request-ID", "req-5"))
    ids = {record.message: getattr(record, "request_id", "") for record in caplog.records}
    assert (ids["starting"], ids["the disk is nearly full"]) == ("-", "req-5")


async def test_an_answer_that_was_cut_is_told(lines: Any) -> None:
    async def app(_: Any, __: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    await Bench(app)("/v1/memories")
    assert lines()[0].endswith(" unfinished")


async def test_every_kind_of_refusal_is_in_the_audit_trail_with_its_reason() -> None:
    bench = Bench(App(), body_bytes=10, rate_per_minute=2)
    bench.memory.make(workspace_id="team")
    await bench("/v1/memories/mem_1", "GET", ("Host", "evil.example"))
    await bench("/v1/memories/mem_1", "GET", ("Origin", "https://evil.example"))
    await bench("/v1/memories/mem_1", "GET", client=FAR_CLIENT)
    await bench("/v1/memories/mem_1", "POST", KEY, ("Content-Length", "11"))
    for _ in range(3):
        await bench("/v1/memories/mem_1", "GET", KEY)
    told = {event.metadata["reason"]: event for event in await bench.events()}
    assert set(told) == {"foreign_host", "foreign_origin", "no_key", "too_large", "too_many_requests"}
    assert {event.action for event in told.values()} == {"refuse"}
    assert told["no_key"].metadata == {
        "status": 401, "reason": "no_key", "method": "GET", "path": "/v1/memories/{memory_id}",
        "client": "203.0.113.7", "count": 1,
    }  # fmt: skip
    limited = told["too_many_requests"]
    assert (limited.author, limited.workspace_id, limited.metadata["key"]) == ("ana", "team", "mcpm_0123abcd")


async def test_what_the_app_refuses_to_a_known_key_is_there_under_the_keys_name() -> None:
    bench = Bench(App(403))
    bench.memory.make()
    await bench("/v1/memories/mem_1", "DELETE", KEY)
    [event] = await bench.events()
    assert (event.author, event.metadata["reason"], event.metadata["status"]) == ("ana", "not_allowed", 403)


async def test_a_revoked_key_that_is_tried_again_is_there_by_its_prefix() -> None:
    bench = Bench(App())
    bench.memory.make()
    bench.memory.revoke()
    await bench("/v1/memories/mem_1", "GET", KEY)
    [event] = await bench.events()
    assert (event.metadata["reason"], event.metadata["key"]) == ("revoked_key", "mcpm_0123abcd")


@pytest.mark.parametrize("status", [200, 204, 400, 404, 409, 422, 500, 503])
async def test_what_is_no_refusal_is_not_there(status: int) -> None:
    bench = Bench(App(status, b""))
    await bench("/v1/memories/mem_1")
    assert await bench.events() == []


async def test_no_event_holds_an_id_a_query_a_body_or_a_secret() -> None:
    bench = Bench(App())
    bench.memory.make()
    wrong = SECRET[:-1] + "B"
    await bench("/v1/entities/Ana", "Ana", ("Authorization", f"Bearer {wrong}"), query_string=b"q=Ana", body=(b"Ana",))
    [event] = await bench.events()
    assert "Ana" not in event.model_dump_json()
    assert wrong[13:] not in event.model_dump_json()


async def test_a_thousand_equal_refusals_are_one_event() -> None:
    bench = Bench(App(), require_key=True, failures_per_minute=10_000)
    for _ in range(1000):
        await bench("/v1/memories/mem_1")
    [event] = await bench.events()
    assert event.metadata["count"] == 1000


async def test_a_flood_from_everywhere_writes_ten_events_that_count_all_and_then_rests_longer() -> None:
    bench = Bench(App(), require_key=True)
    for number in range(1500):
        await bench("/v1/memories/mem_1", client=(f"10.0.{number // 250}.{number % 250}", 1))
    events = await bench.events()
    assert len(events) == 10
    assert sum(int(event.metadata["count"] or 0) for event in events) == 1500
    assert events[-1].metadata["reason"] == "various"
    log = bench.door.refusals
    assert log.pause == 10
    for _ in range(20):
        for number in range(11):
            await bench("/v1/memories/mem_1", client=(f"10.0.0.{number}", 1))
        await bench.door.flush()
    assert log.pause == 600
    await bench("/v1/memories/mem_1")
    await bench.door.flush()
    assert log.pause == 5


async def test_one_with_a_key_is_told_apart_however_many_come_without() -> None:
    bench = Bench(App(403), failures_per_minute=10_000)
    bench.memory.make()
    for number in range(100):
        for _ in range(5):
            await bench("/v1/memories/mem_1", client=(f"10.0.0.{number}", 1))
    await bench("/v1/memories/mem_1", "DELETE", KEY)
    assert "ana" in [event.author for event in await bench.events()]


async def test_a_store_that_cannot_be_written_fails_no_request(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(App(), require_key=True)
    await bench("/v1/memories/mem_1")
    bench.memory.broken = True
    await bench.door.flush()
    assert "missing in the audit trail" in caplog.text


async def test_a_tool_that_is_refused_inside_a_good_answer_is_there_too() -> None:
    from starlette.requests import Request

    from mcp_memory.rest.security.rights import note_refused

    async def app(scope: Any, _: Any, send: Any) -> None:
        note_refused(Request(scope))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    bench = Bench(app)
    bench.memory.make(scopes=["read"])
    await bench("/mcp", "POST", KEY)
    [event] = await bench.events()
    assert (event.author, event.metadata["reason"]) == ("ana", "not_allowed")


async def test_what_is_gathered_is_written_before_the_app_shuts_down() -> None:
    order: list[str] = []
    messages = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while (await receive())["type"] != "lifespan.shutdown":
                pass
            order.extend(event.action for event in bench.memory.events)
            order.append("closed")
            return
        await App()(scope, receive, send)

    async def receive() -> dict[str, str]:
        return messages.pop(0)

    bench = Bench(app, require_key=True)
    await answered(bench.door, request("/v1/x", client=LOCAL_CLIENT))
    await bench.door({"type": "lifespan"}, receive, None)
    assert order == ["refuse", "closed"]


async def test_work_for_later_is_done_once_however_often_it_was_wanted() -> None:
    done = []

    async def work() -> None:
        done.append(True)

    later = Later(work)
    for _ in range(5):
        later.within(3600)
    await later.now()
    assert done == [True]

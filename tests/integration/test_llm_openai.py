"""The language model behind HTTP, against a real server on loopback: right, slow, wrong, truncated and down."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.errors import LanguageModelUnavailable, LanguageModelUnusable
from mcp_memory.llm.base import Message
from mcp_memory.llm.budget import Budget, Budgeted
from mcp_memory.llm.openai import OpenAIModel
from tests.support.model_server import (
    PATIENCE,
    Empty,
    Hangup,
    ModelServer,
    NotJson,
    Reply,
    Slow,
    Status,
    Truncated,
    Usage,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_memory.llm.base import Completion

pytestmark = pytest.mark.anyio

KEY = "sk-very-secret"
QUESTION = [Message("system", "Be brief."), Message("user", "What is red?")]


class Connect:
    """Opens models on a server; all are closed after the test."""

    def __init__(self) -> None:
        self.opened: list[OpenAIModel] = []

    def __call__(self, url: str, **options: Any) -> OpenAIModel:
        settings = {"base_url": url, "api_key": KEY, "timeout": PATIENCE, "max_retries": 0}
        self.opened.append(OpenAIModel("small", **(settings | options)))
        return self.opened[-1]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    made = Connect()
    yield made
    for model in made.opened:
        await model.close()


async def ask(model: OpenAIModel, *, timeout: float | None = None) -> Completion:
    return await model.complete(QUESTION, max_tokens=50, timeout=timeout)


async def failure(connect: Connect, *script: Reply, **options: Any) -> str:
    """What the model says when the server answers like this."""
    with ModelServer(script) as server, pytest.raises(LanguageModelUnavailable) as raised:
        await ask(connect(server.url, **options))
    return str(raised.value)


async def unusable(connect: Connect, reply: Reply) -> str:
    with ModelServer([reply]) as server, pytest.raises(LanguageModelUnusable) as raised:
        await ask(connect(server.url))
    return str(raised.value)


async def test_the_exchange_is_sent_and_the_answer_comes_back(connect: Connect) -> None:
    with ModelServer(["A colour."]) as server:
        answer = await ask(connect(server.url))
    assert answer.text == "A colour."
    assert not answer.truncated
    assert server.requests == [
        {
            "model": "small",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "What is red?"},
            ],
            "max_tokens": 50,
        }
    ]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_the_cost_is_what_the_endpoint_counted(connect: Connect) -> None:
    with ModelServer([Usage("A colour.", 170, 30)]) as server:
        assert (await ask(connect(server.url))).tokens == 200


@pytest.mark.parametrize(
    "usage",
    [None, {}, [], "many", {"total_tokens": 0}, {"total_tokens": -3}, {"total_tokens": "200"}, {"prompt_tokens": 9}],
)
async def test_the_cost_is_estimated_where_the_endpoint_counted_nothing(connect: Connect, usage: Any) -> None:
    body = {"choices": [{"message": {"content": "A colour."}, "finish_reason": "stop"}], "usage": usage}
    with ModelServer([NotJson(json.dumps(body))]) as server:
        assert (await ask(connect(server.url))).tokens == (4 + 3) + (4 + 3) + 3


async def test_an_answer_cut_at_the_most_tokens_says_so(connect: Connect) -> None:
    with ModelServer([Truncated("Red is the col")]) as server:
        answer = await ask(connect(server.url))
    assert (answer.text, answer.truncated) == ("Red is the col", True)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("<think>Red, hm. A colour?</think>\n\nA colour.", "A colour."),
        ("\n<think>\nline\nline\n</think>A colour.\n", "A colour."),
        ("<think></think>A colour.", "A colour."),
        ("Write <think>so</think> first.", "Write <think>so</think> first."),
        ("<think>a</think><think>b</think>", "<think>b</think>"),
    ],
)
async def test_thoughts_in_front_are_no_part_of_the_answer(connect: Connect, said: str, text: str) -> None:
    with ModelServer([said]) as server:
        assert (await ask(connect(server.url))).text == text


async def test_half_a_surrogate_pair_in_a_text_does_not_stop_the_call(connect: Connect) -> None:
    with ModelServer(["fine"]) as server:
        await connect(server.url).complete([Message("user", "broken \ud83d emoji")], max_tokens=5)
    assert server.texts == ["broken ? emoji"]


@pytest.mark.parametrize("tokens", ["max_tokens", "max_completion_tokens"])
async def test_a_refused_parameter_is_replaced_once_and_for_all(
    connect: Connect, monkeypatch: pytest.MonkeyPatch, tokens: str
) -> None:
    other = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[tokens]
    with ModelServer(["one", "two"], refuses=[tokens]) as server:
        model = connect(server.url)
        monkeypatch.setattr(model, "_limit", tokens)
        assert (await ask(model)).text == "one"
        assert (await ask(model)).text == "two"
    assert [[name for name in (tokens, other) if name in request] for request in server.requests] == [
        [tokens],
        [other],
        [other],
    ]


async def test_eight_calls_at_once_agree_on_the_other_parameter(connect: Connect) -> None:
    with ModelServer(lambda request: "fine", refuses=["max_tokens"]) as server:
        model = connect(server.url)
        answers = await asyncio.gather(*(ask(model) for _ in range(8)))
        assert [answer.text for answer in answers] == ["fine"] * 8
        await ask(model)
    assert server.requests[-1]["max_completion_tokens"] == 50


async def test_a_server_that_refuses_both_parameters_is_asked_twice_and_reported(connect: Connect) -> None:
    with ModelServer(["never"], refuses=["max_tokens", "max_completion_tokens"]) as server:
        with pytest.raises(LanguageModelUnavailable, match=r"status 400: Unsupported parameter: 'max_tokens'"):
            await ask(connect(server.url))
        assert len(server.requests) == 2


async def test_another_bad_request_is_not_repeated(connect: Connect) -> None:
    with ModelServer([Status(400, "This model's maximum context length is 8192.")]) as server:
        with pytest.raises(LanguageModelUnavailable, match="maximum context length is 8192"):
            await ask(connect(server.url))
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (401, r"refused the API key \(status 401\); check MCP_MEMORY_LLM_API_KEY\.$"),
        (403, r"refused the API key \(status 403\); check MCP_MEMORY_LLM_API_KEY\.$"),
        (404, r"has no model small \(status 404\); .*MCP_MEMORY_LLM_BASE_URL.*MCP_MEMORY_LLM_MODEL\)\.$"),
        (429, r"allows no more requests now \(status 429\): so it is; .*MCP_MEMORY_LLM_API_KEY\.$"),
        (500, r"answered with status 500: so it is; .*MCP_MEMORY_LLM_BASE_URL and MCP_MEMORY_LLM_MODEL\.$"),
        (503, r"answered with status 503: so it is; "),
        (418, r"answered with status 418: so it is; "),
    ],
)
async def test_every_wrong_status_is_told_with_the_setting_to_check(connect: Connect, code: int, told: str) -> None:
    with ModelServer([Status(code, "so it is")]) as server:
        place = server.url
        with pytest.raises(LanguageModelUnavailable, match=told) as raised:
            await ask(connect(server.url))
    assert str(raised.value).startswith(f"The language model endpoint {place} ")


async def test_an_endpoint_that_wants_a_key_where_none_is_set_asks_for_one(connect: Connect) -> None:
    told = await failure(connect, Status(401, "no key"), api_key="")
    assert told.endswith("wants an API key (status 401); set MCP_MEMORY_LLM_API_KEY.")


@pytest.mark.parametrize("code", [400, 401, 403, 404, 429, 500])
async def test_a_server_that_repeats_the_key_does_not_leak_it(connect: Connect, code: int) -> None:
    told = await failure(connect, Status(code, f"Incorrect key {KEY} given. " * 20))
    assert KEY not in told
    assert "secret" not in told


async def test_a_long_complaint_is_cut(connect: Connect) -> None:
    told = await failure(connect, Status(500, "<p>\n\n</p> overheated " * 1000))
    assert len(told) < 600
    assert "\n" not in told


async def test_user_and_password_of_the_address_are_never_shown(connect: Connect) -> None:
    with ModelServer([Status(500, "me:pass%40word asked, pass@word")]) as server:
        model = connect(server.url.replace("://", "://me:pass%40word@"))
        with pytest.raises(LanguageModelUnavailable) as raised:
            await ask(model)
        assert model.name == f"small at {server.url}"
        assert repr(model) == f"OpenAIModel('small', base_url='{server.url}')"
    assert "pass" not in str(raised.value)


async def test_an_endpoint_that_is_down_is_told_with_its_address(connect: Connect) -> None:
    with ModelServer([]) as server:
        model = connect(server.url)
    with pytest.raises(LanguageModelUnavailable, match=r"cannot be reached .*check its address \(MCP_MEMORY_LLM_BASE"):
        await ask(model)


async def test_a_model_is_there_again_when_its_endpoint_is(connect: Connect) -> None:
    with ModelServer([Status(503, "away"), "back"]) as server:
        model = connect(server.url)
        with pytest.raises(LanguageModelUnavailable, match="away"):
            await ask(model)
        assert (await ask(model)).text == "back"


@pytest.mark.parametrize("trouble", [Hangup(), Status(500, "overheated"), Status(429, "busy")])
async def test_a_passing_trouble_is_tried_again(connect: Connect, trouble: Reply) -> None:
    with ModelServer([trouble, "A colour."]) as server:
        assert (await ask(connect(server.url, max_retries=1))).text == "A colour."
        assert len(server.requests) == 2


async def test_a_connection_that_is_closed_every_time_is_reported(connect: Connect) -> None:
    assert "cannot be reached" in await failure(connect, Hangup())


async def test_an_answer_that_takes_too_long_is_given_up(connect: Connect) -> None:
    with ModelServer(["awake", Slow(threading.Event(), "late")]) as server:
        model = connect(server.url, timeout=PATIENCE)
        await ask(model)
        with pytest.raises(LanguageModelUnavailable, match=r"within 0\.2 seconds; .*MCP_MEMORY_LLM_TIMEOUT\.$"):
            await ask(model, timeout=0.2)
        assert await asyncio.to_thread(server.abandoned.wait, PATIENCE)


async def test_retries_do_not_prolong_a_call_beyond_its_timeout(connect: Connect) -> None:
    with ModelServer(lambda request: Status(500, "overheated")) as server:
        model = connect(server.url, max_retries=10_000, timeout=0.3)
        with pytest.raises(LanguageModelUnavailable, match=r"within 0\.3 seconds"):
            await ask(model)


async def test_a_cancelled_call_ends_its_request_and_leaves_the_model_usable(connect: Connect) -> None:
    arrived = threading.Event()

    def reply(request: dict[str, Any]) -> Reply:
        if arrived.is_set():
            return "next"
        arrived.set()
        return Slow(threading.Event(), "never read")

    with ModelServer(reply) as server:
        model = connect(server.url)
        call = asyncio.create_task(ask(model))
        assert await asyncio.to_thread(arrived.wait, PATIENCE)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await asyncio.to_thread(server.abandoned.wait, PATIENCE)
        assert (await ask(model)).text == "next"


async def test_eight_calls_are_under_way_at_once(connect: Connect) -> None:
    together = threading.Barrier(8, timeout=PATIENCE)

    def reply(request: dict[str, Any]) -> str:
        together.wait()
        return request["messages"][-1]["content"].upper()

    with ModelServer(reply) as server:
        model = connect(server.url)
        calls = [model.complete([Message("user", f"call {n}")], max_tokens=9) for n in range(8)]
        assert [answer.text for answer in await asyncio.gather(*calls)] == [f"CALL {n}" for n in range(8)]


async def test_a_slow_call_delays_no_other(connect: Connect) -> None:
    release = threading.Event()
    with ModelServer(lambda request: Slow(release, "slow") if "slow" in str(request) else "quick") as server:
        model = connect(server.url)
        slow = asyncio.create_task(model.complete([Message("user", "slow")], max_tokens=9))
        assert (await model.complete([Message("user", "fast")], max_tokens=9)).text == "quick"
        assert not slow.done()
        release.set()
        assert (await slow).text == "slow"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("<html>It works!</html>", id="a web page"),
        pytest.param("", id="no body"),
        pytest.param('{"choices": [{"mess', id="half a body"),
        pytest.param("[1, 2]", id="a list"),
        pytest.param("[" * 100_000, id="too deep"),
        pytest.param("{}", id="no choices"),
        pytest.param('{"choices": []}', id="empty choices"),
        pytest.param('{"choices": null}', id="null choices"),
        pytest.param('{"choices": [{}]}', id="no message"),
        pytest.param('{"choices": [{"message": {"content": 7}}]}', id="a number"),
    ],
)
async def test_what_is_no_completion_is_unusable(connect: Connect, body: str) -> None:
    assert "check MCP_MEMORY_LLM_BASE_URL" in await unusable(connect, NotJson(body))


@pytest.mark.parametrize("reply", [Empty(), " \n ", "<think>Hm.</think>", "<think>Hm, on and on"])
async def test_an_answer_without_text_is_unusable(connect: Connect, reply: Reply) -> None:
    assert "sent an empty answer" in await unusable(connect, reply)


@pytest.mark.parametrize("reply", [Truncated(""), Truncated("<think>Red could be many things, for exa")])
async def test_a_model_that_only_thought_until_its_tokens_were_used_up_is_told_so(
    connect: Connect, reply: Reply
) -> None:
    assert "small used up the tokens of its answer before it began to write" in await unusable(connect, reply)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ({"message": {"content": None, "refusal": "I cannot help with that."}}, "a refusal: I cannot help with that."),
        ({"message": {"content": None}, "finish_reason": "content_filter"}, "its filter held the answer back"),
        ({"message": {"content": None, "tool_calls": []}, "finish_reason": "tool_calls"}, "an empty answer"),
    ],
)
async def test_a_refusal_is_never_taken_for_an_answer(connect: Connect, choice: dict[str, Any], told: str) -> None:
    assert told in await unusable(connect, NotJson(json.dumps({"choices": [choice]})))


async def test_an_error_in_place_of_an_answer_is_told_as_an_error(connect: Connect) -> None:
    told = await failure(connect, NotJson(json.dumps({"error": {"message": f"Upstream is away ({KEY})", "code": 502}})))
    assert "answered with an error: " in told
    assert "Upstream is away ([key])" in told


async def test_openai_itself_is_not_even_asked_without_a_key() -> None:
    with pytest.raises(LanguageModelUnavailable, match="needs an API key; set MCP_MEMORY_LLM_API_KEY"):
        await ask(OpenAIModel("gpt-5"))


@pytest.mark.parametrize(
    "url", ["localhost:11434/v1", "http://", "http://host:port/v1", "http://[::1/v1", "ftp://h/v1"]
)
async def test_an_address_that_is_none_is_told_before_anything_is_sent(connect: Connect, url: str) -> None:
    model = connect(url)
    assert model.name == "small at (unreadable address)"
    with pytest.raises(LanguageModelUnavailable, match="MCP_MEMORY_LLM_BASE_URL is no address"):
        await ask(model)


@pytest.mark.parametrize("key", ["sk-ключ", "sk-two\nlines"])
async def test_a_key_that_cannot_be_one_is_told_without_showing_it(connect: Connect, key: str) -> None:
    told = await failure(connect, "never", api_key=key)
    assert "MCP_MEMORY_LLM_API_KEY holds characters" in told
    assert "sk-" not in told


async def test_a_key_read_from_a_file_may_end_in_a_line_break(connect: Connect) -> None:
    with ModelServer(["fine"]) as server:
        await ask(connect(server.url, api_key=f"{KEY}\n"))
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


async def test_nothing_of_the_environment_meant_for_other_programs_is_sent(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "of-someone-else")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "of-someone-else")
    monkeypatch.setenv("OPENAI_ORG_ID", "of-someone-else")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "of-someone-else")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/of-someone-else")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: of-someone-else\nAuthorization: Bearer of-someone-else")
    with ModelServer(["fine"]) as server:
        await ask(connect(server.url, api_key=""))
    assert "of-someone-else" not in str(server.headers)
    assert server.headers[0]["authorization"] == "Bearer none"


async def test_a_closed_model_opens_again_when_it_is_asked(connect: Connect) -> None:
    with ModelServer(["one", "two"]) as server:
        model = connect(server.url)
        await model.close()
        await ask(model)
        await model.close()
        assert (await ask(model)).text == "two"


async def test_a_proxy_that_cannot_be_used_is_told_as_the_reason(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1:1")
    assert "cannot be asked from here" in await failure(connect, "never")


async def test_a_budget_holds_against_a_real_endpoint_with_eight_calls_at_once(connect: Connect) -> None:
    with ModelServer(lambda request: Usage("done", 10, 10)) as server:
        budget = Budget(calls=5, tokens=10_000)
        model = Budgeted(connect(server.url), budget)
        calls = (model.complete(QUESTION, max_tokens=50) for _ in range(8))
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert len(server.requests) == 5
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 3
    assert (budget.calls_left, budget.tokens_used) == (0, 100)


def test_the_client_is_not_imported_before_the_first_call() -> None:
    program = (
        "import sys; from mcp_memory.llm.openai import OpenAIModel; from mcp_memory.llm.budget import Budgeted;"
        "OpenAIModel('small', base_url='http://localhost:1/v1').name; print('openai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"

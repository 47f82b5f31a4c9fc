"""What code in the environment may call: recall, and a language model where there is one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.core.environment.environments import EnvironmentPolicy
from mcp_memory.core.resources import Limits
from mcp_memory.errors import LanguageModelUnavailable, StaleEnvironment, StoreUnavailable
from mcp_memory.llm.scripted import ScriptedModel
from tests.support.environments import second, window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from mcp_memory.llm.base import Message
    from tests.support.environments import Window

pytestmark = pytest.mark.anyio

CAUGHT = "try:\n    {call}\n    told = ''\nexcept Exception as error:\n    told = str(error)\n[told]"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Window]:
    async with window(tmp_path) as opened:
        yield opened


async def told(desk: Window, call: str) -> str:
    """What the code is told of a call that fails."""
    text = await desk.value(CAUGHT.format(call=call))
    assert text is not None
    return text


# recall


async def test_recall_answers_inside_as_it_does_outside(desk: Window) -> None:
    await desk.remember("The cache is flushed at noon.", "The cache was cold on Monday.", tags=["cache"])
    assert await desk.value("sorted(m['content'] for m in recall('cache'))") == (
        "['The cache is flushed at noon.', 'The cache was cold on Monday.']"
    )
    assert await desk.value("len(recall('cache', limit=1)), len(recall(query='cache'))") == "(1, 2)"
    assert await desk.value("[m['tags'] for m in recall('*', 1)]") == "[['cache']]"


async def test_recall_inside_sees_no_other_workspace(desk: Window) -> None:
    home = desk.scope
    await desk.begin("elsewhere")
    await desk.remember("A secret of another workspace.")
    desk.scope = home
    assert await desk.value("recall('secret') + recall('*')") == "[]"


async def test_recall_is_counted(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_recalls=3)) as desk:
        assert await desk.value("[recall('x') for _ in range(3)]") == "[[], [], []]"
        assert "budget of 3 recalls" in await told(desk, "[recall('x') for _ in range(4)]")
        assert await desk.value("recall('x')") == "[]"


@pytest.mark.parametrize(
    "given",
    [
        *("", "5", "['a']", "' '", "'x' * 20_001", "['x' * 10**6] * 10**5", "'x', 1, 2", "'x', tags=['a']"),
        *("'x', 101", "'x', 0", "'x', True", "'x', 1.0", "'x', '1'", "'x', 10**30"),
    ],
)
async def test_arguments_that_recall_does_not_take_are_told_to_the_code(desk: Window, given: str) -> None:
    assert "recall" in await told(desk, f"recall({given})")


async def test_what_fails_in_the_store_is_told_without_details(desk: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any) -> Any:
        raise StoreUnavailable("The folder /home/secret cannot be read.")

    monkeypatch.setattr(desk.memory.resources.store, "keyword_candidates", fail)
    message = await told(desk, "recall('cache')")
    assert "cannot be searched" in message
    assert "secret" not in message


async def test_nothing_inside_writes_to_memory(desk: Window) -> None:
    await desk.remember("One note.")
    for name in ("remember", "forget", "memory_remember", "associate"):
        ran = await desk.run(f"{name}('x')")
        assert ran.error is not None
        assert ran.error.type == "NameError"
    assert await desk.value("len(recall('*'))") == "1"


# The language model


async def test_without_a_model_there_is_no_llm_query_and_the_hint_says_why(desk: Window) -> None:
    ran = await desk.run("llm_query('What is this?')")
    assert ran.error is not None
    assert ran.error.type == "NameError"
    assert ran.error.hint is not None
    assert "MCP_MEMORY_LLM_MODEL" in ran.error.hint


async def test_a_model_is_asked_as_if_it_were_a_function(tmp_path: Path) -> None:
    async with window(tmp_path, model=ScriptedModel(lambda exchange: exchange[-1].content.upper())) as desk:
        assert await desk.value("[llm_query('yes').lower(), llm_query(prompt='no')]") == "['yes', 'NO']"
        assert await desk.value("llm_query_batched(['a', 'b', 'c'])") == "['A', 'B', 'C']"
        assert (await desk.status()).tools == ["recall", "llm_query", "llm_query_batched"]


async def test_a_batch_keeps_its_order_and_says_in_place_what_failed(tmp_path: Path) -> None:
    def reply(exchange: Sequence[Message]) -> str | Exception:
        asked = exchange[-1].content
        return LanguageModelUnavailable("Refused by http://inner:1234.") if asked == "bad" else f"re {asked}"

    async with window(tmp_path, model=ScriptedModel(reply)) as desk:
        answers = await desk.value("llm_query_batched(['a', 'bad', 'c'])")
        assert answers is not None
        assert answers.startswith("['re a', 'error: ")
        assert answers.endswith(", 're c']")
        assert "inner" not in answers
        assert "did not answer" in await told(desk, "llm_query('bad')")


async def test_four_prompts_of_a_batch_are_under_way_at_a_time(tmp_path: Path) -> None:
    under_way, most = 0, 0

    async def reply(_: Sequence[Message]) -> str:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return "yes"

    async with window(tmp_path, model=ScriptedModel(reply)) as desk:
        assert await desk.value("len(llm_query_batched(['a'] * 20))") == "20"
        assert most == 4


async def test_a_budget_ends_the_calls_of_one_run_and_the_next_has_its_own(tmp_path: Path) -> None:
    model = ScriptedModel(lambda _: "yes")
    async with window(tmp_path, model=model, budget=Limits(llm_calls=2)) as desk:
        assert "budget" in await told(desk, "[llm_query('a') for _ in range(3)]")
        assert len(model.exchanges) == 2
        assert await desk.value("[one[:5] for one in llm_query_batched(['a', 'b', 'c'])]") == "['yes', 'yes', 'error']"


@pytest.mark.parametrize(
    "call",
    [
        *(f"llm_query({given})" for given in ("", "5", "''", "['a']", "'x' * 200_001")),
        *(f"llm_query_batched({given})" for given in ("'abc'", "[]", "['a'] * 21", "['a', 5]", "[['a']]", "('a',)")),
        *(f"llm_query_batched({given})" for given in ("['x' * 150_000] * 2", "['x' * 10**6] * 10**4")),
    ],
)
async def test_prompts_that_are_too_much_or_no_texts_never_reach_the_model(tmp_path: Path, call: str) -> None:
    model = ScriptedModel(lambda _: "yes")
    async with window(tmp_path, model=model) as desk:
        assert "llm_query" in await told(desk, call)
        assert not model.exchanges


async def test_a_cancelled_call_of_the_model_leaves_the_variables_as_they_were(tmp_path: Path) -> None:
    asked = asyncio.Event()

    async def reply(_: Sequence[Message]) -> str:
        asked.set()
        await asyncio.Event().wait()
        return "never"

    async with window(tmp_path, model=ScriptedModel(reply)) as desk:
        await desk.run("x = 1")
        task = asyncio.create_task(desk.run("x = 2\nllm_query('wait')"))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await desk.value("x") == "1"


async def test_a_model_that_hangs_delays_no_other_call(tmp_path: Path) -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def reply(_: Sequence[Message]) -> str:
        asked.set()
        await go_on.wait()
        return "late"

    async with window(tmp_path, model=ScriptedModel(reply)) as desk:
        await desk.run("x = 1")
        waiting = asyncio.create_task(desk.run("[llm_query('wait')]"))
        await asked.wait()
        assert (await desk.inspect(variable="x")).preview == "1"
        assert (await desk.status()).exists
        first = desk.scope
        await desk.begin()
        assert await desk.value("1 + 1") == "2"
        assert not waiting.done()
        go_on.set()
        assert (await waiting).result == "['late']"
        assert first != desk.scope


async def test_a_call_that_asked_a_model_is_not_repeated_when_another_window_was_quicker(tmp_path: Path) -> None:
    windows: list[Window] = []

    async def reply(_: Sequence[Message]) -> str:
        await windows[1].run("x = 5")
        return "yes"

    model = ScriptedModel(reply)
    async with window(tmp_path, model=model) as desk, second(desk) as other:
        windows += [desk, other]
        await desk.run("x = 1")
        with pytest.raises(StaleEnvironment, match="language model"):
            await desk.run("x = len(llm_query('a'))")
        assert len(model.exchanges) == 1
        assert await desk.value("x") == "5"


async def test_a_window_that_only_reads_does_not_get_in_the_way_of_a_call_that_asks_a_model(tmp_path: Path) -> None:
    windows: list[Window] = []

    async def reply(_: Sequence[Message]) -> str:
        await windows[0].value("x")
        return "yes"

    async with window(tmp_path, model=ScriptedModel(reply)) as desk, second(desk) as other:
        windows.append(other)
        await desk.run("x = 1")
        assert (await desk.run("x = len(llm_query('a'))")).error is None
        assert await other.value("x") == "3"
        assert (await desk.status()).metadata.exec_count == 4


async def test_a_call_that_was_overtaken_is_done_again_on_what_there_is_then(
    desk: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with second(desk) as other:
        await desk.run("x = [1]")
        search = desk.memory.resources.store.keyword_candidates
        overtaken = 0

        async def slow(*given: Any) -> Any:
            nonlocal overtaken
            if overtaken < 2:
                overtaken += 1
                await other.run(f"x.append('other {overtaken}')")
            return await search(*given)

        monkeypatch.setattr(desk.memory.resources.store, "keyword_candidates", slow)
        ran = await desk.run("found = recall('y')\nx.append('mine')\nx")
        assert ran.result == "[1, 'other 1', 'other 2', 'mine']"
        assert await other.value("x") == ran.result

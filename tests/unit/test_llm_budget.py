"""One budget for many calls, and the model that keeps to it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.errors import BudgetSpent, LanguageModelUnavailable, LanguageModelUnusable
from mcp_memory.llm.base import Completion, Message
from mcp_memory.llm.budget import LEAST_ANSWER, Budget, Budgeted
from mcp_memory.llm.scripted import ScriptedModel
from mcp_memory.llm.tokens import MESSAGE_TOKENS

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = pytest.mark.anyio


def asked(text: str) -> list[Message]:
    return [Message("user", text)]


async def test_a_call_takes_its_place_and_its_tokens_from_the_budget() -> None:
    budget = Budget(calls=3, tokens=100)
    model = Budgeted(ScriptedModel([Completion("yes", 30)]), budget)
    assert (await model.complete(asked("ready?"), max_tokens=20)).text == "yes"
    assert (budget.calls_used, budget.calls_left) == (1, 2)
    assert (budget.tokens_used, budget.tokens_left) == (30, 70)


async def test_without_calls_left_the_model_is_not_asked() -> None:
    scripted = ScriptedModel(["one", "two"])
    model = Budgeted(scripted, Budget(calls=1, tokens=1000))
    await model.complete(asked("1"), max_tokens=20)
    with pytest.raises(BudgetSpent, match=r"All 1 calls .* allow more with MCP_MEMORY_LLM_MAX_CALLS\.$"):
        await model.complete(asked("2"), max_tokens=20)
    assert len(scripted.exchanges) == 1


async def test_without_tokens_left_the_model_is_not_asked() -> None:
    scripted = ScriptedModel([Completion("one", 1000), "two"])
    model = Budgeted(scripted, Budget(calls=9, tokens=1000))
    await model.complete(asked("1"), max_tokens=20)
    with pytest.raises(BudgetSpent, match=r"All 1000 tokens .* allow more with MCP_MEMORY_LLM_MAX_TOKENS\.$"):
        await model.complete(asked("2"), max_tokens=20)
    assert len(scripted.exchanges) == 1


async def test_what_is_longer_than_the_tokens_left_is_not_sent_and_costs_no_call() -> None:
    budget = Budget(calls=9, tokens=100)
    scripted = ScriptedModel(["fine"])
    with pytest.raises(BudgetSpent, match=r"would send about 254 tokens, and 100 of the 100 .* send less"):
        await Budgeted(scripted, budget).complete(asked("x" * 1000), max_tokens=20)
    assert not scripted.exchanges
    assert budget.calls_left == 9


async def test_an_answer_is_cut_to_the_tokens_left() -> None:
    budget = Budget(calls=2, tokens=MESSAGE_TOKENS + 1 + 20)
    answer = await Budgeted(ScriptedModel(["word " * 100]), budget).complete(asked("go"), max_tokens=500)
    assert answer.truncated
    assert len(answer.text) == 80
    assert budget.tokens_left == 0


async def test_no_call_begins_whose_answer_could_not_be_a_sentence() -> None:
    tokens = MESSAGE_TOKENS + 1 + LEAST_ANSWER - 1
    with pytest.raises(BudgetSpent):
        await Budgeted(ScriptedModel(["x"]), Budget(calls=1, tokens=tokens)).complete(asked("go"), max_tokens=500)
    answer = await Budgeted(ScriptedModel(["x"]), Budget(calls=1, tokens=tokens)).complete(asked("go"), max_tokens=1)
    assert answer.text == "x"


async def test_a_failed_call_counts_with_what_was_sent() -> None:
    budget = Budget(calls=2, tokens=1000)
    model = Budgeted(ScriptedModel([LanguageModelUnavailable("It is down.")]), budget)
    with pytest.raises(LanguageModelUnavailable, match="It is down"):
        await model.complete(asked("x" * 40), max_tokens=500)
    assert budget.calls_left == 1
    assert budget.tokens_left == 1000 - MESSAGE_TOKENS - 10


async def test_a_cancelled_call_gives_back_what_it_did_not_use() -> None:
    budget = Budget(calls=2, tokens=1000)
    begun = asyncio.Event()

    async def never(_messages: Sequence[Message]) -> str:
        begun.set()
        await asyncio.Event().wait()
        return ""

    call = asyncio.create_task(Budgeted(ScriptedModel(never), budget).complete(asked("hello"), max_tokens=900))
    await begun.wait()
    assert budget.tokens_left < 100
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert budget.tokens_left == 1000 - MESSAGE_TOKENS - 2


async def test_of_eight_calls_at_once_only_as_many_begin_as_are_left() -> None:
    all_asked = asyncio.Event()

    async def later(_messages: Sequence[Message]) -> str:
        await all_asked.wait()
        return "done"

    scripted = ScriptedModel(later)
    model = Budgeted(scripted, Budget(calls=3, tokens=10_000))
    calls = [asyncio.create_task(model.complete(asked(str(n)), max_tokens=20)) for n in range(8)]
    refused = [await call for call in map(outcome, calls[3:])]
    all_asked.set()
    answered = [await call for call in map(outcome, calls[:3])]
    assert refused == [BudgetSpent] * 5
    assert answered == ["done"] * 3
    assert len(scripted.exchanges) == 3


async def outcome(call: asyncio.Task[Completion]) -> str | type[BudgetSpent]:
    try:
        return (await call).text
    except BudgetSpent:
        return BudgetSpent


@given(
    calls=st.integers(0, 6),
    tokens=st.integers(0, 400),
    wanted=st.lists(
        st.tuples(st.integers(0, 300), st.integers(1, 200), st.integers(1, 1000), st.integers(0, 4)), max_size=12
    ),
)
def test_no_order_of_calls_exceeds_the_budget(calls: int, tokens: int, wanted: list[tuple[int, int, int, int]]) -> None:
    """Each call: letters sent, most tokens of the answer, letters of the answer, and turns of the loop it takes."""
    budget = Budget(calls, tokens)
    under_way = []

    async def reply(messages: Sequence[Message]) -> str:
        _, _, letters, turns = wanted[int(messages[0].content)]
        under_way.append(budget.tokens_left)
        for _ in range(turns):
            await asyncio.sleep(0)
        return "x" * letters

    async def run() -> list[Completion | BaseException]:
        model = Budgeted(ScriptedModel(reply), budget)
        exchanges = [
            [Message("system", str(n)), Message("user", "x" * sent)] for n, (sent, _, _, _) in enumerate(wanted)
        ]
        return await asyncio.gather(
            *(model.complete(each, max_tokens=most) for each, (_, most, _, _) in zip(exchanges, wanted, strict=True)),
            return_exceptions=True,
        )

    results = asyncio.run(run())
    answers = [result for result in results if isinstance(result, Completion)]
    assert all(isinstance(result, (Completion, BudgetSpent)) for result in results)
    assert budget.calls_used == len(under_way) == len(answers) <= calls
    assert budget.tokens_used == sum(answer.tokens for answer in answers) <= tokens
    assert budget.tokens_left == tokens - budget.tokens_used
    assert all(left >= 0 for left in under_way)


async def test_tokens_spent_elsewhere_can_be_charged() -> None:
    budget = Budget(calls=1, tokens=100)
    budget.charge(60)
    assert budget.tokens_left == 40
    budget.charge(60)
    assert (budget.tokens_used, budget.tokens_left) == (120, 0)
    with pytest.raises(BudgetSpent):
        budget.check()


async def test_closing_the_budgeted_model_leaves_the_borrowed_one_usable() -> None:
    scripted = ScriptedModel(["still here"], name="tiny")
    model = Budgeted(scripted, Budget(1, 100))
    assert model.name == "tiny"
    await model.close()
    assert (await scripted.complete(asked("there?"), max_tokens=20)).text == "still here"


async def test_a_script_that_has_run_out_says_so() -> None:
    model = ScriptedModel([])
    with pytest.raises(LanguageModelUnavailable, match="no further reply"):
        await model.complete(asked("more"), max_tokens=20)
    assert model.exchanges == [(Message("user", "more"),)]


async def test_an_empty_reply_of_a_script_is_unusable_as_a_models_would_be() -> None:
    with pytest.raises(LanguageModelUnusable):
        await ScriptedModel([""]).complete(asked("say nothing"), max_tokens=20)


async def test_a_script_slower_than_the_timeout_is_unavailable() -> None:
    async def never(_messages: Sequence[Message]) -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(LanguageModelUnavailable, match=r"did not answer within 0\.01 seconds"):
        await ScriptedModel(never).complete(asked("hello"), max_tokens=20, timeout=0.01)

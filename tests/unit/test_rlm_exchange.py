"""What the model is told each turn, and how the conversation stays short."""

from __future__ import annotations

import anyio
import pytest

from mcp_memory.core.environment.rlm.allowance import Allowance
from mcp_memory.core.environment.rlm.exchange import Exchange, TurnReport, described, head_and_tail, what_is_left
from mcp_memory.core.environment.rlm.patience import Patience, Stuck
from mcp_memory.errors import LanguageModelUnavailable
from mcp_memory.llm.budget import Budget
from mcp_memory.sandbox.base import Failure, Ran, Variable


def test_older_outputs_shrink_to_a_line_and_the_last_one_never() -> None:
    exchange = Exchange("system", "first", most_chars=1_000)
    for number in range(1, 6):
        exchange.add(f"reply {number}", f"output {number} " + "x" * 390, f"(Turn {number} printed 390 characters.)")
    told = [message.content for message in exchange.messages() if message.role == "user"]
    assert told[1:4] == [f"(Turn {number} printed 390 characters.)" for number in (1, 2, 3)]
    assert told[4].startswith("output 4")
    assert told[5].startswith("output 5")
    assert sum(len(message.content) for message in exchange.messages()) <= 1_000


def test_where_outputs_are_not_enough_old_replies_shrink_too() -> None:
    exchange = Exchange("system", "first", most_chars=2_000)
    for number in range(1, 5):
        exchange.add(f"reply {number} " + "y" * 900, "ok", "ok")
    said = [message.content for message in exchange.messages() if message.role == "assistant"]
    assert len(said[0]) < 300
    assert said[-1] == "reply 4 " + "y" * 900


def test_a_short_conversation_is_kept_as_it_is() -> None:
    exchange = Exchange("system", "first")
    exchange.add("reply", "output", "brief")
    assert [(message.role, message.content) for message in exchange.messages("And now?")] == [
        ("system", "system"),
        ("user", "first"),
        ("assistant", "reply"),
        ("user", "output\n\nAnd now?"),
    ]


def test_of_a_long_output_the_head_and_the_tail_are_told() -> None:
    told = TurnReport([Ran(output="a" * 9_000 + "the end", output_cut=500)], 1).told()
    assert "the end" in told
    assert "characters left out" in told
    assert "500 characters of output were not kept" in told
    assert len(told) < 8_500


def test_an_error_is_told_with_its_place_and_its_hint() -> None:
    failure = Failure("NameError", "name 'x' is not defined", line=3, hint="Define it first.")
    told = TurnReport([Ran(output="one"), Ran(failure=failure)], 3, changed="a int").told()
    assert "Block 2 of 3 failed in line 3:" in told
    assert "NameError: name 'x' is not defined" in told
    assert "Hint: Define it first." in told
    assert "Changed: a int." in told


def test_what_printed_nothing_is_said() -> None:
    assert TurnReport([Ran()], 1).told() == "The code printed nothing."


def test_variables_are_described_by_type_and_length() -> None:
    there = [Variable("memories", "list", 900, length=300), Variable("total", "int", 2)]
    assert described(there, ["memories", "old", "total"]) == "memories list[300], old (gone), total int"
    assert described(there, [f"v{number}" for number in range(50)]).endswith("10 more")


def test_what_is_left_is_told_and_the_last_turn_is_announced() -> None:
    async def told(taken: int) -> str:
        allowance = Allowance.starting_now(10, Budget(40, 180_500), 300.0)
        for _ in range(taken):
            allowance.take_turn()
        return what_is_left(allowance)

    assert anyio.run(told, 2).startswith("Turn 3/10, 40 LLM calls left, 180k tokens left, 300 seconds left.")
    assert "last turn" not in anyio.run(told, 8)
    assert "This is the last turn" in anyio.run(told, 9)


def test_a_text_is_cut_in_the_middle_only_where_it_is_too_long() -> None:
    assert head_and_tail("abcdef", 4, 2) == "abcdef"
    assert head_and_tail("abcdefgh", 2, 2) == "ab\n... 4 characters left out ...\ngh"
    assert head_and_tail("abcdefgh", 2, 0) == "ab\n... 6 characters left out ..."


def test_patience_ends_with_the_third_error_in_a_row_or_the_second_silence() -> None:
    patience = Patience()
    for _ in range(2):
        patience.in_vain()
        patience.check("x")
    patience.got_on()
    patience.in_vain()
    patience.not_answered(LanguageModelUnavailable("gone"))
    patience.check("x")
    patience.answered()
    patience.in_vain()
    with pytest.raises(Stuck, match=r"3 turns in a row .* boom"):
        patience.check("boom")
    silent = Patience()
    silent.not_answered(LanguageModelUnavailable("gone"))
    silent.check("gone")
    silent.not_answered(LanguageModelUnavailable("gone"))
    with pytest.raises(Stuck, match="2 times in a row: gone"):
        silent.check("gone")

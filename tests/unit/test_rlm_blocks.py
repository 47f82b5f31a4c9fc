"""Taking a model's reply apart."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.environment.rlm.blocks import TextAnswer, read_reply


def test_blocks_are_taken_in_order_with_the_prose_between_left_out() -> None:
    reply = read_reply("First:\n```python\nx = 1\n```\nthen\n```repl\nprint(x)\n```\ndone")
    assert reply.blocks == ("x = 1", "print(x)")
    assert reply.answer is None


@pytest.mark.parametrize("language", ["", "python", "Python", "py", "python3", "repl", "{python}", 'python title="a"'])
def test_a_block_of_python_is_code(language: str) -> None:
    assert read_reply(f"```{language}\nx = 1\n```").blocks == ("x = 1",)


@pytest.mark.parametrize("language", ["json", "text", "output", "bash", "pythonic"])
def test_a_block_of_another_language_is_not(language: str) -> None:
    assert read_reply(f"```{language}\nx = 1\n```").blocks == ()


def test_what_looks_like_code_inside_another_block_is_not_run() -> None:
    assert read_reply("~~~text\n```python\nx = 1\n```\n~~~").blocks == ()
    assert read_reply("````\nprint('''\n```\n''')\n````").blocks == ("print('''\n```\n''')",)


def test_a_block_in_a_list_loses_the_indentation_of_its_fence_only() -> None:
    reply = read_reply("1. do\n   ```python\n   if x:\n       y()\n   ```")
    assert reply.blocks == ("if x:\n    y()",)


def test_a_last_block_that_is_not_closed_is_run_unless_the_reply_was_cut() -> None:
    text = "```python\nx = 1\n```\n```python\ny = 2"
    assert read_reply(text).blocks == ("x = 1", "y = 2")
    cut = read_reply(text, truncated=True)
    assert (cut.blocks, cut.unfinished) == (("x = 1",), True)


def test_empty_blocks_are_none() -> None:
    assert read_reply("```python\n\n```").blocks == ()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("FINAL(42)", TextAnswer("42")),
        ("I found it.\nFINAL(it is (really) 42)", TextAnswer("it is (really) 42")),
        ('**FINAL("two\nlines")**', TextAnswer("two\nlines")),
        ("`FINAL('''x''')`.", TextAnswer("x")),
        ("FINAL(\n- one\n- two\n)", TextAnswer("- one\n- two")),
        ("FINAL(best)", TextAnswer("best", maybe_variable=True)),
        ("FINAL('best')", TextAnswer("best")),
        ("FINAL_VAR(best)", TextAnswer(variable="best")),
        ('Done: see below.\n> FINAL_VAR("best")', TextAnswer(variable="best")),
    ],
)
def test_an_answer_in_the_text_is_read(text: str, answer: TextAnswer) -> None:
    assert read_reply(text).answer == answer


@pytest.mark.parametrize(
    "text",
    [
        "FINAL()",
        "FINAL('')",
        "I will call FINAL(x) later.",
        "FINAL(unfinished",
        "final(x)",
        "FINAL_VAR(a b)",
        "x\nFINAL",
    ],
)
def test_what_is_no_answer_is_none(text: str) -> None:
    assert read_reply(text).answer is None


def test_an_answer_beside_code_or_in_a_reply_that_was_cut_does_not_count() -> None:
    assert read_reply("```python\nx = 1\n```\nFINAL(1)").answer is None
    assert read_reply("FINAL(1)", truncated=True).answer is None


@given(
    st.lists(st.sampled_from(["```", "```python", "~~~", "FINAL(", ")", "FINAL_VAR(", "x = 1", "  ", "`"]), max_size=40)
)
def test_any_reply_can_be_read_and_holds_either_code_or_an_answer(lines: list[str]) -> None:
    reply = read_reply("\n".join(lines))
    assert all(block.strip() for block in reply.blocks)
    assert not (reply.blocks and reply.answer)
    assert reply.answer is None or bool(reply.answer.text) != bool(reply.answer.variable)


def test_a_long_hostile_reply_is_read_at_once() -> None:
    assert read_reply("FINAL(\n" * 200_000).answer is None
    assert read_reply("FINAL_VAR(" * 200_000).answer is None

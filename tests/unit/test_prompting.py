"""Prompts from files, and text of others delimited as data."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.prompting import as_data, prompt

PROMPTS = sorted(
    file.name.removesuffix(".md")
    for file in files("mcp_memory.core").joinpath("prompts").iterdir()
    if file.name.endswith(".md")
)


def test_values_stand_where_the_file_names_them() -> None:
    told = prompt("rlm_allowance", turn=3, turns=10, calls=21, tokens="180k", seconds=200)
    assert told.startswith("Turn 3/10, 21 LLM calls left, 180k tokens left")


def test_a_value_that_names_another_value_is_not_filled_in_again() -> None:
    told = prompt("rlm_first", goal="$shape ${allowance} $$", shape="S", run_seconds=5, wall_seconds=60, allowance="A")
    assert "Goal: $shape ${allowance} $$" in told


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(KeyError, match="goal"):
        prompt("rlm_first")


@pytest.mark.parametrize("name", PROMPTS)
def test_every_prompt_can_be_read(name: str) -> None:
    class Anything(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return key

    from string import Template

    text = files("mcp_memory.core").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    assert Template(text).substitute(Anything()).strip()


@given(st.text(), st.text())
def test_whatever_the_text_is_it_cannot_end_its_own_data(label: str, text: str) -> None:
    told = as_data(label, text)
    first, _, rest = told.partition("\n")
    boundary = first.split(" ")[1]
    assert first.startswith("<<<data ")
    assert rest == f"{text}\ndata {boundary}>>>"
    assert boundary not in text


def test_two_texts_never_share_a_boundary() -> None:
    lines = {as_data("same", "same").splitlines()[0] for _ in range(100)}
    assert len(lines) == 100


@given(st.text())
def test_a_label_stays_on_its_line_and_forges_no_mark(label: str) -> None:
    first = as_data(label, "x").split("\n")[0]
    assert len(first.splitlines()) == 1
    assert first.count("<") == 3
    assert ">" not in first

"""Checking what a language model cites."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.citations import cited_sentences, rendered, within


def checked(text: str, sources: int = 3, truncated: bool = False) -> str:
    return rendered(cited_sentences(text, sources, truncated), lambda number: f"[mem_{number}]")


def bare(text: str) -> str:
    return rendered(cited_sentences(text, 3), lambda _number: "")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("The lease ends in May [2].", "The lease ends in May [mem_2]."),
        ("The lease ends in May.[2]", "The lease ends in May [mem_2]."),
        ("The lease ends in May. [2] The oven is new. [1]", "The lease ends in May [mem_2]. The oven is new [mem_1]."),
        ("The lease ends in May [1, 3].", "The lease ends in May [mem_1][mem_3]."),
        ("The lease ends in May [1] [3].", "The lease ends in May [mem_1][mem_3]."),
        ("The lease ends in May [1-3].", "The lease ends in May [mem_1][mem_2][mem_3]."),
        ("The lease ends in May [source 2].", "The lease ends in May [mem_2]."),
        ("The lease ends in May [^2].", "The lease ends in May [mem_2]."),
        ("The lease ends in May【2】.", "The lease ends in May [mem_2]."),
        ("[2] The lease ends in May.", "[mem_2] The lease ends in May."),
        ("Dr. Who [1] pays 2.50 euros, e.g. in May [2].", "Dr. Who [mem_1] pays 2.50 euros, e.g. in May [mem_2]."),
        ("烤箱是新的。[1]租约五月到期[2]。", "烤箱是新的 [mem_1]。 租约五月到期 [mem_2]。"),
    ],
)
def test_citations_are_understood_however_models_write_them(said: str, kept: str) -> None:
    assert checked(said) == kept


def test_a_number_that_no_source_has_is_removed() -> None:
    assert checked("The lease ends in May [2][9]. The oven is new [0, 1].") == (
        "The lease ends in May [mem_2]. The oven is new [mem_1]."
    )


@pytest.mark.parametrize("said", ["Error 503: overloaded", "I am sorry. I cannot do that [17].", "[1]", "[1] [2].", ""])
def test_a_text_that_cites_nothing_leaves_nothing(said: str) -> None:
    assert cited_sentences(said, 3) == []


def test_a_sentence_without_a_source_is_dropped_and_the_layout_stays() -> None:
    said = "# Oven\nHere it is.\n\nThe oven is new [1]. It is great. It is red [2].\n\n- The lease ends [3].\n- OK."
    assert checked(said) == "The oven is new [mem_1]. It is red [mem_2].\n\n- The lease ends [mem_3]."


def test_an_item_whose_first_sentence_is_dropped_is_still_an_item() -> None:
    assert checked("- Well. The oven is new [1].\n- The lease ends [2].") == (
        "- The oven is new [mem_1].\n- The lease ends [mem_2]."
    )


def test_ids_that_the_model_writes_itself_are_removed() -> None:
    assert checked("The oven is new [mem_0000000000000000][1], says mem_0000000000000000.") == (
        "The oven is new [mem_1], says."
    )


def test_without_ids_the_text_reads_as_if_nothing_had_been_cited() -> None:
    assert bare("The oven is new [1][2]. The lease [3] ends.") == "The oven is new. The lease ends."


@pytest.mark.parametrize(
    "end", ["The lease en", "The lease ends [", "The lease ends [2]", "The lease ends [2], and so"]
)
def test_the_broken_end_of_a_truncated_text_is_left_out(end: str) -> None:
    assert checked(f"The oven is new [1]. {end}", truncated=True) == "The oven is new [mem_1]."


def test_a_truncated_text_keeps_a_last_sentence_that_is_whole() -> None:
    assert checked("The oven is new [1]. The lease ends [2].", truncated=True).endswith("The lease ends [mem_2].")


def test_only_whole_sentences_are_kept_within_a_budget() -> None:
    found = cited_sentences("The oven is new [1]. The lease ends in May [2]. Tea is in the tin [3].", 3)
    kept = within(found, 16, lambda number: f"[mem_{number}]")
    assert [one.numbers for one in kept] == [(1,), (2,)]


@given(st.text(alphabet=st.sampled_from("ab .!?\n[]0123456789,-#*【】。\"'"), max_size=200), st.booleans())
def test_whatever_a_model_writes_every_sentence_kept_cites_a_source(said: str, truncated: bool) -> None:
    for one in cited_sentences(said, 5, truncated):
        assert one.numbers
        assert all(1 <= number <= 5 for number in one.numbers)
        assert any(map(str.isalnum, one.words))

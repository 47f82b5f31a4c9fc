"""Sections within a budget of tokens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.budget import Section, fill
from mcp_memory.text import estimate_tokens


def section(*lines: str, heading: str = "Lines", share: float = 0.5) -> Section[str]:
    return Section(heading, [[line, line[:4]] for line in lines], str, share)


def text_of(*sections: Section[str]) -> str:
    return "\n".join(line for one in sections for line in one.lines())


def test_everything_is_told_in_full_where_there_is_room() -> None:
    part = section("first line", "second line")
    assert fill([part], 100)
    assert part.lines() == ["Lines", "first line", "second line"]


def test_an_empty_section_has_no_heading() -> None:
    part = section()
    assert fill([part], 0)
    assert part.lines() == []


def test_the_last_section_gets_its_share_however_much_the_first_has_to_tell() -> None:
    greedy, modest = section(*["a long line of words"] * 50, share=0.7), section("a short line", share=0.3)
    assert not fill([greedy, modest], 60)
    assert modest.told == ["a short line"]


def test_what_one_section_leaves_goes_to_the_others() -> None:
    small, large = section("one", share=0.9), section(*["line"] * 20, share=0.1)
    assert fill([small, large], 100)


def test_what_does_not_fit_in_full_is_told_in_less() -> None:
    part = section("a line that is much too long for the budget it has been given")
    assert not fill([part], 6)
    assert part.told == ["a li"]


LINES = st.lists(
    st.text(st.characters(exclude_categories=["C"], exclude_characters="\n"), min_size=1, max_size=60), max_size=12
)


@given(st.lists(st.tuples(LINES, st.floats(0, 1)), max_size=4), st.integers(0, 300))
def test_no_more_than_the_budget_is_ever_told_and_the_order_stays(
    parts: list[tuple[list[str], float]], tokens: int
) -> None:
    sections = [Section("Heading", [[line] for line in lines], str, share) for lines, share in parts]
    whole = fill(sections, tokens)
    assert estimate_tokens(text_of(*sections)) <= tokens
    assert whole == all(part.told == lines for part, (lines, _) in zip(sections, parts, strict=True))

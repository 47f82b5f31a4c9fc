from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.storage.sqlite.plan import SCORED, WORTHWHILE, worth_scoring


def test_a_query_that_matches_little_is_scored_whole() -> None:
    assert worth_scoring({"rare": 3, "common": SCORED * WORTHWHILE - 3}, 10_000_000) is None


def test_a_rare_word_alone_chooses_and_frequent_ones_only_in_pairs() -> None:
    assert worth_scoring({"zebra": 40, "time": 90_000, "work": 80_000}, 1_000_000) == '"zebra"'
    assert worth_scoring({"zebra": 40, "time": 9_000, "work": 8_000}, 100_000) == '"zebra" OR ("work" AND ("time"))'


def test_where_all_words_are_frequent_the_rarest_combination_chooses() -> None:
    assert worth_scoring({"time": 50_000, "work": 40_000}, 100_000) == '("work" AND ("time"))'


@given(st.dictionaries(st.text(max_size=6), st.integers(0, 10**6), max_size=12), st.integers(1, 10**7))
def test_a_plan_is_never_empty_and_quotes_its_words(counts: dict[str, int], total: int) -> None:
    expression = worth_scoring(counts, total)
    assert expression is None or (expression.startswith(('"', "(")) and expression.count('"') % 2 == 0)

"""How much newer memories come first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.ranking import Ranked
from mcp_memory.core.recency import newer_first, recency
from mcp_memory.models.search import Candidate

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)


def candidate(key: int, days: float) -> Candidate:
    return Candidate(key, 1.0, 0.5, False, "", "", NOW - timedelta(days=days), 0.5, 10, False)


def ordered(weight: float | None, *scored: tuple[float, float]) -> list[tuple[int, float]]:
    """Key and score of memories given by score and age in days, in their new order."""
    ranked = [Ranked(key, score, 0.5, ()) for key, (score, _) in enumerate(scored)]
    candidates = [candidate(key, days) for key, (_, days) in enumerate(scored)]
    return [(one.key, one.score) for one in newer_first(ranked, candidates, weight, NOW)]


def test_recency_halves_every_week_and_the_future_is_now() -> None:
    assert [recency(NOW - timedelta(days=days), NOW) for days in (0, 7, 14)] == [1.0, 0.5, 0.25]
    assert recency(NOW + timedelta(days=3), NOW) == 1.0


def test_the_weight_says_how_much_of_a_score_is_recency() -> None:
    half, whole = ordered(0.5, (0.8, 7)), ordered(1.0, (0.8, 7))
    assert [half[0][1], whole[0][1]] == pytest.approx([0.8 * (0.5 + 0.5 * 0.5), 0.4])


def test_a_new_memory_overtakes_an_old_one_only_where_it_was_asked_for() -> None:
    pair = ((1.0, 60.0), (0.6, 0.0))
    assert [key for key, _ in ordered(None, *pair)] == [0, 1]
    assert [key for key, _ in ordered(0.0, *pair)] == [0, 1]
    assert [key for key, _ in ordered(0.9, *pair)] == [1, 0]


def test_age_makes_a_bad_match_no_better() -> None:
    [(_, fresh)] = ordered(1.0, (-0.2, 0))
    [(_, old)] = ordered(1.0, (-0.2, 70))
    assert old < fresh


ages = st.floats(0, 5000, allow_nan=False)
scores = st.floats(-0.5, 1.5, allow_nan=False)


@given(st.floats(0.001, 1), st.lists(st.tuples(scores, ages), max_size=20))
def test_everything_stays_there_best_first_and_nothing_gains(weight: float, scored: list[tuple[float, float]]) -> None:
    found = ordered(weight, *scored)
    assert sorted(key for key, _ in found) == list(range(len(scored)))
    assert all(first[1] >= second[1] for first, second in pairwise(found))
    assert all(score <= scored[key][0] + 1e-9 for key, score in found)

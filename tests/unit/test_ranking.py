"""Which memory comes first, and why."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.ranking import FLOORS, Ranked, analyse, dense_query, rank
from mcp_memory.models.search import Candidate

NOW = datetime(2024, 3, 14, 12, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=1000)
OPEN = -1.0


def memory(key: int, **fields: object) -> Candidate:
    """A memory that fits moderately, is old, and has nothing special about it."""
    plain = Candidate(
        key=key,
        keyword=0.0,
        cosine=0.4,
        exact=False,
        author="",
        group="",
        moment=LONG_AGO,
        importance=0.5,
        words=12,
        short_question=False,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def ranked(query: str, *candidates: Candidate, floor: float = OPEN) -> list[Ranked]:
    return rank(analyse(query, NOW), candidates, floor=floor)


def order(query: str, *candidates: Candidate, floor: float = OPEN) -> list[int]:
    return [one.key for one in ranked(query, *candidates, floor=floor)]


def reasons(query: str, *candidates: Candidate) -> dict[int, tuple[str, ...]]:
    return {one.key: one.reasons for one in ranked(query, *candidates)}


# -------------------------------------------------------------------------------------------------------- order


def test_the_best_in_meaning_and_in_words_comes_first() -> None:
    best, near, worded, poor = (
        memory(1, cosine=0.8, keyword=9.0),
        memory(2, cosine=0.8),
        memory(3, cosine=0.2, keyword=9.0),
        memory(4, cosine=0.2),
    )
    result = order("anything", poor, near, worded, best)
    assert result[0] == 1
    assert result[-1] == 4


def test_a_memory_by_an_author_the_query_names_comes_first() -> None:
    mine, yours = memory(1, author="Caroline"), memory(2, author="Melanie")
    assert order("What is Caroline's job?", yours, mine) == [1, 2]
    assert order("what is melanie's job", yours, mine) == [2, 1]
    assert reasons("What is Caroline's job?", yours, mine)[1] == ("meaning", "author")


def test_an_author_with_several_names_is_named_by_the_first_or_by_all() -> None:
    full, other = memory(1, author="Caroline Smith-Jones"), memory(2, author="Code Reviewer")
    assert order("Where does Caroline live?", other, full)[0] == 1
    assert "author" not in reasons("Which code do we use?", other, full)[2]


def test_a_memory_of_the_day_asked_about_comes_first() -> None:
    then = memory(1, moment=datetime(2023, 5, 7, 9, tzinfo=UTC))
    other = memory(2, moment=datetime(2023, 6, 7, 9, tzinfo=UTC))
    assert order("What happened on 7 May 2023?", other, then) == [1, 2]
    assert "date" in reasons("What happened in May 2023?", other, then)[1]
    assert "date" not in reasons("What happened in May 2023?", other, then)[2]


def test_what_was_told_a_day_later_is_of_that_day_too() -> None:
    told = memory(1, moment=datetime(2023, 5, 8, 9, tzinfo=UTC))
    before = memory(2, moment=datetime(2023, 5, 6, 9, tzinfo=UTC))
    assert order("What happened on 7 May 2023?", before, told) == [1, 2]


def test_a_span_of_the_whole_year_stays_whole() -> None:
    summer = memory(1, moment=datetime(2021, 7, 1, tzinfo=UTC))
    assert "date" in reasons("between January and December", summer)[1]
    assert "date" in reasons("between August and July", summer)[1]


def test_relative_dates_count_from_now() -> None:
    recent, old = memory(1, moment=NOW - timedelta(days=1)), memory(2, moment=NOW - timedelta(days=9), cosine=0.42)
    assert order("What did we do yesterday?", old, recent) == [1, 2]


def test_a_dateless_query_takes_no_notice_of_days_before_the_last_year() -> None:
    first, second = ranked("What happened?", memory(1), memory(2, moment=LONG_AGO - timedelta(days=365)))
    assert first.score == second.score


def test_a_session_with_a_strong_memory_lifts_its_others() -> None:
    strong = memory(1, group="a", cosine=0.9, keyword=5.0)
    beside, elsewhere = memory(2, group="a"), memory(3, group="b")
    assert order("anything", elsewhere, beside, strong) == [1, 2, 3]
    assert "session" in reasons("anything", elsewhere, beside, strong)[2]


def test_memories_without_a_session_do_not_lift_each_other() -> None:
    alone = ranked("anything", memory(1), memory(3, group="b", cosine=0.9))
    beside = ranked("anything", memory(1), memory(2, cosine=0.9), memory(3, group="b", cosine=0.9))
    assert {one.key: one.score for one in alone}[1] == {one.key: one.score for one in beside}[1]


def test_an_answer_comes_before_the_question_it_answers() -> None:
    question = memory(1, group="a", cosine=0.5, keyword=4.0, short_question=True)
    answer = memory(2, group="a", cosine=0.42, keyword=4.0)
    other = memory(4, group="a", cosine=0.43, keyword=4.0)
    assert order("anything", question, other, answer) == [2, 4, 1]
    assert "answer" in reasons("anything", question, other, answer)[2]


def test_what_follows_a_question_of_another_session_is_no_answer_to_it() -> None:
    question, next_one = memory(1, group="a", short_question=True), memory(2, group="b")
    assert "answer" not in reasons("anything", question, next_one)[2]


def test_the_users_words_come_before_the_assistants_unless_the_query_asks_what_you_said() -> None:
    user, assistant = memory(1, author="user"), memory(2, author="assistant", cosine=0.45)
    assert order("What is my dog called?", assistant, user) == [1, 2]
    assert order("Which restaurant did you recommend?", assistant, user) == [2, 1]


def test_an_assistant_without_a_user_beside_it_loses_nothing() -> None:
    assert order("What is my dog called?", memory(1), memory(2, author="assistant")) == [2, 1]


@pytest.mark.parametrize("query", ["Do you know my name?", "Can you tell me where I live?", "Do you remember my dog?"])
def test_politeness_does_not_ask_for_the_assistants_words(query: str) -> None:
    assert not analyse(query, NOW).asks_assistant


@pytest.mark.parametrize("query", ["What did you suggest?", "your recommendation for lunch", "the list you gave me"])
def test_asking_what_you_said_asks_for_the_assistants_words(query: str) -> None:
    assert analyse(query, NOW).asks_assistant


def test_of_two_that_fit_alike_the_newer_and_the_more_important_come_first() -> None:
    assert order("anything", memory(1), memory(2, moment=NOW)) == [2, 1]
    assert order("anything", memory(2), memory(1, importance=0.9)) == [1, 2]
    assert order("anything", memory(1), memory(2)) == [2, 1]


def test_of_two_that_fit_alike_the_one_of_the_own_context_comes_first_and_a_better_match_still_wins() -> None:
    query = analyse("anything", NOW, "billing")
    here, there = memory(1, context="billing"), memory(2, context="shop")
    assert [(one.key, one.reasons) for one in rank(query, [there, here], floor=OPEN)] == [
        (1, ("meaning", "context")),
        (2, ("meaning",)),
    ]
    better = memory(3, context="shop", cosine=0.8, keyword=5.0)
    assert next(one.key for one in rank(query, [here, better], floor=OPEN)) == 3


def test_without_an_own_context_none_is_lifted() -> None:
    assert "context" not in reasons("anything", memory(1, context=""))[1]


def test_importance_and_recency_together_do_not_beat_a_clearly_better_match() -> None:
    better = memory(1, cosine=0.6, importance=0.0)
    dearer = memory(2, cosine=0.4, importance=1.0, moment=NOW)
    assert order("anything", dearer, better) == [1, 2]


# -------------------------------------------------------------------------------------------------------- floors


def test_below_the_floor_only_an_exact_hit_on_a_rare_word_survives() -> None:
    far, exact, worded, near = (
        memory(1, cosine=0.05),
        memory(2, cosine=0.05, keyword=3.0, exact=True),
        memory(3, cosine=0.05, keyword=5.0),
        memory(4, cosine=0.3),
    )
    assert sorted(order("ERR-4031", far, exact, worded, near, floor=0.3)) == [2, 4]


def test_without_vectors_the_words_decide_and_what_has_none_is_left_out() -> None:
    found = ranked(
        "anything",
        memory(1, cosine=None, keyword=1.0),
        memory(2, cosine=None, keyword=4.0),
        memory(3, cosine=None),
        floor=0.9,
    )
    assert [(one.key, one.relevance) for one in found] == [(2, None), (1, None)]


def test_tolerances_get_stricter() -> None:
    assert 0 <= FLOORS["loose"] < FLOORS["moderate"] < FLOORS["strict"] < 1


def test_relevance_is_the_cosine_and_no_candidates_make_no_answer() -> None:
    assert ranked("anything", memory(1, cosine=0.37))[0].relevance == 0.37
    assert ranked("anything") == []


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        key=st.integers(1, 10**6),
        keyword=st.just(0.0) | st.floats(1e-9, 50),
        cosine=st.none() | st.floats(-1, 1),
        exact=st.booleans(),
        author=st.sampled_from(["", "user", "assistant", "Anna", "  ", "東京"]),
        group=st.sampled_from(["", "a", "b"]),
        moment=st.datetimes(datetime(2000, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        importance=st.floats(0, 1),
        words=st.integers(0, 1000),
        short_question=st.booleans(),
    ),
    unique_by=lambda candidate: candidate.key,
    max_size=20,
)


@given(CANDIDATES, st.randoms(use_true_random=False), st.sampled_from(["Anna in May", "what did you say", "", "東京"]))
def test_the_order_does_not_depend_on_the_order_of_the_candidates(
    candidates: list[Candidate], random: object, query: str
) -> None:
    shuffled = list(candidates)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert ranked(query, *candidates) == ranked(query, *shuffled)


@given(CANDIDATES, st.floats(-1, 1))
def test_the_floor_only_leaves_out(candidates: list[Candidate], floor: float) -> None:
    everything = order("Anna in May", *candidates)
    kept = order("Anna in May", *candidates, floor=floor)
    assert kept == [key for key in everything if key in set(kept)]
    assert {each.key for each in candidates if (each.cosine or -2) >= floor} <= set(kept)


@given(CANDIDATES)
def test_scores_fall_along_the_answer(candidates: list[Candidate]) -> None:
    scores = [one.score for one in ranked("Anna in May 2023", *candidates)]
    assert scores == sorted(scores, reverse=True)


# --------------------------------------------------------------------------------------------------- dense query


def dense(query: str, frequencies: dict[str, float], total: int = 400) -> str:
    return dense_query(analyse(query, NOW), frequencies, total)


def test_a_name_that_is_all_over_the_store_is_left_out_of_the_dense_query() -> None:
    assert dense("When did Caroline's dog run?", {"caroline": 0.5, "dog": 0.1, "run": 0.01}) == "When did dog run?"


def test_a_rare_name_stays() -> None:
    assert dense("When did Caroline run?", {"caroline": 0.01, "run": 0.01}) == "When did Caroline run?"


def test_a_frequent_name_in_lower_case_is_left_out_too_but_an_ordinary_word_stays() -> None:
    assert dense("when did caroline run", {"caroline": 0.5, "run": 0.1}) == "when did run"


def test_nothing_is_left_out_in_a_small_store_or_where_nothing_would_remain() -> None:
    assert dense("Where is Anna?", {"anna": 1.0}) == "Where is Anna?"
    assert dense("Where does Anna live?", {"anna": 1.0, "live": 0.2}, total=5) == "Where does Anna live?"


def test_a_name_inside_another_word_stays() -> None:
    assert dense("Did Ann join Annapolis?", {"ann": 0.5, "join": 0.0, "annapolis": 0.0}) == "Did join Annapolis?"


def test_ranking_imports_nothing_heavy() -> None:
    code = "import sys, mcp_memory.core.ranking; print({'numpy', 'onnxruntime', 'apsw'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "set()"

"""Token buckets, by a clock that only the tests move."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.rest.security.rates import Buckets


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_minutes_worth_may_be_sent_at_once_and_then_one_at_a_time() -> None:
    clock = Clock()
    buckets = Buckets(60, clock)
    assert all(buckets.take("ana").allowed for _ in range(60))
    refused = buckets.take("ana")
    assert (refused.allowed, refused.remaining, refused.retry_after) == (False, 0, 1)
    clock.now += refused.retry_after
    assert buckets.take("ana").allowed
    assert not buckets.take("ana").allowed


def test_a_refused_request_costs_nothing() -> None:
    clock = Clock()
    buckets = Buckets(60, clock)
    for _ in range(200):
        buckets.take("ana")
    clock.now += 1
    assert buckets.take("ana").allowed


def test_callers_have_buckets_of_their_own() -> None:
    buckets = Buckets(1, Clock())
    assert buckets.take("ana").allowed
    assert not buckets.take("ana").allowed
    assert buckets.take("ben").allowed


def test_the_headers_count_down_and_say_when_all_may_be_sent_again() -> None:
    buckets = Buckets(240, Clock())
    assert buckets.take("ana").headers() == {
        "X-RateLimit-Limit": "240",
        "X-RateLimit-Remaining": "239",
        "X-RateLimit-Reset": "1",
    }
    for _ in range(239):
        last = buckets.take("ana")
    assert (last.headers()["X-RateLimit-Remaining"], last.headers()["X-RateLimit-Reset"]) == ("0", "60")
    assert "Retry-After" not in last.headers()
    assert buckets.take("ana").headers()["Retry-After"] == "1"


def test_however_many_callers_come_few_are_remembered_and_those_the_longest_away_are_forgotten() -> None:
    buckets = Buckets(1, Clock(), most=100)
    for number in range(100):
        buckets.take(str(number))
    buckets.take("0")
    for number in range(100, 199):
        buckets.take(str(number))
    assert len(buckets) == 100
    assert not buckets.take("0").allowed


@given(st.integers(1, 300), st.lists(st.floats(0, 20), min_size=1, max_size=200))
def test_no_pattern_of_requests_gets_more_than_a_burst_and_the_rate(limit: int, pauses: list[float]) -> None:
    clock = Clock()
    buckets = Buckets(limit, clock)
    allowed = 0
    for pause in pauses:
        clock.now += pause
        allowed += buckets.take("ana").allowed
    assert allowed <= limit + sum(pauses) * limit / 60 + 0.001


@settings(max_examples=300)
@given(st.integers(1, 300), st.lists(st.floats(0, 5), max_size=50))
def test_whoever_waits_as_long_as_told_is_let_in(limit: int, pauses: list[float]) -> None:
    clock = Clock()
    buckets = Buckets(limit, clock)
    for pause in pauses:
        clock.now += pause
        buckets.take("ana")
    while (standing := buckets.take("ana")).allowed:
        pass
    clock.now += standing.retry_after
    assert buckets.take("ana").allowed

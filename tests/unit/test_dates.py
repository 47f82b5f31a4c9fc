"""Which days a question speaks of."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.dates import Span, date_spans, matches, parse_moment

TODAY = date(2024, 3, 14)  # a Thursday
DAYS = st.dates(date(1950, 1, 1), date(2090, 12, 31))
OFFSETS = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905


def days(query: str) -> list[tuple[str, str]]:
    return [(str(span.start), str(span.end)) for span in date_spans(query, TODAY)]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ("What happened on 7 May 2023?", "2023-05-07", "2023-05-07"),
        ("on May 7th, 2023", "2023-05-07", "2023-05-07"),
        ("the 7th of May 2023", "2023-05-07", "2023-05-07"),
        ("10 July, 2023", "2023-07-10", "2023-07-10"),
        ("2023-05-07", "2023-05-07", "2023-05-07"),
        ("13/5/2023", "2023-05-13", "2023-05-13"),
        ("May 5-7, 2023", "2023-05-05", "2023-05-07"),
        ("in May 2023", "2023-05-01", "2023-05-31"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("in 2022", "2022-01-01", "2022-12-31"),
        ("Q3 2023", "2023-07-01", "2023-09-30"),
        ("summer 2022", "2022-06-01", "2022-08-31"),
        ("winter of 2022", "2022-12-01", "2023-02-28"),
        ("late May 2023", "2023-05-21", "2023-05-31"),
        ("first week of June 2023", "2023-06-01", "2023-06-07"),
        ("the last week of June 2023", "2023-06-24", "2023-06-30"),
        ("the week before 6 July 2023", "2023-06-29", "2023-07-05"),
        ("the week of July 6, 2023", "2023-07-03", "2023-07-09"),
        ("early 2022", "2022-01-01", "2022-04-30"),
        ("end of 2022", "2022-09-01", "2022-12-31"),
        ("today", "2024-03-14", "2024-03-14"),
        ("yesterday", "2024-03-13", "2024-03-13"),
        ("the day before yesterday", "2024-03-12", "2024-03-12"),
        ("last week", "2024-03-04", "2024-03-10"),
        ("last weekend", "2024-03-09", "2024-03-10"),
        ("this month", "2024-03-01", "2024-03-31"),
        ("last quarter", "2023-10-01", "2023-12-31"),
        ("last year", "2023-01-01", "2023-12-31"),
        ("last summer", "2023-06-01", "2023-08-31"),
        ("last Friday", "2024-03-08", "2024-03-08"),
        ("last Thursday", "2024-03-07", "2024-03-07"),
        ("next Monday", "2024-03-18", "2024-03-18"),
        ("3 days ago", "2024-03-11", "2024-03-11"),
        ("a week ago", "2024-03-04", "2024-03-10"),
        ("the past ten days", "2024-03-04", "2024-03-14"),
        ("before May 2023", "0001-01-01", "2023-04-30"),
        ("after 2022", "2023-01-01", "9999-12-31"),
        ("since last week", "2024-03-04", "9999-12-31"),
        ("between May and July 2023", "2023-05-01", "2023-07-31"),
        ("from 3 May 2023 to 5 June 2023", "2023-05-03", "2023-06-05"),
        ("between 2021 and 2022", "2021-01-01", "2022-12-31"),
        ("between May 2023 and July", "2023-05-01", "2023-07-31"),
        ("between December and March 2023", "2022-12-01", "2023-03-31"),
        ("between November 2022 and February", "2022-11-01", "2023-02-28"),
        ("between 2022 and 2021", "2021-01-01", "2022-12-31"),
    ],
)
def test_an_expression_means_these_days(query: str, first: str, last: str) -> None:
    assert days(query) == [(first, last)]


@pytest.mark.parametrize(
    "query",
    [
        "What may I say?",
        "2 may fail",
        "They march on",
        "spring rolls",
        "a fall from a horse",
        "Mondays are slow",
        "2048 tokens",
        "year 9999999",
        "9999 years ago",
        "release-2023-05-07.log",
        "version 1.2.3",
        "",
    ],
)
def test_what_only_looks_like_a_date_is_none(query: str) -> None:
    assert days(query) == []


def test_both_readings_of_a_slashed_date_are_meant() -> None:
    assert days("5/7/2023") == [("2023-05-07", "2023-05-07"), ("2023-07-05", "2023-07-05")]


@pytest.mark.parametrize("query", ["What did we do in May?", "during may", "May 7", "early May", "31 May"])
def test_a_date_without_a_year_is_meant_in_any_year(query: str) -> None:
    (span,) = date_spans(query, TODAY)
    assert span.yearly
    assert matches(span, datetime(2019, 5, span.end.day, 23, tzinfo=UTC))
    assert not matches(span, at("2019-06-01"))


def test_a_winter_in_any_year_reaches_over_new_year() -> None:
    (span,) = date_spans("in the winter", TODAY)
    assert all(matches(span, at(day)) for day in ("2021-12-01", "2022-01-15", "2022-02-28"))
    assert not matches(span, at("2022-03-01"))


def test_two_dates_are_both_meant_in_their_order() -> None:
    assert days("Was it in June 2023 or on 3 May 2022?") == [("2023-06-01", "2023-06-30"), ("2022-05-03", "2022-05-03")]


def test_29_february_without_a_year_is_a_day_of_leap_years() -> None:
    (span,) = date_spans("29 February", TODAY)
    assert matches(span, at("2020-02-29"))
    assert not matches(span, at("2021-02-28"))


@given(DAYS)
def test_a_written_day_means_that_day_and_no_other(day: date) -> None:
    month = MONTHS[day.month - 1]
    for written in (f"{day.day} {month} {day.year}", f"{month} {day.day}, {day.year}", day.isoformat()):
        assert date_spans(f"What did she do on {written}?", TODAY) == [Span(day, day)]
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        (span,) = date_spans(written, TODAY)
        assert matches(span, noon)
        assert not matches(span, noon + timedelta(days=1))
        assert not matches(span, noon - timedelta(days=1))


@given(DAYS, st.sampled_from(["yesterday", "last week", "last month", "last year", "last quarter", "last weekend"]))
def test_what_is_last_is_over(today: date, expression: str) -> None:
    (span,) = date_spans(expression, today)
    assert span.start <= span.end < today or expression == "last weekend"


@given(
    st.lists(st.sampled_from([*MONTHS, "31", "7th", "2023", "of", "before", "between", "and", "last", "week", "-"])),
    DAYS,
)
def test_any_mixture_of_date_words_gives_spans_in_order_of_time(words: list[str], today: date) -> None:
    for span in date_spans(" ".join(words), today):
        assert span.start <= span.end or span.yearly


@given(st.text(max_size=80), DAYS)
def test_any_text_can_be_read(query: str, today: date) -> None:
    assert isinstance(date_spans(query, today), list)


# ------------------------------------------------------------------------------------------------------ moments


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2023-05-07", datetime(2023, 5, 7, tzinfo=UTC)),
        ("2023-05-07T14:30:00Z", datetime(2023, 5, 7, 14, 30, tzinfo=UTC)),
        ("2023-05-07 14:30", datetime(2023, 5, 7, 14, 30, tzinfo=UTC)),
        ("2023-05-07T01:30:00+02:00", datetime(2023, 5, 6, 23, 30, tzinfo=UTC)),
        (" 2023-05-07T14:30:00.25 ", datetime(2023, 5, 7, 14, 30, 0, 250_000, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_utc(text: str, moment: datetime) -> None:
    parsed = parse_moment(text)
    assert parsed == moment
    assert parsed.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", ["", "yesterday", "7 May 2023", "2023-02-30", "0001-01-01T00:00:00+10:00", "x" * 500])
def test_what_is_no_moment_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a date or time: write it in ISO 8601, for example 2023-05-07"):
        parse_moment(text)


@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(3000, 1, 1), timezones=OFFSETS))  # noqa: DTZ001
def test_any_written_moment_is_the_same_moment_again(moment: datetime) -> None:
    assert parse_moment(moment.isoformat()) == moment

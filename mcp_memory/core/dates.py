"""Dates as people write them in a question, and as programs write them in an argument. Pure functions."""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `start` to `end`, both included."""

    start: date
    end: date
    yearly: bool = False
    """Month and day count, in any year; the span may reach over the turn of the year."""


def matches(span: Span, moment: datetime) -> bool:
    """Whether a moment falls on one of the span's days (the day as the moment's own time zone has it)."""
    return covers(span, moment.date())


def covers(span: Span, day: date) -> bool:
    """Whether a day is one of the span's."""
    if not span.yearly:
        return span.start <= day <= span.end
    start, at, end = ((each.month, each.day) for each in (span.start, day, span.end))
    return start <= at <= end if start <= end else at >= start or at <= end


def parse_moment(text: str) -> datetime:
    """A moment in UTC from an ISO 8601 date or date and time; without an offset it is taken as UTC.

    Raises:
        ValueError: it is neither; the text says how to write it.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(
            f"{text[:60]!r} is not a date or time: "
            "write it in ISO 8601, for example 2023-05-07 or 2023-05-07T14:30:00Z."
        ) from None


def date_spans(query: str, today: date) -> list[Span]:
    """The spans of days an English question speaks of, in its order.

    Understood are absolute dates (``7 May 2023``, ``May 7th``, ``2023-05-07``, ``5/7/2023`` in both readings,
    ``May 2023``, ``in 2022``, ``Q3 2023``, ``summer 2022``), parts (``first week of June``, ``late May``,
    ``week of 7 May 2023``), relative dates (``yesterday``, ``last week``, ``2 months ago``, ``past 10 days``,
    ``last Friday``), and ``before``, ``after``, ``since`` and ``between`` them. A date without a year is meant
    in any year. A weekday alone, or ``may`` and ``march`` without a preposition, is no date.
    """
    found: list[tuple[int, int, list[Span]]] = []
    rest = query
    for pattern, read in _RULES:
        for match in pattern.finditer(rest):
            spans = _read(read, match, today)
            if spans:
                found.append((*match.span(), spans))
        for start, end, _ in found:
            rest = rest[:start] + " " * (end - start) + rest[end:]
    return _bounded(query, sorted(found, key=lambda entry: entry[0]))


def _read(read: Callable[[re.Match[str], date], list[Span]], match: re.Match[str], today: date) -> list[Span]:
    try:
        return read(match, today)
    except (ValueError, OverflowError):  # 31 June, 9999 years ago
        return []


# ------------------------------------------------------------------------------------------- before and after

_BEFORE = re.compile(r"\b(?:before|until|till|prior to|earlier than|up to)\s+(?:the\s+)?$", re.IGNORECASE)
_AFTER = re.compile(r"\b(?:after|later than|following)\s+(?:the\s+)?$", re.IGNORECASE)
_SINCE = re.compile(r"\b(?:since|starting|from)\s+(?:the\s+)?$", re.IGNORECASE)
_BETWEEN = re.compile(r"\b(?:between|from)\s+(?:the\s+)?$", re.IGNORECASE)
_JOINT = re.compile(r"\s*(?:and|to|until|till|through|-|–)\s*(?:the\s+)?", re.IGNORECASE)


def _bounded(query: str, found: list[tuple[int, int, list[Span]]]) -> list[Span]:
    """The spans found, widened by the words before them: ``before May 2023`` is all that came earlier."""
    result: list[Span] = []
    position = 0
    while position < len(found):
        start, end, spans = found[position]
        lead = query[:start]
        if position + 1 < len(found) and _BETWEEN.search(lead) and _is_joint(query[end : found[position + 1][0]]):
            result.append(_through(spans[0], found[position + 1][2][0]))
            position += 2
            continue
        result.extend(_widened(span, lead) for span in spans)
        position += 1
    return result


def _is_joint(text: str) -> bool:
    return _JOINT.fullmatch(text) is not None


def _through(first: Span, last: Span) -> Span:
    """From the start of one to the end of the other; a year given once holds for both."""
    if first.yearly and last.yearly:
        return Span(first.start, last.end, yearly=True)
    start, end = first.start, last.end
    if first.yearly:
        start = _in_year(start, end.year)
        start = start if start <= end else _in_year(start, end.year - 1)
    elif last.yearly:
        end = _in_year(end, start.year)
        end = end if start <= end else _in_year(end, start.year + 1)
    return Span(start, end) if start <= end else Span(last.start, first.end)


def _in_year(day: date, year: int) -> date:
    return date(year, day.month, min(day.day, monthrange(year, day.month)[1]))


def _widened(span: Span, lead: str) -> Span:
    if span.yearly:
        return span
    if _BEFORE.search(lead) and span.start > date.min:
        return Span(date.min, span.start - timedelta(days=1))
    if _AFTER.search(lead) and span.end < date.max:
        return Span(span.end + timedelta(days=1), date.max)
    return Span(span.start, date.max) if _SINCE.search(lead) else span


# ------------------------------------------------------------------------------------------------ vocabulary

_MONTHS: Final = {
    name: number
    for number, names in enumerate(
        (
            "january jan",
            "february feb",
            "march mar",
            "april apr",
            "may",
            "june jun",
            "july jul",
            "august aug",
            "september sept sep",
            "october oct",
            "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS: Final = {
    word: number
    for number, names in enumerate(
        (
            "one|a|an",
            "two|couple",
            "three|few",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
        ),
        start=1,
    )
    for word in names.split("|")
}
_ORDINALS: Final = {
    "first": 0,
    "1st": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
    "last": -1,
}
_SEASONS: Final = {"spring": (3, 5), "summer": (6, 8), "autumn": (9, 11), "fall": (9, 11), "winter": (12, 2)}
"""First and last month, as on the northern half of the earth; a winter begins in the year it is named after."""

_ANY_YEAR: Final = 2000
"""Stands for the year in a yearly span; a leap year, so that 29 February exists."""

_MONTH = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_MONTH_NAME = rf"(?P<month>{'|'.join(name for name in _MONTHS if len(name) > 4 or name in ('may', 'june', 'july'))})"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
_COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(_NUMBERS)})(?:\s+of)?"
_UNIT = r"(?P<unit>day|week|weekend|month|quarter|year)"


def _day(match: re.Match[str], _: date) -> list[Span]:
    """A day of a month, with the year or in any year, or the days from one to another."""
    if match["month"] == "may" and not match["year"]:  # "2 may fail"
        return []
    year, month = int(match["year"] or _ANY_YEAR), _MONTHS[match["month"].lower()]
    first, last = int(match["day"]), int(match["last"] or match["day"])
    return [Span(date(year, month, first), date(year, month, max(first, last)), not match["year"])]


def _month(match: re.Match[str], _: date) -> list[Span]:
    year = match["year"]
    return [_whole_month(int(year or _ANY_YEAR), _MONTHS[match["month"].lower()], yearly=not year)]


def _month_alone(match: re.Match[str], _: date) -> list[Span]:
    """``June``; but ``may`` and ``march`` only where the word before them speaks of time."""
    name = match["month"].lower()
    if name in ("may", "march") and not _speaks_of_time(match):
        return []
    return [_whole_month(_ANY_YEAR, _MONTHS[name], yearly=True)]


def _speaks_of_time(match: re.Match[str]) -> bool:
    return _TIME_WORD.search(match.string[: match.start()]) is not None


def _whole_month(year: int, month: int, *, yearly: bool = False) -> Span:
    return Span(date(year, month, 1), date(year, month, monthrange(year, month)[1]), yearly)


def _part_of_month(match: re.Match[str], today: date) -> list[Span]:
    """``early``, ``mid`` and ``late`` are thirds of a month."""
    (span,) = _month(match, today)
    first = 10 * _third(match["part"]) + 1
    last = span.end.day if first == 21 else first + 9
    return [Span(span.start.replace(day=first), span.start.replace(day=last), span.yearly)]


def _week_of_month(match: re.Match[str], today: date) -> list[Span]:
    """The nth run of seven days of a month."""
    (span,) = _month(match, today)
    nth = _ORDINALS[match["nth"].lower()]
    start = span.end - timedelta(days=6) if nth < 0 else span.start + timedelta(days=7 * nth)
    return [Span(start, min(start + timedelta(days=6), span.end), span.yearly)]


def _week_by_day(match: re.Match[str], today: date) -> list[Span]:
    """``week of``, ``week before``, ``weekend after`` a day."""
    (span,) = _day(match, today)
    days = 2 if match["unit"].lower() == "weekend" else 7
    side = match["side"].lower()
    if side == "before":
        return [Span(span.start - timedelta(days=7), span.start - timedelta(days=1), span.yearly)]
    if side == "after":
        return [Span(span.end + timedelta(days=1), span.end + timedelta(days=7), span.yearly)]
    monday = span.start - timedelta(days=span.start.weekday())
    return [Span(monday + timedelta(days=7 - days), monday + timedelta(days=6), span.yearly)]


def _iso(match: re.Match[str], _: date) -> list[Span]:
    year, month = int(match["year"]), int(match["number"])
    if not match["day"]:
        return [_whole_month(year, month)]
    day = date(year, month, int(match["day"]))
    return [Span(day, day)]


def _slashed(match: re.Match[str], _: date) -> list[Span]:
    """``5/7/2023`` is the seventh of May or the fifth of July: both, where both exist."""
    first, second, year = int(match["first"]), int(match["second"]), int(match["year"])
    days = dict.fromkeys(
        date(year, month, day)
        for month, day in ((first, second), (second, first))
        if 1 <= month <= 12 and 1 <= day <= monthrange(year, month)[1]
    )
    return [Span(day, day) for day in days]


def _year(match: re.Match[str], _: date) -> list[Span]:
    """``in 2022``; a bare number is no year."""
    return [_whole_year(int(match["year"]))] if _speaks_of_time(match) else []


def _part_of_year(match: re.Match[str], _: date) -> list[Span]:
    """``early``, ``mid`` and ``late`` are thirds of a year."""
    year, first = int(match["year"]), 4 * _third(match["part"]) + 1
    return [Span(date(year, first, 1), _whole_month(year, first + 3).end)]


def _third(part: str) -> int:
    return {"e": 0, "b": 0, "s": 0, "m": 1}.get(part[0].lower(), 2) if part.lower() != "end" else 2


def _whole_year(year: int) -> Span:
    return Span(date(year, 1, 1), date(year, 12, 31))


def _quarter(match: re.Match[str], _: date) -> list[Span]:
    return [_whole_quarter(int(match["year"]), int(match["nth"]) - 1)]


def _whole_quarter(year: int, index: int) -> Span:
    """`index` counts from 0 and may lie outside the year."""
    year, index = year + index // 4, index % 4
    return Span(date(year, 3 * index + 1, 1), _whole_month(year, 3 * index + 3).end)


def _season(match: re.Match[str], today: date) -> list[Span]:
    first, last = _SEASONS[match["season"].lower()]
    year, which = match["year"], (match["which"] or "").lower()
    if not (year or which or _speaks_of_time(match)):  # "spring rolls"
        return []
    named = int(year) if year else today.year if which else _ANY_YEAR
    if which and not year and date(named, first, 1) > today:
        named -= 1
    end = _whole_month(named + (last < first), last).end
    return [Span(date(named, first, 1), end, not (year or which))]


def _named_day(match: re.Match[str], today: date) -> list[Span]:
    words = " ".join(match[0].lower().split())
    shift = {"today": 0, "tonight": 0, "this morning": 0, "yesterday": -1, "last night": -1, "tomorrow": 1}
    day = today + timedelta(days=shift.get(words, -2))
    return [Span(day, day)]


def _unit(match: re.Match[str], today: date) -> list[Span]:
    """``this``, ``last`` or ``next`` week, weekend, month, quarter or year."""
    step = {"this": 0, "next": 1}.get(match["which"].lower(), -1)
    return [_period(match["unit"].lower(), step, today)]


def _period(unit: str, step: int, today: date) -> Span:
    """The period `step` periods after the one `today` is in; weeks begin on Monday."""
    if unit == "day":
        day = today + timedelta(days=step)
        return Span(day, day)
    if unit in ("week", "weekend"):
        monday = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
        return Span(monday + timedelta(days=5 if unit == "weekend" else 0), monday + timedelta(days=6))
    if unit == "month":
        months = today.year * 12 + today.month - 1 + step
        return _whole_month(months // 12, months % 12 + 1)
    if unit == "quarter":
        return _whole_quarter(today.year, (today.month - 1) // 3 + step)
    return _whole_year(today.year + step)


def _ago(match: re.Match[str], today: date) -> list[Span]:
    """``3 days ago``: that day; ``2 months ago``: about then, half a unit to either side."""
    unit, count = match["unit"].lower(), _count(match)
    middle = today - timedelta(days=count * _DAYS[unit])
    slack = timedelta(days=_DAYS[unit] // 2)
    return [Span(middle - slack, min(middle + slack, today))]


def _recent(match: re.Match[str], today: date) -> list[Span]:
    """``the past 10 days``."""
    return [Span(today - timedelta(days=_count(match) * _DAYS[match["unit"].lower()]), today)]


_DAYS: Final = {"day": 1, "week": 7, "weekend": 7, "month": 30, "quarter": 91, "year": 365}


def _count(match: re.Match[str]) -> int:
    count = match["count"].lower()
    return int(count) if count.isdecimal() else _NUMBERS[count]


def _weekday(match: re.Match[str], today: date) -> list[Span]:
    """``last Friday``: the latest one before today; ``this``/``next``: the one of that week."""
    weekday = _WEEKDAYS.index(match["weekday"].lower())
    which = match["which"].lower()
    if which in ("this", "next"):
        day = today + timedelta(days=weekday - today.weekday() + (7 if which == "next" else 0))
    else:
        day = today - timedelta(days=(today.weekday() - weekday - 1) % 7 + 1)
    return [Span(day, day)]


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?!\w)", re.IGNORECASE)


_DAY_FIRST = rf"{_DAY}(?:\s*(?:-|–|to)\s*(?P<last>\d{{1,2}})(?:st|nd|rd|th)?)?\s+(?:of\s+)?{_MONTH}(?:,?\s+{_YEAR})?"
_MONTH_FIRST = rf"{_MONTH}\s+(?:the\s+)?{_DAY}(?:\s*(?:-|–|to)\s*(?P<last>\d{{1,2}})(?:st|nd|rd|th)?)?(?:,?\s+{_YEAR})?"
_TIME_WORD: Final = re.compile(
    r"\b(?:in|during|of|since|from|until|till|before|after|by|early|mid|late|last|this|next|year|between|and|to|or)"
    r"\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_PART = r"(?P<part>early|mid|middle|late|beginning|start|end)(?:\s+(?:of|in)\s+(?:the\s+)?|[\s-]+)"
_OF_YEAR = rf",?\s+(?:of\s+)?{_YEAR}"
_RULES: Final = (
    (_rule(rf"{_YEAR}[-/](?P<number>\d{{1,2}})(?:[-/](?P<day>\d{{1,2}})(?!\d))?"), _iso),
    (_rule(rf"(?P<first>\d{{1,2}})[/.](?P<second>\d{{1,2}})[/.]{_YEAR}"), _slashed),
    (_rule(rf"(?P<unit>week|weekend)\s+(?P<side>of|before|after)\s+(?:the\s+)?{_DAY_FIRST}"), _week_by_day),
    (_rule(rf"(?P<unit>week|weekend)\s+(?P<side>of|before|after)\s+{_MONTH_FIRST}"), _week_by_day),
    (_rule(_DAY_FIRST), _day),
    (_rule(_MONTH_FIRST), _day),
    (_rule(rf"(?P<nth>{'|'.join(_ORDINALS)})\s+week\s+(?:of|in)\s+{_MONTH}(?:{_OF_YEAR})?"), _week_of_month),
    (_rule(rf"{_PART}{_MONTH}(?:{_OF_YEAR})?"), _part_of_month),
    (_rule(rf"{_PART}{_YEAR}"), _part_of_year),
    (_rule(rf"{_MONTH}{_OF_YEAR}"), _month),
    (_rule(_MONTH_NAME), _month_alone),
    (_rule(rf"Q(?P<nth>[1-4])\s+(?:of\s+)?{_YEAR}"), _quarter),
    (_rule(rf"(?:(?P<which>last|past|previous|this)\s+)?(?P<season>{'|'.join(_SEASONS)})(?:{_OF_YEAR})?"), _season),
    (_rule(r"the\s+day\s+before\s+yesterday|today|tonight|this\s+morning|yesterday|last\s+night|tomorrow"), _named_day),
    (_rule(rf"{_COUNT}\s+{_UNIT}s?\s+(?:ago|back|earlier)"), _ago),
    (_rule(rf"(?:last|past|previous)\s+{_COUNT}\s+{_UNIT}s?"), _recent),
    (_rule(rf"(?P<which>last|past|previous|this|next)\s+{_UNIT}"), _unit),
    (_rule(rf"(?P<which>last|past|previous|this|next)\s+(?P<weekday>{'|'.join(_WEEKDAYS)})"), _weekday),
    (_rule(_YEAR), _year),
)
"""Tried in this order; what one rule has read, no later rule sees."""

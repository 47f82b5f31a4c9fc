"""Which memories answer a question, and in what order. Pure functions; nothing is read or written here.

Recall goes `analyse` -> keyword search -> `dense_query` -> embedding -> vector search -> `rank`. Scores are fused, not
ranks: the cosine divided by the best of the pool and BM25 divided by the best of the pool, weighted, plus small
signals. Every number is in `Weights` and the constants beside it. They were measured on the 1,982 questions of LoCoMo
(five conversations each way; a signal stays only if it helps both halves), with the bundled encoder, one memory per
turn; figures in brackets are the points of recall@5 / recall@10 / MRR (times 100) that a signal adds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from mcp_memory.core.dates import Span, covers, date_spans
from mcp_memory.text import is_frequent, keyword_terms, proper_nouns, words

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from mcp_memory.models.search import Candidate

POOL: Final = 200
"""Candidates taken from the keyword index, and as many from the vectors."""

FLOORS: Final = {"loose": 0.0, "moderate": 0.1, "strict": 0.3}
"""Least cosine per tolerance. The encoder gives many a right answer a low cosine (a tenth of LoCoMo's evidence is
below 0.16): recall@10 falls by 0.0 (loose), 0.2 (moderate) and 10.5 points (strict); a floor of 0.15 costs 1.2."""

NAME_SHARE: Final = 0.05
"""A capitalized word in this share of the memories or more is left out of the dense query."""

COMMON_SHARE: Final = 0.3
"""Any word in this share of the memories or more is left out of the dense query: for names in lower case, without
which a question in lower case loses 3 points of recall@5."""

DATE_GRACE: Final = timedelta(days=2)
"""What happened on a day is often told a day or two later (0.2 / 0.4 / 0.1)."""

LEAST_BEST: Final = 0.3
"""Cosines are divided by the best of the pool, but by no less than this: a poor best is not a good match."""

RECENCY_HALF_LIFE: Final = 30.0
"""Days after which a memory has lost half of its recency."""

TELLING: Final = 0.5
"""Meaning or keywords are given as a reason from this share of the pool's best."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What each signal adds to a score; 1 is a memory that is best of the pool both in meaning and in words."""

    meaning: float = 0.45
    """Times the cosine's share of the best; flat from 0.4 to 0.55, with `keywords` adding up to 1."""
    keywords: float = 0.55
    """Times BM25's share of the best."""
    author: float = 0.15
    """The query names who said it (1.4 / 0.9 / 1.4)."""
    date: float = 0.4
    """It happened on a day the query speaks of (1.7 / 1.7 / 1.4; 15 % of the questions hold a date)."""
    group_meaning: float = 0.2
    """Times the best meaning in its session or context: a session is about something (0.5 / 0.3 / 0.2)."""
    group_keywords: float = 0.2
    """Times the best keywords in its session or context (0.6 / 0.3 / 0.2; both group weights 1.7 / 0.5 / 0.5)."""
    answer: float = 0.2
    """Times what the question right before it scores by itself: the answer seldom repeats the question's
    words (1.4 / 0.2 / 1.9)."""
    question: float = -0.2
    """It only asks (`text.is_short_question`): it holds the words of the query and no
    answer (1.2 / 0.6 / 1.6)."""
    echo: float = -0.3
    """The assistant's turn beside the user's, or the user's where the query asks what "you" said. LoCoMo has no
    assistant: the size is that of an ablation on other chats."""
    importance: float = 0.05
    """Times importance less 0.5. Too small to beat a better match: importances drawn at random cost LoCoMo
    0.2 / -0.2 / 0.0."""
    recency: float = 0.02
    """Times recency: of two that fit alike, the newer. Asked on the day of the last session: 0.1 / 0.2 / 0.2 lost."""
    context: float = 0.1
    """It belongs to the asker's own context. LoCoMo's questions are asked from none, so the size is chosen:
    it decides between matches that are alike, and a clearly better match elsewhere still comes first."""


WEIGHTS: Final = Weights()


@dataclass(frozen=True, slots=True)
class Query:
    """What a question says about the memories it is after."""

    text: str
    terms: tuple[str, ...]
    """Words to search, see `text.keyword_terms`."""
    names: tuple[str, ...]
    """Capitalized words, as written."""
    words: frozenset[str]
    """All its words in lower case, without possessives: an author is named where the name is among them."""
    spans: tuple[Span, ...]
    """Days it speaks of, `DATE_GRACE` added at the end."""
    asks_assistant: bool
    """It asks what "you" said or did: the assistant's own words come before the user's."""
    now: datetime
    context: str = ""
    """The asker's own context; empty: none."""


@dataclass(slots=True)
class Ranked:
    """A memory in its place."""

    key: int
    score: float
    """Fused; orders one answer, means nothing across answers."""
    relevance: float | None
    """Cosine to the dense query, -1..1, comparable across answers; None without a vector."""
    reasons: tuple[str, ...]
    """Why it is there: `meaning`, `keywords`, `exact`, `author`, `date`, `session`, `answer`, `context`."""


# ------------------------------------------------------------------------------------------------- the question

_ASKS_ASSISTANT = re.compile(
    r"\b(?:(?:did|do|were|was|have|had|could|would|can)\s+you\b(?!\s+(?:know|remember|recall|think|tell|find))"
    r"|you\s+(?:said|told|gave|sent|showed|wrote|made|suggested|recommended|mentioned|advised|explained|provided"
    r"|listed|described|proposed|answered|promised|referred)"
    r"|your\s+(?:\w+\s+)?(?:answer|advice|suggestion|recommendation|reply|response|explanation|list|proposal)s?)\b",
    re.IGNORECASE,
)


def analyse(query: str, now: datetime, context: str = "") -> Query:
    """What a question says; relative dates in it count from `now`, and it is asked from a context, if any."""
    return Query(
        text=query,
        terms=keyword_terms(query),
        names=proper_nouns(query),
        words=frozenset(_bare(word) for word in words(query)),
        spans=tuple(_with_grace(span) for span in date_spans(query, now.date())),
        asks_assistant=_ASKS_ASSISTANT.search(query) is not None,
        now=now,
        context=context,
    )


def _bare(word: str) -> str:
    return word.removesuffix("'s").removesuffix("’s")


def _with_grace(span: Span) -> Span:
    if span.end > date.max - DATE_GRACE:
        return span
    later = span.end + DATE_GRACE
    is_whole_year = span.yearly and covers(span, later)
    return span if is_whole_year else Span(span.start, later, span.yearly)


def dense_query(query: Query, frequencies: Mapping[str, float], total: int) -> str:
    """The question as the encoder is given it: without the words that are all over the store.

    A small encoder looks mostly at names, and a name that every other memory holds tells nothing
    (+18 points of recall@5 for the dense half alone).

    Args:
        query: the analysed question.
        frequencies: share of the memories, 0..1, that hold each of the query's terms.
        total: how many memories these are shares of.
    """
    names = {name.lower() for name in query.names}
    common = {
        term
        for term, share in frequencies.items()
        if is_frequent(share, total, NAME_SHARE if term in names else COMMON_SHARE)
    }
    if not common or common.issuperset(query.terms):
        return query.text
    pattern = "|".join(map(re.escape, sorted(common, key=len, reverse=True)))
    return " ".join(re.sub(rf"(?<!\w)(?:{pattern})(?:['’]s)?(?!\w)", " ", query.text, flags=re.IGNORECASE).split())


# -------------------------------------------------------------------------------------------------- the ranking


def rank(query: Query, candidates: Sequence[Candidate], *, floor: float, weights: Weights = WEIGHTS) -> list[Ranked]:
    """The candidates that answer the query, best first, the newest first among equals.

    Left out is what has a cosine below `floor`, unless it holds a rare word of the query, and what has neither
    a cosine nor a keyword hit.
    """
    pool = _Pool(query, candidates, weights)
    ranked = [pool.ranked(each) for each in candidates if _passes(each, floor)]
    ranked.sort(key=attrgetter("score", "key"), reverse=True)
    return ranked


def _passes(candidate: Candidate, floor: float) -> bool:
    if candidate.cosine is None:
        return candidate.keyword > 0
    return candidate.cosine >= floor or candidate.exact


class _Pool:
    """The candidates of one query together: what each of them is measured against.

    `own` holds meaning and keywords of each candidate by key, from 0 to 1, the best of the pool;
    `groups` the best of both in each group.
    """

    def __init__(self, query: Query, candidates: Sequence[Candidate], weights: Weights) -> None:
        self.weights = weights
        self.today = query.now.toordinal()
        self.context = query.context
        self.own = _scaled(candidates)
        self.groups = _best_of_groups(candidates, self.own)
        self.answers = self._answers(candidates)
        authors = {each.author for each in candidates}
        self.named = {author for author in authors if _is_named(author, query)}
        self.echoing = _echoing(authors, query)
        self.days = _days_meant(query.spans, candidates)

    def _answers(self, candidates: Sequence[Candidate]) -> dict[tuple[int, str], float]:
        """What each question lends to the next memory of its group, by that memory's key and group."""
        return {
            (each.key + 1, each.group): self._lent(each) for each in candidates if each.short_question and each.group
        }

    def _lent(self, question: Candidate) -> float:
        meaning, keywords = self.own[question.key]
        return self.weights.answer * (self.weights.meaning * meaning + self.weights.keywords * keywords)

    def ranked(self, candidate: Candidate) -> Ranked:
        """The candidate with its score and the signals that lifted it."""
        weights = self.weights
        own = self.own[candidate.key]
        group = self.groups.get(candidate.group, own)
        score = (
            weights.meaning * own[0]
            + weights.keywords * own[1]
            + weights.group_meaning * group[0]
            + weights.group_keywords * group[1]
            + weights.importance * (candidate.importance - 0.5)
            + weights.recency * _recency(candidate.moment, self.today)
        )
        reasons = _reasons(candidate, own, group)
        if candidate.author in self.named:
            score += weights.author
            reasons.append("author")
        if self.days and candidate.moment.date() in self.days:
            score += weights.date
            reasons.append("date")
        if lent := self.answers.get((candidate.key, candidate.group)):
            score += lent
            reasons.append("answer")
        if self.context and candidate.context == self.context:
            score += weights.context
            reasons.append("context")
        if candidate.short_question:
            score += weights.question
        if candidate.author == self.echoing:
            score += weights.echo
        return Ranked(candidate.key, score, candidate.cosine, tuple(reasons))


def _scaled(candidates: Sequence[Candidate]) -> dict[int, tuple[float, float]]:
    """Meaning and keywords of each candidate by key, from 0 to 1, the best of the pool."""
    if not candidates:
        return {}
    meaning = 1 / max(LEAST_BEST, *[each.cosine or 0.0 for each in candidates])
    keywords = 1 / (max([each.keyword for each in candidates]) or 1.0)
    return {each.key: (max(each.cosine or 0.0, 0.0) * meaning, each.keyword * keywords) for each in candidates}


def _best_of_groups(
    candidates: Iterable[Candidate], own: Mapping[int, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """Best meaning and best keywords within each group; what belongs to none stands for itself."""
    members: dict[str, list[tuple[float, float]]] = {}
    for each in candidates:
        if each.group:
            members.setdefault(each.group, []).append(own[each.key])
    return {
        group: (max(meaning for meaning, _ in pairs), max(keywords for _, keywords in pairs))
        for group, pairs in members.items()
    }


def _reasons(candidate: Candidate, own: tuple[float, float], group: tuple[float, float]) -> list[str]:
    """The names of what speaks for it in meaning and words."""
    reasons = []
    if own[0] >= TELLING:
        reasons.append("meaning")
    if own[1] >= TELLING:
        reasons.append("keywords")
    if candidate.exact:
        reasons.append("exact")
    if group[0] - own[0] >= TELLING or group[1] - own[1] >= TELLING:
        reasons.append("session")
    return reasons


def _recency(moment: datetime, today: int) -> float:
    """1 for today and later, halved every `RECENCY_HALF_LIFE` days, 0 after a year; `today` is a day's ordinal."""
    age = today - moment.toordinal()
    return _FADING[age] if 0 < age < len(_FADING) else float(age <= 0)


_FADING: Final = tuple(0.5 ** (age / RECENCY_HALF_LIFE) for age in range(366))


def _is_named(author: str, query: Query) -> bool:
    """Whether the query holds every word of the author's name, or the first of them capitalized."""
    name = words(author)
    return bool(name) and (query.words.issuperset(name) or author.split()[0] in query.names)


def _echoing(authors: Collection[str], query: Query) -> str | None:
    """Whose turns come second where a chat was kept turn by turn: the assistant's mostly echo the user's facts."""
    if not {"user", "assistant"}.issubset(authors):
        return None
    return "user" if query.asks_assistant else "assistant"


def _days_meant(spans: Sequence[Span], candidates: Iterable[Candidate]) -> frozenset[date]:
    """The days of candidates that the query speaks of."""
    if not spans:
        return frozenset()
    days = {each.moment.date() for each in candidates}
    return frozenset(day for day in days if any(covers(span, day) for span in spans))

"""Extractive summary: which sentences of which memories say most about a question. Pure functions, no model.

A sentence is scored by what it shares with the question (rare words count more), by how well its memory was found,
and by how much the other memories' sentences repeat it; what says no more than a better sentence is left out.
`synthesis` lays the chosen sentences out as text.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from math import log, sqrt
from typing import TYPE_CHECKING, Final

from mcp_memory.core.terms import facts, is_topic, telling, terms
from mcp_memory.core.wording import stem
from mcp_memory.text import clip, content_hash, keyword_terms, sentences, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet
    from datetime import datetime

QUESTION_SHARE: Final = 0.50
"""Weight of the words shared with the question."""

SOURCE_SHARE: Final = 0.45
"""Weight of how well the memory was found: meaning, which the words of one sentence cannot show."""

CENTRAL_SHARE: Final = 0.05
"""Weight of how much other memories say the same."""

POOL: Final = 150
"""Sentences compared with each other; the comparison is quadratic."""

SENTENCES_READ: Final = 300
"""Sentences read of one memory."""

SENTENCE_CHARS: Final = 1200
"""A longer sentence (a log, a table without full stops) is cut."""

SAME_SHARE: Final = 0.8
"""Share of a sentence's words a better sentence must hold to make it redundant."""

SUPERSEDED: Final = 0.5
"""What is left of a sentence's score once a newer memory replaces its own."""

LONG_WORDS: Final = 45

MOST_THEMES: Final = 6

THEME_SHARE: Final = 0.6
"""A word that more of the memories hold than this divides nothing; counts from four memories on."""

_BREAKS = re.compile(r"[\x0b\x0c\x1c-\x1f\x85]")


@dataclass(frozen=True, slots=True)
class Source:
    """A memory to sum up."""

    id: str
    content: str
    kind: str
    """Type, or type and subtype."""
    moment: datetime
    weight: float
    """How well it was found, 0..1; the best memory has 1."""
    author: str = ""
    tags: tuple[str, ...] = ()
    relevance: float | None = None
    """Cosine to the question, where it was compared."""
    links: frozenset[str] = frozenset()
    """Ids of the memories it is linked with."""
    superseded_by: str = ""
    """Id of the memory that replaces it."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence as its memory has it."""

    source: Source
    text: str
    place: int
    """Its place in the memory, from 0."""
    terms: frozenset[str]
    facts: frozenset[str]
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Theme:
    """Sentences that share a word, oldest first. The heading is that word; empty for what shares none."""

    heading: str
    sentences: tuple[Sentence, ...]


def read(source: Source) -> list[Sentence]:
    """The sentences of a memory, each on one line."""
    found = sentences(source.content)[:SENTENCES_READ] or [clip(source.content, SENTENCE_CHARS)]
    lines = (_BREAKS.sub(" ", one) if len(one) <= SENTENCE_CHARS else clip(one, SENTENCE_CHARS) for one in found)
    return [Sentence(source, line, place, terms(line), facts(line)) for place, line in enumerate(lines)]


def asked_terms(query: str) -> frozenset[str]:
    """The stems of the words of a question that name something."""
    return frozenset(stem(word) for term in keyword_terms(query) for word in words(term))


def rarity(asked: AbstractSet[str], texts: Sequence[Sentence]) -> dict[str, float]:
    """How much each word of the question tells: the fewer sentences hold it, the more (smoothed idf)."""
    holding = Counter(term for one in texts for term in held_by(one) & asked)
    return {term: log(1 + (len(texts) + 1) / (holding[term] + 0.5)) for term in asked}


def held_by(sentence: Sentence) -> frozenset[str]:
    """What a sentence is about for a question: its words, who said it, and the month and year it belongs to."""
    source = sentence.source
    return sentence.terms.union(map(stem, words(f"{source.author} {source.moment:%B %Y}")))


def matched(held: AbstractSet[str], weights: Mapping[str, float]) -> float:
    """The weighted share of the question's words that are held, 0..1."""
    total = sum(weights.values())
    return sum(weight for term, weight in weights.items() if term in held) / total if total else 0.0


def ranked(query: str, sources: Iterable[Source]) -> list[Sentence]:
    """The best `POOL` sentences with their scores, best first, without those that say nothing more."""
    texts = [sentence for source in sources for sentence in read(source)]
    weights = rarity(asked_terms(query), texts)
    pool = _best((replace(one, score=_fit(one, weights)) for one in texts), POOL)
    central = centrality(pool)
    scored = (
        replace(one, score=one.score + CENTRAL_SHARE * share * shape(one))
        for one, share in zip(pool, central, strict=True)
    )
    return distinct(_best(scored, POOL))


def _best(found: Iterable[Sentence], most: int) -> list[Sentence]:
    return sorted(found, key=lambda one: (-one.score, one.source.id, one.place))[:most]


def _fit(sentence: Sentence, weights: Mapping[str, float]) -> float:
    told = QUESTION_SHARE * matched(held_by(sentence), weights) + SOURCE_SHARE * sentence.source.weight
    return told * shape(sentence) * (SUPERSEDED if sentence.source.superseded_by else 1.0)


def shape(sentence: Sentence) -> float:
    """How well a sentence stands alone: an exclamation or a question says little, a very long one too much."""
    if sentence.text.rstrip().endswith(("?", "？")):
        return 0.4
    named = len(telling(sentence.terms) - set(map(stem, words(sentence.source.author))))
    length = len(words(sentence.text))
    return (0.3, 0.5, 0.8, 1.0)[min(named, 3)] * (1.0 if length <= LONG_WORDS else 0.85)


def centrality(pool: Sequence[Sentence]) -> list[float]:
    """How much the sentences of other memories share the words of each; the most central has 1."""
    totals = [
        sum(overlap(one.terms, other.terms) for other in pool if other.source.id != one.source.id) for one in pool
    ]
    most = max(totals, default=0.0)
    return [total / most if most else 0.0 for total in totals]


def overlap(some: frozenset[str], others: frozenset[str]) -> float:
    """Cosine of two sets of words, 0..1."""
    shared = len(some & others)
    return shared / sqrt(len(some) * len(others)) if shared else 0.0


def distinct(found: Iterable[Sentence]) -> list[Sentence]:
    """The sentences in their order, without those that say nothing an earlier one does not say."""
    kept: list[Sentence] = []
    seen: set[str] = set()
    for sentence in found:
        mark = content_hash(sentence.text)
        if mark not in seen and not any(_says_no_more(sentence, better) for better in kept):
            kept.append(sentence)
            seen.add(mark)
    return kept


def _says_no_more(sentence: Sentence, better: Sentence) -> bool:
    """Whether the words are nearly all there, and every name, number and negation.

    "Invoice 1041 was paid" and "Invoice 1042 was paid" are two facts, and so are "must" and "must not".
    """
    shared = len(sentence.terms & better.terms)
    if shared < SAME_SHARE * len(sentence.terms):
        return False
    return sentence.facts <= better.facts and ("not" in sentence.facts) == ("not" in better.facts)


def themes(chosen: Sequence[Sentence], asked: AbstractSet[str]) -> list[Theme]:
    """The sentences grouped by the words their memories share beyond the question, and by links; best theme first."""
    left = {one.source.id: one.source for one in chosen}
    holders = _holders(chosen, asked)
    groups: list[tuple[str, set[str]]] = []
    while len(groups) < MOST_THEMES - 1 and (best := _widest(holders, left.keys())):
        members = holders.pop(best) & left.keys()
        members |= _linked(members, left)
        groups.append((heading_of(best, [one for one in chosen if one.source.id in members]), members))
        left = {key: source for key, source in left.items() if key not in members}
    groups.append(("", set(left)))
    return _in_order([Theme(name, _by_time(chosen, members)) for name, members in groups if members])


def _holders(chosen: Sequence[Sentence], asked: AbstractSet[str]) -> dict[str, set[str]]:
    """Word to the memories that hold it, for words that can head a theme."""
    holders: dict[str, set[str]] = {}
    authors = {stem(word) for one in chosen for word in words(one.source.author)}
    for one in chosen:
        tagged = {stem(word) for tag in one.source.tags for word in words(tag)}
        for term in (one.terms | tagged) - asked - authors:
            holders.setdefault(term, set()).add(one.source.id)
    memories = len({one.source.id for one in chosen})
    most = max(2.0, memories * THEME_SHARE) if memories >= 4 else memories
    return {term: ids for term, ids in holders.items() if 2 <= len(ids) <= most and is_topic(term)}


def _widest(holders: Mapping[str, set[str]], left: AbstractSet[str]) -> str:
    """The word that joins most of the memories left; the longest of those that join as many; none below two."""
    best = max(holders, key=lambda term: (len(holders[term] & left), len(term), term), default="")
    return best if best and len(holders[best] & left) >= 2 else ""


def _linked(members: AbstractSet[str], left: Mapping[str, Source]) -> set[str]:
    return {key for key, source in left.items() if key not in members and source.links & members}


def heading_of(term: str, found: Iterable[Sentence]) -> str:
    """The commonest written form of a stem, from the sentences or their tags."""
    written = Counter(
        word.strip(".,;:!?\"'()[]“”’")
        for one in found
        for word in (*one.text.split(), *one.source.tags)
        if term in map(stem, words(word))
    )
    form = written.most_common(1)[0][0] if written else term
    return clip(re.sub(r"['’]s$", "", form), 24)


def _by_time(chosen: Iterable[Sentence], members: AbstractSet[str]) -> tuple[Sentence, ...]:
    kept = (one for one in chosen if one.source.id in members)
    return tuple(sorted(kept, key=lambda one: (one.source.moment, one.source.id, one.place)))


def _in_order(found: list[Theme]) -> list[Theme]:
    return sorted(found, key=lambda theme: (not theme.heading, -max(one.score for one in theme.sentences)))

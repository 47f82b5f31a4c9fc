"""Recall with a language model: the modes `llm` and `hybrid`. The mode `rag` is one `search`.

In `llm` a language model stands on both sides of the search: it rewrites the query, both queries are searched with
the same filters, and it chooses from what they find and orders that. `hybrid` is `rag`, and `llm` where that is not
sufficient. Whatever the model says, only memories that a search has found are answered with; where it fails, the
answer is that of `rag` and says so.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mcp_memory.core.asking import bounded_model
from mcp_memory.core.prompting import as_data, prompt
from mcp_memory.core.ranking import Ranked
from mcp_memory.core.searching import Found, Searched, floor_of, search
from mcp_memory.errors import LanguageModelError, LanguageModelUnusable
from mcp_memory.llm.base import Message
from mcp_memory.models.recall import RecallMode
from mcp_memory.text import clip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.llm.base import LanguageModel
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.recall import Recall, Turn

SUFFICIENT: Final = 0.5
"""A search whose nearest memory has at least this cosine to the query is sufficient. On 755 questions of four LoCoMo
conversations 55 % are; 85 % of those have evidence among the first five, of the rest 78 %. Of the same questions put
to another conversation, which cannot answer them, 2 % are (at 0.45: 70 % and 7 %). The nearest tells more than the
first (area under the curve 0.90, against 0.87); importance, which MemoryLayer compares, tells nothing about a query."""

WIDER: Final = 3
"""The model chooses from so many times `limit` memories of each search."""

WIDEST: Final = 50
"""But from no more than this, unless `limit` is larger (both MemoryLayer's values)."""

LOWER: Final = 0.3
"""The tolerance's floor is lowered by this, because the model sorts out what does not belong."""

LOWEST: Final = 0.2
"""But not below this (both MemoryLayer's values)."""

ANSWER_TOKENS: Final = 2048
"""Most tokens of a rewritten query or a choice: a few are enough, the rest is for models that think aloud first."""

QUERY_WORDS: Final = 40
QUERY_CHARS: Final = 400
"""A longer rewritten query is not a query but talk."""

CANDIDATE_CHARS: Final = 500
"""As much of each memory as the model sees when it chooses."""

TURNS: Final = 6
"""As many of the last turns of a conversation, each cut like a memory."""

NOTHING_CHOSEN: Final = (
    "The language model chose none of the memories found; they are in the order in which the search found them."
)


async def search_with_model(resources: Resources, request: Recall, scope: Scope) -> Searched:
    """The memories that answer the query, found by `llm` or `hybrid`."""
    if request.mode is RecallMode.HYBRID:
        found = await search(resources, request, scope, floor_of(request))
        if is_sufficient(found, SUFFICIENT if request.rag_threshold is None else request.rag_threshold):
            return found
    return await _by_model_if_possible(resources, request, scope)


def is_sufficient(searched: Searched, threshold: float) -> bool:
    """Whether something was found whose cosine to the query is at least `threshold`."""
    return any((one.rank.relevance or 0.0) >= threshold for one in searched.found)


async def _by_model_if_possible(resources: Resources, request: Recall, scope: Scope) -> Searched:
    try:
        async with bounded_model(resources) as model:
            return await _by_model(resources, model, request, scope)
    except LanguageModelError as error:
        plain = await search(resources, request, scope, floor_of(request))
        return replace(plain, degraded=_both(f"Searched without a language model: {error}", plain.degraded))


async def _by_model(resources: Resources, model: LanguageModel, request: Recall, scope: Scope) -> Searched:
    rewritten = await rewrite(model, request.query, request.context)
    most = max(request.limit, min(WIDER * request.limit, WIDEST))
    queries = dict.fromkeys((request.query.strip(), rewritten))
    wider = [request.model_copy(update={"query": query, "limit": most}) for query in queries]
    pool = united([await search(resources, one, scope, lowered_floor(one)) for one in wider])
    chosen = await choose(model, request.query, [one.memory for one in pool.found], request.limit)
    if pool.found and not chosen:
        return replace(pool, found=pool.found[: request.limit], degraded=_both(NOTHING_CHOSEN, pool.degraded))
    return replace(pool, found=[pool.found[place] for place in chosen])


def lowered_floor(request: Recall) -> float:
    """The floor under what the model chooses from. What the caller named himself as `min_relevance` stands."""
    floor = floor_of(request)
    if request.min_relevance is not None or floor <= LOWEST:
        return floor
    return max(LOWEST, floor - LOWER)


def united(searches: Sequence[Searched]) -> Searched:
    """The finds of searches of one question as one: the order is that of their mean score, 0 where not found."""
    ranks: dict[str, list[Ranked]] = {}
    memories: dict[str, Memory] = {}
    for one in searches:
        for found in one.found:
            memories[found.memory.id] = found.memory
            ranks.setdefault(found.memory.id, []).append(found.rank)
    merged = [Found(memories[key], _merged(each, len(searches))) for key, each in ranks.items()]
    return Searched(
        found=sorted(merged, key=lambda one: (-one.rank.score, -one.rank.key)),
        passed=frozenset().union(*(one.passed for one in searches)),
        mode="llm",
        degraded=next((one.degraded for one in searches if one.degraded), None),
    )


def _merged(ranks: Sequence[Ranked], searches: int) -> Ranked:
    nearest = [rank.relevance for rank in ranks if rank.relevance is not None]
    return Ranked(
        key=max(rank.key for rank in ranks),
        score=sum(rank.score for rank in ranks) / searches,
        relevance=max(nearest, default=None),
        reasons=tuple(dict.fromkeys(reason for rank in ranks for reason in rank.reasons)),
    )


async def rewrite(model: LanguageModel, query: str, conversation: Sequence[Turn] = ()) -> str:
    """The query in the words that an answer to it might have; the end of the conversation says what it is about.

    Raises:
        LanguageModelError: the model did not answer, or with something that is no query.
    """
    told = prompt("rewrite", words=QUERY_WORDS, data_rule=prompt("data_rule"))
    before = f"{as_data('conversation', _end_of(conversation))}\n\n" if conversation else ""
    messages = [Message("system", told), Message("user", before + as_data("question", query))]
    completion = await model.complete(messages, max_tokens=ANSWER_TOKENS)
    rewritten = _query_in(completion.text)
    if completion.truncated or not rewritten:
        raise LanguageModelUnusable("The language model answered with no query when asked to rewrite one.")
    return rewritten


def _end_of(conversation: Sequence[Turn]) -> str:
    """The last turns, as much of them as the model is given."""
    return "\n".join(f"{turn.role}: {clip(turn.content, CANDIDATE_CHARS)}" for turn in conversation[-TURNS:])


def _query_in(text: str) -> str:
    """The last line of an answer, without a label and quotation marks; empty where that is no query."""
    lines = [line.strip() for line in text.splitlines() if any(map(str.isalnum, line))]
    if not lines or len(lines[-1]) > QUERY_CHARS:
        return ""
    return _LABEL.sub("", lines[-1]).strip("\"'“”‘’`* ")


_LABEL: Final = re.compile(r"^[\W_]*(?:(?:rewritten|search)\s+)*query[\W_]*:\s*", re.IGNORECASE)


async def choose(model: LanguageModel, query: str, memories: Sequence[Memory], most: int) -> list[int]:
    """Places in `memories` of at most `most` that answer the query, best first; empty where the model names none.

    Raises:
        LanguageModelError: the model did not answer.
    """
    if not memories:
        return []
    told = prompt("select", most=most, data_rule=prompt("data_rule"))
    notes = "\n".join(_candidate(number, memory) for number, memory in enumerate(memories, start=1))
    asked = f"{as_data('question', query)}\n\n{as_data('notes', notes)}"
    completion = await model.complete([Message("system", told), Message("user", asked)], max_tokens=ANSWER_TOKENS)
    numbers = numbers_in(completion.text)
    kept = numbers[:-1] if completion.truncated else numbers
    return [number - 1 for number in kept if 1 <= number <= len(memories)][:most]


def _candidate(number: int, memory: Memory) -> str:
    """A memory on one line, whatever is in it."""
    author = f"{memory.author}: " if memory.author and not memory.content.startswith(memory.author) else ""
    return f"[{number}] {memory.moment:%Y-%m-%d} {clip(author + memory.content, CANDIDATE_CHARS)}"


def numbers_in(text: str) -> list[int]:
    """The distinct numbers that an answer ends with, in its order; numbers inside prose do not count."""
    ending: list[str] = []
    for line in reversed([line for line in text.splitlines() if line.strip()]):
        if not (found := _ONLY_NUMBERS.fullmatch(line)):
            break
        ending.insert(0, found["numbers"])
    return _distinct(int(number) for line in ending for number in re.findall(r"\d{1,9}", line))


_ONLY_NUMBERS: Final = re.compile(
    r"(?:\W*(?:numbers?|notes?|answers?|choices?|chosen|selected|selection)\W*:)?(?P<numbers>(?:[\W_]|\d|\band\b)*)",
    re.IGNORECASE,
)
"""Numbers with anything but words around them, perhaps behind a label."""


def _distinct(numbers: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def _both(first: str, second: str | None) -> str:
    return f"{first} {second}" if second else first

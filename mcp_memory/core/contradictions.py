"""Memories that cannot both be true."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import combinations, product
from typing import TYPE_CHECKING, Final

from mcp_memory.core.claim import Claim, conflict, forbids
from mcp_memory.core.claims import claims
from mcp_memory.core.succession import settled_pairs
from mcp_memory.models.audit import Contradiction
from mcp_memory.models.memory import MemoryType
from mcp_memory.text import keyword_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.memory import Memory

SCANNED: Final = 5_000
"""Newest memories whose claims are compared where no memories are named; bounds time and memory."""

PAGE: Final = 500

SEEDS: Final = 50
"""Most memories that are looked at one by one when they are named."""

CANDIDATES: Final = 24
"""Memories compared with each named one, by words and again by meaning."""

PER_TOPIC: Final = 20
"""Newest memories compared with each other on one topic."""

TERMS: Final = 16
"""Words of a named memory that candidates are searched with."""

PATIENCE: Final = 1.0
"""Seconds to wait for the vectors of the named memories; without them words alone find candidates."""

DENIAL_CERTAINTY: Final = 0.65
"""That a general denial ("never use tabs") excludes a special case ("use tabs for indentation")."""

_MOST_SPECIAL: Final = 3
"""Words by which a special case may be longer than the general denial."""


def contradiction(a: Memory, b: Memory, cosine: float | None = None) -> Contradiction | None:
    """The surest conflict between two memories, if there is one.

    Memories of different users, subjects or contexts, and what is only being worked on, contradict nobody. `cosine`
    of the two, where it is known, moves the confidence and decides nothing.
    """
    if not _comparable(a, b):
        return None
    found = [
        (certainty, first, second)
        for first, second in product(claims(a.content), claims(b.content))
        if (certainty := _certainty(first, second)) and not _of_different_people(a, b, first, second)
    ]
    return _contradiction(a, b, max(found, key=lambda one: one[0]), cosine) if found else None


def _comparable(a: Memory, b: Memory) -> bool:
    return (
        a.id != b.id
        and (a.user_id, a.subject_id, a.context_id) == (b.user_id, b.subject_id, b.context_id)
        and MemoryType.WORKING not in (a.type, b.type)
    )


def _of_different_people(a: Memory, b: Memory, first: Claim, second: Claim) -> bool:
    return (first.personal or second.personal) and a.author != b.author


def _certainty(first: Claim, second: Claim) -> float:
    """How sure it is that the claims exclude each other; 0 where they do not."""
    if conflict(first, second):
        return min(first.certainty, second.certainty)
    if _denies_in_general(first, second) or _denies_in_general(second, first):
        return DENIAL_CERTAINTY
    return 0.0


def _denies_in_general(denial: Claim, case: Claim) -> bool:
    special = case.topic - denial.topic
    return (
        forbids(denial)
        and case.kind == "polarity"
        and "so" in case.value
        and not case.personal
        and denial.topic < case.topic
        and len(special) <= _MOST_SPECIAL
        and not any(char.isdigit() for word in special for char in word)
    )


def _contradiction(a: Memory, b: Memory, found: tuple[float, Claim, Claim], cosine: float | None) -> Contradiction:
    certainty, first, second = found
    older, newer = sorted((a, b), key=lambda memory: (memory.moment, memory.created_at))
    said = (first, second) if older is a else (second, first)
    return Contradiction(
        memory_a=older.id,
        memory_b=newer.id,
        content_a=older.content,
        content_b=newer.content,
        kind="value_conflict" if first.kind == "value" else "negation_conflict",
        detail=f"Earlier: {said[0].shown}. Later: {said[1].shown}.",
        confidence=round(certainty if cosine is None else 0.8 * certainty + 0.2 * max(0.0, cosine), 3),
        newer=newer.id,
    )


async def find_contradictions(
    resources: Resources, scope: Scope, limit: int, memory_ids: Sequence[str] | None = None
) -> list[Contradiction]:
    """Conflicts among live memories, surest first.

    With `memory_ids`, of each of these (at most SEEDS) with the memories nearest in words and meaning; without, among
    the SCANNED newest memories. Pairs that a link settles (`supersedes`, `replaces`, ...) are left out.
    """
    pairs = await _pairs_of(resources, scope, memory_ids) if memory_ids else await _pairs_of_all(resources, scope)
    found = [one for a, b, cosine in pairs if (one := contradiction(a, b, cosine))]
    unsettled = await _unsettled(resources, scope, found)
    return sorted(unsettled, key=lambda one: (-one.confidence, one.memory_a, one.memory_b))[:limit]


async def _unsettled(resources: Resources, scope: Scope, found: Sequence[Contradiction]) -> list[Contradiction]:
    ids = sorted({one.memory_a for one in found})
    edges = await resources.store.associations(scope.where(), ids) if ids else []
    settled = settled_pairs(edges)
    return [one for one in found if frozenset((one.memory_a, one.memory_b)) not in settled]


_Pairs = list[tuple["Memory", "Memory", float | None]]


async def _pairs_of(resources: Resources, scope: Scope, memory_ids: Sequence[str]) -> _Pairs:
    """Each named memory with those nearest to it; no pair twice."""
    seeds = await resources.store.get(scope.where(), list(memory_ids)[:SEEDS])
    claiming = [seed for seed in seeds if claims(seed.content)]
    cosines = await _nearest(resources, scope, claiming)
    pairs: dict[frozenset[str], tuple[Memory, Memory, float | None]] = {}
    for seed, near in zip(claiming, cosines, strict=True):
        for other in await _candidates(resources, scope, seed, near):
            pairs.setdefault(frozenset((seed.id, other.id)), (seed, other, near.get(other.id)))
    return list(pairs.values())


async def _nearest(resources: Resources, scope: Scope, seeds: Sequence[Memory]) -> list[dict[str, float]]:
    """For each seed the memories near in meaning with their cosine; none while the encoder is not ready."""
    vectors = await resources.indexer.at_once([seed.content for seed in seeds], PATIENCE) if seeds else None
    encoder = resources.indexer.identity
    if vectors is None or encoder is None:
        return [{} for _ in seeds]
    return [
        {near.memory_id: near.cosine for near in await resources.store.nearest(row, encoder, scope.where(), CANDIDATES)}
        for row in vectors
    ]


async def near_to(resources: Resources, scope: Scope, memory: Memory) -> list[tuple[Memory, float | None]]:
    """The live memories nearest to one in words and in meaning, with the cosine where it is known."""
    [near] = await _nearest(resources, scope, [memory])
    return [(other, near.get(other.id)) for other in await _candidates(resources, scope, memory, near)]


async def _candidates(resources: Resources, scope: Scope, seed: Memory, near: dict[str, float]) -> list[Memory]:
    terms = keyword_terms(seed.content)[:TERMS]
    hits = await resources.store.keyword_candidates(terms, scope.where(), CANDIDATES)
    by_words = (await resources.store.fetch(list(hits.scores))).values()
    known = {memory.id for memory in by_words}
    by_meaning = await resources.store.get(scope.where(), [one for one in near if one not in known])
    return [memory for memory in (*by_words, *by_meaning) if memory.id != seed.id]


async def _pairs_of_all(resources: Resources, scope: Scope) -> _Pairs:
    """The pairs of recent memories that speak about the same topic and may differ."""
    read: list[tuple[str, list[Claim]]] = []
    for offset in range(0, SCANNED, PAGE):
        page = await resources.store.browse(scope.where(), PAGE, offset)
        read += await asyncio.to_thread(_read, page.memories)
        if len(page.memories) < PAGE:
            break
    ids = sorted(await asyncio.to_thread(lambda: set(_suspicious(read))))
    memories = {one.id: one for one in await _all(resources, scope, {member for pair in ids for member in pair})}
    return [(memories[a], memories[b], None) for a, b in ids if a in memories and b in memories]


def _read(memories: Iterable[Memory]) -> list[tuple[str, list[Claim]]]:
    return [(memory.id, claims(memory.content)) for memory in memories]


async def _all(resources: Resources, scope: Scope, ids: Iterable[str]) -> list[Memory]:
    wanted = sorted(ids)
    pages = [wanted[start : start + PAGE] for start in range(0, len(wanted), PAGE)]
    return [memory for page in pages for memory in await resources.store.get(scope.where(), page)]


_Member = tuple[str, Claim]


def _suspicious(read: Sequence[tuple[str, list[Claim]]]) -> Iterator[tuple[str, str]]:
    """Ids, sorted, of memories with claims that exclude each other; newest first in `read`."""
    topics: dict[object, list[_Member]] = defaultdict(list)
    for memory_id, said in read:
        for claim in said:
            topics[claim.key].append((memory_id, claim))
    for members in topics.values():
        yield from _in_conflict(combinations(_distinct(members), 2))
    yield from _in_conflict(_denied_in_general(topics.values()))


def _distinct(members: Sequence[_Member]) -> list[_Member]:
    """The newest of each value first, so that many memories that agree do not hide the one that does not."""
    leading: dict[frozenset[str], _Member] = {}
    for member in members:
        leading.setdefault(member[1].value, member)
    rest = [member for member in members if leading[member[1].value] is not member]
    return [*leading.values(), *rest][:PER_TOPIC]


def _denied_in_general(topics: Iterable[Sequence[_Member]]) -> Iterator[tuple[_Member, _Member]]:
    """Each general denial with the special cases that hold all of its words, found through its rarest word."""
    affirmed: dict[str, list[_Member]] = defaultdict(list)
    denied: list[_Member] = []
    for member in (member for members in topics for member in members[:PER_TOPIC]):
        if forbids(member[1]):
            denied.append(member)
        elif member[1].kind == "polarity" and "so" in member[1].value:
            for word in member[1].topic:
                affirmed[word].append(member)
    for denial in denied:
        rarest = min((affirmed.get(word, []) for word in denial[1].topic), key=len)
        yield from ((denial, case) for case in rarest if denial[1].topic < case[1].topic)


def _in_conflict(pairs: Iterable[tuple[_Member, _Member]]) -> Iterator[tuple[str, str]]:
    for (one, first), (other, second) in pairs:
        if one != other and _certainty(first, second):
            yield min(one, other), max(one, other)

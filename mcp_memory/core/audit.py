"""Whether what is remembered holds together, and mending what is certain."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from mcp_memory.core import checks
from mcp_memory.core.contradictions import find_contradictions, near_to
from mcp_memory.core.dedupe import NEAR, close_pairs
from mcp_memory.core.graph import alive
from mcp_memory.models.audit import Act, AuditResult, Finding, FindingKind
from mcp_memory.models.memory import MemoryStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mcp_memory.core.checks import Held, Standing
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.models.association import Association
    from mcp_memory.models.audit import AuditRequest, Contradiction
    from mcp_memory.models.memory import Memory

PAGE: Final = 500

MOST_MEMORIES: Final = 200_000
MOST_LINKS: Final = 200_000
"""What one audit reads of a workspace; bounds its memory to some hundred MB."""

WINDOW: Final = 4_000
"""Newest memories compared with each other by meaning: 8 million pairs, some tenths of a second."""

_GRAVEST_FIRST: Final[tuple[FindingKind, ...]] = (
    "index_damage",
    "value_conflict",
    "negation_conflict",
    "superseded_but_referenced",
    "cycle",
    "dangling_link",
    "duplicate",
    "near_duplicate",
    "missing_vector",
)
assert set(_GRAVEST_FIRST) == set(get_args(FindingKind))  # noqa: S101 - a kind without a place would be lost


@dataclass(slots=True)
class _Seen:
    """What an audit has read."""

    memories: list[Held] = field(default_factory=list)
    links: list[Association] = field(default_factory=list)
    standings: dict[str, Standing] = field(default_factory=dict)
    """Of every memory read and every end of a link; an end that is missing here is gone for ever."""
    close: list[tuple[Memory, Memory, float]] = field(default_factory=list)
    contradictions: list[Contradiction] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    partial: bool = False


async def audit(resources: Resources, request: AuditRequest, scope: Scope) -> AuditResult:
    """Check one memory, or the whole workspace; with `auto_resolve` mend what is certain and report each act.

    Raises:
        UnknownMemory: the memory to check is not alive in the workspace or `_global`.
    """
    if request.memory_id is None:
        seen = await _read_workspace(resources, scope, request.limit)
        findings = list(_findings(seen))
    else:
        memory = await alive(resources, request.memory_id, scope)
        seen = await _read_around(resources, scope, memory, request.limit)
        findings = [one for one in _findings(seen) if memory.id in one.memory_ids]
    findings.sort(key=lambda finding: _GRAVEST_FIRST.index(finding.kind))
    resolved = await _resolve(resources, scope, findings, seen) if request.auto_resolve else []
    return _result(request, scope, seen, findings, resolved)


def _findings(seen: _Seen) -> Iterator[Finding]:
    yield from map(_damage, seen.damage)
    yield from checks.conflicts(seen.contradictions)
    yield from checks.superseded(seen.links, seen.standings)
    yield from checks.cycles(seen.links, seen.standings)
    yield from checks.dangling(seen.links, seen.standings)
    yield from checks.duplicates(seen.memories)
    yield from checks.near_duplicates(seen.close)
    yield from checks.without_vector(seen.memories)


def _damage(sentence: str) -> Finding:
    return Finding(
        kind="index_damage",
        memory_ids=[],
        detail=sentence,
        certain=False,
        advice="`mcp-memory reindex` makes the indexes anew; take a copy of the file first if it is the file itself.",
    )


async def _read_workspace(resources: Resources, scope: Scope, limit: int) -> _Seen:
    seen = _Seen(damage=await resources.store.integrity())
    recent: deque[tuple[str, Any]] = deque(maxlen=WINDOW)
    await _read_memories(resources, scope, seen, recent)
    await _read_links(resources, scope, seen)
    await _read_ends(resources, scope, seen)
    seen.close = await _close(resources, scope, list(recent))
    seen.contradictions = await find_contradictions(resources, scope, limit)
    return seen


async def _read_memories(resources: Resources, scope: Scope, seen: _Seen, recent: deque[tuple[str, Any]]) -> None:
    after = 0
    while len(seen.memories) < MOST_MEMORIES:
        page = await resources.store.scan(scope.workspace_id, after, PAGE)
        for _, portable in page:
            _note(seen, portable.memory)
            if portable.vector is not None and portable.memory.status is MemoryStatus.ACTIVE:
                recent.append((portable.memory.id, portable.vector))
        if len(page) < PAGE:
            return
        after = page[-1][0]
    seen.partial = True


def _note(seen: _Seen, memory: Memory) -> None:
    one = checks.held(memory)
    seen.memories.append(one)
    seen.standings[one.id] = one.standing


async def _read_links(resources: Resources, scope: Scope, seen: _Seen) -> None:
    """All links of the workspace, those with dead ends too."""
    after = ""
    while len(seen.links) < MOST_LINKS:
        page = await resources.store.all_associations(scope.workspace_id, after, PAGE)
        seen.links += page
        if len(page) < PAGE:
            return
        after = page[-1].id
    seen.partial = True


async def _read_ends(resources: Resources, scope: Scope, seen: _Seen) -> None:
    """How the ends stand that are not among the memories read."""
    ends = {end for link in seen.links for end in (link.source_id, link.target_id)} - seen.standings.keys()
    for page in _pages(sorted(ends)):
        for memory in await resources.store.get(scope.where(), page, include_deleted=True):
            seen.standings[memory.id] = checks.held(memory).standing


def _pages(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))


async def _close(
    resources: Resources, scope: Scope, recent: Sequence[tuple[str, Any]]
) -> list[tuple[Memory, Memory, float]]:
    """The recent memories that are close in meaning, with their texts."""
    pairs = await asyncio.to_thread(close_pairs, [vector for _, vector in recent], NEAR)
    named = [(recent[row][0], recent[column][0], cosine) for row, column, cosine in pairs[:MOST_LINKS]]
    wanted = sorted({one for a, b, _ in named for one in (a, b)})
    texts = {memory.id: memory for page in _pages(wanted) for memory in await resources.store.get(scope.own(), page)}
    return [(texts[a], texts[b], cosine) for a, b, cosine in named if a in texts and b in texts]


async def _read_around(resources: Resources, scope: Scope, memory: Memory, limit: int) -> _Seen:
    """One memory, its copies, what is near to it, and the links it may be part of."""
    near = await near_to(resources, scope, memory)
    seen = _Seen(close=[(memory, other, cosine) for other, cosine in near if cosine is not None])
    for one in (memory, *(other for other, _ in near if other.content_hash == memory.content_hash)):
        _note(seen, one)
    await _read_links(resources, scope, seen)
    await _read_ends(resources, scope, seen)
    seen.contradictions = await find_contradictions(resources, scope, limit, [memory.id])
    return seen


async def _resolve(resources: Resources, scope: Scope, findings: Iterable[Finding], seen: _Seen) -> list[Act]:
    """Act on what is certain, and on nothing else."""
    return [
        Act(kind=one.kind, memory_ids=one.memory_ids, done=await _mend(resources, scope, one, seen))
        for one in findings
        if one.certain
    ]


async def _mend(resources: Resources, scope: Scope, finding: Finding, seen: _Seen) -> str:
    """Do what a certain finding of its kind asks for; what was done."""
    if finding.kind == "duplicate":
        return await _forget_duplicates(resources, scope, finding, seen)
    if finding.kind == "dangling_link":
        await resources.store.dissociate(finding.association_ids, scope.author)
        return f"Removed the link {', '.join(finding.association_ids)}."
    resources.indexer.catch_up()
    return "Queued: they are being embedded in the background."


async def _forget_duplicates(resources: Resources, scope: Scope, finding: Finding, seen: _Seen) -> str:
    workspaces = {one.id: one.place.workspace_id for one in seen.memories}
    kept, *others = finding.memory_ids
    for other in others:
        for link in seen.links:
            await _relink(resources, link, other, kept)
        await resources.store.forget(workspaces[other], other, f"duplicate of {kept}", scope.author)
    return f"Kept {kept}, forgot {', '.join(others)} (restorable) and gave {kept} their links."


async def _relink(resources: Resources, link: Association, old: str, new: str) -> None:
    """A copy of the link with `new` in the place of `old`."""
    ends = {"source_id": link.source_id, "target_id": link.target_id}
    moved = {name: new if end == old else end for name, end in ends.items()}
    if moved != ends and len(set(moved.values())) == 2:
        await resources.store.associate(link.model_copy(update=moved | {"id": "", "updated_at": resources.now()}))


def _result(
    request: AuditRequest, scope: Scope, seen: _Seen, findings: Sequence[Finding], resolved: list[Act]
) -> AuditResult:
    return AuditResult(
        workspace_id=scope.workspace_id,
        checked_memories=len(seen.memories),
        checked_associations=len(seen.links),
        findings=list(findings[: request.limit]),
        counts=dict(Counter(finding.kind for finding in findings)),
        resolved=resolved,
        truncated=seen.partial or len(findings) > request.limit,
        message=_message(request, seen, findings, resolved),
    )


def _message(request: AuditRequest, seen: _Seen, findings: Sequence[Finding], resolved: Sequence[Act]) -> str:
    what = request.memory_id or "The workspace"
    if not findings:
        return f"{what} holds together: nothing found."
    parts = [f"{len(findings)} finding(s), gravest first."]
    if resolved:
        parts.append(f"{len(resolved)} mended; see `resolved`.")
    elif any(finding.certain for finding in findings):
        parts.append("Some are certain: `auto_resolve` mends them.")
    if seen.partial:
        parts.append(f"Only the first {MOST_MEMORIES:,} memories and {MOST_LINKS:,} links were read.")
    return " ".join(parts)

"""What can be wrong with memories and links, each kind found by one pure function."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from mcp_memory.core.dedupe import near_duplicate
from mcp_memory.models.audit import Finding
from mcp_memory.models.memory import MemoryStatus
from mcp_memory.ontology import relationship, statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mcp_memory.models.association import Association
    from mcp_memory.models.audit import Contradiction
    from mcp_memory.models.memory import EmbeddingState, Memory

SHOWN_IDS: Final = 20
"""Most ids of memories without a vector in one finding."""

Standing = Literal["alive", "superseded", "forgotten"]
"""`superseded`: still there, but archived or tagged `superseded`, so that nobody takes it for current."""

_REPLACING: Final = frozenset(statement("", "", name)[2] for name in ("supersedes", "replaces", "deprecates"))
_RELYING: Final = frozenset(
    statement("", "", name)[2] for name in ("depends_on", "requires", "builds_on", "supports", "references", "confirms")
)


class Place(NamedTuple):
    """Within one, the same content is one memory."""

    workspace_id: str
    context_id: str
    user_id: str | None
    observer_id: str | None
    subject_id: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """What the checks need of one memory, without its text."""

    id: str
    content_hash: str
    place: Place
    standing: Standing
    embedding_state: EmbeddingState
    created_at: datetime


def held(memory: Memory) -> Held:
    """The memory as the checks see it."""
    place = Place(memory.workspace_id, memory.context_id, memory.user_id, memory.observer_id, memory.subject_id)
    return Held(memory.id, memory.content_hash, place, _standing(memory), memory.embedding_state, memory.created_at)


def _standing(memory: Memory) -> Standing:
    if memory.status is MemoryStatus.DELETED:
        return "forgotten"
    return "superseded" if memory.status is MemoryStatus.ARCHIVED or "superseded" in memory.tags else "alive"


def duplicates(memories: Iterable[Held]) -> Iterator[Finding]:
    """The same content alive more than once."""
    groups = defaultdict(list)
    for one in memories:
        if one.standing != "forgotten":
            groups[one.content_hash].append(one)
    for group in groups.values():
        yield from _duplicates(sorted(group, key=lambda one: (one.created_at, one.id)))


def _duplicates(group: Sequence[Held]) -> Iterator[Finding]:
    """Of one content, oldest first: those in one place are certain, others may be meant."""
    places = defaultdict(list)
    for one in group:
        places[one.place].append(one.id)
    for ids in places.values():
        if len(ids) > 1:
            yield Finding(
                kind="duplicate",
                memory_ids=ids,
                detail="The same content is remembered more than once in one context.",
                certain=True,
                advice="Keep the first and forget the others; `auto_resolve` does it.",
            )
    if len(places) > 1:
        yield Finding(
            kind="duplicate",
            memory_ids=[ids[0] for ids in places.values()],
            detail="The same content is remembered in several contexts, or for several users or subjects.",
            certain=False,
            advice="Forget the others if one is enough.",
        )


def near_duplicates(pairs: Iterable[tuple[Memory, Memory, float]]) -> Iterator[Finding]:
    """Pairs that say the same in other words."""
    for a, b, cosine in pairs:
        if a.content_hash != b.content_hash and near_duplicate(a.content, b.content, cosine):
            yield Finding(
                kind="near_duplicate",
                memory_ids=[a.id, b.id],
                detail=f"Alike in meaning ({cosine:.2f}), with no difference in number, name, date or negation.",
                certain=False,
                advice="Forget the one that says less.",
            )


def conflicts(contradictions: Iterable[Contradiction]) -> Iterator[Finding]:
    """Contradictions as findings."""
    for one in contradictions:
        yield Finding(
            kind=one.kind,
            memory_ids=[one.memory_a, one.memory_b],
            detail=one.detail,
            certain=False,
            advice=f"If {one.newer} is right, associate it with the other by `supersedes`, or forget the other.",
        )


def dangling(links: Iterable[Association], standings: Mapping[str, Standing]) -> Iterator[Finding]:
    """Links with an end that is forgotten, or gone for ever."""
    for link in links:
        gone = [end for end in (link.source_id, link.target_id) if end not in standings]
        forgotten = [end for end in (link.source_id, link.target_id) if standings.get(end) == "forgotten"]
        if gone:
            yield _dangling(link, f"{' and '.join(gone)} no longer exists.", "`auto_resolve` removes the link.", gone)
        elif forgotten:
            advice = f"`mcp-memory restore {forgotten[0]}` brings it back; the link shows nowhere until then."
            yield _dangling(link, f"{' and '.join(forgotten)} is forgotten.", advice, ())


def _dangling(link: Association, detail: str, advice: str, gone: Sequence[str]) -> Finding:
    return Finding(
        kind="dangling_link",
        memory_ids=[link.source_id, link.target_id],
        association_ids=[link.id],
        detail=f"`{link.relationship}` leads nowhere: {detail}",
        certain=bool(gone),
        advice=advice,
    )


def superseded(links: Sequence[Association], standings: Mapping[str, Standing]) -> Iterator[Finding]:
    """Memories that another one replaces, but that are still relied on, or still count as current."""
    relying = _relying(links, standings)
    for old, new, link in _replaced(links):
        if standings.get(new) != "alive" or standings.get(old, "forgotten") == "forgotten":
            continue
        others = [one for one in relying[old] if new not in (one.source_id, one.target_id)]
        if others or standings[old] == "alive":
            yield _superseded(old, new, link, others)


def _replaced(links: Iterable[Association]) -> Iterator[tuple[str, str, Association]]:
    """The old memory, the new one, and the link that says so."""
    for link in links:
        source, target, name = statement(link.source_id, link.target_id, link.relationship)
        if name in _REPLACING:
            # Of each pair the passive name stands for both: "old superseded_by new".
            yield source, target, link


def _relying(links: Iterable[Association], standings: Mapping[str, Standing]) -> dict[str, list[Association]]:
    """The links by which another memory that counts relies on each memory."""
    found = defaultdict(list)
    for link in links:
        if statement(link.source_id, link.target_id, link.relationship)[2] in _RELYING:
            for end, other in ((link.source_id, link.target_id), (link.target_id, link.source_id)):
                if standings.get(other) == "alive":
                    found[end].append(link)
    return found


def _superseded(old: str, new: str, link: Association, others: Sequence[Association]) -> Finding:
    if others:
        detail = f"{old} is replaced by {new}, but {len(others)} other link(s) still rely on it."
        advice = f"Link those memories with {new} instead."
    else:
        detail = f"{old} is replaced by {new}, but still counts as current."
        advice = f"Forget {old}, or tag it `superseded`."
    return Finding(
        kind="superseded_but_referenced",
        memory_ids=[old, new],
        association_ids=[link.id, *(other.id for other in others)],
        detail=detail,
        certain=False,
        advice=advice,
    )


def cycles(links: Iterable[Association], standings: Mapping[str, Standing]) -> Iterator[Finding]:
    """Rings of one transitive relationship, in which each memory would come before itself."""
    said: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for link in links:
        kind = relationship(link.relationship)
        alive = "forgotten" not in (standings.get(end, "forgotten") for end in (link.source_id, link.target_id))
        if kind.transitive and not kind.symmetric and alive:
            source, target, name = statement(link.source_id, link.target_id, link.relationship)
            said[name][source, target] = link.id
    for name, edges in said.items():
        for ring in strongly_connected(edges):
            within = [link for (source, target), link in edges.items() if source in ring and target in ring]
            yield Finding(
                kind="cycle",
                memory_ids=sorted(ring),
                association_ids=sorted(within),
                detail=f"`{name}` leads in a circle through {len(ring)} memories.",
                certain=False,
                advice="One of these links is wrong; forget or correct the memory behind it.",
            )


def strongly_connected(edges: Iterable[tuple[str, str]]) -> list[frozenset[str]]:
    """The sets of two or more nodes that all reach each other (Kosaraju's algorithm, without recursion)."""
    forward, backward = defaultdict(list), defaultdict(list)
    for source, target in edges:
        forward[source].append(target)
        backward[target].append(source)
    finished: dict[str, None] = {}
    seen: set[str] = set()
    for node in list(forward):
        finished.update(dict.fromkeys(_finished_after(node, forward, seen)))
    assigned: set[str] = set()
    groups = [frozenset(_finished_after(node, backward, assigned)) for node in reversed(finished)]
    return [group for group in groups if len(group) > 1]


def _finished_after(start: str, following: Mapping[str, Sequence[str]], seen: set[str]) -> list[str]:
    """The nodes first seen from `start`, in the order in which a depth-first walk is done with them."""
    if start in seen:
        return []
    seen.add(start)
    done, stack = [], [(start, iter(following.get(start, ())))]
    while stack:
        rest = stack[-1][1]
        step = next((one for one in rest if one not in seen), None)
        if step is None:
            done.append(stack.pop()[0])
        else:
            seen.add(step)
            stack.append((step, iter(following.get(step, ()))))
    return done


def without_vector(memories: Iterable[Held]) -> Iterator[Finding]:
    """Live memories that cannot be found by meaning."""
    states = defaultdict(list)
    for one in memories:
        if one.standing != "forgotten":
            states[one.embedding_state].append(one.id)
    if states["pending"]:
        yield _without_vector(states["pending"], "not embedded yet", "They are embedded in the background.", True)
    if states["failed"]:
        yield _without_vector(states["failed"], "could not be embedded", "Run `mcp-memory reindex`.", False)


def _without_vector(ids: Sequence[str], state: str, advice: str, certain: bool) -> Finding:
    return Finding(
        kind="missing_vector",
        memory_ids=list(ids[:SHOWN_IDS]),
        detail=f"{len(ids)} memories have no vector ({state}); only their words find them.",
        certain=certain,
        advice=advice,
    )

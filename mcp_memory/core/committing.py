"""Turning what a session holds into long-term memories, in one transaction.

Everything slow (extraction, vectors, the search for what is already known) happens before it. Where another window
has changed the session meanwhile, the store refuses, and it is all done again from what is there then.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Final

from mcp_memory.core.dedupe import NEAR, close_pairs, near_duplicate
from mcp_memory.core.drafting import Held, confirming, draft_of, people_of
from mcp_memory.core.extraction.base import Source
from mcp_memory.core.extraction.rules import united
from mcp_memory.core.linking import link_similar
from mcp_memory.errors import EmbedderUnavailable, InvalidRequest, StoreError
from mcp_memory.models.memory import MemoryType
from mcp_memory.models.search import Filter
from mcp_memory.models.session import SessionCommitted
from mcp_memory.storage.base import SessionChange
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp_memory.core.extraction.base import Statement
    from mcp_memory.core.resources import Resources
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.embedding.base import EncoderIdentity, Vectors
    from mcp_memory.models.memory import Memory
    from mcp_memory.models.search import Draft
    from mcp_memory.models.session import Session, SessionCommit
    from mcp_memory.storage.base import Added

logger = logging.getLogger(__name__)

ATTEMPTS: Final = 4
"""How often a commit is tried while other windows change the session under it."""

PATIENCE: Final = 5.0
"""Seconds a batch may wait for the encoder, loading included; without it only equal words count as known."""

BATCH: Final = 64
"""Statements embedded and looked up at a time."""

LOOKED_AT: Final = 6
"""Nearest memories looked at for one that says the same."""

MOST_READ: Final = 2_000
"""Earlier memories of the session that are read for what was committed before."""

USUAL_IMPORTANCE: Final = 0.5
"""The importance of a note that nobody rated: the rules estimate it."""

LASTING: Final = tuple(kind.value for kind in MemoryType if kind is not MemoryType.WORKING)


@dataclass(slots=True)
class _Choice:
    """What becomes of the statements."""

    drafts: list[Draft] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    """Of each draft."""
    left: list[Statement] = field(default_factory=list)
    """Unwanted, too unimportant, too long, or one too many: they stay in the session."""


async def commit(
    resources: Resources, policy: SessionPolicy, session: Session, request: SessionCommit, *, ending: bool = False
) -> SessionCommitted:
    """Write what is worth keeping; with `ending`, the session ends in the same transaction.

    Raises:
        InvalidRequest: it has ended meanwhile, or other windows change it faster than it can be read.
    """
    started = perf_counter()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            result = await _attempt(resources, policy, session, request, ending)
        except InvalidRequest:
            if attempt == ATTEMPTS or await _has_ended(resources, session):
                raise
        else:
            result.extraction_time_ms = round((perf_counter() - started) * 1000)
            return result
    raise AssertionError("the last attempt returns or raises")


async def _has_ended(resources: Resources, session: Session) -> bool:
    now = await resources.store.session(session.id)
    return now is None or now.ended_at is not None


async def _attempt(
    resources: Resources, policy: SessionPolicy, session: Session, request: SessionCommit, ending: bool
) -> SessionCommitted:
    held = await _held(resources, session)
    found = await policy.extractor.extract([*_sources(session, held)])
    choice = await _choose(resources, session, request, held, found)
    unfinished = {name for statement in choice.left for name in statement.sources}
    change = SessionChange(
        session_id=session.id,
        at=resources.now(),
        drafts=choice.drafts,
        entries=[entry for entry in held.entries if entry.key not in unfinished],
        notes=[note.id for note in held.notes if note.id not in unfinished],
        clear=request.clear_after_commit,
        end=ending,
    )
    added = await resources.store.commit_session(change, resources.indexer.identity)
    await _link(resources, added, choice.drafts)
    return _result(session, request, choice, added, ending)


async def _held(resources: Resources, session: Session) -> Held:
    entries = await resources.store.working(session.id, resources.now())
    return Held(
        entries=[entry for entry in entries if entry.committed_at is None],
        notes=await resources.store.notes(session.id),
    )


def _sources(session: Session, held: Held) -> Iterator[Source]:
    from mcp_memory.core.extraction.pieces import readable

    for entry in held.entries:
        owner = (session.user_id or "", "", "")
        yield Source(entry.key, entry.value, entry.updated_at.date(), readable(entry.key), people=owner)
    for note in held.notes:
        rating = None if note.importance == USUAL_IMPORTANCE else note.importance
        user, *others = people_of(note)
        people = (user or session.user_id or "", *others)
        yield Source(note.id, note.content, note.moment.date(), rating=rating, people=people)


async def _choose(
    resources: Resources, session: Session, request: SessionCommit, held: Held, found: Sequence[Statement]
) -> _Choice:
    """Drafts of the wanted statements, most important first; those known here need no place among the most."""
    choice = _Choice()
    before = await _committed_before(resources, session)
    wanted: list[Statement] = []
    for statement in sorted(found, key=lambda one: -one.importance):
        if (content_hash(statement.content), statement.people) in before:
            continue
        (wanted if _is_wanted(statement, request, resources.limits.max_content_chars) else choice.left).append(
            statement
        )
    created = 0
    for start in range(0, len(wanted), BATCH):
        batch, vectors = await _embedded(resources, wanted[start : start + BATCH], request.deduplicate)
        for statement, vector in zip(batch, vectors, strict=True):
            draft = draft_of(session, held, statement, resources.now())
            draft.vector = vector
            known = await _known(resources, draft) if request.deduplicate else None
            if known is None and created == request.max_memories:
                choice.left.append(statement)
                continue
            created += known is None
            choice.drafts.append(draft if known is None else confirming(draft, known))
            choice.categories.append(statement.category.value)
    return choice


def _is_wanted(statement: Statement, request: SessionCommit, most_chars: int) -> bool:
    return (
        statement.importance >= request.importance_threshold
        and (not request.categories or statement.category in request.categories)
        and len(statement.content) <= most_chars
    )


async def _committed_before(resources: Resources, session: Session) -> frozenset[tuple[str, tuple[str, ...]]]:
    """What this session has put into the memory already, by hash and people: its source was left unfinished then."""
    own = Filter(workspaces=(session.workspace_id,), session_id=session.id, types=LASTING, include_archived=True)
    page = await resources.store.browse(own, MOST_READ)
    return frozenset((one.content_hash, people_of(one)) for one in page.memories if "session_commit" in one.metadata)


async def _embedded(
    resources: Resources, batch: list[Statement], deduplicate: bool
) -> tuple[list[Statement], Sequence[object | None]]:
    """The batch without rewordings of one another, and the vector of each; None where there is no encoder."""
    try:
        vectors = await resources.indexer.embedder.embed([one.content for one in batch], patience=PATIENCE)
    except EmbedderUnavailable:
        resources.indexer.catch_up()
        return batch, [None] * len(batch)
    if not deduplicate:
        return batch, list(vectors)
    return await asyncio.to_thread(_distinct, batch, vectors)


def _distinct(batch: list[Statement], vectors: Vectors) -> tuple[list[Statement], list[object]]:
    """The batch with rewordings of one statement united in the most important of them."""
    earlier: dict[int, list[tuple[int, float]]] = {}
    for first, second, cosine in close_pairs(list(vectors), NEAR):
        earlier.setdefault(second, []).append((first, cosine))
    into: dict[int, int] = {}
    for row, near in sorted(earlier.items()):
        same = (
            first for first, cosine in sorted(near) if first not in into and _are_one(batch[first], batch[row], cosine)
        )
        keep = next(same, None)
        if keep is not None:
            into[row] = keep
    merged = list(batch)
    for drop, keep in into.items():
        merged[keep] = united(merged[keep], batch[drop])
    rows = [row for row in range(len(batch)) if row not in into]
    return [merged[row] for row in rows], [vectors[row] for row in rows]


def _are_one(first: Statement, second: Statement, cosine: float) -> bool:
    return first.people == second.people and near_duplicate(first.content, second.content, cosine)


async def _known(resources: Resources, draft: Draft) -> Memory | None:
    """A lasting memory of and about the same people that says the same in other words."""
    identity = resources.indexer.identity
    if draft.vector is None or identity is None:
        return None
    user, observer, subject = people_of(draft)
    where = Filter(
        workspaces=(draft.workspace_id,), types=LASTING, user_id=user, observer_id=observer, subject_id=subject
    )
    near = await resources.store.nearest(draft.vector, identity, where, LOOKED_AT)
    keys = [one.key for one in near if near_duplicate(draft.content, one.content, one.cosine)]
    alike = await resources.store.fetch(keys) if keys else {}
    return next((memory for memory in alike.values() if people_of(memory) == people_of(draft)), None)


async def _link(resources: Resources, added: Sequence[Added], drafts: Sequence[Draft]) -> None:
    """Link what is new to what it resembles, as `remember` does. What is committed stays so without its links."""
    identity: EncoderIdentity | None = resources.indexer.identity
    if identity is None:
        return
    new = [(one, draft.vector) for one, draft in zip(added, drafts, strict=True) if one.outcome == "created"]
    try:
        for one, vector in new:
            if vector is not None:
                await link_similar(resources.store, identity, one.key, one.memory, vector)
    except StoreError as error:
        logger.warning("committed memories were not linked: %s", error)


def _result(
    session: Session, request: SessionCommit, choice: _Choice, added: Sequence[Added], ending: bool
) -> SessionCommitted:
    created = [category for one, category in zip(added, choice.categories, strict=True) if one.outcome == "created"]
    return SessionCommitted(
        session_id=session.id,
        workspace_id=session.workspace_id,
        server_session_id=session.id,
        memories_extracted=len(added),
        memories_deduplicated=len(added) - len(created),
        memories_created=len(created),
        breakdown=dict(sorted(Counter(created).items())),
        memory_ids=[one.memory.id for one in added if one.outcome == "created"],
        left_out=len(choice.left),
        working_memory_cleared=request.clear_after_commit or ending,
        session_still_active=not ending,
        extraction_time_ms=0,
        message=_message(len(created), len(added) - len(created), len(choice.left), request, ending),
    )


def _message(created: int, known: int, left: int, request: SessionCommit, ending: bool) -> str:
    if not created and not known:
        done = "Nothing new to commit."
    else:
        noun = "memory" if created == 1 else "memories"
        done = f"Committed: {created} {noun} created, {known} already known and confirmed."
    if not left:
        return done
    gone = "gone with the session" if ending else "cleared" if request.clear_after_commit else "still in the session"
    return (
        f"{done} {left} left out (importance below {request.importance_threshold:g}, a category not asked for, or "
        f"beyond the most of {request.max_memories}); {gone}."
    )

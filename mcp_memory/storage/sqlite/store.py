"""The SQLite store: every method one transaction, run in one function on one worker thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from mcp_memory.storage.sqlite import (
    checkpoints,
    copies,
    disputes,
    encoders,
    environments,
    graph,
    journal,
    keys,
    keywords,
    lifecycle,
    portable,
    reading,
    revising,
    scope,
    sessions,
    trail,
    vectors,
    whole,
    workspaces,
    writing,
)
from mcp_memory.storage.sqlite.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.administration import ApiKey, KeyCounts
    from mcp_memory.models.association import Association, Direction
    from mcp_memory.models.contradiction import RecordedContradiction
    from mcp_memory.models.environment import Checkpoint, Environment
    from mcp_memory.models.memory import Memory, Revision
    from mcp_memory.models.search import Candidate, Draft, Filter, KeywordHits, Near
    from mcp_memory.models.session import Session, WorkingEntry
    from mcp_memory.models.workspace import Context, Workspace
    from mcp_memory.storage.base import (
        Added,
        Copied,
        Counts,
        EncoderCoverage,
        EnvironmentChange,
        EnvironmentQuota,
        EnvironmentState,
        Erased,
        MemoryChange,
        Page,
        Portable,
        SessionChange,
        Settlement,
        StoredEvent,
        StoreState,
        Totals,
        Unembedded,
    )

Returned = TypeVar("Returned")

DEFAULT_CACHE_BYTES = 256 * 1024 * 1024


class SqliteStore:
    """Everything in one file, which any number of processes may share. See `storage.base.Store` for the methods.

    Args:
        path: the file; it and its folder are made by the first use, readable by their owner only.
        durability: `full` survives a power cut, `normal` the end of the process.
        busy_timeout: seconds a write waits for another process.
        vector_cache_bytes: memory for vectors held ready to search; 0: search on disk only.
    """

    def __init__(
        self,
        path: Path,
        *,
        durability: Literal["full", "normal"] = "full",
        busy_timeout: float = 10.0,
        vector_cache_bytes: int = DEFAULT_CACHE_BYTES,
    ) -> None:
        self.path = path
        self._database = Database(path, durability, busy_timeout)
        self._vectors = vectors.VectorCache(self._database, vector_cache_bytes)
        self._frequencies = keywords.Frequencies()

    async def open(self) -> None:
        """Create or migrate where needed."""
        await self._database.open()

    async def close(self) -> None:
        """Finish what is running and let go of the file."""
        await self._database.close()

    async def _read(self, work: Callable[..., Returned], *args: Any, **named: Any) -> Returned:
        return await self._database.read(lambda connection: work(connection, *args, **named))

    async def _write(self, work: Callable[..., Returned], *args: Any) -> Returned:
        return await self._database.write(lambda connection: work(connection, *args))

    # Scope

    async def ensure_workspace(self, workspace_id: str, name: str = "") -> Workspace:
        """The workspace, created where it is missing."""
        found = await self._read(scope.workspace, workspace_id)
        return found if found is not None else await self._write(scope.created_workspace, workspace_id, name)

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace, or None."""
        return await self._read(scope.workspace, workspace_id)

    async def workspaces(self) -> list[Workspace]:
        """All of them, by id."""
        return await self._read(scope.workspaces)

    async def contexts(self, workspace_id: str) -> list[Context]:
        """The workspace's contexts, by name."""
        return await self._read(scope.contexts, workspace_id)

    # Writing

    async def add(self, drafts: Sequence[Draft], encoder: EncoderIdentity | None) -> list[Added]:
        """Write drafts in one transaction."""
        return await self._write(writing.add, drafts, encoder) if drafts else []

    async def forget(self, workspace_id: str, memory_id: str, reason: str, author: str) -> Memory:
        """Turn a memory into a tombstone."""
        return await self._write(lifecycle.forget, workspace_id, memory_id, reason, author)

    async def restore(self, workspace_id: str, memory_id: str, author: str) -> Memory:
        """Bring a tombstone back."""
        return await self._write(lifecycle.restore, workspace_id, memory_id, author)

    async def erase(self, workspace_id: str, memory_id: str, author: str) -> Memory:
        """Remove a memory for ever, down to the bytes on disk."""
        memory = await self._write(lifecycle.erase, workspace_id, memory_id, author)
        await self._database.forget_the_past()
        return memory

    async def record_access(self, keys: Sequence[int], at: datetime) -> None:
        """Count one access of each."""
        if keys:
            await self._write(writing.record_access, keys, at)

    # Reading

    async def get(self, where: Filter, ids: Sequence[str], include_deleted: bool = False) -> list[Memory]:
        """The memories with these ids that pass the filter; `include_deleted`: whatever their status."""
        return await self._read(reading.get, where, ids, include_deleted=include_deleted)

    async def fetch(self, keys: Sequence[int]) -> dict[int, Memory]:
        """The memories with these keys, in the order asked."""
        return await self._read(reading.fetch, keys)

    async def keys_of(self, ids: Sequence[str]) -> dict[str, int]:
        """Id to key, for those that exist."""
        return await self._read(reading.keys_of, ids)

    async def browse(self, where: Filter, limit: int, offset: int = 0) -> Page:
        """Newest first."""
        return await self._read(reading.browse, where, limit, offset)

    async def important(self, where: Filter, limit: int) -> list[Memory]:
        """Pinned first, then by importance, newest first among equals."""
        return await self._read(reading.important, where, limit)

    async def neighbours(self, keys: Sequence[int], span: int) -> dict[int, list[tuple[int, Memory]]]:
        """The live memories right before and after each."""
        return await self._read(reading.neighbours, keys, span)

    async def revisions(self, workspace_id: str, memory_id: str) -> list[Revision]:
        """The memory's history, first change first."""
        return await self._read(reading.revisions, workspace_id, memory_id)

    # Searching

    async def keyword_candidates(self, terms: Sequence[str], where: Filter, limit: int) -> KeywordHits:
        """The best memories by BM25, any of the terms."""
        return await self._read(keywords.search, self._frequencies, terms, where, limit)

    async def candidates(
        self, vector: object | None, encoder: EncoderIdentity | None, hits: KeywordHits, where: Filter, limit: int
    ) -> list[Candidate]:
        """The keyword hits together with the memories nearest to `vector`."""
        return await self._read(vectors.candidates, self._vectors, vector, encoder, hits, where, limit)

    async def nearest(self, vector: object, encoder: EncoderIdentity, where: Filter, limit: int) -> list[Near]:
        """The memories nearest to `vector`, nearest first."""
        return await self._read(vectors.nearest, self._vectors, vector, encoder, where, limit)

    # Associations

    async def associate(self, edge: Association) -> tuple[Association, bool]:
        """Write a link; whether it is new."""
        return await self._write(graph.associate, edge)

    async def dissociate(self, association_ids: Sequence[str], author: str) -> int:
        """Remove links; how many there were."""
        return await self._write(graph.dissociate, association_ids, author)

    async def associations(
        self, where: Filter, memory_ids: Sequence[str], direction: Direction = "both", limit: int = 10_000
    ) -> list[Association]:
        """Links of these memories, strongest first."""
        return await self._read(graph.associations, where, memory_ids, direction, limit)

    async def all_associations(self, workspace_id: str, after: str = "", limit: int = 1000) -> list[Association]:
        """The workspace's links by id."""
        return await self._read(graph.all_associations, workspace_id, after, limit)

    # Vectors

    async def unembedded(self, encoder: EncoderIdentity, limit: int, pending_only: bool = True) -> list[Unembedded]:
        """Live memories without a vector, oldest first."""
        return await self._read(encoders.unembedded, encoder, limit, pending_only=pending_only)

    async def set_vectors(self, encoder: EncoderIdentity, rows: Sequence[tuple[Unembedded, object | None]]) -> int:
        """Store vectors of rows whose content is still the same; how many."""
        return await self._write(encoders.set_vectors, encoder, rows) if rows else 0

    async def vectors(self, encoder: EncoderIdentity, memory_ids: Sequence[str]) -> dict[str, object]:
        """Memory id to unit vector, for those that have one of this encoder."""
        return await self._read(encoders.vectors_of, encoder, memory_ids)

    async def encoders(self) -> list[EncoderCoverage]:
        """Every encoder with vectors here, most vectors first."""
        return await self._read(encoders.coverage)

    async def activate_encoder(self, encoder: EncoderIdentity) -> None:
        """Say that the store as a whole is now embedded with this one."""
        await self._write(encoders.activate, encoder)

    async def drop_encoder(self, encoder: EncoderIdentity) -> int:
        """Remove an encoder's vectors; how many there were."""
        return await self._write(encoders.drop, encoder)

    # Sessions

    async def start_session(self, session: Session) -> Session:
        """Keep a new session."""
        return await self._write(sessions.start, session)

    async def session(self, session_id: str) -> Session | None:
        """The session, whatever its state, or None."""
        return await self._read(sessions.find, session_id)

    async def sessions(self, workspace_id: str, now: datetime, include_ended: bool = False) -> list[Session]:
        """The workspace's sessions, latest use first."""
        return await self._read(sessions.of_workspace, workspace_id, now, include_ended=include_ended)

    async def touch_session(self, session_id: str, at: datetime, expires_at: datetime) -> Session:
        """Note that it was used; it never expires earlier than before."""
        return await self._write(sessions.touch, session_id, at, expires_at)

    async def set_working(self, entry: WorkingEntry, most_entries: int) -> WorkingEntry:
        """Hold a value under a key of the session."""
        return await self._write(sessions.set_working, entry, most_entries)

    async def working(self, session_id: str, now: datetime) -> list[WorkingEntry]:
        """What the session holds, by key."""
        return await self._read(sessions.working, session_id, now)

    async def notes(self, session_id: str) -> list[Memory]:
        """The session's live memories of type `working`, oldest first."""
        return await self._read(sessions.notes, session_id)

    async def commit_session(self, commit: SessionChange, encoder: EncoderIdentity | None) -> list[Added]:
        """Write the drafts, mark what they came from as committed, and clear or end, in one transaction."""
        return await self._write(sessions.commit, commit, encoder)

    async def expired_sessions(self, now: datetime, limit: int) -> list[Session]:
        """Sessions that have expired and not yet ended, longest expired first."""
        return await self._read(sessions.expired, now, limit)

    async def take_lease(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Whether `holder` has the lease until then."""
        return await self._write(sessions.take_lease, name, holder, now, until)

    # Environments

    async def environment(self, session_id: str) -> EnvironmentState | None:
        """The session's environment, or None."""
        return await self._read(environments.load, session_id)

    async def environment_values(self, session_id: str) -> dict[str, str]:
        """The JSON texts of its variables, of those that have one."""
        return await self._read(environments.values, session_id)

    async def save_environment(self, change: EnvironmentChange, quota: EnvironmentQuota) -> Environment:
        """Write what a call changed, as the next revision."""
        return await self._database.write_unsynced(lambda connection: environments.save(connection, change, quota))

    async def drop_environment(self, session_id: str, author: str) -> bool:
        """Remove the environment and its checkpoints; whether there was one."""
        return await self._write(environments.drop, session_id, author)

    async def keep_checkpoint(
        self, session_id: str, name: str, at: datetime, most: int, quota: EnvironmentQuota
    ) -> Checkpoint:
        """Keep the present revision under a name; it survives a power cut."""
        return await self._write(checkpoints.keep, session_id, name, at, most, quota)

    async def checkpoints(self, session_id: str) -> list[Checkpoint]:
        """Its checkpoints, oldest first."""
        return await self._read(checkpoints.of_session, session_id)

    async def return_to_checkpoint(self, session_id: str, name: str, at: datetime) -> Environment:
        """Make the state, and the variables, those of the checkpoint."""
        return await self._write(checkpoints.return_to, session_id, name, at)

    # Contexts

    async def create_context(self, context: Context) -> Context:
        """Keep a new context."""
        return await self._write(scope.create_context, context)

    # The whole

    async def counts(self, workspace_id: str, now: datetime) -> Counts:
        """Counts of one workspace."""
        return await self._read(whole.counts, workspace_id, now)

    async def totals(self, workspace_id: str) -> Totals:
        """How much one workspace holds."""
        return await self._read(whole.totals, workspace_id)

    async def state(self) -> StoreState:
        """The store as a whole."""
        return await self._read(whole.state, self.path)

    async def integrity(self) -> list[str]:
        """What is damaged, a sentence each."""
        return await self._database.inspect(whole.integrity)

    async def rebuild_indexes(self) -> None:
        """Make the derived indexes anew from the rows."""
        await self._write(whole.rebuild_indexes)

    async def record_event(
        self, workspace_id: str, action: str, resource: str, author: str, detail: Mapping[str, Any]
    ) -> None:
        """Add to the audit trail."""
        await self._write(journal.record_event, workspace_id, action, resource, author, detail)

    async def scan(self, workspace_id: str | None, after: int = 0, limit: int = 500) -> list[tuple[int, Portable]]:
        """Memories with their revisions by key, tombstones too."""
        return await self._read(portable.scan, workspace_id, after, limit)

    async def transplant(
        self, items: Sequence[Portable], encoder: EncoderIdentity | None
    ) -> list[Literal["imported", "present"]]:
        """Write memories from elsewhere, in one transaction."""
        return await self._write(portable.transplant, items, encoder) if items else []

    async def transplant_associations(
        self, edges: Sequence[Association]
    ) -> list[Literal["imported", "present", "dangling"]]:
        """Write links from elsewhere."""
        return await self._write(graph.transplant, edges) if edges else []

    # One memory changed

    async def revise(
        self, workspace_id: str, memory_id: str, change: MemoryChange, encoder: EncoderIdentity | None
    ) -> Memory:
        """Change a live memory, with a revision."""
        return await self._write(revising.revise, workspace_id, memory_id, change, encoder)

    async def decay(self, workspace_id: str, memory_id: str, rate: float, at: datetime, author: str) -> Memory:
        """Multiply importance and decay factor by 1 - rate, with a revision."""
        return await self._write(revising.decay, workspace_id, memory_id, rate, at, author)

    async def vector(self, memory_id: str, encoder: EncoderIdentity) -> list[float] | None:
        """The memory's vector by this encoder, or None."""
        return await self._read(revising.vector, memory_id, encoder)

    async def association(self, association_id: str) -> Association | None:
        """The link, whatever its ends are, or None."""
        return await self._read(graph.association, association_id)

    async def links_of(self, memory_ids: Sequence[str], limit: int = 10_000) -> list[Association]:
        """Links of these memories, oldest first, whatever their ends are."""
        return await self._read(graph.links_of, memory_ids, limit) if memory_ids else []

    # Workspaces changed

    async def create_workspace(self, workspace: Workspace, author: str) -> Workspace:
        """Keep a new workspace."""
        return await self._write(workspaces.create, workspace, author)

    async def update_workspace(
        self, workspace_id: str, name: str | None, settings: Mapping[str, Any] | None, at: datetime, author: str
    ) -> Workspace:
        """Rename a workspace or replace its settings."""
        return await self._write(workspaces.update, workspace_id, name, settings, at, author)

    async def delete_workspace(self, workspace_id: str, at: datetime, author: str) -> Erased:
        """Remove a workspace with everything in it for ever, down to the bytes on disk."""
        erased = await self._write(workspaces.delete, workspace_id, at, author)
        await self._database.forget_the_past()
        return erased

    # Contradictions

    async def record_contradictions(
        self, found: Sequence[RecordedContradiction], most: int, workspace_id: str, author: str
    ) -> list[RecordedContradiction]:
        """Keep those that are new, at most so many."""
        return await self._write(disputes.record, found, most, workspace_id, author)

    async def contradictions(self, workspaces: Sequence[str], limit: int) -> list[RecordedContradiction]:
        """Those not settled, surest first."""
        return await self._read(disputes.unsettled, workspaces, limit)

    async def count_contradictions(self, workspaces: Sequence[str]) -> int:
        """How many are not settled."""
        return await self._read(disputes.count_unsettled, workspaces)

    async def contradiction(self, contradiction_id: str) -> RecordedContradiction | None:
        """The contradiction, settled or not, or None."""
        return await self._read(disputes.find, contradiction_id)

    async def settle_contradiction(
        self, settlement: Settlement, encoder: EncoderIdentity | None
    ) -> RecordedContradiction:
        """Do what the settlement says, in one transaction."""
        return await self._write(disputes.settle, settlement, encoder)

    # The audit trail read

    async def events(
        self, workspace_id: str | None, actions: Sequence[str], since: datetime | None, limit: int
    ) -> list[StoredEvent]:
        """Events of a workspace (None: all), newest first."""
        return await self._read(trail.events, workspace_id, actions, since, limit)

    async def count_events(self, workspace_id: str | None, since: datetime | None) -> dict[str, int]:
        """How many events there are of each action."""
        return await self._read(trail.count, workspace_id, since)

    # API keys

    async def create_key(self, key: ApiKey, digest: bytes, author: str) -> ApiKey:
        """Keep a new key."""
        return await self._write(keys.create, key, digest, author)

    async def keys(self) -> list[ApiKey]:
        """All of them, newest first."""
        return await self._read(keys.every)

    async def key_with(self, digest: bytes) -> ApiKey | None:
        """The key whose secret has this digest, or None."""
        return await self._read(keys.with_digest, digest)

    async def revoke_key(self, reference: str, at: datetime, author: str) -> ApiKey:
        """Revoke the key with this id or prefix."""
        return await self._write(keys.revoke, reference, at, author)

    async def record_key_use(self, key_ids: Sequence[str], at: datetime) -> None:
        """Note that these keys were used."""
        if key_ids:
            await self._write(keys.record_use, key_ids, at)

    async def count_keys(self, now: datetime) -> KeyCounts:
        """How many were made, and how many open something now."""
        return await self._read(keys.count, now)

    # Sessions opened under an id

    async def open_session(self, session: Session, entries: Sequence[WorkingEntry], replace: bool) -> Session:
        """Keep a new session with what it holds from the start."""
        return await self._write(partial(sessions.open_, replace=replace), session, entries)

    # Copies

    async def backup(self, path: Path, overwrite: bool) -> Copied:
        """Write a copy of the whole store as it is at one moment."""
        return await self._read(copies.backup, path, overwrite=overwrite)

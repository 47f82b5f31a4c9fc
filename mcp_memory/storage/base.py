"""The engine-neutral store.

A store knows rows, vectors, words and transactions; what they mean is `core`'s business. Every method is one
transaction: it happens wholly or not at all, and once it has returned it survives `kill -9`. Moments are aware
and in UTC. Methods raise `StoreError`s (see `errors`), and `UnknownMemory` where an id leads nowhere.

`key` is a store's own number for a memory: opaque, growing with insertion within a workspace, never reused.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mcp_memory.embedding.base import EncoderIdentity
    from mcp_memory.models.administration import ApiKey, KeyCounts
    from mcp_memory.models.association import Association, Direction
    from mcp_memory.models.contradiction import RecordedContradiction, Resolution
    from mcp_memory.models.environment import Checkpoint, Environment, StoredVariable
    from mcp_memory.models.memory import Memory, Revision
    from mcp_memory.models.search import Candidate, Draft, Filter, KeywordHits, Near
    from mcp_memory.models.session import Session, WorkingEntry
    from mcp_memory.models.workspace import Context, Workspace


@dataclass(frozen=True, slots=True)
class Added:
    """What became of a draft. `confirmed`: the same words were already there; tags were merged into them."""

    memory: Memory
    key: int
    outcome: Literal["created", "confirmed"]


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list, newest first, and how long the whole list is."""

    memories: list[Memory]
    total: int


@dataclass(frozen=True, slots=True)
class Unembedded:
    """A memory that has no vector of the encoder in use."""

    key: int
    memory_id: str
    content: str


@dataclass(frozen=True, slots=True)
class EncoderCoverage:
    """How far the store is embedded with one encoder."""

    identity: EncoderIdentity
    embedded: int
    active: bool
    """The one the store was last embedded with as a whole."""


@dataclass(frozen=True, slots=True)
class SessionChange:
    """A commit of a session: what is written, what is thereby committed, and how the session goes on."""

    session_id: str
    at: datetime
    drafts: Sequence[Draft]
    entries: Sequence[WorkingEntry] = ()
    """Whose present values the drafts hold, or which were looked at and are done with."""
    notes: Sequence[str] = ()
    """Ids of memories of type `working` that are done with: they become tombstones."""
    clear: bool = False
    """Drop all working memory."""
    end: bool = False
    """End the session: working memory and remaining notes leave with it."""


@dataclass(frozen=True, slots=True)
class EnvironmentState:
    """A stored environment with what is needed to go on with it."""

    environment: Environment
    state: bytes
    """The sandbox's dump; empty where it could not be kept."""
    seal: bytes
    """Says that the state is one we wrote, for this session; see `sandbox.seal`."""
    variables: tuple[StoredVariable, ...]
    """Without their values; see `Store.environment_values`."""


@dataclass(frozen=True, slots=True)
class EnvironmentChange:
    """What a call made of an environment."""

    environment: Environment
    """As it shall stand; its `revision` is the one that was read, 0 for a new one."""
    state: bytes | None
    """None: unchanged."""
    seal: bytes
    variables: tuple[StoredVariable, ...]
    """All that there are now; a value of None means: as stored."""


@dataclass(frozen=True, slots=True)
class EnvironmentQuota:
    """What a workspace's environments may take together."""

    environments: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Portable:
    """A memory with its history, on its way between stores."""

    memory: Memory
    revisions: tuple[Revision, ...] = ()
    vector: object | None = None
    """Float32 unit vector of shape (dimension,), or None."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one workspace; tombstones are counted in `by_status` only."""

    memories: int
    associations: int
    contexts: int
    oldest: datetime | None
    newest: datetime | None
    by_type: Mapping[str, int]
    by_subtype: Mapping[str, int]
    by_status: Mapping[str, int]
    by_tag: Mapping[str, int]
    by_author: Mapping[str, int]
    by_age: Mapping[str, int]
    by_relationship: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """How much one workspace holds, by kind: the part of `Counts` that is cheap."""

    memories: int
    associations: int
    by_type: Mapping[str, int]
    by_subtype: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MemoryChange:
    """What becomes of a memory; None leaves a field as it is."""

    at: datetime
    author: str = ""
    content: str | None = None
    content_hash: str | None = None
    """Of `content`; goes with it."""
    vector: object | None = None
    """Of `content`: float32 unit vector of shape (dimension,), or None: it is embedded later."""
    type: str | None = None
    subtype: str | None = None
    importance: float | None = None
    tags: tuple[str, ...] | None = None
    metadata: Mapping[str, object] | None = None
    pinned: bool | None = None


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a contradiction is settled."""

    contradiction_id: str
    resolution: Resolution
    at: datetime
    author: str = ""
    merged: MemoryChange | None = None
    """For `merge`: what becomes of the older memory."""


@dataclass(frozen=True, slots=True)
class Erased:
    """How much was erased with a workspace."""

    memories: int
    associations: int
    sessions: int
    contexts: int
    contradictions: int
    keys_revoked: int


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One line of the audit trail; `number` grows with time and is never reused."""

    number: int
    workspace_id: str
    action: str
    resource: str
    author: str
    detail: Mapping[str, Any]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy of the store, or the store made from one."""

    path: Path
    size_bytes: int
    workspaces: int
    memories: int
    aside: Path | None = None
    """Where what was in its place before is now."""


@dataclass(frozen=True, slots=True)
class StoreState:
    """The store as a whole."""

    location: str
    size_bytes: int
    schema_version: int
    engine: str
    """Name and version of the engine and its vector index, for people."""
    workspaces: int
    memories: int


class Store(Protocol):
    """Everything `core` needs kept."""

    async def open(self) -> None:
        """Create or migrate where needed. Called by the first use; calling it twice is harmless."""

    async def close(self) -> None:
        """Finish what is running and let go of the file."""

    # Scope

    async def ensure_workspace(self, workspace_id: str, name: str = "") -> Workspace:
        """The workspace, created where it is missing, together with its `_default` context."""

    async def workspace(self, workspace_id: str) -> Workspace | None:
        """The workspace, or None."""

    async def workspaces(self) -> list[Workspace]:
        """All of them, by id."""

    async def contexts(self, workspace_id: str) -> list[Context]:
        """The workspace's contexts, by name."""

    # Writing

    async def add(self, drafts: Sequence[Draft], encoder: EncoderIdentity | None) -> list[Added]:
        """Write drafts in one transaction: row, keyword index, vector, first revision and event of each.

        A draft whose content hash is already alive in the same workspace, context, user, observer and subject
        confirms that memory: its tags are united, its importance is the larger, its confirmations grow by one.
        Workspaces and contexts that are missing are created. `encoder` made the drafts' vectors.
        """

    async def forget(self, workspace_id: str, memory_id: str, reason: str, author: str) -> Memory:
        """Turn a memory into a tombstone: no search finds it, `restore` brings it back.

        Raises:
            UnknownMemory: not in this workspace, or already a tombstone.
        """

    async def restore(self, workspace_id: str, memory_id: str, author: str) -> Memory:
        """Bring a tombstone back.

        Raises:
            UnknownMemory: not in this workspace, or no tombstone.
            InvalidRequest: the same content was remembered again since.
        """

    async def erase(self, workspace_id: str, memory_id: str, author: str) -> Memory:
        """Remove a memory's content, vectors, index rows, revisions and associations for ever; the event that
        it was erased stays. Works on tombstones too. Free pages are zeroed (`secure_delete`).

        Returns:
            The memory as it was.
        """

    async def record_access(self, keys: Sequence[int], at: datetime) -> None:
        """Count one access of each; touches neither `updated_at` nor anything that ranks."""

    # Reading

    async def get(self, where: Filter, ids: Sequence[str], include_deleted: bool = False) -> list[Memory]:
        """The memories with these ids that the filter's workspaces hold, in the order asked; others are left out."""

    async def fetch(self, keys: Sequence[int]) -> dict[int, Memory]:
        """The memories with these keys, in the order asked; keys that are gone are left out."""

    async def keys_of(self, ids: Sequence[str]) -> dict[str, int]:
        """Id to key, for those that exist."""

    async def browse(self, where: Filter, limit: int, offset: int = 0) -> Page:
        """Newest first."""

    async def important(self, where: Filter, limit: int) -> list[Memory]:
        """Pinned first, then by importance, newest first among equals."""

    async def neighbours(self, keys: Sequence[int], span: int) -> dict[int, list[tuple[int, Memory]]]:
        """Up to `span` live memories before (-2, -1) and after (1, 2) each, in the same session, else the same
        named context. A memory that belongs to neither has no neighbours."""

    async def revisions(self, workspace_id: str, memory_id: str) -> list[Revision]:
        """The memory's history, first change first."""

    # Searching

    async def keyword_candidates(self, terms: Sequence[str], where: Filter, limit: int) -> KeywordHits:
        """The best `limit` memories by BM25 over content (weight 1) and context (0.4), stemmed, any of the terms.

        A term is one word or a phrase (see `text.keyword_terms`); it is matched literally.
        """

    async def candidates(
        self, vector: object | None, encoder: EncoderIdentity | None, hits: KeywordHits, where: Filter, limit: int
    ) -> list[Candidate]:
        """The keyword hits together with the `limit` memories nearest to `vector`, every one with its cosine.

        Exact: the same answer as a full scan of the encoder's vectors, and what another process has committed
        is seen.
        """

    async def nearest(self, vector: object, encoder: EncoderIdentity, where: Filter, limit: int) -> list[Near]:
        """The memories nearest to `vector`, nearest first."""

    # Associations

    async def associate(self, edge: Association) -> tuple[Association, bool]:
        """Write a link; one with the same source, target and relationship gets its strength and metadata.

        Returns:
            The link as it stands, and whether it is new.

        Raises:
            UnknownMemory: an end is not alive in the link's workspace or `_global`.
        """

    async def dissociate(self, association_ids: Sequence[str], author: str) -> int:
        """Remove links; how many there were."""

    async def associations(
        self, where: Filter, memory_ids: Sequence[str], direction: Direction = "both", limit: int = 10_000
    ) -> list[Association]:
        """Links of these memories, strongest first, whose both ends are alive in the filter's workspaces."""

    async def all_associations(self, workspace_id: str, after: str = "", limit: int = 1000) -> list[Association]:
        """The workspace's links by id, those after `after`, with dangling and forgotten ends too."""

    # Vectors

    async def unembedded(self, encoder: EncoderIdentity, limit: int, pending_only: bool = True) -> list[Unembedded]:
        """Live memories without a vector of this encoder, oldest first; `pending_only`: without any vector."""

    async def set_vectors(self, encoder: EncoderIdentity, rows: Sequence[tuple[Unembedded, object | None]]) -> int:
        """Store vectors (None: it could not be embedded, state `failed`) of rows whose content is still the same.

        Returns:
            How many were stored.
        """

    async def vectors(self, encoder: EncoderIdentity, memory_ids: Sequence[str]) -> dict[str, object]:
        """Memory id to float32 unit vector of shape (dimension,), for those that have one of this encoder."""

    async def encoders(self) -> list[EncoderCoverage]:
        """Every encoder with vectors here, most vectors first."""

    async def activate_encoder(self, encoder: EncoderIdentity) -> None:
        """Say that the store as a whole is now embedded with this one."""

    async def drop_encoder(self, encoder: EncoderIdentity) -> int:
        """Remove an encoder's vectors; how many there were."""

    # Sessions

    async def start_session(self, session: Session) -> Session:
        """Keep a new session; its workspace and context are created where missing.

        Raises:
            InvalidRequest: a session with this id exists.
        """

    async def session(self, session_id: str) -> Session | None:
        """The session, whatever its state, or None."""

    async def sessions(self, workspace_id: str, now: datetime, include_ended: bool = False) -> list[Session]:
        """The workspace's sessions, latest use first; without `include_ended` only the active."""

    async def touch_session(self, session_id: str, at: datetime, expires_at: datetime) -> Session:
        """Note that it was used; it never expires earlier than before.

        Raises:
            InvalidRequest: there is none, or it has ended.
        """

    async def set_working(self, entry: WorkingEntry, most_entries: int) -> WorkingEntry:
        """Hold a value under a key of the session, replacing the one before; it counts as uncommitted.

        Raises:
            InvalidRequest: no such session, or it has ended, or it holds `most_entries` others already.
        """

    async def working(self, session_id: str, now: datetime) -> list[WorkingEntry]:
        """What the session holds, by key; what has expired is not there."""

    async def notes(self, session_id: str) -> list[Memory]:
        """The session's live memories of type `working`, oldest first."""

    async def commit_session(self, commit: SessionChange, encoder: EncoderIdentity | None) -> list[Added]:
        """Write the drafts, mark what they came from as committed, and clear or end, in one transaction.

        Raises:
            InvalidRequest: the session has ended meanwhile, or an entry or note has changed since it was read.
        """

    async def expired_sessions(self, now: datetime, limit: int) -> list[Session]:
        """Sessions that have expired and not yet ended, longest expired first."""

    async def take_lease(self, name: str, holder: str, now: datetime, until: datetime) -> bool:
        """Whether `holder` has the lease until then: nobody else held it at `now`, or it held it already."""

    # Environments

    async def environment(self, session_id: str) -> EnvironmentState | None:
        """The session's environment, or None."""

    async def environment_values(self, session_id: str) -> dict[str, str]:
        """The JSON texts of its variables, of those that have one."""

    async def save_environment(self, change: EnvironmentChange, quota: EnvironmentQuota) -> Environment:
        """Write what a call changed, as the next revision, in one transaction.

        Survives the end of the process; the very last revisions may be lost in a power cut.

        Raises:
            StaleEnvironment: its revision is no longer the one that was read.
            InvalidRequest: the session has ended, or the workspace's quota is used up.
        """

    async def drop_environment(self, session_id: str, author: str) -> bool:
        """Remove the environment and its checkpoints; whether there was one. The end of its session does it too."""

    async def keep_checkpoint(
        self, session_id: str, name: str, at: datetime, most: int, quota: EnvironmentQuota
    ) -> Checkpoint:
        """Keep the present revision under a name; one of that name is replaced.

        Raises:
            InvalidRequest: there is no environment, it has `most` other checkpoints already, or the workspace's
                quota is used up.
        """

    async def checkpoints(self, session_id: str) -> list[Checkpoint]:
        """Its checkpoints, oldest first."""

    async def return_to_checkpoint(self, session_id: str, name: str, at: datetime) -> Environment:
        """Make the state, and the variables, those of the checkpoint: as the next revision.

        Raises:
            InvalidRequest: there is no checkpoint of this name; names those there are.
        """

    async def create_context(self, context: Context) -> Context:
        """Keep a new context.

        Raises:
            InvalidRequest: the workspace has one of this name.
        """

    # The whole

    async def counts(self, workspace_id: str, now: datetime) -> Counts:
        """Counts of one workspace."""

    async def totals(self, workspace_id: str) -> Totals:
        """How much one workspace holds."""

    async def state(self) -> StoreState:
        """The store as a whole."""

    async def integrity(self) -> list[str]:
        """What is damaged, a sentence each; empty when nothing is."""

    async def rebuild_indexes(self) -> None:
        """Make the derived indexes anew from the rows."""

    async def record_event(
        self, workspace_id: str, action: str, resource: str, author: str, detail: Mapping[str, Any]
    ) -> None:
        """Add to the audit trail; `detail` never holds memory text."""

    async def scan(self, workspace_id: str | None, after: int = 0, limit: int = 500) -> list[tuple[int, Portable]]:
        """Memories with their revisions by key, those after `after`, tombstones too; None: all workspaces."""

    async def transplant(
        self, items: Sequence[Portable], encoder: EncoderIdentity | None
    ) -> list[Literal["imported", "present"]]:
        """Write memories from elsewhere with their ids, times, states and revisions, in one transaction.

        A memory whose id, or whose content (see `add`), is already there is left as it is: `present`.
        """

    async def transplant_associations(
        self, edges: Sequence[Association]
    ) -> list[Literal["imported", "present", "dangling"]]:
        """Write links from elsewhere; one that exists is left as it is."""

    # One memory changed

    async def revise(
        self, workspace_id: str, memory_id: str, change: MemoryChange, encoder: EncoderIdentity | None
    ) -> Memory:
        """Change a live memory, with a revision; new content is indexed anew. What changes nothing writes nothing.

        `encoder` made the vector of the change.

        Raises:
            UnknownMemory: not in this workspace, or a tombstone.
            Conflict: a live memory holds the new content already.
            InvalidRequest: it would become a note of a session that has ended.
        """

    async def decay(self, workspace_id: str, memory_id: str, rate: float, at: datetime, author: str) -> Memory:
        """Multiply importance and decay factor by 1 - rate, with a revision.

        Raises:
            UnknownMemory: not in this workspace, or a tombstone.
            Conflict: it is pinned.
        """

    async def vector(self, memory_id: str, encoder: EncoderIdentity) -> list[float] | None:
        """The memory's vector by this encoder, or None."""

    async def association(self, association_id: str) -> Association | None:
        """The link, whatever its ends are, or None."""

    async def links_of(self, memory_ids: Sequence[str], limit: int = 10_000) -> list[Association]:
        """Links of these memories, oldest first, whatever their ends are."""

    # Workspaces changed

    async def create_workspace(self, workspace: Workspace, author: str) -> Workspace:
        """Keep a new workspace.

        Raises:
            Conflict: there is one of this id.
        """

    async def update_workspace(
        self, workspace_id: str, name: str | None, settings: Mapping[str, Any] | None, at: datetime, author: str
    ) -> Workspace:
        """Rename a workspace or replace its settings; the event holds what they were.

        Raises:
            UnknownWorkspace: there is none.
        """

    async def delete_workspace(self, workspace_id: str, at: datetime, author: str) -> Erased:
        """Remove a workspace with everything in it for ever, in one transaction; events stay, and keys that were
        bound to it are revoked. Free pages are zeroed.

        Raises:
            UnknownWorkspace: there is none.
        """

    # Contradictions

    async def record_contradictions(
        self, found: Sequence[RecordedContradiction], most: int, workspace_id: str, author: str
    ) -> list[RecordedContradiction]:
        """Keep those, at most so many, whose two memories have none recorded yet, settled ones counted; which."""

    async def contradictions(self, workspaces: Sequence[str], limit: int) -> list[RecordedContradiction]:
        """Those not settled whose memories are both alive, surest first."""

    async def count_contradictions(self, workspaces: Sequence[str]) -> int:
        """How many are not settled."""

    async def contradiction(self, contradiction_id: str) -> RecordedContradiction | None:
        """The contradiction, settled or not, or None."""

    async def settle_contradiction(
        self, settlement: Settlement, encoder: EncoderIdentity | None
    ) -> RecordedContradiction:
        """Do what the settlement says: link, tombstone, new content and all, in one transaction.

        Raises:
            UnknownRecord: there is none.
            Conflict: it is settled already, a live memory holds the merged content, or what is to be kept is not
                alive.
        """

    # The audit trail read

    async def events(
        self, workspace_id: str | None, actions: Sequence[str], since: datetime | None, limit: int
    ) -> list[StoredEvent]:
        """Events of a workspace (None: all), newest first; of actions with these beginnings, empty: of all."""

    async def count_events(self, workspace_id: str | None, since: datetime | None) -> dict[str, int]:
        """How many events there are of each action."""

    # API keys

    async def create_key(self, key: ApiKey, digest: bytes, author: str) -> ApiKey:
        """Keep a new key; `digest` is what its secret is known by."""

    async def keys(self) -> list[ApiKey]:
        """All of them, newest first."""

    async def key_with(self, digest: bytes) -> ApiKey | None:
        """The key whose secret has this digest, whatever its state, or None."""

    async def revoke_key(self, reference: str, at: datetime, author: str) -> ApiKey:
        """Revoke the key with this id or prefix; one that is revoked stays as it is.

        Raises:
            UnknownRecord: there is none.
        """

    async def record_key_use(self, key_ids: Sequence[str], at: datetime) -> None:
        """Note that these keys were used."""

    async def count_keys(self, now: datetime) -> KeyCounts:
        """How many were made, and how many open something now."""

    # Sessions opened under an id

    async def open_session(self, session: Session, entries: Sequence[WorkingEntry], replace: bool) -> Session:
        """Keep a new session with what it holds from the start, in the place of an ended one where `replace`.

        Raises:
            Conflict: there is a session of this id, of another workspace or not ended, or `replace` was not said.
        """

    # Copies

    async def backup(self, path: Path, overwrite: bool) -> Copied:
        """Write a copy of the whole store as it is at one moment; other processes go on meanwhile.

        Raises:
            Conflict: there is a file already.
        """

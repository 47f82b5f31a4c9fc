"""What travels between `core` and a store while it searches: plain, slotted, cheap to make by the hundred."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003 - dataclass fields
from dataclasses import dataclass, field
from datetime import datetime  # noqa: TC003


@dataclass(frozen=True, slots=True)
class Filter:
    """Which memories may be found at all. Tombstones never may."""

    workspaces: tuple[str, ...]
    """The workspace asked first; usually `_global` after it."""
    types: tuple[str, ...] = ()
    subtypes: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    """All of them."""
    context_id: str = ""
    session_id: str = ""
    user_id: str = ""
    observer_id: str = ""
    subject_id: str = ""
    author: str = ""
    created_after: datetime | None = None
    """Inclusive."""
    created_before: datetime | None = None
    """Exclusive."""
    include_archived: bool = False
    exclude_ids: tuple[str, ...] = ()
    viewer_session: str = ""
    """Who looks. Memories of type `working` are seen by their own session alone; those without one by all."""

    @property
    def is_plain(self) -> bool:
        """Whether nothing but workspace, status and viewer narrows the search."""
        return self == Filter(workspaces=self.workspaces, viewer_session=self.viewer_session)


@dataclass(frozen=True, slots=True)
class KeywordHits:
    """What the words alone found."""

    scores: Mapping[int, float]
    """Candidate key to BM25 score; higher is better."""
    exact: frozenset[int]
    """Keys that hold a rare term of the query."""
    frequencies: Mapping[str, float]
    """Term to the share of the searched memories that hold it, 0..1."""
    total: int
    """How many memories the filter's workspaces hold."""


NO_KEYWORDS = KeywordHits({}, frozenset(), {}, 0)


@dataclass(slots=True)
class Candidate:
    """What a store knows of one memory that may be the answer."""

    key: int
    """Opaque; grows with insertion within a workspace."""
    keyword: float
    """BM25, higher is better; 0 without a keyword hit."""
    cosine: float | None
    """To the dense query; None without a vector on either side."""
    exact: bool
    """Holds a rare term of the query."""
    author: str
    group: str
    """The session, else the named context, it belongs to; empty for none."""
    moment: datetime
    """When it happened, else when it was written."""
    importance: float
    words: int
    """Length of the content in words."""
    short_question: bool
    context: str = ""
    """The context it belongs to; empty where nobody asked."""


@dataclass(frozen=True, slots=True)
class Near:
    """A memory near to a vector."""

    key: int
    memory_id: str
    content: str
    cosine: float


@dataclass(slots=True)
class Draft:
    """A memory about to be written, with everything already computed outside the transaction."""

    workspace_id: str
    content: str
    content_hash: str
    type: str
    created_at: datetime
    id: str = ""
    """Empty: the store makes one."""
    context_id: str = "_default"
    session_id: str | None = None
    user_id: str | None = None
    observer_id: str | None = None
    subject_id: str | None = None
    author: str | None = None
    subtype: str | None = None
    importance: float = 0.5
    tags: tuple[str, ...] = ()
    metadata: dict[str, object] = field(default_factory=dict)
    source_memory_id: str | None = None
    occurred_at: datetime | None = None
    vector: object | None = None
    """Float32 unit vector of shape (dimension,), or None: `embedding_state` is then `pending`."""

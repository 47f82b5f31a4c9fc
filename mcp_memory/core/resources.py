"""What every verb works with, and where it works."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mcp_memory.models.search import Filter
from mcp_memory.names import GLOBAL_WORKSPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp_memory.core.indexing import Indexer
    from mcp_memory.llm.base import LanguageModel
    from mcp_memory.storage.base import Store


def utc_now() -> datetime:
    """The present moment, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a deployment allows; see `settings`."""

    max_content_chars: int = 100_000
    recall_patience: float = 2.0
    llm_calls: int = 40
    """Most calls of the language model for one verb."""
    llm_tokens: int = 300_000
    """Most tokens, read and written, for one verb."""


@dataclass(frozen=True, slots=True)
class Resources:
    """The store, the embedder behind its indexer, the limits, the clock, and a language model if there is one."""

    store: Store
    indexer: Indexer
    limits: Limits = field(default_factory=Limits)
    now: Callable[[], datetime] = utc_now
    model: LanguageModel | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a call happens: its workspace, who calls, in which session and in which context."""

    workspace_id: str
    author: str = ""
    session_id: str = ""
    context_id: str = ""
    """The caller's own context: recall lifts it. Empty: none, or the workspace's `_default`."""
    confined: bool = False
    """The caller may change nothing outside the workspace: `_global` is there to read."""

    @property
    def workspaces(self) -> tuple[str, ...]:
        """The workspace, then `_global`."""
        return tuple(dict.fromkeys((self.workspace_id, GLOBAL_WORKSPACE)))

    @property
    def changeable(self) -> tuple[str, ...]:
        """The workspaces in which the caller may change what is there."""
        return (self.workspace_id,) if self.confined else self.workspaces

    def where(self, **narrow: Any) -> Filter:
        """A filter over everything that may be read from here."""
        return Filter(workspaces=self.workspaces, viewer_session=self.session_id, **narrow)

    def own(self, **narrow: Any) -> Filter:
        """A filter over the workspace alone."""
        return Filter(workspaces=(self.workspace_id,), viewer_session=self.session_id, **narrow)

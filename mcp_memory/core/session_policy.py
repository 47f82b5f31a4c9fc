"""How a deployment treats sessions; see `settings`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp_memory.core.extraction.rules import RuleExtractor

if TYPE_CHECKING:
    from mcp_memory.core.extraction.base import Extractor


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """What holds for every session of this process."""

    begins_by_itself: bool = True
    """A connection without a session begins one at its first call."""
    ttl_seconds: int = 3600
    auto_commit: bool = True
    """Commit a session that has expired before it is swept."""
    most_entries: int = 500
    most_chars: int = 100_000
    """Longest value of one key, as JSON."""
    extractor: Extractor = field(default_factory=RuleExtractor)
    """Who finds what is worth keeping at a commit."""

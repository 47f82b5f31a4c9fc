"""Requests that are turned away at the door, before the app or while it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from mcp_memory.rest.failures import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

Reason = Literal[
    "foreign_target",
    "foreign_host",
    "foreign_origin",
    "no_key",
    "several_keys",
    "unknown_key",
    "expired_key",
    "revoked_key",
    "too_many_failures",
    "too_many_requests",
    "too_large",
    "not_allowed",
]
"""Why, in one word, for the audit trail. `not_allowed`: a known key that lacks the right or the workspace."""


class Refused(Refusal):
    """A refusal with its reason, and what stands beside `detail` in the JSON."""

    def __init__(
        self, status: int, reason: Reason, detail: str, headers: Mapping[str, str] | None = None, **beside: Any
    ) -> None:
        super().__init__(status, detail, headers)
        self.reason = reason
        self.key_prefix = ""
        """Of the key that was shown, where it is one that was known once."""
        self.beside = beside


REASONS: Final[dict[int, Reason]] = {
    401: "unknown_key",
    403: "not_allowed",
    413: "too_large",
    421: "foreign_host",
    429: "too_many_requests",
}
"""The statuses that are refusals, and why where nobody said it."""

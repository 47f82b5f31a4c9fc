"""Which memory has taken another's place, read from their links. Pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mcp_memory.models.association import Association

_NEW_TO_OLD: Final = frozenset(("supersedes", "replaces", "deprecates"))
_OLD_TO_NEW: Final = frozenset(("superseded_by", "replaced_by", "deprecated_by"))
_SETTLING: Final = _NEW_TO_OLD | _OLD_TO_NEW | {"refines", "refined_by", "variant_of"}


def successors(edges: Iterable[Association]) -> dict[str, str]:
    """Id of each memory that was replaced, to the id of the one that replaces it."""
    found: dict[str, str] = {}
    for edge in edges:
        if edge.relationship in _NEW_TO_OLD:
            found[edge.target_id] = edge.source_id
        elif edge.relationship in _OLD_TO_NEW:
            found[edge.source_id] = edge.target_id
    return found


def settled_pairs(edges: Iterable[Association]) -> set[frozenset[str]]:
    """Pairs of memories of which a link says that one replaces the other, or that both hold."""
    return {frozenset((edge.source_id, edge.target_id)) for edge in edges if edge.relationship in _SETTLING}

"""When two memories are the same, and when they only look alike. Pure functions.

A small encoder puts "Invoice 1041 was paid" and "Invoice 1042 was paid" at a cosine of 0.96, "before the deploy" and
"after the deploy" at 0.97, but some plain rewordings at 0.91. So closeness alone decides nothing: texts that differ in
a number, a date, a name, a negation or an opposite are different facts however close they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.wording import is_denied, names, oppose, quantities, stem, stems
from mcp_memory.text import content_hash, sentences, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mcp_memory.embedding.base import Vectors

__all__ = ["NEAR", "SWAPPED", "are_different_facts", "close_pairs", "content_hash", "near_duplicate"]

NEAR: Final = 0.9
"""Cosine from which on texts may be near-duplicates; rewordings measured 0.91 to 0.96 with all-MiniLM-L6-v2."""

SWAPPED: Final = 0.95
"""The same for texts that differ in exactly one word each; swapped words measured up to 0.93, synonyms 0.95."""

BLOCK: Final = 512
"""Rows compared at once; bounds the memory of `close_pairs` to rows x BLOCK x 4 bytes."""


def near_duplicate(a: str, b: str, cosine: float) -> bool:
    """Whether two texts close in meaning say the same in other words."""
    return cosine >= (SWAPPED if _swap_one_word(a, b) else NEAR) and not are_different_facts(a, b)


def are_different_facts(a: str, b: str) -> bool:
    """Whether two texts differ in a number, a date, a name, a negation or an opposite."""
    return (
        quantities(a) != quantities(b)
        or is_denied(a) != is_denied(b)
        or oppose(frozenset(words(a)), frozenset(words(b)))
        or _differ_in_names(a, b)
    )


def _swap_one_word(a: str, b: str) -> bool:
    first, second = stems(a), stems(b)
    return len(first - second) == len(second - first) == 1


def _differ_in_names(a: str, b: str) -> bool:
    """Whether a name inside a sentence of one is missing in the other, or both begin with a name of their own.

    A capital at the beginning of a sentence may be only that: it counts where the other text has one as well.
    """
    missing_in_b, missing_in_a = _missing(names(a), b), _missing(names(b), a)
    openings_a, openings_b = _openings(a), _openings(b)
    if missing_in_b - openings_a or missing_in_a - openings_b:
        return True
    return bool(missing_in_b and missing_in_a)


def _missing(candidates: Iterable[str], text: str) -> frozenset[str]:
    present = frozenset(map(stem, words(text)))
    return frozenset(name for name in candidates if not present.issuperset(map(stem, words(name))))


def _openings(text: str) -> frozenset[str]:
    """The first words of the text's sentences."""
    return frozenset(first for sentence in sentences(text) for first in words(sentence)[:1])


def close_pairs(vectors: Sequence[Vectors], floor: float) -> list[tuple[int, int, float]]:
    """All pairs of rows with a cosine of at least `floor`, closest first.

    Exact, and quadratic in the rows: meant for some thousands. `vectors` are unit vectors of one dimension.
    """
    import numpy as np

    if len(vectors) < 2:
        return []
    matrix = np.stack(vectors)
    found: list[tuple[int, int, float]] = []
    for start in range(0, len(matrix), BLOCK):
        cosines = matrix[start : start + BLOCK] @ matrix[start:].T
        rows, columns = np.nonzero(np.triu(cosines, k=1) >= floor)
        found += [
            (start + int(row), start + int(column), float(cosines[row, column]))
            for row, column in zip(rows, columns, strict=True)
        ]
    return sorted(found, key=lambda pair: -pair[2])

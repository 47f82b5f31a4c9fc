"""The relationship names a link may have, as data.

63 names in 11 categories, and nine more that the reference documentation lists. Inverses are mutual and stay inside
their category; a relationship is symmetric exactly where it is its own inverse. Five of the nine say what one of the
63 already says (`same_as`): `contains` is `has_part`, `subtype_of` is `instance_of`, `precedes` is `before`,
`follows_temporally` is `after`, `abstracts` is `generalizes`. Such a synonym is stored as it was given; its inverse is
the inverse of what it stands for, so that the inverse of the inverse means the same. `during` has no inverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from mcp_memory.errors import UnknownRelationship

NEAREST = 5
"""Names offered in place of an unknown one."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """One kind of link. `name` holds from source to target, `inverse` from target to source."""

    name: str
    category: str
    inverse: str | None
    """None: it has no name when read from its target (`during`)."""
    symmetric: bool
    transitive: bool
    """Whether a R b and b R c make a R c."""
    same_as: str = ""
    """The name of the relationship this one is a synonym of."""

    @property
    def meaning(self) -> str:
        """The name that this one and all its synonyms share."""
        return self.same_as or self.name


# Between commas a name and its inverse, or a symmetric name alone; ` t` marks both as transitive.
_PAIRS: Final = {
    "hierarchical": "parent_of child_of t, part_of has_part t, instance_of type_of t",
    "causal": "causes caused_by t, enables enabled_by, triggers triggered_by, leads_to led_to_by t, "
    "prevents prevented_by",
    "temporal": "before after t",
    "similarity": "similar_to, duplicate_of t, related_to, variant_of",
    "learning": "contradicts, supports supported_by, builds_on built_upon_by t, confirms, supersedes superseded_by t",
    "refinement": "refines refined_by, replaces replaced_by",
    "reference": "references referenced_by",
    "solution": "solves solved_by, addresses addressed_by, alternative_to, improves improved_by",
    "context": "occurs_in contains_occurrence, applies_to has_applicable, works_with, requires required_by t",
    "workflow": "follows followed_by t, depends_on depended_on_by t, blocks blocked_by",
    "quality": "effective_for has_effective, preferred_over less_preferred_than t, deprecated_by deprecates",
}
_DURING: Final = Relationship("during", "temporal", None, symmetric=False, transitive=False)


def _pair(category: str, text: str) -> list[Relationship]:
    names, transitive = text.removesuffix(" t").split(), text.endswith(" t")
    first, last = names[0], names[-1]
    symmetric = first == last
    return [
        Relationship(name, category, other, symmetric, transitive) for name, other in {first: last, last: first}.items()
    ]


def _table() -> dict[str, Relationship]:
    listed = [one for category, text in _PAIRS.items() for pair in text.split(", ") for one in _pair(category, pair)]
    return {one.name: one for one in (*listed, _DURING)}


STANDARD: Final = _table()
"""The 63 names of the reference ontology."""

ADDITIONAL: Final = {
    one.name: one
    for one in (
        Relationship("contains", "hierarchical", "part_of", symmetric=False, transitive=True, same_as="has_part"),
        Relationship("subtype_of", "hierarchical", "type_of", symmetric=False, transitive=True, same_as="instance_of"),
        Relationship("precedes", "temporal", "after", symmetric=False, transitive=True, same_as="before"),
        Relationship("follows_temporally", "temporal", "before", symmetric=False, transitive=True, same_as="after"),
        Relationship("concurrent_with", "temporal", "concurrent_with", symmetric=True, transitive=False),
        Relationship("analogous_to", "similarity", "analogous_to", symmetric=True, transitive=False),
        Relationship("specializes", "refinement", "generalizes", symmetric=False, transitive=True),
        Relationship("generalizes", "refinement", "specializes", symmetric=False, transitive=True),
        Relationship("abstracts", "refinement", "specializes", symmetric=False, transitive=True, same_as="generalizes"),
    )
}
"""The nine names that documentation lists beside them."""

RELATIONSHIPS: Final = STANDARD | ADDITIONAL
"""All 72, by name."""

CATEGORIES: Final = tuple(_PAIRS)


def relationship(name: str) -> Relationship:
    """The relationship with this name.

    Raises:
        UnknownRelationship: offers the nearest names, or an example of each category.
    """
    found = RELATIONSHIPS.get(name)
    if found is None:
        raise UnknownRelationship(_unknown(name))
    return found


def inverse_of(name: str) -> str | None:
    """What the relationship is called when read from its target; None for `during`."""
    return relationship(name).inverse


def meaning_of(name: str) -> str:
    """The name that stands for this one and its synonyms."""
    return relationship(name).meaning


def statement(source: str, target: str, name: str) -> tuple[str, str, str]:
    """One form for every way to say the same: inverses are turned round, synonyms replaced, symmetric ends sorted.

    Returns:
        Source, target and relationship. Two links say the same exactly where these are equal.
    """
    kind = relationship(meaning_of(name))
    if kind.symmetric:
        return min(source, target), max(source, target), kind.name
    if kind.inverse is not None and kind.inverse < kind.name:
        return target, source, kind.inverse
    return source, target, kind.name


def _unknown(name: str) -> str:
    written = "_".join(name.lower().replace("-", " ").split())
    near = get_close_matches(written, RELATIONSHIPS, n=NEAREST, cutoff=0.6)
    offered = f"The nearest are {', '.join(near)}. " if near else ""
    examples = ", ".join(f"{category} ({_example(category)})" for category in CATEGORIES)
    return (
        f"{name!r} is not a relationship; names are lower snake_case. {offered}"
        f"The categories, with an example each, are {examples}; `related_to` fits where nothing else does."
    )


def _example(category: str) -> str:
    return next(one.name for one in RELATIONSHIPS.values() if one.category == category)

"""One claim: a topic, and what is said about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from mcp_memory.core.wording import listed, stem
from mcp_memory.text import words

SELF: Final = frozenset({"i", "my", "mine", "me", "i'm", "myself"})
ARTICLES: Final = listed("the a an our your we you its their this that these those of s")
_FORBIDS: Final = re.compile(r"(?:do not|don['’]t|never|avoid|must not|no)\b", re.IGNORECASE)

ClaimKind = Literal["value", "polarity"]


@dataclass(frozen=True, slots=True)
class Claim:
    """Something said about a topic."""

    kind: ClaimKind
    topic: frozenset[str]
    """Stems; the same for all ways to speak of the same thing that are understood here."""
    value: frozenset[str]
    """What is said about it; for polarity `{"so"}` or `{"not so"}`."""
    shown: str
    """The value, or the sentence, for people."""
    certainty: float
    """How sure it is that another value excludes this one, 0..1."""
    personal: bool
    """Speaks of "I" or "my": about whoever said it."""

    @property
    def key(self) -> tuple[str, frozenset[str]]:
        """Claims can only conflict where these are equal."""
        return self.kind, self.topic


def conflict(first: Claim, second: Claim) -> bool:
    """Whether both cannot hold: one topic, and neither value is a closer description of the other."""
    return first.key == second.key and not (first.value <= second.value or second.value <= first.value)


def forbids(claim: Claim) -> bool:
    """Whether the claim tells not to do something: "never use tabs"."""
    return claim.kind == "polarity" and "not so" in claim.value and _FORBIDS.match(claim.shown) is not None


def topic_of(phrase: str) -> frozenset[str]:
    """The stems of a phrase, without articles; "I" and "my" are one."""
    return frozenset("#self" if word in SELF else stem(word) for word in words(phrase) if word not in ARTICLES)


def is_personal(phrase: str) -> bool:
    """Whether the phrase speaks of "I" or "my"."""
    return not SELF.isdisjoint(words(phrase))

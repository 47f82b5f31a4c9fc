"""Claims that any sentence can make: its quantities, its choice among things of a kind, and whether it denies."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mcp_memory.core.claim import ARTICLES, SELF, Claim, is_personal, topic_of
from mcp_memory.core.wording import CALENDAR, NUMBER_WORDS, is_negation, is_refusal, listed, quantities, stem
from mcp_memory.text import words

if TYPE_CHECKING:
    from collections.abc import Iterator

LONG_CLAUSE: Final = 40
"""A clause of more words than this says too much to be compared by its quantities."""

# Quantities and dates.

_TOKEN = re.compile(r"[^\s,;()\[\]\"“”]*\d[^\s;()\[\]\"“”]*|[^\W\d_]+(?:['’-][^\W\d_]+)*|[:=%]")
_UNIT_SCALES: Final = {
    "ms": ("s", 0.001),
    "s": ("s", 1.0),
    "min": ("s", 60.0),
    "h": ("s", 3600.0),
    "d": ("s", 86_400.0),
    "week": ("s", 604_800.0),
    "kb": ("mb", 0.001),
    "mb": ("mb", 1.0),
    "gb": ("mb", 1000.0),
    "tb": ("mb", 1e6),
}
"""Units that measure the same thing, and what one of each is in the common unit."""

_LEADS: Final = listed(
    """
    is are be to at on of for has have had costs cost takes take weighs lasts last after every within under over allows
    allow accepts accept holds hold handles handle contains contain requires require needs need uses use runs run keeps
    keep expires expire supports support limited port : =
    """
)
"""A quantity after one of these is what is said; any other belongs to the topic ("room 12", "version 2")."""

_CARRIERS: Final = listed("python java ruby go version port up to about exactly only")
_BOUNDS: Final = listed("least most before after until than up within over under")
_SCHEDULED: Final = frozenset(
    map(
        stem,
        listed(
            "meeting review standup deadline release launch due scheduled planned starts begins ends call appointment "
            "retro demo flight interview class party wedding birthday exam opens closes"
        ),
    )
)


def measures(clause: str) -> Iterator[Claim]:
    """A sentence whose quantities are what it says: "Sessions expire after 30 minutes"."""
    tokens = _TOKEN.findall(clause.lower())
    if len(tokens) > LONG_CLAUSE:
        return
    values = {at for at, token in enumerate(tokens) if _measures_something(token) and _is_led(tokens, at)}
    units = {at + 1 for at in values if _is_unit_after(tokens, at)}
    rest = [word for at, word in enumerate(tokens) if at not in values | units and word not in ":=%"]
    topic = topic_of(" ".join(rest)) - {
        stem(word) for word in ("is", "are", "has", "have", "at", "on", "be", "set", "to")
    }
    calendar = any(tokens[at] in CALENDAR or re.match(r"(?:19|20)\d\d-|\d+:\d", tokens[at]) for at in values)
    if not values or not topic or len(topic) > 12 or (calendar and not topic & _SCHEDULED):
        return
    said = frozenset(_measured(tokens, at) for at in values)
    shown = " ".join(tokens[at] + (f" {tokens[at + 1]}" if at + 1 in units else "") for at in sorted(values))
    yield Claim("value", topic, said, shown, 0.7 if calendar else 0.85, is_personal(clause))


def _measures_something(word: str) -> bool:
    return word.lstrip("$€£~<>≤≥")[:1].isdigit() or word in NUMBER_WORDS or word in CALENDAR


def _is_led(tokens: list[str], at: int) -> bool:
    for token in reversed(tokens[:at]):
        if token in _LEADS:
            return True
        if token not in _CARRIERS | _BOUNDS and not _measures_something(token):
            return False
    return False


def _is_unit_after(tokens: list[str], at: int) -> bool:
    return at + 1 < len(tokens) and " " in "".join(quantities(f"1 {tokens[at + 1]}"))


def _measured(tokens: list[str], at: int) -> str:
    """The quantity in the common unit of its kind: a minute is 60 seconds."""
    following = tokens[at + 1] if at + 1 < len(tokens) else ""
    plain = NUMBER_WORDS.get(tokens[at], tokens[at])
    measured = next((one for one in quantities(f"{plain} {following}") if one.startswith(plain)), plain)
    number, _, unit = measured.partition(" ")
    common, scale = _UNIT_SCALES.get(unit, (unit, 1.0))
    try:
        return f"{float(number) * scale:g} {common}".strip()
    except ValueError:
        return plain.rstrip(".:").removesuffix("s") if plain in CALENDAR else plain.rstrip(".:")


# Choices between things of a kind.

_KINDS: Final = tuple(
    listed(kind)
    for kind in (
        "tabs spaces",
        "tea coffee",
        "dark light",
        "single double",
        "npm yarn pnpm bun",
        "vim emacs neovim vscode helix",
        "postgres postgresql mysql mariadb sqlite mongodb oracle",
        "merge rebase squash",
        "poetry pip uv conda",
        "aws azure gcp",
        "english german french spanish italian portuguese dutch polish",
        "celsius fahrenheit",
        "metric imperial",
        "window aisle",
        "camelcase snake_case",
        "formal informal formally informally",
    )
)
_CHOOSING: Final = frozenset(map(stem, listed("use prefer indent is are write format default choose adopt deploy")))


def choices(clause: str) -> Iterator[Claim]:
    """One of several things of a kind is used or preferred: "The project uses npm"."""
    said = re.findall(r"[\w-]+", clause.lower())
    for kind in _KINDS:
        chosen = kind.intersection(said)
        topic = topic_of(" ".join(word for word in said if word not in kind)) - {"over"}
        if len(chosen) == 1 and topic & _CHOOSING:
            named = min(kind)
            yield Claim("value", topic | {f"#{named}"}, chosen, min(chosen), 0.75, is_personal(clause))


_RANKING = re.compile(
    r"^(?P<subject>.{0,40}?)\s?\b(?:prefers?|likes?|favou?rs?)\s(?P<first>[\w -]{2,30}?)\s(?:over|to|more than)\s"
    r"(?P<second>[\w -]{2,30})$",
    re.IGNORECASE,
)


def rankings(clause: str) -> Iterator[Claim]:
    """ "Prefers tabs over spaces"."""
    match = _RANKING.match(clause)
    if match:
        first, second = topic_of(match["first"]), topic_of(match["second"])
        topic = topic_of(match["subject"]) | first | second | {"#rather"}
        yield Claim("value", topic, first, match["first"], 0.9, is_personal(clause))


# So or not so.

_DROPPED: Final = ARTICLES | listed(
    """
    do does did to be is are am will should must shall need needs has have been there it any anymore longer ever may
    allowed please turned
    """
)
"""Words that an affirmation and its denial need not share."""


_STATES: Final = """
    enable disable, enabled disabled, allow deny, allow forbid, accept reject, include exclude, included excluded,
    true false, open closed, public private, required optional, mandatory optional, supported unsupported, safe unsafe,
    valid invalid, internal external, sync async, synchronous asynchronous, active inactive, online offline,
    locked unlocked, mutable immutable, possible impossible, correct incorrect, available unavailable,
    encrypted unencrypted, likes dislikes, loves hates, love hate, paid unpaid, tested untested, signed unsigned,
    sorted unsorted, stable unstable, manual automatic, stateful stateless
"""
"""Words of which the second denies the first; fewer than the opposites, because a denial has to be meant."""
_DENYING: Final = {second: first for first, second in (pair.split() for pair in _STATES.split(","))}
_SWITCHED: Final = re.compile(r"\b(is|are|be|turned|switched|must be|should be) (off|down)\b", re.IGNORECASE)


def polarity(clause: str) -> Iterator[Claim]:
    """Whether the clause affirms or denies; "disabled" and "turned off" deny "enabled" and "turned on"."""
    denied = False
    topic: set[str] = set()
    for word in words(_SWITCHED.sub(r"\1 not on", clause)):
        denied ^= is_negation(word) or is_refusal(word) or word in _DENYING
        if word.startswith(("can't", "can’t", "cannot")):
            topic.add("can")
        if word not in _DROPPED and not is_negation(word) and not is_refusal(word):
            topic.add("#self" if word in SELF else stem(_DENYING.get(word, word)))
    if len(topic - {"can"}) >= 2:
        said = frozenset({"not so" if denied else "so"})
        yield Claim("polarity", frozenset(topic), said, clause.strip(), 0.85, is_personal(clause))

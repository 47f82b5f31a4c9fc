"""What the words of a memory say about something unfinished, and about something finished. Pure functions, English."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from mcp_memory.core.terms import telling
from mcp_memory.core.wording import listed, stem
from mcp_memory.text import STOP_WORDS, clip, sentences, words

if TYPE_CHECKING:
    from mcp_memory.models.briefing import ThreadStatus

READ_CHARS: Final = 2000
READ_SENTENCES: Final = 12
"""How much of a memory is read."""

TOPIC_CHARS: Final = 80

LEAST_WORDS: Final = 2
"""Words that the rest of a sentence must hold to be its topic by itself."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Something a text leaves open."""

    status: ThreadStatus
    topic: str
    stems: frozenset[str]
    """Of the words that say what it is about; never empty."""
    sentence: str
    """In which it was found."""


_WHO: Final = r"(?:i|we|he|she|they|(?:the\ |our\ )?(?:user|team|customer|client|board)|(?-i:[A-Z][\w-]+))"
_AM: Final = r"(?:['’](?:m|re|s)|\ am|\ are|\ is)"
_HAVE: Final = r"(?:['’]ve|['’]s|\ have|\ has|\ had)"
_SOON: Final = r"(?:just\ |also\ |still\ |now\ |currently\ |already\ |really\ |then\ |soon\ |definitely\ )*"
_DEEDS: Final = (
    "working_on working_with working_towards debugging refactoring migrating investigating implementing researching "
    "writing rewriting building preparing organizing organising putting_together putting_up looking_into looking_for "
    "setting_up testing porting cleaning reviewing fixing converting splitting training_for studying_for saving_for "
    "saving_up"
)
"""What is being done, in words of which the stem alone would say nothing."""

_DOING: Final = rf"(?:{_DEEDS.replace(' ', '|').replace('_', chr(92) + ' ')})"


class _Rule:
    """Where the pattern is found, a sentence is of this status. Compiled when a hint was first seen: most never are.

    `hints`: words, or pieces of words, one of which is in every text that the pattern matches, in lower case.
    """

    def __init__(self, status: ThreadStatus, hints: str, *patterns: str) -> None:
        self.status = status
        self._hints = tuple(hint.replace("_", " ") for hint in hints.split())
        self._patterns = patterns

    def may_match(self, lowered: str) -> bool:
        """Whether it is worth a search."""
        return any(hint in lowered for hint in self._hints)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What says so."""
        return re.compile("|".join(self._patterns), re.VERBOSE | re.IGNORECASE)


_RULES: Final = (
    _Rule(
        "blocked",
        "blocked stuck hold",
        r"\bblocked\ (?:on|by)\b|\Ablocked\b\s*:?",
        r"\b(?:is|are|am|still|got)\ (?:blocked|stuck|on\ hold)\b|['’](?:m|re|s)\ (?:blocked|stuck)\b",
    ),
    _Rule(
        "blocked",
        "wait pending",
        r"\b(?:still\ )?wait(?:ing|s)\ (?:for|on|to\ hear)\b|\bpending\ (?:approval|review|on)\b",
    ),
    _Rule(
        "blocked",
        "cannot can't can’t",
        r"\bcan(?:not|['’]t)\ (?:continue|proceed|go\ on|start|finish|ship|release|merge|deploy)\b",
    ),
    _Rule(
        "begun",
        "wip progress half",
        r"\A(?:wip|in\ progress|half\ done)\b\s*:?|\b(?:in\ progress|half-?way|half\ done)\b",
    ),
    _Rule("begun", "currently still now", r"\A(?:currently|still|now)\ \w+ing(?:\ (?:on|at|into|for))?\b"),
    _Rule(
        "begun",
        _DEEDS,
        rf"\b{_WHO}(?:{_AM}|['’]ve\ been|\ ha(?:ve|s)\ been)\ {_SOON}{_DOING}\b",
    ),
    _Rule(
        "begun",
        "started began begun",
        rf"\b{_WHO}{_HAVE}?\ {_SOON}(?:started|began|begun)\b(?:\ (?:to|with|on)\b)?(?![^.]*\bago\b)",
    ),
    _Rule(
        "begun",
        "not_",
        r"\bnot\ (?:yet\ )?(?:done|finished|complete|merged|deployed|released|implemented|tested|fixed|solved)\b",
    ),
    _Rule(
        "begun",
        "still left_to_do",
        r"\bstill\ (?:needs?|has|have)\ to\b|\bstill\ (?:missing|open|unfinished|failing)\b|\bleft\ to\ do\b",
    ),
    _Rule("begun", "applied", rf"\b{_WHO}{_HAVE}?\ {_SOON}applied\ (?:to|for)\b"),
    _Rule(
        "promised",
        "promised committed offered volunteered agreed",
        rf"\b{_WHO}{_HAVE}?\ {_SOON}(?:promised|committed|offered|volunteered|agreed)\ (?:\w+\ )?to\b",
    ),
    _Rule(
        "promised",
        "'ll_ ’ll_ _will_",
        rf"\b{_WHO}(?:['’]ll|\ will)\ (?!(?:be|have|see|miss|love|always|never|not|keep|remember|let|think|know|try)\b)"
        rf"{_SOON}(?=\w)",
    ),
    _Rule(
        "planned",
        "todo to-do fixme next plan remaining pending backlog",
        r"\A(?:to-?do|fixme|next\ (?:steps?|up)|plans?|remaining|pending|backlog)\b\s*[:(–—-]|\b(?-i:TODO|FIXME)\b:?",
    ),
    _Rule(
        "planned",
        "plan",
        rf"\b{_WHO}(?:{_AM})?\ {_SOON}plan(?:s|ning|ned)?\ (?:to|on|for|a|an|some|our|my|the)\b",
    ),
    _Rule(
        "planned",
        "going_to hoping_to aiming_to about_to",
        rf"\b{_WHO}{_AM}\ {_SOON}(?:going|hoping|aiming|about)\ to\b(?!\ (?:be|bed|have)\b)",
    ),
    _Rule("planned", "thinking dreaming", rf"\b{_WHO}{_AM}\ {_SOON}(?:thinking|dreaming)\ (?:of|about)\ (?=\w+ing\b)"),
    _Rule(
        "planned",
        "need_to needs_to have_to has_to intend hope",
        rf"\b{_WHO}\ {_SOON}(?:needs?|ha(?:ve|s)|intends?|hopes?)\ to\b(?!\ (?:be|have|say|admit)\b)",
    ),
    _Rule(
        "planned",
        "next_",
        rf"\b{_WHO}{_AM}\ {_SOON}(?=\w+ing\b[^.]*\bnext\ (?:week|weekend|month|year|spring|summer|autumn|fall|winter"
        r"|sprint)\b)",
    ),
    _Rule(
        "planned",
        "scheduled planned due must",
        r"\b(?:is|are)\ (?:scheduled|planned|due)\ (?:for|to|on)\b|\bmust\ (?:still|first)\b",
    ),
    _Rule(
        "asked",
        "question unclear undecided to_be_decided tbd not_sure know_yet",
        r"\A(?:open\ )?question\b\s*:",
        r"\b(?:unclear|undecided|to\ be\ decided|tbd|not\ sure|don['’]t\ know\ yet)\b(?:\ (?=(?:whether|if|how|which"
        r"|who|what|when|where)\b))?",
    ),
)
"""In the order in which they are tried: the first that fits says how far it has come."""

_FINISHED: Final = re.compile(
    r"""\b(?:done|finished|completed?|shipped|merged|released|deployed|delivered|fixed|solved|resolved|answered|closed
    |cancell?ed|abandoned|dropped|unblocked|went\ live|is\ live|gave\ up|no\ longer\ (?:needed|planned|blocked|open)
    |is\ up\ and\ running|passed|approved|launched|wrapped\ up|sorted\ out)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_UNFINISHED: Final = re.compile(
    r"""(?:\b(?:not|never|half|be|get|to|will|nearly|almost|barely)|n['’]t)\s(?:\w+\s)?(?:be(?:en)?\s)?$
    | \b(?:until|once|when|before|if|unless|as\ soon\ as|after)\s[^,;]{0,60}$""",
    re.VERBOSE | re.IGNORECASE,
)
"""Before a word of the above: it is not so, or not yet."""

_SPEAKER: Final = re.compile(
    r"\A(?!(?i:to-?do|fixme|next|plans?|remaining|pending|backlog|open|question|blocked|wip|in\ progress)\b)"
    r"[A-Z][\w'’ .-]{0,40}:\s+"
)
"""Who speaks, where a chat was kept turn by turn."""
_CLAUSE_END: Final = re.compile(r",\s(?:because|but|so|and|since|while|which)\b|;\s|\s[-–—]\s|\sbecause\s")

_STATUS_WORDS: Final = """
    blocked waiting stuck pending progress started begun began promised committed planned planning plan todo next
    step question open unclear remaining done finished completed complete shipped merged released deployed delivered
    fixed solved resolved answered closed cancelled canceled abandoned dropped unblocked live approved passed
    launched currently working already applied
"""
STATUS_STEMS: Final = frozenset(map(stem, listed(_STATUS_WORDS)))
"""Words that say how far something has come, not what it is."""


def opening_of(content: str) -> Opening | None:
    """The first thing the text leaves open, unless the same sentence says that it is finished."""
    lowered = content[:READ_CHARS].lower()
    rules = [rule for rule in _RULES if rule.may_match(lowered)]
    if not rules:
        return None
    for sentence in _sentences(content):
        if sentence.endswith(("?", "？")):
            continue
        for rule in rules:
            match = rule.pattern.search(sentence)
            if match and not is_finished(sentence) and (opening := _opening(rule.status, sentence, match)):
                return opening
    return None


def question_of(content: str) -> Opening | None:
    """The text as something asked, where it is a question about something."""
    asked = next((one for one in reversed(_sentences(content)) if one.endswith(("?", "？"))), "")
    stems = topic_stems(asked)
    return Opening("asked", clip(asked, TOPIC_CHARS), stems, asked) if len(stems) >= LEAST_WORDS else None


def is_finished(sentence: str) -> bool:
    """Whether it says that something is over and done, and does not deny it."""
    found = _FINISHED.finditer(sentence)
    return any(_UNFINISHED.search(sentence[: match.start()]) is None for match in found)


def finishes(content: str) -> frozenset[str]:
    """The stems of what the text says is over and done; empty where it says nothing of the kind."""
    if _FINISHED.search(content[:READ_CHARS]) is None:
        return frozenset()
    done = [sentence for sentence in _sentences(content) if is_finished(sentence)]
    return topic_stems(" ".join(done)) if done else frozenset()


def topic_stems(text: str) -> frozenset[str]:
    """The stems of the words that say what a text is about."""
    named = (word for word in words(text) if word.replace("’", "'") not in STOP_WORDS)
    return frozenset(telling(map(stem, named))) - STATUS_STEMS


def _sentences(content: str) -> list[str]:
    return sentences(_SPEAKER.sub("", content[:READ_CHARS]))[:READ_SENTENCES]


def _opening(status: ThreadStatus, sentence: str, match: re.Match[str]) -> Opening | None:
    """About the words that follow, unless what it is about stands before; None where it is about nothing."""
    rest = _CLAUSE_END.split(sentence[match.end() :], maxsplit=1)[0].strip(" :.!,-–—")
    named = len(words(rest)) >= LEAST_WORDS and bool(topic_stems(rest))
    says_all = named and not topic_stems(sentence[: match.start()])
    about = rest if says_all else sentence
    stems = topic_stems(about)
    return Opening(status, clip(about.rstrip("."), TOPIC_CHARS), stems, sentence) if stems else None

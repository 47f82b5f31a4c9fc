"""What a text claims, so that two texts can be compared claim by claim. Pure, English.

A claim is a topic and what is said about it. Two claims conflict where the topic is the same to the word and what is
said differs. The topic holds everything else in the sentence (place, purpose, condition), so "in staging the port is
8080" and "in production the port is 9090" are about different topics. Questions, guesses and what is over and done
claim nothing that could be contradicted.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mcp_memory.core.claim import Claim, conflict, is_personal, topic_of
from mcp_memory.core.claim_kinds import choices, measures, polarity, rankings
from mcp_memory.core.wording import is_negation, is_past, listed, quantities, stem
from mcp_memory.text import sentences, words

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Claim", "claims", "conflict"]

EXAMINED_CHARS: Final = 4_000
EXAMINED_SENTENCES: Final = 30
"""How much of a long memory is read for claims."""


def claims(text: str) -> list[Claim]:
    """The claims of a text; none where nothing is understood."""
    found = dict.fromkeys(
        claim for sentence in sentences(text[:EXAMINED_CHARS])[:EXAMINED_SENTENCES] for claim in _of_sentence(sentence)
    )
    return list(found)


_UNSETTLED = re.compile(
    r"""\?\s*$ | \b(?:might|maybe|perhaps|possibly|probably|presumably|apparently|could|would|seems?|whether|used\ to
    |previously|formerly|originally|back\ then|once\ was|not\ (?:only|just|yet|always|necessarily|sure))\b
    | ^(?:he|she|it|they|this|that|these|those|which|who)\b""",
    re.VERBOSE | re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|when|whenever|unless|except|while|until|because|since|although)\b", re.IGNORECASE)
_CLAUSE_END = re.compile(r",\s|;\s|\s[-–—]\s|\s(?:but|so that)\s")
_FILLER = re.compile(
    r"\b(?:now|currently|today|actually|still|also|please|really|simply|just|always|remember that|note that)\b[ ,]*",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:do not|don['’]t|never|avoid|use|commit|add|keep|run|write|edit|store|deploy|merge|push|delete|send|show)\b",
    re.IGNORECASE,
)
"""How a sentence begins that tells what to do, and so is not past: "Commit generated files"."""
_SPACE = re.compile(r"\s+")


def _of_sentence(sentence: str) -> Iterator[Claim]:
    if _UNSETTLED.search(sentence):
        return
    plain = _SPACE.sub(" ", _FILLER.sub("", sentence)).strip(" .!")
    yield from _changes(plain)
    if is_past(plain) and not _ORDER.match(plain):
        return
    clauses = [plain] if _CONDITION.search(plain) else _CLAUSE_END.split(plain)
    for clause in clauses:
        yield from _of_clause(clause)


def _of_clause(clause: str) -> Iterator[Claim]:
    yield from polarity(clause)
    if not any(is_negation(word) for word in words(clause)):
        for part in re.split(r" and (?=(?:works?|lives?|reports?|speaks?)\b)", clause):
            yield from _attributes(part)
        yield from measures(clause)
        yield from choices(clause)
        yield from rankings(clause)


# Attributes that a thing has one of.

_ONE_PERSON = "manager boss ceo cto cfo lead leader owner author maintainer husband wife father mother landlord"
_ONE_THING = (
    "name nickname capital branch language colour color timezone database editor framework password username host "
    "hostname url domain email address region competitor headquarters currency license shell theme birthday birthplace"
)
_PERSONS: Final = frozenset(map(stem, listed(_ONE_PERSON)))
_UNIQUE: Final = frozenset(map(stem, listed(_ONE_THING))) | _PERSONS
_COPULA = re.compile(r"^(?P<subject>[^:=]{2,80}?)\s*(?:\bis(?: set to| called| named)?\b|:|=)\s*(?P<value>.+)$", re.I)
_VALUE_END = re.compile(
    r"\s(?:in|on|for|at|during|under|with|by|from|as|after|before|per|via|of|and|which|who|where)\s"
)
_QUALITY = re.compile(
    r"^(?:(?:very|too|quite|so|not|a|an)\s|\w+(?:ed|ing|able|ible|ful|less|ous|ish)\b"
    r"|(?:slow|fast|big|small|good|bad|long|short|old|new|nice|hard|easy|important|unique|empty|down|up|large|high|low"
    r"|ready|full|safe|late|early|open|here|there|happy|tall|ill|sick|away|busy|great|kind|strict)\b)",
    re.IGNORECASE,
)
_VERBS: Final = tuple(
    (attribute, re.compile(rf"^(?P<subject>.{{1,60}}?)\s(?:{verb})\s(?P<value>.+)$", re.IGNORECASE), certainty)
    for attribute, verb, certainty in (
        ("home", r"(?:lives?|resides?) in|(?:is|am) based in", 0.9),
        ("employer", r"works? (?:at|for)|is employed (?:at|by)", 0.85),
        ("manager", r"reports? to|is managed by", 0.9),
        ("lead", r"is led by", 0.9),
        ("owner", r"is owned by|belongs to", 0.85),
        ("written", r"is written in|is implemented in", 0.85),
        ("host", r"(?:is|are) (?:hosted|deployed) (?:on|at|with)|deploys? to", 0.75),
        ("place", r"is located (?:in|at)|is in", 0.75),
        ("address", r"is (?:at|reachable at|reachable under)", 0.75),
        ("called", r"is (?:called|named)", 0.85),
        ("payer", r"is (?:paid|maintained|run|handled) by", 0.75),
    )
)
_IMPERATIVE_ANSWER = re.compile(r"^(?:answer|reply|respond) in (?P<value>\w+)$", re.IGNORECASE)


def _attributes(clause: str) -> Iterator[Claim]:
    yield from _copular(clause)
    for attribute, pattern, certainty in _VERBS:
        match = pattern.match(clause)
        if match:
            yield from _claim(match["subject"], match["value"], certainty, attribute)
            return
    match = _IMPERATIVE_ANSWER.match(clause)
    if match:
        yield from _claim("language", match["value"], 0.75, "answer")


def _copular(clause: str) -> Iterator[Claim]:
    """ "The default branch is main", and "Maria is Ana's manager" for "Ana's manager is Maria"."""
    match = _COPULA.match(clause)
    if match is None:
        return
    subject, value = match["subject"], match["value"]
    if _head(value) in _PERSONS and subject[:1].isupper() and not topic_of(subject) & _PERSONS and "of" not in subject:
        subject, value = value, subject
    head = _head(subject)
    if head not in _UNIQUE or _QUALITY.match(value) or (head in _PERSONS and not value[:1].isupper()):
        return
    yield from _claim(subject, value, 0.9)


def _head(phrase: str) -> str:
    """The stem of the noun that the phrase is about: "the manager of Ana" and "Ana's manager" have one."""
    before = re.split(r"\s(?:of|for|in|on|at)\s", phrase, maxsplit=1)[0]
    return stem((words(before) or [""])[-1])


def _claim(subject: str, value: str, certainty: float, attribute: str = "") -> Iterator[Claim]:
    end = _VALUE_END.search(f"{value} ")
    bare, rest = (value[: end.start()], value[end.start() :]) if end else (value, "")
    topic = topic_of(subject) | topic_of(rest) | ({stem(attribute)} if attribute else set())
    said = frozenset(map(stem, words(bare))) - {"the", "a", "an"} | quantities(bare)
    if topic_of(subject) and said and len(words(bare)) <= 5 and not any(map(is_negation, words(value))):
        yield Claim("value", topic, said, bare.strip(), certainty, is_personal(subject))


# Moving and changing: past in form, true in effect.

_CHANGES: Final = (
    (
        "home",
        re.compile(r"^(?P<subject>.{1,40}?)\s(?:has |have )?(?:moved|relocated) to (?P<value>.+)$", re.IGNORECASE),
    ),
    ("employer", re.compile(r"^(?P<subject>.{1,40}?)\s(?:has |have )?joined (?P<value>[A-Z].+)$")),
)
_CHANGED = re.compile(
    r"^(?P<subject>.{2,60}?)\s(?:(?:was|has been|is|were)\s)?"
    r"(?:changed|raised|lowered|increased|reduced|moved|postponed|renamed|switched)\s(?:from \S+ )?to (?P<value>.+)$",
    re.IGNORECASE,
)


def _changes(sentence: str) -> Iterator[Claim]:
    for attribute, pattern in _CHANGES:
        match = pattern.match(sentence)
        if match and not quantities(match["value"]):
            yield from _claim(match["subject"], match["value"], 0.8, attribute)
            return
    match = _CHANGED.match(sentence)
    if match:
        yield from measures(f"{match['subject']} is {match['value']}")
        yield from _copular(f"{match['subject']} is {match['value']}")

"""What kind of memory a text is, read from its words and how they follow each other. Pure.

The rules are tried in order and the first that fits decides; a text that fits none states a lasting fact. What is
going on now is `working`, what happened at some time `episodic`, what says how to act `procedural` (directives too:
they tell what to do, not what is so), everything else `semantic`. Written for English; other languages come out as
`semantic`, unless they hold a list of steps, code, an error or a date.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from mcp_memory.core.wording import DAY as _DAY
from mcp_memory.core.wording import PAST_VERB as _PAST_VERB
from mcp_memory.core.wording import TIME as _TIME
from mcp_memory.models.memory import MemorySubtype, MemoryType

EXAMINED_CHARS: Final = 2_000
"""How much of a long text is read; what it is shows at its beginning."""

_WHO = r"(?:i|we|he|she|they|(?:the\ |our\ )?(?:user|team|customer|client|company|board|man|woman))"
_PERSON = rf"(?:{_WHO}|(?-i:[A-Z])[\w'’-]+)"
_EVENT = (
    r"(?:meeting|review|interview|concert|appointment|call|flight|train|conference|party|wedding|deadline|release"
    r"|launch|workshop|demo|exam|game|match|lesson|visit|trip|webinar|talk)"
)
_HAPPENS = r"(?:is|are|starts?|takes\ place|begins?|leaves|departs|arrives|ends|will\ be)"
_IMPERATIVE = (
    r"(?:use|keep|answer|reply|respond|write|add|avoid|put|name|ensure|check|ask|tell|follow|include|format|prefix|sign"
    r"|commit|test|document|store|log|validate|escape|limit|treat|call|run|stick|stop|leave|show|mention|prefer|pin"
    r"|review|update|remove|delete|create|make|give|send|wait|wrap|handle|return|raise|catch|import|explain|summari[sz]e"
    r"|address|speak|quote|cite|double-check|verify|back\ up|merge|rebase|squash|tag|bump|deploy|restart|rotate)"
)
_STEP = (
    r"(?:open|click|press|choose|select|run|connect|restart|stop|start|type|install|delete|remove|create|copy|set|go"
    r"|check|call|add|edit|download|upload|log\ in|sign\ in|enter|pull|push|build|clear|reload|unplug|turn|export)"
)
_DOING = (
    r"(?:debugging|refactoring|fixing|writing|rewriting|implementing|migrating|investigating|reviewing|testing|looking"
    r"|trying|working|waiting|adding|renaming|porting|cleaning|preparing|building|updating|converting|setting\ up"
    r"|splitting|moving|replacing|reading)"
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """Where the pattern is found, the text is of this type and subtype."""

    type: MemoryType
    subtype: MemorySubtype | None
    pattern: re.Pattern[str]


def _rule(kind: str, subtype: str, pattern: str) -> _Rule:
    flags = re.VERBOSE | re.IGNORECASE | re.MULTILINE
    return _Rule(MemoryType(kind), MemorySubtype(subtype) if subtype else None, re.compile(pattern, flags))


_RULES: Final = (
    # Steps and code show by their form.
    _rule(
        "procedural",
        "code_pattern",
        r"\A.{0,200}```[\s\S]*?(?:\bdef\b|\bclass\b|=>|\bfunction\b|[;{}]|\breturn\b)",
    ),
    _rule(
        "procedural",
        "workflow",
        r"\b(?:workflow|(?:our|the)\ [\w ]{0,40}process|procedure|playbook|runbook)\s*:\s",
    ),
    _rule(
        "procedural",
        "workflow",
        r"\b(?:releases?|reviews?|deploys?|onboarding)\b.{0,40}\b(?:like\ this|as\ follows)\s*:",
    ),
    _rule("procedural", "", r"(?:^|\s)1[.)]\s[\s\S]*?(?:^|\s)2[.)]\s|\b(?:like\ this|as\ follows)\s*:"),
    _rule(
        "procedural",
        "",
        r"\bhow\ (?:to|(?:do|can)?\s*(?:i|we|you))\b[^.?!]*[:?]|\Ahow\ to\b|\bsteps\ (?:to|for)\b",
    ),
    _rule("procedural", "", r"\A(?:first|before\ you\b)[^.]*\bthen\b|\A(?:in\ order\ )?to\ \w+\b[^.:]{1,80}[,:]\s"),
    _rule(
        "procedural",
        "",
        rf"\Ato\ \w+\b[^.]{{1,80}}\b{_STEP}\b|\A(?:setup|installation|deployment|upgrade|recipe|usage"
        rf"|build)\s*:",
    ),
    _rule(
        "procedural",
        "",
        rf"\A(?:if|when|once|whenever)\b[^,.]*,\s(?:then\s)?(?:{_STEP}|(?!the|a)\w+\ (?:the|an?|your"
        rf"|it))\b|\b(?:is|are)\ \w+ed\ by\ \w+ing\b.*,",
    ),
    _rule(
        "procedural",
        "code_pattern",
        r"\A(?:code\ )?(?:pattern|idiom|snippet)\s*:|\bin\ this\ codebase\b.*\bwe\ use\b",
    ),
    _rule(
        "procedural",
        "code_pattern",
        r"\A(?:use|prefer|wrap|write)\b.*`[^`]*[(.:@=][^`]*`|:\ `[^`]*(?:\ =\ |=>|:\ |\ return\ )",
    ),
    # What is going on now.
    _rule(
        "working",
        "",
        r"\A(?:wip|to-?do|next\ steps?|current\ task|open\ question|in\ progress|half\ done|left\ to\ do)\b",
    ),
    _rule(
        "working",
        "",
        r"\A(?:still\ |now\ |i\ |we\ )?(?:need|have)\ to\b|\A(?:remaining|pending|open|blocked)\b\s*[:(]",
    ),
    _rule(
        "working",
        "",
        r"\A(?:currently|at\ the\ moment|so\ far)\b.*\b(?:not|half|only|still)\b|\b(?:is|are|am"
        r"|'m)\ half-?way\b",
    ),
    _rule(
        "working",
        "",
        r"\b(?:i|we)\ still\ (?:need|have)\ to\b|\b(?:refactoring|debugging|rewriting)\b.*\b(?:missing"
        r"|left|done)\b",
    ),
    _rule(
        "working",
        "",
        r"\b(?:currently|right\ now|at\ the\ moment)\ (?:(?:i|we)\ (?:am|are)\ |i'm\ |we're\ )?\w+ing\b",
    ),
    _rule("working", "", r"\A(?:now|still|today\ (?:i\ am|i'm|we\ are|we're))\ \w+ing\b|\b(?:i'm|i\ am)\ still\b"),
    _rule(
        "working",
        "",
        r"\bin\ the\ middle\ of\b|\b(?:is|are|still|now)\ in\ progress\b|\bcontinuing\ (?:with|tomorrow)",
    ),
    _rule(
        "working",
        "",
        rf"\A(?:(?:i|we)(?:['’]m|['’]re|\ am|\ are)\ )(?:just\ |now\ )?{_DOING}\b|\bblocked\ (?:on|by)\b",
    ),
    _rule("working", "", rf"\A{_DOING}\b(?!.*\b(?:solves|fixes|resolves|helps|makes|takes|is|requires|needs)\b)"),
    # Directives.
    _rule("procedural", "directive", r"\A(?:please|always|never|do\ not|don['’]t|make\ sure|be\ sure|under\ no)\b"),
    _rule("procedural", "directive", r"\A(?:remember|be\ careful|take\ care)\ (?:not\ )?to\b|\bfrom\ now\ on\b"),
    _rule("procedural", "directive", r"\Aonly\ \w+\ (?:when|if|after|once|from|in)\b"),
    _rule(
        "procedural",
        "directive",
        r"\A(?:no\ [\w-]+\ (?:in|on|at|after|before|without|during)|(?:must|should)\ not)\b",
    ),
    _rule("procedural", "directive", r"\b(?:every|each|all)\ [\w ]{1,40}\b(?:needs?|must|has\ to|have\ to|should)\b"),
    _rule(
        "procedural",
        "directive",
        r"\b(?:you|we|everyone|commits?|messages|endpoints|tests|functions)\ (?:must|should|shall)\b",
    ),
    _rule(
        "procedural",
        "",
        r"\A(?:run|install|open|click|press|type|execute|call|start)\b.*\b(?:to|before|then|and)\b",
    ),
    _rule("procedural", "directive", rf"\A{_IMPERATIVE}\s+(?!was\b|is\b|are\b|of\b|\w+s\ (?:is|are)\b)"),
    _rule(
        "procedural",
        "workflow",
        rf"\A(?:every|each|on)\ (?:{_DAY}|day|week|month|sprint|release)\ (?:we|i|the\ team)\ [a-z]+\b",
    ),
    _rule("procedural", "workflow", rf"\b(?:is|are)\ \w+ed\ on\ {_DAY}\b.*\b{_DAY}\b"),
    # Errors, and what was done about them.
    _rule(
        "episodic",
        "error",
        rf"\b(?:fail(?:ed|s)|crashed|errored|aborted)\b.*{_TIME}|{_TIME}.*\b(?:failed|crashed)\b",
    ),
    _rule(
        "episodic",
        "fix",
        r"(?<!is\ )\b(?:fixed(?!\ \w+\b(?:\Z|[.,]))|resolved|solved|repaired|patched|corrected|mended)\b(?!-)",
    ),
    _rule("episodic", "fix", r"\bturned\ out\b|\bmade\ it\ work\b|\bgot\ rid\ of\b.*\bby\b"),
    _rule(
        "semantic",
        "error",
        r"\btraceback\b|\b(?-i:[A-Z])\w*(?:Error|Exception)\b|\bexit(?:s|ed)?\ (?:with\ )?code\b",
    ),
    _rule(
        "semantic",
        "error",
        r"\b(?-i:ERR|E)[-_]?\d{3,}\b|\b(?:prints|answers|reports|throws|raises|says)\b.*[\"“']",
    ),
    _rule(
        "semantic",
        "error",
        r"\b(?:segmentation\ fault|segfault|panic|stack\ overflow|already\ (?:allocated|in\ use))\b",
    ),
    _rule(
        "semantic",
        "error",
        r"\b(?:permission\ denied|connection\ refused|out\ of\ memory|(?:rejected|denied|fails)\ with)\b",
    ),
    # Conclusions and decisions.
    _rule(
        "semantic",
        "inference",
        r"\b(?:probably|presumably|apparently|seems?\ (?:that|to)|suggests?\ that|implies)\b",
    ),
    _rule(
        "semantic",
        "inference",
        r"\b(?:is|are)\ (?:most\ )?likely\b|\b(?:may|might)\ be\ \w+ed\b|\blikely\ because\b",
    ),
    _rule(
        "episodic",
        "decision",
        rf"{_TIME}[^.]*\b(?:decided|agreed|chose|opted)\b|\b(?:decided|agreed|chose)\b.*\byesterday\b",
    ),
    _rule(
        "semantic",
        "decision",
        r"\A(?:decision|decided|final\ choice)\b|\b(?:decided|agreed|chose|opted|settled\ on|approved)\b",
    ),
    _rule(
        "semantic",
        "decision",
        r"\b(?:going|went|go)\ with\b|\bit\ was\ decided\b|\b(?:picked|selected|chosen)\b.*\b(?:over"
        r"|instead)\b",
    ),
    _rule("semantic", "decision", r"\b(?:we|the\ team)\ (?:will(?:\ not)?|won['’]t)\ \w+|\A(?:plan|verdict)\s*:"),
    _rule(
        "semantic",
        "solution",
        r"\b(?:solves?|fixes|resolves?|cures?|remed(?:y|ies)|workarounds?|solution\ (?:to|is|for))\b",
    ),
    _rule("semantic", "solution", r"\A\w+ing\b.*\b(?:helps|gets\ rid\ of)\b"),
    # What happened.
    _rule(
        "semantic",
        "profile",
        r"\b(?:birthday|time\ ?zone|native\ language|phone\ number|home\ address)\b.*\bis\b",
    ),
    _rule("episodic", "event", rf"{_TIME}[\s\S]*\b{_PAST_VERB}\b|\b{_PAST_VERB}\b[\s\S]*{_TIME}"),
    _rule("episodic", "event", rf"\b(?:is|are|am|'m|'re)\ (?:\w+ing|going\ to)\b.*{_TIME}|\btook\ place\b"),
    _rule("episodic", "event", rf"\b{_EVENT}s?\b[^.]*\b{_HAPPENS}\b[^.]*{_TIME}"),
    _rule("semantic", "profile", r"\b(?:user|i|he|she)\ (?:has\ )?(?:studied|graduated|learned|grew\ up)\b"),
    _rule(
        "episodic",
        "event",
        rf"\A(?:\w+:\ )?{_PERSON}\ (?:just\ |finally\ |also\ )?\b{_PAST_VERB}(?=[\ ,])|\A{_PAST_VERB}\ ",
    ),
    # Likes and people.
    _rule(
        "semantic",
        "preference",
        r"\b(?:prefers?|would\ rather|i['’]d\ rather|favou?rites?|dislikes?|hates?|loves?|enjoys?)\b",
    ),
    _rule(
        "semantic",
        "preference",
        rf"\b{_PERSON}\ (?:really\ )?(?:likes?|wants?)\b|\b(?:wants|likes)\ to\ (?:be|get|have)\b",
    ),
    _rule(
        "semantic",
        "preference",
        r"\A(?:wants|likes|hates|not\ a\ fan)\b|\bfinds\b.*\b(?:easier|better|nicer)\b|\bcan['’]t\ stand\b",
    ),
    _rule(
        "semantic",
        "preference",
        r"\b(?:drinks|eats|reads|uses|wears|buys)\ only\b|\bonly\ (?:drinks|eats|reads|wears|buys)\b",
    ),
    _rule(
        "semantic",
        "problem",
        r"\b(?:flaky|broken|leaks?|too\ (?:slow|fast)|does\ not\ work|doesn['’]t\ work|bug|complains?"
        r"|nobody\ can|cannot)\b",
    ),
    _rule("semantic", "problem", r"\b(?:fails?|crash(?:es)?|hangs|freezes|is\ slow|are\ slow|regression|outage)\b"),
    _rule("semantic", "profile", r"\A(?:the\ )?user(?:['’]s)?\b|\A(?:i|my)\b|\bi['’]m\ (?:an?\b|allergic|from)"),
    _rule(
        "semantic",
        "profile",
        rf"\A{_PERSON}\ (?:lives|works|speaks|was\ born|is\ \d+|has\ (?:two|three|\d)\ (?:kids|children))\b",
    ),
    _rule(
        "semantic",
        "entity",
        r"\A(?-i:[A-Z])[\w.]*(?:\ (?-i:[A-Z])[\w.]*)*\ (?:is|are)\ (?:an?|our|my|the\ \w+\ of\ the"
        r"|(?-i:[A-Z])\w+['’]s)\b",
    ),
    _rule(
        "semantic",
        "entity",
        r"\A(?:the|our)\ (?-i:[A-Z]{2,})\ is\b|\b(?:is|are)\ the\ \w*\ ?(?:name|owner|service|library"
        r"|tool|intern|dentist|product)\b",
    ),
)
_DEFAULT: Final = (MemoryType.SEMANTIC, None)


def classify(content: str) -> tuple[MemoryType, MemorySubtype | None]:
    """The type of a memory, and its subtype where one shows."""
    text = content[:EXAMINED_CHARS].strip()
    return next(((rule.type, rule.subtype) for rule in _RULES if rule.pattern.search(text)), _DEFAULT)

"""What of a text decides whether two texts say the same: stems, quantities, names, negation, opposites. Pure.

Word lists are English, with the common negations of a few other languages. A text in another language is still
compared by its numbers, names and words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from mcp_memory.text import STOP_WORDS, proper_nouns, words


def listed(text: str) -> frozenset[str]:
    """The words of a list that is written as text."""
    return frozenset(text.split())


# Patterns for `re.VERBOSE | re.IGNORECASE`: a weekday, a month, a time that is named, a verb in the past tense.
DAY: Final = r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
MONTH: Final = (
    r"(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\b\.?"
)
TIME: Final = rf"""(?:
    \b(?:yesterday|tonight|earlier\ today|today|tomorrow)\b
  | \b(?:last|this|next|past)\ (?:night|week(?:end)?|month|year|morning|afternoon|evening|summer|winter|spring|autumn
        |{DAY}|{MONTH})\b
  | \b\w+\ (?:minutes?|hours?|days?|weeks?|months?|years?)\ ago\b
  | \b(?:on|since)\ {DAY}\b
  | \b(?:19|20)\d\d-\d\d-\d\d\b | \b\d{{1,2}}\.\d{{1,2}}\.(?:19|20)\d\d\b
  | \b\d{{1,2}}(?:st|nd|rd|th)?\ (?:of\ )?{MONTH} | \b{MONTH}\ \d{{1,2}}\b | \bin\ {MONTH}(?:\ (?:19|20)\d\d)?
  | \bin\ (?:19|20)\d\d\b | \bat\ \d{{1,2}}(?::\d\d)?\ ?(?:am|pm)\b | \bat\ \d{{1,2}}:\d\d\b
  | \bfor\ the\ first\ time\b
)"""
PAST_VERB: Final = r"""(?:was|were|did|had
  | (?<!\bis\ )(?<!\bare\ )(?<!\bam\ )(?<!\bbe\ )(?<!\bbeen\ )(?<!\bgets\ )(?<!\bget\ )
    (?<!\bnot\ )(?<!\bthe\ )(?<!\ba\ )(?<!\ban\ )(?:
        went|came|got|gave|took|made|met|saw|told|said|found|lost|bought|brought|built|began|became|broke|chose|drove|ate
      | fell|felt|flew|forgot|held|kept|knew|left|paid|ran|sent|sold|spoke|spent|swam|taught|thought|threw|won|woke
      | wrote|rode|sang|sat|slept|stood|shipped
      | (?!(?:need|feed|speed|seed|indeed|embed|exceed|proceed|succeed|hundred|based|used|named|located|limited
            |required|shared|preferred|supported|deprecated|related)\b)[a-z]{2,}ed
    )
)"""

_COUNTED: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
NUMBER_WORDS: Final = {
    **{word: str(number) for number, word in enumerate(str.split(_COUNTED)) if word != "one"},
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "sixty": "60",
    "ninety": "90",
    "hundred": "100",
}
"""`one` is left out: it is a pronoun more often than a number."""

CALENDAR: Final = listed(
    """
    monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays
    sundays january february march april june july august september october november december today yesterday tomorrow
    tonight morning afternoon evening midnight noon weekend spring summer autumn winter daily weekly monthly yearly
    """
)
"""Words that say when. `may` is left out: it is a verb more often than a month."""

NEGATIONS: Final = listed(
    """
    not no never none nobody nothing nowhere neither nor without cannot cant wont dont doesnt didnt isnt arent wasnt
    werent hasnt havent hadnt couldnt shouldnt wouldnt mustnt neednt aint
    nicht kein keine keinen keinem keiner nie niemals pas jamais aucun aucune nunca jamás não nao nessuno
    不 没 沒 無 未 别
    """
)
"""Each turns what is said into its opposite; two of them cancel out."""

_REFUSALS: Final = listed(
    """
    avoid avoids avoided avoiding stop stops stopped stopping forbid forbids forbidden prohibited banned disallow
    disallowed fail fails failed failing refuse refuses refused lacks lacking
    """
)
"""Verbs that deny what follows them."""

_OPPOSITES: Final = """
    enable disable, enabled disabled, allow deny, allowed denied, accept reject, accepted rejected, include exclude,
    included excluded, true false, on off, before after, add remove, added removed, open closed, up down,
    public private, required optional, mandatory optional, supported unsupported, safe unsafe, valid invalid, start end,
    first last, read write, frontend backend, client server, internal external, input output, upper lower, high low,
    higher lower, minimum maximum, min max, increase decrease, increased decreased, increases decreases, more less,
    sync async, synchronous asynchronous, active inactive, online offline, import export, upload download, left right,
    lock unlock, locked unlocked, mutable immutable, stateful stateless, possible impossible, correct incorrect,
    available unavailable, encrypted unencrypted, likes dislikes, like dislike, love hate, loves hates, fast slow,
    faster slower, cheap expensive, early late, earlier later, hot cold, old new, vegetarian carnivore, single married,
    lowercase uppercase, ascending descending, horizontal vertical, deprecated recommended, manual automatic,
    manually automatically, same different, success failure, succeeds fails, passes fails,
    paid unpaid, known unknown, tested untested, signed unsigned, sorted unsorted, used unused, stable unstable
"""
OPPOSITES: Final[dict[str, frozenset[str]]] = {}
"""A word to those that say the contrary."""
for _first, _second in (pair.split() for pair in _OPPOSITES.split(",")):
    OPPOSITES[_first] = OPPOSITES.get(_first, frozenset()) | {_second}
    OPPOSITES[_second] = OPPOSITES.get(_second, frozenset()) | {_first}

_QUANTITY = re.compile(r"[^\s,;()\[\]{}\"'“”‘’<>=]*\d(?:[^\s,;()\[\]{}\"'“”‘’<>=]|,(?=\d{3}))*")
_PAST = re.compile(rf"\b{PAST_VERB}\b", re.VERBOSE | re.IGNORECASE)
_LETTERS = re.compile(r"(?<=\d)(?=[a-z%]+$)")
_UNITS: Final = {
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "min"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("day", "days"), "d"),
    **dict.fromkeys(("week", "weeks"), "week"),
    **dict.fromkeys(("month", "months"), "month"),
    **dict.fromkeys(("year", "years"), "year"),
    **dict.fromkeys(("kb", "kib"), "kb"),
    **dict.fromkeys(("mb", "mib", "megabytes"), "mb"),
    **dict.fromkeys(("gb", "gib", "gigabytes"), "gb"),
    **dict.fromkeys(("tb", "tib"), "tb"),
    **dict.fromkeys(("%", "percent"), "%"),
    **dict.fromkeys(("euro", "euros", "eur"), "eur"),
    **dict.fromkeys(("dollar", "dollars", "usd"), "usd"),
    **dict.fromkeys(("km", "kilometers", "kilometres"), "km"),
    **dict.fromkeys(("kg", "kilograms"), "kg"),
}


def quantities(text: str) -> frozenset[str]:
    """Numbers with their unit, codes, dates and words that say when, each in one form."""
    lowered = text.lower()
    found = {_quantity(lowered, match) for match in _QUANTITY.finditer(lowered)}
    spelled = (NUMBER_WORDS.get(word) or (word if word in CALENDAR else "") for word in words(text))
    return frozenset(found | {token.removesuffix("s") if token in CALENDAR else token for token in spelled if token})


def _quantity(lowered: str, match: re.Match[str]) -> str:
    token = match[0].strip(".:!?*_`~-–—/#…").replace(",", "")
    number, *unit = _LETTERS.split(token, maxsplit=1)
    following = _following_word(lowered, match.end())
    named = unit[0] if unit else following
    return f"{number} {_UNITS[named]}" if named in _UNITS else token


def _following_word(text: str, at: int) -> str:
    match = re.compile(r"\s*(%|[a-z]+)").match(text, at)
    return match[1] if match else ""


def names(text: str) -> frozenset[str]:
    """Capitalised words in lower case, those that only begin a sentence among them."""
    return frozenset(_bare(name) for name in proper_nouns(text))


def _bare(name: str) -> str:
    return name.lower().replace("’", "'")


def is_negation(word: str) -> bool:
    """Whether the word turns what is said into its opposite."""
    return word in NEGATIONS or word.replace("’", "'").endswith("n't")


def is_past(text: str) -> bool:
    """Whether the text tells of something over and done."""
    return _PAST.search(text) is not None


def is_denied(text: str) -> bool:
    """Whether the text, taken as one statement, denies what it speaks of; two denials cancel out."""
    return sum(is_negation(word) or word in _REFUSALS for word in words(text)) % 2 == 1


def is_refusal(word: str) -> bool:
    """Whether the word is a verb that denies what follows it."""
    return word in _REFUSALS


def stems(text: str) -> frozenset[str]:
    """The stems of the words that carry meaning: no joining words, no negation."""
    return frozenset(
        stem(word) for word in words(text) if word not in STOP_WORDS and not is_negation(word) and word not in _REFUSALS
    )


@lru_cache(maxsize=20_000)
def stem(word: str) -> str:
    """The word without its inflection: `deploys`, `deployed` and `deploying` are one."""
    word = word.replace("’", "'").removesuffix("'s")
    for ending, instead in (("ies", "y"), ("sses", "ss"), ("ied", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith(("ss", "us", "is")):
            word = _undoubled(word[: len(word) - len(ending)] + instead, ending)
            break
    return word.removesuffix("e") if len(word) > 3 else word


def _undoubled(root: str, ending: str) -> str:
    twin = len(root) > 3 and root[-1] == root[-2] and root[-1] not in "lsz"
    return root[:-1] if twin and ending in ("ing", "ed") else root


def oppose(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether one set of words holds the contrary of a word that only the other holds."""
    only_first, only_second = first - second, second - first
    return any(OPPOSITES.get(word, frozenset()) & only_second for word in only_first)

"""Words, sentences and sizes of a text, and the form in which FTS5 sees it. Pure functions, standard library only.

The FTS5 table is tokenized with ``porter unicode61 remove_diacritics 2``: a token is a run of letters and digits,
everything else separates. Two consequences are handled here, the same way for what is stored and what is asked:

* Chinese, Japanese and Korean text has no (or few) spaces, so a whole clause would be one token; `segment` puts
  spaces between such characters.
* ``ERR-4031`` is two tokens; `fts_phrase` asks for them side by side, and `keyword_terms` also for each part.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

CONTEXT_WORDS: Final = 60
"""Words taken from each earlier memory into the `context` column."""

CONTEXT_MEMORIES: Final = 2
"""Earlier memories of the same group whose words go into the `context` column."""

CONTEXT_LIMIT: Final = 100
"""A memory of more words than this speaks for itself and gets no context."""

SHORT_QUESTION_WORDS: Final = 40
"""A memory of at most this many words that ends in a question mark asks something and tells little."""

MAX_TERMS: Final = 64
"""Most words one query is searched with; identifiers are kept before ordinary words."""

FREQUENT_SHARE: Final = 0.2
"""A word in this share of the memories or more is not worth a keyword search where a rarer one is there."""

QUICKLY_SCORED: Final = 2000
"""So many memories are scored without a thought: about 5 ms."""

FREQUENT_LEAST: Final = 10
"""A word in fewer memories than this is never frequent: in a small store every word has a large share."""

RARE_SHARE: Final = 0.005
"""A word in at most this share of the memories singles them out."""

RARE_COUNT: Final = 3
"""So does a word in at most this many, in a store of any size."""

_CJK = (
    "\u1100-\u11ff"  # Hangul jamo
    "\u2e80-\u2fdf"  # radicals
    "\u3005-\u3007\u3021-\u3029\u3031-\u3035"  # iteration marks, numerals
    "\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff"  # kana
    "\u3105-\u312f\u3131-\u318e\u31a0-\u31bf"  # bopomofo, Hangul letters
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # ideographs
    "\ua960-\ua97f\uac00-\ud7a3\ud7b0-\ud7ff"  # Hangul syllables
    "\uff66-\uff9f\uffa0-\uffdc"  # half-width forms
    "\U0001b000-\U0001b16f\U00020000-\U000323af"  # supplementary kana and ideographs
)
_CJK_CHAR = re.compile(f"[{_CJK}]")
_CJK_RUN = re.compile(f"[{_CJK}]+")
_CJK_EDGE = re.compile(rf"(?<=[{_CJK}])(?=\S)|(?<=\S)(?=[{_CJK}])")
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*")
_ALNUM_RUN = re.compile(rf"[^\W_{_CJK}]+")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SPACE = re.compile(r"\s+")
_POSSESSIVE = re.compile(r"['’]s?$", re.IGNORECASE)

STOP_WORDS: Final = frozenset(
    """
    a an the this that these those some any each every either neither both all such same own other another
    i me my mine myself we us our ours ourselves you your yours yourself yourselves he him his himself
    she her hers herself it its itself they them their theirs themselves one ones someone anyone everyone
    something anything everything there here
    am is are was were be been being do does did done doing have has had having can could shall should
    will would might must ought get gets got getting let lets
    and or but nor so yet if then than because while although though unless whether as
    of in on at to from by with without about into onto upon over under between among during before after
    since until till through for against toward towards within per via up down out off
    not no yes only just also too very more most much many few less least even still already again ever
    what which who whom whose when where why how
    s t d m ll re ve don doesn didn isn aren wasn weren hasn haven hadn can't won't
    don't doesn't didn't isn't aren't wasn't weren't hasn't haven't hadn't couldn't shouldn't wouldn't
    i'm i've i'd i'll you're you've you'd you'll he's she's it's we're we've we'd we'll they're they've they'd
    they'll that's there's here's what's who's where's when's how's let's cannot
    please tell know
    """.split()  # noqa: SIM905
)
"""English words that join or ask rather than name; matched in lower case."""

_CJK_FUNCTION: Final = frozenset(
    "的了吗呢吧啊么什哪谁怎在是和与就都而及着过也はがをにのへとでもかねよや은는이가을를의에"
)


def words(text: str) -> list[str]:
    """The lower-cased words of a text in order; a Chinese, Japanese or Korean character is a word by itself."""
    return _WORD.findall(text.lower())


def segment(text: str) -> str:
    """The text as FTS5 is given it: composed (NFC), with a space on either side of every CJK character."""
    if text.isascii():
        return text
    return _CJK_EDGE.sub(" ", unicodedata.normalize("NFC", text))


def fts_phrase(term: str) -> str:
    """One FTS5 string that matches `term` literally: its tokens side by side, never a keyword or an operator."""
    literal = segment(_UNSTORABLE.sub(" ", term)).replace('"', '""')
    return f'"{literal}"'


def fts_query(terms: Iterable[str]) -> str:
    """The FTS5 expression that matches any of the terms; empty when there are none (FTS5 refuses an empty query)."""
    return " OR ".join(map(fts_phrase, terms))


def keyword_terms(query: str) -> tuple[str, ...]:
    """The distinct words worth searching, in lower case and the order of the query, at most `MAX_TERMS`.

    Function and question words are left out unless nothing else is there. A word with inner punctuation
    (``ERR-4031``, ``path/to/file.py``) gives itself, to be matched as a phrase, and its parts.
    CJK text gives pairs of characters and single characters.
    """
    chunks = list(_chunks(query))
    shouting = query.isupper()
    telling = [chunk for chunk in chunks if not _is_stop_word(chunk, shouting)] or chunks
    telling.sort(key=lambda chunk: not is_identifier_like(chunk)) if len(telling) > MAX_TERMS else None
    terms = dict.fromkeys(term.lower() for chunk in telling for term in _expand(chunk))
    return tuple(islice(terms, MAX_TERMS))


def is_frequent(share: float, total: int, threshold: float = FREQUENT_SHARE) -> bool:
    """Whether a word held by `share` (0..1) of `total` memories is in at least `threshold` of them."""
    return share >= threshold and share * total >= FREQUENT_LEAST


def telling_terms(frequencies: Mapping[str, float], total: int) -> tuple[str, ...]:
    """The terms worth a keyword search: those that are not frequent.

    All of them where there are none, or where none of those is found and the store is small; in a large one a word
    that is everywhere costs most and tells least.

    Args:
        frequencies: term to the share of the searched memories that hold it in their content, 0..1.
        total: how many memories these are shares of.
    """
    telling = tuple(term for term, share in frequencies.items() if not is_frequent(share, total))
    found = any(frequencies[term] > 0 for term in telling)
    return telling if found or (telling and total > QUICKLY_SCORED) else tuple(frequencies)


def rare_terms(frequencies: Mapping[str, float], total: int) -> tuple[str, ...]:
    """The terms that single out the few memories that hold them; arguments as for `telling_terms`."""
    most = min(max(RARE_COUNT, RARE_SHARE * total), max(1.0, total / 5))
    return tuple(term for term, share in frequencies.items() if share > 0 and round(share * total) <= most)


def _chunks(text: str) -> Iterator[str]:
    """Runs without spaces, freed of punctuation at both ends and of a possessive; CJK runs by themselves."""
    for chunk in _CJK_RUN.sub(r" \g<0> ", unicodedata.normalize("NFC", text)).split():
        bare = _POSSESSIVE.sub("", _strip_punctuation(chunk))
        if bare:
            yield bare


def _strip_punctuation(chunk: str) -> str:
    start, end = 0, len(chunk)
    while start < end and not chunk[start].isalnum():
        start += 1
    while end > start and not _belongs_to_word(chunk[end - 1]):
        end -= 1
    return chunk[start:end]


def _belongs_to_word(char: str) -> bool:
    return char.isalnum() or unicodedata.category(char) in ("Mn", "Mc")


def _is_stop_word(chunk: str, shouting: bool) -> bool:
    """Whether a chunk only joins or asks; ``IT`` and ``US`` inside an ordinary sentence are names."""
    if chunk.isupper() and len(chunk) > 1 and not shouting:
        return False
    return chunk.lower().replace("’", "'") in STOP_WORDS


def _expand(chunk: str) -> Iterator[str]:
    """The chunk as one term, then the parts it is made of."""
    if _CJK_CHAR.match(chunk):
        yield from _cjk_terms(chunk)
        return
    yield chunk
    parts = _ALNUM_RUN.findall(chunk)
    if len(parts) > 1:
        yield from (part for part in parts if len(part) > 1 and part.lower() not in STOP_WORDS)


def _cjk_terms(run: str) -> Iterator[str]:
    """Pairs of neighbouring characters, and every character that carries meaning alone."""
    yield from (run[i : i + 2] for i in range(len(run) - 1))
    telling = [char for char in run if char not in _CJK_FUNCTION]
    yield from telling or run


def is_identifier_like(term: str) -> bool:
    """Whether a term looks like a code, a version, a path or a name in source code rather than a word."""
    return _IDENTIFIER.search(term) is not None


_IDENTIFIER = re.compile(
    r"[^\W\d_][-./:#]?\d|\d[-./:#]?[^\W\d_]"  # letters next to digits: ERR-4031, v2, 3rd
    r"|\d[-./:]\d|\d{3}"  # 2.3.1, 10:30, 1041
    r"|\w_\w|\w(?:/|\\|::|@)\w|\w\.\w{2}"  # foo_bar, a/b, std::map, me@example, file.py
    r"|[a-z][A-Z]"  # getUserName
)


def proper_nouns(query: str) -> tuple[str, ...]:
    """The distinct capitalized words of a query as written, without those that only join or ask."""
    return tuple(dict.fromkeys(chunk for chunk in _chunks(query) if _is_capitalized(chunk)))


def _is_capitalized(chunk: str) -> bool:
    return chunk[0].isupper() and len(chunk) > 1 and chunk.lower().replace("’", "'") not in STOP_WORDS


def context_window(content: str, before: Sequence[str]) -> str:
    """What the `context` column holds for a memory: the opening words of the memories just before it in its group.

    `before` holds the earlier memories' contents, oldest first; the last `CONTEXT_MEMORIES` count, with
    `CONTEXT_WORDS` words each. Empty for a memory of more than `CONTEXT_LIMIT` words.
    """
    if _word_end(content, CONTEXT_LIMIT + 1) is not None:
        return ""
    return "\n".join(text[: _word_end(text, CONTEXT_WORDS)] for text in before[-CONTEXT_MEMORIES:])


def _word_end(text: str, count: int) -> int | None:
    """Where the `count`-th word ends; None when the text has fewer words."""
    match = next(islice(_WORD.finditer(text), count - 1, None), None)
    return match.end() if match else None


def is_short_question(text: str) -> bool:
    """Whether a text is nothing but one short question."""
    return text.rstrip().endswith(("?", "？")) and _word_end(text, SHORT_QUESTION_WORDS + 1) is None


def estimate_tokens(text: str) -> int:
    """About how many tokens a language model reads: four characters each, and one for every CJK character."""
    if text.isascii():
        return -(-len(text) // 4)
    wide = sum(len(run) for run in _CJK_RUN.findall(text))
    return wide + -(-(len(text) - wide) // 4)


_BREAK = re.compile(
    r"""
      [\n\r\u2028\u2029]\s*                       # a line ends
    | (?<=[。！？｡])(?![。！？｡」』）”’])\s*           # a CJK full stop
    | (?<=[。！？｡][」』）”’])\s*
    | (?<=[.!?…])\s+(?=[^\s\W]|["'“‘(\[¿¡*_`$€£#@])   # a full stop and a space
    | (?<=[.!?…]["'”’)\]])\s+(?=[^\s\W]|["'“‘(\[¿¡*_`$€£#@])
    """,
    re.VERBOSE,
)
_BULLET = re.compile(r"^(?:[-*+•‣·▪–—]|\(?\d{1,3}[.)]|\(?[a-zA-Z][)]|\#{1,6})\s+")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'“‘])(?:"
    r"[A-Za-z]|(?:[A-Za-z]\.)+[A-Za-z]"  # J. Smith, e.g., U.S.
    r"|(?i:mr|mrs|ms|dr|prof|sr|jr|st|mt|vs|etc|cf|al|approx|est|dept|fig|figs|eq|no|nos|vol|pp|p|ed|eds|inc|ltd|co"
    r"|corp|jan|feb|mar|apr|jun|jul|aug|sep|sept|oct|nov|dec|mon|tue|tues|wed|thu|thur|thurs|fri|ca|resp|min|max"
    r"|ref|sec|ch|gen|col|capt|lt|sgt|rev|hon|gov|sen|rep|pres|ave|blvd|rd)"
    r")\.$"
)
_ENDS_TOO = frozenset({"etc", "inc", "ltd", "co", "corp", "jr", "sr", "al", "no", "p.m", "a.m", "i"})
"""Abbreviations that end a sentence where a capital follows."""

_LINE_END = re.compile(r"[\n\r\u2028\u2029]")


def sentences(text: str) -> list[str]:
    """The sentences of a text, stripped, in order; a line break or a list item ends one too.

    Abbreviations (``Dr. Who``, ``e.g. this``), initials and numbers (``2.5``) do not end a sentence.
    List markers are left out, and a line with no letter or digit is no sentence.
    """
    found: list[str] = []
    start = 0
    for match in _BREAK.finditer(text):
        if match.start() > start and not _continues(text, start, match):
            found.append(text[start : match.start()])
            start = match.end()
    found.append(text[start:])
    bare = (_BULLET.sub("", sentence.strip()) for sentence in found)
    return [sentence for sentence in bare if any(map(str.isalnum, sentence))]


def _continues(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether what looks like the end of the sentence at `start` is an abbreviation, an initial or a list number."""
    if _LINE_END.match(match[0]):
        return False
    tail = text[max(start, match.start() - 24) : match.start()]
    following = text[match.end() : match.end() + 1]
    if match.start() - start < 8 and _BULLET.fullmatch(tail.strip() + " "):
        return True
    if not _ABBREVIATION.search(tail):
        return following.islower() and not tail.endswith(("?", "!"))
    last = tail.rsplit(maxsplit=1)[-1].strip("(['\"“‘").rstrip(".").lower()
    return not (last in _ENDS_TOO and following.isupper())


def first_sentences(text: str, chars: int) -> str:
    """As many whole opening sentences as fit in `chars` characters; the first one clipped where it alone is longer."""
    taken: list[str] = []
    length = 0
    for sentence in sentences(text):
        length += len(sentence) + bool(taken)
        if length > chars:
            break
        taken.append(sentence)
    return " ".join(taken) if taken else clip(text, chars)


def clip(text: str, chars: int) -> str:
    """At most `chars` characters of a text, whitespace folded, cut between words and marked with an ellipsis."""
    folded = _SPACE.sub(" ", text[: chars * 2 + 1000]).strip()
    if len(folded) <= chars and len(text) <= chars * 2 + 1000:
        return folded
    room = max(chars - 1, 0)
    cut = folded[:room]
    if _splits_word(folded, room):
        border = max(cut.rfind(" "), 0)
        cut = cut[:border] if border >= room // 2 else cut
    return cut.rstrip(" ,;:-–—") + "…" if chars > 0 else ""


def _splits_word(text: str, at: int) -> bool:
    """Whether a cut at this place would leave part of a word behind."""
    return 0 < at < len(text) and not text[at].isspace() and not _CJK_CHAR.match(text[at])


def normalised(text: str) -> str:
    """The text with whitespace and Unicode form folded: what makes two memories the same memory.

    Case is kept: `Hunter2` and `hunter2` are two passwords.
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def content_hash(text: str) -> str:
    """SHA-256 of the normalised text in hexadecimal; equal exactly for exact duplicates."""
    return hashlib.sha256(normalised(text).encode()).hexdigest()

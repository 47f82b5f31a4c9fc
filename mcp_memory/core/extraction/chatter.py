"""What of a conversation is not worth keeping: talk, questions, one-off requests, scraps. Pure functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mcp_memory.core.terms import content_words, telling
from mcp_memory.core.wording import names, quantities, stem
from mcp_memory.text import is_identifier_like, words

if TYPE_CHECKING:
    from mcp_memory.core.extraction.pieces import Piece

LEAST_WORDS: Final = 3
"""Words of the shortest statement; in scripts without spaces every character is one."""

LEAST_WIDE: Final = 5
"""The same where there are no spaces."""

_TALK = re.compile(
    r"""\A(?:
        (?:hi|hello|hey|good\ (?:morning|evening|night|afternoon)|bye|goodbye|cheers|welcome|congrat\w*)\b
      | (?:thanks|thank\ you|thx|many\ thanks|you['’]re\ welcome|no\ problem|sorry|apologies)\b
      | (?:(?:ok|okay|sure|yes|yep|yeah|no|nope|alright|great|perfect|cool|nice|awesome|right|got\ it|i\ see|understood
            |sounds?\ good|looks\ good|lgtm|makes\ sense|fair\ enough|no\ worries|will\ do|on\ it)\b\s*(?:[,.!-]|\Z))
      | (?:let\ me|let['’]s|lemme|i['’]ll|i\ will|i['’]m\ going\ to|i\ am\ going\ to)
        \ (?:now\ |first\ |just\ |quickly\ )?(?:check|look|see|think|try|take|start|begin|continue|open|read|run|go
          |get\ back|have\ a\ look|do\ (?:that|this)|know|investigate|search|find)\b
      | (?:one|just\ a|hold\ on|wait)\ (?:moment|second|sec|minute)\b | hold\ on\b | wait\b
      | (?:here\ (?:is|are|you)|see\ (?:above|below)|as\ (?:you|i)\ (?:can\ see|said)|hope\ (?:this|that))\b
      | how\ are\ you\b | have\ a\ (?:nice|good|great)\b | see\ you\b | talk\ (?:soon|later)\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_QUESTION = re.compile(
    r"""[?？]["'”’)\]]*\Z
      | \A(?:can|could|would|will|shall|should|do|does|did|have|has|are|is|may)\ (?:i|you|we|they|he|she|it|there)\b
      | \A(?:what|why|where|when|who|which|how)\ (?:do|does|did|should|can|could|would|shall|will)
        \ (?:i|you|we|they|he|she|it|the)\b
      | \A(?:what|how)\ about\b | \A(?:any\ (?:idea|chance|thoughts)|i\ wonder)\b
      | \A(?:吗|请问)""",
    re.VERBOSE | re.IGNORECASE,
)
_REQUEST = re.compile(
    r"""\A(?:(?:please|pls|now|then|and|also|just|next,?)\ )*(?:
        (?:run|rerun|re-run|open|show|list|print|display|find|search|look|check|try|retry|go|give|send|tell|read|explain
          |summari[sz]e|describe|continue|proceed|commit|push|pull|revert|undo|redo|stop|wait|help|fix|create|write|add
          |remove|delete|rename|move|update|make|implement|refactor|generate|translate|draft|review|restart|install)
        \ (?:me|us|it|this|that|these|those|the|a|an|all|again|on|back|up|over|ahead|for|at|into|by|my|your|some)\b
      | (?:go\ ahead|carry\ on|keep\ going|continue|proceed|try\ again|do\ (?:it|that|this))\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_STANDING = re.compile(
    r"\b(?:always|never|every|each|whenever|when|before|after|unless|until|from now on|must|only|if|in order to)\b"
    r"|\Ato\b|[;:]",
    re.IGNORECASE,
)
_SHELL = re.compile(
    r"\A(?:[$>%#]\s+\S|(?:sudo|cd|ls|cat|rm|cp|mv|mkdir|chmod|grep|curl|wget|echo|export|source)\s+[-./~$\w]\S*"
    r"|(?:git|npm|pnpm|yarn|pip|uv|docker|kubectl|make|cargo|go|python3?|pytest|brew|apt(?:-get)?)\s+[-\w./]+"
    r"(?:\s+[-./\w=:@]+){0,6}\Z)"
)
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7a3]")


def is_worthless(piece: Piece) -> bool:
    """Whether a piece is talk, a question, a request for once, a command line, or too short to say anything."""
    text = piece.text.strip()
    if piece.labelled:
        return _says_nothing(text.removeprefix(f"{piece.subject}:").strip())
    return _is_scrap(text) or _asks(text) or _SHELL.match(text) is not None or _is_talk(text)


def _says_nothing(value: str) -> bool:
    """Whether the value of a key is empty or talk; yes and no are answers."""
    if value.lower().rstrip(".!") in ("yes", "no"):
        return False
    return not any(map(str.isalnum, value)) or (_TALK.match(value) is not None and not _tells(value))


def _is_scrap(text: str) -> bool:
    return len(words(text)) < (LEAST_WIDE if _WIDE.search(text) else LEAST_WORDS)


def _asks(text: str) -> bool:
    """Whether it wants an answer or a deed now; what is to be done always, or on a condition, is an instruction."""
    if _QUESTION.search(text):
        return True
    return _REQUEST.match(text) is not None and not _STANDING.search(text)


def _is_talk(text: str) -> bool:
    if _TALK.match(text) and not _tells(text.split(maxsplit=1)[-1]):
        return True
    return not _tells(text) and not (telling(map(stem, content_words(text))))


def _tells(text: str) -> bool:
    """Whether it holds a number, an identifier or a name, which talk does not."""
    inner = names(text) - set(words(text)[:1])
    return bool(quantities(text) or inner or any(map(is_identifier_like, text.split())))

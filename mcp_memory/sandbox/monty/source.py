"""Finds the expression that a piece of code ends with, so that its value can be kept.

It reads the code as tokens, one after another, and knows only strings, brackets, comments and where lines end: no
parser of this process ever sees the code, and the time is linear in its length. Where it is not sure, it finds none.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import dataclass

RESULT = "_mm_r"
"""The name that the value is kept under."""

TOKEN = re.compile(
    r"""(?P<name>[^\W\d]\w*)
      | (?P<number>\d[\w.]*)
      | (?P<quote>\"{3}|'{3}|\"|')
      | (?P<comment>\#[^\n]*)
      | (?P<joined>\\\n)
      | (?P<newline>\n)
      | (?P<open>[\[({])
      | (?P<close>[\])}])
      | (?P<compare>==|!=|<=|>=|->)
      | (?P<assign>:=|//=|\*\*=|<<=|>>=|[-+*/%@&|^]=|=|:)
      | (?P<semicolon>;)
      | (?P<blank>[ \t\f]+)
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
STRING = {
    '"': re.compile(r'(?:[^\\\n"]|\\.)*+"', re.DOTALL),
    "'": re.compile(r"(?:[^\\\n']|\\.)*+'", re.DOTALL),
    '"""': re.compile(r'(?:[^\\"]|\\.|"(?!""))*+"""', re.DOTALL),
    "'''": re.compile(r"(?:[^\\']|\\.|'(?!''))*+'''", re.DOTALL),
}
PREFIXES = frozenset({"r", "u", "b", "f", "t", "br", "rb", "fr", "rf", "tr", "rt"})
NO_EXPRESSION = frozenset(keyword.kwlist) - {"None", "True", "False", "not", "lambda", "await"}


def keep_last_value(code: str) -> tuple[str, bool]:
    """The code with the value of its last expression bound to `RESULT`, and whether it ends with one.

    Lines keep their numbers.
    """
    start = last_expression(code)
    if start is None:
        return code, False
    return f"{code[:start]}{RESULT} = {code[start:]}", True


def last_expression(code: str) -> int | None:
    """Where the last statement begins, if it is an expression at the top of the code. Lines must end in `\\n`."""
    scanner = _Scanner(code)
    return scanner.last.start if scanner.run() and scanner.last.is_expression else None


@dataclass(slots=True)
class _Statement:
    """The last simple statement so far."""

    start: int = -1
    is_expression: bool = False


class _Scanner:
    def __init__(self, code: str) -> None:
        self.code = code
        self.depth = 0
        self.compound = False
        """The line began a statement that holds others."""
        self.fresh = True
        """Nothing of the logical line has been seen."""
        self.expecting = True
        """The next token begins a simple statement."""
        self.last = _Statement()

    def run(self) -> bool:
        """Whether the code could be read to its end."""
        at = 0
        while at < len(self.code):
            match = TOKEN.match(self.code, at)
            if match is None:  # pragma: no cover - the last alternative takes anything
                return False
            end = self._take(match)
            if end is None:
                return False
            at = end
        return self.depth == 0

    def _take(self, match: re.Match[str]) -> int | None:
        """Take a token; where the next one begins, or None where the code is not to be understood."""
        kind, at, end = match.lastgroup, match.start(), match.end()
        if kind in ("comment", "joined"):
            return end
        if kind == "newline":
            if self.depth == 0:
                self.fresh = self.expecting = True
            return end
        if kind == "blank":
            return end
        if self.expecting and self.depth == 0 and kind != "semicolon":
            self._begin(match)
        if kind == "quote":
            return self._string(match.group(), at, prefix="")
        if kind == "name":
            return self._name(match)
        return end if self._punctuation(kind or "", match.group()) else None

    def _begin(self, match: re.Match[str]) -> None:
        """A statement begins here."""
        at = match.start()
        if self.fresh:
            self.fresh = False
            indented = at > 0 and self.code[at - 1] != "\n"
            self.compound = indented
        word = match.group()
        expression = not self.compound and word not in NO_EXPRESSION and word != "@"
        self.last = _Statement(at, expression)
        self.expecting = False

    def _name(self, match: re.Match[str]) -> int | None:
        end = match.end()
        if match.group().lower() in PREFIXES and self.code[end : end + 1] in ("'", '"'):
            quote = self.code[end : end + 3]
            quote = quote if quote in STRING else self.code[end]
            return self._string(quote, end, match.group().lower())
        return end

    def _string(self, quote: str, at: int, prefix: str) -> int | None:
        match = STRING[quote].match(self.code, at + len(quote))
        if match is None:
            return None
        text = match.group()
        if "f" in prefix and text.count("{") != text.count("}"):
            return None  # quotes of its own kind inside a replacement field, or a lone brace: not worth a guess
        return match.end()

    def _punctuation(self, kind: str, text: str) -> bool:
        if kind == "open":
            self.depth += 1
        elif kind == "close":
            self.depth -= 1
        elif self.depth == 0 and kind == "assign":
            self.last.is_expression = False
            self.compound = self.compound or text == ":"
        elif self.depth == 0 and kind == "semicolon":
            self.expecting = True
        return self.depth >= 0 and text not in ("\\", "$", "?", "!", "`")

"""What a model's reply asks for: blocks of code in fences, or an answer written as text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

PYTHON: Final = frozenset({"", "python", "python3", "py", "repl"})
"""First words of a fence's line whose block is run, in lower case. Others (`json`, `text`, ...) are reading matter."""

_FENCE: Final = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([^`\n]*)")
_DECORATION: Final = " \t>*_`.;"
"""What models put around an answer, or after it."""
_FINAL_VAR: Final = re.compile(r"^[ \t>*_`]*FINAL_VAR\(\s*[\"']?([A-Za-z][A-Za-z0-9_]{0,63})[\"']?\s*\)", re.MULTILINE)
_BARE_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_QUOTES: Final = ('"""', "'''", '"', "'")


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """An answer given outside code, as models do that do not keep to the form."""

    text: str = ""
    variable: str = ""
    """Or the name of the variable that holds it."""
    maybe_variable: bool = False
    """`text` is a bare name: it is the variable of that name if there is one."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply, taken apart."""

    said: str
    """The whole of it."""
    blocks: tuple[str, ...] = ()
    """Code, in order."""
    unfinished: bool = False
    """The reply broke off inside a block, which is left out: half a program is not run."""
    answer: TextAnswer | None = None
    """Only where there is no code."""


def read_reply(text: str, *, truncated: bool = False) -> Reply:
    """Take a reply apart. A last fence that is not closed counts as code, unless the reply was cut."""
    said = text.strip()
    blocks, unfinished = _blocks(said.splitlines(), truncated)
    answer = None if blocks or unfinished or truncated else _text_answer(said)
    return Reply(said, tuple(blocks), unfinished, answer)


def _blocks(lines: list[str], truncated: bool) -> tuple[list[str], bool]:
    blocks: list[str] = []
    at = 0
    while at < len(lines):
        fence = _FENCE.fullmatch(lines[at])
        at += 1
        if fence is None:
            continue
        indent, marks, language = fence.groups()
        end = _closing(lines, at, marks)
        if end == len(lines) and truncated:
            return blocks, True
        block = "\n".join(_outdented(line, len(indent)) for line in lines[at:end])
        if _is_python(language) and block.strip():
            blocks.append(block)
        at = end + 1
    return blocks, False


def _closing(lines: list[str], start: int, marks: str) -> int:
    """Where the fence ends: at the first line of as many of the same marks alone, else at the end of the reply."""
    for at in range(start, len(lines)):
        line = lines[at].strip()
        if len(line) >= len(marks) and set(line) == {marks[0]}:
            return at
    return len(lines)


def _is_python(language: str) -> bool:
    words = language.strip().lower().split()
    return (words[0].strip("{}.") if words else "") in PYTHON


def _outdented(line: str, indent: int) -> str:
    lead = line[:indent]
    return line[indent:] if not lead.strip() else line


def _text_answer(said: str) -> TextAnswer | None:
    if found := _FINAL_VAR.search(said):
        return TextAnswer(variable=found[1])
    lines = [line.strip(_DECORATION) for line in said.splitlines()]
    start = next((at for at, line in enumerate(lines) if line.startswith("FINAL(")), None)
    end = next((at for at in range(len(lines) - 1, -1, -1) if lines[at].endswith(")")), -1)
    if start is None or end < start:
        return None
    written = "\n".join([lines[start], *said.splitlines()[start + 1 : end], *lines[end : end + (end > start)]])
    return _content(written.removeprefix("FINAL(").removesuffix(")").strip())


def _content(written: str) -> TextAnswer | None:
    for quote in _QUOTES:
        if len(written) >= 2 * len(quote) and written.startswith(quote) and written.endswith(quote):
            written = written[len(quote) : -len(quote)].strip()
            return TextAnswer(text=written) if written else None
    if not written:
        return None
    return TextAnswer(text=written, maybe_variable=_BARE_NAME.fullmatch(written) is not None)

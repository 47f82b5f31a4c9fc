"""The part of `textwrap` that exists inside the sandbox."""

from __future__ import annotations

from typing import Any

SPACES = "\t\n\x0b\x0c\r "


def wrap(
    text: str,
    width: int = 70,
    *,
    initial_indent: str = "",
    subsequent_indent: str = "",
    break_long_words: bool = True,
    break_on_hyphens: bool = True,
    max_lines: int | None = None,
    placeholder: str = " [...]",
) -> list[str]:
    """A paragraph as lines of at most `width` characters."""
    _check(width, max_lines, subsequent_indent if (max_lines or 0) > 1 else initial_indent, placeholder)
    plain = "".join([" " if character in SPACES else character for character in text.expandtabs(8)])
    chunks = _chunks(plain, break_on_hyphens)[::-1]
    lines: list[str] = []
    while chunks:
        indent = subsequent_indent if lines else initial_indent
        room = width - len(indent)
        if lines and not chunks[-1].strip():
            chunks.pop()
        line = _line(chunks, room, break_long_words, break_on_hyphens)
        if not line:
            continue
        last = not chunks or (len(chunks) == 1 and not chunks[0].strip())
        if max_lines is None or len(lines) + 1 < max_lines or (last and len("".join(line)) <= room):
            lines.append(indent + "".join(line))
            continue
        _close(lines, line, room, indent, width, placeholder)
        break
    return lines


def _check(width: int, max_lines: int | None, indent: str, placeholder: str) -> None:
    if width <= 0:
        raise ValueError("invalid width " + repr(width) + " (must be > 0)")
    if max_lines is not None and len(indent) + len(placeholder.lstrip()) > width:
        raise ValueError("placeholder too large for max width")


def _line(chunks: list[str], room: int, long_words: bool, hyphens: bool) -> list[str]:
    """Take the chunks of one line, the next one being the last of the list."""
    line: list[str] = []
    used = 0
    while chunks and used + len(chunks[-1]) <= room:
        used += len(chunks[-1])
        line.append(chunks.pop())
    if chunks and len(chunks[-1]) > room:
        _break(chunks, line, 1 if room < 1 else room - used, long_words, hyphens)
    if line and not line[-1].strip():
        line.pop()
    return line


def _break(chunks: list[str], line: list[str], end: int, long_words: bool, hyphens: bool) -> None:
    """Move as much of a chunk that is longer than a line as fits."""
    if long_words:
        chunk = chunks[-1]
        if hyphens and len(chunk) > end:
            hyphen = chunk.rfind("-", 0, end)
            if hyphen > 0 and chunk[:hyphen].strip("-"):
                end = hyphen + 1
        line.append(chunk[:end])
        chunks[-1] = chunk[end:]
    elif not line:
        line.append(chunks.pop())


def _close(lines: list[str], line: list[str], room: int, indent: str, width: int, placeholder: str) -> None:
    """End the last line with the placeholder."""
    while line:
        if line[-1].strip() and len("".join(line)) + len(placeholder) <= room:
            lines.append(indent + "".join(line) + placeholder)
            return
        line.pop()
    if lines and len(lines[-1].rstrip()) + len(placeholder) <= width:
        lines[-1] = lines[-1].rstrip() + placeholder
        return
    lines.append(indent + placeholder.lstrip())


def _chunks(text: str, hyphens: bool) -> list[str]:
    """Words, the parts of hyphenated words, dashes, and the blanks between them."""
    chunks: list[str] = []
    at = 0
    while at < len(text):
        end = at
        blank = text[at] == " "
        while end < len(text) and (text[end] == " ") == blank:
            end += 1
        if blank or not hyphens or "-" not in text[at:end]:
            chunks.append(text[at:end])
        else:
            chunks.extend(_parts(text[at:end]))
        at = end
    return chunks


def _parts(word: str) -> list[str]:
    """A word cut after its hyphens and around its dashes."""
    parts = []
    start = at = 0
    while at < len(word):
        if word[at] == "-":
            end = at
            while end < len(word) and word[end] == "-":
                end += 1
            dash = end - at >= 2 and at > 0 and _in_word(word[at - 1]) and end < len(word) and _alphanumeric(word[end])
            if dash:
                if start < at:
                    parts.append(word[start:at])
                parts.append(word[at:end])
                start = at = end
                continue
            if at > start and _hyphen(word, at):
                parts.append(word[start : at + 1])
                start = at = at + 1
                continue
        at += 1
    if start < len(word):
        parts.append(word[start:])
    return parts


def _hyphen(word: str, at: int) -> bool:
    """Whether the word may be cut after this hyphen: letters before and after it."""
    before = at >= 2 and _letter(word[at - 1]) and _letter(word[at - 2])
    before = before or (at >= 3 and word[at - 2] == "-" and _letter(word[at - 3]) and _in_word(word[at - 1]))
    after = word[at + 1 :]
    if not before or len(after) < 2 or not _letter(after[0]):
        return False
    return _letter(after[1]) or (len(after) > 2 and after[1] == "-" and _letter(after[2]))


def _letter(character: str) -> bool:
    return character == "_" or (character.isalnum() and not character.isdecimal())


def _alphanumeric(character: str) -> bool:
    return character == "_" or character.isalnum()


def _in_word(character: str) -> bool:
    return _alphanumeric(character) or character in "!\"'&.,?"


def fill(text: str, width: int = 70, **options: Any) -> str:
    """A paragraph as one text of such lines."""
    return "\n".join(wrap(text, width, **options))


def shorten(text: str, width: int, *, placeholder: str = " [...]") -> str:
    """A text cut at a word's end to fit the width."""
    return fill(" ".join(text.strip().split()), width, max_lines=1, placeholder=placeholder)


def dedent(text: str) -> str:
    """Lines without the blanks that all of them begin with."""
    lines = [line if line.strip(" \t") else "" for line in text.split("\n")]
    margins = [line[: len(line) - len(line.lstrip(" \t"))] for line in lines if line]
    margin = margins[0] if margins else ""
    for other in margins:
        while not other.startswith(margin):
            margin = margin[:-1]
    return "\n".join([line[len(margin) :] for line in lines])


def indent(text: str, prefix: str, predicate: Any = None) -> str:
    """Lines with a prefix; without `predicate`, only those that are not blank."""
    lines = text.splitlines(True)
    return "".join([prefix + line if (predicate(line) if predicate else line.strip()) else line for line in lines])

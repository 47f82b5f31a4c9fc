"""What a language model is told: prompts from files, and text of others delimited as data.

Memory is text that somebody else wrote. It goes into a prompt only through `as_data`, and the prompt itself says that
what stands there is material, never an instruction.
"""

from __future__ import annotations

import re
import secrets
from functools import cache
from importlib.resources import files
from string import Template
from typing import Final

_BOUNDARY_BYTES: Final = 8
_LABEL_CHARS: Final = 120
_NOT_IN_A_LABEL: Final = re.compile(r"[^\w .,:;()\[\]#@/+-]+")


def prompt(name: str, /, **values: object) -> str:
    """The prompt in `prompts/<name>.md` with each `$value` or `${value}` filled in.

    It is filled in once: a `$name` inside a value stays as it is. A literal dollar is `$$` in the file.

    Raises:
        KeyError: the file names a value that was not given.
    """
    return _template(name).substitute({key: str(value) for key, value in values.items()})


@cache
def _template(name: str) -> Template:
    text = files("mcp_memory.core").joinpath("prompts", f"{name}.md").read_text(encoding="utf-8")
    return Template(text.strip())


def as_data(label: str, text: str) -> str:
    """The text between two lines that it cannot contain: each has a random boundary, drawn for this text.

    `label` says what it is, on the first line; line breaks and brackets in it are dropped.
    """
    boundary = _boundary_not_in(text)
    shown = _NOT_IN_A_LABEL.sub(" ", label)[:_LABEL_CHARS].strip() or "text"
    return f"<<<data {boundary} {shown}\n{text}\ndata {boundary}>>>"


def _boundary_not_in(text: str) -> str:
    while (boundary := secrets.token_hex(_BOUNDARY_BYTES)) in text:
        pass
    return boundary

"""Small pieces of human output. Recalled text is data: it can neither style nor steer the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table
    from rich.text import Text

_CONTROLS = {code: 0xFFFD for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}
_CONTROLS |= dict.fromkeys((*range(8234, 8239), *range(8294, 8298)))


def visible(text: str) -> str:
    """The text without what a terminal would obey: control characters replaced, direction overrides removed."""
    return text.translate(_CONTROLS)


def bold(text: str) -> Text:
    """What matters."""
    from rich.text import Text

    return Text(text, style="bold")


def dim(text: str) -> Text:
    """What goes with it."""
    from rich.text import Text

    return Text(text, style="dim")


def facts(*parts: str | None) -> str:
    """What is known, in one line; empty parts left out."""
    return visible(" · ".join(part for part in parts if part))


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """Names and values in two columns."""
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(dim(name), Text(value))
    return table


def note(text: str) -> None:
    """A word beside the answer, on standard error."""
    click.echo(text, err=True)

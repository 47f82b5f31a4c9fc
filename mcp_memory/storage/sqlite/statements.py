"""The named statements of `queries.sql`."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
_BLOCK = re.compile(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", re.MULTILINE | re.DOTALL)


@cache
def _statements() -> dict[str, str]:
    text = (HERE / "queries.sql").read_text(encoding="utf-8")
    return {match[1]: match[2].strip().rstrip(";") for match in _BLOCK.finditer(text)}


def sql(name: str) -> str:
    """The statement of this name."""
    return _statements()[name]


@cache
def sql_with(name: str, condition: str) -> str:
    """The statement with `{condition}` filled in; the condition binds values, it never holds any."""
    return sql(name).replace("{condition}", condition)


@cache
def sql_for_index(name: str, number: int) -> str:
    """The statement with `{index}` naming the vector index of the encoder with this number."""
    return sql(name).replace("{index}", f"vec_{number:d}")


def schema() -> str:
    """The script that makes a new store."""
    return (HERE / "schema.sql").read_text(encoding="utf-8")


@cache
def migrations() -> dict[int, str]:
    """Version to the script that leads to it, in order."""
    paths = sorted((HERE / "migrations").glob("[0-9]*.sql"))
    return {int(path.name.split("_")[0]): path.read_text(encoding="utf-8") for path in paths}

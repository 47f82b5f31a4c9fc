"""Looking at the file without opening it for work: nothing is created, migrated or written."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import apsw

from mcp_memory.storage.sqlite.statements import migrations

if TYPE_CHECKING:
    from pathlib import Path


def is_outdated(path: Path) -> bool:
    """Whether opening the file will migrate it."""
    return 0 < _pragma(path, "SELECT user_version FROM pragma_user_version") < max(migrations())


def has_keys(path: Path) -> bool:
    """Whether an API key was ever made; a file from before there were any has none."""
    there = _pragma(path, "SELECT count(*) FROM sqlite_schema WHERE name = 'api_keys'")
    return bool(there and _pragma(path, "SELECT count(*) FROM api_keys"))


def _pragma(path: Path, question: str) -> int:
    """A number; 0 where the file is not there or cannot be asked: opening it for work then says why."""
    if not path.exists():
        return 0
    try:
        with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)) as connection:
            connection.set_busy_timeout(1000)
            [[found]] = connection.execute(question).fetchall()
            return found if isinstance(found, int) else 0
    except apsw.Error:
        return 0

"""Opening one connection to the file, ready for work."""

from __future__ import annotations

import importlib.util
import random
import time
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import apsw

from mcp_memory.errors import StoreUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    Bindings = Sequence[Any] | Mapping[str, Any]
    Row = tuple[Any, ...]

Mode = Literal["write", "read", "immutable"]
"""`immutable`: read a file in a folder where not even the shared index of the write-ahead log can be made."""

CACHE_KIB: Final = 8192
"""Page cache of each connection."""

STATEMENTS: Final = 256
"""Prepared statements each connection keeps."""

SETTINGS: Final = ("mmap_size = 0", "foreign_keys = ON", "secure_delete = FAST", "temp_store = MEMORY")

Returned = TypeVar("Returned")


class Connection(apsw.Connection):
    """A connection whose calls run a statement to its end, so that none stays open behind them."""

    def run(self, statement: str, bindings: Bindings = ()) -> None:
        """Run a statement for what it does."""
        self.execute(statement, bindings).fetchall()

    def rows(self, statement: str, bindings: Bindings = ()) -> list[Row]:
        """All rows of a statement."""
        return self.execute(statement, bindings).fetchall()

    def first(self, statement: str, bindings: Bindings = ()) -> Row | None:
        """The first row, or None."""
        rows = self.rows(statement, bindings)
        return rows[0] if rows else None

    def value(self, statement: str, bindings: Bindings = ()) -> Any:
        """The first column of the first row, of a statement that always has one."""
        return self.rows(statement, bindings)[0][0]

    def stream(self, statement: str, bindings: Bindings = ()) -> Iterator[Row]:
        """The rows one by one, for those too many to hold; to be read to the end."""
        return self.execute(statement, bindings)


def connect(path: Path, mode: Mode, *, durability: Literal["full", "normal"], busy_timeout: float) -> Connection:
    """A connection with the vector extension loaded and every setting made, that has read the file once.

    Raises:
        apsw.Error: it cannot be opened.
    """
    connection = Connection(_uri(path, mode), flags=_flags(mode), statementcachesize=STATEMENTS)
    try:
        connection.set_busy_timeout(int(busy_timeout * 1000))
        _load_vec0(connection)
        for setting in (f"cache_size = -{CACHE_KIB}", f"synchronous = {durability}", *SETTINGS):
            connection.run(f"PRAGMA {setting}")
        connection.run("SELECT count(*) FROM sqlite_schema")
    except BaseException:
        connection.close()
        raise
    return connection


def patiently(work: Callable[[], Returned], patience: float) -> Returned:
    """What `work` returns, tried again while another process is in the way, for at most `patience` seconds.

    For the few statements whose locks SQLite's own busy timeout does not wait for.
    """
    deadline = time.monotonic() + patience
    while True:
        try:
            return work()
        except apsw.BusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(random.uniform(0.002, 0.02))  # noqa: S311 - spreads out processes that start together


def _uri(path: Path, mode: Mode) -> str:
    return path.absolute().as_uri() + ("?immutable=1" if mode == "immutable" else "")


def _flags(mode: Mode) -> int:
    access = apsw.SQLITE_OPEN_READWRITE if mode == "write" else apsw.SQLITE_OPEN_READONLY
    return access | apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_NOMUTEX


def _load_vec0(connection: Connection) -> None:
    connection.enable_load_extension(True)
    connection.load_extension(str(_vec0()))
    connection.enable_load_extension(False)


@cache
def _vec0() -> Path:
    """The extension's file; importing its package would bring in NumPy.

    Raises:
        StoreUnavailable: the package `sqlite-vec` is not installed as it should be.
    """
    package = importlib.util.find_spec("sqlite_vec")
    folder = Path(package.origin).parent if package and package.origin else None
    found = next(folder.glob("vec0.*"), None) if folder else None
    if found is None:
        raise StoreUnavailable(
            "The vector extension of SQLite is missing: install the package `sqlite-vec` into this Python again."
        )
    return found.with_suffix("")

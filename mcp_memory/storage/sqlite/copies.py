"""Copies of the whole file: made while everybody goes on, and put back in its place."""

from __future__ import annotations

import contextlib
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import apsw

from mcp_memory.errors import Conflict, StoreCorrupt, StoreUnavailable
from mcp_memory.storage.base import Copied
from mcp_memory.storage.sqlite import failures
from mcp_memory.storage.sqlite.connection import connect
from mcp_memory.storage.sqlite.migrate import APPLICATION_ID, recognise
from mcp_memory.storage.sqlite.statements import sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mcp_memory.storage.sqlite.connection import Connection

COMPANIONS: Final = ("-wal", "-shm", "-journal")
"""Files that SQLite keeps beside a database; they belong to that one alone."""

PATIENCE: Final = 1.0
"""Seconds that others get to let go of the database before it is replaced."""


def backup(connection: Connection, path: Path, *, overwrite: bool) -> Copied:
    """Copy what is committed into one file that stands alone, and check the copy before it is put in place.

    Raises:
        Conflict: there is a file already.
        StoreCorrupt: the copy is damaged, as the database is.
    """
    if path.exists() and not overwrite:
        raise Conflict(f"There is a file {path} already; choose another name, or say that it may be overwritten.")
    with _unfinished(path) as copy:
        _copy(connection, copy)
        counts = _checked(copy)
        _put_in_place(copy, path)
    return Copied(path, path.stat().st_size, *counts)


def restore(file: Path, target: Path, *, replace: bool) -> Copied:
    """Put a copy of `file` in the place of `target`; what was there is kept aside.

    Raises:
        Conflict: there is a database already, and `replace` was not said.
        StoreCorrupt: the file is none of ours, or damaged.
        StoreTooNew: it was written by a newer version.
        StoreUnavailable: another process has the database open, or the file cannot be read.
    """
    if not file.is_file():
        raise failures.unreachable(file, "there is no such file")
    if target.exists() and not replace:
        raise Conflict(f"There is a database {target} already; say that it may be replaced. It is then kept aside.")
    if target.exists() and file.samefile(target):
        raise Conflict(f"{file} is the database itself; name a backup of it.")
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _unfinished(target) as copy:
        _copy_file(file, copy)
        counts = _checked(copy, told=file)
        with _alone(target):
            aside = _keep_aside(target)
            _put_in_place(copy, target)
    return Copied(target, target.stat().st_size, *counts, aside=aside)


@contextlib.contextmanager
def _unfinished(path: Path) -> Iterator[Path]:
    """An empty file beside `path`, readable by its owner only; gone afterwards unless it was put in place."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    except OSError as error:
        raise failures.from_os(error, path) from error
    os.close(descriptor)
    copy = Path(name)
    try:
        yield copy
    except OSError as error:
        raise failures.from_os(error, path) from error
    finally:
        for leftover in (copy, *_companions(copy)):
            leftover.unlink(missing_ok=True)


def _copy(source: apsw.Connection, copy: Path) -> None:
    """The committed content of a database as one file without a log beside it."""
    target = apsw.Connection(str(copy))
    try:
        with target.backup("main", source, "main") as running:
            running.step(-1)
        target.execute("PRAGMA journal_mode = DELETE").fetchall()
    finally:
        target.close()


def _copy_file(file: Path, copy: Path) -> None:
    """A database somebody named, which may have a log beside it."""
    try:
        source = _readable(file)
    except apsw.Error as error:
        raise failures.from_sqlite(error, file) from error
    try:
        _copy(source, copy)
    except apsw.Error as error:
        raise failures.from_sqlite(error, file) from error
    finally:
        source.close()


def _readable(file: Path) -> apsw.Connection:
    """A log beside the file must be read with it; without one, nothing is made beside it either."""
    log = file.with_name(f"{file.name}-wal")
    immutable = "" if log.exists() and log.stat().st_size else "?immutable=1"
    source = apsw.Connection(
        file.absolute().as_uri() + immutable, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    )
    try:
        source.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except apsw.Error:
        source.close()
        raise
    return source


def _checked(copy: Path, told: Path | None = None) -> tuple[int, int]:
    """How many workspaces and memories a copy holds, which is ours and whole.

    Raises:
        StoreCorrupt: it is not.
        StoreTooNew: it was written by a newer version.
    """
    shown = told or copy
    try:
        connection = connect(copy, "immutable", durability="full", busy_timeout=0)
    except apsw.Error as error:
        raise failures.from_sqlite(error, shown) from error
    try:
        recognise(connection, shown)
        if connection.pragma("application_id") != APPLICATION_ID:
            raise failures.not_ours(shown)
        findings = connection.rows("PRAGMA quick_check(1)")
        if findings != [("ok",)]:
            raise StoreCorrupt(
                f"{shown} is damaged ({findings[0][0]}); nothing was written. `mcp-memory doctor` helps."
            )
        [[workspaces, memories]] = connection.rows(sql("state"))
    except apsw.Error as error:
        raise failures.from_sqlite(error, shown) from error
    finally:
        connection.close()
    return workspaces, memories


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keeps every other process out of a database meanwhile.

    Only who is alone may take a database out of write-ahead logging. One too damaged to ask has nobody in it.

    Raises:
        StoreUnavailable: another process has it open.
    """
    if not path.exists():
        yield
        return
    connection = apsw.Connection(str(path))
    try:
        connection.set_busy_timeout(int(PATIENCE * 1000))
        try:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
            connection.execute("PRAGMA journal_mode = DELETE").fetchall()
            connection.execute("BEGIN EXCLUSIVE").fetchall()
        except (apsw.BusyError, apsw.LockedError):
            raise StoreUnavailable(
                f"Another process has {path} open; close every window and server that uses it, then try again. "
                "Nothing was changed."
            ) from None
        except (apsw.NotADBError, apsw.CorruptError):
            pass
        if os.name != "posix":
            connection.close()  # elsewhere a file that is open cannot be renamed
        yield
    finally:
        connection.close()


def _keep_aside(path: Path) -> Path | None:
    """Give what is at `path`, and what is left of its log, another name as well; which."""
    if not path.exists():
        return None
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.before-restore-{moment}")
    try:
        os.link(path, aside)
    except OSError:  # a file system without hard links: the name is free for an instant
        path.rename(aside)
    for companion in _companions(path):
        companion.rename(f"{aside}{companion.name.removeprefix(path.name)}")
    return aside


def _companions(path: Path) -> list[Path]:
    beside = (path.with_name(path.name + end) for end in COMPANIONS)
    return [one for one in beside if one.exists()]


def _put_in_place(copy: Path, path: Path) -> None:
    """Rename, and see to it that the name survives a power cut too."""
    copy.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

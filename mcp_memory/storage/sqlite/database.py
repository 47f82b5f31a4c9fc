"""The file as this process holds it: a few connections, one of which may write at a time, each call one transaction.

The connection used last is used next, for reading as for writing: its page cache is the one that is still valid
after a write of this process.

A call runs from its first to its last statement inside one function on one worker thread, and takes and gives back
its connection there. A caller that stops waiting therefore never leaves a transaction open or a connection taken.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import TYPE_CHECKING, Final, Literal, TypeVar

import anyio
import anyio.to_thread
import apsw

from mcp_memory.errors import StoreUnavailable
from mcp_memory.storage.sqlite import failures
from mcp_memory.storage.sqlite.connection import Connection, Mode, connect, patiently
from mcp_memory.storage.sqlite.migrate import migrate, recognise, require_current, snapshots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CONNECTIONS: Final = 4
"""Calls that run at the same time."""

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
"""SQLite gives the log and its index beside the file the same rights."""

Returned = TypeVar("Returned")


class Database:
    """Runs functions of a connection as transactions."""

    def __init__(self, path: Path, durability: Literal["full", "normal"], busy_timeout: float) -> None:
        self.path = path
        self.mode: Mode = "write"
        self._durability = durability
        self._busy_timeout = busy_timeout
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._idle: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        self._state: Literal["new", "open", "closed"] = "new"
        self._read_limit = anyio.CapacityLimiter(CONNECTIONS)
        self._write_limit = anyio.CapacityLimiter(1)

    async def read(self, work: Callable[[Connection], Returned]) -> Returned:
        """What `work` returns, seen at one moment."""
        return await anyio.to_thread.run_sync(self.read_now, work, limiter=self._read_limit)

    async def write(self, work: Callable[[Connection], Returned]) -> Returned:
        """What `work` returns, once what it did is safely in the file."""
        return await anyio.to_thread.run_sync(self.write_now, work, limiter=self._write_limit)

    async def write_unsynced(self, work: Callable[[Connection], Returned]) -> Returned:
        """What `work` returns, once what it did would outlive this process; a power cut may still undo it.

        For what is written often and soon made anew. It is SQLite's `synchronous = NORMAL` for this one transaction:
        the write-ahead log is not synced as it commits. Nothing else is weakened. The log is synced as a whole by the
        next commit in `FULL`, of any process, and before each checkpoint; and should the power fail, the log ends
        with the last transaction that is whole. See https://sqlite.org/pragma.html#pragma_synchronous and
        https://sqlite.org/wal.html#performance_considerations.
        """
        return await anyio.to_thread.run_sync(self.write_unsynced_now, work, limiter=self._write_limit)

    async def open(self) -> None:
        """Create or migrate the file where needed."""
        await anyio.to_thread.run_sync(self.open_now, limiter=self._write_limit)

    async def close(self) -> None:
        """Let what is running finish, then let go of the file."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self.close_now, limiter=anyio.CapacityLimiter(1))

    async def forget_the_past(self) -> None:
        """Leave no copy of what the file held before: neither in the write-ahead log nor in snapshots."""
        await anyio.to_thread.run_sync(self._forget_the_past, limiter=self._write_limit)

    async def inspect(self, work: Callable[[Connection], Returned]) -> Returned:
        """What `work` finds out with everybody else kept from writing; nothing it does is kept."""
        return await anyio.to_thread.run_sync(self._inspect, work, limiter=self._write_limit)

    def open_now(self) -> None:
        """`open`, on this thread.

        Raises:
            StoreError: why not.
        """
        with self._opening:
            if self._state == "closed":
                raise self._has_been_closed()
            if self._state == "new":
                with self._telling():
                    first = self._opened()
                for connection in (*[None] * (CONNECTIONS - 1), first):
                    self._idle.put(connection)
                self._state = "open"

    def read_now(self, work: Callable[[Connection], Returned]) -> Returned:
        """`read`, on this thread."""
        with self._borrowed() as connection:
            connection.run("BEGIN")
            try:
                return work(connection)
            finally:
                _end(connection)

    def write_now(self, work: Callable[[Connection], Returned]) -> Returned:
        """`write`, on this thread."""
        with self._writer() as connection:
            return _committed(connection, work)

    def write_unsynced_now(self, work: Callable[[Connection], Returned]) -> Returned:
        """`write_unsynced`, on this thread."""
        with self._writer() as connection:
            connection.run("PRAGMA synchronous = normal")
            try:
                return _committed(connection, work)
            finally:
                connection.run(f"PRAGMA synchronous = {self._durability}")

    def _inspect(self, work: Callable[[Connection], Returned]) -> Returned:
        with self._writing, self._borrowed() as connection:
            connection.run("BEGIN IMMEDIATE" if self.mode == "write" else "BEGIN")
            try:
                return work(connection)
            finally:
                _end(connection)

    def _forget_the_past(self) -> None:
        with self._writing, self._borrowed() as connection:
            try:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
            except apsw.BusyError:
                raise failures.remembered(self.path) from None
        for snapshot in snapshots(self.path):
            snapshot.unlink(missing_ok=True)

    def close_now(self) -> None:
        """`close`, on this thread."""
        with self._opening:
            was, self._state = self._state, "closed"
        if was != "open":
            return
        for _ in range(CONNECTIONS):
            connection = self._idle.get()
            if connection is not None:
                connection.close()
        self._idle.put(None)

    @contextlib.contextmanager
    def _writer(self) -> Iterator[Connection]:
        """A connection to write on, while nobody else in this process does."""
        with self._writing, self._borrowed() as connection:
            if self.mode != "write":
                raise failures.read_only(self.path)
            yield connection

    @contextlib.contextmanager
    def _borrowed(self) -> Iterator[Connection]:
        """A connection nobody else uses meanwhile; what goes wrong on it is told as the store's own errors."""
        self.open_now()
        connection = self._idle.get()
        try:
            if self._state == "closed":
                raise self._has_been_closed()
            if connection is None:
                with self._telling():
                    connection = self._connect(self.mode)
            with self._telling(connection):
                yield connection
        finally:
            self._idle.put(connection)

    def _has_been_closed(self) -> StoreUnavailable:
        return StoreUnavailable(f"The database {self.path} has been closed; start mcp-memory again.")

    @contextlib.contextmanager
    def _telling(self, connection: Connection | None = None) -> Iterator[None]:
        """Tells what goes wrong as the store's own errors."""
        try:
            yield
        except apsw.Error as error:
            system_errno = connection.system_errno if connection is not None else 0
            raise failures.from_sqlite(error, self.path, system_errno) from error
        except OSError as error:
            raise failures.from_os(error, self.path) from error

    def _opened(self) -> Connection:
        writable = self._prepare_file()
        connection = self._readable(writable)
        try:
            recognise(connection, self.path)
            if self.mode == "write":
                patiently(lambda: connection.rows("PRAGMA journal_mode = WAL"), self._busy_timeout)
                migrate(connection, self.path)
            else:
                require_current(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare_file(self) -> bool:
        """Make the folder and the file where they are missing; whether both may be written."""
        if not self.path.parent.exists():
            self.path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE_MODE))
        return os.access(self.path, os.W_OK) and os.access(self.path.parent, os.W_OK)

    def _readable(self, writable: bool) -> Connection:
        """A connection in the first mode that can read the file.

        Raises:
            apsw.Error: of the last mode tried.
        """
        modes: tuple[Mode, ...] = ("write",) if writable else ("read", "immutable")
        for self.mode in modes:
            try:
                return self._connect(self.mode)
            except (apsw.CantOpenError, apsw.ReadOnlyError):
                if self.mode == modes[-1] or self._log_holds_writes():
                    raise
        raise AssertionError("unreachable: the last mode returns or raises")

    def _log_holds_writes(self) -> bool:
        """Whether reading the file alone would miss what is still in the write-ahead log."""
        log = self.path.with_name(self.path.name + "-wal")
        return log.exists() and log.stat().st_size > 0

    def _connect(self, mode: Mode) -> Connection:
        return connect(self.path, mode, durability=self._durability, busy_timeout=self._busy_timeout)


def _committed(connection: Connection, work: Callable[[Connection], Returned]) -> Returned:
    connection.run("BEGIN IMMEDIATE")
    try:
        result = work(connection)
        connection.run("COMMIT")
    finally:
        _end(connection)
    return result


def _end(connection: Connection) -> None:
    """Roll back whatever is still open. SQLite has already done so itself after some errors."""
    if connection.in_transaction:
        connection.run("ROLLBACK")

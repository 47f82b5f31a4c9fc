"""What SQLite's errors mean to the person whose memory it is. The only place that reads them."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

import apsw

from mcp_memory.errors import StoreCorrupt, StoreFull, StoreReadOnly, StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_memory.errors import StoreError

_FULL: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_FORBIDDEN: Final = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))


def full(path: Path) -> StoreFull:
    """There is no room."""
    return StoreFull(
        f"The disk (or quota) that holds {path} is full; nothing was written. Free some space and try again."
    )


def read_only(path: Path) -> StoreReadOnly:
    """There is no permission to write."""
    return StoreReadOnly(
        f"{path} may only be read by this user, so nothing was written. Make the file and its folder writable, "
        "or point MCP_MEMORY_DATA_DIR at a folder that is."
    )


def unreachable(path: Path, reason: str) -> StoreUnavailable:
    """The folder or file cannot be made or opened."""
    return StoreUnavailable(
        f"The database {path} cannot be opened: {reason}. Check that its folder exists and may be read and written, "
        "or point MCP_MEMORY_DATA_DIR at another one."
    )


def not_ours(path: Path) -> StoreCorrupt:
    """It is a file, and none of ours."""
    return StoreCorrupt(
        f"{path} is not a database of mcp-memory; it was left as it is. Move it away, "
        "or point MCP_MEMORY_DATA_DIR at another folder."
    )


def damaged(path: Path, reason: str) -> StoreCorrupt:
    """It is a database, and broken."""
    return StoreCorrupt(
        f"The database {path} is damaged ({reason}). Copy the file somewhere safe, then run `mcp-memory doctor`; "
        "if only an index is damaged, `mcp-memory reindex` mends it."
    )


def busy(path: Path) -> StoreUnavailable:
    """Another process would not let go."""
    return StoreUnavailable(
        f"Another process has kept {path} locked for too long, so nothing was written. Try again; "
        "MCP_MEMORY_BUSY_TIMEOUT says how many seconds to wait."
    )


def remembered(path: Path) -> StoreUnavailable:
    """It was erased, and the log could not be emptied."""
    return StoreUnavailable(
        f"The memory is erased, but another process keeps reading {path}, so its bytes stay in the write-ahead log "
        "until that process is done. End it, or erase another memory later, to empty the log."
    )


def from_os(error: OSError, path: Path) -> StoreError:
    """A failure of the file system, told as a store's."""
    if error.errno in _FULL:
        return full(path)
    if error.errno == errno.EROFS or (error.errno in _FORBIDDEN and path.parent.exists()):
        return read_only(path)
    return unreachable(path, error.strerror or str(error))


def from_sqlite(error: apsw.Error, path: Path, system_errno: int = 0) -> StoreError:
    """A failure of SQLite, told as a store's. `system_errno`: the connection's, right after the failure."""
    if isinstance(error, apsw.FullError) or (isinstance(error, apsw.IOError) and system_errno in _FULL):
        return full(path)
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return busy(path)
    if isinstance(error, apsw.NotADBError):
        return not_ours(path)
    if isinstance(error, apsw.ReadOnlyError | apsw.PermissionsError | apsw.AuthError):
        return read_only(path)
    if isinstance(error, apsw.CorruptError):
        return damaged(path, str(error))
    if isinstance(error, apsw.CantOpenError) and system_errno in _FORBIDDEN:
        return unreachable(path, "permission denied")
    return unreachable(path, str(error))

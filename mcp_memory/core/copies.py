"""Copies of the whole store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.counting import counted
from mcp_memory.models.administration import BackupMade, BackupRestored

if TYPE_CHECKING:
    from pathlib import Path

    from mcp_memory.core.resources import Resources
    from mcp_memory.storage.base import Copied


KEYS_AGAIN: Final = "API keys are as they were in the copy: revoke anew what was revoked since."


async def backup(resources: Resources, path: Path, overwrite: bool) -> BackupMade:
    """Write everything that is committed at this moment into one file.

    Raises:
        Conflict: there is a file already.
    """
    made = await resources.store.backup(path, overwrite)
    return BackupMade(
        path=str(made.path),
        size_bytes=made.size_bytes,
        workspaces=made.workspaces,
        memories=made.memories,
        message=f"{_held(made)} copied to {made.path}.",
    )


def restored(made: Copied) -> BackupRestored:
    """What putting a copy in the store's place came to."""
    aside = f" What was there before is now {made.aside}. {KEYS_AGAIN}" if made.aside else ""
    return BackupRestored(
        path=str(made.path),
        kept_aside=None if made.aside is None else str(made.aside),
        workspaces=made.workspaces,
        memories=made.memories,
        message=f"{_held(made)} restored to {made.path}.{aside}",
    )


def _held(made: Copied) -> str:
    return f"{counted(made.memories, 'memory')} in {counted(made.workspaces, 'workspace')}"

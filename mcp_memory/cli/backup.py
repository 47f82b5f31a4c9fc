"""Commands that copy the whole store: backup, restore-backup."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcp_memory.cli.call import Call, command

if TYPE_CHECKING:
    from rich.console import Console

    from mcp_memory.models.administration import BackupMade, BackupRestored


@command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE.")
def backup(call: Call, file: Path, force: bool) -> None:
    """Copy the whole database into one file.

    Safe while servers and windows use it. FILE appears when it is whole and checked, readable by you alone. It holds
    everything but `environment.key`, without which environments of code come back from the JSON of their variables.
    """
    made = call.run(lambda memory: memory.backup(file, force))
    call.show(made, lambda console: _print(console, made))


@command("restore-backup")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Put it in the place of a database that is there, which is kept aside.")
def restore_backup(call: Call, file: Path, force: bool) -> None:
    """Put a backup in the database's place.

    FILE is checked first. Close every window and server that uses the database before. API keys come back as they
    were: one that was revoked since opens again, until `mcp-memory keys revoke`.
    """
    import asyncio

    settings = call.settings()
    from mcp_memory import app

    done = asyncio.run(app.restore_backup(settings, file, force))
    call.show(done, lambda console: _print(console, done))


def _print(console: Console, done: BackupMade | BackupRestored) -> None:
    from mcp_memory.cli.render import visible

    console.print(visible(done.message))

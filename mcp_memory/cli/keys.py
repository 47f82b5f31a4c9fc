"""Commands over the API keys of the HTTP door."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import click

from mcp_memory.cli.call import AUTHOR, Call, Ordered, command, request

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from mcp_memory.models.administration import ApiKey, KeyCreated

SCOPES: Final = ("read", "write", "admin")

SCOPES_HELP: Final = "What it allows; repeatable [default: read and write]. admin includes both."

UNITS: Final = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
"""Seconds in a minute, an hour, a day, a week."""


@click.group("keys", cls=Ordered)
def keys() -> None:
    """Make, list or revoke API keys.

    Callers of the HTTP server show one. As soon as the first is made, nobody gets in without.
    """


def _seconds(_: click.Context, __: click.Parameter, value: str) -> int | None:
    """A length of time in seconds; None where none was given."""
    if not value:
        return None
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", value.strip().lower(), re.ASCII)
    if found is None:
        raise click.BadParameter(f"{value!r} is no length of time; write for example 90m, 12h, 30d or 52w.")
    return int(found[1]) * UNITS[found[2]]


@command("create")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help=SCOPES_HELP)
@click.option("--bound-to", default="", metavar="WORKSPACE", help="The only workspace it opens [default: all].")
@click.option(
    "--expires-in", default="", callback=_seconds, metavar="TIME", help="90m, 12h, 30d, 52w [default: never]."
)
def create(call: Call, name: str, scopes: tuple[str, ...], bound_to: str, expires_in: int | None) -> None:
    """Make a key and show its secret, this once.

    NAME says whose it is; it is the author of what is written with it. The secret alone goes to standard output.
    """
    from mcp_memory.models.administration import KeyCreate

    wanted = request(KeyCreate, name=name, scopes=list(scopes) or None, workspace_id=bound_to, expires_in=expires_in)
    made = call.run(lambda memory: memory.create_key(wanted, memory.scope_of(AUTHOR)))
    call.show(made, lambda console: _print_created(console, made))


def _print_created(console: Console, made: KeyCreated) -> None:
    from mcp_memory.cli.render import note, visible

    note(visible(f"{made.key.name}: {made.message}"))
    console.print(made.secret)


@command("list")
def list_(call: Call) -> None:
    """List all keys, newest first.

    Those that have expired or were revoked are listed too. Secrets are kept nowhere.
    """
    from mcp_memory.core.resources import utc_now

    found = call.run(lambda memory: memory.list_keys())
    now = utc_now()
    listed = [one.model_dump(mode="json") | {"state": one.state(now)} for one in found]
    call.show({"success": True, "keys": listed}, lambda console: _print_keys(console, found, now))


def _print_keys(console: Console, found: list[ApiKey], now: datetime) -> None:
    from mcp_memory.cli.render import bold, dim, facts, visible

    for key in found:
        console.print(bold(visible(f"{key.prefix}  {key.name}")), dim(key.state(now)))
        console.print(dim(f"    {facts(', '.join(key.scopes), key.workspace_id or 'every workspace', *_days(key))}"))
    console.print(f"{len(found):,} {'key' if len(found) == 1 else 'keys'}.")


def _days(key: ApiKey) -> tuple[str, ...]:
    dates = (("made", key.created_at), ("expires", key.expires_at), ("revoked", key.revoked_at))
    told = tuple(f"{word} {at:%Y-%m-%d}" for word, at in dates if at is not None)
    return (*told, f"last used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used")


@command("revoke")
@click.argument("key")
def revoke(call: Call, key: str) -> None:
    """Revoke a key for ever.

    KEY is its id or its prefix, as `mcp-memory keys list` shows them. A server that runs turns it away within two
    seconds.
    """
    gone = call.run(lambda memory: memory.revoke_key(key.strip(), memory.scope_of(AUTHOR)))
    call.show({"success": True, "key": gone.model_dump(mode="json")}, lambda console: _print_revoked(console, gone))


def _print_revoked(console: Console, gone: ApiKey) -> None:
    from mcp_memory.cli.render import visible

    console.print(visible(f"{gone.prefix} ({gone.name}) opens nothing any more."))


for _command in (create, list_, revoke):
    keys.add_command(_command)

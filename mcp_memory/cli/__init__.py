"""The terminal door. Without a command it is the MCP server over standard input and output.

Importing it costs click and nothing else: a command's module is imported when the command is named, and what it needs
when it runs, so that the server and hooks start fast.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, cast

import click

from mcp_memory import __version__
from mcp_memory.cli.call import DATA_DIR, WORKSPACE, Call, remembered_place
from mcp_memory.cli.failures import report
from mcp_memory.errors import McpMemoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS: Final = {
    "demo": "demo:demo",
    "remember": "memories:remember",
    "recall": "memories:recall",
    "briefing": "briefing:briefing",
    "forget": "memories:forget",
    "restore": "memories:restore",
    "session": "sessions:session",
    "contexts": "contexts:contexts",
    "context": "environment:context",
    "statistics": "memories:statistics",
    "doctor": "upkeep:doctor",
    "reindex": "upkeep:reindex",
    "export": "transfer:export",
    "import": "transfer:import_",
    "backup": "backup:backup",
    "restore-backup": "backup:restore_backup",
    "serve": "serve:serve",
    "keys": "keys:keys",
    "config": "upkeep:config",
}
"""Every command's name to its module and its name there, in the order a newcomer wants them."""


NO_PLUGINS: Final = "PYDANTIC_DISABLE_PLUGINS"
"""pydantic looks through every installed distribution for plugins, unless told not to: 10 ms and more of each start."""


class Door(click.Group):
    """Turns whatever goes wrong on purpose into one sentence and an exit code; with `--json` into JSON."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order a newcomer wants them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, imported now."""
        module, _, name = COMMANDS.get(cmd_name, "").partition(":")
        return cast("click.Command", getattr(import_module(f"mcp_memory.cli.{module}"), name)) if module else None

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> Any:
        """Run and exit: 0 done, 1 not done, 2 the call was written wrongly, 130 interrupted."""
        words = sys.argv[1:] if args is None else list(args)
        os.environ.setdefault(NO_PLUGINS, "__all__")
        extra["standalone_mode"] = False
        try:
            status = super().main(words, *more, **extra)
        except (click.ClickException, click.Abort, McpMemoryError, OSError) as error:
            status = report(error, as_json=_wants_json(words))
        sys.exit(status if isinstance(status, int) else 0)


def _wants_json(words: Sequence[str]) -> bool:
    options = words[: words.index("--")] if "--" in words else words
    return "--json" in options


@click.group(
    "mcp-memory", cls=Door, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("--workspace", **WORKSPACE)
@click.option("--data-dir", **DATA_DIR)
@click.version_option(__version__, message="mcp-memory %(version)s")
@click.pass_context
def main(ctx: click.Context, workspace: str, data_dir: str) -> None:
    """Long-term memory for AI agents, in one SQLite file.

    Without a command this is the MCP server: a client starts it and speaks to it over standard input and output.
    """
    remembered_place(ctx, workspace, data_dir)
    if ctx.invoked_subcommand is None:
        _serve(Call(workspace, data_dir))


def _serve(call: Call) -> None:
    settings = call.settings()
    from mcp_memory.tools.stdio import run

    if sys.stdin.isatty():
        click.echo(
            "mcp-memory waits for an MCP client on standard input; `mcp-memory --help` lists commands.", err=True
        )
    run(settings)

"""The terminal door. Without a command it is the MCP server over standard input and output.

Importing it costs click and nothing else: what a command needs is imported when it runs, so that the server and
`--help` start fast.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mcp_memory import __version__
from mcp_memory.cli.call import DATA_DIR, WORKSPACE, Call, remembered_place
from mcp_memory.cli.demo import demo
from mcp_memory.cli.failures import report
from mcp_memory.cli.memories import forget, recall, remember, restore, statistics
from mcp_memory.cli.transfer import export, import_
from mcp_memory.cli.upkeep import config, doctor, reindex
from mcp_memory.errors import McpMemoryError

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = (demo, remember, recall, forget, restore, statistics, doctor, reindex, export, import_, config)

HELP = {"help_option_names": ["-h", "--help"]}


class Door(click.Group):
    """Turns whatever goes wrong on purpose into one sentence and an exit code; with `--json` into JSON."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order a newcomer wants them."""
        return [command.name or "" for command in COMMANDS]

    def main(self, args: Sequence[str] | None = None, *more: Any, **extra: Any) -> Any:
        """Run and exit: 0 done, 1 not done, 2 the call was written wrongly, 130 interrupted."""
        words = sys.argv[1:] if args is None else list(args)
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


for _command in COMMANDS:
    main.add_command(_command)

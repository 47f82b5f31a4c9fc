"""The command that shows it working."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mcp_memory.cli.call import Call, command

if TYPE_CHECKING:
    from rich.console import Console

    from mcp_memory.cli.demonstration import Demonstration, Recalled


@command("demo")
def demo(call: Call) -> int:
    """Show it working: remember, restart, recall.

    Starts the real server, stores a handful of memories, ends it, starts another, and recalls them by meaning
    and by identifier; exit code 1 if a recall misses. Uses a fresh folder, or the one of --data-dir; your own
    memory is not touched.
    """
    folder = Path(call.data_dir).expanduser().absolute() if call.data_dir else _fresh_folder()
    shown = _demonstrate(folder)
    call.show(shown.as_dict(), lambda console: _print(console, shown))
    return 0 if shown.success else 1


def _fresh_folder() -> Path:
    import tempfile

    return Path(tempfile.mkdtemp(prefix="mcp-memory-demo-"))


def _demonstrate(folder: Path) -> Demonstration:
    import asyncio

    from mcp import MCPError

    from mcp_memory.cli.demonstration import DemonstrationFailed, demonstrate

    try:
        return asyncio.run(demonstrate(folder))
    except* (DemonstrationFailed, MCPError, OSError) as group:
        reasons = "; ".join(str(error) for error in _leaves(group))
    raise click.ClickException(f"The demonstration failed: {reasons}. `mcp-memory doctor` may say why.")


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for part in error.exceptions for leaf in _leaves(part)]
    return [error]


def _print(console: Console, shown: Demonstration) -> None:
    from mcp_memory.cli.render import dim

    first, second = shown.starts
    console.print(f"A server started and listed its {len(shown.tools)} tools in {first:.0f} ms.")
    console.print(
        f"It remembered {len(shown.remembers)} memories: the first in {shown.remembers[0]:.0f} ms, "
        f"the others in {sum(shown.remembers[1:]) / len(shown.remembers[1:]):.0f} ms each. Then it ended."
    )
    console.print(f"Another server started in {second:.0f} ms, and was asked:\n")
    for recalled in shown.recalls:
        _print_recalled(console, recalled)
    console.print(f"The memories lie in {shown.database}")
    console.print(dim(f"Look at them: mcp-memory recall '*' --workspace demo --data-dir {shown.data_dir}"))


def _print_recalled(console: Console, recalled: Recalled) -> None:
    from mcp_memory.cli.render import bold, dim, visible

    relevance = "" if recalled.relevance is None else f", relevance {recalled.relevance:.2f}"
    verdict = "found" if recalled.hit else "MISSED"
    console.print(f"  {recalled.question}")
    console.print(bold(f"    {visible(recalled.found) or 'nothing'}"))
    console.print(dim(f"    {verdict} by {recalled.how} in {recalled.milliseconds:.0f} ms{relevance}\n"))

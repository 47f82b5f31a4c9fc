"""Commands over the installation: doctor, reindex, config."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mcp_memory.cli.call import Call, command
from mcp_memory.cli.failures import Interrupted
from mcp_memory.cli.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from mcp_memory.core.doctor import DoctorReport
    from mcp_memory.core.memory import Memory
    from mcp_memory.settings import Settings

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "red")}


@command("doctor")
def doctor(call: Call) -> int:
    """Check the installation.

    Looks at versions, permissions, the database, its counts and vectors, the encoder and the disk, and says how to
    mend what is wrong; exit code 1 if something is broken.
    """
    import asyncio

    report = asyncio.run(_examine(call.settings(), call))
    call.show(report, lambda console: _print_report(console, report))
    return 0 if report.success else 1


async def _examine(settings: Settings, call: Call) -> DoctorReport:
    """A store that cannot be opened is a finding here, so it is left to the examination to open it."""
    from mcp_memory.app import build_memory
    from mcp_memory.core.doctor import doctor

    memory = build_memory(settings)
    try:
        return await doctor(memory.resources, memory.scope, _origin(settings, call))
    finally:
        await memory.close()


def _origin(settings: Settings, call: Call) -> str:
    if call.workspace:
        return "the option --workspace"
    return "MCP_MEMORY_WORKSPACE" if settings.workspace else "the project of the working folder"


def _print_report(console: Console, report: DoctorReport) -> None:
    from rich.text import Text

    from mcp_memory.cli.render import visible

    for check in report.checks:
        mark, colour = _MARKS[check.status]
        console.print(Text.assemble((mark, colour), f"  {check.name}: {visible(check.detail)}"))
        if check.advice:
            console.print(f"      {visible(check.advice)}")
    console.print(report.message)


@command("reindex")
@click.option("--drop-others", is_flag=True, help="Afterwards remove the vectors of other encoders.")
def reindex(call: Call, drop_others: bool) -> None:
    """Rebuild indexes, embed what is missing.

    Whatever has no vector of the encoder in use gets one. Can be interrupted and run again: it goes on where it was.
    """
    done = _Done()
    try:
        with progress_bar("Embedding") as show:
            result = call.run(lambda memory: _reindex(memory, done.then(show), drop_others))
    except KeyboardInterrupt:
        raise Interrupted(f"Stopped: {done.said()} Run `mcp-memory reindex` again to go on.") from None
    call.show(result, lambda console: console.print(str(result["message"])))


class _Done:
    """How far the work had come."""

    def __init__(self) -> None:
        self.done = 0
        self.total = 0

    def then(self, show: Callable[[int, int], None]) -> Callable[[int, int], None]:
        def progress(done: int, total: int) -> None:
            self.done, self.total = done, total
            show(done, total)

        return progress

    def said(self) -> str:
        return f"{self.done:,} of {self.total:,} memories are embedded and kept." if self.total else "nothing is lost."


async def _reindex(memory: Memory, progress: Callable[[int, int], None], drop_others: bool) -> dict[str, object]:
    store = memory.resources.store
    await store.rebuild_indexes()
    embedded = await memory.reindex(progress)
    identity = memory.resources.indexer.identity
    others = [one.identity for one in await store.encoders() if one.identity != identity] if drop_others else []
    dropped = sum([await store.drop_encoder(one) for one in others])
    return {
        "success": True,
        "embedded": embedded,
        "dropped": dropped,
        "encoder": str(identity),
        "message": _reindexed(embedded, str(identity), len(others)),
    }


def _reindexed(embedded: int, encoder: str, others: int) -> str:
    from mcp_memory.core.counting import counted

    made = (
        f"{counted(embedded, 'memory')} embedded with {encoder}" if embedded else f"every vector by {encoder} is there"
    )
    gone = f"; vectors of {counted(others, 'other encoder')} removed" if others else ""
    return f"Indexes rebuilt; {made}{gone}."


@command("config")
def config(call: Call) -> None:
    """Show the settings and where they came from.

    Secrets are masked.
    """
    from mcp_memory.settings import PREFIX, describe

    settings = call.settings()
    given = {f"{PREFIX}{name.upper()}" for name in call.overrides()}
    rows = [row | {"source": "option"} if row["name"] in given else row for row in describe(settings)]
    call.show({"success": True, "settings": rows}, lambda console: _print_settings(console, rows))


def _print_settings(console: Console, rows: list[dict[str, str]]) -> None:
    from mcp_memory.cli.render import bold, dim, visible

    for row in rows:
        console.print(bold(visible(f"{row['name']}={row['value']}")), dim(f"({row['source']})"))
        console.print(dim(f"    {row['help']}"))

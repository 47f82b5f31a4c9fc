"""Commands that carry memory from store to store: export, import."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from mcp_memory.cli.call import Call, command
from mcp_memory.cli.failures import Interrupted
from mcp_memory.cli.progress import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rich.console import Console

    from mcp_memory.core.memory import Memory
    from mcp_memory.core.portability import ImportReport

STANDARD = "-"


@command("export")
@click.argument("file", default=STANDARD, type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--vectors", is_flag=True, help="Vectors too: 2 KB a memory, and the import need not embed.")
def export(call: Call, file: str, vectors: bool) -> None:
    """Write everything out as JSON Lines.

    Every memory, revision and link goes to FILE or standard output. All workspaces, or the one that --workspace
    names. FILE appears when it is whole, readable by you alone.
    """
    if call.as_json and file == STANDARD:
        raise click.UsageError("With --json give a FILE: standard output carries the export itself.")
    try:
        with progress_bar("Exporting") as show, _destination(file) as stream:
            footer = call.run(lambda memory: _export(memory, call.workspace or None, vectors, stream, show))
    except KeyboardInterrupt:
        raise Interrupted("Stopped; the export is not whole, and no file was written.") from None
    if file != STANDARD:
        _report_export(call, file, footer)


async def _export(
    memory: Memory, workspace_id: str | None, vectors: bool, stream: IO[bytes], show: Callable[[int, int], None]
) -> dict[str, Any]:
    """Write the lines; the last of them."""
    from mcp_memory.core import portability

    expected = written = 0
    line: dict[str, Any] = {}
    async for line in portability.export(memory.resources, workspace_id, vectors=vectors):
        stream.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
        expected = line["memories"] + line["associations"] if line["type"] == "header" else expected
        written += line["type"] in ("memory", "association")
        show(written, expected)
    return line


@contextmanager
def _destination(file: str) -> Iterator[IO[bytes]]:
    """Where to write. A file is put in place when it is whole; before that nothing is there, or what was."""
    path = Path(file)
    if file == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    elif path.exists() and not path.is_file():
        with path.open("wb") as device:
            yield device
    else:
        yield from _new_file(path.resolve())


def _new_file(path: Path) -> Iterator[IO[bytes]]:
    import tempfile

    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _report_export(call: Call, file: str, footer: dict[str, Any]) -> None:
    from mcp_memory.core.counting import counted

    memories, associations = footer["memories"], footer["associations"]
    message = f"{counted(memories, 'memory')} and {counted(associations, 'link')} written to {file}."
    answer = {"success": True, "file": file, "memories": memories, "associations": associations, "message": message}
    call.show(answer, lambda console: console.print(message))


@command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
def import_(call: Call, file: str) -> int:
    """Take in what `export` wrote.

    FILE `-` is standard input; an export of MemoryLayer (NDJSON) is read too. Safe to repeat: what is here
    already is left as it is. A line that cannot be read is reported with its number and passed over; the exit
    code is then 1. With --workspace everything goes into that workspace.
    """
    from mcp_memory.core.portability import ImportReport

    latest = ImportReport()
    try:
        with progress_bar("Importing") as show, _source(file) as lines:

            def progress(report: ImportReport, expected: int) -> None:
                nonlocal latest
                latest = report
                show(_taken(report), expected)

            report = call.run(lambda memory: _import(memory, lines, call.workspace, progress))
    except KeyboardInterrupt:
        raise Interrupted(_stopped(latest)) from None
    call.show(report, lambda console: _print_import(console, report))
    return 0 if report.success else 1


def _stopped(latest: ImportReport) -> str:
    from mcp_memory.core.counting import counted

    memories, links = counted(latest.memories_imported, "memory"), counted(latest.associations_imported, "link")
    return f"Stopped: {memories} and {links} are imported and kept. Import the same file again to go on."


async def _import(
    memory: Memory, lines: Iterable[bytes], workspace_id: str, progress: Callable[[ImportReport, int], None]
) -> ImportReport:
    from mcp_memory.core import portability

    return await portability.import_lines(
        memory.resources, lines, workspace_id, fallback=memory.scope.workspace_id, progress=progress
    )


def _taken(report: ImportReport) -> int:
    memories = report.memories_imported + report.memories_present
    return memories + report.associations_imported + report.associations_present + report.associations_dangling


@contextmanager
def _source(file: str) -> Iterator[IO[bytes]]:
    if file == STANDARD:
        yield sys.stdin.buffer
    else:
        with Path(file).open("rb") as stream:
            yield stream


def _print_import(console: Console, report: ImportReport) -> None:
    from mcp_memory.cli.render import note, visible

    for problem in report.problems:
        note(visible(f"line {problem.line}: {problem.problem}"))
    hidden = report.unreadable + report.associations_dangling - len(report.problems)
    if hidden > 0:
        note(f"and {hidden:,} more")
    for sentence in report.notes:
        note(visible(sentence))
    console.print(report.message)

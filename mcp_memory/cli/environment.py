"""Commands over a session's context environment: run code beside its memories, see and keep what it holds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from mcp_memory.cli.call import SESSION, Call, Given, Ordered, command, request
from mcp_memory.cli.memories import TYPES
from mcp_memory.cli.sessions import on_session

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from mcp_memory.models.base import Result
    from mcp_memory.models.environment import (
        ContextAnswered,
        ContextExecuted,
        ContextInspected,
        ContextRlmResult,
        ContextStatus,
        VariableInfo,
    )

DETAILS: Final = ("brief", "standard", "detailed")

RESULT_VAR: Final[dict[str, Any]] = {"default": "", "metavar": "NAME", "help": "Keep the result in this variable."}


@click.group("context", cls=Ordered)
def context() -> None:
    """Run Python over memories, beside a session.

    Each session has an environment of its own: variables that stay between calls, and code that runs in a sandbox
    without files, network or this machine's environment.
    """


@command("exec")
@click.argument("code", required=False)
@click.option("--file", "path", type=click.Path(path_type=Path), metavar="PATH", help="Read the code from this file.")
@click.option("--session", **SESSION)
@click.option("--result-var", **RESULT_VAR)
@click.option("--max-chars", type=int, help="Most characters of the result [default: 10000].")
def exec_(call: Call, code: str | None, path: Path | None, session: str, **options: Any) -> int:
    """Run Python code. CODE `-` reads it from standard input."""
    from mcp_memory.models.environment import ContextExec

    wanted = request(
        ContextExec,
        code=Given(_code(code, path)),
        result_var=options["result_var"],
        max_return_chars=options["max_chars"],
    )
    result = on_session(call, session, lambda memory, scope: memory.context_exec(wanted, scope))
    return _told(call, result, lambda console: _print_executed(console, result))


def _code(code: str | None, path: Path | None) -> str:
    if (code is None) == (path is None):
        raise click.UsageError("Give the code as CODE, or its file with --file; CODE - reads standard input.")
    if path is not None:
        return path.read_text(encoding="utf-8", errors="replace")
    return _text(code or "")


def _text(value: str) -> str:
    return sys.stdin.buffer.read().decode("utf-8", "replace") if value == "-" else value


def _told(call: Call, result: Result, render: Callable[[Console], None]) -> int:
    """The answer, and the exit code: 1 where it has failed."""
    call.show(result, render)
    return int(result.failed)


def _print_executed(console: Console, result: ContextExecuted) -> None:
    from mcp_memory.cli.render import note, visible

    if result.output:
        console.print(visible(result.output.removesuffix("\n")))
    if result.output_cut:
        note(f"{result.output_cut:,} characters of output were left out.")
    if result.result is not None:
        console.print(visible(result.result))
    if result.note:
        note(visible(result.note))
    if result.error is not None:
        note(visible("\n".join(part for part in (result.error.traceback, str(result.error)) if part)))


@command("inspect")
@click.argument("variable", required=False)
@click.option("--session", **SESSION)
@click.option("--preview", type=int, metavar="CHARS", help="How much of each value is shown [default: 200].")
def inspect(call: Call, variable: str | None, session: str, preview: int | None) -> None:
    """List the variables, or show VARIABLE."""
    from mcp_memory.models.environment import ContextInspect

    wanted = request(ContextInspect, variable=variable, preview_chars=preview)
    result = on_session(call, session, lambda memory, scope: memory.context_inspect(wanted, scope))
    call.show(result, lambda console: _print_inspected(console, result))


def _print_inspected(console: Console, result: ContextInspected) -> None:
    from mcp_memory.cli.render import facts, pairs, visible
    from mcp_memory.core.counting import counted

    if result.variable is not None:
        console.print(facts(result.variable, result.type, counted(result.size_bytes or 0, "byte")))
        console.print(visible(result.preview or ""))
        return
    console.print(pairs([(name, _line(info)) for name, info in (result.variables or {}).items()]))
    total = counted(result.total_size_bytes or 0, "byte")
    console.print(f"{counted(result.variable_count or 0, 'variable')}, {total}.")


def _line(info: VariableInfo) -> str:
    from mcp_memory.cli.render import facts
    from mcp_memory.core.counting import counted

    length = f"{info.length:,} long" if info.length is not None else None
    return facts(info.type, length, counted(info.size_bytes, "byte"), " ".join(info.preview.split()))


@command("status")
@click.option("--session", **SESSION)
def status(call: Call, session: str) -> None:
    """Show where the environment stands."""
    from mcp_memory.models.environment import ContextStatusRequest

    wanted = ContextStatusRequest()
    result = on_session(call, session, lambda memory, scope: memory.context_status(wanted, scope))
    call.show(result, lambda console: _print_status(console, result))


def _print_status(console: Console, result: ContextStatus) -> None:
    from mcp_memory.cli.render import pairs, visible
    from mcp_memory.core.counting import counted

    history = result.metadata
    rows = [
        ("session", result.session_id),
        ("workspace", result.workspace_id),
        ("variables", ", ".join(result.variables) or "none"),
        ("size", counted(result.total_size_bytes, "byte")),
        ("memory", counted(result.memory_limit_bytes, "byte") + " at most" if result.memory_limit_bytes else ""),
        ("callable", ", ".join(result.tools)),
        ("sandbox", result.sandbox),
        ("model", result.language_model or "none"),
        ("revision", f"{history.revision}, {counted(history.exec_count, 'run')} of code" if result.exists else ""),
        ("checkpoints", ", ".join(f"{one.name} ({one.revision})" for one in result.checkpoints)),
    ]
    console.print(pairs([(name, visible(value)) for name, value in rows if value]))


@command("load")
@click.argument("variable")
@click.argument("query")
@click.option("--session", **SESSION)
@click.option("--limit", type=int, help="Most memories loaded, up to 500 [default: 50].")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Only of this kind; repeatable.")
@click.option("--tag", "tags", multiple=True, help="Only with this tag; with several: all of them.")
@click.option("--min-relevance", type=float, help="Least cosine to the question, 0 to 1.")
@click.option("--embeddings", is_flag=True, help="Their vectors too.")
def load(call: Call, variable: str, query: str, session: str, **options: Any) -> None:
    """Recall memories into VARIABLE. QUERY `*` takes the newest."""
    from mcp_memory.models.environment import ContextLoad

    wanted = request(
        ContextLoad,
        var=Given(variable),
        query=Given(query),
        limit=options["limit"],
        types=list(options["types"]),
        tags=list(options["tags"]),
        min_relevance=options["min_relevance"],
        include_embeddings=options["embeddings"],
    )
    result = on_session(call, session, lambda memory, scope: memory.context_load(wanted, scope))
    call.show(result, lambda console: _print_text(console, result))


def _print_text(console: Console, result: Result) -> None:
    """What a model is told, for people."""
    from mcp_memory.cli.render import visible
    from mcp_memory.core.rendering import as_text

    console.print(visible(as_text(result)))


@command("inject")
@click.argument("variable")
@click.argument("value")
@click.option("--session", **SESSION)
@click.option("--parse", is_flag=True, help="VALUE is JSON, not text.")
def inject(call: Call, variable: str, value: str, session: str, parse: bool) -> None:
    """Set VARIABLE to a value. VALUE `-` reads it."""
    from mcp_memory.models.environment import ContextInject

    wanted = request(ContextInject, key=Given(variable), value=Given(_text(value)), parse_json=parse)
    result = on_session(call, session, lambda memory, scope: memory.context_inject(wanted, scope))
    call.show(result, lambda console: _print_text(console, result))


@command("query")
@click.argument("prompt")
@click.argument("variables", nargs=-1, required=True)
@click.option("--session", **SESSION)
@click.option("--max-chars", type=int, help="Most characters of the variables [default: 50000].")
@click.option("--result-var", **RESULT_VAR)
def query(call: Call, prompt: str, variables: tuple[str, ...], session: str, **options: Any) -> None:
    """Ask the language model about VARIABLES."""
    from mcp_memory.models.environment import ContextQuery

    wanted = request(
        ContextQuery,
        prompt=Given(prompt),
        variables=list(variables),
        max_context_chars=options["max_chars"],
        result_var=options["result_var"],
    )
    result = on_session(call, session, lambda memory, scope: memory.context_query(wanted, scope))
    call.show(result, lambda console: _print_answered(console, result))


def _print_answered(console: Console, result: ContextAnswered) -> None:
    from mcp_memory.cli.render import note, visible

    console.print(visible(result.response))
    if result.truncated:
        note("The answer was cut at the model's limit.")
    if result.variables_missing:
        note(f"Not there: {', '.join(result.variables_missing)}.")


@command("rlm")
@click.argument("goal")
@click.option("--session", **SESSION)
@click.option("--memory-query", default="", metavar="QUERY", help="Load what this finds before the first turn.")
@click.option("--memory-limit", type=int, help="Most memories loaded, up to 500 [default: 100].")
@click.option("--max-iterations", type=int, help="Most turns, 1 to 50 [default: 10].")
@click.option("--variable", "variables", multiple=True, metavar="NAME", help="Work on this one; repeatable.")
@click.option("--result-var", **RESULT_VAR)
@click.option("--detail", type=click.Choice(DETAILS), help="How much of each turn is told [default: standard].")
def rlm(call: Call, goal: str, session: str, **options: Any) -> int:
    """Let the language model reach GOAL with code."""
    from mcp_memory.models.environment import ContextRlm

    wanted = request(
        ContextRlm,
        goal=Given(goal),
        memory_query=options["memory_query"],
        memory_limit=options["memory_limit"],
        max_iterations=options["max_iterations"],
        variables=list(options["variables"]),
        result_var=options["result_var"],
        detail_level=options["detail"],
    )
    result: ContextRlmResult = on_session(
        call, session, lambda memory, scope: memory.context_rlm(wanted, scope, _report)
    )
    return _told(call, result, lambda console: _print_text(console, result))


async def _report(done: float, total: float, message: str) -> None:
    from mcp_memory.cli.render import note, visible

    note(visible(f"{done:g}/{total:g} {message}"))


@command("checkpoint")
@click.argument("name", default="")
@click.option("--session", **SESSION)
@click.option("--restore", default="", metavar="NAME", help="Return to the checkpoint of this name instead.")
def checkpoint(call: Call, name: str, session: str, restore: str) -> None:
    """Name the present state, or return to a named one."""
    from mcp_memory.models.environment import ContextCheckpoint

    wanted = request(ContextCheckpoint, name=name, restore=restore)
    result = on_session(call, session, lambda memory, scope: memory.context_checkpoint(wanted, scope))
    call.show(result, lambda console: _print_text(console, result))


@command("cleanup")
@click.option("--session", **SESSION)
def cleanup(call: Call, session: str) -> None:
    """Remove the environment with its checkpoints."""
    from mcp_memory.models.environment import ContextCleanup

    wanted = ContextCleanup()
    result = on_session(call, session, lambda memory, scope: memory.context_cleanup(wanted, scope))
    call.show(result, lambda console: _print_text(console, result))


for _command in (exec_, inspect, status, load, inject, query, rlm, checkpoint, cleanup):
    context.add_command(_command)

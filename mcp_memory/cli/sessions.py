"""Commands over sessions: begin one, see it, hold things in hand, commit and end it."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from mcp_memory.cli.call import AUTHOR, SESSION, Call, Given, Ordered, command, request
from mcp_memory.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rich.console import Console

    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.models.session import (
        Session,
        SessionCommitted,
        SessionEnded,
        SessionStarted,
        SessionStatus,
        WorkingEntry,
    )

CATEGORIES = ("profile", "preferences", "entities", "events", "cases", "patterns")

THRESHOLD: dict[str, Any] = {"type": float, "help": "Least importance of what is kept, 0 to 1 [default: 0.5]."}


@click.group("session", cls=Ordered)
def session() -> None:
    """Begin, see, commit and end sessions.

    A session is a stretch of work: it holds keys and values in hand, and every memory written in it carries its id.
    Its id may be given in MCP_MEMORY_SESSION.
    """


async def _scope(call: Call, memory: Memory, session_id: str) -> Scope:
    """Where the named session is worked on, else the one of the environment.

    Raises:
        UsageError: neither names one.
    """
    scope = await call.scope(memory)
    named = session_id or scope.session_id
    if not named:
        raise click.UsageError(
            "No session is named; give --session or MCP_MEMORY_SESSION. `mcp-memory session list` shows the active "
            "ones, `mcp-memory session start` begins one."
        )
    return replace(scope, session_id=named, author=AUTHOR)


def on_session(call: Call, session_id: str, work: Callable[[Memory, Scope], Awaitable[Any]]) -> Any:
    """The answer of work in the named session, else in the one of the environment.

    Raises:
        UsageError: neither names one.
    """

    async def run(memory: Memory) -> Any:
        return await work(memory, await _scope(call, memory, session_id))

    return call.run(run)


@command("start")
@click.option("--session", default="", metavar="ID", help="Go on with this one [default: MCP_MEMORY_SESSION].")
@click.option("--context", default="", help="Named part of the workspace it belongs to.")
@click.option("--user", default="", help="User it belongs to.")
@click.option("--ttl", type=int, metavar="SECONDS", help="How long it lasts without use [default: 3600].")
@click.option("--metadata", default="", metavar="JSON", help="Anything else, as a JSON object.")
def start(call: Call, session: str, context: str, user: str, ttl: int | None, metadata: str) -> None:
    """Begin a session, or go on with one."""
    from mcp_memory.models.session import SessionStart

    def wanted(current: str) -> SessionStart:
        return request(
            SessionStart,
            session_id=session or current,
            context_id=context,
            user_id=user,
            ttl_seconds=ttl,
            metadata=metadata,
        )

    wanted("")

    async def work(memory: Memory) -> SessionStarted:
        scope = replace(memory.scope, author=AUTHOR)
        return await memory.start_session(wanted(scope.session_id), scope)

    result = call.run(work)
    call.show(result, lambda console: _print_started(console, result))


def _print_started(console: Console, result: SessionStarted) -> None:
    from mcp_memory.cli.render import facts, visible

    console.print(visible(result.message))
    context = result.context_id if result.context_id != "_default" else None
    console.print(facts(result.session_id, result.workspace_id, context, f"expires {result.expires_at:%Y-%m-%d %H:%M}"))


@command("status")
@click.option("--session", **SESSION)
def status(call: Call, session: str) -> None:
    """Show where a session stands."""
    from mcp_memory.models.session import SessionStatusRequest

    async def work(memory: Memory, scope: Scope) -> SessionStatus:
        return await memory.session_status(SessionStatusRequest(), scope)

    result = on_session(call, session, work)
    call.show(result, lambda console: _print_status(console, result))


def _print_status(console: Console, result: SessionStatus) -> None:
    from mcp_memory.cli.render import pairs, visible

    rows = [
        ("session", result.id or "none"),
        ("state", result.state),
        ("workspace", result.workspace_id or ""),
        ("context", result.context_id or ""),
        ("expires", f"{result.expires_at:%Y-%m-%d %H:%M} UTC" if result.expires_at else ""),
        ("held", f"{result.working_memory_count:,}, {'all' if result.committed else 'not all'} committed"),
        ("memories", f"{result.memories_written:,} written"),
    ]
    console.print(pairs([(name, visible(value)) for name, value in rows if value]))


@command("list")
@click.option("--all", "include_ended", is_flag=True, help="Those that have expired or ended too.")
def list_(call: Call, include_ended: bool) -> None:
    """List the active sessions of the workspace."""

    async def work(memory: Memory) -> tuple[str, list[Session], Any]:
        scope = await call.scope(memory)
        return scope.workspace_id, await memory.list_sessions(include_ended, scope), memory.resources.now()

    workspace, found, now = call.run(work)
    listed = [{**one.model_dump(mode="json"), "state": one.state(now)} for one in found]
    call.show(
        {"success": True, "workspace_id": workspace, "sessions": listed},
        lambda console: _print_sessions(console, workspace, listed),
    )


def _print_sessions(console: Console, workspace: str, listed: list[dict[str, Any]]) -> None:
    from mcp_memory.cli.render import facts, visible
    from mcp_memory.core.counting import counted

    for one in listed:
        used, expires = (str(one[name])[:16].replace("T", " ") for name in ("touched_at", "expires_at"))
        console.print(
            facts(one["id"], one["state"], f"last used {used}", f"expires {expires}", one["author"], one["user_id"])
        )
    console.print(visible(f"{counted(len(listed), 'session')} in workspace {workspace}."))


@command("commit")
@click.option("--session", **SESSION)
@click.option("--threshold", **THRESHOLD)
@click.option("--max-memories", type=int, help="Most memories made [default: 50].")
@click.option("--category", "categories", multiple=True, type=click.Choice(CATEGORIES), help="Only these; repeatable.")
@click.option("--clear", is_flag=True, help="Hold nothing afterwards.")
def commit(call: Call, session: str, **options: Any) -> None:
    """Turn what a session holds into memories."""
    from mcp_memory.models.session import SessionCommit

    wanted = request(
        SessionCommit,
        importance_threshold=options["threshold"],
        max_memories=options["max_memories"],
        categories=list(options["categories"]),
        clear_after_commit=options["clear"],
    )

    async def work(memory: Memory, scope: Scope) -> SessionCommitted:
        return await memory.commit_session(wanted, scope)

    result = on_session(call, session, work)
    call.show(result, lambda console: _print_message(console, result))


def _print_message(console: Console, result: SessionCommitted | SessionEnded) -> None:
    from mcp_memory.cli.render import visible

    console.print(visible(result.message))


@command("end")
@click.option("--session", **SESSION)
@click.option("--no-commit", is_flag=True, help="Keep nothing of what it holds.")
@click.option("--threshold", **THRESHOLD)
def end(call: Call, session: str, no_commit: bool, threshold: float | None) -> None:
    """Commit and end a session, and hand over."""
    from mcp_memory.models.session import SessionEnd

    wanted = request(SessionEnd, commit=not no_commit, importance_threshold=threshold)

    async def work(memory: Memory, scope: Scope) -> SessionEnded:
        return await memory.end_session(wanted, scope)

    result = on_session(call, session, work)
    call.show(result, lambda console: _print_ended(console, result))


def _print_ended(console: Console, result: SessionEnded) -> None:
    from mcp_memory.cli.render import visible

    _print_message(console, result)
    console.print(visible(f"\n{result.handover}"))


@command("set")
@click.argument("key")
@click.argument("value")
@click.option("--session", **SESSION)
@click.option("--ttl", type=int, metavar="SECONDS", help="How long it is held [default: as long as the session].")
@click.option("--parse", is_flag=True, help="VALUE is JSON, not text.")
def set_(call: Call, key: str, value: str, session: str, ttl: int | None, parse: bool) -> None:
    """Hold a value under a key. VALUE `-` reads it."""
    from mcp_memory.models.session import WorkingSet

    text = sys.stdin.buffer.read().decode("utf-8", "replace") if value == "-" else value
    wanted = request(WorkingSet, key=key, value=Given(_parsed(text) if parse else text), ttl_seconds=ttl)

    async def work(memory: Memory, scope: Scope) -> WorkingEntry:
        return await memory.set_working(wanted, scope)

    result = on_session(call, session, work)
    shown = {"success": True, **result.model_dump(mode="json")}
    call.show(shown, lambda console: _print_entries(console, [result]))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidRequest(f"VALUE is not JSON: {error}. Leave --parse out to hold it as text.") from None


@command("get")
@click.argument("key", required=False)
@click.option("--session", **SESSION)
def get(call: Call, key: str | None, session: str) -> None:
    """Show what a session holds, or the value of KEY."""

    async def work(memory: Memory, scope: Scope) -> tuple[str, list[WorkingEntry]]:
        return scope.session_id, await memory.working(scope)

    session_id, entries = on_session(call, session, work)
    found = entries if key is None else [one for one in entries if one.key == key.strip()]
    if key is not None and not found:
        raise InvalidRequest(_no_such_key(session_id, key, entries))
    call.show(
        {"success": True, "session_id": session_id, "values": {one.key: one.value for one in found}},
        lambda console: _print_entries(console, found) if key is None else _print_value(console, found[0]),
    )


def _no_such_key(session_id: str, key: str, entries: list[WorkingEntry]) -> str:
    held = ", ".join(one.key for one in entries) or "nothing"
    return f"Session {session_id} holds nothing under {key!r}; it holds {held}."


def _print_entries(console: Console, entries: list[WorkingEntry]) -> None:
    from mcp_memory.cli.render import pairs, visible

    console.print(pairs([(visible(one.key), visible(_as_text(one.value))) for one in entries]))


def _print_value(console: Console, entry: WorkingEntry) -> None:
    from mcp_memory.cli.render import visible

    console.print(visible(_as_text(entry.value)))


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


for _command in (start, status, list_, commit, end, set_, get):
    session.add_command(_command)

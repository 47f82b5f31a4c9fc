"""Commands over single memories: remember, recall, forget, restore, statistics."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

import click

from mcp_memory.cli.call import AUTHOR, DETAIL_LEVELS, Call, command, request

if TYPE_CHECKING:
    from rich.console import Console

    from mcp_memory.core.memory import Memory
    from mcp_memory.models.memory import Forget, Forgotten, Remember, Remembered, Restored
    from mcp_memory.models.recall import RecalledMemory, RecallResult
    from mcp_memory.models.statistics import Statistics

TYPES = ("episodic", "semantic", "procedural", "working")
SUBTYPES = (
    "solution",
    "problem",
    "code_pattern",
    "fix",
    "error",
    "workflow",
    "preference",
    "decision",
    "profile",
    "entity",
    "event",
    "directive",
    "inference",
)
TOLERANCES = ("loose", "moderate", "strict")
MODES = ("rag", "llm", "hybrid")


@command("remember")
@click.argument("content")
@click.option("--type", "type_", type=click.Choice(TYPES), help="Kind of memory [default: told from the text].")
@click.option("--subtype", type=click.Choice(SUBTYPES), help="What it is about [default: told from the text].")
@click.option("--importance", type=float, help="0 to 1 [default: 0.5].")
@click.option("--tag", "tags", multiple=True, help="Tag; may be given several times.")
@click.option("--metadata", default="", metavar="JSON", help="Anything else, as a JSON object.")
@click.option("--context", default="", help="Named part of the workspace.")
@click.option("--session", default="", help="Session it belongs to.")
@click.option("--user", default="", help="User it belongs to.")
@click.option("--subject", default="", help="Who or what it is about.")
@click.option("--author", default=AUTHOR, show_default=True, help="Who says so.")
@click.option("--occurred-at", default="", metavar="TIME", help="When it happened, in ISO 8601.")
def remember(call: Call, content: str, type_: str | None, **options: Any) -> None:
    """Store one memory. CONTENT `-` reads it from standard input."""
    from mcp_memory.models.memory import Remember

    wanted = request(
        Remember,
        content=_from_stdin() if content == "-" else content,
        type=type_,
        subtype=options["subtype"],
        importance=options["importance"],
        tags=list(options["tags"]),
        metadata=options["metadata"],
        context_id=options["context"],
        session_id=options["session"],
        user_id=options["user"],
        subject_id=options["subject"],
        author=options["author"],
        occurred_at=options["occurred_at"],
    )
    result = call.run(lambda memory: _remember(memory, wanted))
    call.show(result, lambda console: _print_remembered(console, result))


def _from_stdin() -> str:
    return sys.stdin.buffer.read().decode("utf-8", "replace")


async def _remember(memory: Memory, wanted: Remember) -> Remembered:
    await _encoder_ready(memory)
    return await memory.remember(wanted)


async def _encoder_ready(memory: Memory) -> None:
    """Let the encoder load first, so that the vector is stored at once and memories alike are seen."""
    from mcp_memory.errors import EmbedderUnavailable

    with contextlib.suppress(EmbedderUnavailable):
        await memory.resources.indexer.embedder.embed(["."], patience=memory.resources.limits.recall_patience)


def _print_remembered(console: Console, result: Remembered) -> None:
    from mcp_memory.cli.render import facts, visible

    console.print(visible(result.message))
    console.print(facts(result.memory_id, _kind(result), f"importance {result.importance:g}", *_hashed(result.tags)))
    for similar in result.similar:
        console.print(f"Similar: {similar.memory_id} ({similar.similarity:.2f}) {visible(similar.content)}")


def _kind(memory: Remembered | RecalledMemory) -> str:
    return f"{memory.type}/{memory.subtype}" if memory.subtype else str(memory.type)


def _hashed(tags: list[str]) -> list[str]:
    return [f"#{tag}" for tag in tags]


@command("recall")
@click.argument("query")
@click.option("--limit", type=int, help="Most memories returned [default: 10].")
@click.option("--type", "types", multiple=True, type=click.Choice(TYPES), help="Only of this kind; repeatable.")
@click.option("--subtype", "subtypes", multiple=True, type=click.Choice(SUBTYPES), help="Only these; repeatable.")
@click.option("--tag", "tags", multiple=True, help="Only with this tag; with several: all of them.")
@click.option("--context", default="", help="Only in this named part of the workspace.")
@click.option("--session", default="", help="Only of this session.")
@click.option("--user", default="", help="Only of this user.")
@click.option("--subject", default="", help="Only about this subject.")
@click.option("--author", default="", help="Only by this author.")
@click.option("--after", default="", metavar="TIME", help="Only written at or after this time, in ISO 8601.")
@click.option("--before", default="", metavar="TIME", help="Only written before this time.")
@click.option("--min-relevance", type=float, help="Least cosine to the question, 0 to 1.")
@click.option("--tolerance", type=click.Choice(TOLERANCES), help="How near in meaning [default: moderate].")
@click.option("--mode", type=click.Choice(MODES), help="llm: by a language model; hybrid: where needed [default: rag].")
@click.option("--neighbors", type=int, help="Also what was remembered just before and after, 0 to 2.")
@click.option("--associations", is_flag=True, help="Also follow links.")
@click.option("--depth", type=int, help="How many links to follow, 0 to 5 [default: 1].")
@click.option("--max-tokens", type=int, help="Most tokens of the whole answer.")
@click.option("--detail", type=click.Choice(DETAIL_LEVELS), help="How much of each text [default: full].")
@click.option("--archived", is_flag=True, help="Archived memories too.")
@click.option("--offset", type=int, help="How many to pass over; when browsing only.")
def recall(call: Call, query: str, **options: Any) -> None:
    """Find memories by meaning and words. QUERY `*` lists the newest."""
    from mcp_memory.models.recall import Recall

    wanted = request(
        Recall,
        query=query,
        limit=options["limit"],
        types=list(options["types"]),
        subtypes=list(options["subtypes"]),
        tags=list(options["tags"]),
        context_id=options["context"],
        session_id=options["session"],
        user_id=options["user"],
        subject_id=options["subject"],
        author=options["author"],
        created_after=options["after"],
        created_before=options["before"],
        min_relevance=options["min_relevance"],
        tolerance=options["tolerance"],
        mode=options["mode"],
        include_neighbors=options["neighbors"],
        include_associations=options["associations"],
        traverse_depth=options["depth"],
        max_tokens=options["max_tokens"],
        detail_level=options["detail"],
        include_archived=options["archived"],
        offset=options["offset"],
    )

    async def work(memory: Memory) -> RecallResult:
        return await memory.recall(wanted, await call.scope(memory))

    result = call.run(work)
    call.show(result, lambda console: _print_recalled(console, result))


def _print_recalled(console: Console, result: RecallResult) -> None:
    from mcp_memory.cli.render import note, visible

    for place, memory in enumerate(result.memories, start=1):
        _print_memory(console, place, memory)
    shown, found = len(result.memories), result.total_count
    console.print(visible(f"{shown} of {found} in {result.search_latency_ms} ms, workspace {result.workspace_id}."))
    if result.degraded:
        note(visible(result.degraded))


def _print_memory(console: Console, place: int, memory: RecalledMemory) -> None:
    from mcp_memory.cli.render import bold, dim, facts, visible

    relevance = "" if memory.relevance_score is None else f"relevance {memory.relevance_score:.2f}"
    when = (memory.occurred_at or memory.created_at).date().isoformat()
    console.print(bold(f"{place}. {visible(memory.content)}"))
    console.print(dim("   " + facts(memory.id, _kind(memory), relevance, when, memory.author, *_hashed(memory.tags))))
    for neighbour in memory.neighbors:
        console.print(dim(f"   {neighbour.position:+d}: {visible(neighbour.content)}"))


@command("forget")
@click.argument("memory_id")
@click.option("--reason", default="", help="Why; kept with the tombstone.")
@click.option("--hard", is_flag=True, help="Erase it for ever, with its revisions and links.")
@click.option("--yes", is_flag=True, help="Do not ask before erasing.")
def forget(call: Call, memory_id: str, reason: str, hard: bool, yes: bool) -> None:
    """Forget a memory.

    `restore` brings it back, unless it was erased with --hard.
    """
    from mcp_memory.models.memory import Forget

    wanted = request(Forget, memory_id=memory_id, reason=reason, hard=hard)
    if hard and not yes:
        _confirm_erasing(call, memory_id)

    result = call.run(lambda memory: _forget(call, memory, wanted))
    call.show(result, lambda console: _print_message(console, result))


async def _forget(call: Call, memory: Memory, wanted: Forget) -> Forgotten:
    return await memory.forget(wanted, await call.scope(memory))


def _print_message(console: Console, result: Forgotten | Restored) -> None:
    from mcp_memory.cli.render import visible

    console.print(visible(result.message))


def _confirm_erasing(call: Call, memory_id: str) -> None:
    if call.as_json or not sys.stdin.isatty():
        raise click.UsageError("--hard erases for ever; add --yes to say that this is meant.")
    click.confirm(f"Erase {memory_id} for ever, with its revisions and links?", abort=True, err=True)


@command("restore")
@click.argument("memory_id")
def restore(call: Call, memory_id: str) -> None:
    """Bring a forgotten memory back."""

    async def work(memory: Memory) -> Restored:
        return await memory.restore(memory_id, await call.scope(memory))

    result = call.run(work)
    call.show(result, lambda console: _print_message(console, result))


@command("statistics")
def statistics(call: Call) -> None:
    """Count what is remembered."""
    from mcp_memory.models.statistics import StatisticsRequest

    async def work(memory: Memory) -> Statistics:
        return await memory.statistics(StatisticsRequest(), await call.scope(memory))

    result = call.run(work)
    call.show(result, lambda console: _print_statistics(console, result))


def _print_statistics(console: Console, result: Statistics) -> None:
    from mcp_memory.cli.render import pairs, visible

    storage, encoder = result.storage, result.encoder
    size = f"{(storage.size_bytes or 0) / 1e6:,.1f} MB"
    rows = [
        ("workspace", result.workspace_id),
        ("memories", f"{result.total_memories:,}"),
        ("links", f"{result.total_associations:,}"),
        ("contexts", f"{result.total_contexts:,}"),
        ("file", f"{storage.location} ({size}, {storage.memories or 0:,} in all workspaces)"),
        ("encoder", f"{encoder.name}, {encoder.embedded or 0:,} embedded, {encoder.pending or 0:,} pending"),
    ]
    if result.breakdown:
        counted = result.breakdown.model_dump()
        rows += [(name.replace("_", " "), _counted(counts)) for name, counts in counted.items() if counts]
    console.print(pairs([(name, visible(value)) for name, value in rows]))
    if encoder.note:
        console.print(visible(encoder.note))


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())

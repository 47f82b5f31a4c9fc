"""What the next window should know, for people and for hooks that run at the start of one."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from mcp_memory.cli.call import DETAIL_LEVELS, SESSION, Call, command, request, show_json

if TYPE_CHECKING:
    from mcp_memory.core.memory import Memory
    from mcp_memory.models.briefing import Briefing

A_WEEK = 7 * 24 * 60
"""Minutes: who asks in a terminal has been away for longer than an agent."""


@command("briefing")
@click.option(
    "--window", type=int, default=A_WEEK, show_default=True, metavar="MINUTES", help="How far back is recent."
)
@click.option("--detail", type=click.Choice(DETAIL_LEVELS), help="How much of each text [default: abstract].")
@click.option("--limit", type=int, help="Most memories, and most threads [default: 10].")
@click.option("--max-tokens", type=int, help="Most tokens of the whole text [default: 2000].")
@click.option("--session", **SESSION)
def briefing(
    call: Call, window: int, detail: str | None, limit: int | None, max_tokens: int | None, session: str
) -> None:
    """Tell what the next window should know.

    Standing directives and preferences, decisions, open threads, conflicts, what active sessions hold in hand, and
    what has happened. Loads no model, so that it can run whenever an agent starts.
    """
    gc.disable()  # a process of a third of a second has nothing to gain from collecting
    from mcp_memory.models.briefing import BriefingRequest

    wanted = request(
        BriefingRequest, time_window_minutes=window, detail_level=detail, limit=limit, max_tokens=max_tokens
    )

    async def work(memory: Memory) -> Briefing:
        scope = await call.scope(memory)
        return await memory.briefing(wanted, replace(scope, session_id=session or scope.session_id))

    result = call.run(work)
    if call.as_json:
        show_json(result.model_dump(mode="json", by_alias=True))
    else:
        _print(result)


def _print(result: Briefing) -> None:
    """The text that an agent is given: `rich` would take longer to import than the briefing takes."""
    from mcp_memory.cli.render import visible
    from mcp_memory.core.briefing_text import render_briefing

    click.echo(visible(render_briefing(result)))

"""Running a turn's code at a desk, and what it said as its answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.rlm.exchange import TurnReport, described
from mcp_memory.core.environment.rlm.finishing import keep_answer
from mcp_memory.errors import InvalidRequest, SandboxError
from mcp_memory.models.environment import MOST_CODE
from mcp_memory.sandbox.base import Failure, Ran, SandboxFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.rlm.places import Place
    from mcp_memory.sandbox.base import HostTool

    ToolsFor = Callable[[Desk], Mapping[str, HostTool]]
    """The functions that one block may call; asked for anew before each."""

RESULT_CHARS: Final = 4_000


@dataclass(frozen=True, slots=True)
class CodeOfTurn:
    """What one turn wants to run, and how."""

    blocks: Sequence[str]
    tools_for: ToolsFor
    begins: bool
    """Nothing has run before: an answer of an earlier run is forgotten."""
    may_finish: bool
    """An answer is taken; else it is forgotten."""
    result_var: str = ""
    """Keep the answer under this name."""


@dataclass(frozen=True, slots=True)
class Executed:
    """What came of it."""

    ran: tuple[Ran, ...]
    """Of each block that was run; after a failure none was."""
    answer: str | None = None
    refused: bool = False
    """There was an answer that was not to be taken, or an empty one."""


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of it, and what is to be told of it."""

    executed: Executed
    report: TurnReport
    changed: list[str]
    names: set[str]
    """Variables that there are now; empty where nothing was kept."""
    is_kept: bool
    """Nothing was rolled back."""


async def work(place: Place, code: CodeOfTurn) -> Worked:
    """Run a turn's code and keep what it changed; where that fails, the report says why."""
    try:
        kept = await place.work_on(partial(_run_blocks, code))
    except (SandboxError, InvalidRequest) as error:
        ran = (Ran(failure=_failure_of(error)),)
        report = TurnReport(ran, len(code.blocks), rolled_back=True)
        return Worked(Executed(ran), report, [], set(), is_kept=False)
    changed = described(kept.variables, kept.changed)
    report = TurnReport(kept.value.ran, len(code.blocks), changed, kept.rolled_back)
    return Worked(kept.value, report, kept.changed, {one.name for one in kept.variables}, not kept.rolled_back)


async def _run_blocks(code: CodeOfTurn, desk: Desk) -> Executed:
    """Run blocks in order, up to the first that fails or finishes."""
    if code.begins:
        await desk.session.forget_answer()
    ran: list[Ran] = []
    for block in code.blocks:
        ran.append(await _run(desk, block, code.tools_for))
        if desk.lost is not None:
            return Executed(tuple(ran))
        answer = await desk.session.answer()
        if answer is not None and answer.ready:
            return await _finished(desk, code, tuple(ran), answer.content)
        if ran[-1].failure is not None:
            break
    return Executed(tuple(ran))


async def _run(desk: Desk, block: str, tools_for: ToolsFor) -> Ran:
    if len(block) > MOST_CODE:
        return Ran(failure=Failure("SyntaxError", f"a block may have {MOST_CODE:,} characters, not {len(block):,}"))
    return await desk.run(block, tools_for(desk), result_chars=RESULT_CHARS)


async def _finished(desk: Desk, code: CodeOfTurn, ran: tuple[Ran, ...], content: str) -> Executed:
    if not code.may_finish or not content.strip():
        await desk.session.forget_answer()
        return Executed(ran, refused=True)
    if code.result_var:
        await keep_answer(desk, code.result_var, content)
    return Executed(ran, answer=content)


def _failure_of(error: SandboxError | InvalidRequest) -> Failure:
    return error.failure if isinstance(error, SandboxFailed) else Failure(type(error).__name__, str(error), fatal=True)

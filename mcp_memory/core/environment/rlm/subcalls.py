"""`rlm_query`: a part of the goal, handed on from code to a plain call of the model, or to a loop of its own."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core.environment.desk import is_put
from mcp_memory.core.environment.rlm.opening import first_exchange, shape_of, tools_told
from mcp_memory.core.environment.rlm.places import OwnPlace
from mcp_memory.core.environment.rlm.turns import Loop
from mcp_memory.core.environment.tools import ANSWER_TOKENS, MOST_PROMPT, model_tools
from mcp_memory.core.prompting import as_data, prompt
from mcp_memory.errors import BudgetSpent, InvalidRequest, LanguageModelError, SandboxError
from mcp_memory.llm.base import Message
from mcp_memory.sandbox.base import ToolError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.rlm.allowance import Allowance
    from mcp_memory.core.environment.rlm.tracing import Turn
    from mcp_memory.llm.base import LanguageModel
    from mcp_memory.models.environment import Environment
    from mcp_memory.sandbox.base import HostTool, Sandbox, Variable

CONTEXT: Final = "context"
"""The one variable of a sub-task."""
MOST_ANSWER: Final = 200_000
"""Characters of a sub-task's answer."""
WALL_SHARE: Final = 0.9
"""Of the time that one block may take: what all sub-tasks it begins may take together."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a run and all its sub-tasks share."""

    sandbox: Sandbox
    model: LanguageModel
    allowance: Allowance
    environment: Environment
    """What the sandboxes of sub-tasks are called; they are not stored."""
    most_context: int
    """Bytes of a sub-task's `context`."""
    max_depth: int
    """1: sub-tasks are plain calls."""
    report: Callable[[Turn], Awaitable[None]] | None = None


def rlm_tool(tree: Tree, depth: int, desk: Desk) -> dict[str, HostTool]:
    """`rlm_query(prompt, context="")` for one block of a loop at this depth, 1 for the run itself."""
    end = asyncio.get_running_loop().time() + tree.sandbox.limits.wall_seconds * WALL_SHARE

    async def rlm_query(prompt: Any, context: Any = "") -> str:
        _check(tree, prompt, context)
        desk.repeatable = False
        try:
            if depth >= tree.max_depth:
                return await _asked(tree, prompt, context)
            seconds = end - asyncio.get_running_loop().time()
            return await _pursued(tree, depth + 1, prompt, context, seconds)
        except BudgetSpent as error:
            raise ToolError(f"budget spent: {error}") from None
        except LanguageModelError:
            raise ToolError("rlm_query: the language model did not answer") from None
        except (SandboxError, InvalidRequest):
            raise ToolError("rlm_query: no sandbox could be had for it; try again, or use llm_query") from None

    return {"rlm_query": rlm_query}


async def _asked(tree: Tree, question: str, context: str) -> str:
    """A plain call, the text marked as material."""
    if not context:
        told = question
    else:
        rule = prompt("data_rule")
        told = prompt("rlm_child_question", data_rule=rule, question=question, context=as_data(CONTEXT, context))
    return (await tree.model.complete([Message("user", told)], max_tokens=ANSWER_TOKENS)).text


async def _pursued(tree: Tree, depth: int, goal: str, context: str, seconds: float) -> str:
    """A loop of its own.

    Raises:
        ToolError: no turns or time are left for one, or it ended without an answer.
        LanguageModelError: the model never answered.
    """
    if tree.allowance.turns_left < 2 or seconds < 1:
        raise ToolError("budget spent: no turns or time are left for a sub-task; use llm_query, or finish")
    place = OwnPlace(tree.sandbox, tree.environment)
    there: list[Variable] = []
    shape = ""
    if context:
        there, shape = (await place.work_on(partial(_brought_in, context))).value
    tools = tools_told(recalls=0, deep=depth < tree.max_depth)
    loop = Loop(
        place=place,
        model=tree.model,
        allowance=tree.allowance,
        exchange=first_exchange(goal, shape, tools, tree.allowance, tree.sandbox.limits),
        tools_for=lambda desk: {**model_tools(tree.model, desk), **rlm_tool(tree, depth, desk)},
        names={one.name for one in there},
        seconds=seconds,
        spare_turns=1,
        report=tree.report,
    )
    outcome = await loop.until_done()
    if outcome.text is None:
        raise ToolError(f"rlm_query: the sub-task ended without an answer: {outcome.reason}")
    return outcome.text[:MOST_ANSWER]


async def _brought_in(context: str, desk: Desk) -> tuple[list[Variable], str]:
    """Bind the context: JSON of a list or an object as its value, anything else as text."""
    if not (context.lstrip().startswith(("[", "{")) and await is_put(desk, CONTEXT, context)):
        await desk.put(CONTEXT, json.dumps(context))
    return await shape_of(desk, None)


def _check(tree: Tree, question: Any, context: Any) -> None:
    if type(question) is not str or not question.strip() or len(question) > MOST_PROMPT:
        raise ToolError(f"rlm_query: `prompt` must be a text of 1 to {MOST_PROMPT:,} characters")
    if type(context) is not str:
        raise ToolError("rlm_query: `context` must be a text; hand over other values with json.dumps(value)")
    most = MOST_PROMPT if tree.max_depth == 1 else tree.most_context
    if len(context) > most:
        raise ToolError(f"rlm_query: `context` may have {most:,} characters; hand over less")

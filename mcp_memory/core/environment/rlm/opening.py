"""What the model is told first: the goal, the shape of the data, the tools and the limits; never the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.rlm.exchange import OUTPUT_HEAD, OUTPUT_TAIL, Exchange, what_is_left
from mcp_memory.core.prompting import as_data, prompt

if TYPE_CHECKING:
    from collections.abc import Collection

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.rlm.allowance import Allowance
    from mcp_memory.sandbox.base import SandboxLimits, Variable

MOST_DESCRIBED: Final = 60
"""Variables that are told of."""
MOST_PROBED: Final = 20
"""Variables of which the keys are told."""
LIKE: Final = (
    "'a dict with the keys ' + str([str(key)[:40] for key in list({one})[:20]]) if isinstance({one}, dict) else "
    "'a text of ' + str(len({one})) + ' characters' if isinstance({one}, str) else "
    "'a number' if isinstance({one}, (int, float)) else 'a list' if isinstance({one}, list) else 'something else'"
)
"""Says what an element is like, in the sandbox: its own limits hold there, and nothing of it is kept."""
KEYS: Final = "[str(key)[:40] for key in list({one})[:20]]"


async def shape_of(desk: Desk, names: Collection[str] | None) -> tuple[list[Variable], str]:
    """The variables of these names (None: all), and a line on each: its name, type, length, size and the keys of one
    element."""
    every = await desk.session.variables()
    there = [one for one in every if names is None or one.name in names]
    lines = [
        f"{_head(one)}{await _element(desk, one) if at < MOST_PROBED else ''}"
        for at, one in enumerate(there[:MOST_DESCRIBED])
    ]
    if len(there) > MOST_DESCRIBED:
        lines.append(f"and {len(there) - MOST_DESCRIBED:,} more; locals() has them all")
    return there, "\n".join(lines)


def first_exchange(goal: str, shape: str, tools: str, allowance: Allowance, limits: SandboxLimits) -> Exchange:
    """The system's word and the first message."""
    system = prompt(
        "rlm_system",
        tools=tools,
        python=prompt("rlm_python"),
        data_rule=prompt("data_rule"),
        output_chars=f"{OUTPUT_HEAD + OUTPUT_TAIL:,}",
    )
    first = prompt(
        "rlm_first",
        goal=goal,
        shape=as_data("variables", shape) if shape else "(there are none yet)",
        run_seconds=f"{limits.run_seconds:g}",
        wall_seconds=f"{limits.wall_seconds:g}",
        allowance=what_is_left(allowance),
    )
    return Exchange(system, first)


def tools_told(*, recalls: int, deep: bool) -> str:
    """What code can call, one line each; without `recall` where it may be called 0 times."""
    recall = [prompt("rlm_tool_recall", recalls=recalls)] if recalls else []
    return "\n".join([*recall, prompt("rlm_tools", rlm_query=prompt("rlm_query_child" if deep else "rlm_query_plain"))])


def _head(variable: Variable) -> str:
    length = "" if variable.length is None else f"[{variable.length:,}]"
    size = f"{variable.size:,} bytes as JSON" if variable.digest else f"about {variable.size:,} bytes"
    return f"{variable.name}: {variable.type}{length}, {size}"


async def _element(desk: Desk, variable: Variable) -> str:
    """What one element is like, where there is one and it can be said."""
    if not variable.length or variable.type not in ("list", "dict") or not variable.name.isidentifier():
        return ""
    if variable.type == "dict":
        return await _said(desk, KEYS.format(one=variable.name), "its keys")
    return await _said(desk, LIKE.format(one=f"{variable.name}[0]"), "the first element")


async def _said(desk: Desk, expression: str, what: str) -> str:
    ran = await desk.session.run(expression, {}, result_chars=600)
    return f"; {what}: {ran.result}" if ran.failure is None and ran.result else ""

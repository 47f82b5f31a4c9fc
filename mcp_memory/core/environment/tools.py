"""What code in the sandbox may call. Nothing here writes: stored memory is untrusted text, and text that was read
must not gain a way to write by itself.

Arguments come from code that nobody has vetted: exact types and sizes first, then anything else. What it is told of an
error is a fixed sentence.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core.environment.rows import as_row
from mcp_memory.core.recall import recall as recall_memories
from mcp_memory.errors import BudgetSpent, InvalidRequest, LanguageModelError, LanguageModelUnusable, McpMemoryError
from mcp_memory.llm.base import Message
from mcp_memory.models.recall import Recall
from mcp_memory.sandbox.base import ToolError

if TYPE_CHECKING:
    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.llm.base import LanguageModel
    from mcp_memory.sandbox.base import HostTool

MOST_QUERY: Final = 20_000
"""Characters of one query, as `Recall` has it."""
MOST_RECALLED: Final = 100
MOST_PROMPT: Final = 200_000
"""Characters of one prompt, and of all prompts of one batch."""
MOST_PROMPTS: Final = 20
AT_A_TIME: Final = 4
"""Prompts of one batch that are under way together."""
ANSWER_TOKENS: Final = 4_096
"""Most tokens of one answer."""


def recall_tool(resources: Resources, scope: Scope, most_calls: int) -> dict[str, HostTool]:
    """`recall(query, limit=20)`: what the scope may read, so many times."""
    left = most_calls

    async def recall(query: Any, limit: Any = 20) -> list[dict[str, Any]]:
        nonlocal left
        if type(query) is not str or len(query) > MOST_QUERY:
            raise ToolError(f"recall: `query` must be a text of at most {MOST_QUERY:,} characters")
        if type(limit) is not int or not 1 <= limit <= MOST_RECALLED:
            raise ToolError(f"recall: `limit` must be a number from 1 to {MOST_RECALLED}")
        if left <= 0:
            raise ToolError(f"budget of {most_calls} recalls spent; load what you need with memory_context_load")
        left -= 1
        try:
            result = await recall_memories(resources, Recall(query=query, limit=limit), scope)
        except InvalidRequest as error:
            raise ToolError(f"recall: {error}") from None
        except McpMemoryError:
            raise ToolError("recall: the memory cannot be searched at the moment") from None
        return [as_row(memory) for memory in result.memories]

    return {"recall": recall}


def model_tools(model: LanguageModel, desk: Desk) -> dict[str, HostTool]:
    """`llm_query(prompt)` and `llm_query_batched(prompts)`, within whatever budget is around `model`.

    Work that has asked a model is not repeated by itself.
    """

    async def llm_query(prompt: Any) -> str:
        _check_prompt("llm_query", prompt)
        desk.repeatable = False
        try:
            return await _asked(model, prompt)
        except BudgetSpent as error:
            raise ToolError(f"budget spent: {error}") from None
        except LanguageModelError as error:
            raise ToolError(f"llm_query: {_told(error)}") from None

    async def llm_query_batched(prompts: Any) -> list[str]:
        _check_prompts(prompts)
        desk.repeatable = False
        return await _all_asked(model, list(prompts))

    return {"llm_query": llm_query, "llm_query_batched": llm_query_batched}


def tool_names(model: LanguageModel | None) -> list[str]:
    """What code may call."""
    return ["recall"] if model is None else ["recall", "llm_query", "llm_query_batched"]


async def _all_asked(model: LanguageModel, prompts: list[str]) -> list[str]:
    """The answers in their order; an error stands as text where its answer would be."""
    gate = asyncio.Semaphore(AT_A_TIME)
    spent: list[BudgetSpent] = []

    async def one(prompt: str) -> str:
        async with gate:
            try:
                return await _asked(model, prompt)
            except BudgetSpent as error:
                spent.append(error)
                return f"error: budget spent: {error}"
            except LanguageModelError as error:
                return f"error: {_told(error)}"

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(prompt)) for prompt in prompts]
    if spent and len(spent) == len(prompts):
        raise ToolError(f"budget spent: {spent[0]}")
    return [task.result() for task in tasks]


async def _asked(model: LanguageModel, prompt: str) -> str:
    return (await model.complete([Message("user", prompt)], max_tokens=ANSWER_TOKENS)).text


def _check_prompt(tool: str, prompt: Any) -> None:
    if type(prompt) is not str or not prompt.strip() or len(prompt) > MOST_PROMPT:
        raise ToolError(f"{tool}: a prompt must be a text of 1 to {MOST_PROMPT:,} characters")


def _check_prompts(prompts: Any) -> None:
    if type(prompts) is not list or not 1 <= len(prompts) <= MOST_PROMPTS:
        raise ToolError(f"llm_query_batched: `prompts` must be a list of 1 to {MOST_PROMPTS} texts")
    for prompt in prompts:
        _check_prompt("llm_query_batched", prompt)
    if sum(map(len, prompts)) > MOST_PROMPT:
        raise ToolError(f"llm_query_batched: all prompts together may have {MOST_PROMPT:,} characters; send fewer")


def _told(error: LanguageModelError) -> str:
    """A fixed sentence: what the endpoint says of itself does not belong into the sandbox."""
    if isinstance(error, LanguageModelUnusable):
        return "the language model answered with nothing that could be used"
    return "the language model did not answer: it cannot be reached, refuses, or is too slow"

"""The language model as recall and reflect use it: within a budget, and for no longer than a caller waits."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import LanguageModelUnavailable
from mcp_memory.llm.budget import Budget, Budgeted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_memory.core.resources import Resources

PATIENCE: Final = 45.0
"""Seconds that all calls of the model for one recall or one synthesis may take: many MCP clients give a tool 60."""

NO_MODEL: Final = (
    "No language model is configured; set MCP_MEMORY_LLM_MODEL, and MCP_MEMORY_LLM_BASE_URL where it is not OpenAI's."
)


def budget_of(resources: Resources) -> Budget:
    """What one verb may use of the model."""
    return Budget(calls=resources.limits.llm_calls, tokens=resources.limits.llm_tokens)


@asynccontextmanager
async def bounded_model(resources: Resources, budget: Budget | None = None) -> AsyncIterator[Budgeted]:
    """The language model, for what is done inside within `PATIENCE` seconds and the budget.

    Raises:
        LanguageModelUnavailable: none is configured, or the time is up.
    """
    if resources.model is None:
        raise LanguageModelUnavailable(NO_MODEL)
    try:
        async with asyncio.timeout(PATIENCE) as patience:
            yield Budgeted(resources.model, budget or budget_of(resources))
    except TimeoutError:
        if not patience.expired():
            raise
        raise LanguageModelUnavailable(f"The language model took longer than {PATIENCE:g} seconds.") from None

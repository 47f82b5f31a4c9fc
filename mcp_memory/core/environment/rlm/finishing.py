"""How a run ends: with the model's own answer, with one it is made to give, or without."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.rlm.blocks import read_reply
from mcp_memory.core.prompting import prompt
from mcp_memory.errors import LanguageModelError

if TYPE_CHECKING:
    from collections.abc import Collection

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.rlm.blocks import Reply
    from mcp_memory.core.environment.rlm.exchange import Exchange
    from mcp_memory.llm.base import LanguageModel
    from mcp_memory.models.environment import RlmStatus

ANSWER_TOKENS: Final = 4_096
"""Most tokens of a closing answer."""
DRAFT: Final = """\
if isinstance(answer, dict) and answer.get("content"):
    FINAL(answer["content"])
"""

_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_WAYS_TO_ALL: Final = frozenset({"recall", "locals"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run."""

    status: RlmStatus
    text: str | None = None
    """The answer: text as it is, anything else as JSON."""
    reason: str | None = None
    """Why it ended without the model's own answer."""
    is_kept: bool = False
    """The answer stands in the variable that was asked for."""


def looks_at(code: str, names: Collection[str]) -> bool:
    """Whether code uses one of these variables, or what gives it data. A guess at its words; it is not parsed."""
    return any(word in names or word in _WAYS_TO_ALL for word in _WORD.findall(code))


async def keep_answer(desk: Desk, name: str, text: str) -> None:
    """Bind a name to the answer that the code gave: to the value itself, else to its text."""
    ran = await desk.run("answer['content']", {}, result_var=name, result_chars=100)
    if desk.lost is None and (ran.failure is not None or await desk.session.variable(name, 0) is None):
        await keep_text(desk, name, text)


async def draft(desk: Desk, result_var: str) -> str | None:
    """What the code has kept in `answer["content"]` without saying that it is ready; None where it kept nothing."""
    ran = await desk.run(DRAFT, {})
    answer = None if ran.failure is not None else await desk.session.answer()
    if answer is None or not answer.content.strip():
        return None
    if result_var:
        await keep_answer(desk, result_var, answer.content)
    return answer.content


async def keep_text(desk: Desk, name: str, text: str) -> None:
    """Bind a name to a text."""
    await desk.put(name, json.dumps(text))


async def closing_reply(model: LanguageModel, exchange: Exchange, reason: str) -> Reply | None:
    """What the model says when it is asked once more, for the answer alone; None where it says nothing."""
    messages = exchange.messages(prompt("rlm_closing", reason=reason))
    try:
        completion = await model.complete(messages, max_tokens=ANSWER_TOKENS)
    except LanguageModelError:
        return None
    return read_reply(completion.text)

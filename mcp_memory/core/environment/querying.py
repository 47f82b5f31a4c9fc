"""Asking the language model about variables, without reading them oneself."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.keeper import Keeper
from mcp_memory.core.environment.names import refuse_reserved
from mcp_memory.core.environment.telling import listed
from mcp_memory.core.prompting import as_data, prompt
from mcp_memory.errors import InvalidRequest, LanguageModelUnavailable, SandboxError
from mcp_memory.llm.base import Message
from mcp_memory.llm.budget import Budget, Budgeted
from mcp_memory.models.environment import ContextAnswered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.environment import ContextQuery

ANSWER_TOKENS: Final = 4_096
"""Most tokens of the answer, as the contract has it."""
NO_MODEL: Final = (
    "No language model is configured, so nobody can be asked about variables; look yourself: "
    'memory_context_inspect(variable="...", preview_chars=2000) shows one, and memory_context_exec runs code over '
    "them. Or set MCP_MEMORY_LLM_MODEL, and MCP_MEMORY_LLM_BASE_URL for an endpoint other than OpenAI's."
)


async def query(
    resources: Resources, sessions: SessionPolicy, environments: Environments, request: ContextQuery, scope: Scope
) -> ContextAnswered:
    """One answer of the model to a prompt about variables, which are rendered inside the sandbox.

    While the model thinks, other calls on the environment go on.

    Raises:
        LanguageModelUnavailable: there is none, with what to do instead; or it did not answer.
        LanguageModelUnusable: it answered with nothing that could be used.
        BudgetSpent: the variables alone are more tokens than one tool call may use.
        InvalidRequest: no session, a reserved `result_var`, or none of the variables is there.
        SandboxUnavailable: it cannot run here.
        SandboxFailed: a variable cannot be rendered within the limits.
    """
    if resources.model is None:
        raise LanguageModelUnavailable(NO_MODEL)
    keeper = Keeper(resources, sessions, environments, scope)
    await keeper.session()
    sandbox, _ = await environments.ready()
    refuse_reserved(request.result_var, sandbox)
    names = list(dict.fromkeys(request.variables))
    texts, note = await keeper.look_at(partial(_rendered, names, request.max_context_chars))
    model = Budgeted(resources.model, Budget(resources.limits.llm_calls, resources.limits.llm_tokens))
    completion = await model.complete(_messages(request.prompt, texts), max_tokens=ANSWER_TOKENS)
    is_kept, trouble = await _kept(keeper, request.result_var, completion.text)
    return ContextAnswered(
        session_id=scope.session_id,
        workspace_id=scope.workspace_id,
        response=completion.text,
        variables_used=list(texts),
        variables_missing=[name for name in names if name not in texts],
        result_var=request.result_var if is_kept else None,
        tokens_used=completion.tokens,
        truncated=completion.truncated,
        note=" ".join(filter(None, (note, trouble))) or None,
    )


async def _rendered(names: Sequence[str], most_chars: int, desk: Desk) -> tuple[dict[str, str], str | None]:
    """The variables that are there, as texts, and what is to be said about the environment.

    Raises:
        InvalidRequest: variables are named and none of them is there.
    """
    texts = await desk.session.render(names, most_chars) if names else {}
    if names and not texts:
        there = [one.name for one in await desk.session.variables()]
        known = f"there are {listed(there)}" if there else "there are none yet; bring some in with memory_context_load"
        raise InvalidRequest(f"There is no variable {listed(names)}; {known}.")
    return texts, desk.note


def _messages(question: str, texts: dict[str, str]) -> list[Message]:
    """The request, and each variable as data."""
    shown = "\n\n".join(as_data(f"variable {name}", text) for name, text in texts.items())
    system = prompt("query", data_rule=prompt("data_rule"))
    return [Message("system", system), Message("user", f"{shown}\n\n{question}" if shown else question)]


async def _kept(keeper: Keeper, name: str, text: str) -> tuple[bool, str]:
    """Bind a name, if there is one, to the answer; where that fails, why. An answer that was paid for is not lost."""
    if not name:
        return False, ""
    try:
        await keeper.work_on(partial(_put, name, text))
    except (SandboxError, InvalidRequest) as error:
        return False, f"The answer could not be kept in {name!r}: {error}"
    return True, ""


async def _put(name: str, text: str, desk: Desk) -> None:
    await desk.put(name, json.dumps(text))

"""`pursue`: one run of the loop on a session's environment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.keeper import Keeper
from mcp_memory.core.environment.loading import load
from mcp_memory.core.environment.names import refuse_reserved
from mcp_memory.core.environment.rlm.allowance import Allowance
from mcp_memory.core.environment.rlm.exchange import head_and_tail
from mcp_memory.core.environment.rlm.finishing import keep_text
from mcp_memory.core.environment.rlm.opening import first_exchange, shape_of, tools_told
from mcp_memory.core.environment.rlm.places import SharedPlace, workers_of
from mcp_memory.core.environment.rlm.subcalls import Tree, rlm_tool
from mcp_memory.core.environment.rlm.tracing import in_words, told
from mcp_memory.core.environment.rlm.turns import Loop
from mcp_memory.core.environment.telling import listed
from mcp_memory.core.environment.tools import model_tools, recall_tool
from mcp_memory.errors import InvalidRequest, LanguageModelUnavailable, SandboxError
from mcp_memory.llm.budget import Budget, Budgeted
from mcp_memory.models.environment import ContextLoad, ContextRlmResult, Environment

if TYPE_CHECKING:
    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.environment.progress import Report
    from mcp_memory.core.environment.rlm.finishing import Outcome
    from mcp_memory.core.environment.rlm.tracing import Turn
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.environment import ContextRlm
    from mcp_memory.sandbox.base import HostTool, Sandbox, Variable

MEMORIES: Final = "memories"
"""The variable that `memory_query` is loaded into."""
RESULT_CHARS: Final = 10_000
"""Of the answer in the result; `result_var` holds the whole of it."""
NO_MODEL: Final = (
    "No language model is configured, so this loop has none to think for it; you are one: be the root model yourself. "
    "Load the material into a variable, work on it with code, look at what came out, and repeat, for example:\n"
    'memory_context_load(var="memories", query="deployment problems", limit=200)\n'
    'memory_context_exec(code="from collections import Counter\\n'
    "Counter(tag for m in memories for tag in m['tags']).most_common(10)\")\n"
    'memory_context_inspect(variable="memories", preview_chars=500)\n'
    "To have it done for you, set MCP_MEMORY_LLM_MODEL, and MCP_MEMORY_LLM_BASE_URL for another endpoint than OpenAI's."
)


async def pursue(
    resources: Resources,
    sessions: SessionPolicy,
    environments: Environments,
    request: ContextRlm,
    scope: Scope,
    report: Report | None = None,
) -> ContextRlmResult:
    """Let the model work on the environment with code until it has reached the goal, or may not go on.

    Every turn is kept when it is over: a cancelled run leaves the environment as its last whole turn did. While the
    model thinks, other calls on the environment go on.

    Raises:
        LanguageModelUnavailable: there is none; the text says how the caller does the same itself.
        LanguageModelError: it never answered.
        InvalidRequest: no session, a reserved `result_var`, or none of the variables is there.
        SandboxUnavailable: it cannot run here.
    """
    if resources.model is None:
        raise LanguageModelUnavailable(NO_MODEL)
    keeper = Keeper(resources, sessions, environments, scope)
    await keeper.session()
    sandbox, _ = await environments.ready()
    refuse_reserved(request.result_var, sandbox)
    material = await _material(keeper, request)
    budget = Budget(resources.limits.llm_calls, resources.limits.llm_tokens)
    allowance = Allowance.starting_now(request.max_iterations, budget, environments.policy.rlm_seconds)
    tree = _tree(keeper, sandbox, Budgeted(resources.model, budget), allowance, request, report)
    loop = _loop(keeper, tree, material, request)
    outcome = await loop.until_done()
    kept, note = await _kept(loop, outcome, request.result_var)
    return _result(loop, outcome, request, scope, kept, [*material.notes, *note])


@dataclass(frozen=True, slots=True)
class _Material:
    """What the model is given to work on."""

    variables: list[Variable]
    shape: str
    notes: list[str]


async def _material(keeper: Keeper, request: ContextRlm) -> _Material:
    """Load what is to be loaded, and describe the variables that were named, or all where none was.

    Raises:
        InvalidRequest: none of those named is there.
    """
    notes = await _loaded(keeper, request)
    names = {*request.variables, MEMORIES} if request.memory_query.strip() else set(request.variables)
    variables, shape, note = await keeper.look_at(partial(_shape_at, names or None))
    notes += [note] if note and note not in notes else []
    there = {one.name for one in variables}
    missing = [name for name in request.variables if name not in there]
    if missing and not there:
        raise InvalidRequest(await _none_there(keeper, missing))
    if missing:
        notes.append(f"There is no variable {listed(missing)}.")
    return _Material(variables, shape, notes)


async def _loaded(keeper: Keeper, request: ContextRlm) -> list[str]:
    """Bring in what `memory_query` finds; what is to be said about it."""
    if not request.memory_query.strip():
        return []
    wanted = ContextLoad(var=MEMORIES, query=request.memory_query, limit=request.memory_limit)
    loaded = await load(keeper.resources, keeper.sessions, keeper.environments, wanted, keeper.scope)
    nothing = "" if loaded.count else "`memory_query` found nothing, so `memories` is an empty list."
    return [note for note in (loaded.note, loaded.degraded, nothing) if note]


async def _shape_at(names: set[str] | None, desk: Desk) -> tuple[list[Variable], str, str | None]:
    return *await shape_of(desk, names), desk.note


async def _none_there(keeper: Keeper, missing: list[str]) -> str:
    every, _, _ = await keeper.look_at(partial(_shape_at, None))
    there = f"there are {listed([one.name for one in every])}" if every else "there are none yet; give `memory_query`"
    return f"There is no variable {listed(missing)}; {there}."


def _tree(
    keeper: Keeper, sandbox: Sandbox, model: Budgeted, allowance: Allowance, request: ContextRlm, report: Report | None
) -> Tree:
    now, scope, policy = keeper.resources.now(), keeper.scope, keeper.environments.policy
    nameless = Environment(session_id=scope.session_id, workspace_id=scope.workspace_id, created_at=now, updated_at=now)

    async def tell(turn: Turn) -> None:
        if report is not None:
            most = allowance.most_turns
            await report(turn.iteration, most, f"turn {turn.iteration}/{most}: {in_words(turn)}")

    return Tree(sandbox, model, allowance, nameless, policy.most_value_bytes, request.max_depth, tell)


def _loop(keeper: Keeper, tree: Tree, material: _Material, request: ContextRlm) -> Loop:
    environments = keeper.environments
    recalls = environments.policy.most_recalls
    deep = tree.max_depth > 1

    def tools_for(desk: Desk) -> dict[str, HostTool]:
        recall = recall_tool(keeper.resources, keeper.scope, recalls)
        return {**recall, **model_tools(tree.model, desk), **rlm_tool(tree, 1, desk)}

    tools = tools_told(recalls=recalls, deep=deep)
    return Loop(
        place=SharedPlace(keeper, workers_of(environments), needs_two=deep),
        model=tree.model,
        allowance=tree.allowance,
        exchange=first_exchange(request.goal, material.shape, tools, tree.allowance, tree.sandbox.limits),
        tools_for=tools_for,
        names={one.name for one in material.variables},
        result_var=request.result_var,
        report=tree.report,
    )


async def _kept(loop: Loop, outcome: Outcome, result_var: str) -> tuple[bool, list[str]]:
    """Whether the answer stands in the variable it was asked for; what is to be said where it does not."""
    if not result_var or outcome.text is None or outcome.is_kept:
        return outcome.is_kept, []
    try:
        await loop.place.work_on(partial(_text_at, result_var, outcome.text))
    except (SandboxError, InvalidRequest) as error:
        return False, [f"The answer could not be kept in {result_var!r}: {error}"]
    return True, []


async def _text_at(name: str, text: str, desk: Desk) -> None:
    await keep_text(desk, name, text)


def _result(
    loop: Loop, outcome: Outcome, request: ContextRlm, scope: Scope, is_kept: bool, notes: list[str]
) -> ContextRlmResult:
    budget, text = loop.allowance.budget, outcome.text or ""
    if len(text) > RESULT_CHARS:
        where = f"{request.result_var!r} holds the whole" if is_kept else "ask with `result_var` to keep the whole"
        notes = [*notes, f"The answer has {len(text):,} characters and is shortened here; {where}."]
    return ContextRlmResult(
        session_id=scope.session_id,
        workspace_id=scope.workspace_id,
        result=None if outcome.text is None else head_and_tail(text, RESULT_CHARS - 2_000, 2_000),
        goal_achieved=outcome.status == "achieved",
        status=outcome.status,
        reason=outcome.reason,
        iterations=loop.allowance.turns_taken,
        trace=told(loop.trace, request.detail_level),
        llm_calls=budget.calls_used,
        tokens_used=budget.tokens_used,
        result_var=request.result_var if is_kept else None,
        note=" ".join(notes) or None,
    )

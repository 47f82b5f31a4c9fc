"""The context environment of the session that `X-Session-ID` names.

What goes wrong inside it (code that fails, a variable that is not there, no sandbox, no language model) is an answer
with an `error`, as MemoryLayer's clients expect; what goes wrong before it (no session, wrong types) is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import Field, ValidationError, WithJsonSchema

from mcp_memory.errors import InvalidRequest, LanguageModelError, SandboxError
from mcp_memory.models.environment import (
    MOST_CODE,
    Checkpoint,
    ContextCheckpoint,
    ContextCleanup,
    ContextExec,
    ContextInject,
    ContextInspect,
    ContextLoad,
    ContextMetadata,
    ContextQuery,
    ContextRlm,
    ContextStatusRequest,
    RlmDetail,
    RlmStatus,
    RlmTurn,
    VariableInfo,
)
from mcp_memory.models.memory import MemoryType  # noqa: TC001 - pydantic reads it
from mcp_memory.rest.asking import asked, shared
from mcp_memory.rest.endpoint import Answer, Body, Call, Endpoint, NoBody, NoQuery, Query, Reply
from mcp_memory.rest.failures import invalid
from mcp_memory.rest.fields import VISIBLE, WHOLE, Key, Name, Share, Tags, Text
from mcp_memory.rest.wire import plain

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from mcp_memory.models.base import Result

ResultT = TypeVar("ResultT", bound="Result")

FAILURES: Final = (InvalidRequest, SandboxError, LanguageModelError)
"""What is told as an `error`."""

Variable = Annotated[Key, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,63}$"})]
"""A name that a variable can have."""

Question = Annotated[
    Text,
    Field(max_length=20_000),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 20_000, "pattern": VISIBLE}),
]

Variables = Annotated[list[Variable], Field(max_length=50)]


class Execute(Body):
    """Run code in the environment."""

    code: Annotated[str, Field(min_length=1, max_length=MOST_CODE)]
    result_var: Variable | None = None
    """Keep the result under this name."""
    return_result: bool | None = None
    max_return_chars: Annotated[int, Field(ge=100, le=100_000), WHOLE] | None = None


class InspectQuery(Query):
    """Which variable, and how much of it."""

    variable: Name = ""
    """Empty: all of them."""
    preview_chars: int = Field(200, ge=1, le=10_000)


class Load(Body):
    """Recall memories into a variable."""

    var: Variable
    query: Question
    limit: Annotated[int, Field(ge=1, le=500), WHOLE] | None = None
    types: Annotated[list[MemoryType], Field(max_length=4)] | None = None
    tags: Tags | None = None
    """All of them."""
    min_relevance: Share | None = None
    include_embeddings: bool | None = None


class Inject(Body):
    """Bind a name to a value."""

    key: Variable
    value: Any
    """Any JSON."""
    parse_json: bool | None = None
    """The value is the text of a JSON document: decode it."""


class Ask(Body):
    """Ask the language model about variables."""

    prompt: Annotated[
        Text,
        Field(max_length=100_000),
        WithJsonSchema({"type": "string", "minLength": 1, "maxLength": 100_000, "pattern": VISIBLE}),
    ]
    variables: Variables | None = None
    max_context_chars: Annotated[int, Field(ge=100, le=500_000), WHOLE] | None = None
    result_var: Variable | None = None


class Pursue(Body):
    """Let the language model work on the environment until it has reached a goal."""

    goal: Question
    memory_query: Annotated[str, Field(max_length=20_000)] | None = None
    """Memories that are loaded into `memories` first."""
    memory_limit: Annotated[int, Field(ge=1, le=500), WHOLE] | None = None
    max_iterations: Annotated[int, Field(ge=1, le=50), WHOLE] | None = None
    variables: Variables | None = None
    result_var: Variable | None = None
    detail_level: RlmDetail | None = None
    max_depth: Annotated[int, Field(ge=1, le=2), WHOLE] | None = None


class KeepState(Body):
    """Name the present state, or return to a named one."""

    name: Name | None = None
    restore: Name | None = None


class ExecuteAnswer(Answer):
    """What the code printed, what its last expression was, and what it changed."""

    output: str
    result: str | None
    error: str | None
    variables_changed: list[str]
    output_cut: int = 0
    """Characters of output left out."""
    note: str | None = None
    duration_ms: int = 0


class InspectAnswer(Answer):
    """One variable, or all of them; what is not told is `null`."""

    variable: str | None
    type: str | None
    preview: str | None
    size_bytes: int | None
    variable_count: int | None
    variables: dict[str, VariableInfo] | None
    total_size_bytes: int | None
    error: str | None
    note: str | None = None


class LoadAnswer(Answer):
    """What was loaded."""

    variable: str
    count: int
    query: str
    total_available: int
    error: str | None
    keys: list[str] | None = None
    """Of each dictionary."""
    size_bytes: int | None = None
    degraded: str | None = None
    note: str | None = None


class InjectAnswer(Answer):
    """What the variable is now."""

    variable: str
    type: str | None
    preview: str | None
    error: str | None
    size_bytes: int | None = None
    note: str | None = None


class AskAnswer(Answer):
    """What the language model said."""

    response: str
    variables_used: list[str]
    result_var: str | None
    error: str | None
    variables_missing: list[str] | None = None
    tokens_used: int | None = None
    truncated: bool | None = None
    note: str | None = None


class PursueAnswer(Answer):
    """The answer, or how far it came."""

    result: str | None
    iterations: int
    trace: list[RlmTurn]
    error: str | None
    goal_achieved: bool
    status: RlmStatus | None = None
    reason: str | None = None
    llm_calls: int | None = None
    tokens_used: int | None = None
    result_var: str | None = None
    note: str | None = None


class StatusAnswer(Answer):
    """Where the environment stands."""

    exists: bool
    variable_count: int
    variables: list[str] | None
    """`null` where there is no environment."""
    total_size_bytes: int
    memory_limit_bytes: int | None
    metadata: ContextMetadata
    tools: list[str]
    sandbox: str
    language_model: str | None = None
    checkpoints: list[Checkpoint]


async def execute(call: Call[Execute, NoQuery]) -> Reply:
    """Run code."""
    done = await _tried(call.memory.context_exec(asked(ContextExec, **shared(ContextExec, call.body)), call.scope))
    if isinstance(done, str):
        return _failed(ExecuteAnswer, done, output="", variables_changed=[])
    return _told(ExecuteAnswer, done, error=None if done.error is None else str(done.error))


async def inspect(call: Call[NoBody, InspectQuery]) -> Reply:
    """Look at the variables."""
    request = asked(ContextInspect, "query", **call.query.model_dump())
    done = await _tried(call.memory.context_inspect(request, call.scope))
    if isinstance(done, str):
        return _failed(InspectAnswer, done, variable=call.query.variable or None)
    return _told(InspectAnswer, done)


async def load(call: Call[Load, NoQuery]) -> Reply:
    """Recall memories into a variable."""
    body = call.body
    done = await _tried(call.memory.context_load(asked(ContextLoad, **shared(ContextLoad, body)), call.scope))
    if isinstance(done, str):
        return _failed(LoadAnswer, done, variable=body.var, count=0, query=body.query, total_available=0)
    return _told(LoadAnswer, done)


async def inject(call: Call[Inject, NoQuery]) -> Reply:
    """Bind a name to a value."""
    body = call.body
    try:
        request = ContextInject(key=body.key, value=body.value, parse_json=bool(body.parse_json))
    except ValidationError as error:
        raise invalid(error, "body") from None
    done = await _tried(call.memory.context_inject(request, call.scope))
    if isinstance(done, str):
        return _failed(InjectAnswer, done, variable=body.key)
    return _told(InjectAnswer, done)


async def ask(call: Call[Ask, NoQuery]) -> Reply:
    """Ask the language model about variables."""
    fields = {"variables": []} | shared(ContextQuery, call.body)
    done = await _tried(call.memory.context_query(asked(ContextQuery, **fields), call.scope))
    if isinstance(done, str):
        return _failed(AskAnswer, done, response="", variables_used=[])
    return _told(AskAnswer, done)


async def pursue(call: Call[Pursue, NoQuery]) -> Reply:
    """Let the language model work towards a goal."""
    done = await _tried(call.memory.context_rlm(asked(ContextRlm, **shared(ContextRlm, call.body)), call.scope))
    if isinstance(done, str):
        return _failed(PursueAnswer, done, iterations=0, trace=[], goal_achieved=False)
    return _told(PursueAnswer, done, error=done.reason if done.failed else None)


async def status(call: Call[NoBody, NoQuery]) -> Reply:
    """Where the environment stands."""
    found = await call.memory.context_status(ContextStatusRequest(), call.scope)
    return _told(StatusAnswer, found, variables=found.variables if found.exists else None)


async def checkpoint(call: Call[KeepState, NoQuery]) -> Reply:
    """Name the present state, or return to a named one."""
    await call.memory.context_checkpoint(asked(ContextCheckpoint, **shared(ContextCheckpoint, call.body)), call.scope)
    return Reply()


async def cleanup(call: Call[NoBody, NoQuery]) -> Reply:
    """Remove the environment; removing none is no error."""
    await call.memory.context_cleanup(ContextCleanup(), call.scope)
    return Reply()


async def _tried(work: Awaitable[ResultT]) -> ResultT | str:
    """What came of it, or why nothing did."""
    try:
        return await work
    except FAILURES as error:
        return str(error)


def _failed(answer: type[Answer], error: str, **fields: Any) -> Reply:
    return Reply({**_nulls(answer), **fields, "error": error})


def _told(answer: type[Answer], result: Result, **fields: Any) -> Reply:
    """What the answer has of the result; of what is required, also that there is none."""
    found = {name: value for name, value in plain(result).items() if name in answer.model_fields}
    return Reply({**_nulls(answer), **found, **fields})


def _nulls(answer: type[Answer]) -> dict[str, Any]:
    return {name: None for name, field in answer.model_fields.items() if field.is_required()}


TAG: Final = "Context environment"

ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/v1/context/execute",
        handler=execute,
        summary="Run Python on the session's variables; what goes wrong in it is `error`.",
        verb="context_exec",
        right="write",
        body=Execute,
        answer=ExecuteAnswer,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/context/inspect",
        handler=inspect,
        summary="The variables with type, size and preview, or one of them.",
        verb="context_inspect",
        query=InspectQuery,
        answer=InspectAnswer,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/context/load",
        handler=load,
        summary="Recall memories into a variable, as a list of dictionaries.",
        verb="context_load",
        right="write",
        body=Load,
        answer=LoadAnswer,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/context/inject",
        handler=inject,
        summary="Bind a name to a value.",
        verb="context_inject",
        right="write",
        body=Inject,
        answer=InjectAnswer,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/context/query",
        handler=ask,
        summary="Ask the server's language model about variables.",
        verb="context_query",
        right="write",
        body=Ask,
        answer=AskAnswer,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/context/rlm",
        handler=pursue,
        summary="Let the server's language model work on the variables until it has reached a goal.",
        verb="context_rlm",
        right="write",
        body=Pursue,
        answer=PursueAnswer,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="GET",
        path="/v1/context/status",
        handler=status,
        summary="The environment's variables, size, limits, functions, language model and checkpoints.",
        verb="context_status",
        answer=StatusAnswer,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="POST",
        path="/v1/context/checkpoint",
        handler=checkpoint,
        summary="Name the environment's present state, or return to a named one.",
        verb="context_checkpoint",
        right="write",
        status=204,
        body=KeepState,
        optional_body=True,
        session="required",
        tag=TAG,
    ),
    Endpoint(
        method="DELETE",
        path="/v1/context/cleanup",
        handler=cleanup,
        summary="Remove the environment with its checkpoints.",
        verb="context_cleanup",
        right="write",
        status=204,
        session="required",
        tag=TAG,
    ),
)

"""The context environment: an agent's own Python beside its memory, where hundreds of memories are worked on."""

from __future__ import annotations

import keyword
import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mcp_memory.models.base import Label, Line, Listed, Moment, Request, Result, Share, Tags
from mcp_memory.models.memory import MemoryType  # noqa: TC001 - pydantic reads it

MOST_CODE: Final = 64_000
"""Characters of one piece of code."""

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


def _identifier(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"must be a Python name of at most 64 letters, digits and underscores that begins with a letter, "
            f"for example notes_2026; {name[:80]!r} is none"
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise ValueError(f"must not be a Python keyword; {name!r} is one, choose for example {name}_1")
    return name


def _identifier_or_none(name: str) -> str:
    return _identifier(name) if name else name


VariableName = Annotated[str, AfterValidator(_identifier)]
"""A name a variable can have; the sandbox refuses its own names besides."""

OptionalName = Annotated[str, AfterValidator(_identifier_or_none)]
"""The same, or empty for none."""


class CodeError(Result):
    """Why code did not run to its end."""

    type: str
    message: str
    line: int | None = None
    """1-based, in the code as given."""
    traceback: str | None = None
    hint: str | None = None
    """What to write instead."""
    rolled_back: bool = False
    """Variables are as they were before the call."""

    def __str__(self) -> str:
        """One text, as the REST mirror has it."""
        where = f" (line {self.line})" if self.line else ""
        back = " Variables were rolled back to the state before this call." if self.rolled_back else ""
        hint = f" Hint: {self.hint}" if self.hint else ""
        return f"{self.type}: {self.message}{where}.{hint}{back}".replace("..", ".")


class VariableInfo(Result):
    """A variable from outside."""

    type: str
    preview: str = ""
    size_bytes: int = 0
    length: int | None = None


class ContextExec(Request):
    """Run code in the session's environment."""

    code: str = Field(min_length=1, max_length=MOST_CODE)
    result_var: OptionalName = ""
    return_result: bool = True
    max_return_chars: int = Field(10_000, ge=100, le=100_000)


class ContextExecuted(Result):
    """What the code printed, what its last expression was, and what it changed."""

    success: bool = True
    session_id: str
    workspace_id: str
    output: str = ""
    output_cut: int = 0
    """Characters of output left out."""
    result: str | None = None
    error: CodeError | None = None
    variables_changed: list[str] = Field(default_factory=list)
    note: str | None = None
    """What else happened to the environment, for example that it was restored from its JSON form."""
    duration_ms: int = 0

    @property
    def failed(self) -> bool:
        """The code did not run to its end."""
        return self.error is not None

    @model_validator(mode="after")
    def _success_is_told(self) -> Self:
        self.success = not self.failed
        return self


class ContextInspect(Request):
    """Look at the environment, or at one variable."""

    variable: Label = ""
    preview_chars: int = Field(200, ge=1, le=10_000)


class ContextInspected(Result):
    """One variable, or all of them."""

    success: bool = True
    session_id: str
    workspace_id: str
    variable: str | None = None
    type: str | None = None
    preview: str | None = None
    size_bytes: int | None = None
    variable_count: int | None = None
    variables: dict[str, VariableInfo] | None = None
    total_size_bytes: int | None = None
    note: str | None = None


class ContextLoad(Request):
    """Recall memories into a variable, as a list of dictionaries."""

    var: VariableName
    query: str = Field(min_length=1, max_length=20_000)
    limit: int = Field(50, ge=1, le=500)
    types: Listed[MemoryType] = Field(default_factory=list, max_length=4)
    tags: Tags = Field(default_factory=list)
    min_relevance: Share | None = None
    include_embeddings: bool = False


class ContextLoaded(Result):
    """What was loaded."""

    success: bool = True
    session_id: str
    workspace_id: str
    variable: str
    count: int
    query: str
    total_available: int
    keys: list[str] = Field(default_factory=list)
    """Of each dictionary."""
    size_bytes: int = 0
    degraded: str | None = None
    note: str | None = None


class ContextInject(Request):
    """Bind a name to a value."""

    key: VariableName
    value: Any
    parse_json: bool = False


class ContextInjected(Result):
    """What the variable is now."""

    success: bool = True
    session_id: str
    workspace_id: str
    variable: str
    type: str
    preview: str
    size_bytes: int = 0
    note: str | None = None


class ContextQuery(Request):
    """Ask the language model about variables, without reading them oneself."""

    prompt: Line = Field(max_length=100_000)
    variables: Listed[str] = Field(max_length=50)
    max_context_chars: int = Field(50_000, ge=100, le=500_000)
    result_var: OptionalName = ""


class ContextAnswered(Result):
    """The model's answer."""

    success: bool = True
    session_id: str
    workspace_id: str
    response: str
    variables_used: list[str] = Field(default_factory=list)
    variables_missing: list[str] = Field(default_factory=list)
    result_var: str | None = None
    tokens_used: int = 0
    truncated: bool = False
    """The answer was cut at the model's limit."""
    note: str | None = None


RlmDetail = Literal["brief", "standard", "detailed"]
RlmAction = Literal["executed", "exec_error", "final", "no_code", "refused_final", "model_failed"]
RlmStatus = Literal["achieved", "forced", "stopped"]


class ContextRlm(Request):
    """Let the language model work on the environment with code until it has reached a goal."""

    goal: Line = Field(max_length=20_000)
    memory_query: str = Field("", max_length=20_000)
    memory_limit: int = Field(100, ge=1, le=500)
    max_iterations: int = Field(10, ge=1, le=50)
    variables: Listed[str] = Field(default_factory=list, max_length=50)
    result_var: OptionalName = ""
    detail_level: RlmDetail = "standard"
    max_depth: int = Field(1, ge=1, le=2)
    """1: `rlm_query` is a plain call of the model; 2: it is a loop with a sandbox of its own."""


class RlmTurn(Result):
    """One turn of the loop; what is told of it goes by `detail_level`."""

    iteration: int
    """Counted over the whole run; a sub-task that `rlm_query` began has taken the numbers that are missing."""
    action: RlmAction
    generated_code: str | None = None
    exec_output: str | None = None
    exec_error: str | None = None
    """Or why the model's reply could not be used."""
    reply: str | None = None
    """What the model wrote, code included."""
    variables_changed: list[str] = Field(default_factory=list)
    llm_calls: int = 0
    """Of the language model, those that the code made included."""
    tokens: int = 0
    duration_ms: int = 0


class ContextRlmResult(Result):
    """The answer, or how far it came; the variables stay in the session."""

    success: bool = True
    session_id: str
    workspace_id: str
    result: str | None = None
    goal_achieved: bool
    status: RlmStatus
    """`forced`: turns, time or budget ran out, and `result` is the draft there was, or what the model then said;
    `stopped`: there is no answer."""
    reason: str | None = None
    """Why it stopped, unless it achieved the goal."""
    iterations: int
    """Turns taken, those of sub-tasks included."""
    trace: list[RlmTurn] = Field(default_factory=list)
    llm_calls: int = 0
    tokens_used: int = 0
    result_var: str | None = None
    note: str | None = None

    @property
    def failed(self) -> bool:
        """It came to nothing: not even a part of an answer."""
        return not self.goal_achieved and self.result is None

    @model_validator(mode="after")
    def _success_is_told(self) -> Self:
        self.success = not self.failed
        return self


class ContextStatusRequest(Request):
    """Where the environment stands."""


class ContextMetadata(Result):
    """The environment's history."""

    created_at: Moment | None = None
    updated_at: Moment | None = None
    exec_count: int = 0
    total_operations: int = 0
    last_exec_at: Moment | None = None
    revision: int = 0
    restored: bool = False
    """It came back from its JSON form, after an upgrade or a damaged state."""


class Checkpoint(Result):
    """A revision with a name, which can be returned to."""

    name: str
    revision: int
    created_at: Moment
    variable_count: int = 0
    size_bytes: int = 0


class ContextStatus(Result):
    """The environment, its limits, and what may be called inside."""

    success: bool = True
    session_id: str
    workspace_id: str
    exists: bool
    variable_count: int = 0
    variables: list[str] = Field(default_factory=list)
    total_size_bytes: int = 0
    memory_limit_bytes: int | None = None
    tools: list[str] = Field(default_factory=list)
    """Functions the code may call."""
    sandbox: str
    """`ready`, or why it cannot run."""
    language_model: str | None = None
    checkpoints: list[Checkpoint] = Field(default_factory=list)
    metadata: ContextMetadata = Field(default_factory=ContextMetadata)


class ContextCheckpoint(Request):
    """Name the present state, or return to a named one."""

    name: Label = ""
    """Of the revision; empty: one is made."""
    restore: Label = ""
    """Return to the checkpoint of this name instead."""


class ContextCheckpointed(Result):
    """The revision that was named or returned to."""

    success: bool = True
    session_id: str
    workspace_id: str
    checkpoint: str
    revision: int
    restored: bool = False
    variable_count: int = 0
    message: str


class ContextCleanup(Request):
    """Remove the environment with all its checkpoints."""


class ContextCleaned(Result):
    """Whether there was one."""

    success: bool = True
    session_id: str
    workspace_id: str
    existed: bool
    message: str


class Environment(Result):
    """An environment as the store keeps it. `state` and the values are kept beside it."""

    session_id: str
    workspace_id: str
    revision: int = 0
    """0: not stored yet. Grows with every change."""
    engine: str = ""
    """What made the state (`Sandbox.engine`)."""
    exec_count: int = 0
    total_operations: int = 0
    """Calls of every kind."""
    restored: bool = False
    size_bytes: int = 0
    """Of state and values together."""
    created_at: Moment
    updated_at: Moment
    last_exec_at: Moment | None = None


class StoredVariable(Result):
    """One variable of a stored environment. `value` is its JSON text, None where it has none or it is not needed."""

    name: str
    type: str
    size: int
    digest: str = ""
    value: str | None = None

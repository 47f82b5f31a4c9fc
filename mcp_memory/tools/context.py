"""The eight tools of the context environment."""

from __future__ import annotations

from mcp_memory.core.memory import Memory
from mcp_memory.models.environment import (
    ContextAnswered,
    ContextCheckpoint,
    ContextCheckpointed,
    ContextExec,
    ContextExecuted,
    ContextInject,
    ContextInjected,
    ContextInspect,
    ContextInspected,
    ContextLoad,
    ContextLoaded,
    ContextQuery,
    ContextRlm,
    ContextRlmResult,
    ContextStatus,
    ContextStatusRequest,
)
from mcp_memory.tools.spec import ToolSpec

CONTEXT_TOOLS = (
    ToolSpec(
        name="memory_context_exec",
        description=(
            "Run Python on the session's variables; they and functions stay between calls. The last expression is the "
            "result, print() works too; show counts and extracts, not everything. Call without await: "
            "recall(query, limit) gives dicts; with a language model llm_query(prompt) and "
            "llm_query_batched(prompts) give texts. "
            "Fine: functions, comprehensions, try, match, simple classes, dataclasses, f-strings; json, re, math, "
            "datetime, collections, itertools, functools, statistics, heapq, random. Not there: del (use pop), yield "
            "(build a list; generator expressions are lists), class inheritance, decorators in classes, re.sub with a "
            "function, str.lower as a key (use a lambda), third-party modules, files, network. Errors come with line "
            "and hint; what hits a limit (5 s of computing) is rolled back."
        ),
        verb=Memory.context_exec,
        request=ContextExec,
        result=ContextExecuted,
        parameters={
            "code": "",
            "result_var": "keep the result under this name",
            "return_result": "",
            "max_return_chars": "",
        },
        read_only=False,
        idempotent=False,
        leading=("output", "result", "error", "variables_changed"),
    ),
    ToolSpec(
        name="memory_context_inspect",
        description="List the variables with type, size and preview, or show one.",
        verb=Memory.context_inspect,
        request=ContextInspect,
        result=ContextInspected,
        parameters={"variable": "", "preview_chars": ""},
        leading=("session_id", "variables", "preview"),
    ),
    ToolSpec(
        name="memory_context_load",
        description=(
            "Recall up to 500 memories into a variable, as a list of dicts (id, content, type, tags, created_at, ...). "
            "Only their number and keys come back here."
        ),
        verb=Memory.context_load,
        request=ContextLoad,
        result=ContextLoaded,
        parameters={
            "var": "",
            "query": "`*`: newest first",
            "limit": "",
            "types": "as in memory_remember",
            "tags": "all of them",
            "min_relevance": "",
            "include_embeddings": "",
        },
        read_only=False,
        leading=("variable", "count", "total_available", "keys"),
        unlisted=("types",),
    ),
    ToolSpec(
        name="memory_context_inject",
        description="Set a variable to a value of your own.",
        verb=Memory.context_inject,
        request=ContextInject,
        result=ContextInjected,
        parameters={"key": "", "value": "text or any JSON", "parse_json": "a text is JSON: decode it"},
        read_only=False,
        leading=("variable", "type", "preview"),
    ),
    ToolSpec(
        name="memory_context_query",
        description="Ask the server's language model about variables, without reading them yourself.",
        verb=Memory.context_query,
        request=ContextQuery,
        result=ContextAnswered,
        parameters={"prompt": "", "variables": "", "max_context_chars": "", "result_var": ""},
        read_only=False,
        idempotent=False,
        leading=("response", "variables_used", "tokens_used"),
    ),
    ToolSpec(
        name="memory_context_rlm",
        description=(
            "Let the server's language model work towards a goal over many memories: it writes and runs code on "
            "variables turn by turn. Slow, reports progress. Without a model, do the same with load, exec, inspect."
        ),
        verb=Memory.context_rlm,
        request=ContextRlm,
        result=ContextRlmResult,
        parameters={
            "goal": "",
            "memory_query": "first loaded into `memories`",
            "memory_limit": "",
            "max_iterations": "",
            "variables": "",
            "result_var": "",
            "detail_level": "of the trace",
        },
        read_only=False,
        idempotent=False,
        leading=("goal_achieved", "status", "result", "iterations", "trace"),
        reports=True,
    ),
    ToolSpec(
        name="memory_context_status",
        description="The environment's variables, size, limits, callable functions, language model and checkpoints.",
        verb=Memory.context_status,
        request=ContextStatusRequest,
        result=ContextStatus,
        parameters={},
        leading=("exists", "variables", "tools", "sandbox", "checkpoints"),
    ),
    ToolSpec(
        name="memory_context_checkpoint",
        description="Name the variables' present state, or return to a named one.",
        verb=Memory.context_checkpoint,
        request=ContextCheckpoint,
        result=ContextCheckpointed,
        parameters={"name": "", "restore": "a checkpoint's name: return to it"},
        read_only=False,
        idempotent=False,
        leading=("checkpoint", "revision", "message"),
    ),
)

"""Bringing values into the environment: memories that are recalled, or what the caller gives."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mcp_memory.core.environment.keeper import Keeper
from mcp_memory.core.environment.names import refuse_reserved
from mcp_memory.core.environment.rows import as_row
from mcp_memory.core.recall import recall
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.environment import ContextInjected, ContextLoaded
from mcp_memory.models.recall import Recall
from mcp_memory.sandbox.base import SandboxFailed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.environments import Environments
    from mcp_memory.core.environment.keeper import Kept
    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.core.session_policy import SessionPolicy
    from mcp_memory.models.environment import ContextInject, ContextLoad
    from mcp_memory.models.recall import RecalledMemory, RecallResult
    from mcp_memory.sandbox.base import Variable

PREVIEW_CHARS: Final = 200
VECTOR_DIGITS: Final = 6
"""Decimals of an embedding: finer than float32 has them for numbers near 1, and half the text."""


@dataclass(frozen=True, slots=True)
class Loadable:
    """Recalled memories, ready to be bound to a name."""

    json_text: str
    count: int
    total: int
    """How many memories passed."""
    keys: list[str]
    """Of each dictionary."""
    degraded: str | None
    """What could not be searched or given, and why."""


async def load(
    resources: Resources, policy: SessionPolicy, environments: Environments, request: ContextLoad, scope: Scope
) -> ContextLoaded:
    """Recall memories into a variable, as a list of dictionaries.

    Raises:
        InvalidRequest: no session, a reserved name, a blank query, or too much for the environment.
        SandboxUnavailable: it cannot run here.
    """
    keeper = Keeper(resources, policy, environments, scope)
    await _check(keeper, request.var)
    found = await loadable(resources, request, scope)
    variable, kept = await _bound(keeper, request.var, found.json_text)
    return ContextLoaded(
        session_id=scope.session_id,
        workspace_id=scope.workspace_id,
        variable=request.var,
        count=found.count,
        query=request.query,
        total_available=found.total,
        keys=found.keys,
        size_bytes=variable.size,
        degraded=found.degraded,
        note=kept.note,
    )


async def loadable(resources: Resources, request: ContextLoad, scope: Scope) -> Loadable:
    """What the scope may read and the request asks for, as the JSON text of a list of dictionaries.

    Raises:
        InvalidRequest: the query is blank.
    """
    asked = Recall(query=request.query, types=request.types, tags=request.tags, min_relevance=request.min_relevance)
    result = await recall(resources, asked.model_copy(update={"limit": request.limit}), scope)
    vectors, missing = await _vectors(resources, result) if request.include_embeddings else ({}, None)
    rows = await asyncio.to_thread(_rows, result.memories, vectors)
    text = await asyncio.to_thread(json.dumps, rows, ensure_ascii=False)
    told = [one for one in (result.degraded, missing) if one]
    keys = list(dict.fromkeys(key for row in rows for key in row))
    return Loadable(text, len(rows), result.total_count, keys, " ".join(told) or None)


async def inject(
    resources: Resources, policy: SessionPolicy, environments: Environments, request: ContextInject, scope: Scope
) -> ContextInjected:
    """Bind a name to a value that JSON can hold.

    Raises:
        InvalidRequest: no session, a reserved name, a value that is no JSON, or too much for the environment.
        SandboxUnavailable: it cannot run here.
    """
    keeper = Keeper(resources, policy, environments, scope)
    await _check(keeper, request.key)
    text = await asyncio.to_thread(_json_of, request)
    variable, kept = await _bound(keeper, request.key, text)
    return ContextInjected(
        session_id=scope.session_id,
        workspace_id=scope.workspace_id,
        variable=request.key,
        type=variable.type,
        preview=variable.preview,
        size_bytes=variable.size,
        note=kept.note,
    )


async def _check(keeper: Keeper, name: str) -> None:
    """Refuse what cannot work before anything is spent on it."""
    refuse_reserved(name, keeper.environments.sandbox)
    await keeper.session()
    await keeper.environments.ready()


async def _bound(keeper: Keeper, name: str, json_text: str) -> tuple[Variable, Kept[Variable]]:
    """Bind the name and keep it; the variable as it is then."""
    size, most = len(json_text.encode()), keeper.environments.policy.most_value_bytes
    if size > most:
        raise InvalidRequest(
            f"The value of {name!r} has {size:,} bytes as JSON, more than the {most:,} allowed; bring in less, or in "
            f"parts. Nothing was changed."
        )

    async def work(desk: Desk) -> Variable:
        await desk.put(name, json_text)
        return await desk.look(name, PREVIEW_CHARS)

    try:
        kept = await keeper.work_on(work)
    except SandboxFailed as error:
        raise InvalidRequest(
            f"The sandbox could not take in {name!r}: {error.failure.message.rstrip('.')}. Nothing was changed."
        ) from None
    return kept.value, kept


async def _vectors(resources: Resources, result: RecallResult) -> tuple[dict[str, object], str | None]:
    """Vectors by memory id, and a sentence where some are missing."""
    identity = resources.indexer.identity
    if identity is None:
        return {}, "Embeddings are left out: the embedder is not ready."
    vectors = await resources.store.vectors(identity, [memory.id for memory in result.memories])
    missing = len(result.memories) - len(vectors)
    return vectors, f"{missing} memories have no embedding yet; theirs is None." if missing else None


def _rows(memories: Sequence[RecalledMemory], vectors: dict[str, object]) -> list[dict[str, Any]]:
    rows = [as_row(memory) for memory in memories]
    if vectors:
        for row in rows:
            row["embedding"] = _numbers(vectors.get(row["id"]))
    return rows


def _numbers(vector: Any) -> list[float] | None:
    return None if vector is None else [round(number, VECTOR_DIGITS) for number in vector.tolist()]


def _json_of(request: ContextInject) -> str:
    """The value as strict JSON.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        value = request.value
        if request.parse_json and isinstance(value, str):
            value = json.loads(value, parse_constant=_refuse_constant)
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("`value` contains half of a surrogate pair, which is not valid Unicode.") from None
    except RecursionError:
        raise InvalidRequest("`value` is nested too deeply; bring it in as text and take it apart there.") from None
    except (ValueError, TypeError) as error:
        raise InvalidRequest(f"`value` is not JSON: {error}.") from None
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not part of JSON")

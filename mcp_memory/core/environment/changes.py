"""What a call made of an environment, and whether there is room for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.errors import InvalidRequest
from mcp_memory.models.environment import StoredVariable
from mcp_memory.storage.base import EnvironmentChange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.environments import EnvironmentPolicy, Environments
    from mcp_memory.models.environment import Environment
    from mcp_memory.sandbox.base import Variable


class Excess(InvalidRequest):
    """An environment would be larger than it may be; it is as it was before the call."""


def changed_names(before: Mapping[str, StoredVariable], now: Sequence[Variable], defined: set[str]) -> list[str]:
    """Variables that are new, gone or another, by name. What has no digest is compared by type and size, and is
    another where the code has defined it again."""
    names = {one.name for one in now if _differs(before.get(one.name), one, defined)}
    return sorted(names | (set(before) - {one.name for one in now}))


def is_unchanged(desk: Desk, changed: Sequence[str], now: Sequence[Variable]) -> bool:
    """Whether the stored state is good for the next call too. What has no digest may have changed unseen, as a
    function may in what it closes over."""
    kept = desk.environment.revision > 0 and not desk.written and not changed
    return kept and all(one.digest for one in now)


async def change_of(
    desk: Desk, now: Sequence[Variable], changed: Sequence[str], environments: Environments
) -> EnvironmentChange:
    """The new state, sealed, and the JSON texts of the variables that changed.

    Raises:
        Excess: it is too large.
        SandboxFailed: the state cannot be taken out.
    """
    sandbox, _ = await environments.ready()
    _refuse_excess(now, environments.policy)
    values = await desk.session.json_of(sorted({one.name for one in now}.intersection(changed)))
    _refuse_bytes(sum(len(value.encode()) for value in values.values()), environments.policy)
    state = await desk.session.dump()
    _refuse_bytes(len(state), environments.policy)
    environment = desk.environment.model_copy(
        update={"engine": sandbox.engine, "size_bytes": len(state) + _json_bytes(now)}
    )
    sealed = await environments.seal_of(environment.session_id, environment.engine, state)
    return EnvironmentChange(environment, state, sealed, tuple(_stored(one, values.get(one.name)) for one in now))


def counted(environment: Environment, execs: int, at: datetime) -> Environment:
    """The environment after one more call, in which code ran so many times."""
    return environment.model_copy(
        update={
            "exec_count": environment.exec_count + execs,
            "total_operations": environment.total_operations + 1,
            "updated_at": at,
            "last_exec_at": at if execs else environment.last_exec_at,
        }
    )


def recounted(environment: Environment, latest: Environment) -> Environment:
    """The environment as the successor of a revision that has the same state, with that one's counts."""
    kept = {"revision", "exec_count", "total_operations", "last_exec_at"}
    return environment.model_copy(update=latest.model_dump(include=kept))


def _differs(before: StoredVariable | None, now: Variable, defined: set[str]) -> bool:
    if before is None or (before.type, before.size, before.digest) != (now.type, now.size, now.digest):
        return True
    return not now.digest and now.name in defined


def _refuse_excess(now: Sequence[Variable], policy: EnvironmentPolicy) -> None:
    if len(now) > policy.most_variables:
        raise Excess(
            f"The environment would have {len(now):,} variables, more than the {policy.most_variables:,} allowed; "
            f"nothing of this call was kept. Hold values in one dictionary instead."
        )
    _refuse_bytes(_json_bytes(now), policy)


def _refuse_bytes(size: int, policy: EnvironmentPolicy) -> None:
    if size > policy.most_bytes:
        raise Excess(
            f"The environment would take {size:,} bytes, more than the {policy.most_bytes:,} allowed; "
            f"nothing of this call was kept. Hold less in variables."
        )


def _json_bytes(variables: Sequence[Variable]) -> int:
    return sum(one.size for one in variables if one.digest)


def _stored(variable: Variable, value: str | None) -> StoredVariable:
    return StoredVariable(
        name=variable.name, type=variable.type, size=variable.size, digest=variable.digest, value=value
    )

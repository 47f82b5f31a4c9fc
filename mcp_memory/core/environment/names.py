"""Which names a variable may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.errors import InvalidRequest

if TYPE_CHECKING:
    from mcp_memory.sandbox.base import Sandbox


def refuse_reserved(name: str, sandbox: Sandbox | None) -> None:
    """Refuse a name that the sandbox has for a tool or for itself; the models have refused what is no identifier.

    Raises:
        InvalidRequest: it is such a name.
    """
    if sandbox is not None and name in sandbox.reserved:
        raise InvalidRequest(
            f"{name!r} is a name that the sandbox has for something of its own; choose another, such as {name}_1."
        )

"""Somebody who uses one of the two clients, and the steps they take."""

from __future__ import annotations

import inspect
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from memorylayer import MemoryLayerClient, SyncMemoryLayerClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

Kind = Literal["async", "sync"]


@dataclass(frozen=True)
class User:
    """Their kind of client, and what they know of servers."""

    kind: Kind
    url: str
    """A server that asks for no key."""
    locked_url: str
    """A server that does."""
    keys: Mapping[str, str]
    """Its keys: `admin`, `reader`, `bound` (to the workspace `team`), `revoked`."""

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[Any]:
        """A client in a workspace that nobody else uses, unless one is named, in a session there.

        The asynchronous client tells most calls' workspace by its session alone; that is the way its manual has it.
        """
        options = {"workspace_id": a_workspace(), **options}
        async with self.bare(**options) as client:
            if self.kind == "async":
                await client.create_session(workspace_id=client.workspace_id)
            yield client

    @asynccontextmanager
    async def bare(self, **options: Any) -> AsyncIterator[Any]:
        """A client as it is made; without retries, which only make failures slow."""
        options = {"base_url": self.url, "max_retries": 0, **options}
        if self.kind == "async":
            async with MemoryLayerClient(**options) as client:
                yield client
        else:
            with SyncMemoryLayerClient(**options) as client:
                yield Awaited(client)


class Awaited:
    """The synchronous client with methods that can be awaited, so that both take the same steps."""

    def __init__(self, client: SyncMemoryLayerClient) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        model = getattr(MemoryLayerClient, name, None)
        if inspect.isasyncgenfunction(model):
            return _generating(found)
        return _awaitable(found) if inspect.iscoroutinefunction(model) else found


def _awaitable(method: Callable[..., Any]) -> Callable[..., Awaitable[Any]]:
    async def call(*given: Any, **named: Any) -> Any:
        return method(*given, **named)

    return call


def _generating(method: Callable[..., Any]) -> Callable[..., AsyncIterator[Any]]:
    async def call(*given: Any, **named: Any) -> AsyncIterator[Any]:
        for one in method(*given, **named):
            yield one

    return call


def a_workspace() -> str:
    """The id of a workspace that nobody else uses."""
    return f"ws_{secrets.token_hex(8)}"


STEPS: dict[tuple[Kind, str], Any] = {}
"""What each kind of user does, by name."""


def step(function: Any) -> Any:
    """Users of both clients do this."""
    return async_step(sync_step(function))


def async_step(function: Any) -> Any:
    """Users of the asynchronous client do this."""
    STEPS["async", function.__name__] = function
    return function


def sync_step(function: Any) -> Any:
    """Users of the synchronous client do this."""
    STEPS["sync", function.__name__] = function
    return function


async def refused(kind: type[Exception], call: Awaitable[Any]) -> Any:
    """The exception of a call that must raise exactly this one."""
    raised, done = None, None
    try:
        done = await call
    except kind as error:
        raised = error
    assert raised is not None, f"{kind.__name__} was not raised; the call gave {done!r}"
    assert type(raised) is kind, f"{raised!r} is none of the kind {kind.__name__} itself"
    return raised

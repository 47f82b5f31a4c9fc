"""Feeds code to a worker and answers what it asks on the way."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from mcp_memory.sandbox.base import Failure, SandboxFailed, ToolError
from mcp_memory.sandbox.monty.failures import too_many_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydantic_monty import AsyncMontySession, CollectString, ExternalResult, MontyComplete

    from mcp_memory.sandbox.base import HostTool, SandboxLimits

log = logging.getLogger(__name__)

ROOM = 100
"""Suspensions allowed beyond the host calls: imports, unknown names, and calls that were refused."""
REPLY = 2_000
"""Characters of a tool's error that the code sees."""


class Desk:
    """Answers what one feed asks of its host: tools, imports and unknown names."""

    def __init__(self, tools: Mapping[str, HostTool], modules: Mapping[str, Any], limits: SandboxLimits) -> None:
        self._tools = tools
        self._modules = modules
        self._limits = limits
        self._calls = 0
        self._suspensions = 0

    def count(self) -> None:
        """Count a suspension.

        Raises:
            SandboxFailed: there were too many; the code swallows what it is told.
        """
        self._suspensions += 1
        if self._suspensions > self._limits.host_calls + ROOM:
            raise SandboxFailed(Failure("RuntimeError", too_many_calls(self._limits), fatal=True))

    async def answer(self, name: str, args: Callable[[], tuple[tuple[Any, ...], dict[str, Any]]]) -> ExternalResult:
        """The answer to a call of this name. `args` converts the arguments, which costs what they are large."""
        if name == "import":
            return self._module(str(args()[0][0]))
        tool = self._tools.get(name)
        if tool is None:
            return {"exception": NameError(f"name {name!r} is not defined")}
        self._calls += 1
        if self._calls > self._limits.host_calls:
            return {"exception": RuntimeError(f"too many host calls: {self._limits.host_calls} is the most in one run")}
        try:
            positional, named = args()
        except (TypeError, ValueError):  # no Python value can be made of them, for example a dict with a class as key
            return {"exception": TypeError(f"{name}() takes plain data only: texts, numbers, lists of texts")}
        return await _call(name, tool, positional, named)

    def _module(self, name: str) -> ExternalResult:
        if name in self._modules:
            return {"return_value": self._modules[name]}
        return {"exception": ModuleNotFoundError(f"No module named {name[:100]!r}")}


async def _call(name: str, tool: HostTool, args: tuple[Any, ...], named: dict[str, Any]) -> ExternalResult:
    signature = inspect.signature(tool)
    try:
        signature.bind(*args, **named)
    except TypeError as error:
        return {"exception": TypeError(f"{error}; call it as {name}{_plain(signature)}")}
    try:
        return {"return_value": clean(await tool(*args, **named))}
    except ToolError as error:
        return {"exception": RuntimeError(clean(str(error))[:REPLY])}
    except Exception:  # the outermost door of every tool: its errors may hold secrets
        log.warning("The tool %s failed inside the sandbox.", name, exc_info=True)
        return {"exception": RuntimeError("the tool failed")}


def _plain(signature: inspect.Signature) -> str:
    bare = [part.replace(annotation=inspect.Parameter.empty) for part in signature.parameters.values()]
    return str(inspect.Signature(bare))


def clean(value: Any) -> Any:
    """Plain data made out here, with lone surrogates replaced: they cannot cross.

    Raises:
        TypeError: it is something else than texts, numbers, lists and dicts.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, float)):
        return value
    raise TypeError(f"a {type(value).__name__} is no plain data")


async def feed(
    worker: AsyncMontySession,
    code: str,
    inputs: dict[str, Any],
    sink: Callable[[str, str], None] | CollectString,
    desk: Desk,
) -> MontyComplete:
    """Run code in a worker to its end. What it comes to is left unconverted.

    Raises:
        MontyError: the code failed, or a limit or its death ended the worker.
        SandboxFailed: it asked for too much.
    """
    from pydantic_monty import AsyncFunctionSnapshot, AsyncNameLookupSnapshot, MontyComplete

    snapshot: Any = await worker.feed_start(code, inputs=inputs, print_callback=sink)
    while not isinstance(snapshot, MontyComplete):
        desk.count()
        if isinstance(snapshot, AsyncNameLookupSnapshot):
            snapshot = await snapshot.resume()
        elif not isinstance(snapshot, AsyncFunctionSnapshot):
            snapshot = await snapshot.resume({call: {"exception": RuntimeError("no such call")}
                                              for call in snapshot.pending_call_ids})  # fmt: skip
        elif snapshot.is_os_function and snapshot.function_name != "import":
            snapshot = await snapshot.resume_not_handled()
        else:
            snapshot = await _resume(snapshot, desk)
    return snapshot


async def _resume(snapshot: Any, desk: Desk) -> Any:
    answer = await desk.answer(snapshot.function_name, lambda: (snapshot.args, snapshot.kwargs))
    return await snapshot.resume(answer)

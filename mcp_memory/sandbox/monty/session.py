"""One worker with one state."""

from __future__ import annotations

import asyncio
import keyword
import re
import unicodedata
from typing import TYPE_CHECKING, Any, TypeVar, overload

from mcp_memory.errors import InvalidRequest
from mcp_memory.sandbox.base import Answer, Failure, Ran, SandboxFailed, Variable
from mcp_memory.sandbox.monty.driver import Desk, clean, feed
from mcp_memory.sandbox.monty.failures import BROKEN, failure_of, too_slow
from mcp_memory.sandbox.monty.inside import POLYFILLS, inside
from mcp_memory.sandbox.monty.sink import PrintSink
from mcp_memory.sandbox.monty.source import RESULT, keep_last_value

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from types import ModuleType

    from pydantic_monty import AsyncMontySession, MontyComplete

    from mcp_memory.sandbox.base import HostTool, SandboxLimits

T = TypeVar("T")

OWN, INPUT = "_mm", "_mm_in"
"""What the sandbox's own functions, and what is given to them, are bound to."""
RESERVED = frozenset({OWN, INPUT, RESULT, "answer", "FINAL", "FINAL_VAR"})
"""Names that variables cannot have, whatever tools there are."""
LENGTH = 12
"""Most digits of a number that an answer holds, and the colon after it."""
ANSWER_BYTES = 128 * 1024 * 1024
"""Most that one question to the sandbox may answer with."""

MOST_TEXTS = 65_000
"""Most texts that one answer may hold."""
NAME_CHARS = 100
"""Longest name of a variable; of a type what is more is cut."""
ANSWER_CHARS = 200_000
"""Most of a final answer."""
_DIGEST = re.compile(r"[0-9a-f]{64}")

FACE = (
    "give", "give_variable", "give_named", "keep", "following", "box", "module", "modules", "everything_here",
    "from_json", "variables", "variable", "names", "render", "json_of", "tell", "shown", "fail", "Unbinding",
)  # fmt: skip
"""What of the housekeeping is called from out here."""

FIRST = f"""
def {OWN}(given):
    space = {{}}
    exec(given[0], space)
    return space["face"](space, given[1])
{OWN} = {OWN}({INPUT})
def FINAL_VAR(name, _give={OWN}.give_variable, _eval=eval):
    return _give(name, lambda name: _eval(name))
FINAL_VAR = {OWN}.keep(FINAL_VAR)
FINAL = {OWN}.give
next = {OWN}.following
answer = {OWN}.box()
{INPUT} = None
{OWN}"""
AGAIN = f"FINAL, FINAL_VAR = {OWN}.give, {OWN}.give_named()\n[{OWN}, *{OWN}.modules()]"
NEW_ANSWER = f"answer, FINAL, FINAL_VAR = {OWN}.box(), {OWN}.give, {OWN}.give_named()\n''"
TIDY = f"{INPUT} = {RESULT} = None\n{OWN}"
"""Nothing of a call is left in a dump but what the code has kept."""


class MontySession:
    """A `SandboxSession` in a worker of Monty's."""

    def __init__(
        self, engine: ModuleType, worker: AsyncMontySession, limits: SandboxLimits, tool_names: Collection[str]
    ) -> None:
        self._engine = engine
        self._worker = worker
        self._limits = limits
        self._hidden = frozenset(tool_names)
        self._own: Any = None
        self._modules: dict[str, Any] = {}
        self._dead: Failure | None = None
        self._stubs = {name: _stub(name) for name in tool_names}

    async def begin(self) -> None:
        """Make a new state."""
        self._own = self._proxy(await self._value(FIRST, [inside("housekeeping").source, list(FACE)]))

    async def load(self, state: bytes) -> None:
        """Take up a state.

        Raises:
            SandboxFailed: it is none that can be loaded.
        """
        try:
            await self._worker.load_session(state)
        except self._engine.MontyError as error:
            message = f"The stored state cannot be loaded: {str(error)[:200]}."
            raise self._die(Failure("StateRefused", message, fatal=True)) from None
        found = await self._value(AGAIN, None)
        if type(found) is not list or len(found) % 2 == 0 or any(name not in POLYFILLS for name in _names_in(found)):
            raise self._die(Failure("StateRefused", "The stored state lacks what the sandbox needs.", fatal=True))
        self._own = self._proxy(found[0])
        self._modules = {name: self._proxy(proxy) for name, proxy in zip(found[1::2], found[2::2], strict=True)}

    async def run(
        self, code: str, tools: Mapping[str, HostTool], *, result_var: str = "", result_chars: int = 10_000
    ) -> Ran:
        """Run code as a REPL would; see `SandboxSession.run`."""
        self._check_alive()
        if result_var:
            self._check_name(result_var)
        sink = PrintSink(self._limits.output_head, self._limits.output_tail)
        failure: Failure | None = None
        result: str | None = None
        try:
            async with asyncio.timeout(self._limits.wall_seconds):
                failure, result = await self._run(_plain_text(code), tools, sink, result_var, result_chars)
        except TimeoutError:
            failure = self._die(too_slow(self._limits)).failure
        except SandboxFailed as failed:
            failure = self._die(failed.failure).failure
        except BaseException:
            self._die(Failure("Cancelled", "The run was broken off.", fatal=True))
            raise
        output, cut = sink.take()
        return Ran(output, cut, result, failure)

    async def _run(
        self, code: str, tools: Mapping[str, HostTool], sink: PrintSink, result_var: str, result_chars: int
    ) -> tuple[Failure | None, str | None]:
        await self._need_modules(code)
        kept, has_value = keep_last_value(code)
        desk = Desk(tools, self._modules, self._limits)
        stubs = {name: self._stubs.get(name) or _stub(name) for name in tools}
        try:
            await feed(self._worker, kept, stubs, sink, desk)
        except self._engine.MontyError as error:
            return await self._failure(error, code), None
        return None, await self._result(result_var, result_chars) if has_value else None

    async def _failure(self, error: Exception, code: str) -> Failure:
        failure = failure_of(error, code.split("\n"), self._limits)
        if failure.fatal:
            self._die(failure)
        elif failure.type == "NameError" and failure.message.startswith("FINAL_VAR: "):
            there = ", ".join(await self._names()) or "no variables"
            return Failure(failure.type, f"{failure.message}; there are: {there[:1000]}", failure.line,
                           failure.traceback, failure.hint)  # fmt: skip
        return failure

    async def _result(self, result_var: str, result_chars: int) -> str | None:
        keep = f"if {RESULT} is not None:\n    {result_var} = {RESULT}\n" if result_var else ""
        shown = await self._ask(f"{keep}{OWN}.shown({RESULT}, {INPUT})", result_chars, _first)
        return None if shown is None else shown[:result_chars]

    async def _need_modules(self, code: str) -> None:
        importing = [line for line in code.split("\n") if "import" in line]
        for name in POLYFILLS:
            if name not in self._modules and any(name in line for line in importing):
                source = await asyncio.to_thread(inside, name)
                made = f"{INPUT} = {OWN}.module(*{INPUT})\n{INPUT}"
                self._modules[name] = self._proxy(await self._value(made, [source.source, name, list(source.names)]))

    async def put(self, name: str, json_text: str) -> None:
        """Bind a name to what the JSON text says.

        Raises:
            InvalidRequest: it is no name for a variable, or no JSON.
        """
        self._check_alive()
        self._check_name(name)
        try:
            await self._fed(f"{name} = {OWN}.from_json({INPUT})\n{INPUT} = None", _plain_text(json_text))
        except self._engine.MontyError as error:
            failure = failure_of(error, [], self._limits)
            if failure.type in ("JSONDecodeError", "ValueError", "RecursionError"):
                raise InvalidRequest(f"The value for `{name}` is not JSON: {failure.message}.") from None
            raise self._broken(error) from None

    async def variables(self, preview_chars: int = 0) -> list[Variable]:
        """All variables of the code's own, by name."""
        found = await self._ask(f"{OWN}.variables({OWN}.everything_here(), {INPUT})", preview_chars, _variables)
        longest = max((len(variable.name) for variable in found), default=0)
        if longest > NAME_CHARS:
            message = f"A variable's name has {longest:,} characters, and may have {NAME_CHARS}."
            raise self._die(Failure("LimitExceeded", message, fatal=True))
        return [variable for variable in found if variable.name not in self._hidden]

    async def variable(self, name: str, preview_chars: int) -> Variable | None:
        """One variable, or None where there is none of this name."""
        if name in self._hidden:
            return None
        given = [_plain_text(name), preview_chars]
        found = await self._ask(f"{OWN}.variable({OWN}.everything_here(), *{INPUT})", given, _variables)
        return found[0] if found else None

    async def render(self, names: Sequence[str], most_chars: int) -> dict[str, str]:
        """Variables as text for a language model, sharing `most_chars` fairly."""
        given = [self._visible(names), most_chars]
        return await self._ask(f"{OWN}.render({OWN}.everything_here(), *{INPUT})", given, _pairs)

    async def json_of(self, names: Sequence[str]) -> dict[str, str]:
        """The JSON texts of these variables; those that are none are left out."""
        return await self._ask(f"{OWN}.json_of({OWN}.everything_here(), {INPUT})", self._visible(names), _pairs)

    async def remove(self, names: Sequence[str]) -> None:
        """Unbind names; those that are not there are no error."""
        for name in self._visible(names):
            self._check_name(name)
            # There is no `del`; but a name bound by `except` is unbound where the clause ends.
            await self._ask(f"try:\n    {OWN}.fail()\nexcept {OWN}.Unbinding as {name}:\n    pass\n''")

    async def answer(self) -> Answer | None:
        """The final answer the code has given since `forget_answer`, or None."""
        content = await self._ask(f"{OWN}.tell({OWN}.everything_here())", None, _first)
        return None if content is None else Answer(content[:ANSWER_CHARS])

    async def forget_answer(self) -> None:
        """Begin to wait for a new answer."""
        await self._ask(NEW_ANSWER)

    async def dump(self) -> bytes:
        """The whole state. The sandbox's own names are bound anew, should the code have overwritten them."""
        self._check_alive()
        self._own = self._proxy(await self._value(TIDY, None))
        try:
            return await self._worker.dump()
        except self._engine.MontyError as error:
            raise self._broken(error) from None

    async def _names(self) -> list[str]:
        said = await self._ask(f"{OWN}.names({OWN}.everything_here())", None, list)
        return [name for name in said if name not in self._hidden]

    @overload
    async def _ask(self, code: str) -> None: ...
    @overload
    async def _ask(self, code: str, given: Any, parse: Callable[[list[str]], T]) -> T: ...
    async def _ask(self, code: str, given: Any = None, parse: Callable[[list[str]], Any] = lambda _said: None) -> Any:
        """Run the sandbox's own code; what it says, parsed."""
        self._check_alive()
        try:
            return parse(_said(await self._value(code, given)))
        except ValueError:
            raise self._die(Failure("SandboxBroken", BROKEN, fatal=True)) from None

    async def _value(self, code: str, given: Any) -> Any:
        """What the sandbox's own code comes to: a text, or objects of its own making.

        Should the code have put something else in their place: shared references stay shared on the way out, so
        that this costs no more than the sandbox's own memory. Nothing but `_proxy`s ever goes back in.
        """
        try:
            return (await self._fed(code, given)).output
        except self._engine.MontyError as error:
            raise self._broken(error) from None
        except (TypeError, ValueError, RecursionError):
            raise self._die(Failure("SandboxBroken", BROKEN, fatal=True)) from None

    async def _fed(self, code: str, given: Any) -> MontyComplete:
        inputs = {INPUT: given} | ({OWN: self._own} if self._own else {})
        try:
            return await feed(self._worker, code, inputs, _nowhere, Desk({}, {}, self._limits))
        except SandboxFailed as failed:
            raise self._die(failed.failure) from None

    def _proxy(self, value: Any) -> Any:
        """An object of ours that may go back in: one without attributes, which would be written out there, each as
        often as it is referred to."""
        if type(value) is not self._engine.MontyClassProxy or value.name != "Module" or len(value.attributes):
            raise self._die(Failure("SandboxBroken", BROKEN, fatal=True))
        return value

    def _broken(self, error: Exception) -> SandboxFailed:
        """The sandbox's own work has failed: by a limit, or because the code has broken it."""
        failure = failure_of(error, [], self._limits)
        return self._die(failure if failure.fatal else Failure("SandboxBroken", BROKEN, fatal=True))

    def _die(self, failure: Failure) -> SandboxFailed:
        self._dead = failure
        return SandboxFailed(failure)

    def _check_alive(self) -> None:
        if self._dead is not None:
            raise SandboxFailed(self._dead)

    def _check_name(self, name: str) -> None:
        if not name.isidentifier() or keyword.iskeyword(name) or len(name) > NAME_CHARS:
            message = f"use letters, digits and underscores, at most {NAME_CHARS} characters"
            raise InvalidRequest(f"{name[:80]!r} is no name for a variable: {message}.")
        if unicodedata.normalize("NFKC", name) in RESERVED.union(self._hidden):
            raise InvalidRequest(f"The name {name!r} is the sandbox's own; use another.")

    def _visible(self, names: Sequence[str]) -> list[str]:
        return [_plain_text(name) for name in names if name not in self._hidden]


def _stub(name: str) -> Callable[..., None]:
    def stub() -> None: ...

    stub.__name__ = name
    return stub


def _plain_text(text: str) -> str:
    """With line ends and surrogates as the sandbox can take them."""
    return str(clean(text)).replace("\r\n", "\n").replace("\r", "\n")


def _nowhere(_stream: str, _text: str) -> None:
    """Where prints go that nobody asked for: those of a class's own `__repr__`."""


def _names_in(found: Sequence[Any]) -> list[Any]:
    return [name if type(name) is str else None for name in found[1::2]]


def _said(text: Any) -> list[str]:
    """The texts that were said, see `prelude/housekeeping.py`.

    Raises:
        ValueError: it is something else.
    """
    if type(text) is not str or len(text) > ANSWER_BYTES:
        raise ValueError("no text, or too long a one")
    texts: list[str] = []
    at = 0
    while at < len(text) and len(texts) <= MOST_TEXTS:
        colon = text.index(":", at, at + LENGTH)
        end = colon + 1 + int(text[at:colon])
        if not colon < end <= len(text):
            raise ValueError("a text is cut off")
        texts.append(text[colon + 1 : end])
        at = end
    if at != len(text):
        raise ValueError("too many texts")
    return texts


def _first(said: Sequence[str]) -> str | None:
    return said[0] if said else None


def _variables(said: Sequence[str]) -> list[Variable]:
    if len(said) % 6:
        raise ValueError("a variable lacks something")
    return [_variable(*said[at : at + 6]) for at in range(0, len(said), 6)]


def _variable(name: str, kind: str, size: str, length: str, digest: str, preview: str) -> Variable:
    """A variable as it was told, if it can be true.

    Raises:
        ValueError: it cannot.
    """
    if digest and not _DIGEST.fullmatch(digest):
        raise ValueError("no digest")
    return Variable(name, kind[:NAME_CHARS], _count(size), preview, _count(length) if length else None, digest)


def _count(text: str) -> int:
    if len(text) > LENGTH or not text.isdecimal():
        raise ValueError("no count")
    return int(text)


def _pairs(said: Sequence[str]) -> dict[str, str]:
    """Names and texts in turn.

    Raises:
        ValueError: one is missing.
    """
    return dict(zip(said[::2], said[1::2], strict=True))

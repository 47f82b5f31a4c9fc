"""Where one call works on an environment: a sandbox session with its state, and what is noted on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import InvalidRequest
from mcp_memory.sandbox.base import Failure, SandboxFailed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mcp_memory.models.environment import Environment, StoredVariable
    from mcp_memory.sandbox.base import HostTool, Ran, SandboxSession, Variable

_NAMED_ARGUMENT: Final = re.compile(r"[(,]\s*[A-Za-z_]\w*=(?!=)")
_MAY_BIND: Final = re.compile(
    r"(?<![=!<>])=(?!=)|\b(?:def|class|import|exec|eval)\b"
    r"|\.\s*\w*(?:append|extend|insert|pop|remove|sort|reverse|update|setdefault|clear|add|discard|rotate|move_to_end)"
)
_DEFINED: Final = re.compile(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)


@dataclass(slots=True)
class Desk:
    """One call's place of work. What is written goes through `run`, `put` and `remove`, so that it is kept."""

    session: SandboxSession
    """To read from: `variables`, `variable`, `render`, `json_of`, `answer`, `forget_answer`."""
    environment: Environment
    """As it was read; revision 0 where there is none yet."""
    before: Mapping[str, StoredVariable]
    """The variables as they were stored, without their values."""
    seal: bytes = b""
    """Of the state as it was stored."""
    note: str | None = None
    """What the caller should know about the environment, for example what came back from JSON."""
    repeatable: bool = True
    """Whether the work may be done again should another process have written meanwhile. A language model that has
    been asked is not asked twice: set it to False."""
    written: bool = False
    """Something may have changed that digests do not show."""
    lost: Failure | None = None
    """The fatal failure after which the session can be asked nothing more; nothing will be stored."""
    execs: int = 0
    defined: set[str] = field(default_factory=set)
    """Functions and classes that the code has defined, also again."""

    async def run(
        self, code: str, tools: Mapping[str, HostTool], *, result_var: str = "", result_chars: int = 10_000
    ) -> Ran:
        """Run code as `SandboxSession.run` does. After a fatal failure nothing more can be done here."""
        self.execs += 1
        self.defined.update(_DEFINED.findall(code))
        self.written = self.written or bool(result_var) or may_bind(code)
        ran = await self.session.run(code, tools, result_var=result_var, result_chars=result_chars)
        if ran.failure is not None and ran.failure.fatal:
            self.lost = ran.failure
        return ran

    async def put(self, name: str, json_text: str) -> None:
        """Bind a name to what the JSON text says."""
        self.written = True
        await self.session.put(name, json_text)

    async def remove(self, *names: str) -> None:
        """Unbind names; those that are not there are no error."""
        self.written = True
        await self.session.remove(names)

    async def look(self, name: str, preview_chars: int) -> Variable:
        """One variable that is there.

        Raises:
            SandboxFailed: it is not.
        """
        found = await self.session.variable(name, preview_chars)
        if found is None:
            raise SandboxFailed(Failure("NameError", f"{name!r} was bound, but is not there", fatal=True))
        return found


def may_bind(code: str) -> bool:
    """Whether code may bind a name, or change a value in a way that its JSON text does not show.

    A guess at the text, to the safe side: it is never parsed out here.
    """
    return _MAY_BIND.search(_NAMED_ARGUMENT.sub("", code)) is not None


async def is_put(place: Desk | SandboxSession, name: str, json_text: str) -> bool:
    """Bind a name to what the JSON text says; whether that could be done.

    Raises:
        SandboxFailed: a limit was hit.
    """
    try:
        await place.put(name, json_text)
    except InvalidRequest:
        return False
    except SandboxFailed as error:
        if error.failure.fatal:
            raise
        return False
    return True

"""What every command has: where it works, how it answers, and a way to run a coroutine over memory."""

from __future__ import annotations

import functools
import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from mcp_memory.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pydantic import BaseModel
    from rich.console import Console

    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope
    from mcp_memory.settings import Settings

WORKSPACE: Final[dict[str, Any]] = {
    "default": "",
    "metavar": "NAME",
    "help": "Workspace to work in [default: MCP_MEMORY_WORKSPACE, else the project of this folder].",
}
DATA_DIR: Final[dict[str, Any]] = {
    "default": "",
    "metavar": "FOLDER",
    "help": "Folder of the database [default: MCP_MEMORY_DATA_DIR, else the platform's user data folder].",
}
SESSION: Final[dict[str, Any]] = {
    "default": "",
    "metavar": "ID",
    "help": "Session to work in [default: MCP_MEMORY_SESSION].",
}
JSON: Final[dict[str, Any]] = {"is_flag": True, "help": "Answer in JSON, errors too."}

DETAIL_LEVELS: Final = ("abstract", "overview", "full")

AUTHOR: Final = "cli"
"""Who a memory written here is by, where nobody else is named."""

Answer = TypeVar("Answer")
_Request = TypeVar("_Request", bound="BaseModel")


@dataclass(frozen=True, slots=True)
class Call:
    """One command line; `workspace` and `data_dir` are empty where they were not given."""

    workspace: str = ""
    data_dir: str = ""
    as_json: bool = False

    def overrides(self) -> dict[str, str]:
        """The settings that options replace, by name."""
        given = {"workspace": self.workspace, "data_dir": self.data_dir}
        return {name: value for name, value in given.items() if value}

    def settings(self) -> Settings:
        """Settings of the environment, with this call's options.

        Raises:
            SettingsError: a value will not do.
        """
        from mcp_memory.settings import load_settings

        return load_settings(**self.overrides())

    def run(self, work: Callable[[Memory], Awaitable[Answer]]) -> Answer:
        """The answer of `work` over an open memory, which is closed afterwards."""
        import asyncio

        settings = self.settings()
        from mcp_memory.app import open_memory

        async def session() -> Answer:
            async with open_memory(settings) as memory:
                return await work(memory)

        return asyncio.run(session())

    async def scope(self, memory: Memory) -> Scope:
        """Where to read; a workspace named on the command line must exist.

        Raises:
            UnknownWorkspace: names the nearest ones.
        """
        return await memory.scope_in(self.workspace) if self.workspace else memory.scope

    def show(self, result: BaseModel | dict[str, Any], render: Callable[[Console], None]) -> None:
        """The answer on standard output: the whole of it as JSON, or what a person wants to see of it."""
        if self.as_json:
            show_json(result if isinstance(result, dict) else result.model_dump(mode="json", by_alias=True))
        else:
            render(console())


def show_json(value: dict[str, Any]) -> None:
    """One JSON object on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))


def console() -> Console:
    """Standard output for people; text is taken as it is, never as markup."""
    from rich.console import Console

    return Console(markup=False, highlight=False, emoji=False, soft_wrap=True)


class Ordered(click.Group):
    """A group whose help lists its commands as they were added."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In the order a newcomer wants them."""
        return list(self.commands)


def command(name: str) -> Callable[[Callable[..., int | None]], click.Command]:
    """Make a command of a function that takes a `Call` first; the options every command has come last in its help.

    The function returns its exit code, None for 0.
    """

    def decorate(function: Callable[..., int | None]) -> click.Command:
        @functools.wraps(function)
        def invoke(*, workspace: str, data_dir: str, as_json: bool, **arguments: Any) -> int | None:
            place = click.get_current_context().find_object(Call) or Call()
            call = Call(workspace or place.workspace, data_dir or place.data_dir, as_json)
            _speak_utf8()
            return function(call, **arguments)

        common = [
            click.Option(["--json", "as_json"], **JSON),
            click.Option(["--data-dir"], **DATA_DIR),
            click.Option(["--workspace"], **WORKSPACE),
        ]
        own = getattr(function, "__click_params__", [])
        invoke.__click_params__ = [*common, *own]  # type: ignore[attr-defined]
        return click.command(name)(invoke)

    return decorate


def remembered_place(ctx: click.Context, workspace: str, data_dir: str) -> None:
    """Options given before the command hold for it too, unless it has its own."""
    ctx.obj = Call(workspace, data_dir)


def _speak_utf8() -> None:
    """Memories are in any language; a Windows code page or the C locale must not stop them."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")


@dataclass(frozen=True, slots=True)
class Given:
    """A field's value that counts as given even where it is empty."""

    value: Any


def json_object(text: str, option: str) -> dict[str, Any]:
    """An option's JSON object.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidRequest(f'{option} must be a JSON object, for example {{"key": "value"}}.')
    return value


def request(model: type[_Request], **fields: Any) -> _Request:
    """A request; fields that were not given, or are empty and not `Given`, are left to their defaults.

    Raises:
        InvalidRequest: names what is wrong and how to mend it.
    """
    from pydantic import ValidationError

    from mcp_memory.models.validation import explain

    given = {
        name: value.value if isinstance(value, Given) else value
        for name, value in fields.items()
        if isinstance(value, Given) or value not in (None, "", ())
    }
    try:
        return model(**given)
    except ValidationError as error:
        raise InvalidRequest(explain(error, tuple(model.model_fields))) from None

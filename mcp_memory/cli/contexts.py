"""Commands over the named parts of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mcp_memory.cli.call import Call, Ordered, command, json_object

if TYPE_CHECKING:
    from rich.console import Console

    from mcp_memory.core.memory import Memory
    from mcp_memory.models.workspace import Context


@click.group("contexts", cls=Ordered)
def contexts() -> None:
    """List or name parts of a workspace.

    Memories and sessions may belong to a context; recall lifts the memories of its session's own, and --context
    limits it to one.
    """


@command("list")
def list_(call: Call) -> None:
    """List the contexts of the workspace."""
    from mcp_memory.core.contexts import list_contexts

    async def work(memory: Memory) -> tuple[str, list[Context]]:
        scope = await call.scope(memory)
        return scope.workspace_id, await list_contexts(memory.resources, scope)

    workspace, found = call.run(work)
    listed = [one.model_dump(mode="json") for one in found]
    call.show(
        {"success": True, "workspace_id": workspace, "contexts": listed},
        lambda console: _print_contexts(console, workspace, found),
    )


def _print_contexts(console: Console, workspace: str, found: list[Context]) -> None:
    from mcp_memory.cli.render import pairs, visible
    from mcp_memory.core.counting import counted

    if found:
        console.print(pairs([(visible(one.name), visible(one.description)) for one in found]))
    console.print(visible(f"{counted(len(found), 'context')} in workspace {workspace}."))


@command("create")
@click.argument("name")
@click.option("--description", default="", help="What belongs there.")
@click.option("--settings", default="", metavar="JSON", help="Anything else, as a JSON object.")
def create(call: Call, name: str, description: str, settings: str) -> None:
    """Name a new part of the workspace.

    The workspace is made where it is missing.
    """
    from mcp_memory.core.contexts import create_context

    given: dict[str, Any] = json_object(settings, "--settings") if settings else {}
    made = call.run(lambda memory: create_context(memory.resources, name, description, given, memory.scope))
    call.show({"success": True, **made.model_dump(mode="json")}, lambda console: _print_created(console, made))


def _print_created(console: Console, made: Context) -> None:
    from mcp_memory.cli.render import visible

    console.print(visible(f"Context {made.name} is there in workspace {made.workspace_id}."))


for _command in (list_, create):
    contexts.add_command(_command)

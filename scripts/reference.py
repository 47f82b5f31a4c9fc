"""Write what is made from the code: docs/reference/ and the tool catalogue that the server sends.

`--check` only says what is out of date.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = Path("docs/reference")
CATALOGUE = Path("mcp_memory/tools/catalogue.json")
MADE_BY = "<!-- Made by scripts/reference.py from the code; change the code, then run it. -->"

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import click
    from mcp.types import Tool
    from pydantic.fields import FieldInfo


def products() -> dict[Path, str]:
    """The text of every file by its path."""
    sys.path.insert(0, str(ROOT))
    return {
        CATALOGUE: catalogue(),
        REFERENCE / "tools.md": tools_page(),
        REFERENCE / "settings.md": settings_page(),
        REFERENCE / "commands.md": commands_page(),
    }


def catalogue() -> str:
    """The answer to `tools/list`, on one line for each tool."""
    from mcp_memory.tools.counter import tool_list

    tools = [json.dumps(tool.model_dump(by_alias=True, exclude_none=True)) for tool in tool_list()]
    return '{"tools": [\n' + ",\n".join(tools) + "\n]}\n"


# Tools


def tools_page() -> str:
    """What a client is told about each tool."""
    from mcp_memory.tools.counter import tool_list
    from mcp_memory.tools.server import INSTRUCTIONS

    tools = tool_list()
    return page(
        "Tools",
        f"The server's {len(tools)} tools, as a client sees them. Every result also carries `success` and "
        "`workspace_id`; a call that did not do what was asked is an error whose text says how to mend it.",
        *(block for tool in tools for block in tool_section(tool)),
        "## Instructions",
        "What the server tells the model when a client connects:",
        "\n".join(f"> {line}".rstrip() for line in INSTRUCTIONS.strip().splitlines()),
    )


def tool_section(tool: Tool) -> Iterator[str]:
    yield f"## {tool.name}"
    yield f"{tool.description} ({', '.join(hints(tool))})"
    required = tool.input_schema.get("required", [])
    rows = [
        (f"`{name}`", kind(schema), "required" if name in required else default_of(schema), limits(schema))
        for name, schema in tool.input_schema["properties"].items()
    ]
    yield table(("parameter", "type", "default", "meaning and limits"), rows)
    if tool.output_schema:
        fields = ", ".join(f"`{name}`" for name in tool.output_schema["properties"])
        yield f"Result: {fields}."


def hints(tool: Tool) -> list[str]:
    notes = tool.annotations
    if notes is None:
        return []
    if notes.read_only_hint:
        return ["only reads"]
    return [
        "may destroy" if notes.destructive_hint else "only adds",
        "safe to repeat" if notes.idempotent_hint else "not to be repeated blindly",
    ]


def kind(schema: dict[str, Any]) -> str:
    if schema.get("type") == "array":
        return f"list of {kind(schema.get('items', {}))}"
    names = {"string": "text", "integer": "whole number", "boolean": "yes or no"}
    return names.get(schema.get("type", ""), schema.get("type", "any"))


def default_of(schema: dict[str, Any]) -> str:
    if "default" not in schema:
        return ""
    value = schema["default"]
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def limits(schema: dict[str, Any]) -> str:
    items = schema.get("items", {})
    choices = schema.get("enum") or items.get("enum") or []
    parts = [
        schema.get("description", ""),
        f"at least {schema['minimum']}" if "minimum" in schema else "",
        f"at most {schema['maximum']}" if "maximum" in schema else "",
        ", ".join(f"`{choice}`" for choice in choices),
    ]
    return "; ".join(part for part in parts if part)


# Settings


def settings_page() -> str:
    """Every environment variable."""
    from mcp_memory.settings import PREFIX, Settings

    rows = [
        (f"`{PREFIX}{name.upper()}`", setting_kind(field), setting_default(name, field), field.description or "")
        for name, field in Settings.model_fields.items()
    ]
    return page(
        "Settings",
        "Read from the environment when the process starts. A value that will not do is refused by name; "
        "`mcp-memory config` shows each value and where it came from.",
        table(("variable", "type", "default", "meaning"), rows),
    )


def setting_kind(field: FieldInfo) -> str:
    from typing import get_args

    choices = get_args(field.annotation)
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices)
    names = {"str": "text", "int": "whole number", "float": "number", "bool": "yes or no"}
    names |= {"Path": "folder", "SecretStr": "secret"}
    bounds = [
        word + f"{getattr(rule, attribute):,}"
        for rule in field.metadata
        for attribute, word in (("ge", "from "), ("gt", "over "), ("le", "to "))
        if getattr(rule, attribute, None) is not None
    ]
    return " ".join([names[getattr(field.annotation, "__name__", "str")], *bounds])


def setting_default(name: str, field: FieldInfo) -> str:
    if name == "data_dir":
        return "the platform's user data folder"
    return f"`{field.default}`" if str(field.default) not in ("", "**********") else ""


# Commands


def commands_page() -> str:
    """What the terminal offers."""
    import click

    from mcp_memory.cli import main

    context = click.Context(main, info_name="mcp-memory")
    hidden = ("workspace", "data_dir", "as_json")
    return page(
        "Commands",
        *command_section(context, main, ()),
        "Every command takes the options above (before or after its name), and `--json`, with which standard output "
        "is one JSON object, errors included. The exit code is 0 when what was asked was done, 1 when it was not, "
        "2 when the call was written wrongly and 130 when it was interrupted.",
        *(block for inner in inner_contexts(context, main) for block in command_section(inner, inner.command, hidden)),
    )


def inner_contexts(context: click.Context, group: click.Group) -> Iterator[click.Context]:
    """Of every command of a group, and of those of the groups in it."""
    import click

    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            inner = click.Context(command, info_name=name, parent=context)
            yield inner
            if isinstance(command, click.Group):
                yield from inner_contexts(inner, command)


def command_section(context: click.Context, command: click.Command, hidden: Sequence[str]) -> Iterator[str]:
    import inspect

    yield f"## {context.command_path}"
    yield inspect.cleandoc(command.help or "")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f"```\n{context.command_path} {usage}\n```"
    records = [
        record
        for parameter in command.get_params(context)
        if parameter.name not in hidden and (record := parameter.get_help_record(context))
    ]
    records = [(name, text) for name, text in records if text and not name.endswith("--help")]
    if records:
        yield table(("option", "meaning"), [(f"`{name}`", text) for name, text in records])


# Markdown


def page(title: str, *blocks: str) -> str:
    return "\n\n".join([MADE_BY, f"# {title}", *blocks]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def main() -> int:
    """Write the pages, or say which are out of date.

    Returns:
        1 where `--check` found one, else 0.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if a page is out of date")
    check = parser.parse_args().check
    stale = {path: text for path, text in products().items() if current(path) != text}
    names = ", ".join(map(str, stale))
    if check:
        print(f"Out of date: {names}. Run scripts/reference.py." if stale else "The reference is current.")
        return 1 if stale else 0
    for path, text in stale.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(text, encoding="utf-8")
    print(f"Written: {names or 'nothing new'}.")
    return 0


def current(path: Path) -> str:
    """The file as it is now; empty where there is none."""
    return (ROOT / path).read_text(encoding="utf-8") if (ROOT / path).exists() else ""


if __name__ == "__main__":
    sys.exit(main())

"""The terminal door, without a database behind it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.cli import COMMANDS, main
from mcp_memory.cli import memories as commands
from mcp_memory.cli.failures import sentence
from mcp_memory.core.counting import counted
from mcp_memory.models.memory import DetailLevel, MemorySubtype, MemoryType
from mcp_memory.models.recall import RecallMode, Tolerance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HEAVY = ("mcp", "pydantic", "pydantic_settings", "rich", "numpy", "onnxruntime", "apsw", "asyncio", "platformdirs")


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(words))
    return result.exit_code, result.stdout, result.stderr


def leaves(group: click.Group, *path: str) -> Iterator[tuple[str, ...]]:
    """The words of every command, those in groups too."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from leaves(command, *path, name) if isinstance(command, click.Group) else [(*path, name)]


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys; from mcp_memory.cli import main\n"
        "try: main(['--help'])\n"
        f"finally: print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr.strip() == "[]"
    assert "recall" in done.stdout


@pytest.mark.parametrize("command", list(leaves(main)), ids=" ".join)
def test_every_command_has_json_workspace_and_data_dir_and_help(command: tuple[str, ...]) -> None:
    status, stdout, _ = run(*command, "--help")
    assert status == 0
    assert stdout.split("Options:")[0].count("\n\n") >= 2, "a sentence about what it does"
    for option in ("--json", "--workspace", "--data-dir"):
        assert option in stdout


def test_help_lists_every_command_the_demo_first() -> None:
    _, stdout, _ = run("-h")
    listed = [line.split()[0] for line in stdout.split("Commands:")[1].splitlines() if line.strip()]
    assert listed == list(COMMANDS)
    assert listed[0] == "demo"


@pytest.mark.parametrize("group", [[], ["session"], ["contexts"]], ids=" ".join)
def test_no_summary_in_the_list_of_commands_is_cut_short(group: list[str]) -> None:
    assert "..." not in run(*group, "--help")[1].split("Commands:")[1]


def test_the_version_is_the_packages() -> None:
    from mcp_memory import __version__

    assert run("--version")[:2] == (0, f"mcp-memory {__version__}\n")


@pytest.mark.parametrize(
    ("offered", "closed"),
    [
        (commands.TYPES, MemoryType),
        (commands.SUBTYPES, MemorySubtype),
        (commands.TOLERANCES, Tolerance),
        (commands.MODES, RecallMode),
        (commands.DETAIL_LEVELS, DetailLevel),
    ],
)
def test_choices_offered_are_those_of_the_vocabulary(offered: tuple[str, ...], closed: type) -> None:
    assert list(offered) == [one.value for one in closed]


def test_a_call_written_wrongly_exits_with_2_and_shows_the_usage() -> None:
    status, stdout, stderr = run("recall")
    assert (status, stdout) == (2, "")
    assert "Usage: mcp-memory recall" in stderr
    assert "QUERY" in stderr


def test_with_json_a_call_written_wrongly_is_an_object_on_standard_output() -> None:
    status, stdout, stderr = run("recall", "--json")
    answer = json.loads(stdout)
    assert (status, stderr) == (2, "")
    assert answer["success"] is False
    assert answer["exit_code"] == 2
    assert "QUERY" in answer["error"]


def test_an_unknown_command_is_named() -> None:
    status, _, stderr = run("recal")
    assert status == 2
    assert "recal" in stderr


def test_json_behind_the_double_dash_is_content_and_no_option(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_LOG_LEVEL", "LOUD")
    status, stdout, stderr = run("remember", "--", "--json")
    assert (status, stdout) == (1, "")
    assert "MCP_MEMORY_LOG_LEVEL" in stderr


@pytest.mark.parametrize("command", [["config"], ["statistics"], ["recall", "x"], ["doctor"], ["reindex"], []])
def test_a_wrong_setting_is_one_sentence_and_exit_code_1(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCP_MEMORY_DURABILITY", "maybe")
    status, stdout, stderr = run(*command)
    assert (status, stdout) == (1, "")
    assert "MCP_MEMORY_DURABILITY='maybe'" in stderr
    assert "Traceback" not in stderr


def test_a_wrong_value_is_explained_before_the_database_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MCP_MEMORY_DATA_DIR", str(tmp_path / "memory"))
    status, _, stderr = run("remember", "Tea.", "--importance", "7")
    assert status == 1
    assert "`importance` must be at most 1" in stderr
    assert not (tmp_path / "memory").exists()


def test_erasing_without_yes_is_refused_where_nobody_can_be_asked() -> None:
    status, _, stderr = run("forget", "mem_0123456789abcdef", "--hard")
    assert status == 2
    assert "--yes" in stderr


def test_json_and_an_export_to_standard_output_exclude_each_other() -> None:
    status, stdout, _ = run("export", "--json")
    assert status == 2
    assert "FILE" in json.loads(stdout)["error"]


def test_an_error_of_the_system_names_the_file() -> None:
    assert sentence(PermissionError(13, "Permission denied", "/somewhere")) == "Permission denied: /somewhere."


@given(st.text())
def test_no_text_can_steer_the_terminal(text: str) -> None:
    from mcp_memory.cli.render import visible

    shown = visible(text)
    assert not any(ord(char) < 32 and char not in "\t\n" for char in shown)
    assert not any(127 <= ord(char) < 160 for char in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_ordinary_text_of_any_script_is_shown_as_it_is() -> None:
    from mcp_memory.cli.render import visible

    text = "naïve 東京 🦊 [bold]not bold[/bold]\n\tindented"
    assert visible(text) == text


def test_the_settings_of_a_call_are_the_environments_with_its_options(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MCP_MEMORY_WORKSPACE", "from-environment")
    status, stdout, _ = run("--data-dir", str(tmp_path), "config", "--workspace", "from-option", "--json")
    rows = {row["name"]: row for row in json.loads(stdout)["settings"]}
    assert status == 0
    assert (rows["MCP_MEMORY_WORKSPACE"]["value"], rows["MCP_MEMORY_WORKSPACE"]["source"]) == ("from-option", "option")
    assert (rows["MCP_MEMORY_DATA_DIR"]["value"], rows["MCP_MEMORY_DATA_DIR"]["source"]) == (str(tmp_path), "option")
    assert rows["MCP_MEMORY_DURABILITY"]["source"] == "default"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["reindex"], "Run `mcp-memory reindex` again"),
        (["import", "-"], "Import the same file again"),
        (["export"], "not whole"),
    ],
)
def test_ctrl_c_says_how_to_go_on_and_exits_with_130(
    command: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mcp_memory.cli.call.Call.run", interrupted)
    status, stdout, stderr = run(*command)
    assert (status, stdout) == (130, "")
    assert said in stderr


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [(1, "memory", "1 memory"), (0, "memory", "0 memories"), (2000, "link", "2,000 links"), (1, "line", "1 line")],
)
def test_numbers_are_said_as_people_say_them(number: int, noun: str, said: str) -> None:
    assert counted(number, noun) == said

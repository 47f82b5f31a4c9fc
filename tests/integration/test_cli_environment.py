"""The context environment at the terminal: every call is a process of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mcp_memory.cli.environment import DETAILS
from mcp_memory.models.environment import RlmDetail
from tests.support.model_server import ModelServer, Usage
from tests.support.terminal import answer, terminal

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from tests.support.terminal import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return terminal(tmp_path / "memory")


@pytest.fixture
def session(cli: Cli) -> str:
    return str(answer(cli("session", "start", "--json"))["session_id"])


@pytest.fixture
def context(cli: Cli, session: str) -> Cli:
    """`mcp-memory context ...` in one session."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return cli("context", *words, MCP_MEMORY_SESSION=session, **more)

    return run


def test_what_one_process_computes_the_next_still_has(context: Cli) -> None:
    done = context("exec", "numbers = [1, 2, 3]\nprint('sum', sum(numbers))\nmax(numbers)")
    assert (done.returncode, done.stdout) == (0, "sum 6\n3\n"), done.stderr
    assert answer(context("exec", "len(numbers)", "--json"))["result"] == "3"


def test_code_comes_from_an_argument_a_file_or_standard_input(context: Cli, tmp_path: Path) -> None:
    script = tmp_path / "count.py"
    script.write_text("len('“quoted”')", encoding="utf-8")
    assert context("exec", "--file", str(script)).stdout == "8\n"
    assert context("exec", "-", stdin="2 + 3").stdout == "5\n"
    assert context("exec", "--", "-2 + 3").stdout == "1\n"


def test_neither_or_both_ways_of_giving_code_are_refused(context: Cli, tmp_path: Path) -> None:
    for words in ((), ("1", "--file", str(tmp_path / "code.py"))):
        done = context("exec", *words)
        assert done.returncode == 2
        assert "--file" in done.stderr


def test_a_file_that_is_not_there_is_one_sentence(context: Cli, tmp_path: Path) -> None:
    done = context("exec", "--file", str(tmp_path / "nowhere.py"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "nowhere.py" in done.stderr


def test_code_that_fails_exits_with_1_and_says_why_beside_its_output(context: Cli) -> None:
    done = context("exec", "kept = 1\nprint('here')\nnote['x']")
    assert (done.returncode, done.stdout) == (1, "here\n")
    assert "NameError" in done.stderr
    assert "line 3" in done.stderr
    as_json = context("exec", "note['x']", "--json")
    assert as_json.returncode == 1
    told = json.loads(as_json.stdout)
    assert (told["success"], told["error"]["type"], told["error"]["line"]) == (False, "NameError", 1)
    assert context("exec", "kept").stdout == "1\n"


def test_a_result_can_be_kept_and_cut(context: Cli) -> None:
    told = answer(context("exec", "'x' * 5000", "--result-var", "long", "--max-chars", "100", "--json"))
    assert len(told["result"]) < 300
    assert told["variables_changed"] == ["long"]


def test_variables_are_listed_and_shown(context: Cli) -> None:
    context("exec", "notes = ['first', 'second' * 100]\ntotal = 2")
    listed = context("inspect").stdout
    assert "notes" in listed
    assert "2 long" in listed
    assert "2 variables" in listed
    assert "['first'" in context("inspect", "notes").stdout
    assert len(answer(context("inspect", "notes", "--preview", "40", "--json"))["preview"]) < 100
    wrong = context("inspect", "nots")
    assert wrong.returncode == 1
    assert "notes" in wrong.stderr


def test_status_shows_what_there_is(context: Cli, session: str) -> None:
    context("exec", "x = 1")
    done = context("status")
    for part in (session, "team", "recall", "ready"):
        assert part in done.stdout
    told = answer(context("status", "--json"))
    assert (told["exists"], told["variables"], told["metadata"]["exec_count"]) == (True, ["x"], 1)


def test_the_session_can_be_named_on_the_command_line_or_must_be_named(cli: Cli, session: str) -> None:
    assert cli("context", "exec", "1 + 1", "--session", session).stdout == "2\n"
    done = cli("context", "status")
    assert done.returncode == 2
    assert "MCP_MEMORY_SESSION" in done.stderr
    unknown = cli("context", "exec", "1", "--session", "sess_nowhere")
    assert unknown.returncode == 1
    assert "sess_nowhere" in unknown.stderr


def test_memories_are_loaded_and_values_set(cli: Cli, context: Cli) -> None:
    for text in ("Ana prefers green tea.", "Bo prefers coffee."):
        answer(cli("remember", text, "--type", "semantic", "--tag", "drinks", "--json"))
    told = answer(context("load", "notes", "*", "--type", "semantic", "--tag", "drinks", "--limit", "1", "--json"))
    assert (told["variable"], told["count"], told["total_available"]) == ("notes", 1, 2)
    assert "notes is a list of 2 dicts" in context("load", "notes", "*").stdout
    assert answer(context("inject", "limits", '{"a": [1]}', "--parse", "--json"))["type"] == "dict"
    assert answer(context("inject", "empty", "", "--json"))["type"] == "str"
    answer(context("inject", "piped", "-", "--json", stdin="two\nlines"))
    assert (
        context("exec", "[len(notes), limits['a'], empty, piped.split()]").stdout == "[2, [1], '', ['two', 'lines']]\n"
    )


def test_a_checkpoint_is_named_and_returned_to(context: Cli) -> None:
    context("exec", "x = 1")
    assert answer(context("checkpoint", "start", "--json"))["checkpoint"] == "start"
    context("exec", "x = 2")
    assert "start" in context("status").stdout
    assert answer(context("checkpoint", "--restore", "start", "--json"))["restored"] is True
    assert context("exec", "x").stdout == "1\n"


def test_cleanup_removes_everything_and_says_so_even_where_there_was_nothing(context: Cli) -> None:
    context("exec", "x = 1")
    context("checkpoint", "start")
    assert answer(context("cleanup", "--json"))["existed"] is True
    assert context("exec", "x").returncode == 1
    told = answer(context("status", "--json"))
    assert (told["variables"], told["checkpoints"]) == ([], [])
    context("cleanup")
    again = context("cleanup")
    assert again.returncode == 0
    assert again.stdout.strip()


def test_the_language_model_answers_and_works(context: Cli) -> None:
    replies = [
        Usage("Ana drinks green tea.", 90, 10),
        "```python\nprint(len(notes))\n```",
        "```python\nFINAL(len(notes))\n```",
    ]
    with ModelServer(replies) as server:
        model = {"MCP_MEMORY_LLM_BASE_URL": server.url, "MCP_MEMORY_LLM_MODEL": "scripted"}
        context("exec", "notes = ['Ana likes green tea.']")
        asked = context("query", "What does Ana drink?", "notes", "--result-var", "drink", **model)
        assert (asked.returncode, asked.stdout) == (0, "Ana drinks green tea.\n"), asked.stderr
        assert context("exec", "drink").stdout.strip().strip("'") == "Ana drinks green tea."
        done = context("rlm", "Count the notes.", "--variable", "notes", "--max-iterations", "3", **model)
    assert done.returncode == 0, done.stderr
    assert "answer: 1" in done.stdout
    assert "1/3" in done.stderr


def test_without_a_model_it_says_what_to_set(context: Cli) -> None:
    for words in (("query", "What?", "x"), ("rlm", "Count.")):
        done = context(*words)
        assert done.returncode == 1
        assert "MCP_MEMORY_LLM_MODEL" in done.stderr


def test_output_cannot_steer_the_terminal(context: Cli) -> None:
    done = context("exec", "print('\\x1b[31mred')\nx = '\\x1b[2J'\nraise ValueError('\\x1b[0m')")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x1b" not in context("inspect").stdout + context("inspect", "x").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["exec", ""], "code"),
        (["exec", "1", "--result-var", "not a name"], "Python name"),
        (["load", "class", "x"], "keyword"),
        (["load", "notes", "x", "--limit", "501"], "at most 500"),
        (["inject", "1st", "x"], "Python name"),
        (["rlm", " "], "blank"),
        (["checkpoint", "x" * 201], "at most 200"),
    ],
)
def test_a_wrong_value_is_explained_before_the_database_is_touched(
    cli: Cli, tmp_path: Path, words: list[str], said: str
) -> None:
    done = cli("context", *words, "--session", "s")
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "memory").exists()


def test_the_terminal_offers_every_level_of_detail() -> None:
    from typing import get_args

    assert get_args(RlmDetail) == DETAILS

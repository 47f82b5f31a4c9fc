"""Sessions, contexts and the briefing at the terminal: every call is a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.terminal import answer, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.terminal import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return terminal(tmp_path / "memory")


def started(cli: Cli, *words: str) -> str:
    return str(answer(cli("session", "start", "--json", *words))["session_id"])


# Sessions


def test_what_one_process_holds_the_next_still_holds(cli: Cli) -> None:
    session = started(cli)
    answer(cli("session", "set", "branch", "feature/tea", "--session", session, "--json"))
    answer(cli("session", "set", "numbers", "[1, 2]", "--parse", "--json", MCP_MEMORY_SESSION=session))
    held = answer(cli("session", "get", "--json", MCP_MEMORY_SESSION=session))
    assert held["values"] == {"branch": "feature/tea", "numbers": [1, 2]}
    assert cli("session", "get", "branch", "--session", session).stdout == "feature/tea\n"


def test_a_value_can_be_empty_or_come_from_standard_input(cli: Cli) -> None:
    session = started(cli)
    answer(cli("session", "set", "empty", "", "--session", session, "--json"))
    answer(cli("session", "set", "notes", "-", "--session", session, "--json", stdin="Two\nlines, “quoted”."))
    values = answer(cli("session", "get", "--session", session, "--json"))["values"]
    assert values == {"empty": "", "notes": "Two\nlines, “quoted”."}


def test_the_session_of_the_environment_goes_on(cli: Cli) -> None:
    session = started(cli)
    again = answer(cli("session", "start", "--json", MCP_MEMORY_SESSION=session))
    assert (again["session_id"], again["reused"]) == (session, True)


def test_sessions_are_listed_while_they_last_and_afterwards_with_all(cli: Cli) -> None:
    session = started(cli, "--user", "ana", "--ttl", "120")
    [listed] = answer(cli("session", "list", "--json"))["sessions"]
    assert (listed["id"], listed["state"], listed["user_id"], listed["ttl_seconds"]) == (session, "active", "ana", 120)
    answer(cli("session", "end", "--session", session, "--json"))
    assert answer(cli("session", "list", "--json"))["sessions"] == []
    [ended] = answer(cli("session", "list", "--all", "--json"))["sessions"]
    assert ended["state"] == "ended"
    assert session in cli("session", "list", "--all").stdout


def test_a_commit_turns_what_is_held_into_memories_that_are_recalled(cli: Cli) -> None:
    session = started(cli)
    answer(cli("session", "set", "drink", "The user prefers green tea.", "--session", session, "--json"))
    committed = answer(cli("session", "commit", "--session", session, "--json"))
    assert committed["memories_created"] == 1
    assert answer(cli("session", "commit", "--session", session, "--json"))["memories_created"] == 0
    found = answer(cli("recall", "Which hot beverage is liked?", "--json"))
    assert "green tea" in found["memories"][0]["content"]


def test_an_ended_session_hands_over_and_takes_nothing_more(cli: Cli) -> None:
    session = started(cli)
    answer(cli("remember", "We plan to repaint the office.", "--session", session, "--json"))
    done = cli("session", "end", "--session", session)
    assert done.returncode == 0, done.stderr
    assert "repaint the office" in done.stdout
    refused = cli("session", "set", "key", "value", "--session", session)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert session in refused.stderr
    assert "Traceback" not in refused.stderr


def test_status_says_where_a_session_stands(cli: Cli) -> None:
    session = started(cli)
    answer(cli("session", "set", "key", "value", "--session", session, "--json"))
    stands = answer(cli("session", "status", "--session", session, "--json"))
    assert (stands["id"], stands["active"], stands["workingMemoryCount"]) == (session, True, 1)
    assert session in cli("session", "status", "--session", session).stdout


@pytest.mark.parametrize("command", ["status", "commit", "end", "get"])
def test_without_a_session_the_call_says_how_to_name_one(cli: Cli, command: str) -> None:
    done = cli("session", command)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--session" in done.stderr
    assert "MCP_MEMORY_SESSION" in done.stderr


def test_a_session_that_is_not_there_is_one_sentence(cli: Cli) -> None:
    answer(cli("remember", "Tea.", "--json"))
    done = cli("session", "get", "--session", "sess_nowhere")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "sess_nowhere" in done.stderr


def test_a_key_that_is_not_held_is_refused_with_those_that_are(cli: Cli) -> None:
    session = started(cli)
    answer(cli("session", "set", "branch", "main", "--session", session, "--json"))
    done = cli("session", "get", "brunch", "--session", session)
    assert done.returncode == 1
    assert "branch" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["start", "--ttl", "59"], "60"),
        (["start", "--metadata", "[1]"], "metadata"),
        (["set", "key", "{", "--parse", "--session", "s"], "not JSON"),
        (["set", " ", "value", "--session", "s"], "blank"),
        (["commit", "--threshold", "2", "--session", "s"], "at most 1"),
    ],
)
def test_a_wrong_value_is_explained_before_the_database_is_touched(
    cli: Cli, tmp_path: Path, words: list[str], said: str
) -> None:
    done = cli("session", *words)
    assert done.returncode == 1
    assert said in done.stderr
    assert not (tmp_path / "memory").exists()


# Contexts


def test_a_context_is_created_once_and_listed(cli: Cli) -> None:
    made = answer(
        cli("contexts", "create", "billing", "--description", "Invoices.", "--settings", '{"a": 1}', "--json")
    )
    assert (made["id"], made["settings"]) == ("billing", {"a": 1})
    listed = answer(cli("contexts", "list", "--json"))["contexts"]
    assert {one["name"]: one["description"] for one in listed} == {"_default": "", "billing": "Invoices."}
    again = cli("contexts", "create", "billing")
    assert again.returncode == 1
    assert "billing" in again.stderr
    assert "Invoices." in cli("contexts", "list").stdout


def test_settings_that_are_no_object_are_refused(cli: Cli) -> None:
    done = cli("contexts", "create", "billing", "--settings", "[1]")
    assert done.returncode == 1
    assert "--settings must be a JSON object" in done.stderr


# The briefing


def test_the_briefing_tells_the_next_window_what_matters(cli: Cli) -> None:
    answer(cli("remember", "Never deploy on Fridays.", "--subtype", "directive", "--json"))
    answer(cli("remember", "We decided to host in Frankfurt.", "--json"))
    answer(cli("remember", "We plan to rotate the keys.", "--json"))
    session = started(cli)
    answer(cli("session", "set", "branch", "feature/tea", "--session", session, "--json"))
    done = cli("briefing")
    assert done.returncode == 0, done.stderr
    for part in ("Never deploy on Fridays.", "We decided to host in Frankfurt.", "rotate the keys", "feature/tea"):
        assert part in done.stdout
    told = answer(cli("briefing", "--json"))
    assert [one["content"] for one in told["decisions"]] == ["We decided to host in Frankfurt."]
    assert [one["topic"] for one in told["open_threads"]] == ["rotate the keys"]
    assert [one["id"] for one in told["sessions"]] == [session]


def test_an_empty_briefing_is_one_line(cli: Cli) -> None:
    done = cli("briefing")
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)


def test_the_briefing_of_a_workspace_that_is_not_there_says_so(cli: Cli) -> None:
    answer(cli("remember", "Tea.", "--json"))
    done = cli("briefing", "--workspace", "tem")
    assert done.returncode == 1
    assert "team" in done.stderr


def test_the_briefing_cannot_steer_the_terminal(cli: Cli) -> None:
    answer(cli("remember", "Always answer \x1b[31min red\x1b[0m.", "--subtype", "directive", "--json"))
    assert "\x1b" not in cli("briefing").stdout


def test_the_briefing_loads_no_model_and_nothing_heavy(cli: Cli, tmp_path: Path) -> None:
    answer(cli("remember", "Never deploy on Fridays.", "--subtype", "directive", "--json"))
    program = (
        "import sys; from mcp_memory.cli import main\n"
        "try: main(['briefing'])\n"
        "finally: print([name for name in ('numpy', 'onnxruntime', 'mcp', 'rich', 'tokenizers', 'openai')"
        " if name in sys.modules], file=sys.stderr)"
    )
    place = {"MCP_MEMORY_DATA_DIR": str(tmp_path / "memory"), "MCP_MEMORY_WORKSPACE": "team"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **place},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "Never deploy on Fridays." in done.stdout
    assert done.stderr.strip() == "[]"

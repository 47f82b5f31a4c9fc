"""API keys at the terminal: every call is a process of its own."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from mcp_memory.app import open_memory
from tests.support.terminal import answer, terminal

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.terminal import Cli

SECRET = re.compile(r"mcpm_[0-9a-f]{8}_[A-Za-z0-9_-]{43}")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return terminal(tmp_path / "memory", "keys")


def test_a_new_keys_secret_alone_goes_to_standard_output(cli: Cli) -> None:
    done = cli("create", "Ana")
    assert done.returncode == 0
    assert SECRET.fullmatch(done.stdout.removesuffix("\n"))
    assert done.stderr.startswith("Ana: Keep the secret now, it is not shown again. read, write in every workspace")


def test_the_secret_is_shown_this_once_and_is_in_no_file(cli: Cli, tmp_path: Path) -> None:
    secret = answer(cli("create", "Ana", "--json"))["secret"]
    assert secret not in cli("list").stdout + cli("list", "--json").stdout
    for file in (tmp_path / "memory").iterdir():
        assert secret[14:].encode() not in file.read_bytes()


@pytest.mark.anyio
async def test_the_secret_opens_what_the_key_was_made_for(cli: Cli, tmp_path: Path) -> None:
    words = ("--scope", "read", "--scope", "admin", "--bound-to", "team", "--expires-in", "12h")
    made = answer(cli("create", "CI", *words, "--json"))
    async with open_memory(data_dir=tmp_path / "memory") as memory:
        key = await memory.find_key(made["secret"])
    assert key is not None
    assert key.model_dump(mode="json") == made["key"]
    assert (key.name, key.scopes, key.workspace_id) == ("CI", ["admin", "read"], "team")
    assert key.expires_at is not None
    assert (key.expires_at - key.created_at).total_seconds() == 12 * 3600


def test_keys_are_listed_newest_first_with_what_they_open_and_how_they_stand(cli: Cli) -> None:
    first = answer(cli("create", "Ana", "--json"))["key"]
    second = answer(cli("create", "CI", "--scope", "read", "--bound-to", "team", "--expires-in", "30d", "--json"))[
        "key"
    ]
    answer(cli("revoke", first["id"], "--json"))
    told = answer(cli("list", "--json"))["keys"]
    assert [(one["name"], one["state"]) for one in told] == [("CI", "active"), ("Ana", "revoked")]
    lines = cli("list").stdout.splitlines()
    assert lines[0] == f"{second['prefix']}  CI active"
    expires = datetime.fromisoformat(second["expires_at"])
    assert f"read · team · made {second['created_at'][:10]} · expires {expires:%Y-%m-%d} · never used" in lines[1]
    assert lines[-1] == "2 keys."


def test_without_keys_the_list_says_so(cli: Cli) -> None:
    assert cli("list").stdout == "0 keys.\n"
    assert answer(cli("list", "--json"))["keys"] == []


@pytest.mark.parametrize("by", ["id", "prefix"])
@pytest.mark.anyio
async def test_a_key_is_revoked_by_its_id_or_prefix_and_twice_does_no_harm(cli: Cli, tmp_path: Path, by: str) -> None:
    made = answer(cli("create", "Ana", "--json"))
    first = answer(cli("revoke", made["key"][by], "--json"))["key"]
    again = answer(cli("revoke", made["key"][by], "--json"))["key"]
    assert first["revoked_at"] is not None
    assert again["revoked_at"] == first["revoked_at"]
    async with open_memory(data_dir=tmp_path / "memory") as memory:
        key = await memory.find_key(made["secret"])
        assert key is not None
        assert key.state(memory.resources.now()) == "revoked"
        assert await memory.has_keys()


def test_a_key_that_is_not_there_is_an_error_that_says_where_to_look(cli: Cli) -> None:
    done = cli("revoke", "mcpm_00000000")
    assert done.returncode == 1
    assert "no API key 'mcpm_00000000'" in done.stderr
    assert "list" in done.stderr


@pytest.mark.parametrize("time", ["soon", "12", "-1d", "1.5h", "1y", "٣d", "9999999d"])
def test_a_time_that_is_none_makes_no_key(cli: Cli, time: str) -> None:
    done = cli("create", "Ana", "--expires-in", time)
    assert done.returncode == 2
    assert "no length of time" in done.stderr
    assert cli("list").stdout == "0 keys.\n"


@pytest.mark.parametrize("words", [["--expires-in", "999999w"], ["--expires-in", "0m"], ["--scope", "root"]])
def test_what_a_key_cannot_be_is_refused_and_no_key_made(cli: Cli, words: list[str]) -> None:
    assert cli("create", "Ana", *words).returncode in (1, 2)
    assert cli("create", "  ").returncode == 1
    assert cli("list").stdout == "0 keys.\n"


def test_a_name_cannot_steer_the_terminal(cli: Cli) -> None:
    done = cli("create", "\x1b[31mAna\x07")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x1b" not in cli("list").stdout

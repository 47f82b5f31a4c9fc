"""The terminal door with a real process and a real database behind it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.terminal import answer, environment, terminal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.terminal import Cli

needs_posix = pytest.mark.skipif(os.name != "posix", reason="signals and file modes are POSIX")


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return terminal(tmp_path / "memory")


def test_what_one_process_remembers_the_next_recalls_by_meaning(cli: Cli) -> None:
    stored = answer(cli("remember", "Ana drinks green tea.", "--tag", "People", "--json"))
    found = answer(cli("recall", "Which hot beverage is liked?", "--json"))
    assert stored["embedding_state"] == "embedded"
    assert stored["tags"] == ["people"]
    assert [one["id"] for one in found["memories"]] == [stored["memory_id"]]
    assert found["workspace_id"] == "team"


def test_people_see_the_text_its_id_and_why_it_is_there(cli: Cli) -> None:
    stored = answer(cli("remember", "[bold]naïve[/bold] \x1b[31m東京 🦊", "--json"))
    done = cli("recall", "東京")
    assert done.returncode == 0, done.stderr
    assert "[bold]naïve[/bold]" in done.stdout
    assert "東京 🦊" in done.stdout
    assert stored["memory_id"] in done.stdout
    assert "\x1b" not in done.stdout


def test_content_can_come_from_standard_input(cli: Cli) -> None:
    answer(cli("remember", "-", "--json", stdin="Several\nlines, even “quoted”.\n"))
    found = answer(cli("recall", "*", "--json"))
    assert found["memories"][0]["content"] == "Several\nlines, even “quoted”."


def test_blank_content_is_refused_in_one_sentence(cli: Cli) -> None:
    done = cli("remember", "   ")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "`content` is blank; give it at least one visible character.\n"


def test_with_json_a_refusal_is_json_too(cli: Cli) -> None:
    done = cli("forget", "mem_0000000000000000", "--json")
    refusal = json.loads(done.stdout)
    assert (done.returncode, refusal["exit_code"], refusal["success"]) == (1, 1, False)
    assert refusal["kind"] == "UnknownMemory"
    assert "mem_0000000000000000" in refusal["error"]


def test_forget_and_restore_take_turns(cli: Cli) -> None:
    memory_id = answer(cli("remember", "The office is in Porto.", "--json"))["memory_id"]
    assert answer(cli("forget", memory_id, "--reason", "moved", "--json"))["hard_delete"] is False
    assert answer(cli("recall", "Porto", "--json"))["memories"] == []
    assert answer(cli("restore", memory_id, "--json"))["memory_id"] == memory_id
    assert answer(cli("recall", "Porto", "--json"))["memories"][0]["id"] == memory_id


def test_what_was_erased_cannot_be_restored(cli: Cli) -> None:
    memory_id = answer(cli("remember", "The office is in Porto.", "--json"))["memory_id"]
    assert answer(cli("forget", memory_id, "--hard", "--yes", "--json"))["hard_delete"] is True
    done = cli("restore", memory_id)
    assert done.returncode == 1
    assert memory_id in done.stderr


def test_statistics_count_what_is_there(cli: Cli) -> None:
    answer(cli("remember", "Tea at five.", "--json"))
    counted = answer(cli("statistics", "--json"))
    assert counted["total_memories"] == 1
    assert counted["encoder"]["pending"] == 0
    assert "memories" in cli("statistics").stdout


def test_a_workspace_that_is_misspelt_is_refused_with_the_nearest_name(cli: Cli) -> None:
    answer(cli("remember", "Tea at five.", "--workspace", "kitchen", "--json"))
    done = cli("recall", "tea", "--workspace", "kitchn")
    assert done.returncode == 1
    assert "kitchen" in done.stderr


def test_options_may_stand_before_the_command(cli: Cli, tmp_path: Path) -> None:
    stored = answer(cli("--workspace", "kitchen", "--data-dir", str(tmp_path / "b"), "remember", "Tea.", "--json"))
    assert stored["workspace_id"] == "kitchen"
    assert (tmp_path / "b" / "memory.db").exists()


def test_the_doctor_says_all_is_well_and_exits_with_0(cli: Cli) -> None:
    done = cli("doctor")
    assert done.returncode == 0, done.stdout
    assert "Everything is in order." in done.stdout


def test_the_doctor_exits_with_1_for_a_file_that_is_no_database(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "memory").mkdir(mode=0o700)
    (tmp_path / "memory" / "memory.db").write_bytes(b"no database at all" * 1000)
    done = cli("doctor", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["success"] is False


@pytest.mark.parametrize("command", [["recall", "x"], ["statistics"], ["reindex"], ["export"]])
def test_a_file_that_is_no_database_is_one_sentence(cli: Cli, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "memory").mkdir(mode=0o700)
    (tmp_path / "memory" / "memory.db").write_bytes(b"no database at all" * 1000)
    done = cli(*command)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert "memory.db" in done.stderr


def test_reindex_embeds_what_was_written_while_the_encoder_failed(cli: Cli) -> None:
    broken = {"MCP_MEMORY_EMBEDDER": "sentence-transformers", "MCP_MEMORY_EMBEDDER_MODEL": "/no/such/model"}
    stored = answer(cli("remember", "Ana drinks green tea.", "--json", **broken))
    assert stored["embedding_state"] == "pending"
    done = answer(cli("reindex", "--json"))
    found = answer(cli("recall", "Which hot beverage is liked?", "--json"))
    assert done["embedded"] == 1
    assert found["memories"][0]["relevance_score"] is not None
    assert answer(cli("reindex", "--json"))["embedded"] == 0


def test_reindex_without_a_working_encoder_says_why(cli: Cli) -> None:
    answer(cli("remember", "Tea.", "--json"))
    broken = {"MCP_MEMORY_EMBEDDER": "sentence-transformers", "MCP_MEMORY_EMBEDDER_MODEL": "/no/such/model"}
    done = cli("reindex", **broken)
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr
    assert done.stderr.strip()


def test_an_export_piped_into_an_import_moves_everything(cli: Cli, tmp_path: Path) -> None:
    answer(cli("remember", "Tea at five.", "--json"))
    answer(cli("remember", "Coffee at nine.", "--workspace", "other", "--json"))
    exported = cli("export")
    assert exported.returncode == 0, exported.stderr
    elsewhere = ("--data-dir", str(tmp_path / "elsewhere"))
    taken = answer(cli("import", "-", "--json", *elsewhere, stdin=exported.stdout))
    assert taken["memories_imported"] == 2
    assert [json.loads(line)["type"] for line in exported.stdout.splitlines()][-1] == "footer"
    assert answer(cli("recall", "*", "--workspace", "other", "--json", *elsewhere))["total_count"] == 1


def test_the_workspace_of_the_environment_does_not_narrow_an_export(cli: Cli) -> None:
    answer(cli("remember", "Coffee at nine.", "--workspace", "other", "--json"))
    answer(cli("remember", "Tea at five.", "--json"))
    assert '"Coffee at nine."' in cli("export").stdout
    assert '"Coffee at nine."' not in cli("export", "--workspace", "team").stdout


@needs_posix
def test_an_exported_file_is_whole_and_ones_own(cli: Cli, tmp_path: Path) -> None:
    answer(cli("remember", "Tea at five.", "--json"))
    target = tmp_path / "backup.jsonl"
    written = answer(cli("export", str(target), "--json", "--vectors"))
    assert (written["memories"], written["file"]) == (1, str(target))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert json.loads(target.read_text(encoding="utf-8").splitlines()[-1])["type"] == "footer"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["backup.jsonl"]


def test_an_export_that_fails_leaves_the_file_that_was_there(cli: Cli, tmp_path: Path) -> None:
    target = tmp_path / "backup.jsonl"
    target.write_text("yesterday's")
    done = cli("export", str(target), "--workspace", "nowhere")
    assert done.returncode == 1
    assert target.read_text() == "yesterday's"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["backup.jsonl"]


def test_an_export_into_a_folder_that_is_not_there_names_it(cli: Cli, tmp_path: Path) -> None:
    done = cli("export", str(tmp_path / "nowhere" / "backup.jsonl"))
    assert done.returncode == 1
    assert "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_import_with_bad_lines_takes_the_good_ones_and_exits_with_1(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    good = '{"type": "memory", "index": 0, "data": {"id": "mem_1", "content": "Tea.", "type": "semantic"}}'
    file.write_text(
        f'{{broken\n{good}\n{{"type": "memory", "index": 1, "data": {{"id": "mem_2"}}}}\n', encoding="utf-8"
    )
    done = cli("import", str(file))
    assert done.returncode == 1
    assert "line 1: It is not valid JSON" in done.stderr
    assert "line 3: `content` is required." in done.stderr
    assert "Imported 1 memory" in done.stdout
    assert answer(cli("recall", "tea", "--json"))["memories"][0]["id"] == "mem_1"


def test_a_reader_that_closes_the_pipe_early_causes_no_traceback(cli: Cli, tmp_path: Path) -> None:
    lines = [
        json.dumps({"type": "memory", "index": n, "data": {"id": f"mem_{n}", "content": f"{n} " + "x" * 900}})
        for n in range(300)
    ]
    answer(cli("import", "-", "--json", stdin="\n".join(lines)))
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_memory", "export"],
        env=environment(tmp_path / "memory"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    complaint = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert b"Traceback" not in complaint


@needs_posix
def test_an_interrupted_import_keeps_what_it_has_and_says_how_to_go_on(cli: Cli, tmp_path: Path) -> None:
    lines = [
        json.dumps({"type": "memory", "index": n, "data": {"id": f"mem_{n}", "content": f"Fact number {n}."}})
        for n in range(80)
    ]
    process = subprocess.Popen(
        [sys.executable, "-m", "mcp_memory", "import", "-", "--json"],
        env=environment(tmp_path / "memory"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("\n".join(lines) + "\n")
    process.stdin.flush()
    wait_until(lambda: answer(cli("statistics", "--json"))["total_memories"] >= 64)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate("\n", timeout=60)
    said = json.loads(stdout)
    assert (process.returncode, said["exit_code"]) == (130, 130)
    assert "64 memories" in said["error"]
    assert "again" in said["error"]
    assert "Traceback" not in stderr
    again = answer(cli("import", "-", "--json", stdin="\n".join(lines)))
    assert (again["memories_present"], again["memories_imported"]) == (64, 16)


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"

"""What real processes do to the memory, and it survives."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from bench.wire import HELLO, ROOT, Refused, Wire

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = 8
HEAVY = {"numpy", "onnxruntime", "tokenizers", "openai", "rich", "torch", "sentence_transformers", "sqlite_vec", "apsw"}


def everything(wire: Wire) -> set[str]:
    """The content of all memories."""
    return {memory["content"] for memory in wire.tool("memory_recall", query="*", limit=100)["memories"]}


def test_eight_windows_on_an_empty_folder_keep_and_find_everything(tmp_path: Path) -> None:
    with ExitStack() as stack:
        windows = [stack.enter_context(Wire(tmp_path / "new")) for _ in range(WINDOWS)]
        for window in windows:
            window.handshake()
        waiting = [
            (
                window,
                window.begin("tools/call", name="memory_remember", arguments={"content": f"Note {number}-{turn}."}),
            )
            for turn in range(10)
            for number, window in enumerate(windows)
        ]
        answers = [window.answer(number) for window, number in waiting]
        assert not [answer["content"] for answer in answers if answer.get("isError")]
        expected = {f"Note {number}-{turn}." for turn in range(10) for number in range(WINDOWS)}
        for window in windows:
            assert everything(window) == expected


def test_what_one_window_wrote_another_finds_by_meaning_at_once(tmp_path: Path) -> None:
    with Wire(tmp_path) as one, Wire(tmp_path) as two:
        one.handshake()
        two.handshake()
        two.tool("memory_recall", query="warm up the other window")
        one.tool("memory_recall", query="warm up this window")
        one.tool("memory_remember", content="The veterinarian vaccinated our puppy on Thursday.")
        found = two.tool("memory_recall", query="When did the dog see a doctor?")
        assert found["memories"][0]["content"] == "The veterinarian vaccinated our puppy on Thursday."
        assert found["mode_used"] == "rag"


def test_eight_windows_with_the_same_words_make_one_memory(tmp_path: Path) -> None:
    with ExitStack() as stack:
        windows = [stack.enter_context(Wire(tmp_path)).handshake() for _ in range(WINDOWS)]
        waiting = [
            (window, window.begin("tools/call", name="memory_remember", arguments={"content": "Said by all."}))
            for window in windows
        ]
        outcomes = [window.answer(number)["structuredContent"]["outcome"] for window, number in waiting]
        assert sorted(outcomes) == ["confirmed"] * (WINDOWS - 1) + ["created"]
        assert everything(windows[0]) == {"Said by all."}


def test_nothing_acknowledged_is_lost_to_kill_nine(tmp_path: Path) -> None:
    acknowledged = set()
    for start in range(3):
        with Wire(tmp_path) as wire:
            wire.handshake()
            waiting = []
            for number in range(40):
                content = f"Fact {start}-{number}."
                waiting.append(
                    (content, wire.begin("tools/call", name="memory_remember", arguments={"content": content}))
                )
            for content, number in waiting[:25]:
                assert not wire.answer(number).get("isError")
                acknowledged.add(content)
            wire.process.kill()
    with Wire(tmp_path) as wire:
        wire.handshake()
        found = set()
        for start in range(3):
            page = wire.tool("memory_recall", query=f"Fact {start}", limit=100, min_relevance=0)["memories"]
            found |= {memory["content"] for memory in page}
        assert acknowledged <= found | everything(wire)


def test_a_memory_written_before_the_model_was_ready_is_found_by_meaning_after_a_crash(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Our puppy was vaccinated on Thursday.")
        wire.process.kill()
    with Wire(tmp_path) as wire:
        wire.handshake()
        found = wire.tool("memory_recall", query="dog at the veterinarian")
        assert found["memories"][0]["content"] == "Our puppy was vaccinated on Thursday."


def test_the_process_goes_when_its_input_closes(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Something.")
        assert wire.end() == 0


def test_the_process_goes_even_while_the_model_is_loading(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        assert wire.end() == 0


def test_termination_closes_the_store(tmp_path: Path) -> None:
    with Wire(tmp_path) as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Something.")
        wire.process.send_signal(signal.SIGTERM)
        wire.process.wait(timeout=10)
    assert (tmp_path / "memory.db").stat().st_size > 0
    assert not (tmp_path / "memory.db-wal").exists(), "the write-ahead log was not folded in"


@pytest.mark.skipif(sys.platform == "win32", reason="process groups of POSIX")
def test_the_process_goes_when_its_parent_is_killed_though_its_input_stays_open(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    script = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-m', 'mcp_memory'], stdin=0)\n"
        "print(child.pid, flush=True)\n"
        "child.wait()\n"
    )
    environment = {**os.environ, "MCP_MEMORY_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=reading, stdout=subprocess.PIPE, env=environment
    ) as parent:
        os.close(reading)
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        os.write(
            writing, json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}).encode() + b"\n"
        )
        assert json.loads(parent.stdout.readline())["id"] == 1
        parent.kill()
    try:
        wait_until_gone(child)
    finally:
        os.close(writing)


def wait_until_gone(pid: int) -> None:
    """Wait, bounded, for a process that is not a child of this one."""
    import psutil

    try:
        psutil.Process(pid).wait(timeout=5)
    except psutil.NoSuchProcess:
        return


def test_standard_output_carries_the_protocol_alone(tmp_path: Path) -> None:
    with Wire(tmp_path, MCP_MEMORY_LOG_LEVEL="DEBUG", quiet="yes") as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Something.")
        with pytest.raises(Refused):
            wire.tool("memory_forget", memory_id="mem_0000000000000000")
        assert wire.process.stdin is not None
        assert wire.process.stdout is not None
        wire.process.stdin.close()
        for line in wire.process.stdout:
            assert json.loads(line)["jsonrpc"] == "2.0"


def test_logs_never_hold_memory_text(tmp_path: Path) -> None:
    with Wire(tmp_path, MCP_MEMORY_LOG_LEVEL="INFO", quiet="yes") as wire:
        wire.handshake()
        wire.tool("memory_remember", content="The safe opens with xylophone-7.")
        wire.tool("memory_recall", query="xylophone-7")
        with pytest.raises(Refused):
            wire.tool("memory_remember", content="xylophone-7" * 20_000)
        assert wire.process.stdin is not None
        assert wire.process.stderr is not None
        wire.process.stdin.close()
        assert b"xylophone" not in wire.process.stderr.read()


def test_nothing_heavy_is_imported_before_the_handshake(tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        "import mcp_memory.cli\n"
        "from mcp_memory.settings import load_settings\n"
        "from mcp_memory.tools import stdio\n"
        "from mcp_memory.tools.server import Desk, build_server, catalogue\n"
        "load_settings(), build_server(Desk(stdio._memory)), catalogue()\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))\n"
    )
    environment = {**os.environ, "MCP_MEMORY_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    output = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert set(json.loads(output.stdout)) & HEAVY == set()


def test_a_second_start_without_any_network_works(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("network namespaces are not permitted here")
    for number in range(2):
        with Wire(tmp_path, command=[unshare, "-n", sys.executable, "-m", "mcp_memory"]) as wire:
            wire.handshake()
            wire.tool("memory_remember", content=f"The puppy visited the veterinarian, visit {number}.")
            found = wire.tool("memory_recall", query="dog at the doctor's")
            assert len(found["memories"]) == number + 1
            assert found["mode_used"] == "rag"


def test_with_a_corrupt_model_file_words_still_find_and_the_answer_says_so(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "mcp_memory", copy / "mcp_memory", ignore=shutil.ignore_patterns("__pycache__"))
    model = copy / "mcp_memory" / "embedding" / "minilm" / "model.onnx"
    damaged = bytearray(model.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    model.write_bytes(damaged)
    with Wire(tmp_path / "data", PYTHONPATH=str(copy)) as wire:
        wire.handshake()
        stored = wire.tool("memory_remember", content="ERR-77 means the token expired.")
        assert stored["embedding_state"] == "pending"
        found = wire.tool("memory_recall", query="ERR-77")
        assert found["memories"][0]["content"] == "ERR-77 means the token expired."
        assert found["mode_used"] == "keywords"
        assert "model.onnx" in found["degraded"]
    with Wire(tmp_path / "data") as wire:
        wire.handshake()
        found = wire.tool("memory_recall", query="an outdated credential")
        assert found["memories"][0]["content"] == "ERR-77 means the token expired."


@pytest.fixture
def small_disk(tmp_path: Path):
    """A file system of its own, of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(wire: Wire) -> None:
    """Remember more than the small disk holds."""
    for number in range(400):
        wire.tool("memory_remember", content=f"{number} " + "too much " * 2_000)


def test_on_a_full_disk_the_error_says_so_nothing_is_lost_and_the_process_lives(small_disk: Path) -> None:
    with Wire(small_disk) as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Written while there was room.")
        (small_disk / "ballast").write_bytes(b"x" * (shutil.disk_usage(small_disk).free))
        with pytest.raises(Refused, match="full"):
            fill(wire)
        assert "Written while there was room." in everything(wire)
        (small_disk / "ballast").unlink()
        wire.tool("memory_remember", content="Written when there was room again.")
        assert "Written when there was room again." in everything(wire)


def test_a_read_only_disk_is_read_and_a_write_says_why_not(small_disk: Path) -> None:
    with Wire(small_disk) as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Written while it could be.")
        wire.end()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with Wire(small_disk) as wire:
        wire.handshake()
        assert everything(wire) == {"Written while it could be."}
        with pytest.raises(Refused, match=r"nothing was written"):
            wire.tool("memory_remember", content="Cannot be.")
        wire.end()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with Wire(tmp_path / "file" / "data") as wire:
        wire.handshake()
        with pytest.raises(Refused, match=r"file/data"):
            wire.tool("memory_remember", content="Cannot be.")


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    letter = b"Dear diary, " * 1000
    (tmp_path / "memory.db").write_bytes(letter)
    with Wire(tmp_path) as wire:
        wire.handshake()
        with pytest.raises(Refused, match=r"memory\.db"):
            wire.tool("memory_remember", content="Cannot be.")
    assert (tmp_path / "memory.db").read_bytes() == letter


def test_a_database_from_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    import apsw

    with Wire(tmp_path) as wire:
        wire.handshake()
        wire.tool("memory_remember", content="Something.")
        wire.end()
    database = apsw.Connection(str(tmp_path / "memory.db"))
    database.execute("PRAGMA user_version = 9999")
    database.close()
    with Wire(tmp_path) as wire:
        wire.handshake()
        with pytest.raises(Refused, match="newer"):
            wire.tool("memory_remember", content="Cannot be.")


def test_a_wrong_setting_is_refused_by_name_at_start(tmp_path: Path) -> None:
    with Wire(tmp_path, MCP_MEMORY_DURABILITY="maybe", quiet="yes") as wire:
        assert wire.process.stderr is not None
        complaint = wire.process.stderr.read().decode()
        assert wire.process.wait(timeout=10) != 0
        assert "MCP_MEMORY_DURABILITY" in complaint
        assert "Traceback" not in complaint

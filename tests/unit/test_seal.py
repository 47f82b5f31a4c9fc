"""The seal on stored states, and the key it is made with."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from errno import EPERM
from pathlib import Path
from threading import Barrier
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.errors import StoreUnavailable
from mcp_memory.sandbox.seal import KEY_BYTES, Seal

STATE = b"a dump of everything"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return tmp_path / "data" / "environment.key"


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Seal:
    return Seal(tmp_path_factory.mktemp("lasting") / "environment.key")


def test_a_state_holds_for_whoever_has_the_key_file(key: Path) -> None:
    sealed = Seal(key).of("s", "monty 1", STATE)
    assert Seal(key).holds(sealed, "s", "monty 1", STATE)


def test_another_key_does_not_hold(key: Path, tmp_path: Path) -> None:
    sealed = Seal(key).of("s", "monty 1", STATE)
    assert not Seal(tmp_path / "elsewhere.key").holds(sealed, "s", "monty 1", STATE)


PARTS = st.tuples(st.text("ab", max_size=3), st.text("ab", max_size=3), st.binary(max_size=3))


@given(made=PARTS, asked=PARTS)
def test_a_seal_holds_for_the_same_session_engine_and_state_only(
    lasting: Seal, made: tuple[str, str, bytes], asked: tuple[str, str, bytes]
) -> None:
    assert lasting.holds(lasting.of(*made), *asked) == (made == asked)


@pytest.mark.parametrize("seal", [b"", b"x", b"\0" * 32])
def test_what_is_no_seal_of_ours_does_not_hold(lasting: Seal, seal: bytes) -> None:
    assert not lasting.holds(seal, "s", "monty 1", STATE)


@given(place=st.integers(0, 8 * len(STATE) - 1))
def test_one_changed_bit_of_the_state_breaks_the_seal(lasting: Seal, place: int) -> None:
    changed = bytearray(STATE)
    changed[place // 8] ^= 1 << place % 8
    assert not lasting.holds(lasting.of("s", "monty 1", STATE), "s", "monty 1", bytes(changed))


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_only_its_owner_may_read_the_key_and_nothing_else_is_left_beside_it(key: Path) -> None:
    Seal(key).of("s", "monty 1", STATE)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert list(key.parent.iterdir()) == [key]


SEALING = """
import sys
from pathlib import Path
from mcp_memory.sandbox.seal import Seal
print("ready", flush=True)
sys.stdin.readline()
print(Seal(Path(sys.argv[1])).of("s", "monty 1", b"state").hex())
"""


def test_of_eight_processes_at_once_all_get_the_same_key(key: Path) -> None:
    children = [
        subprocess.Popen(
            [sys.executable, "-c", SEALING, str(key)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("\n")
        child.stdin.flush()
    told = {child.communicate(timeout=60)[0].strip() for child in children}
    assert told == {Seal(key).of("s", "monty 1", b"state").hex()}
    assert list(key.parent.iterdir()) == [key]


def _no_links(*_: object) -> NoReturn:
    raise OSError(EPERM, "Operation not permitted")


def test_without_hard_links_all_get_the_same_key_too(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", _no_links)
    together = Barrier(8, timeout=60)

    def sealed(_: int) -> bytes:
        together.wait()
        return Seal(key).of("s", "monty 1", STATE)

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(sealed, range(8))) == {Seal(key).of("s", "monty 1", STATE)}
    assert list(key.parent.iterdir()) == [key]


def test_a_key_that_another_process_is_just_writing_is_waited_for(
    key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = bytes(range(KEY_BYTES))
    key.parent.mkdir()
    key.write_bytes(whole[:7])
    monkeypatch.setattr(time, "sleep", lambda _: key.write_bytes(whole))
    (tmp_path / "same.key").write_bytes(whole)
    assert Seal(key).of("s", "monty 1", STATE) == Seal(tmp_path / "same.key").of("s", "monty 1", STATE)


@pytest.mark.parametrize("size", [0, 5, KEY_BYTES + 1])
def test_a_key_of_the_wrong_size_is_told_and_left_alone_until_it_is_removed(key: Path, size: int) -> None:
    key.parent.mkdir()
    key.write_bytes(b"k" * size)
    seal = Seal(key)
    with pytest.raises(StoreUnavailable, match=f"environment.key is damaged: it has {size} bytes.*Remove the file"):
        seal.of("s", "monty 1", STATE)
    assert key.read_bytes() == b"k" * size
    key.unlink()
    assert seal.holds(seal.of("s", "monty 1", STATE), "s", "monty 1", STATE)


def file_instead_of_the_folder(key: Path) -> None:
    key.parent.write_text("in the way")


def folder_instead_of_the_key(key: Path) -> None:
    key.mkdir(parents=True)


def link_to_itself(key: Path) -> None:
    key.parent.mkdir()
    key.symlink_to(key)


def folder_nobody_may_enter(key: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may enter every folder")
    key.parent.mkdir(mode=0o000)


@pytest.mark.skipif(os.name != "posix", reason="links and modes are POSIX")
@pytest.mark.parametrize(
    "obstacle",
    [file_instead_of_the_folder, folder_instead_of_the_key, link_to_itself, folder_nobody_may_enter],
    ids=lambda one: one.__name__,
)
def test_a_key_that_cannot_be_read_or_made_is_told(key: Path, obstacle: object) -> None:
    assert callable(obstacle)
    obstacle(key)
    with pytest.raises(StoreUnavailable, match=r"environment\.key, cannot be read or made: .*MCP_MEMORY_DATA_DIR"):
        Seal(key).of("s", "monty 1", STATE)

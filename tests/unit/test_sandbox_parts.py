from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.errors import SandboxUnavailable
from mcp_memory.sandbox.base import Sandbox, SandboxLimits
from mcp_memory.sandbox.monty import MontySandbox, availability
from mcp_memory.sandbox.monty.driver import clean
from mcp_memory.sandbox.monty.hints import HINTS, hint_for
from mcp_memory.sandbox.monty.sink import PrintSink

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

# --- output


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(0, 30), st.integers(0, 30))
def test_what_is_kept_is_the_first_and_the_last_of_what_was_printed(texts: list[str], head: int, tail: int) -> None:
    sink = PrintSink(head, tail)
    for text in texts:
        sink("stdout", text)
    whole = "".join(texts)
    output, cut = sink.take()
    assert cut == max(0, len(whole) - head - tail)
    if cut:
        end = whole[len(whole) - tail :]
        assert output == f"{whole[:head]}\n… ({cut} characters left out) …\n{end}"
    else:
        assert output == whole


def test_a_sink_holds_no_more_than_it_keeps() -> None:
    sink = PrintSink(10, 20)
    for _ in range(10_000):
        sink("stdout", "x" * 7)
    sink("stderr", "y" * 1_000_000)
    assert sum(map(len, [*sink._head, *sink._tail])) <= 10 + 20 + 7


# --- data for the sandbox


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_clean_data_can_be_encoded_and_is_otherwise_the_same(value: Any) -> None:
    assert clean(value) == value
    repr(clean([value, "a\ud800"])).encode("utf-8")


@pytest.mark.parametrize("value", [object(), {"a": {1}}, [b"x"], {"a": Path("x")}])
def test_what_is_no_plain_data_does_not_go_in(value: Any) -> None:
    with pytest.raises(TypeError):
        clean(value)


# --- hints


def test_every_hint_is_a_whole_sentence() -> None:
    for hint in HINTS:
        assert hint.advice.lstrip("`")[0].isupper() or hint.advice[0] == "`", hint
        assert hint.advice.endswith("."), hint


def test_an_unknown_failure_has_no_hint() -> None:
    assert hint_for("ValueError", "the cup is empty") == ""


# --- availability


def test_the_binary_is_looked_for_where_packages_put_theirs_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / availability.BINARY
    other.write_bytes(b"")
    monkeypatch.setenv("MONTY_BIN", str(other))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert availability.find_binary() != other
    empty = tmp_path / "empty"
    monkeypatch.setattr(availability, "script_directories", lambda: [empty])
    with pytest.raises(SandboxUnavailable, match="empty"):
        availability.find_binary()


def missing(_name: str) -> Any:
    raise ModuleNotFoundError("No module named 'pydantic_monty'", name="pydantic_monty")


def incomplete(_name: str) -> Any:
    raise ModuleNotFoundError("No module named '_monty'", name="_monty")


def foreign(_name: str) -> Any:
    raise ImportError("wrong ELF class")


@pytest.mark.parametrize(
    ("load", "words"), [(missing, "not installed"), (incomplete, "incomplete"), (foreign, "wrong ELF class")]
)
async def test_an_engine_that_cannot_be_loaded_makes_the_sandbox_unavailable_and_says_why(
    monkeypatch: pytest.MonkeyPatch, load: Callable[[str], Any], words: str
) -> None:
    monkeypatch.setattr(availability, "import_module", load)
    sandbox = MontySandbox(SandboxLimits())
    with pytest.raises(SandboxUnavailable, match=words):
        await sandbox.start()
    with pytest.raises(SandboxUnavailable, match=words):
        async with sandbox.session():
            pass
    await sandbox.close()


@pytest.mark.skipif(os.name == "nt", reason="the worker is a shell script")
async def test_a_worker_that_does_not_work_makes_the_sandbox_unavailable(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    worker = tmp_path / availability.BINARY
    worker.write_text("#!/bin/sh\nexit 3\n")
    worker.chmod(0o755)
    monkeypatch.setattr(availability, "script_directories", lambda: [tmp_path])
    sandbox = MontySandbox(SandboxLimits())
    with pytest.raises(SandboxUnavailable, match="does not work here"):
        await sandbox.start()
    await sandbox.close()


def test_nothing_heavy_is_imported_before_the_sandbox_is_started() -> None:
    import subprocess
    import sys

    program = "import sys, mcp_memory.sandbox.monty\nprint('pydantic_monty' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=True, text=True)
    assert done.stdout == "False\n"


def test_the_sandbox_meets_its_protocol_and_reserves_its_names() -> None:
    sandbox: Sandbox = MontySandbox(SandboxLimits(), tool_names=["recall"])
    assert {"recall", "answer", "FINAL", "FINAL_VAR", "_mm"} <= sandbox.reserved
    assert "llm_query" not in sandbox.reserved

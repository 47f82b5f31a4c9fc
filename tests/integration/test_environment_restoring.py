"""What becomes of an environment whose stored state cannot be trusted or read, and returning to named states."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mcp_memory.core.environment.environments import EnvironmentPolicy
from mcp_memory.errors import InvalidRequest
from mcp_memory.models.environment import ContextCleanup
from mcp_memory.models.session import SessionEnd
from tests.support.environments import second, window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.environments import Window

pytestmark = pytest.mark.anyio

CHANGED_STATES = {
    "a byte": "UPDATE environment_states SET state = CAST(state || x'00' AS BLOB) WHERE session_id = ?",
    "all": "UPDATE environment_states SET state = x'4d4f4e545900' WHERE session_id = ?",
    "none": "UPDATE environment_states SET state = x'' WHERE session_id = ?",
    "another engine": "UPDATE environment_states SET engine = 'monty 99.0.0/99+99' WHERE session_id = ?",
    "another seal": "UPDATE environment_states SET seal = zeroblob(32) WHERE session_id = ?",
}


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Window]:
    async with window(tmp_path) as opened:
        yield opened


# A state that is not to be loaded


@pytest.mark.parametrize("change", CHANGED_STATES.values(), ids=CHANGED_STATES.keys())
async def test_a_changed_state_is_not_loaded_and_comes_back_from_json(desk: Window, change: str) -> None:
    await desk.run("notes = [{'n': 1}]\npair = (1, 2)\ndef f():\n    return 1")
    assert desk.change_database(change, desk.scope.session_id) == 1
    ran = await desk.run("notes[0]['n'] + pair[1]")
    assert ran.result == "3"
    assert ran.note is not None
    assert "notes" in ran.note
    assert "pair (was tuple, is list)" in ran.note
    assert "f (function)" in ran.note
    assert (await desk.run("f()")).error is not None
    told = await desk.status()
    assert told.metadata.restored
    assert told.variables == ["notes", "pair"]


async def test_once_rebuilt_the_environment_is_as_good_as_any(desk: Window) -> None:
    await desk.run("x = 1")
    desk.change_database(CHANGED_STATES["all"], desk.scope.session_id)
    assert (await desk.run("x = x + 1")).note is not None
    ran = await desk.run("x")
    assert (ran.note, ran.result) == (None, "2")


async def test_looking_at_a_changed_state_says_so_too(desk: Window) -> None:
    await desk.run("x = 1")
    desk.change_database(CHANGED_STATES["a byte"], desk.scope.session_id)
    seen = await desk.inspect(variable="x")
    assert (seen.preview, seen.note is not None) == ("1", True)


async def test_the_state_of_another_session_is_refused(desk: Window) -> None:
    await desk.run("whose = 'mine'")
    mine = desk.scope
    await desk.begin()
    await desk.run("whose = 'theirs'")
    for column in ("state", "seal", "engine"):
        desk.change_database(
            f"UPDATE environment_states SET {column} = "
            f"(SELECT {column} FROM environment_states WHERE session_id = ?) WHERE session_id = ?",
            desk.scope.session_id,
            mine.session_id,
        )
    desk.scope = mine
    ran = await desk.run("[whose]")
    assert ran.result == "['mine']"
    assert ran.note is not None


async def test_a_lost_key_costs_functions_but_no_values(desk: Window) -> None:
    await desk.run("x = [1]\ndef f():\n    return 1")
    desk.path.with_name("environment.key").unlink()
    async with second(desk) as other:
        ran = await other.run("x")
        assert ran.result == "[1]"
        assert ran.note is not None


# Checkpoints


async def test_a_named_state_can_be_returned_to(desk: Window) -> None:
    await desk.run("x = 1\ndef f():\n    return x")
    kept = await desk.checkpoint(name="before")
    assert (kept.checkpoint, kept.restored, kept.variable_count) == ("before", False, 2)
    await desk.run("x = 2\ny = 3")
    back = await desk.checkpoint(restore="before")
    assert (back.checkpoint, back.restored, back.variable_count) == ("before", True, 2)
    assert back.revision > kept.revision
    assert await desk.value("f()") == "1"
    assert (await desk.run("y")).error is not None


async def test_a_checkpoint_without_a_name_gets_one_that_can_be_returned_to(desk: Window) -> None:
    await desk.run("x = 1")
    kept = await desk.checkpoint()
    assert kept.checkpoint == f"r{kept.revision}"
    await desk.run("x = 2")
    await desk.checkpoint(restore=kept.checkpoint)
    assert await desk.value("x") == "1"


async def test_checkpoints_count_into_what_a_workspace_may_hold(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_workspace_bytes=120_000)) as desk:
        await desk.run("x = 'a' * 10_000")
        with pytest.raises(InvalidRequest, match="context cleanup"):
            await desk.checkpoint(name="one too many")
        assert await desk.value("len(x)") == "10000"


async def test_another_window_sees_a_return_at_once(desk: Window) -> None:
    await desk.run("x = 1")
    await desk.checkpoint(name="one")
    await desk.run("x = 2")
    async with second(desk) as other:
        assert await other.value("x") == "2"
        await desk.checkpoint(restore="one")
        assert await other.value("x") == "1"


async def test_an_unknown_checkpoint_is_refused_with_those_there_are(desk: Window) -> None:
    with pytest.raises(InvalidRequest, match="no environment"):
        await desk.checkpoint()
    await desk.run("x = 1")
    await desk.checkpoint(name="one")
    with pytest.raises(InvalidRequest, match="'one'"):
        await desk.checkpoint(restore="two")
    with pytest.raises(InvalidRequest, match="not both"):
        await desk.checkpoint(name="two", restore="one")


async def test_an_environment_keeps_only_so_many_checkpoints(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_checkpoints=2)) as desk:
        await desk.run("x = 1")
        await desk.checkpoint(name="one")
        await desk.checkpoint(name="two")
        with pytest.raises(InvalidRequest, match="checkpoints"):
            await desk.checkpoint(name="three")
        await desk.run("x = 2")
        await desk.checkpoint(name="one")
        await desk.run("x = 3")
        await desk.checkpoint(restore="one")
        assert await desk.value("x") == "2"


# The end


async def test_cleanup_removes_everything_and_the_session_goes_on(desk: Window) -> None:
    await desk.run("x = 1")
    await desk.checkpoint(name="one")
    cleaned = await desk.memory.context_cleanup(ContextCleanup(), desk.scope)
    assert cleaned.existed
    told = await desk.status()
    assert (told.exists, told.checkpoints) == (False, [])
    assert (await desk.run("x")).error is not None
    assert await desk.value("1 + 1") == "2"


async def test_cleanup_of_nothing_is_no_error(desk: Window) -> None:
    assert not (await desk.memory.context_cleanup(ContextCleanup(), desk.scope)).existed


async def test_a_session_that_ends_while_code_runs_keeps_nothing(desk: Window) -> None:
    async with second(desk) as other:
        await desk.run("x = 1")
        await other.memory.end_session(SessionEnd(), other.scope)
        with pytest.raises(InvalidRequest, match="ended"):
            await desk.run("x = 2")
        assert await desk.memory.resources.store.environment(desk.scope.session_id) is None

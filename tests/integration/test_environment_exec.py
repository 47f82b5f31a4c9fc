"""Running code in the environment: what stays, what is told, and what happens at the limits."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from mcp_memory.core.environment.desk import may_bind
from mcp_memory.core.environment.environments import MIB, EnvironmentPolicy, Environments
from mcp_memory.core.memory import Memory
from mcp_memory.errors import InvalidRequest, SandboxUnavailable
from mcp_memory.models.environment import ContextExec
from mcp_memory.models.recall import Recall
from mcp_memory.models.session import SessionEnd
from tests.support.environments import QUICK, second, window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.environments import Window

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Window]:
    async with window(tmp_path) as opened:
        yield opened


# What stays


async def test_variables_functions_and_imports_live_from_call_to_call(desk: Window) -> None:
    await desk.run("import json\nfrom collections import Counter\nseen = Counter('abca')\ndef most():\n    return seen")
    assert await desk.value("json.loads(json.dumps(most().most_common(1)))") == "[['a', 2]]"


async def test_what_a_function_closes_over_lives_too(desk: Window) -> None:
    await desk.run(
        "def maker():\n    n = 0\n    def more():\n        nonlocal n\n        n += 1\n        return n\n"
        "    return more"
    )
    await desk.run("more = maker()")
    assert [await desk.value("more()") for _ in range(3)] == ["1", "2", "3"]


async def test_a_change_that_json_does_not_show_is_kept(desk: Window) -> None:
    await desk.run("pair = [(1, 2)]")
    await desk.run("pair[0] = list(pair[0])")
    assert await desk.value("[type(one).__name__ for one in pair]") == "['list']"


async def test_names_that_begin_with_an_underscore_are_kept(desk: Window) -> None:
    await desk.run("_hidden = 5")
    assert await desk.value("_hidden") == "5"


async def test_the_value_of_the_last_expression_is_the_result_and_prints_are_the_output(desk: Window) -> None:
    ran = await desk.run("print('counting')\n[1, 2, 3]")
    assert (ran.success, ran.output, ran.result) == (True, "counting\n", "[1, 2, 3]")
    assert (await desk.run("x = 1")).result is None
    assert (await desk.run("None")).result is None


async def test_a_result_that_is_not_wanted_is_left_out_and_can_be_kept_under_a_name(desk: Window) -> None:
    ran = await desk.run("6 * 7", return_result=False, result_var="product")
    assert ran.result is None
    assert ran.variables_changed == ["product"]
    assert await desk.value("product") == "42"


async def test_a_long_result_is_cut_to_what_was_asked_for(desk: Window) -> None:
    ran = await desk.run("'ab' * 5000", max_return_chars=100)
    assert ran.result is not None
    assert len(ran.result) < 200


async def test_names_that_are_new_or_another_are_told(desk: Window) -> None:
    assert (await desk.run("a = 1\nb = [1]\ndef f():\n    return 1")).variables_changed == ["a", "b", "f"]
    assert (await desk.run("len(b) + a")).variables_changed == []
    assert (await desk.run("b.append(2)")).variables_changed == ["b"]
    assert (await desk.run("a = '1'")).variables_changed == ["a"]
    assert (await desk.run("def f():\n    return 2")).variables_changed == ["f"]


async def test_an_exception_keeps_what_was_assigned_before_it(desk: Window) -> None:
    ran = await desk.run("kept = 1\nkept / 0\nlater = 2")
    assert ran.error is not None
    assert (ran.error.type, ran.error.line, ran.error.rolled_back) == ("ZeroDivisionError", 2, False)
    assert ran.variables_changed == ["kept"]
    assert await desk.value("kept") == "1"


async def test_a_syntax_error_is_told_with_its_line_and_runs_nothing(desk: Window) -> None:
    ran = await desk.run("made = 1\nfor x in:\n    pass")
    assert ran.error is not None
    assert (ran.error.type, ran.error.line) == ("SyntaxError", 2)
    assert (await desk.run("made")).error is not None


async def test_calls_are_counted_and_reading_writes_no_state(desk: Window) -> None:
    await desk.run("notes = ['a'] * 1000")
    before = await desk.memory.resources.store.environment(desk.scope.session_id)
    await desk.value("len([n for n in notes if n == 'a'])")
    after = await desk.memory.resources.store.environment(desk.scope.session_id)
    assert before is not None
    assert after is not None
    assert after.state == before.state
    assert after.environment.exec_count == 2
    assert after.environment.last_exec_at is not None


async def test_code_of_as_many_blank_lines_as_are_allowed_runs(desk: Window) -> None:
    assert await desk.value("\n" * 63_000 + "1 + 1") == "2"
    assert await desk.value("(" * 50 + " " * 60_000 + "1" + ")" * 50) == "1"


@pytest.mark.parametrize(
    "code",
    [
        *(
            "x = 1",
            "x += 1",
            "if (x := 1): pass",
            "x[0] = 1",
            "x.append(1)",
            "x . sort()",
            "def f(): pass",
            "import re",
        ),
        *("f(a=1); x = 2", "x=1", "import re", "d.setdefault(1, 2)", "x.appendleft(1)", "x.popitem()", "eval('x')"),
    ],
)
def test_code_that_may_change_what_json_does_not_show_is_seen(code: str) -> None:
    assert may_bind(code)


@pytest.mark.parametrize(
    "code",
    [
        *("len(notes)", "sorted(notes, key=lambda n: n['id'], reverse=True)[0]", "[n for n in notes if n['x'] == 1]"),
        *("recall('x', limit=5)", "print(notes, end='')", "max(notes,\n    key=lambda n: n['a'] >= 1)"),
    ],
)
def test_code_that_only_reads_is_seen(code: str) -> None:
    assert not may_bind(code)


# Limits


async def test_a_limit_leaves_the_variables_as_they_were_and_says_so(tmp_path: Path) -> None:
    async with window(tmp_path, limits=QUICK) as desk:
        await desk.run("x = 1")
        ran = await desk.run("x = 2\nprint('begun')\nwhile True:\n    pass")
        assert ran.error is not None
        assert ran.error.rolled_back
        assert "rolled back" in str(ran.error)
        assert (ran.success, ran.output, ran.variables_changed) == (False, "begun\n", [])
        assert await desk.value("x") == "1"


async def test_too_much_memory_leaves_the_variables_as_they_were(desk: Window) -> None:
    await desk.run("x = 1")
    ran = await desk.run("x = [0] * 10**9")
    assert ran.error is not None
    assert ran.error.type == "MemoryError"
    assert await desk.value("x") == "1"


async def test_too_many_variables_are_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_variables=3)) as desk:
        await desk.run("a = b = c = 1")
        ran = await desk.run("a = 2\nd = 1\nprint('ran')")
        assert ran.error is not None
        assert (ran.error.type, ran.error.rolled_back, ran.output) == ("LimitExceeded", True, "ran\n")
        assert "4 variables" in ran.error.message
        assert await desk.value("a") == "1"
        with pytest.raises(InvalidRequest, match="4 variables"):
            await desk.inject("d", 1)


async def test_more_than_an_environment_may_hold_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_bytes=MIB)) as desk:
        await desk.run("a = 'small'")
        for code in ("a = 'x' * 2_000_000", "a = set(str(n) * 4 for n in range(100_000))"):
            ran = await desk.run(code)
            assert ran.error is not None
            assert ran.error.type == "LimitExceeded"
        assert await desk.value("[a]") == "['small']"


async def test_a_variable_that_cannot_be_written_out_does_no_harm(desk: Window) -> None:
    await desk.run("x = 1")
    ran = await desk.run("x = 2\nbomb = ['b']\nfor _ in range(40):\n    bomb = [bomb, bomb]")
    if ran.error is not None:
        assert ran.error.rolled_back
    assert await desk.value("x") == ("1" if ran.error else "2")


async def test_a_cancelled_call_leaves_the_variables_as_they_were(tmp_path: Path) -> None:
    async with window(tmp_path) as desk:
        await desk.run("x = 1")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(desk.run("x = 2\nwhile True:\n    pass"), timeout=0.3)
        assert await desk.value("x") == "1"


# Names


@pytest.mark.parametrize("name", ["recall", "llm_query", "FINAL", "answer"])
async def test_a_result_cannot_take_a_name_of_the_sandbox(desk: Window, name: str) -> None:
    with pytest.raises(InvalidRequest, match=name):
        await desk.run("1", result_var=name)


@pytest.mark.parametrize("name", ["two words", "for", "match", "1st", "a-b", "é", "x" * 65, "__class__"])
async def test_a_result_needs_a_python_name(name: str) -> None:
    with pytest.raises(ValidationError):
        ContextExec(code="1", result_var=name)


async def test_code_that_shadows_a_tool_has_it_back_in_the_next_call(desk: Window) -> None:
    await desk.run("recall = 5")
    assert await desk.value("recall('anything')") == "[]"


# Sessions


async def test_sessions_see_nothing_of_each_other(desk: Window) -> None:
    await desk.run("secret = 'mine'")
    await desk.begin()
    ran = await desk.run("secret")
    assert ran.error is not None
    assert ran.error.type == "NameError"


async def test_without_a_session_the_call_says_how_to_begin_one(desk: Window) -> None:
    desk.scope = replace(desk.scope, session_id="")
    with pytest.raises(InvalidRequest, match="memory_session_start"):
        await desk.run("1")


async def test_a_session_of_another_workspace_is_refused(desk: Window) -> None:
    desk.scope = replace(desk.scope, workspace_id="elsewhere")
    with pytest.raises(InvalidRequest, match="'desk'"):
        await desk.run("1")


async def test_the_end_of_a_session_removes_its_environment(desk: Window) -> None:
    await desk.run("x = 1")
    await desk.memory.end_session(SessionEnd(), desk.scope)
    assert await desk.memory.resources.store.environment(desk.scope.session_id) is None
    with pytest.raises(InvalidRequest, match="ended"):
        await desk.run("x")


async def test_a_workspace_holds_only_so_many_environments(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_environments=1)) as desk:
        await desk.run("x = 1")
        first = desk.scope
        await desk.begin()
        with pytest.raises(InvalidRequest, match="environments"):
            await desk.run("x = 1")
        desk.scope = first
        assert await desk.value("x") == "1"


async def test_without_a_sandbox_code_is_refused_and_status_says_why(tmp_path: Path) -> None:
    async with window(tmp_path) as desk:
        bare = Memory(desk.memory.resources, desk.scope, None, Environments())
        with pytest.raises(SandboxUnavailable):
            await bare.context_exec(ContextExec(code="1"))


# At the same time


async def test_eight_calls_at_once_all_take_effect(desk: Window) -> None:
    await desk.run("counter = 0")
    await asyncio.gather(*[desk.run("counter += 1") for _ in range(8)])
    assert await desk.value("counter") == "8"


async def test_two_windows_at_once_lose_nothing(desk: Window) -> None:
    await desk.run("seen = []")
    async with second(desk) as other:
        await asyncio.gather(desk.run("seen.append('one')"), other.run("seen.append('two')"))
        assert await desk.value("sorted(seen)") == await other.value("sorted(seen)") == "['one', 'two']"


async def test_code_that_spins_delays_neither_a_recall_nor_another_session(tmp_path: Path) -> None:
    async with window(tmp_path, limits=QUICK) as desk:
        await desk.remember("The deploy key is rotated on Fridays.")
        await desk.run("x = 1")
        order: list[str] = []
        spinning = asyncio.create_task(desk.run("while True:\n    pass"))
        spinning.add_done_callback(lambda _: order.append("spin"))
        await desk.begin()
        assert await desk.value("1 + 1") == "2"
        order.append("exec")
        assert (await desk.memory.recall(Recall(query="deploy key"), desk.scope)).memories
        order.append("recall")
        await spinning
        assert order == ["exec", "recall", "spin"]

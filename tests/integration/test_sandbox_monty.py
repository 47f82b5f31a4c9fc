"""The sandbox over real worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from mcp_memory.errors import InvalidRequest, SandboxUnavailable
from mcp_memory.sandbox.base import MIB, Ran, SandboxFailed, SandboxLimits, ToolError
from mcp_memory.sandbox.monty import MontySandbox
from mcp_memory.sandbox.monty.inside import POLYFILLS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp_memory.sandbox.base import Failure, SandboxSession

pytestmark = pytest.mark.anyio

LIMITS = SandboxLimits(run_seconds=1.0, wall_seconds=20.0, memory_bytes=64 * MIB, host_calls=10,
                       output_head=100, output_tail=50)  # fmt: skip


@pytest.fixture
async def sandbox(anyio_backend: str) -> AsyncIterator[MontySandbox]:
    made = MontySandbox(LIMITS, workers=2)
    try:
        yield made
    finally:
        await made.close()


async def recall(query: str, limit: int = 20) -> list[dict[str, Any]]:
    return [{"content": query, "limit": limit}]


async def llm_query(prompt: str) -> str:
    raise ToolError("no model is configured")


async def rlm_query(prompt: str) -> str:
    raise RuntimeError("secret in /home/someone/.key")


TOOLS = {"recall": recall, "llm_query": llm_query, "rlm_query": rlm_query}


async def run(sandbox: MontySandbox, code: str, **options: Any) -> Ran:
    async with sandbox.session() as session:
        return await session.run(code, TOOLS, **options)


async def failure(sandbox: MontySandbox, code: str) -> Failure:
    ran = await run(sandbox, code)
    assert ran.failure is not None, ran
    return ran.failure


# --- results and output


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("1 + 1", "2"),
        ("x = 5\nx * 2", "10"),
        ("x = 5; x", "5"),
        ("'plain text'", "plain text"),
        ("['text']", "['text']"),
        ("None", None),
        ("x = 1", None),
        ("if True:\n    7", None),
        ("(1,)", "(1,)"),
        ("{'a': {1}}", "{'a': {1}}"),
        ("[\n 1,\n 2]", "[1, 2]"),
        ("# only a comment", None),
        ("", None),
        ("'''a\nb'''", "a\nb"),
        ("x = []\nx.append(x)\nx", "[[[[[[[…]]]]]]]"),
        ("from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\nP([1])", "P(a=[1])"),
        ("10 ** 5000", "<int>"),
        ("set()", "set()"),
        ("frozenset([1])", "frozenset([1])"),
        (
            "from collections import Counter, deque, defaultdict\n[Counter('aa'), deque([1]), defaultdict(int)]",
            "[Counter({'a': 2}), deque([1]), defaultdict({})]",
        ),
        ("from collections import namedtuple\nP = namedtuple('P', 'a b')\nP(1, 'x')", "P(a=1, b='x')"),
        ("{'a': 1}.items()", "dict_items([('a', 1)])"),
        ("[1, 'two', 3.0, b'4', (5, 6)]", "[1, 'two', 3.0, b'4', (5, 6)]"),
        ("{1: {2: {3: {4: {5: {6: {7: 8}}}}}}}", "{1: {2: {3: {4: {5: {6: {…}}}}}}}"),
        ("list(range(60))", f"{str(list(range(50)))[:-1]}, … (10 more)]"),
        ("list(range(60))[55:]", "[55, 56, 57, 58, 59]"),
        ("async def f():\n    return 3\nawait f()", "3"),
    ],
)
async def test_the_last_expression_is_the_result(sandbox: MontySandbox, code: str, result: str | None) -> None:
    ran = await run(sandbox, code)
    assert (ran.result, ran.failure) == (result, None)


async def test_a_long_result_is_cut_to_its_room(sandbox: MontySandbox) -> None:
    ran = await run(sandbox, "'x' * 5000", result_chars=100)
    assert ran.result is not None
    assert len(ran.result) == 100
    assert ran.result.endswith("more characters)")
    ran = await run(sandbox, "list(range(1000))", result_chars=100)
    assert ran.result is not None
    assert len(ran.result) <= 100


async def test_a_result_is_kept_under_a_name_unless_it_is_none(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("x = [1]\nx", {}, result_var="kept")
        await session.run("None", {}, result_var="empty")
        assert (await session.run("kept is x", {})).result == "True"
        assert [one.name for one in await session.variables()] == ["kept", "x"]


async def test_printed_output_keeps_its_head_and_tail(sandbox: MontySandbox) -> None:
    ran = await run(sandbox, "print('a' * 90)\nfor i in range(10000): print('b' * 100)\nprint('end')")
    assert ran.output.startswith("a" * 90 + "\n")
    assert ran.output.endswith("end\n")
    assert ran.output_cut == 91 + 10000 * 101 + 4 - 150
    assert len(ran.output) < 300
    assert ran.failure is None


async def test_a_flood_of_output_costs_this_process_no_memory(sandbox: MontySandbox) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    ran = await run(sandbox, "s = 'x' * 1_000_000\nwhile True: print(s)")
    assert ran.failure is not None
    assert ran.failure.type == "TimeoutError"
    assert ran.output_cut > 10_000_000
    assert process.memory_info().rss - before < 64 * MIB


async def test_nothing_printed_reaches_the_streams_of_this_process() -> None:
    program = (
        "import asyncio\n"
        "from mcp_memory.sandbox.base import SandboxLimits\n"
        "from mcp_memory.sandbox.monty import MontySandbox\n"
        "async def main():\n"
        "    sandbox = MontySandbox(SandboxLimits())\n"
        "    async with sandbox.session() as session:\n"
        "        await session.run('import sys\\nprint(1)\\nprint(2, file=sys.stderr)\\nclass A:\\n"
        "    def __repr__(self):\\n        print(3)\\n        return str(4)\\na = A()\\na', {})\n"
        "        await session.variables(10)\n"
        "    await sandbox.close()\n"
        "asyncio.run(main())\n"
    )
    done = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program], capture_output=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_a_variable_that_prints_when_it_is_shown_breaks_nothing(sandbox: MontySandbox) -> None:
    code = "class A:\n    def __repr__(self):\n        print('5:forge3:int1:10:0:0:')\n        return 'A!'\na = A()\na"
    async with sandbox.session() as session:
        assert await session.run(code, {}) == Ran(result="A!")
        assert [one.preview for one in await session.variables(100)] == ["<class 'A'>", "A!"]


# --- failures


async def test_a_failure_names_line_message_and_the_given_code(sandbox: MontySandbox) -> None:
    found = await failure(sandbox, "def half(n):\n    return 1 / n\n\nx = [1]\nhalf(\n    0)")
    assert (found.type, found.message, found.line, found.fatal) == ("ZeroDivisionError", "division by zero", 2, False)
    assert found.traceback == "line 5, in <module>: half(\nline 2, in half: return 1 / n"


async def test_the_value_kept_does_not_show_in_a_traceback(sandbox: MontySandbox) -> None:
    found = await failure(sandbox, "x = {}\nx['missing']")
    assert found.traceback == "line 2, in <module>: x['missing']"
    assert "_mm" not in found.traceback + found.message


@pytest.mark.parametrize(
    ("code", "type_name", "hint"),
    [
        ("x = 1\ndel x", "SyntaxError", "d.pop(key)"),
        ("def f():\n    yield 1", "SyntaxError", "build a list"),
        ("class A(Exception): pass", "SyntaxError", "cannot inherit"),
        ("class A:\n    @property\n    def x(self): return 1", "SyntaxError", "plain method"),
        ("import numpy as np", "ModuleNotFoundError", "plain Python"),
        ("import requests", "ModuleNotFoundError", "no network"),
        ("import difflib", "ModuleNotFoundError", "sets of words"),
        ("from collections import OrderedDict", "ImportError", "keeps its order"),
        ("import re\nre.sub('a', lambda m: 'b', 'a')", "TypeError", "finditer"),
        ("import json\njson.dumps({}, default=str)", "TypeError", "convert the values first"),
        ("sorted(['a'], key=str.lower)", "AttributeError", "lambda"),
        ("d = {'a': 1}\nmax(d, key=d.get)", "AttributeError", "lambda"),
        ("from datetime import datetime\ndatetime.utcnow()", "AttributeError", "timezone.utc"),
        ("globals()", "NameError", "locals()"),
        ("open('/etc/passwd')", "PermissionError", "no files"),
        ("import os\nos.environ['HOME']", "RuntimeError", "no operating system"),
        ("await recall('x')", "TypeError", "without `await`"),
        ("sorted(['a'], key=recall)", "NotImplementedError", "list comprehension"),
        ("llm_query_batched(['a'])", "NameError", "not offered"),
        ("def f(n): return f(n)\nf(1)", "RecursionError", "loop"),
        ("x = (1,", "SyntaxError", ""),
        ("import string\nstring.Template('a')", "AttributeError", "in part"),
    ],
)
async def test_what_the_sandbox_lacks_fails_clearly_with_advice(
    sandbox: MontySandbox, code: str, type_name: str, hint: str
) -> None:
    found = await failure(sandbox, code)
    assert found.type == type_name
    assert hint in found.hint
    assert not found.fatal
    assert found.line is not None


async def test_a_huge_message_is_cut(sandbox: MontySandbox) -> None:
    found = await failure(sandbox, "raise ValueError('x' * 5_000_000)")
    assert (found.type, len(found.message)) == ("ValueError", 2000)


async def test_assignments_before_an_ordinary_failure_stay(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        assert (await session.run("x = 1\n1 / 0\nx = 2", {})).failure is not None
        assert (await session.run("x", {})).result == "1"


# --- limits


@pytest.mark.parametrize(
    ("code", "type_name", "words"),
    [
        ("while True: pass", "TimeoutError", "1 s"),
        ("try:\n    while True: pass\nexcept BaseException: pass", "TimeoutError", "1 s"),
        ("x = []\nwhile True: x.append('a' * 1000)", "MemoryError", "64 MiB"),
        ("x = [0] * 10 ** 9", "MemoryError", "64 MiB"),
        ("9 ** 9 ** 9", "MemoryError", "64 MiB"),
        ("import math\nmath.lcm(*range(1, 300_000))", "TimeoutError", "1 s"),
        ("while True:\n    try: recall('x')\n    except Exception: pass", "RuntimeError", "10 host calls"),
        ("while True:\n    try: nothing_of_this_name\n    except Exception: pass", "RuntimeError", "10 host calls"),
    ],
)
async def test_a_limit_ends_the_session_and_says_which_it_was(
    sandbox: MontySandbox, code: str, type_name: str, words: str
) -> None:
    async with sandbox.session() as session:
        ran = await session.run(code, TOOLS)
        assert ran.failure is not None
        assert (ran.failure.type, ran.failure.fatal) == (type_name, True)
        assert words in ran.failure.message
        with pytest.raises(SandboxFailed):
            await session.run("1", {})
        with pytest.raises(SandboxFailed):
            await session.variables()
        with pytest.raises(SandboxFailed):
            await session.dump()
    assert (await run(sandbox, "1 + 1")).result == "2"


async def test_a_shared_reference_bomb_as_a_result_costs_nothing(sandbox: MontySandbox) -> None:
    ran = await run(sandbox, "x = ['deep']\nfor i in range(60): x = [x, x]\nx", result_chars=500)
    assert ran.failure is None
    assert ran.result is not None
    assert len(ran.result) <= 500


async def test_a_shared_reference_bomb_in_a_variable_ends_the_session(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("x = {}\nfor i in range(60): x = {'a': x, 'b': x}", {})
        with pytest.raises(SandboxFailed) as failed:
            await session.variables()
        assert failed.value.failure.fatal
        assert failed.value.failure.type in ("TimeoutError", "MemoryError")


async def test_sleeping_takes_no_time(sandbox: MontySandbox) -> None:
    assert (await run(sandbox, "import time\ntime.sleep(3600)\n1")).failure is None


async def test_a_run_that_waits_too_long_for_its_tools_is_ended() -> None:
    sandbox = MontySandbox(SandboxLimits(wall_seconds=1.0))
    waiting = asyncio.Event()

    async def never(query: str) -> None:
        await waiting.wait()

    try:
        async with sandbox.session() as session:
            ran = await session.run("print('before')\nrecall('x')", {"recall": never})
            assert ran.failure is not None
            assert (ran.failure.type, ran.failure.fatal, ran.output) == ("TimeoutError", True, "before\n")
            assert "the 1 s" in ran.failure.message
        async with sandbox.session() as session:
            assert (await session.run("1", {})).result == "1"
    finally:
        await sandbox.close()


async def test_a_cancelled_run_ends_its_process(sandbox: MontySandbox) -> None:
    started = asyncio.Event()

    async def tell(query: str) -> None:
        started.set()

    async def spin() -> None:
        async with sandbox.session() as session:
            await session.run("recall('x')\nwhile True: pass", {"recall": tell})

    await sandbox.start()
    task = asyncio.create_task(spin())
    await asyncio.wait_for(started.wait(), 10)
    busy = workers()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gone, _alive = await asyncio.to_thread(psutil.wait_procs, busy, 10)
    assert gone
    assert (await run(sandbox, "1")).result == "1"


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "monty" in child.name()]


async def test_closing_ends_every_process() -> None:
    sandbox = MontySandbox(LIMITS)
    async with sandbox.session() as session:
        await session.run("1", {})
        running = workers()
        assert running
        await sandbox.close()
    _gone, alive = await asyncio.to_thread(psutil.wait_procs, running, 10)
    assert not alive
    with pytest.raises(SandboxUnavailable):
        await sandbox.start()


async def test_others_are_served_while_one_spins() -> None:
    sandbox = MontySandbox(SandboxLimits(run_seconds=60), workers=2)
    try:
        async with sandbox.session() as session:
            spinning = asyncio.create_task(session.run("while True: pass", {}))
            assert (await run(sandbox, "1 + 1")).result == "2"
            assert not spinning.done()
            spinning.cancel()
            with pytest.raises(asyncio.CancelledError):
                await spinning
    finally:
        await sandbox.close()


async def test_when_all_workers_are_taken_a_call_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mcp_memory.sandbox.monty.pool.CHECKOUT_SECONDS", 0.05)
    sandbox = MontySandbox(LIMITS, workers=1)
    try:
        async with sandbox.session():
            with pytest.raises(SandboxUnavailable, match="busy"):
                async with sandbox.session():
                    pass
    finally:
        await sandbox.close()


# --- tools


async def test_a_tool_answers_as_if_it_were_synchronous(sandbox: MontySandbox) -> None:
    ran = await run(sandbox, "found = recall('tea', limit=3)\nfound[0]['content'].upper() + str(found[0]['limit'])")
    assert ran.result == "TEA3"


async def test_a_tools_own_error_becomes_one_the_code_can_catch(sandbox: MontySandbox) -> None:
    ran = await run(sandbox, "try:\n    llm_query('x')\nexcept RuntimeError as e:\n    said = str(e)\nsaid")
    assert ran.result == "no model is configured"


async def test_an_unforeseen_error_of_a_tool_tells_the_code_nothing(sandbox: MontySandbox) -> None:
    found = await failure(sandbox, "rlm_query('x')")
    assert (found.type, found.message) == ("RuntimeError", "the tool failed")
    assert "secret" not in str(found)


@pytest.mark.parametrize("call", ["recall()", "recall('a', 1, 2)", "recall('a', lmit=3)"])
async def test_a_tool_called_wrongly_says_how_it_is_called(sandbox: MontySandbox, call: str) -> None:
    found = await failure(sandbox, call)
    assert found.type == "TypeError"
    assert found.message.endswith("call it as recall(query, limit=20)")


async def test_hiding_a_tool_lasts_for_one_run(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        assert (await session.run("recall = 5\nrecall", TOOLS)).result == "5"
        assert (await session.run("recall('x')[0]['content']", TOOLS)).result == "x"
        assert await session.variables() == []


async def test_a_tool_that_is_no_longer_offered_is_unknown(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("ask = recall", TOOLS)
        state = await session.dump()
    async with sandbox.session(state) as session:
        ran = await session.run("ask('x')", {})
        assert ran.failure is not None
        assert ran.failure.type == "NameError"
        assert (await session.run("ask('x')[0]['content']", TOOLS)).result == "x"


async def test_calls_beyond_the_allowed_number_are_refused_in_the_code(sandbox: MontySandbox) -> None:
    code = "done = 0\ntry:\n    while True:\n        recall('x')\n        done += 1\nexcept RuntimeError: pass\ndone"
    async with sandbox.session() as session:
        assert (await session.run(code, TOOLS)).result == "10"
        assert (await session.run(code, TOOLS)).result == "10"


async def test_what_a_tool_returns_must_be_plain_data(sandbox: MontySandbox) -> None:
    async def odd(query: str) -> Any:
        return {"path": object()}

    async def surrogate(query: str) -> Any:
        return ["a\ud800b"]

    async with sandbox.session() as session:
        ran = await session.run("recall('x')", {"recall": odd})
        assert ran.failure is not None
        assert ran.failure.message == "the tool failed"
        assert (await session.run("recall('x')[0]", {"recall": surrogate})).result == "a?b"


async def test_arguments_reach_a_tool_as_the_code_gave_them(sandbox: MontySandbox) -> None:
    seen: list[Any] = []

    async def look(*args: Any, **named: Any) -> None:
        seen.append((args, named))

    async with sandbox.session() as session:
        await session.run("recall(1, [None, {'a': 2.5}], key='é\ud83d')", {"recall": look})
    assert seen == [((1, [None, {"a": 2.5}]), {"key": "é?"})]


# --- variables


async def test_variables_are_described(sandbox: MontySandbox) -> None:
    code = (
        "import json, math\nfrom collections import Counter, defaultdict\nimport statistics\n"
        "from statistics import mean\nfrom datetime import datetime\n"
        "text = 'héllo'\nrows = [{'a': 1}, {'a': 2}]\npairs = {(1, 2): 3}\nnothing = None\n"
        "def add(a): return a\nclass Box: pass\nbox = Box()\ncount = Counter('aab')\nf = lambda: 1"
    )
    async with sandbox.session() as session:
        assert (await session.run(code, TOOLS)).failure is None
        found = {one.name: one for one in await session.variables(30)}
    assert {name: one.type for name, one in found.items()} == {
        "Box": "class", "add": "function", "box": "Box", "count": "Counter", "f": "function", "nothing": "NoneType",
        "pairs": "dict", "rows": "list", "text": "str",
    }  # fmt: skip
    assert (found["text"].size, found["text"].length, found["text"].preview) == (8, 5, "héllo")
    assert (found["rows"].size, found["rows"].length) == (20, 2)
    assert found["rows"].preview == "[{'a': 1}, {'a': 2}]"
    assert len(found["rows"].digest) == 64
    assert (found["pairs"].digest, found["pairs"].length) == ("", 1)
    assert found["pairs"].size > 0
    assert found["count"].digest
    assert found["box"].digest == found["add"].digest == found["Box"].digest == ""


async def test_a_digest_changes_with_the_value_and_only_with_it(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.put("a", '[1, {"b": "x"}]')
        await session.put("b", '[1, {"b": "x"}]')
        one, two = await session.variables()
        assert one.digest == two.digest
        state = await session.dump()
        await session.run("a[1]['b'] = 'y'", {})
        changed = await session.variable("a", 0)
        assert changed is not None
        assert changed.digest != one.digest
    async with sandbox.session(state) as session:
        again = await session.variable("a", 0)
        assert again is not None
        assert again.digest == one.digest


async def test_shadowed_builtins_do_not_hurt_the_sandboxs_own_work(sandbox: MontySandbox) -> None:
    names = ["len", "type", "str", "list", "dict", "print", "sorted", "isinstance", "repr", "locals", "eval", "exec"]
    names += ["next", "iter", "max", "sum", "json", "id", "range"]
    code = "\n".join(f"{name} = 5" for name in names)
    async with sandbox.session() as session:
        assert (await session.run(code + "\nrows = [1, (2,)]\nrows", {})).result == "[1, (2,)]"
        assert len(await session.variables(10)) == len(names) + 1
        await session.put("more", "[3]")
        assert await session.json_of(["rows", "more"]) == {"rows": "[1, [2]]", "more": "[3]"}
        await session.run("FINAL(rows)", {})
        answer = await session.answer()
        assert answer is not None
        assert answer.content == "[1, [2]]"
        state = await session.dump()
    async with sandbox.session(state) as session:
        assert (await session.run("rows", {})).result == "[1, (2,)]"
        await session.remove(["len"])
        assert (await session.run("len(rows)", {})).result == "2"


@pytest.mark.parametrize(
    "code",
    ["_mm = 5", "_mm = _mm_in = _mm_r = answer = FINAL = FINAL_VAR = None", "class Module: pass\n_mm = Module()"],
)
async def test_overwriting_the_sandboxs_own_names_ends_the_session_or_changes_nothing(
    sandbox: MontySandbox, code: str
) -> None:
    async with sandbox.session() as session:
        await session.run(f"x = [1]\n{code}", {})
        state = await dumped_or_dead(session)
    if state is not None:
        async with sandbox.session(state) as session:
            assert (await session.run("x", {})).result == "[1]"
            assert "x" in [one.name for one in await session.variables()]


async def dumped_or_dead(session: SandboxSession) -> bytes | None:
    try:
        return await session.dump()
    except SandboxFailed as failed:
        fatal = failed.failure.fatal
    assert fatal
    return None


async def test_the_sandboxs_own_functions_cannot_be_assigned_to(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        ran = await session.run("_mm.variables = 5", {})
        assert ran.failure is not None
        assert not ran.failure.fatal
        assert (await session.run("x = 1\nx", {})).result == "1"


REPLIES = (
    "5",
    "None",
    "''.missing",
    "nothing_of_this_name",
    "recall('x')",
    "'1:a3:int1:x0:0:0:'",
    "'1:a3:int2:-90:0:0:'",
    "'1:a3:int30:' + '9' * 30 + '0:0:0:'",
    "'9999:x'",
    "'0:' * 5_000_000",
    "'x' * 50_000_000",
    "['x' * 10**6] * 10**5",
    "[[]] * 10**6",
    "_mm",
    "{_mm: _mm}",
)


@pytest.mark.parametrize("reply", REPLIES)
async def test_code_that_forces_its_own_functions_upon_the_sandbox_ends_its_session(
    sandbox: MontySandbox, reply: str
) -> None:
    async with sandbox.session() as session:
        await session.run(f"object.__setattr__(_mm, 'variables', lambda *a: {reply})", TOOLS)
        with pytest.raises(SandboxFailed) as failed:
            await session.variables(10)
        assert failed.value.failure.fatal
        assert failed.value.failure.message
        with pytest.raises(SandboxFailed):
            await session.dump()


@pytest.mark.parametrize(
    "code",
    [
        "object.__setattr__(_mm, 'x', ['x' * 10**6] * 10**5)",
        "import heapq\nobject.__setattr__(heapq, 'x', ['x' * 10**6] * 10**5)",
        "_mm = ['x' * 10**6] * 10**5",
        "answer['content'] = ['x' * 10**6] * 10**5",
        "FINAL(['x' * 10**6] * 10**5)",
        "import heapq\ntype(heapq).x = ['x' * 10**6] * 10**5",
    ],
)
async def test_what_code_hangs_onto_the_sandboxs_own_objects_never_reaches_the_host(
    sandbox: MontySandbox, code: str
) -> None:
    async with sandbox.session() as session:
        await session.run(code, {})
        state = await dumped_or_dead(session)
    if state is not None:
        with contextlib.suppress(SandboxFailed):
            async with sandbox.session(state) as session:
                assert (await session.run("import heapq\n1", {})).result == "1"


@pytest.mark.parametrize(
    "code",
    ["exec('x' * 10**6 + ' = 1')", "exec('class ' + 'C' * 10**6 + ':\\n    pass\\nx = ' + 'C' * 10**6 + '()')"],
)
async def test_endless_names_do_not_leave_the_sandbox(sandbox: MontySandbox, code: str) -> None:
    async with sandbox.session() as session:
        await session.run(code, {})
        with pytest.raises(SandboxFailed, match="characters, and may have 100"):
            await session.variables(10)


async def test_a_print_in_a_repr_is_no_part_of_what_the_sandbox_says(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        prints = "print('1:z3:int1:10:0:1:z', end='')"
        await session.run(f"class A:\n    def __repr__(self):\n        {prints}\n        return 'a'\nx = A()", {})
        assert [one.name for one in await session.variables(20)] == ["A", "x"]


async def test_a_value_put_is_what_its_json_says(sandbox: MontySandbox) -> None:
    value = {"a": [1, 2.5, None, True, "é\n\u2028"], "b": {}}
    async with sandbox.session() as session:
        await session.put("given", json.dumps(value))
        assert json.loads((await session.json_of(["given"]))["given"]) == value
        assert (await session.variable("given", 20)) is not None
        assert await session.variable("other", 20) is None


@pytest.mark.parametrize(
    "name", ["1x", "a b", "class", "", "x\n= 5\ny", "_mm", "answer", "FINAL", "recall", "x.y", "Nоne "]
)
async def test_a_name_that_a_variable_cannot_have_is_refused(sandbox: MontySandbox, name: str) -> None:
    async with sandbox.session() as session:
        with pytest.raises(InvalidRequest):
            await session.put(name, "1")
        with pytest.raises(InvalidRequest):
            await session.remove([name] if name != "recall" else ["answer"])
        assert (await session.run("1", {})).result == "1"


@pytest.mark.parametrize("text", ["", "{", "[1,]", "[" * 100_000, "nul"])
async def test_what_is_no_json_is_refused_and_the_session_goes_on(sandbox: MontySandbox, text: str) -> None:
    async with sandbox.session() as session:
        with pytest.raises(InvalidRequest):
            await session.put("x", text)
        assert (await session.run("1", {})).result == "1"


async def test_a_removed_variable_is_unknown(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("x = 1\ny = 2\ndef f(): return x", {})
        await session.remove(["x", "never_there"])
        assert [one.name for one in await session.variables()] == ["f", "y"]
        ran = await session.run("x", {})
        assert ran.failure is not None
        assert ran.failure.type == "NameError"


async def test_variables_are_rendered_in_fair_shares(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("short = 'abc'\nlong = 'x' * 5000\nrows = [{'k': 'é'}] * 500\nodd = {1, 2}", {})
        rendered = await session.render(["short", "long", "rows", "odd", "missing", "recall", "_mm"], 1000)
    assert list(rendered) == ["short", "long", "rows", "odd"]
    assert rendered["short"] == "abc"
    assert rendered["rows"].startswith('[{"k": "é"}')
    assert sum(map(len, rendered.values())) <= 1000
    assert abs(len(rendered["long"]) - len(rendered["rows"])) < 50
    assert rendered["long"].endswith("more characters)")


async def test_only_what_is_json_has_json(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("a = {'x': (1, 2)}\nb = {1, 2}\nc = float('nan')\nd = lambda: 1\ne = []\ne.append(e)", {})
        assert await session.json_of(["a", "b", "c", "d", "e", "z"]) == {"a": '{"x": [1, 2]}', "c": "NaN"}


# --- answers


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("FINAL('done')", "done"),
        ("FINAL([1, 'é'])", '[1, "é"]'),
        ("FINAL({1, 2})", "{1, 2}"),
        ("result = 'text'\nFINAL_VAR('result')", "text"),
        ("result = {'a': 1}\nFINAL_VAR(result)", '{"a": 1}'),
        ("answer['content'] = 'mine'\nanswer['ready'] = True", "mine"),
        ("answer = {'content': 'mine', 'ready': True}", "mine"),
        ("def f():\n    x = 1\n    FINAL('in a function')\nf()", "in a function"),
        ("answer = 'only a variable'\nFINAL('real')", "real"),
        ("eval = None\nx = 'kept'\nFINAL_VAR('x')", "kept"),
    ],
)
async def test_the_final_answer_is_what_the_code_gave(sandbox: MontySandbox, code: str, content: str) -> None:
    async with sandbox.session() as session:
        assert await session.answer() is None
        assert (await session.run(code, {})).failure is None
        answer = await session.answer()
        assert answer is not None
        assert (answer.content, answer.ready) == (content, True)
        await session.forget_answer()
        assert await session.answer() is None
        assert (await session.run("answer['ready']", {})).result == "False"


async def test_an_answer_that_is_not_ready_is_none(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("answer['content'] = 'draft'", {})
        assert await session.answer() is None
        await session.run("answer = 5", {})
        assert await session.answer() is None


async def test_an_unknown_variable_as_the_answer_names_those_there_are(sandbox: MontySandbox) -> None:
    found = await failure(sandbox, "alpha = 1\nbeta = 2\nFINAL_VAR('gamma')")
    assert found.type == "NameError"
    assert "'gamma'" in found.message
    assert found.message.endswith("there are: alpha, beta")


# --- state


async def test_a_dump_keeps_what_code_made(sandbox: MontySandbox) -> None:
    code = (
        "import re, statistics\nfrom collections import Counter\nfrom heapq import nlargest\n"
        "def double(x): return x * 2\nclass Box:\n    def __init__(self, v): self.v = v\n"
        "box = Box(7)\ncount = Counter('aab')\npattern = re.compile('a+')\nalias = rows = [1]"
    )
    async with sandbox.session() as session:
        assert (await session.run(code, {})).failure is None
        state = await session.dump()
    async with sandbox.session(state) as session:
        check = "alias.append(2)\n[double(box.v), count['a'], pattern.findall('caat'), rows]"
        assert (await session.run(check, {})).result == "[14, 2, ['aa'], [1, 2]]"
        assert (await session.run("[statistics.mean([1, 3]), nlargest(1, rows)]", {})).result == "[2, [2]]"
        assert (await session.run("import heapq\nheapq.nsmallest(1, [3, 2])", {})).result == "[2]"


async def test_state_of_another_session_is_not_seen(sandbox: MontySandbox) -> None:
    async with sandbox.session() as session:
        await session.run("secret = 1", {})
    found = await failure(sandbox, "secret")
    assert found.type == "NameError"


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: b"",
        lambda state: b"junk",
        lambda state: state[:500],
        lambda state: state[:-10],
        lambda state: state[:6] + b"\xff\xff" + state[8:],
    ],
)
async def test_a_damaged_state_is_refused(sandbox: MontySandbox, damage: Any) -> None:
    async with sandbox.session() as session:
        state = await session.dump()
    with pytest.raises(SandboxFailed):
        async with sandbox.session(damage(state)):
            pass
    assert (await run(sandbox, "1")).result == "1"


async def test_a_foreign_state_without_the_sandboxs_own_part_is_refused(sandbox: MontySandbox) -> None:
    import pydantic_monty

    from mcp_memory.sandbox.monty.availability import find_binary

    async with pydantic_monty.AsyncMonty(binary_path=find_binary()) as pool, pool.checkout() as worker:
        await worker.feed_run("_mm = 5", print_callback=pydantic_monty.CollectString())
        state = await worker.dump()
    with pytest.raises(SandboxFailed):
        async with sandbox.session(state):
            pass


async def test_the_engine_tells_what_it_reads(sandbox: MontySandbox) -> None:
    assert sandbox.engine == ""
    await sandbox.start()
    name, _, rest = sandbox.engine.partition(" ")
    version, _, dump_format = rest.partition("/")
    number, _, prelude = dump_format.partition("+")
    assert name == "monty"
    assert sandbox.reads(sandbox.engine)
    assert sandbox.reads(f"monty 1.0.0/{int(number) - 1}+{prelude}")
    assert not sandbox.reads(f"monty {version}/{int(number) + 1}+{prelude}")
    assert not sandbox.reads(f"monty {version}/{number}+{int(prelude) + 1}")
    assert not sandbox.reads("")
    assert not sandbox.reads("other 1/1+1")


# --- modules


@pytest.mark.parametrize(
    ("code", "result"),
    [
        ("import statistics\nstatistics.median([3, 1, 2])", "2"),
        ("from statistics import mean, stdev as s\nround(mean([1, 2]) + s([1, 3]), 6)", "2.914214"),
        ("import heapq as h\nx = [3, 1, 2]\nh.heapify(x)\nh.heappop(x)", "1"),
        (
            "from operator import itemgetter, attrgetter\nsorted([{'a': 2}, {'a': 1}], key=itemgetter('a'))",
            "[{'a': 1}, {'a': 2}]",
        ),
        ("from operator import methodcaller\n[methodcaller('upper')(s) for s in 'ab']", "['A', 'B']"),
        ("import string\nstring.capwords('a bc') + string.digits[:2]", "A Bc01"),
        ("from string import punctuation\n'!' in punctuation", "True"),
        ("import textwrap\ntextwrap.shorten('hello wide world', 12)", "hello [...]"),
        ("def f():\n    import statistics\n    return statistics.mean([1.5, 2.5])\nf()", "2.0"),
        ("next(x for x in [1, 2] if x > 1)", "2"),
        ("next((x for x in []), 'none')", "none"),
        ("g = (x for x in [1, 2, 3])\n[next(g), next(g), list(g)]", "[1, 2, [3]]"),
        ("it = iter([1])\nnext(it), next(it, None)", "(1, None)"),
    ],
)
async def test_modules_written_for_the_sandbox_work_there(sandbox: MontySandbox, code: str, result: str) -> None:
    ran = await run(sandbox, code)
    assert (ran.result, ran.failure) == (result, None)


async def test_every_module_written_for_the_sandbox_can_be_imported_at_once(sandbox: MontySandbox) -> None:
    assert (await run(sandbox, f"import {', '.join(POLYFILLS)}\nlen({POLYFILLS[0]}.nlargest(1, [1]))")).result == "1"


# --- the event loop


async def test_the_event_loop_goes_on_while_a_sandbox_works(sandbox: MontySandbox) -> None:
    stop = asyncio.Event()
    turns = 0

    async def watch() -> None:
        nonlocal turns
        while not stop.is_set():
            turns += 1
            await asyncio.sleep(0.005)

    watching = asyncio.create_task(watch())
    async with sandbox.session() as session:
        await session.put("big", json.dumps(["x" * 100] * 50_000))
        await session.run("while True: print('x' * 1000)", {})
    stop.set()
    await watching
    assert turns > 20

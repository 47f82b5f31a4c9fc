"""Programs that look for harm, each run as a client would run it: all are contained, and nobody else notices."""

from __future__ import annotations

import asyncio
import json
import os
import threading
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import anyio
import psutil
import pytest

from bench.wire import Wire
from mcp_memory.core.environment.environments import MIB, EnvironmentPolicy
from mcp_memory.core.resources import Limits
from mcp_memory.llm.scripted import ScriptedModel
from mcp_memory.models.environment import ContextExec
from mcp_memory.sandbox.base import SandboxLimits
from tests.acceptance.attacks import reaching, running, sabotage, tampering, tools, values
from tests.support.environments import window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from mcp_memory.core.resources import Scope
    from mcp_memory.models.environment import ContextExecuted
    from tests.acceptance.attacks.program import Ends, Program, Tampering
    from tests.support.environments import Window

pytestmark = pytest.mark.anyio

LIMITS: Final = SandboxLimits(run_seconds=0.5, wall_seconds=5.0, memory_bytes=32 * MIB)
POLICY: Final = EnvironmentPolicy(most_bytes=4 * MIB, most_environments=1000)
SAFETY_NET: Final = 60
"""Seconds after which a test is given up; none comes near it."""

HOST_SECRET: Final = "the-secret-of-the-host-4711"
FILE_SECRET: Final = "the-secret-in-a-file-0815"
NEIGHBOUR_SECRET: Final = "the-secret-of-the-neighbour-1337"
FOREIGN_SECRET: Final = "the-secret-of-another-workspace-2718"
SECRETS: Final = (HOST_SECRET, FILE_SECRET, NEIGHBOUR_SECRET, FOREIGN_SECRET)

MOST_ANSWER: Final = 80_000
"""Characters of a whole answer as JSON: 16,000 printed and 10,000 of a result, escaped, and an error."""

FAMILIES: Final[dict[str, tuple[Program, ...]]] = {
    "spinning": running.SPINNING,
    "greedy": running.GREEDY,
    "flooding": running.FLOODING,
    "nested": values.NESTED,
    "shared": values.SHARED,
    "odd": values.ODD,
    "roomy": values.ROOMY,
    "insides": reaching.INSIDES,
    "modules": reaching.MODULES,
    "files": reaching.FILES,
    "network": reaching.NETWORK,
    "surroundings": reaching.SURROUNDINGS,
    "arguments": tools.ARGUMENTS,
    "prompts": tools.PROMPTS,
    "rebinding": sabotage.REBINDING,
    "objects": sabotage.OBJECTS,
    "names": sabotage.NAMES,
    "texts": sabotage.TEXTS,
}
TAMPERINGS: Final = {"states": tampering.STATES, "values": tampering.VALUES}
PROGRAMS: Final = [
    pytest.param(program, id=f"{family}-{program.name}") for family in FAMILIES for program in FAMILIES[family]
]
CHANGES: Final = [
    pytest.param(change, id=f"{family}-{change.name}") for family in TAMPERINGS for change in TAMPERINGS[family]
]


@dataclass(slots=True)
class Arena:
    """One memory for all attacks, with a neighbour in it."""

    desk: Window
    folder: Path
    model: ScriptedModel
    neighbour: Scope
    attacks: int = 0
    worst: tuple[float, str] = (0.0, "")
    stall: tuple[float, str] = (0.0, "")
    """The longest time in which the server's event loop did nothing else."""

    async def run(self, code: str, scope: Scope | None = None, result_var: str = "") -> ContextExecuted:
        request = ContextExec(code=code, result_var=result_var)
        return await self.desk.memory.context_exec(request, scope or self.desk.scope)

    async def attack(self, name: str, code: str, result_var: str = "") -> ContextExecuted:
        """Run an attack while the neighbour works, and measure both."""
        started = perf_counter()
        async with self._watched(name):
            ran, theirs = await asyncio.gather(
                self.run(code, result_var=result_var), self.run("counter += 1\n[mine, counter > 0]", self.neighbour)
            )
        self.attacks += 1
        self.worst = max(self.worst, (perf_counter() - started, name))
        assert theirs.error is None
        assert theirs.result == f"['{NEIGHBOUR_SECRET}', True]"
        return ran

    @asynccontextmanager
    async def _watched(self, name: str) -> AsyncIterator[None]:
        watching = asyncio.create_task(self._watch(name))
        await asyncio.sleep(0)
        try:
            yield
        finally:
            watching.cancel()

    async def _watch(self, name: str) -> None:
        while True:
            before = perf_counter()
            await asyncio.sleep(0.01)
            self.stall = max(self.stall, (perf_counter() - before - 0.01, name))

    async def fresh(self) -> None:
        """A new session whose environment holds something to lose."""
        await self.desk.begin()
        ran = await self.run("kept = 'before'\nnotes = ['ours']\ndef greet():\n    return 'hello'")
        assert ran.error is None


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder and an environment with something to steal."""
    folder = tmp_path_factory.mktemp("attacked")
    (folder / "secret.txt").write_text(FILE_SECRET)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SECRET_OF_HOST", HOST_SECRET)
        yield folder
        assert os.environ["SECRET_OF_HOST"] == HOST_SECRET
        assert (folder / "secret.txt").read_text() == FILE_SECRET


@pytest.fixture(scope="module")
async def arena(host: Path, request: pytest.FixtureRequest) -> AsyncIterator[Arena]:
    model = ScriptedModel(lambda _: "answered")
    before = _workers()
    async with window(host, limits=LIMITS, policy=POLICY, model=model, budget=Limits(llm_calls=10)) as desk:
        await desk.remember("The deploy key is rotated on Fridays.")
        await desk.begin("elsewhere")
        await desk.remember(FOREIGN_SECRET)
        neighbour = await desk.begin()
        opened = Arena(desk, host, model, neighbour)
        await opened.run(f"mine = '{NEIGHBOUR_SECRET}'\ncounter = 0", neighbour)
        yield opened
        theirs = await opened.run("mine", neighbour)
        assert theirs.result == NEIGHBOUR_SECRET
    assert _gone(_workers() - before), "worker processes were left behind"
    _tell(request.config, opened)


def _workers() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def _gone(processes: set[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=5)
    return not alive


def _tell(config: pytest.Config, arena: Arena) -> None:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")
    if reporter is None or capture is None:
        return
    (wall, slowest), (stall, blocker) = arena.worst, arena.stall
    with capture.global_and_fixture_disabled():
        reporter.ensure_newline()
        reporter.write_line(
            f"attacks: {arena.attacks} programs run; worst wall time {wall:.2f} s ({slowest}); "
            f"longest stall of the server {stall * 1000:.0f} ms ({blocker})"
        )


def _check_ending(ran: ContextExecuted, ends: Ends) -> None:
    """The call has ended as it should."""
    if ran.error is None:
        assert ends.how == "value", f"it ended with {ran.result!r:.200}"
        return
    how = "rolled back" if ran.error.rolled_back else "error"
    assert (how, ran.error.type) in {(ends.how, name) for name in ends.types}, ran.error
    assert how == "error" or not ran.variables_changed


def _check_text(ran: ContextExecuted) -> None:
    """The answer is short, and tells no secret."""
    answer = ran.model_dump_json()
    assert len(answer) < MOST_ANSWER
    assert not [secret for secret in SECRETS if secret in answer]
    answer.encode()


def _check_streams(captured: Any) -> None:
    """The server has said nothing; a worker may say that it ran out of memory."""
    assert captured.out == ""
    assert not [line for line in captured.err.splitlines() if not line.startswith("monty worker: ")]


@pytest.mark.parametrize("program", PROGRAMS)
async def test_a_program_is_contained(arena: Arena, program: Program, capfd: pytest.CaptureFixture[str]) -> None:
    with anyio.fail_after(SAFETY_NET):
        await arena.fresh()
        before = await arena.desk.memory.resources.store.environment(arena.desk.scope.session_id)
        ran = await arena.attack(program.name, program.code.replace("DATA_DIR", str(arena.folder)), program.result_var)
        _check_ending(ran, program.ends)
        _check_text(ran)
        if ran.error is None and program.shows is not None:
            assert ran.result == program.shows
        if program.ends.how == "rolled back":
            after = await arena.desk.memory.resources.store.environment(arena.desk.scope.session_id)
            assert before is not None
            assert after is not None
            assert (after.state, after.variables) == (before.state, before.variables)
        kept = await arena.run("kept")
        assert (kept.error, kept.result) == (None, "before")
        if program.then is not None:
            code, value = program.then
            later = await arena.run(code)
            assert (later.error, later.result) == (None, value)
        _check_streams(capfd.readouterr())


@pytest.mark.parametrize("change", CHANGES)
async def test_a_changed_database_runs_nothing_and_shows_nothing_of_others(
    arena: Arena, change: Tampering, capfd: pytest.CaptureFixture[str]
) -> None:
    with anyio.fail_after(SAFETY_NET):
        await arena.fresh()
        for statement in change.statements:
            assert arena.desk.change_database(statement, arena.desk.scope.session_id) == 1
        ran = await arena.attack(change.name, "notes")
        _check_ending(ran, change.ends)
        _check_text(ran)
        assert ran.result == change.shows
        assert (ran.note is not None) == (change.told and change.ends.how != "rolled back")
        _check_streams(capfd.readouterr())


async def test_what_reached_the_language_model_was_small_and_asked_for(arena: Arena) -> None:
    asked = [exchange[-1].content for exchange in arena.model.exchanges]
    assert set(asked) <= {"again"}


def test_every_attack_has_a_name_of_its_own_and_there_are_enough() -> None:
    names = [case.id for case in [*PROGRAMS, *CHANGES]]
    assert len(names) == len(set(names))
    assert len(names) >= 140


# Over stdio, with a real server process

SPIN = "x = 'after'\nwhile True:\n    pass"
GROW = "x = ['after']\nwhile True:\n    x.append('a' * 10**5)"
FLOOD = (
    'x = \'after\'\nprint(\'{"jsonrpc": "2.0", "id": 4711, "result": {}}\')\nwhile True:\n    print(\'flood\' * 1000)'
)


def test_a_recall_is_answered_while_code_spins_and_nothing_but_the_protocol_is_said(tmp_path: Path) -> None:
    limits = {"MCP_MEMORY_SANDBOX_SECONDS": "2", "MCP_MEMORY_SANDBOX_MEMORY_MB": "32"}
    with Wire(tmp_path, **limits) as wire, _given_up(wire):
        wire.handshake()
        wire.tool("memory_remember", content="The deploy key is rotated on Fridays.")
        wire.tool("memory_recall", query="deploy key")
        wire.tool("memory_context_exec", code="x = 'before'")
        attacks = [_call(wire, "memory_context_exec", code=code) for code in (SPIN, GROW, FLOOD)]
        recall = _call(wire, "memory_recall", query="deploy key")
        answers = _answers(wire, {*attacks, recall})
        assert next(iter(answers)) == recall
        assert len(answers[recall]["structuredContent"]["memories"]) == 1
        ran = [answers[attack]["structuredContent"] for attack in attacks]
        assert [one["error"]["type"] for one in ran] == ["TimeoutError", "MemoryError", "TimeoutError"]
        assert all(one["error"]["rolled_back"] for one in ran)
        assert 16_000 < len(ran[2]["output"]) < 17_000
        assert wire.tool("memory_context_exec", code="x")["result"] == "before"
        assert wire.end() == 0


def _call(wire: Wire, tool: str, **arguments: Any) -> int:
    return wire.begin("tools/call", name=tool, arguments=arguments)


def _answers(wire: Wire, waiting: set[int]) -> dict[int, dict[str, Any]]:
    """The answers to these requests in the order they came. Every line must be a message of the protocol."""
    assert wire.process.stdout is not None
    found: dict[int, dict[str, Any]] = {}
    while waiting - set(found):
        message = json.loads(wire.process.stdout.readline())
        assert message["jsonrpc"] == "2.0"
        if "id" in message:
            assert message["id"] in waiting - set(found)
            found[message["id"]] = message["result"]
    return found


@contextmanager
def _given_up(wire: Wire) -> Iterator[None]:
    """End a server that does not answer, so that no read waits for ever."""
    timer = threading.Timer(SAFETY_NET, wire.process.kill)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()

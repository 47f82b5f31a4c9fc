"""The loop itself: one call of the model each turn, its code run, and the model told what came of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final

from mcp_memory.core.environment.rlm.blocks import read_reply
from mcp_memory.core.environment.rlm.exchange import what_is_left
from mcp_memory.core.environment.rlm.finishing import Outcome, closing_reply, draft, looks_at
from mcp_memory.core.environment.rlm.patience import Patience, Stuck
from mcp_memory.core.environment.rlm.running import CodeOfTurn, work
from mcp_memory.core.environment.rlm.tracing import Turn
from mcp_memory.core.prompting import prompt
from mcp_memory.errors import BudgetSpent, InvalidRequest, LanguageModelError, SandboxError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from mcp_memory.core.environment.desk import Desk
    from mcp_memory.core.environment.rlm.allowance import Allowance
    from mcp_memory.core.environment.rlm.blocks import Reply, TextAnswer
    from mcp_memory.core.environment.rlm.exchange import Exchange
    from mcp_memory.core.environment.rlm.places import Place
    from mcp_memory.core.environment.rlm.running import ToolsFor, Worked
    from mcp_memory.llm.base import Completion, LanguageModel

REPLY_TOKENS: Final = 4_096
"""Most tokens of one reply."""
CLOSING_SHARE: Final = 0.1
"""Of the time: kept back for a closing answer, and at most `CLOSING_SECONDS`."""
CLOSING_SECONDS: Final = 30.0


@dataclass(slots=True)
class Loop:
    """One run, or a sub-task of one."""

    place: Place
    model: LanguageModel
    """Within the budget of `allowance`."""
    allowance: Allowance
    exchange: Exchange
    tools_for: ToolsFor
    names: set[str]
    """Variables that there are."""
    result_var: str = ""
    """Keep the answer under this name."""
    seconds: float = float("inf")
    """Most it may take, however much time the whole run has."""
    spare_turns: int = 0
    """Turns left to whoever began this sub-task."""
    report: Callable[[Turn], Awaitable[None]] | None = None
    """Told of each turn that is over."""
    trace: list[Turn] = field(default_factory=list)
    _patience: Patience = field(default_factory=Patience)
    _has_run: bool = False
    _may_finish: bool = False
    """An answer is taken: the data has been looked at, there is none, or one was refused before."""

    async def until_done(self) -> Outcome:
        """Turns until there is an answer or no use in going on; then whatever answer can still be had.

        Raises:
            LanguageModelError: the model never answered.
        """
        self._may_finish = not self.names
        seconds = min(self.seconds, self.allowance.seconds_left)
        spare = min(CLOSING_SECONDS, seconds * CLOSING_SHARE)
        try:
            async with asyncio.timeout(seconds - spare):
                return await self._turns()
        except TimeoutError:
            reason = f"The time allowed, {seconds:.0f} seconds, is used up."
            self._cut_off("The time was up; what this turn changed was not kept.")
        except (BudgetSpent, Stuck) as error:
            reason = str(error)
            self._cut_off(reason)
        return await self._end(reason, spare)

    async def _turns(self) -> Outcome:
        while self.allowance.turns_left > self.spare_turns:
            outcome = await self._turn()
            if outcome is not None:
                return outcome
        raise Stuck(f"All {self.allowance.most_turns} turns are used.")

    async def _turn(self) -> Outcome | None:
        budget = self.allowance.budget
        budget.check()
        turn = Turn(self.allowance.take_turn())
        self.trace.append(turn)
        calls, tokens, started = budget.calls_used, budget.tokens_used, perf_counter()
        try:
            outcome = await self._take(turn)
        finally:
            turn.llm_calls, turn.tokens = budget.calls_used - calls, budget.tokens_used - tokens
            turn.duration_ms = round((perf_counter() - started) * 1000)
        if self.report is not None:
            await self.report(turn)
        if outcome is None:
            self._patience.check(turn.error)
        return outcome

    async def _take(self, turn: Turn) -> Outcome | None:
        completion = await self._completion(turn)
        if completion is None:
            return None
        reply = read_reply(completion.text, truncated=completion.truncated)
        turn.said = reply.said
        was_cut = prompt("rlm_cut_off", most_tokens=f"{REPLY_TOKENS:,}") if completion.truncated else ""
        if reply.blocks:
            return await self._run(turn, reply, reply.blocks, was_cut)
        if reply.answer is not None:
            return await self._take_text(turn, reply, reply.answer)
        turn.action = "no_code"
        self._tell_off(turn, reply, was_cut or prompt("rlm_no_code"))
        return None

    async def _completion(self, turn: Turn) -> Completion | None:
        """The model's reply; None where it failed, and may be asked once more."""
        try:
            completion = await self.model.complete(self.exchange.messages(), max_tokens=REPLY_TOKENS)
        except BudgetSpent:
            raise
        except LanguageModelError as error:
            turn.error = str(error)
            self._patience.not_answered(error)
            return None
        self._patience.answered()
        return completion

    async def _take_text(self, turn: Turn, reply: Reply, answer: TextAnswer) -> Outcome | None:
        """An answer outside code: it is taken once some code has run."""
        if not (self._has_run and self._may_finish):
            self._may_finish = self._may_finish or self._has_run
            turn.action = "refused_final"
            self._tell_off(turn, reply, prompt("rlm_look_first"))
            return None
        if name := self._variable_of(answer):
            return await self._run(turn, reply, [f"FINAL_VAR({name!r})"])
        turn.action = "final"
        return Outcome("achieved", answer.text)

    async def _run(self, turn: Turn, reply: Reply, blocks: Sequence[str], was_cut: str = "") -> Outcome | None:
        worked = await self._worked(turn, blocks)
        if worked.executed.answer is not None:
            turn.action = "final"
            return Outcome("achieved", worked.executed.answer, is_kept=worked.is_kept and bool(self.result_var))
        self._judge(turn, worked)
        refused = prompt("rlm_look_first") if worked.executed.refused else ""
        told = "\n".join(filter(None, (worked.report.told(), refused, was_cut)))
        self._tell(turn, reply, told, worked.report.brief(turn.iteration))
        return None

    async def _worked(self, turn: Turn, blocks: Sequence[str]) -> Worked:
        turn.code, turn.action = "\n\n".join(blocks), "exec_error"
        looks = looks_at(turn.code, self.names)
        may_finish = looks or self._may_finish
        worked = await work(
            self.place, CodeOfTurn(blocks, self.tools_for, not self._has_run, may_finish, self.result_var)
        )
        turn.output, turn.changed = worked.report.output, worked.changed
        if worked.is_kept:
            self._has_run, self._may_finish = True, may_finish or worked.executed.refused
            self.names = worked.names
        return worked

    def _judge(self, turn: Turn, worked: Worked) -> None:
        """What a turn that has run code and has no answer comes to."""
        failure = worked.report.failure
        if failure is None:
            self._patience.got_on()
            turn.action = "refused_final" if worked.executed.refused else "executed"
            return
        self._patience.in_vain()
        turn.action = "exec_error"
        line = f" (line {failure.line})" if failure.line else ""
        turn.error = f"{failure.type}: {failure.message}{line}"

    def _variable_of(self, answer: TextAnswer) -> str:
        """The name of the variable that an answer outside code stands for, if any."""
        return answer.variable or (answer.text if answer.maybe_variable and answer.text in self.names else "")

    def _tell_off(self, turn: Turn, reply: Reply, complaint: str) -> None:
        """Nothing was run: say why."""
        turn.error = complaint
        self._patience.in_vain()
        self._tell(turn, reply, complaint, f"(Turn {turn.iteration}: nothing was run.)")

    def _tell(self, turn: Turn, reply: Reply, told: str, brief: str) -> None:
        self.exchange.add(reply.said, f"Turn {turn.iteration}.\n{told}\n\n{what_is_left(self.allowance)}", brief)

    def _cut_off(self, why: str) -> None:
        """The last turn did not come to its end."""
        last = self.trace[-1] if self.trace else None
        if last is not None and last.action in ("model_failed", "exec_error") and not last.error:
            last.error = why

    async def _end(self, reason: str, seconds: float) -> Outcome:
        """Whatever answer can still be had."""
        if not self._patience.was_answered and self._patience.model_failure is not None:
            raise self._patience.model_failure
        kept = await self._draft()
        if kept is not None:
            return Outcome("forced", kept, reason, is_kept=bool(self.result_var))
        if not self._patience.was_answered or self._patience.model_failure is not None:
            return Outcome("stopped", reason=reason)
        try:
            async with asyncio.timeout(seconds):
                return await self._closing(reason)
        except TimeoutError:
            return Outcome("stopped", reason=reason)

    async def _draft(self) -> str | None:
        if not self._has_run:
            return None
        try:
            return (await self.place.work_on(partial(_draft_at, self.result_var))).value
        except (SandboxError, InvalidRequest):
            return None

    async def _closing(self, reason: str) -> Outcome:
        """The model's last word; a variable or a block in it is still looked at for the answer."""
        reply = await closing_reply(self.model, self.exchange, reason)
        if reply is None:
            return Outcome("stopped", reason=reason)
        name = self._variable_of(reply.answer) if reply.answer is not None else ""
        blocks = [f"FINAL_VAR({name!r})"] if name else reply.blocks
        if blocks:
            worked = await work(
                self.place, CodeOfTurn(blocks, lambda _: {}, begins=False, may_finish=True, result_var=self.result_var)
            )
            if worked.executed.answer is not None:
                kept = worked.is_kept and bool(self.result_var)
                return Outcome("forced", worked.executed.answer, reason, is_kept=kept)
        text = reply.answer.text if reply.answer is not None else ""
        return Outcome("forced", text or reply.said, reason)


async def _draft_at(result_var: str, desk: Desk) -> str | None:
    return await draft(desk, result_var)

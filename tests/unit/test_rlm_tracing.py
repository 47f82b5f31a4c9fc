"""What is told of a run's turns."""

from __future__ import annotations

from mcp_memory.core.environment.rlm.tracing import Turn, told

LONG = Turn(1, "exec_error", "Thus:\n" + "c" * 9_000, "c" * 9_000, "o" * 9_000, "E" * 9_000, ["a"], 2, 300, 40)


def test_brief_tells_what_happened_without_code_and_output() -> None:
    [turn] = told([LONG], "brief")
    assert (turn.generated_code, turn.exec_output, turn.reply) == (None, None, None)
    assert len(turn.exec_error or "") < 300
    assert (turn.iteration, turn.action, turn.variables_changed) == (1, "exec_error", ["a"])
    assert (turn.llm_calls, turn.tokens, turn.duration_ms) == (2, 300, 40)


def test_standard_tells_the_head_and_the_tail_of_code_and_output() -> None:
    [turn] = told([LONG], "standard")
    assert 1_000 < len(turn.generated_code or "") < 2_100
    assert "characters left out" in (turn.exec_output or "")
    assert turn.reply is None


def test_detailed_tells_the_whole_code_and_the_reply() -> None:
    [turn] = told([LONG], "detailed")
    assert turn.generated_code == LONG.code
    assert turn.reply == LONG.said
    assert len(turn.exec_output or "") > 7_000


def test_many_turns_share_the_room() -> None:
    for level, most in (("brief", 20_000), ("standard", 40_000), ("detailed", 200_000)):
        turns = told([LONG] * 50, level)  # type: ignore[arg-type]
        assert len(turns) == 50
        assert sum(len(turn.model_dump_json(exclude_none=True)) for turn in turns) < most


def test_what_there_was_not_is_not_told() -> None:
    [turn] = told([Turn(1, "final", "FINAL(1)")], "detailed")
    assert (turn.generated_code, turn.exec_output, turn.exec_error) == (None, None, None)
    assert turn.reply == "FINAL(1)"

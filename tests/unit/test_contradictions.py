from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcp_memory.core.contradictions import contradiction
from mcp_memory.models.memory import Memory, MemoryType
from mcp_memory.text import content_hash

CORPUS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "contradictions.jsonl").read_text("utf-8").splitlines()
]
"""Own pairs; `kind` is null where both sentences can be true. The rules were written with `tuned` in view only."""

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


def memory(content: str, **fields: Any) -> Memory:
    whole = {
        "id": f"mem_{content_hash(content)[:16]}",
        "workspace_id": "w",
        "content": content,
        "content_hash": content_hash(content),
        "type": MemoryType.SEMANTIC,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    }
    return Memory(**(whole | fields))


def scores(part: str) -> tuple[float, float, str]:
    """Precision, recall, and the pairs that were got wrong."""
    rows = [row for row in CORPUS if row["part"] == part]
    found = [contradiction(memory(row["a"]), memory(row["b"])) for row in rows]
    right = sum(1 for row, one in zip(rows, found, strict=True) if one and row["kind"])
    wrong = [
        f"{'flagged: ' + one.detail if one else 'missed'}: {row['a']} | {row['b']}"
        for row, one in zip(rows, found, strict=True)
        if bool(one) != bool(row["kind"])
    ]
    flagged, conflicts = sum(map(bool, found)), sum(bool(row["kind"]) for row in rows)
    return right / max(flagged, 1), right / conflicts, "\n".join(wrong)


@pytest.mark.parametrize(("part", "precision", "recall"), [("tuned", 0.95, 0.85), ("held_out", 0.9, 0.7)])
def test_what_is_flagged_is_a_contradiction(part: str, precision: float, recall: float) -> None:
    reached_precision, reached_recall, wrong = scores(part)
    report = f"{part}: precision {reached_precision:.2f}, recall {reached_recall:.2f}\n{wrong}"
    assert reached_precision >= precision, report
    assert reached_recall >= recall, report


def test_the_corpus_holds_enough_pairs_of_both_sorts() -> None:
    assert sum(row["kind"] is None for row in CORPUS) >= 30
    assert sum(row["kind"] is not None for row in CORPUS) >= 30


def test_the_later_memory_is_named_whichever_comes_first() -> None:
    old = memory("The API port is 8080")
    new = memory("The API port is 9090", created_at=LONG_AGO + timedelta(days=1))
    for found in (contradiction(old, new), contradiction(new, old)):
        assert found is not None
        assert (found.memory_a, found.memory_b, found.newer) == (old.id, new.id, new.id)
        assert found.detail == "Earlier: 8080. Later: 9090."
        assert found.kind == "value_conflict"


def test_when_it_happened_counts_more_than_when_it_was_written() -> None:
    happened_later = memory("The API port is 8080", occurred_at=LONG_AGO + timedelta(days=9))
    written_later = memory("The API port is 9090", created_at=LONG_AGO + timedelta(days=1))
    found = contradiction(happened_later, written_later)
    assert found is not None
    assert found.newer == happened_later.id


@pytest.mark.parametrize("field", ["user_id", "subject_id", "context_id"])
def test_memories_about_different_people_or_places_do_not_contradict(field: str) -> None:
    ours, theirs = memory("The API port is 8080", **{field: "one"}), memory("The API port is 9090", **{field: "other"})
    assert contradiction(ours, theirs) is None


def test_two_people_may_say_different_things_of_themselves() -> None:
    assert contradiction(memory("I live in Rome", author="ana"), memory("I live in Bonn", author="bob")) is None
    assert contradiction(memory("I live in Rome", author="ana"), memory("I live in Bonn", author="ana")) is not None


def test_what_is_only_being_worked_on_contradicts_nothing() -> None:
    assert (
        contradiction(memory("The API port is 8080", type=MemoryType.WORKING), memory("The API port is 9090")) is None
    )


def test_closeness_in_meaning_moves_the_confidence() -> None:
    pair = memory("The API port is 8080"), memory("The API port is 9090")
    near, far = contradiction(*pair, 0.95), contradiction(*pair, 0.3)
    assert near is not None
    assert far is not None
    assert near.confidence > far.confidence


@given(st.sampled_from(CORPUS))
def test_the_verdict_does_not_depend_on_the_order(row: dict[str, str]) -> None:
    a, b = memory(row["a"]), memory(row["b"])
    assert (contradiction(a, b) is None) == (contradiction(b, a) is None)


@given(st.text(min_size=1, max_size=200))
def test_no_text_contradicts_itself(text: str) -> None:
    assert contradiction(memory(text, id="mem_1"), memory(text, id="mem_2")) is None


@pytest.mark.parametrize("unit", ["a ", "is ", "1 ", "x is 1 ", "not ", "moved to ", "prefers a over ", "of "])
def test_a_long_monotonous_text_is_read_at_once(unit: str) -> None:
    # Patterns that go back and forth would take minutes here, and the test would not end.
    text = unit * (20_000 // len(unit))
    assert contradiction(memory(text, id="mem_1"), memory(text, id="mem_2")) is None

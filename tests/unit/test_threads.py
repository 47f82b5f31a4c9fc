"""Open threads among a handful of memories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.core.threads import open_threads
from mcp_memory.models.association import Association
from mcp_memory.models.memory import Memory
from mcp_memory.text import content_hash

if TYPE_CHECKING:
    from mcp_memory.core.threads import Thread

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)


def note(name: str, content: str, hours_ago: float = 1, **more: Any) -> Memory:
    moment = NOW - timedelta(hours=hours_ago)
    given = {"type": "semantic", "created_at": moment, "updated_at": moment} | more
    return Memory(id=name, workspace_id="w", content=content, content_hash=content_hash(content), **given)


def link(source: str, relationship: str, target: str) -> Association:
    return Association(
        id=f"{source}-{target}",
        workspace_id="w",
        source_id=source,
        target_id=target,
        relationship=relationship,
        strength=0.8,
        created_at=NOW,
        updated_at=NOW,
    )


def threads(*memories: Memory, edges: tuple[Association, ...] = ()) -> list[Thread]:
    return open_threads(memories, edges, NOW)


def told(*memories: Memory, edges: tuple[Association, ...] = ()) -> list[tuple[str, list[str]]]:
    return [(one.status, [memory.id for memory in one.memories]) for one in threads(*memories, edges=edges)]


PLAN = "We plan to migrate the billing database to PostgreSQL."


def test_a_plan_is_an_open_thread_with_topic_and_last_activity() -> None:
    [thread] = threads(note("plan", PLAN, 5))
    assert (thread.status, thread.topic) == ("planned", "migrate the billing database to PostgreSQL")
    assert thread.last_activity == NOW - timedelta(hours=5)


def test_memories_about_one_thing_are_one_thread_and_the_newest_says_how_far_it_is() -> None:
    begun = note("begun", "I am working on the billing database, moving it to PostgreSQL.", 1)
    assert told(note("plan", PLAN, 5), begun) == [("begun", ["begun", "plan"])]


def test_different_things_are_different_threads() -> None:
    assert len(told(note("plan", PLAN), note("other", "Ana promised to send the contract."))) == 2


@pytest.mark.parametrize(
    "done", ["The billing migration to PostgreSQL is finished.", "PostgreSQL for billing was cancelled."]
)
def test_what_a_later_memory_says_is_over_is_not_open(done: str) -> None:
    assert told(note("plan", PLAN, 5), note("done", done, 1)) == []


def test_what_was_finished_before_it_was_planned_again_is_open() -> None:
    assert told(note("plan", PLAN, 1), note("done", "The billing migration to PostgreSQL is finished.", 5)) != []


def test_something_else_that_is_finished_closes_nothing() -> None:
    assert told(note("plan", PLAN, 5), note("done", "The website migration is finished.", 1)) != []


@pytest.mark.parametrize("relationship", ["solves", "addresses", "supersedes", "replaces"])
def test_a_link_closes_a_thread(relationship: str) -> None:
    assert told(note("plan", PLAN), note("x", "Moved."), edges=(link("x", relationship, "plan"),)) == []


@pytest.mark.parametrize("relationship", ["solved_by", "superseded_by"])
def test_a_link_the_other_way_round_closes_it_too(relationship: str) -> None:
    assert told(note("plan", PLAN), note("x", "Moved."), edges=(link("plan", relationship, "x"),)) == []


@pytest.mark.parametrize(
    ("source", "relationship", "target"), [("audit", "blocks", "move"), ("move", "blocked_by", "audit")]
)
def test_what_is_linked_as_blocked_is_open_whatever_its_words(source: str, relationship: str, target: str) -> None:
    move, audit = note("move", "Billing on PostgreSQL."), note("audit", "The security audit.")
    assert told(move, audit, edges=(link(source, relationship, target),)) == [("blocked", ["move"])]


def test_what_blocked_it_and_is_done_blocks_no_more() -> None:
    move, audit = note("move", "Billing on PostgreSQL."), note("audit", "The security audit is finished.")
    assert told(move, audit, edges=(link("audit", "blocks", "move"),)) == []


def test_a_dependency_joins_two_open_things() -> None:
    first, second = note("a", PLAN), note("b", "I'm waiting for the new server.", 2)
    assert len(told(first, second)) == 2
    assert len(told(first, second, edges=(link("a", "depends_on", "b"),))) == 1


def test_a_directive_is_no_thread() -> None:
    assert told(note("rule", "We need to escape user input.", subtype="directive")) == []


def test_a_question_is_open_until_its_conversation_goes_on() -> None:
    asked = note("asked", "Will the vendor support IPv6?", 2, session_id="s")
    assert told(asked) == [("asked", ["asked"])]
    assert told(asked, note("answer", "Yes, from June on.", 1, session_id="s")) == []
    assert told(asked, note("elsewhere", "Tea is ready.", 1, session_id="t")) == [("asked", ["asked"])]


def test_what_is_blocked_important_or_often_used_comes_first() -> None:
    plan = note("plan", PLAN)
    blocked = note("blocked", "The release is blocked by the audit.")
    assert [one.memories[0].id for one in threads(plan, blocked)] == ["blocked", "plan"]
    used = note("used", "We plan to repaint the kitchen.", access_count=30)
    assert threads(plan, used)[0].memories[0].id == "used"


def test_nothing_open_is_no_thread() -> None:
    assert told(note("fact", "Ana prefers tea."), note("event", "The release went out on Monday.")) == []
    assert threads() == []

"""Sessions over a real store, with a clock that the test holds."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from mcp_memory.core.committing import commit
from mcp_memory.core.extraction.rules import RuleExtractor
from mcp_memory.core.indexing import Indexer
from mcp_memory.core.maintenance import Maintenance
from mcp_memory.core.memory import Memory
from mcp_memory.core.rendering import as_text
from mcp_memory.core.resources import Resources, Scope
from mcp_memory.core.session_keeper import SessionKeeper
from mcp_memory.core.session_policy import SessionPolicy
from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.errors import InvalidRequest, StoreFull
from mcp_memory.models.memory import Forget, Remember
from mcp_memory.models.recall import Recall
from mcp_memory.models.session import (
    SessionCommit,
    SessionEnd,
    SessionStart,
    SessionStatus,
    SessionStatusRequest,
    WorkingSet,
)
from mcp_memory.storage.sqlite.store import SqliteStore
from tests.support.environments import NoEmbedder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from mcp_memory.core.extraction.base import Source, Statement
    from mcp_memory.storage.base import SessionChange

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)


class Window:
    """One client's window: a memory over the store, and the session its calls belong to."""

    def __init__(self, folder: Path, embedder: Any = None, **policy: Any) -> None:
        self.time = NOW
        store = SqliteStore(folder / "memory.db")
        resources = Resources(store, Indexer(store, embedder or NoEmbedder()), now=lambda: self.time)
        self.policy = SessionPolicy(**policy)
        self.memory = Memory(resources, Scope("desk"), self.policy)
        self.scope = Scope("desk", author="test")

    @property
    def store(self) -> SqliteStore:
        return self.memory.resources.store  # type: ignore[return-value]

    def later(self, **time: float) -> None:
        self.time += timedelta(**time)

    async def start(self, **arguments: Any) -> str:
        started = await self.memory.start_session(SessionStart(**arguments), self.scope)
        self.scope = replace(self.scope, session_id=started.session_id, workspace_id=started.workspace_id)
        return started.session_id

    def joins(self, other: Window) -> None:
        self.scope = other.scope

    async def hold(self, key: str, value: Any, ttl_seconds: int | None = None) -> None:
        await self.memory.set_working(WorkingSet(key=key, value=value, ttl_seconds=ttl_seconds), self.scope)

    async def held(self) -> dict[str, Any]:
        return {entry.key: entry.value for entry in await self.memory.working(self.scope)}

    async def note(self, content: str, **arguments: Any) -> str:
        request = Remember(content=content, type="working", **arguments)
        return (await self.memory.remember(request, self.scope)).memory_id

    async def commit(self, **arguments: Any) -> Any:
        return await self.memory.commit_session(SessionCommit(**arguments), self.scope)

    async def end(self, **arguments: Any) -> Any:
        return await self.memory.end_session(SessionEnd(**arguments), self.scope)

    async def status(self) -> SessionStatus:
        return await self.memory.session_status(SessionStatusRequest(), self.scope)

    async def all(self, **arguments: Any) -> dict[str, Any]:
        found = await self.memory.recall(Recall(query="*", limit=100, **arguments), self.scope)
        return {memory.content: memory for memory in found.memories}


@pytest.fixture
async def window(tmp_path: Path) -> AsyncIterator[Window]:
    one = Window(tmp_path)
    yield one
    await one.memory.close()


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[Window]:
    another = Window(tmp_path)
    yield another
    await another.memory.close()


# Beginning and going on


async def test_a_session_lives_in_the_store_and_is_continued_by_its_id(window: Window, other: Window) -> None:
    started = await window.memory.start_session(
        SessionStart(metadata={"task": "move"}, context_id="backend", user_id="ana", ttl_seconds=120), window.scope
    )
    assert not started.reused
    assert started.expires_at == NOW + timedelta(seconds=120)
    again = await other.memory.start_session(SessionStart(session_id=started.session_id), other.scope)
    assert again.reused
    assert (again.session_id, again.context_id) == (started.session_id, "backend")
    [listed] = await other.memory.list_sessions(scope=other.scope)
    assert (listed.metadata, listed.user_id, listed.author) == ({"task": "move"}, "ana", "test")


async def test_starting_twice_goes_on_with_the_one_in_use(window: Window) -> None:
    first = await window.start(metadata={"task": "move"})
    assert await window.start() == first
    assert await window.start(metadata={"task": "move"}) == first
    assert await window.start(metadata={"task": "paint"}) != first


async def test_another_workspace_or_context_gets_a_session_of_its_own(window: Window) -> None:
    first = await window.start()
    second = await window.start(context_id="ui")
    third = await window.start(workspace_id="garage")
    assert len({first, second, third}) == 3
    assert window.scope.workspace_id == "garage"


async def test_a_session_that_is_continued_keeps_its_user_context_and_metadata(window: Window) -> None:
    session = await window.start(user_id="ana", context_id="ui")
    for wrong in ({"user_id": "rui"}, {"context_id": "backend"}, {"metadata": {"a": 1}}):
        with pytest.raises(InvalidRequest, match="begin a new one"):
            await window.start(session_id=session, **wrong)


@pytest.mark.parametrize("seconds", [59, 86_401, 0, -1])
async def test_a_ttl_outside_its_range_is_refused(seconds: int) -> None:
    with pytest.raises(ValidationError):
        SessionStart(ttl_seconds=seconds)


# Time


async def test_it_expires_at_the_very_instant(window: Window) -> None:
    await window.start(ttl_seconds=60)
    window.later(seconds=59.999999)
    assert (await window.status()).state == "active"
    window.later(microseconds=1)
    assert (await window.status()).state == "expired"


async def test_a_touch_never_shortens(window: Window) -> None:
    await window.start(ttl_seconds=86_400)
    touched = await window.memory.touch_session(60, window.scope)
    assert touched.expires_at == NOW + timedelta(days=1)
    window.later(hours=1)
    assert (await window.memory.touch_session(None, window.scope)).expires_at == window.time + timedelta(days=1)
    with pytest.raises(InvalidRequest, match="extend_seconds"):
        await window.memory.touch_session(59, window.scope)


async def test_a_value_in_hand_is_gone_when_its_own_time_is_over(window: Window) -> None:
    await window.start()
    await window.hold("short", 1, ttl_seconds=10)
    await window.hold("long", 2)
    window.later(seconds=9.999)
    assert await window.held() == {"short": 1, "long": 2}
    window.later(seconds=0.001)
    assert await window.held() == {"long": 2}


async def test_an_expired_session_commits_by_itself_when_it_is_met(window: Window) -> None:
    session = await window.start(ttl_seconds=60)
    await window.hold("decision", "We decided to use PostgreSQL for billing.")
    window.later(seconds=60)
    with pytest.raises(InvalidRequest, match=f"{session} expired.*1 memory created"):
        await window.held()
    window.scope = Scope("desk")
    [memory] = (await window.all()).values()
    assert (memory.content, memory.subtype) == ("We decided to use PostgreSQL for billing.", "decision")


async def test_a_session_that_shall_not_commit_takes_everything_with_it(tmp_path: Path) -> None:
    window = Window(tmp_path, auto_commit=False)
    await window.start(ttl_seconds=60)
    await window.hold("decision", "We decided to use PostgreSQL for billing.")
    await window.note("The staging database listens on port 5433.")
    window.later(seconds=61)
    assert await Maintenance(window.memory.resources, window.policy).round() == 1
    assert (await window.status()).state == "ended"
    assert await window.all() == {}
    await window.memory.close()


async def test_maintenance_sweeps_once_however_many_processes_there_are(window: Window, other: Window) -> None:
    for number in range(3):
        await window.start(ttl_seconds=60, metadata={"number": number})
        await window.hold("note", f"The database number {number} listens on port 543{number}.")
    window.later(seconds=61)
    other.time = window.time
    first, second = (
        Maintenance(window.memory.resources, window.policy),
        Maintenance(other.memory.resources, other.policy),
    )
    assert sorted([await first.round(), await second.round()]) == [0, 3]
    assert await first.round() == 0
    window.scope = Scope("desk")
    assert len(await window.all()) == 3


async def test_another_process_takes_the_lease_over_when_its_holder_is_gone(window: Window, other: Window) -> None:
    assert await Maintenance(window.memory.resources, window.policy).round() == 0
    await window.start(ttl_seconds=60)
    window.later(seconds=91)
    other.time = window.time
    assert await Maintenance(other.memory.resources, other.policy).round() == 1


async def test_nothing_is_written_into_a_session_that_is_over(window: Window) -> None:
    await window.start(ttl_seconds=60)
    window.later(seconds=61)
    with pytest.raises(InvalidRequest, match="expired"):
        await window.memory.remember(Remember(content="Too late."), window.scope)
    with pytest.raises(InvalidRequest, match="ended"):
        await window.memory.remember(Remember(content="Too late."), window.scope)
    assert await window.all() == {}


# What cannot be


async def test_a_wrong_session_is_said_to_be_what_it_is(window: Window, other: Window) -> None:
    verbs = [
        lambda scope: window.memory.commit_session(SessionCommit(), scope),
        lambda scope: window.memory.end_session(SessionEnd(), scope),
        lambda scope: window.memory.set_working(WorkingSet(key="k", value=1), scope),
        lambda scope: window.memory.working(scope),
        lambda scope: window.memory.touch_session(None, scope),
        lambda scope: window.memory.remember(Remember(content="x"), scope),
    ]
    foreign = await other.start(workspace_id="garage")
    ended = await window.start()
    await window.end()
    cases = [("sess_unknown", "no session"), (foreign, "garage"), (ended, "ended at")]
    for verb in verbs:
        for session_id, hint in cases:
            with pytest.raises(InvalidRequest, match=hint):
                await verb(Scope("desk", session_id=session_id))
    with pytest.raises(InvalidRequest, match="no session here"):
        await window.memory.commit_session(SessionCommit(), Scope("desk"))
    with pytest.raises(InvalidRequest, match="workspace_id"):
        await window.memory.start_session(SessionStart(session_id=foreign), Scope("desk"))
    assert await other.held() == {}


async def test_a_value_that_cannot_be_kept_is_refused_and_the_one_before_stays(tmp_path: Path) -> None:
    window = Window(tmp_path, most_chars=100, most_entries=2)
    await window.start()
    await window.hold("a", "kept")
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    for value, hint in (("x" * 99, "100"), (float("nan"), "JSON"), ("\ud800", "JSON"), (deep, "nested")):
        with pytest.raises(InvalidRequest, match=hint):
            await window.hold("a", value)
    await window.hold("b", "x" * 98)
    with pytest.raises(InvalidRequest, match="already holds 2"):
        await window.hold("c", 1)
    assert await window.held() == {"a": "kept", "b": "x" * 98}
    await window.memory.close()


@pytest.mark.parametrize("key", ["", " \n", "k" * 201, "a\0b"])
async def test_a_key_that_is_blank_too_long_or_unstorable_is_refused(key: str) -> None:
    with pytest.raises(ValidationError):
        WorkingSet(key=key, value=1)


@pytest.mark.parametrize("value", [None, False, 0, "", [], {}, {"a": [1, {"b": None}]}, "ü\0x", 1.5, 2**60])
async def test_any_json_is_held_as_it_was_given(window: Window, value: Any) -> None:
    await window.start()
    await window.hold("k", value)
    assert await window.held() == {"k": value}


# Committing


async def test_a_commit_turns_what_is_held_into_typed_memories(window: Window) -> None:
    session = await window.start(context_id="backend", user_id="ana")
    await window.hold("talk", "Thanks! Marta prefers short answers. Shall we go on? Rui broke his arm on Monday.")
    await window.hold("service", {"name": "Kestrel", "port": 5433})
    await window.note("The login loop was fixed by clearing the stale cookie.", tags=["login"], subject_id="web")
    result = await window.commit()
    assert (result.memories_extracted, result.memories_created, result.memories_deduplicated) == (5, 5, 0)
    assert result.breakdown == {"cases": 1, "entities": 2, "events": 1, "preferences": 1}
    assert sum(result.breakdown.values()) == len(result.memory_ids) == result.memories_created
    memories = await window.all()
    assert set(memories) == {
        "Marta prefers short answers.",
        "Rui broke his arm on Monday.",
        "service name: Kestrel",
        "service port: 5433",
        "The login loop was fixed by clearing the stale cookie.",
    }
    preference = memories["Marta prefers short answers."]
    assert (preference.type, preference.subtype) == ("semantic", "preference")
    assert (preference.context_id, preference.user_id) == ("backend", "ana")
    assert preference.metadata["session_commit"] == {
        "session_id": session,
        "category": "preferences",
        "keys": ["talk"],
    }
    case = memories["The login loop was fixed by clearing the stale cookie."]
    assert (case.type, case.subtype, case.tags, case.subject_id) == ("episodic", "solution", ["login"], "web")


async def test_committing_twice_adds_nothing(window: Window) -> None:
    await window.start()
    await window.hold("a", "The staging database listens on port 5433.")
    await window.note("Marta prefers short answers.")
    assert (await window.commit()).memories_created == 2
    before = await window.all()
    again = await window.commit()
    assert (again.memories_extracted, again.memories_created, again.memories_deduplicated) == (0, 0, 0)
    assert again.message == "Nothing new to commit."
    assert await window.all() == before
    assert (await window.status()).committed


async def test_the_same_words_about_two_people_are_two_memories(window: Window) -> None:
    await window.start()
    await window.note("He prefers short answers.", subject_id="rui")
    assert (await window.commit()).memories_created == 1
    await window.note("He prefers short answers.", subject_id="tom")
    assert (await window.commit()).memories_created == 1
    assert list(await window.all(subject_id="tom")) == list(await window.all(subject_id="rui"))


async def test_a_value_that_changes_after_a_commit_is_committed_again(window: Window) -> None:
    await window.start()
    await window.hold("a", "The staging database listens on port 5433.")
    await window.commit()
    await window.hold("a", "The staging database listens on port 6000.")
    assert not (await window.status()).committed
    assert (await window.commit()).memories_created == 1
    assert len(await window.all()) == 2


async def test_what_is_known_already_is_confirmed_not_repeated(window: Window) -> None:
    known = await window.memory.remember(Remember(content="Marta prefers short answers.", importance=0.2))
    await window.start()
    await window.hold("a", "Marta prefers short answers. The staging database listens on port 5433.")
    result = await window.commit()
    assert (result.memories_extracted, result.memories_deduplicated, result.memories_created) == (2, 1, 1)
    memories = await window.all()
    assert len(memories) == 2
    assert memories["Marta prefers short answers."].id == known.memory_id


async def test_what_is_left_out_stays_and_can_be_committed_later(window: Window) -> None:
    await window.start()
    await window.hold("a", "Maybe the staging database listens somewhere else.")
    await window.hold("b", "Always use the staging database for tests.")
    first = await window.commit()
    assert (first.memories_created, first.left_out) == (1, 1)
    assert "still in the session" in first.message
    second = await window.commit(importance_threshold=0.1)
    assert (second.memories_created, second.left_out) == (1, 0)
    assert len(await window.all()) == 2


async def test_at_most_so_many_memories_and_the_rest_next_time(window: Window) -> None:
    await window.start()
    await window.hold("ports", " ".join(f"Service number {n} listens on port {n + 8000}." for n in range(7)))
    created = [(await window.commit(max_memories=3)).memories_created for _ in range(4)]
    assert created == [3, 3, 1, 0]
    assert all(memory.access_count == 0 for memory in (await window.all()).values())
    assert len(await window.all()) == 7


async def test_only_the_categories_asked_for(window: Window) -> None:
    await window.start()
    await window.hold("a", "Marta prefers short answers. The staging database listens on port 5433.")
    result = await window.commit(categories=["preferences"])
    assert result.breakdown == {"preferences": 1}
    assert result.left_out == 1


async def test_clearing_drops_what_was_left_out_and_says_so(window: Window) -> None:
    await window.start()
    await window.hold("a", "Maybe the staging database listens somewhere else.")
    result = await window.commit(clear_after_commit=True)
    assert result.working_memory_cleared
    assert "1 left out" in result.message
    assert "cleared" in result.message
    assert await window.held() == {}


async def test_an_expired_value_is_not_committed(window: Window) -> None:
    await window.start()
    await window.hold("a", "The staging database listens on port 5433.", ttl_seconds=10)
    window.later(seconds=10)
    assert (await window.commit()).memories_extracted == 0


async def test_a_commit_that_fails_leaves_everything_as_it_was(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    await window.start()
    await window.hold("a", "The staging database listens on port 5433.")

    async def full(change: SessionChange, identity: object) -> Any:
        raise StoreFull("The disk is full; nothing was written.")

    with monkeypatch.context() as patch:
        patch.setattr(window.store, "commit_session", full)
        with pytest.raises(StoreFull):
            await window.commit()
    assert await window.all() == {}
    assert (await window.commit()).memories_created == 1


async def test_two_windows_that_commit_at_once_write_everything_once(window: Window, other: Window) -> None:
    await window.start()
    other.joins(window)
    for number in range(20):
        await window.hold(f"k{number}", f"Service number {number} listens on port {number + 8000}.")
        await window.note(f"Customer number {number} lives in house {number + 100}.")
    results = await asyncio.gather(window.commit(), other.commit())
    assert sorted(result.memories_created for result in results) == [0, 40]
    assert sum(result.memories_extracted for result in results) == 40
    assert len(await window.all()) == 40


class Meddling(RuleExtractor):
    """While it works, another window writes into the session."""

    def __init__(self, other: Window, times: int) -> None:
        self.other = other
        self.times = times

    async def extract(self, sources: Sequence[Source]) -> list[Statement]:
        if self.times:
            self.times -= 1
            await self.other.hold("a", f"The staging database listens on port {5000 + self.times}.")
        return await super().extract(sources)


async def test_what_another_window_changes_during_a_commit_is_what_is_committed(window: Window, other: Window) -> None:
    await window.start()
    other.joins(window)
    await window.hold("a", "The staging database listens on port 5433.")
    session = await window.store.session(window.scope.session_id)
    assert session is not None
    policy = replace(window.policy, extractor=Meddling(other, 2))
    result = await commit(window.memory.resources, policy, session, SessionCommit())
    assert result.memories_created == 1
    assert set(await window.all()) == {"The staging database listens on port 5000."}
    policy = replace(window.policy, extractor=Meddling(other, 99))
    await window.hold("a", "The staging database listens on port 7000.")
    with pytest.raises(InvalidRequest, match="changed meanwhile"):
        await commit(window.memory.resources, policy, session, SessionCommit())


async def test_rewordings_are_known_by_meaning_and_other_numbers_are_not(tmp_path: Path) -> None:
    window = Window(tmp_path, BackgroundEmbedder(MiniLMEncoder()))
    await window.memory.remember(Remember(content="The staging database listens on port 5433."))
    await window.memory.resources.indexer.settle(60)
    await window.start()
    await window.hold("a", "The staging database is listening on port 5433. The staging database listens on port 5434.")
    result = await window.commit()
    assert (result.memories_deduplicated, result.memories_created) == (1, 1)
    assert set(await window.all()) == {
        "The staging database listens on port 5433.",
        "The staging database listens on port 5434.",
    }
    await window.memory.close()


async def test_the_memory_of_another_user_is_never_taken_for_known(tmp_path: Path) -> None:
    window = Window(tmp_path, BackgroundEmbedder(MiniLMEncoder()))
    await window.memory.remember(Remember(content="The staging database listens on port 5433.", user_id="rui"))
    await window.memory.resources.indexer.settle(60)
    await window.start(user_id="ana")
    await window.hold("a", "The staging database is listening on port 5433.")
    assert (await window.commit()).memories_created == 1
    assert set(await window.all(user_id="ana")) == {"The staging database is listening on port 5433."}
    await window.memory.close()


# Isolation


async def test_a_note_is_recalled_in_its_own_session_alone(window: Window, other: Window) -> None:
    await window.start()
    await other.start()
    await window.note("The staging database listens on port 5433.")
    assert set(await window.all()) == {"The staging database listens on port 5433."}
    assert await other.all() == {}
    await other.note("The staging database listens on port 5433.")
    assert (await window.commit()).memories_created == 1
    both = await other.memory.recall(Recall(query="*"), other.scope)
    assert [memory.type for memory in both.memories] == ["semantic", "working"]


async def test_a_note_of_a_committed_session_lives_on_as_a_lasting_memory(window: Window, other: Window) -> None:
    await window.start()
    await window.note("The staging database listens on port 5433.", importance=0.9)
    await window.commit()
    memory = (await other.all())["The staging database listens on port 5433."]
    assert (memory.type, memory.importance) == ("semantic", 0.9)


async def test_notes_and_values_leave_with_their_session_unless_committed(window: Window) -> None:
    await window.start()
    await window.hold("a", "Always use the staging database for tests.")
    await window.note("The staging database listens on port 5433.")
    ended = await window.end(commit=False)
    assert not ended.committed
    assert ended.working_memory_count == 1
    assert (ended.memories_created, ended.memories_extracted) == (0, 0)
    assert await window.all() == {}
    assert (await window.status()).working_memory_count == 0


async def test_ending_commits_and_hands_over(window: Window) -> None:
    session = await window.start()
    await window.hold("decision", "We decided to use PostgreSQL for billing.")
    await window.hold("idea", "Maybe we could rename Kestrel.")
    ended = await window.end()
    assert (ended.committed, ended.memories_created, ended.working_memory_count) == (True, 1, 2)
    assert "We decided to use PostgreSQL for billing." in ended.handover
    assert "Maybe we could rename Kestrel." in ended.handover
    text = as_text(ended)
    for part in (session, "desk", "1 created", ended.handover):
        assert part in text
    assert (await window.status()).state == "ended"


# The session of a connection


async def test_a_connection_begins_one_session_for_all_its_calls(window: Window) -> None:
    keeper = SessionKeeper(window.memory)
    scopes = await asyncio.gather(*(keeper.scope_of("client", "active") for _ in range(5)))
    assert len({scope.session_id for scope in scopes}) == 1
    assert scopes[0].session_id.startswith("sess_")
    assert len(await window.memory.list_sessions()) == 1


async def test_a_connection_without_a_session_of_its_own_begins_none(tmp_path: Path) -> None:
    window = Window(tmp_path, begins_by_itself=False)
    assert (await SessionKeeper(window.memory).scope_of("client", "active")).session_id == ""
    assert await window.memory.list_sessions() == []
    await window.memory.close()


async def test_activity_touches_a_session_only_when_its_time_runs_out(window: Window) -> None:
    keeper = SessionKeeper(window.memory)
    session_id = (await keeper.scope_of("client", "active")).session_id
    for minutes, touched in ((10, NOW), (10, NOW + timedelta(minutes=20))):
        window.later(minutes=minutes)
        await keeper.scope_of("client", "active")
        await keeper.close()
        session = await window.store.session(session_id)
        assert session is not None
        assert session.touched_at == touched


async def test_after_expiry_a_connection_goes_on_in_a_new_session_and_says_so(window: Window) -> None:
    keeper = SessionKeeper(window.memory)
    first = await keeper.scope_of("client", "active")
    await window.memory.set_working(WorkingSet(key="a", value="The staging database listens on port 5433."), first)
    window.later(hours=1)
    second = await keeper.scope_of("client", "active")
    assert second.session_id not in ("", first.session_id)
    forgotten = keeper.told(await window.memory.remember(Remember(content="Ana leads the design team."), second))
    assert f"Session {first.session_id} expired" in forgotten.message
    assert "1 memory created" in forgotten.message
    assert f"Session {second.session_id} was begun" in forgotten.message
    silent = keeper.told(await window.memory.remember(Remember(content="Rui leads the test team."), second))
    assert "Session" not in silent.message


async def test_a_session_that_another_window_ended_is_left(window: Window, other: Window) -> None:
    keeper = SessionKeeper(window.memory)
    first = await keeper.scope_of("client", "active")
    await other.memory.end_session(SessionEnd(), first)
    second = await keeper.scope_of("client", "active")
    assert second.session_id != first.session_id
    told = keeper.told(await window.memory.remember(Remember(content="Ana leads the design team."), second))
    assert f"Session {first.session_id} ended" in told.message


async def test_a_connection_follows_the_session_it_starts_and_leaves_the_one_it_ends(window: Window) -> None:
    keeper = SessionKeeper(window.memory)
    scope = await keeper.scope_of("client", "as is")
    assert scope.session_id == ""
    started = await window.memory.start_session(SessionStart(workspace_id="garage", context_id="tools"), scope)
    keeper.follow(started)
    scope = await keeper.scope_of("client", "active")
    assert (scope.workspace_id, scope.session_id, scope.context_id) == ("garage", started.session_id, "tools")
    await window.memory.remember(Remember(content="The drill is in the red box."), scope)
    [found] = (await window.memory.recall(Recall(query="*", context_id="tools"), scope)).memories
    assert found.content == "The drill is in the red box."
    keeper.follow(await window.memory.end_session(SessionEnd(), scope))
    assert (await keeper.scope_of("client", "as is")).session_id == ""
    assert (await keeper.scope_of("client", "active")).workspace_id == "garage"


async def test_a_configured_session_is_continued_or_every_call_says_why_not(window: Window) -> None:
    session = await window.start()
    window.memory.scope = Scope("desk", session_id=session)
    assert (await SessionKeeper(window.memory).scope_of("client", "active")).session_id == session
    window.memory.scope = Scope("desk", session_id="sess_gone")
    keeper = SessionKeeper(window.memory)
    for _ in range(2):
        with pytest.raises(InvalidRequest, match=r"MCP_MEMORY_SESSION.*sess_gone"):
            await keeper.scope_of("client", "active")
    keeper.follow(await window.memory.start_session(SessionStart(), await keeper.scope_of("client", "as is")))
    assert (await keeper.scope_of("client", "active")).session_id != "sess_gone"


async def test_without_a_writable_store_reading_goes_on_and_a_message_says_that_there_is_no_session(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(session: object) -> Any:
        raise StoreFull("The disk is full; nothing was written.")

    keeper = SessionKeeper(window.memory)
    with monkeypatch.context() as patch:
        patch.setattr(window.store, "start_session", full)
        scope = await keeper.scope_of("client", "active")
        assert scope.session_id == ""
        told = keeper.told(await window.memory.remember(Remember(content="Ana leads the design team."), scope))
        assert "belongs to no session" in told.message
    memory_id = told.memory_id
    scope = await keeper.scope_of("client", "active")
    assert scope.session_id
    assert keeper.told(await window.memory.forget(Forget(memory_id=memory_id), scope)).message.count("session") == 0

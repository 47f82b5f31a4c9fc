"""Sessions, what they hold in hand, and the briefing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from memorylayer import NotFoundError, Session, SessionBriefing, ValidationError

from tests.support.memorylayer_client.user import a_workspace, async_step, refused, step, sync_step

if TYPE_CHECKING:
    from tests.support.memorylayer_client.user import User

HELD = {
    "task": {"file": "auth.py", "lines": [1, 2]},
    "count": 3,
    "ratio": 0.25,
    "done": False,
    "nothing": None,
    "note": "Größe, with a comma",
    "list, of things": ["a", {"b": None}],
}


@step
async def a_session_begins_lasts_and_ends(user: User) -> None:
    async with user.client() as client:
        made = await client.create_session(ttl_seconds=7200)
        assert isinstance(made, Session)
        assert made.id
        assert made.metadata == {}
        left = made.expires_at - datetime.now(UTC)
        assert timedelta(minutes=110) < left <= timedelta(minutes=121)
        read = await client.get_session(made.id)
        assert (read.id, read.workspace_id) == (made.id, made.workspace_id)
        assert made.id in [one["id"] for one in await client.list_sessions(workspace_id=made.workspace_id)]
        touched = await client.touch_session(made.id)
        assert datetime.fromisoformat(touched["expires_at"]) >= made.expires_at
        assert await client.delete_session(made.id) is True
        await refused(NotFoundError, client.get_session(made.id))
        await refused(NotFoundError, client.touch_session(made.id))


@sync_step
async def a_session_is_of_the_clients_workspace(user: User) -> None:
    async with user.client() as client:
        made = await client.create_session()
        assert made.workspace_id == client.workspace_id
        assert client.get_session_id() is None


@async_step
async def a_session_says_where_calls_happen(user: User) -> None:
    workspace = a_workspace()
    async with user.bare() as client:
        session = await client.create_session(workspace_id=workspace, context_id="sprint-7")
        assert (session.workspace_id, client.get_session_id()) == (workspace, session.id)
        made = await client.remember("The sprint ends on Friday.")
        assert (made.workspace_id, made.session_id, made.context_id) == (workspace, session.id, "sprint-7")
        assert [one.id for one in (await client.recall("end of sprint")).memories] == [made.id]
        assert [one["id"] for one in await client.list_sessions(workspace_id=workspace, context_id="sprint-7")] == [
            session.id
        ]
        assert await client.list_sessions(workspace_id=workspace, context_id="other") == []
        client.clear_session()
        assert client.get_session_id() is None
        apart = await client.create_session(workspace_id=workspace, auto_set_session=False)
        assert client.get_session_id() is None
        client.set_session(apart.id)
        assert (await client.list_memories()).memories[0].id == made.id


@step
async def any_value_is_held_and_read_again(user: User) -> None:
    async with user.client() as client:
        session = await client.create_session()
        for key, value in HELD.items():
            await client.set_context(session.id, key, value)
        for key, value in HELD.items():
            assert await client.get_context(session.id, [key]) == {key: value}
        assert await client.get_context(session.id, ["task", "count", "missing"]) == {
            "task": HELD["task"],
            "count": 3,
        }
        assert await client.get_context(session.id, []) == HELD
        await refused(NotFoundError, client.get_context(session.id, ["missing", "gone"]))
        await client.set_context(session.id, "count", 4, ttl_seconds=60)
        assert await client.get_context(session.id, ["count"]) == {"count": 4}


@step
async def one_session_holds_nothing_of_another(user: User) -> None:
    async with user.client() as client:
        first, second = await client.create_session(), await client.create_session()
        assert first.id != second.id
        await client.set_context(first.id, "secret", "of the first")
        assert await client.get_context(second.id, []) == {}


@step
async def a_commit_turns_what_is_held_into_memories(user: User) -> None:
    async with user.client() as client:
        session = await client.create_session()
        await client.set_context(session.id, "decision", "We decided to use PostgreSQL for the billing service.")
        await client.set_context(session.id, "preference", "Mira prefers short pull requests with one commit each.")
        done = await client.commit_session(session.id, min_importance=0.0, deduplicate=True, max_memories=10)
        assert done["session_id"] == session.id
        assert done["memories_created"] >= 1
        assert isinstance(done["extraction_time_ms"], int)
        assert sum(done["breakdown"].values()) >= done["memories_created"]
        found = await client.recall("Which database does billing use?")
        assert any("PostgreSQL" in one.content for one in found.memories)
        again = await client.commit_session(session.id, categories=["preferences"])
        assert again["memories_created"] == 0
        await refused(ValidationError, client.commit_session(session.id, categories=["gossip"]))


@step
async def a_session_that_was_never_begun_is_not_there(user: User) -> None:
    async with user.client() as client:
        for call in (
            client.get_session("sess_none"),
            client.delete_session("sess_none"),
            client.touch_session("sess_none"),
            client.commit_session("sess_none"),
            client.set_context("sess_none", "key", "value"),
            client.get_context("sess_none", ["key"]),
        ):
            await refused(NotFoundError, call)
        for seconds in (1, 10_000_000):
            await refused(ValidationError, client.create_session(ttl_seconds=seconds))


@step
async def sessions_that_are_over_are_listed_on_request(user: User) -> None:
    async with user.client() as client:
        session = await client.create_session()
        await client.delete_session(session.id)
        assert session.id not in _ids(await client.list_sessions())
        assert session.id in _ids(await client.list_sessions(include_expired=True))


def _ids(sessions: list[dict[str, Any]]) -> list[str]:
    return [one["id"] for one in sessions]


@step
async def the_briefing_tells_what_happened(user: User) -> None:
    async with user.client() as client:
        first = await client.remember("We decided to host in Frankfurt.", type="semantic", subtype="decision")
        await client.remember("The login is always slow on Mondays.", type="episodic")
        for options in (
            {},
            {"lookback_hours": 24},
            {"lookback_minutes": 5, "limit": 1},
            {"detail_level": "full", "include_memories": False, "include_contradictions": False},
            {"detail_level": "overview"},
        ):
            briefing = await client.get_briefing(**options)
            assert isinstance(briefing, SessionBriefing), options
            assert briefing.workspace_summary["total_memories"] == 2, options
        briefing = await client.get_briefing()
        assert briefing.workspace_summary["recent_memories"] == 2
        assert briefing.recent_activity[0].memories_created == 2
        raw = await client._request("GET", "/sessions/briefing", params={"detail_level": "full"})
        assert first.id in [one["id"] for one in raw["memories"] + raw["decisions"]]


@step
async def the_briefing_tells_what_contradicts(user: User) -> None:
    async with user.client() as client:
        first = await client.remember("Always enable the cache in production.")
        second = await client.remember("Never enable the cache in production.")
        briefing = await client.get_briefing()
        (found,) = briefing.contradictions_detected
        assert {found.memory_a, found.memory_b} == {first.id, second.id}
        assert found.needs_resolution is True


@step
async def a_contradiction_is_settled(user: User) -> None:
    async with user.client() as client:
        kept = await client.remember("Always enable the cache in production.")
        await client.remember("Never enable the cache in production.")
        path = f"/workspaces/{client.workspace_id}/contradictions"
        scanned = await client._request("POST", f"{path}/scan", json={})
        listed = await client._request("GET", path)
        assert scanned["workspace_id"] == client.workspace_id
        assert listed["count"] == 1
        (found,) = listed["contradictions"]
        keep = "keep_a" if found["memory_a_id"] == kept.id else "keep_b"
        settled = await client._request(
            "POST",
            f"/contradictions/{found['id']}/resolve",
            json={"resolution": keep},
            params={"workspace_id": client.workspace_id},
        )
        assert settled["resolution"] == keep
        assert [one.id for one in (await client.list_memories()).memories] == [kept.id]
        assert (await client._request("GET", path))["count"] == 0

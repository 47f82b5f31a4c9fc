"""Finding memories again, with every option."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from memorylayer import MemoryType, RecallMode, RecallResult, ReflectResult, SearchTolerance, ValidationError

from tests.support.memorylayer_client.user import refused, step

if TYPE_CHECKING:
    from tests.support.memorylayer_client.user import User

TEA = "Ana drinks green tea every morning."
BUILD = "The build fails when the cache is cold."
FIX = "Warming the cache before the build fixed the failure."
DESK = "The standing desk is next to the window."


async def _filled(client: Any) -> dict[str, str]:
    """The ids of four memories by their text."""
    memories = [
        await client.remember(TEA, type="semantic", subtype="preference", tags=["people", "tea"], user_id="ana"),
        await client.remember(BUILD, type="episodic", subtype="problem", tags=["ci", "cache"], user_id="bob"),
        await client.remember(FIX, type="procedural", subtype="fix", tags=["ci"], user_id="bob"),
        await client.remember(DESK, type="semantic", tags=["office"]),
    ]
    return {one.content: one.id for one in memories}


async def _texts(client: Any, query: str, **options: Any) -> list[str]:
    return [one.content for one in (await client.recall(query, **options)).memories]


@step
async def what_fits_best_comes_first_and_says_how_well_it_fits(user: User) -> None:
    async with user.client() as client:
        ids = await _filled(client)
        found = await client.recall("What does Ana like to drink?")
        assert isinstance(found, RecallResult)
        best = found.memories[0]
        assert best.id == ids[TEA]
        assert best.relevance_score > 0.3
        assert best.source_scope in ("same_context", "same_workspace")
        assert best.embedding is None
        assert found.total_count >= len(found.memories) >= 1
        assert (type(found.query_tokens), type(found.search_latency_ms)) == (int, int)
        assert found.mode_used
        assert found.retrieval_confidence in ("strong", "moderate")
        assert found.confidence_reasons


@step
async def nothing_found_is_an_empty_answer(user: User) -> None:
    async with user.client() as client:
        found = await client.recall("the airspeed of a swallow")
        assert (found.memories, found.total_count, found.retrieval_confidence) == ([], 0, "weak")


@step
async def types_subtypes_and_tags_narrow(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        ask = "the build and its cache"
        loose = {"tolerance": SearchTolerance.LOOSE, "include_associations": False, "traverse_depth": 0}
        assert set(await _texts(client, ask, **loose)) >= {BUILD, FIX}
        assert await _texts(client, ask, types=[MemoryType.EPISODIC], **loose) == [BUILD]
        assert set(await _texts(client, ask, types=["episodic", "procedural"], **loose)) == {BUILD, FIX}
        assert await _texts(client, ask, subtypes=["fix"], **loose) == [FIX]
        assert set(await _texts(client, ask, tags=["CI"], **loose)) == {BUILD, FIX}
        assert await _texts(client, ask, tags=["ci", "cache"], **loose) == [BUILD]
        assert await _texts(client, ask, tags=["ci", "tea"], **loose) == []


@step
async def a_persons_memories_are_found_for_that_person(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        options = {"tolerance": "loose", "traverse_depth": 0, "include_associations": False}
        assert TEA in await _texts(client, "morning tea", user_id="ana", **options)
        assert TEA not in await _texts(client, "morning tea", user_id="bob", **options)


@step
async def every_mode_answers_without_a_language_model(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        for mode in (*RecallMode, "rag"):
            assert (await _texts(client, "What does Ana drink?", mode=mode))[0] == TEA, mode


@step
async def a_stricter_search_finds_no_more_than_a_looser_one(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        strict, moderate, loose = [
            set(await _texts(client, "cold cache build", tolerance=tolerance, traverse_depth=0))
            for tolerance in (SearchTolerance.STRICT, SearchTolerance.MODERATE, SearchTolerance.LOOSE)
        ]
        assert strict <= moderate <= loose
        assert BUILD in loose


@step
async def nothing_below_the_least_relevance_is_found(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        found = await client.recall("What does Ana drink?", min_relevance=0.5, traverse_depth=0)
        assert all(one.relevance_score >= 0.5 for one in found.memories)
        assert await _texts(client, "someone's favourite hot beverage", min_relevance=0.95, traverse_depth=0) == []


@step
async def pages_follow_on_each_other(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        options = {"min_relevance": 0.0, "traverse_depth": 0, "include_associations": False}
        whole = await _texts(client, "build cache desk tea", **options)
        pages = [await _texts(client, "build cache desk tea", limit=1, offset=place, **options) for place in range(4)]
        assert [text for page in pages for text in page] == whole


@step
async def a_star_browses_newest_first(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        assert await _texts(client, "*") == [DESK, FIX, BUILD, TEA]
        assert await _texts(client, "*", limit=2, offset=1) == [FIX, BUILD]


@step
async def linked_memories_come_along_when_they_are_asked_for(user: User) -> None:
    async with user.client() as client:
        ids = await _filled(client)
        await client.associate(ids[TEA], ids[DESK], "related_to", strength=1.0)
        ask, strict = "green tea in the morning", {"tolerance": "strict"}
        assert DESK not in await _texts(client, ask, include_associations=False, traverse_depth=0, **strict)
        found = await client.recall(ask, include_associations=True, traverse_depth=1, max_expansion=10, **strict)
        linked = {one.content: one.source_scope for one in found.memories}
        assert linked[DESK] == "association"


@step
async def how_much_is_new_counts_as_asked(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        for weight in (0.0, 0.5, 1.0):
            assert TEA in await _texts(client, "What does Ana drink?", recency_weight=weight)
        await refused(ValidationError, client.recall("What?", recency_weight=1.5))


@step
async def spans_of_time_narrow(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        now = datetime.now(UTC)
        before, after = (now - timedelta(hours=1)).isoformat(), (now + timedelta(hours=1)).isoformat()
        ask = "What does Ana drink?"
        for option in ("created_after", "event_after"):
            assert TEA in await _texts(client, ask, **{option: before}), option
            assert await _texts(client, ask, **{option: after}) == [], option
        for option in ("created_before", "event_before"):
            assert TEA in await _texts(client, ask, **{option: after}), option
            assert await _texts(client, ask, **{option: before}) == [], option
        assert TEA in await _texts(client, ask, created_after="2020-01-01", created_before="2120-01-01T00:00:00+05:30")
        await refused(ValidationError, client.recall(ask, created_after="yesterday"))


@step
async def memories_can_be_put_in_the_order_of_time(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        options = {"min_relevance": 0.0, "traverse_depth": 0, "include_associations": False}
        oldest_first = await _texts(client, "build cache desk tea", time_order="asc", **options)
        assert oldest_first == [text for text in (TEA, BUILD, FIX, DESK) if text in oldest_first]
        assert await _texts(client, "build cache desk tea", time_order="desc", **options) == oldest_first[::-1]
        assert {BUILD, DESK} <= set(oldest_first)


@step
async def what_everybody_shares_is_found_unless_it_is_left_out(user: User) -> None:
    async with user.client(workspace_id="_global") as everybody:
        shared = await everybody.remember("The fire drill is on the first Monday.")
    async with user.client() as client:
        found = await client.recall("When is the fire drill?")
        assert {one.id: one.source_scope for one in found.memories}[shared.id] == "global_workspace"
        assert await _texts(client, "When is the fire drill?", include_global=False) == []
        assert await _texts(client, "When is the fire drill?", include_global_user=True, user_id="ana") is not None


@step
async def an_answer_keeps_to_its_budget(user: User) -> None:
    async with user.client() as client:
        for number in range(6):
            await client.remember(f"Step {number} of the release: " + "check the notes and the tests again. " * 6)
        whole = await client.recall("steps of the release", min_relevance=0.0)
        found = await client.recall("steps of the release", min_relevance=0.0, budget_tokens=120)
        assert found.budget_summary.requested == 120
        assert found.budget_summary.used <= 120
        assert found.budget_summary.omitted_items == len(whole.memories) - len(found.memories) > 0
        assert whole.budget_summary is None


@step
async def evidence_is_left_out_where_nobody_asks(user: User) -> None:
    async with user.client() as client:
        await _filled(client)
        found = await client.recall("What does Ana drink?", include_confidence=False, include_relations=False)
        assert found.memories[0].content == TEA
        assert found.relation_paths == []


@step
async def a_question_that_cannot_be_is_refused(user: User) -> None:
    async with user.client() as client:
        for options in (
            {"query": ""},
            {"query": "x", "limit": 0},
            {"query": "x", "limit": 1000},
            {"query": "x", "mode": "magic"},
            {"query": "x", "tolerance": "lenient"},
            {"query": "x", "types": ["imaginary"]},
            {"query": "x", "traverse_depth": 6},
            {"query": "x", "min_relevance": -0.1},
            {"query": "x", "time_order": "sideways"},
        ):
            await refused(ValidationError, client.recall(**options))


@step
async def a_synthesis_quotes_what_it_stands_on(user: User) -> None:
    async with user.client() as client:
        ids = await _filled(client)
        told = await client.reflect("What happened with the build?")
        assert isinstance(told, ReflectResult)
        assert "cache" in told.reflection
        assert set(told.source_memories) & {ids[BUILD], ids[FIX]}
        assert 0 < told.confidence <= 1
        short = await client.reflect("What happened with the build?", max_tokens=20, include_sources=False)
        assert len(short.reflection) < len(told.reflection)
        assert short.source_memories == []


@step
async def a_synthesis_of_nothing_says_so(user: User) -> None:
    async with user.client() as client:
        told = await client.reflect("the airspeed of a swallow")
        assert told.reflection
        assert (told.source_memories, told.confidence) == ([], 0)

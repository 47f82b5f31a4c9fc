"""Contradictions recorded and settled over a real store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pydantic import ValidationError

from mcp_memory.core.resources import Scope
from mcp_memory.errors import Conflict, UnknownMemory, UnknownRecord
from mcp_memory.models.audit import AuditRequest
from mcp_memory.models.contradiction import ListContradictions, ResolveContradiction, ScanContradictions
from mcp_memory.models.editing import GetMemory, UpdateMemory
from mcp_memory.models.memory import Forget
from mcp_memory.names import GLOBAL_WORKSPACE
from tests.integration.verb_support import Desk, desk_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.models.contradiction import RecordedContradiction

pytestmark = pytest.mark.anyio

EARLIER = "The API listens on port 8080."
LATER = "The API listens on port 9090."


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk_in(tmp_path) as opened:
        yield opened


async def disputed(desk: Desk) -> RecordedContradiction:
    """One contradiction, between EARLIER and LATER."""
    await desk.remember(EARLIER)
    desk.later(days=1)
    await desk.remember(LATER)
    scan = await desk.memory.scan_contradictions(ScanContradictions())
    [one] = scan.contradictions
    return one


async def waiting(desk: Desk) -> list[RecordedContradiction]:
    return await desk.memory.list_contradictions(ListContradictions())


async def test_a_scan_records_each_contradiction_once_with_the_older_memory_first(desk: Desk) -> None:
    one = await disputed(desk)
    assert one.id.startswith("contra_")
    assert (one.content_a, one.content_b, one.kind) == (EARLIER, LATER, "value_conflict")
    assert one.newer == one.memory_b
    assert (one.detected_at, one.resolved_at) == (desk.time, None)
    assert await waiting(desk) == [one]
    again = await desk.memory.scan_contradictions(ScanContradictions())
    assert (again.contradictions_found, again.contradictions, again.unresolved) == (0, [], 1)


async def test_a_scan_records_no_more_than_asked_and_the_next_goes_on(desk: Desk) -> None:
    for place in ("kitchen", "garage", "cellar"):
        await desk.remember(f"The {place} service listens on port 8080.")
        await desk.remember(f"The {place} service listens on port 9090.")
    found = [
        (await desk.memory.scan_contradictions(ScanContradictions(limit=2))).contradictions_found for _ in range(3)
    ]
    assert found == [2, 1, 0]
    assert len({(one.memory_a, one.memory_b) for one in await waiting(desk)}) == 3
    assert len(await desk.memory.list_contradictions(ListContradictions(limit=2))) == 2


@pytest.mark.parametrize(("resolution", "kept"), [("keep_a", EARLIER), ("keep_b", LATER)])
async def test_keeping_one_forgets_the_other_and_links_them(desk: Desk, resolution: str, kept: str) -> None:
    one = await disputed(desk)
    desk.later(hours=1)
    settled = await desk.memory.resolve_contradiction(
        ResolveContradiction(contradiction_id=one.id, resolution=resolution)
    )
    assert (settled.resolution, settled.resolved_at) == (resolution, desk.time)
    assert await desk.recalled("*") == [kept]
    assert await waiting(desk) == []
    winner, loser = (one.memory_a, one.memory_b) if kept == EARLIER else (one.memory_b, one.memory_a)
    [link] = (await desk.memory.trace(winner)).links
    assert (link.relationship, link.memory_id, link.status) == ("supersedes", loser, "deleted")
    restored = await desk.memory.restore(loser)
    assert restored.memory_id == loser
    assert (await desk.memory.scan_contradictions(ScanContradictions())).contradictions_found == 0
    assert "contradiction.resolve" in await desk.actions()


async def test_keeping_both_leaves_both_and_nobody_complains_again(desk: Desk) -> None:
    one = await disputed(desk)
    await desk.memory.resolve_contradiction(ResolveContradiction(contradiction_id=one.id, resolution="keep_both"))
    assert sorted(await desk.recalled("*")) == sorted([EARLIER, LATER])
    assert (await desk.memory.scan_contradictions(ScanContradictions())).contradictions_found == 0
    assert await waiting(desk) == []
    audit = await desk.memory.audit(AuditRequest())
    assert [one.kind for one in audit.findings if "conflict" in one.kind] == []


async def test_merging_gives_the_older_one_new_content_and_forgets_the_other(desk: Desk) -> None:
    await desk.ready()
    one = await disputed(desk)
    merged = "Since May the service answers on 9090 where it was 8080 before."
    settled = await desk.memory.resolve_contradiction(
        ResolveContradiction(contradiction_id=one.id, resolution="merge", merged_content=merged)
    )
    assert (settled.content_a, settled.content_b, settled.merged_content) == (merged, None, merged)
    assert await desk.recalled("*") == [merged]
    assert (await desk.memory.get_memory(GetMemory(memory_id=one.memory_a))).embedding_state == "embedded"
    history = await desk.store.revisions("desk", one.memory_a)
    assert [revision.snapshot["content"] for revision in history] == [EARLIER, merged]
    assert await desk.store.integrity() == []


async def test_merging_may_take_the_words_of_the_memory_that_goes(desk: Desk) -> None:
    one = await disputed(desk)
    await desk.memory.resolve_contradiction(
        ResolveContradiction(contradiction_id=one.id, resolution="merge", merged_content=LATER)
    )
    assert (await desk.memory.get_memory(GetMemory(memory_id=one.memory_a))).content == LATER
    assert await desk.recalled("*") == [LATER]


async def test_merging_into_what_a_third_memory_says_changes_nothing_at_all(desk: Desk) -> None:
    one = await disputed(desk)
    third = await desk.remember("The kettle is nobody at all.")
    before = await desk.actions()
    request = ResolveContradiction(
        contradiction_id=one.id, resolution="merge", merged_content="The kettle is nobody at all."
    )
    with pytest.raises(Conflict, match=third):
        await desk.memory.resolve_contradiction(request)
    assert await waiting(desk) == [one]
    assert len(await desk.recalled("*")) == 3
    assert (await desk.memory.trace(one.memory_a)).links == []
    assert await desk.actions() == before


async def test_what_is_settled_cannot_be_settled_again(desk: Desk) -> None:
    one = await disputed(desk)
    await desk.memory.resolve_contradiction(ResolveContradiction(contradiction_id=one.id, resolution="keep_b"))
    with pytest.raises(Conflict, match="settled"):
        await desk.memory.resolve_contradiction(ResolveContradiction(contradiction_id=one.id, resolution="keep_a"))
    assert await desk.recalled("*") == [LATER]


async def test_what_was_forgotten_meanwhile_no_longer_waits_and_cannot_be_kept(desk: Desk) -> None:
    one = await disputed(desk)
    await desk.memory.forget(Forget(memory_id=one.memory_a))
    assert await waiting(desk) == []
    with pytest.raises(Conflict, match="restore it first"):
        await desk.memory.resolve_contradiction(ResolveContradiction(contradiction_id=one.id, resolution="keep_a"))
    settled = await desk.memory.resolve_contradiction(
        ResolveContradiction(contradiction_id=one.id, resolution="keep_b")
    )
    assert settled.resolution == "keep_b"


async def test_what_was_reworded_no_longer_waits_and_is_looked_at_anew(desk: Desk) -> None:
    one = await disputed(desk)
    await desk.memory.update_memory(UpdateMemory(memory_id=one.memory_a, content="The kettle is broken."))
    assert await waiting(desk) == []
    await desk.memory.update_memory(UpdateMemory(memory_id=one.memory_a, content=EARLIER))
    assert (await desk.memory.scan_contradictions(ScanContradictions())).contradictions_found == 1


async def test_an_erased_memory_takes_its_contradictions_with_it(desk: Desk) -> None:
    one = await disputed(desk)
    await desk.memory.forget(Forget(memory_id=one.memory_b, hard=True))
    assert await desk.store.contradiction(one.id) is None
    with pytest.raises(UnknownRecord):
        await desk.memory.resolve_contradiction(ResolveContradiction(contradiction_id=one.id, resolution="keep_a"))


async def test_another_workspace_neither_sees_nor_settles_it(desk: Desk) -> None:
    one = await disputed(desk)
    assert await desk.memory.list_contradictions(ListContradictions(), Scope("other")) == []
    request = ResolveContradiction(contradiction_id=one.id, resolution="keep_a")
    with pytest.raises(UnknownRecord):
        await desk.memory.resolve_contradiction(request, Scope("other"))
    assert await waiting(desk) == [one]


async def test_a_dispute_within_the_global_workspace_is_one_for_all(desk: Desk) -> None:
    everywhere = Scope(GLOBAL_WORKSPACE)
    await desk.remember(EARLIER, everywhere)
    await desk.remember(LATER, everywhere)
    assert (await desk.memory.scan_contradictions(ScanContradictions(), Scope("first"))).contradictions_found == 1
    assert (await desk.memory.scan_contradictions(ScanContradictions(), Scope("second"))).contradictions_found == 0
    [seen] = await desk.memory.list_contradictions(ListContradictions(), Scope("third"))
    assert seen.workspace_id == GLOBAL_WORKSPACE


async def test_a_merge_needs_its_content_and_nothing_else_takes_one() -> None:
    with pytest.raises(ValidationError, match="merged_content"):
        ResolveContradiction(contradiction_id="contra_1", resolution="merge")
    with pytest.raises(ValidationError, match="merged_content"):
        ResolveContradiction(contradiction_id="contra_1", resolution="keep_a", merged_content="x")


async def test_notes_of_a_session_are_never_disputed(desk: Desk) -> None:
    await desk.remember(EARLIER, type="working")
    await desk.remember(LATER, type="working")
    assert (await desk.memory.scan_contradictions(ScanContradictions())).contradictions_found == 0
    with pytest.raises(UnknownMemory):
        await desk.memory.trace("mem_0000000000000000")

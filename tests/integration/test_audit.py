"""Audits of a real store, with the real encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import apsw
import pytest

from mcp_memory.app import open_memory
from mcp_memory.core.contradictions import find_contradictions
from mcp_memory.errors import UnknownMemory
from mcp_memory.models.association import Associate
from mcp_memory.models.audit import AuditRequest
from mcp_memory.models.memory import Forget, Remember

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from mcp_memory.core.memory import Memory
    from mcp_memory.models.audit import AuditResult, Finding

pytestmark = pytest.mark.anyio


@pytest.fixture
async def memory(tmp_path: Path) -> AsyncIterator[Memory]:
    async with open_memory(data_dir=tmp_path, workspace="team") as opened:
        await opened.resources.indexer.embedder.embed(["."], patience=60)
        yield opened


async def tell(memory: Memory, content: str, **more: Any) -> str:
    return (await memory.remember(Remember(content=content, **more))).memory_id


async def link(memory: Memory, source: str, name: str, target: str) -> str:
    request = Associate(source_id=source, target_id=target, relationship=name)
    return (await memory.associate(request)).association_id


async def audit(memory: Memory, **request: Any) -> AuditResult:
    return await memory.audit(AuditRequest(**request))


def of_kind(result: AuditResult, kind: str) -> list[Finding]:
    return [finding for finding in result.findings if finding.kind == kind]


async def test_a_workspace_in_order_has_no_findings(memory: Memory) -> None:
    tea, porto = await tell(memory, "Ana drinks green tea."), await tell(memory, "The office is in Porto.")
    await link(memory, tea, "related_to", porto)
    result = await audit(memory)
    assert (result.findings, result.counts, result.truncated) == ([], {}, False)
    assert (result.checked_memories, result.checked_associations) == (2, 1)
    assert "holds together" in result.message


async def test_an_empty_workspace_can_be_audited(memory: Memory) -> None:
    assert (await audit(memory)).findings == []


async def test_conflicting_values_are_found_in_the_workspace_and_for_each_memory(memory: Memory) -> None:
    old = await tell(memory, "The API port is 8080.")
    new = await tell(memory, "The API port is 9090.")
    await tell(memory, "The database port is 5432.")
    for request in ({}, {"memory_id": old}, {"memory_id": new}):
        [finding] = (await audit(memory, **request)).findings
        assert (finding.kind, finding.memory_ids, finding.certain) == ("value_conflict", [old, new], False)
        assert finding.detail == "Earlier: 8080. Later: 9090."


async def test_a_general_denial_and_a_special_case_conflict(memory: Memory) -> None:
    await tell(memory, "Use tabs for indentation.")
    await tell(memory, "Never use tabs.")
    [finding] = (await audit(memory)).findings
    assert finding.kind == "negation_conflict"


async def test_a_conflict_that_a_link_settles_is_not_found_again(memory: Memory) -> None:
    old = await tell(memory, "The API port is 8080.")
    new = await tell(memory, "The API port is 9090.")
    await link(memory, new, "supersedes", old)
    assert of_kind(await audit(memory), "value_conflict") == []
    assert of_kind(await audit(memory, memory_id=new), "value_conflict") == []


async def test_a_forgotten_memory_conflicts_with_nothing(memory: Memory) -> None:
    old = await tell(memory, "The API port is 8080.")
    await tell(memory, "The API port is 9090.")
    await memory.forget(Forget(memory_id=old))
    assert (await audit(memory)).findings == []


async def test_the_one_that_differs_among_many_that_agree_is_found(memory: Memory) -> None:
    odd = await tell(memory, "The API port is 9090.")
    for number in range(30):
        await tell(memory, f"The API port is 8080{'.' * number}")
    found = await find_contradictions(memory.resources, memory.scope, 100)
    assert any(odd in (one.memory_a, one.memory_b) for one in found)


async def test_conflicts_are_limited_to_the_surest(memory: Memory) -> None:
    for port in range(8000, 8010):
        await tell(memory, f"The API port is {port}.")
    assert len(await find_contradictions(memory.resources, memory.scope, 5)) == 5


async def test_rewordings_are_near_duplicates_and_other_numbers_are_not(memory: Memory) -> None:
    first = await tell(memory, "The team meets every Monday at 10:00 in the big room.")
    second = await tell(memory, "Every Monday at 10:00 the team meets in the big room.")
    await tell(memory, "Invoice 1041 was paid.")
    await tell(memory, "Invoice 1042 was paid.")
    result = await audit(memory)
    assert [set(finding.memory_ids) for finding in of_kind(result, "near_duplicate")] == [{first, second}]
    assert len(of_kind(await audit(memory, memory_id=second), "near_duplicate")) == 1


async def test_the_same_words_in_another_context_are_reported_and_left_alone(memory: Memory) -> None:
    ids = {await tell(memory, "Deploy on Fridays only.", context_id=context) for context in ("", "shop")}
    result = await audit(memory, auto_resolve=True)
    [finding] = of_kind(result, "duplicate")
    assert (set(finding.memory_ids), finding.certain, result.resolved) == (ids, False, [])


async def test_a_link_to_a_forgotten_memory_dangles_and_is_kept(memory: Memory) -> None:
    tea, porto = await tell(memory, "Ana drinks green tea."), await tell(memory, "The office is in Porto.")
    association = await link(memory, tea, "related_to", porto)
    await memory.forget(Forget(memory_id=porto))
    result = await audit(memory, auto_resolve=True)
    [finding] = of_kind(result, "dangling_link")
    assert (finding.association_ids, finding.certain, result.resolved) == ([association], False, [])
    await memory.restore(porto)
    assert (await audit(memory)).findings == []


async def test_a_link_to_a_memory_that_is_gone_is_removed_and_the_act_reported(memory: Memory, tmp_path: Path) -> None:
    tea, porto = await tell(memory, "Ana drinks green tea."), await tell(memory, "The office is in Porto.")
    association = await link(memory, tea, "related_to", porto)
    nowhere = "UPDATE associations SET target_id = 'mem_00000000000000ff' WHERE target_id = ?"
    _meddle(tmp_path / "memory.db", nowhere, porto)
    result = await audit(memory, auto_resolve=True)
    [finding] = of_kind(result, "dangling_link")
    assert finding.certain
    [act] = result.resolved
    assert (act.kind, association in act.done) == ("dangling_link", True)
    assert (await audit(memory)).counts == {}


def _meddle(database: Path, statement: str, *values: str) -> None:
    """What only another program can do to the file."""
    connection = apsw.Connection(str(database))
    connection.set_busy_timeout(10_000)
    connection.execute(statement, values)
    connection.close()


async def test_a_ring_of_dependencies_is_found_from_each_memory_in_it(memory: Memory) -> None:
    ids = [await tell(memory, f"The {part} of the house.") for part in ("roof", "wall", "floor", "garden")]
    for source, target in ((0, 1), (1, 2), (2, 0), (2, 3)):
        await link(memory, ids[source], "depends_on", ids[target])
    [finding] = of_kind(await audit(memory), "cycle")
    assert finding.memory_ids == sorted(ids[:3])
    assert of_kind(await audit(memory, memory_id=ids[1]), "cycle") == [finding]
    assert of_kind(await audit(memory, memory_id=ids[3]), "cycle") == []


async def test_a_replaced_memory_that_is_still_relied_on_is_found(memory: Memory) -> None:
    old, new = await tell(memory, "Roads are paved with tar."), await tell(memory, "Streets get concrete.")
    user = await tell(memory, "The budget assumes cheap material.")
    await link(memory, new, "supersedes", old)
    await link(memory, user, "depends_on", old)
    [finding] = of_kind(await audit(memory), "superseded_but_referenced")
    assert finding.memory_ids == [old, new]
    assert len(finding.association_ids) == 2
    await memory.forget(Forget(memory_id=old))
    assert of_kind(await audit(memory), "superseded_but_referenced") == []


async def test_memories_without_a_vector_are_queued_and_then_embedded(memory: Memory, tmp_path: Path) -> None:
    tea = await tell(memory, "Ana drinks green tea.")
    await memory.resources.indexer.catch_up()
    _meddle(tmp_path / "memory.db", "UPDATE memories SET embedding_state = 'pending'")

    result = await audit(memory, auto_resolve=True)

    [finding] = of_kind(result, "missing_vector")
    assert finding.memory_ids == [tea]
    assert [act.kind for act in result.resolved] == ["missing_vector"]
    await memory.resources.indexer.catch_up()
    assert (await audit(memory)).findings == []


async def test_an_unknown_or_forgotten_memory_cannot_be_audited(memory: Memory) -> None:
    with pytest.raises(UnknownMemory, match="mem_0000000000000000"):
        await audit(memory, memory_id="mem_0000000000000000")
    tea = await tell(memory, "Ana drinks green tea.")
    await memory.forget(Forget(memory_id=tea))
    with pytest.raises(UnknownMemory, match="is forgotten"):
        await audit(memory, memory_id=tea)


async def test_more_findings_than_the_limit_are_counted_and_said_to_be_cut(memory: Memory) -> None:
    for port in range(8000, 8004):
        await tell(memory, f"The API port is {port}.")
    for content in ("Deploy on Fridays only.", "Tests run at night."):
        for context in ("", "shop"):
            await tell(memory, content, context_id=context)
    result = await audit(memory, limit=1)
    assert result.truncated
    assert len(result.findings) == 1
    assert result.counts["duplicate"] == 2
    assert result.findings[0].kind == "value_conflict"


async def test_an_audit_sees_one_workspace_only(memory: Memory) -> None:
    await memory.resources.store.ensure_workspace("other")
    other = await memory.scope_in("other")
    for port in (8080, 9090):
        await memory.remember(Remember(content=f"The API port is {port}."), other)
    assert (await audit(memory)).findings == []
    assert len((await memory.audit(AuditRequest(), other)).findings) == 1


async def test_a_certain_duplicate_is_forgotten_and_its_links_are_kept(memory: Memory, tmp_path: Path) -> None:
    kept, other = await tell(memory, "Ana drinks green tea."), await tell(memory, "Ana drinks green tea!!")
    porto = await tell(memory, "The office is in Porto.")
    await link(memory, porto, "related_to", other)
    _meddle(tmp_path / "memory.db", "DROP INDEX memories_twin")
    same = "UPDATE memories SET content_hash = (SELECT content_hash FROM memories WHERE id = ?) WHERE id = ?"
    _meddle(tmp_path / "memory.db", same, kept, other)

    result = await audit(memory, auto_resolve=True)

    [act] = [act for act in result.resolved if act.kind == "duplicate"]
    assert act.memory_ids == [kept, other]
    again = await audit(memory)
    assert of_kind(again, "duplicate") == []
    links = await memory.resources.store.associations(memory.scope.where(), [kept])
    assert porto in {end for edge in links for end in (edge.source_id, edge.target_id)}

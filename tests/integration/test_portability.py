"""Memory taken out of one store and into another."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.app import open_memory
from mcp_memory.core import portability
from mcp_memory.core.importing import REPORTED
from mcp_memory.errors import InvalidRequest, UnknownWorkspace
from mcp_memory.models.association import Associate
from mcp_memory.models.memory import Forget, Remember
from mcp_memory.models.recall import Recall

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from mcp_memory.core.memory import Memory
    from mcp_memory.core.portability import ImportReport

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def store(folder: Path) -> AsyncIterator[Memory]:
    """A real store with the real encoder, ready."""
    async with open_memory(data_dir=folder, workspace="team") as memory:
        await memory.resources.indexer.embedder.embed(["."], patience=60)
        yield memory


async def exported(memory: Memory, workspace_id: str | None = None, *, vectors: bool = False) -> list[str]:
    lines = portability.export(memory.resources, workspace_id, vectors=vectors)
    return [json.dumps(line) async for line in lines]


async def imported(memory: Memory, lines: Sequence[str | bytes], workspace_id: str = "") -> ImportReport:
    return await portability.import_lines(memory.resources, lines, workspace_id)


def without_time(lines: Sequence[str]) -> list[dict[str, Any]]:
    header = {name: value for name, value in json.loads(lines[0]).items() if name != "exported_at"}
    return [header, *(json.loads(line) for line in lines[1:])]


async def fill(memory: Memory) -> dict[str, str]:
    """Memories of every state, in two workspaces and `_global`, linked; ids by what they are."""
    tea = await memory.remember(Remember(content="Ana drinks green tea.", tags=["People"], metadata={"seen": [1, "ü"]}))
    await memory.remember(Remember(content="Ana drinks green tea.", tags=["tea"]))
    code = await memory.remember(
        Remember(content="ERR-4031: the clock is wrong.", context_id="ops", author="Tomás", occurred_at="2026-01-02")
    )
    gone = await memory.remember(Remember(content="The office is in Porto."))
    await memory.associate(Associate(source_id=code.memory_id, target_id=tea.memory_id, relationship="related_to"))
    await memory.associate(Associate(source_id=code.memory_id, target_id=gone.memory_id, relationship="causes"))
    await memory.forget(Forget(memory_id=gone.memory_id, reason="moved to Lisbon"))
    await memory.recall(Recall(query="ERR-4031"))
    await memory.resources.store.ensure_workspace("other")
    await memory.remember(Remember(content="雨の日は遅れる。"), await memory.scope_in("other"))
    return {"tea": tea.memory_id, "code": code.memory_id, "gone": gone.memory_id}


@pytest.mark.parametrize("vectors", [False, True])
async def test_what_was_exported_and_imported_is_exported_again_line_for_line(tmp_path: Path, vectors: bool) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
    async with store(tmp_path / "one") as one:
        before = await exported(one, vectors=vectors)
    async with store(tmp_path / "two") as two:
        report = await imported(two, before)
        after = await exported(two, vectors=vectors)
    assert report.success, report
    assert report.memories_imported == 4
    assert report.embedded == (0 if vectors else 4)
    assert without_time(after) == without_time(before)


async def test_an_export_holds_tombstones_access_counts_revisions_and_links(tmp_path: Path) -> None:
    async with store(tmp_path) as memory:
        ids = await fill(memory)
    async with store(tmp_path) as memory:
        lines = [json.loads(line) for line in await exported(memory)]
    memories = {line["data"]["id"]: line for line in lines if line["type"] == "memory"}
    assert memories[ids["gone"]]["data"]["status"] == "deleted"
    assert memories[ids["gone"]]["data"]["forget_reason"] == "moved to Lisbon"
    assert [one["action"] for one in memories[ids["gone"]]["revisions"]] == ["created", "forgotten"]
    assert memories[ids["code"]]["data"]["access_count"] == 1
    assert sum(line["type"] == "association" for line in lines) == 2
    assert lines[-1] == {"type": "footer", "memories": 4, "associations": 2, "lines": len(lines)}


async def test_what_was_imported_is_found_by_meaning_and_by_words(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        ids = await fill(one)
        lines = await exported(one)
    async with store(tmp_path / "two") as two:
        await imported(two, lines)
        by_meaning = await two.recall(Recall(query="Which hot beverage is liked?"))
        by_words = await two.recall(Recall(query="ERR-4031"))
        forgotten = await two.recall(Recall(query="Porto"))
    assert by_meaning.memories[0].id == ids["tea"]
    assert by_words.memories[0].id == ids["code"]
    assert ids["gone"] not in [one.id for one in forgotten.memories]


async def test_an_imported_tombstone_can_be_restored(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        ids = await fill(one)
        lines = await exported(one)
    async with store(tmp_path / "two") as two:
        await imported(two, lines)
        await two.restore(ids["gone"])
        found = await two.recall(Recall(query="Porto"))
    assert found.memories[0].id == ids["gone"]


async def test_importing_again_changes_nothing(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
        lines = await exported(one)
    async with store(tmp_path / "two") as two:
        await imported(two, lines)
        before = await exported(two)
        again = await imported(two, lines)
        after = await exported(two)
    assert (again.memories_imported, again.memories_present, again.embedded) == (0, 4, 0)
    assert (again.associations_imported, again.associations_present) == (0, 2)
    assert without_time(after) == without_time(before)


async def test_the_same_content_under_another_id_is_present(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await one.remember(Remember(content="Tea at five."))
        lines = await exported(one)
    async with store(tmp_path / "two") as two:
        mine = await two.remember(Remember(content="Tea  at\nfive."))
        report = await imported(two, lines)
        found = await two.recall(Recall(query="*"))
    assert (report.memories_imported, report.memories_present) == (0, 1)
    assert [one.id for one in found.memories] == [mine.memory_id]


async def test_a_bad_line_costs_only_itself_and_is_named(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
        lines: list[str | bytes] = [*await exported(one)]
    lines.insert(1, "{broken")
    lines.insert(4, b"\xff")
    async with store(tmp_path / "two") as two:
        report = await imported(two, lines)
    assert (report.success, report.unreadable, report.memories_imported) == (False, 2, 4)
    assert [problem.line for problem in report.problems] == [2, 5]
    assert "not valid JSON" in report.problems[0].problem


async def test_a_file_full_of_bad_lines_is_counted_and_not_recited(tmp_path: Path) -> None:
    async with store(tmp_path) as memory:
        report = await imported(memory, ["no"] * 1000)
    assert report.unreadable == 1000
    assert len(report.problems) == REPORTED


async def test_a_file_that_was_cut_off_is_told_apart_from_a_whole_one(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
        lines = await exported(one)
    async with store(tmp_path / "two") as two:
        cut = await imported(two, lines[:-1])
        holed = await imported(two, lines[:-3] + lines[-1:])
        whole = await imported(two, lines)
    assert (cut.success, holed.success, whole.success) == (False, False, True)
    assert "cut off" in cut.notes[0]
    assert "2 lines missing" in holed.notes[0]


async def test_some_lines_alone_are_no_cut_file(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
        lines = [line for line in await exported(one) if '"memory"' in line]
    async with store(tmp_path / "two") as two:
        report = await imported(two, lines)
    assert report.success
    assert report.memories_imported == 4


async def test_a_link_to_a_memory_that_is_not_here_is_reported(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        ids = await fill(one)
        lines = await exported(one)
    async with store(tmp_path / "two") as two:
        report = await imported(two, [line for line in lines if f'"id": "{ids["tea"]}"' not in line])
    assert (report.associations_imported, report.associations_dangling) == (1, 1)
    assert ids["tea"] in report.problems[0].problem


async def test_everything_can_go_into_one_workspace(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
        lines = await exported(one)
    async with store(tmp_path / "two") as two:
        report = await imported(two, lines, "target")
        found = await two.recall(Recall(query="*"), await two.scope_in("target"))
        workspaces = [workspace.id for workspace in await two.resources.store.workspaces()]
    assert report.associations_imported == 2
    assert found.total_count == 3
    assert workspaces == ["target"]


async def test_one_workspace_can_be_exported_alone(tmp_path: Path) -> None:
    async with store(tmp_path) as memory:
        await fill(memory)
        lines = [json.loads(line) for line in await exported(memory, "other")]
    assert [line["data"]["content"] for line in lines if line["type"] == "memory"] == ["雨の日は遅れる。"]
    assert lines[0]["memories"] == 1


async def test_a_workspace_that_is_not_there_cannot_be_exported(tmp_path: Path) -> None:
    async with store(tmp_path) as memory:
        await fill(memory)
        with pytest.raises(UnknownWorkspace, match="team"):
            await exported(memory, "tame")


async def test_a_file_of_a_newer_version_is_refused_before_anything_is_taken(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
        lines = await exported(one)
    newer = json.dumps(json.loads(lines[0]) | {"version": 99})
    async with store(tmp_path / "two") as two:
        with pytest.raises(InvalidRequest, match="update mcp-memory"):
            await imported(two, [newer, *lines[1:]])
        assert (await two.recall(Recall(query="*"))).total_count == 0


async def test_vectors_of_another_encoder_are_not_believed(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        await fill(one)
        lines = await exported(one, vectors=True)
    header = json.loads(lines[0])
    header["encoder"]["revision"] = "another"
    async with store(tmp_path / "two") as two:
        report = await imported(two, [json.dumps(header), *lines[1:]])
        encoders = await two.resources.store.encoders()
    assert report.embedded == 4
    assert [one.identity.revision for one in encoders] != ["another"]


async def test_an_export_of_memorylayer_comes_in_with_its_links(tmp_path: Path) -> None:
    lines = [
        {"type": "header", "version": "1.0", "workspace_id": "team", "exported_at": "2026-01-02T03:04:05Z"},
        {"type": "memory", "index": 0, "data": {"id": "mem_a", "content": "The deploy failed.", "type": "episodic"}},
        {"type": "memory", "index": 1, "data": {"id": "mem_b", "content": "A restart mended it.", "type": "semantic"}},
        {"type": "association", "data": {"source_id": "mem_b", "target_id": "mem_a", "relationship_type": "solves"}},
        {"type": "footer", "memories_exported": 2, "associations_exported": 1},
    ]
    async with store(tmp_path) as memory:
        first = await imported(memory, [json.dumps(line) for line in lines])
        again = await imported(memory, [json.dumps(line) for line in lines])
        found = await memory.recall(Recall(query="deploy"))
    assert first.success
    assert (first.memories_imported, first.associations_imported) == (2, 1)
    assert (again.memories_present, again.associations_present) == (2, 1)
    assert found.memories[0].id == "mem_a"


async def test_more_memories_than_fit_in_a_page_go_through_whole(tmp_path: Path) -> None:
    def line(number: int) -> str:
        data = {"id": f"mem_{number}", "content": f"Fact number {number}.", "type": "semantic"}
        return json.dumps({"type": "memory", "index": number, "data": data})

    async with store(tmp_path) as memory:
        report = await imported(memory, [line(number) for number in range(portability.PAGE + 10)])
        lines = await exported(memory)
    assert report.memories_imported == portability.PAGE + 10
    assert json.loads(lines[-1])["memories"] == portability.PAGE + 10
    assert len({json.loads(one)["data"]["id"] for one in lines if '"memory"' in one}) == portability.PAGE + 10


async def test_an_import_does_not_stop_where_the_encoder_fails(tmp_path: Path) -> None:
    async with store(tmp_path / "one") as one:
        ids = await fill(one)
        lines = await exported(one)
    async with open_memory(
        data_dir=tmp_path / "two", embedder="sentence-transformers", embedder_model=str(tmp_path / "no-model")
    ) as two:
        report = await imported(two, lines)
        found = await two.recall(Recall(query="ERR-4031"), await two.scope_in("team"))
    assert report.success
    assert report.pending == 4
    assert len(report.notes) == 1
    assert [one.id for one in found.memories] == [ids["code"]]

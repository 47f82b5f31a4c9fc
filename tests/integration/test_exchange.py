"""Workspaces out and in again, in the forms that clients of MemoryLayer handle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.core.resources import Scope
from mcp_memory.errors import UnknownWorkspace
from mcp_memory.models.administration import WorkspaceCreate
from mcp_memory.models.association import Associate
from mcp_memory.models.editing import GetMemory, ListAssociations, UpdateMemory
from mcp_memory.models.memory import Forget
from mcp_memory.models.transfer import ExportRequest, WorkspaceExportData
from mcp_memory.models.workspace import Context
from tests.integration.verb_support import NOW, Desk, desk_in

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

Lines = list[dict[str, Any]]


async def lines_of(desk: Desk, **fields: Any) -> Lines:
    request = ExportRequest(**({"workspace_id": "desk"} | fields))
    return [line async for line in desk.memory.export_workspace(request)]


def as_client(lines: Lines) -> WorkspaceExportData:
    """What the reference client makes of the lines: it keeps `data` and little of the header."""
    header = lines[0]
    return WorkspaceExportData.model_validate_json(
        json.dumps(
            {
                "version": header.get("version", "1.0"),
                "workspace_id": header["workspace_id"],
                "exported_at": header["exported_at"],
                "total_memories": header["total_memories"],
                "total_associations": header["total_associations"],
                "memories": [line["data"] for line in lines if line["type"] == "memory"],
                "associations": [line["data"] for line in lines if line["type"] == "association"],
            }
        )
    )


async def furnished(desk: Desk) -> list[str]:
    """The ids of five memories with a history, links between them, one of them forgotten."""
    ids = [
        await desk.remember(f"The fact number {number}.", tags=[f"t{number}"], metadata={"n": number}, author="bob")
        for number in range(5)
    ]
    await desk.memory.update_memory(UpdateMemory(memory_id=ids[0], content="The fact number zero.", pinned=True))
    await desk.memory.forget(Forget(memory_id=ids[4], reason="wrong"))
    for source, target in ((0, 1), (1, 2), (3, 2)):
        request = Associate(source_id=ids[source], target_id=ids[target], relationship="supports", strength=0.7)
        await desk.memory.associate(request)
    return ids


async def everything(desk: Desk) -> Lines:
    """All lines but those that tell of the moment or the encoder, sorted."""
    lines = await lines_of(desk)
    for line in lines:
        line.pop("exported_at", None)
    return sorted(lines, key=json.dumps)


async def test_what_a_client_takes_out_and_hands_back_is_whole(tmp_path: Path) -> None:
    async with desk_in(tmp_path / "one") as desk, desk_in(tmp_path / "two") as other:
        ids = await furnished(desk)
        report = await other.memory.import_workspace(as_client(await lines_of(desk)), "desk")
        assert (report.success, report.memories_imported, report.associations_imported) == (True, 5, 3)
        assert await everything(other) == await everything(desk)
        kept = await other.memory.get_memory(GetMemory(memory_id=ids[0]))
        assert (kept.content, kept.pinned, kept.author) == ("The fact number zero.", True, "bob")
        history = await other.store.revisions("desk", ids[0])
        assert [one.snapshot["content"] for one in history] == ["The fact number 0.", "The fact number zero."]
        again = await other.memory.import_workspace(as_client(await lines_of(desk)), "desk")
        assert (again.memories_imported, again.memories_present, again.associations_present) == (0, 5, 3)


async def test_the_lines_handed_back_as_they_are_are_whole_too(tmp_path: Path) -> None:
    async with desk_in(tmp_path / "one") as desk, desk_in(tmp_path / "two") as other:
        await furnished(desk)
        await desk.store.create_context(
            Context(id="kitchen", workspace_id="desk", name="kitchen", description="Where we cook", created_at=NOW)
        )
        report = await other.memory.import_lines([json.dumps(line) for line in await lines_of(desk)], "")
        assert (report.success, report.memories_imported, report.associations_imported) == (True, 5, 3)
        assert await everything(other) == await everything(desk)
        assert [one.description for one in await other.store.contexts("desk")] == ["", "Where we cook"]


async def test_settings_of_a_workspace_come_along_and_overwrite_none(tmp_path: Path) -> None:
    async with desk_in(tmp_path / "one") as desk, desk_in(tmp_path / "two") as other:
        await desk.memory.create_workspace(
            WorkspaceCreate(name="The desk", workspace_id="desk", settings={"colour": "violet"})
        )
        lines = [json.dumps(line) for line in await lines_of(desk)]
        await other.memory.import_lines(lines)
        made = await other.memory.get_workspace("desk")
        assert (made.name, made.settings) == ("The desk", {"colour": "violet"})
        changed = [line.replace("violet", "green") for line in lines]
        await other.memory.import_lines(changed)
        assert (await other.memory.get_workspace("desk")).settings == {"colour": "violet"}


async def test_parts_follow_one_another_and_together_they_are_everything(tmp_path: Path) -> None:
    async with desk_in(tmp_path / "one") as desk, desk_in(tmp_path / "two") as other:
        ids = await furnished(desk)
        parts = [await lines_of(desk, offset=offset, limit=2) for offset in (0, 2, 4, 6)]
        told = [[line["data"]["id"] for line in part if line["type"] == "memory"] for part in parts]
        assert told == [ids[:2], ids[2:4], ids[4:], []]
        assert [(part[0]["offset"], part[0]["limit"], part[0]["total_memories"]) for part in parts[:2]] == [
            (0, 2, 5), (2, 2, 5),
        ]  # fmt: skip
        for part in parts:
            report = await other.memory.import_lines([json.dumps(line) for line in part])
            assert report.success, report.notes
        assert await everything(other) == await everything(desk)


async def test_links_are_left_out_on_request(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await furnished(desk)
        lines = await lines_of(desk, include_associations=False)
        assert {line["type"] for line in lines} == {"header", "workspace", "context", "memory", "footer"}
        assert (lines[-1]["memories_exported"], lines[-1]["associations_exported"]) == (5, 0)
        assert lines[-1]["lines"] == len(lines)


async def test_only_the_workspace_that_was_asked_for_goes_out(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        await desk.remember("Ana drinks green tea.")
        await desk.remember("Only for the lab.", Scope("lab"))
        assert "Only for the lab." not in json.dumps(await lines_of(desk))
        with pytest.raises(UnknownWorkspace):
            await lines_of(desk, workspace_id="nowhere")


RELATIVE: dict[str, Any] = {
    "version": "1.0",
    "workspace_id": "theirs",
    "exported_at": "2026-04-01T10:00:00Z",
    "memories": [
        {
            "id": "mem_a", "content": "Ana drinks green tea.", "content_hash": "", "type": "semantic",
            "subtype": "preference", "importance": 0.8, "tags": ["people"], "metadata": {"n": 1},
            "abstract": "Ana: tea", "overview": None, "session_id": "sess_1",
            "created_at": "2026-03-01T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z",
        },
        {"id": "mem_b", "content": "Bruno repairs bicycles.", "content_hash": "x", "type": "nonsense"},
    ],
    "associations": [
        {"source_id": "mem_a", "target_id": "mem_b", "relationship_type": "related_to", "strength": 0.4, "metadata": {}}
    ],
}  # fmt: skip


async def test_an_object_of_memorylayers_own_is_taken_in_with_all_it_says(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        report = await desk.memory.import_workspace(WorkspaceExportData.model_validate(RELATIVE), "desk")
        assert (report.success, report.memories_imported, report.associations_imported) == (True, 2, 1)
        tea = await desk.memory.get_memory(GetMemory(memory_id="mem_a"))
        assert (tea.workspace_id, tea.subtype, tea.importance, tea.tags) == ("desk", "preference", 0.8, ["people"])
        assert tea.metadata == {"n": 1, "memorylayer": {"abstract": "Ana: tea"}}
        assert tea.created_at.isoformat() == "2026-03-01T10:00:00+00:00"
        [link] = await desk.memory.associations(ListAssociations(memory_id="mem_a"))
        assert (link.relationship, link.strength) == ("related_to", 0.4)
        assert (await desk.recalled("Who mends two-wheelers?"))[0] == "Bruno repairs bicycles."


async def test_what_cannot_be_read_is_told_and_the_rest_is_taken(tmp_path: Path) -> None:
    async with desk_in(tmp_path) as desk:
        broken = {**RELATIVE, "memories": [*RELATIVE["memories"], {"id": "mem_c"}, {"content": "no id", "id": ""}]}
        report = await desk.memory.import_workspace(WorkspaceExportData.model_validate(broken), "desk")
        assert (report.success, report.memories_imported, report.unreadable) == (False, 2, 2)
        assert [one.line for one in report.problems] == [4, 5]
        assert "content" in report.problems[0].problem

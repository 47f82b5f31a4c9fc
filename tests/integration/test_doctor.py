"""The doctor finds what is broken, says how to mend it, and is not broken by it."""

from __future__ import annotations

import json
import os
import sys
from contextlib import closing
from typing import TYPE_CHECKING

import apsw
import pytest

from mcp_memory.app import build_memory
from mcp_memory.core.doctor import DoctorReport, doctor
from mcp_memory.models.memory import Remember
from mcp_memory.settings import load_settings

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

needs_posix = pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")


async def examined(folder: Path, **settings: str) -> DoctorReport:
    memory = build_memory(load_settings(data_dir=folder, workspace="team", **settings))
    try:
        return await doctor(memory.resources, memory.scope, "a test")
    finally:
        await memory.close()


async def remember(folder: Path, *contents: str) -> None:
    memory = build_memory(load_settings(data_dir=folder, workspace="team"))
    for content in contents:
        await memory.remember(Remember(content=content))
    await memory.close()


def status_of(report: DoctorReport, name: str) -> str:
    return next(check.status for check in report.checks if check.name == name)


def advice_of(report: DoctorReport, name: str) -> str:
    return next(check.advice for check in report.checks if check.name == name)


async def test_a_fresh_installation_is_in_order(tmp_path: Path) -> None:
    report = await examined(tmp_path / "new")
    assert report.success, report
    assert {check.status for check in report.checks} == {"ok"}
    assert [check.name for check in report.checks] == [
        "versions",
        "store",
        "permissions",
        "disk",
        "integrity",
        "counts",
        "workspace",
        "vectors",
        "encoder",
    ]


async def test_it_tells_the_versions_the_counts_and_how_the_workspace_was_chosen(tmp_path: Path) -> None:
    await remember(tmp_path, "Tea.", "Coffee.")
    details = {check.name: check.detail for check in (await examined(tmp_path)).checks}
    assert "SQLite" in details["store"]
    assert "sqlite-vec" in details["store"]
    assert f"Python {sys.version_info.major}.{sys.version_info.minor}" in details["versions"]
    assert "2 memories" in details["counts"]
    assert "'team', chosen by a test" in details["workspace"]


async def test_a_file_that_is_no_database_fails_the_store_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "memory.db").write_bytes(b"This is no database. " * 500)
    report = await examined(tmp_path)
    assert not report.success
    assert status_of(report, "store") == "fail"
    assert status_of(report, "encoder") == "ok"
    assert "memory.db" in advice_of(report, "store")
    assert (tmp_path / "memory.db").read_bytes().startswith(b"This is no database.")


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    report = await examined(tmp_path / "file" / "memory")
    assert status_of(report, "store") == "fail"
    assert str(tmp_path / "file") in advice_of(report, "store")


@needs_posix
async def test_files_that_others_may_read_are_a_warning_with_the_command_that_mends_it(tmp_path: Path) -> None:
    folder = tmp_path / "memory"
    await remember(folder, "Tea.")
    (folder / "memory.db").chmod(0o644)
    report = await examined(folder)
    assert report.success
    assert status_of(report, "permissions") == "warn"
    assert f"chmod 700 {folder}" in advice_of(report, "permissions")


async def test_a_model_that_cannot_load_fails_the_encoder_and_says_why(tmp_path: Path) -> None:
    report = await examined(tmp_path, embedder="sentence-transformers", embedder_model=str(tmp_path / "no-model"))
    assert not report.success
    assert status_of(report, "encoder") == "fail"
    assert advice_of(report, "encoder")


async def test_a_damaged_database_is_found(tmp_path: Path) -> None:
    await remember(tmp_path, *(f"Fact number {number} about the thing called {number * 7}." for number in range(200)))
    database = tmp_path / "memory.db"
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [(size,)] = connection.execute("PRAGMA page_size").fetchall()
        [(root,)] = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'memories'").fetchall()
    pages = bytearray(database.read_bytes())
    pages[(root - 1) * size : (root - 1) * size + 512] = b"\xa5" * 512
    database.write_bytes(pages)
    report = await examined(tmp_path)
    assert not report.success
    assert {check.name for check in report.checks if check.status == "fail"} & {"integrity", "store"}


async def test_memories_without_a_vector_are_a_warning(tmp_path: Path) -> None:
    broken = build_memory(
        load_settings(data_dir=tmp_path, workspace="team", embedder="sentence-transformers", embedder_model="/no/model")
    )
    await broken.remember(Remember(content="Tea."))
    await broken.close()
    report = await examined(tmp_path)
    assert status_of(report, "vectors") == "warn"
    assert "reindex" in advice_of(report, "vectors")


async def test_the_report_is_json_from_end_to_end(tmp_path: Path) -> None:
    report = await examined(tmp_path)
    assert DoctorReport.model_validate(json.loads(report.model_dump_json())) == report

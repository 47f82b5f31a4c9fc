"""Does this installation work, from the folder to the encoder? What does not, and how is it mended?"""

from __future__ import annotations

import os
import platform
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from mcp_memory import __version__
from mcp_memory.core.counting import counted
from mcp_memory.errors import EmbedderUnavailable, StoreError
from mcp_memory.models.base import Result

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from mcp_memory.core.resources import Resources, Scope
    from mcp_memory.embedding.base import Vectors
    from mcp_memory.storage.base import StoreState

ENCODER_PATIENCE: Final = 60.0
"""Seconds the encoder may take to load: a large local model on a slow disk needs most of them."""

NORM_ERROR: Final = 1e-3
"""How far from 1 a vector's length may be: float32 rounding, generously."""

SCARCE_BYTES: Final = 200 * 1024 * 1024
"""Free disk below which there is a warning; a vacuum or a migration may need the database's size again."""

TOO_FEW_BYTES: Final = 10 * 1024 * 1024
"""Free disk below which writing is about to fail."""

PROBES: Final = (
    "The cat is asleep on the sofa.",
    "A kitten naps on the couch.",
    "Invoice 1041 was paid by bank transfer.",
)
"""Two sentences close in meaning without a content word in common, and one far from both."""

Status = Literal["ok", "warn", "fail"]


class Check(Result):
    """One thing looked at."""

    name: str
    status: Status
    detail: str
    advice: str = ""
    """How to mend it; empty when there is nothing to mend."""


class DoctorReport(Result):
    """All checks, in the order they were made."""

    success: bool
    """Whether no check failed; warnings do not count."""
    workspace_id: str
    checks: list[Check]
    message: str


async def doctor(resources: Resources, scope: Scope, workspace_origin: str = "") -> DoctorReport:
    """Look at everything; an error in one check never hides the others.

    Args:
        resources: the store need not be open, and need not open.
        scope: the default workspace.
        workspace_origin: how that was chosen, in words.
    """
    checks = [_versions()]
    checks += await _store_checks(resources, scope, workspace_origin)
    checks += await _encoder_checks(resources)
    return DoctorReport(
        success=all(check.status != "fail" for check in checks),
        workspace_id=scope.workspace_id,
        checks=checks,
        message=_summary(checks),
    )


def _summary(checks: Sequence[Check]) -> str:
    failures = sum(check.status == "fail" for check in checks)
    warnings = sum(check.status == "warn" for check in checks)
    if not failures and not warnings:
        return "Everything is in order."
    return f"{failures} of {len(checks)} checks failed, {warnings} warned."


def _versions() -> Check:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.machine()}"
    return Check(name="versions", status="ok", detail=f"mcp-memory {__version__}, {python}, {system}.")


async def _store_checks(resources: Resources, scope: Scope, workspace_origin: str) -> list[Check]:
    try:
        await resources.store.open()
        state = await resources.store.state()
    except StoreError as error:
        return [Check(name="store", status="fail", detail="The database cannot be opened.", advice=str(error))]
    return [
        _store(state),
        *_file_checks(Path(state.location)),
        await _guarded("integrity", _integrity, resources),
        await _guarded("counts", _counts, resources),
        await _guarded("workspace", lambda one: _workspace(one, scope, workspace_origin), resources),
        await _guarded("vectors", _vectors, resources),
    ]


async def _guarded(name: str, look: Callable[[Resources], Awaitable[Check]], resources: Resources) -> Check:
    try:
        return await look(resources)
    except StoreError as error:
        return Check(name=name, status="fail", detail="The database did not answer.", advice=str(error))


def _store(state: StoreState) -> Check:
    size = f"{state.size_bytes / 1e6:,.1f} MB"
    return Check(
        name="store", status="ok", detail=f"{state.engine}, schema {state.schema_version}, {state.location}, {size}"
    )


def _file_checks(database: Path) -> Iterator[Check]:
    """Nothing where the store is not a file of this machine."""
    if not database.exists():
        return
    yield _permissions(database)
    yield _disk(database.parent)


def _permissions(database: Path) -> Check:
    files = [database, *(path for path in _companions(database) if path.exists())]
    for path in (database.parent, *files):
        if not os.access(path, os.W_OK):
            return Check(
                name="permissions",
                status="fail",
                detail=f"{path} may not be written.",
                advice="Give your user the right to write it, or set MCP_MEMORY_DATA_DIR to another folder.",
            )
    open_to_others = [path for path in (database.parent, *files) if _is_open_to_others(path)]
    if open_to_others:
        return Check(
            name="permissions",
            status="warn",
            detail=f"Other users of this machine can get at {', '.join(map(str, open_to_others))}.",
            advice=f"Run: chmod 700 {database.parent} && chmod 600 {database}*",
        )
    return Check(name="permissions", status="ok", detail="The folder and its files are yours alone.")


def _companions(database: Path) -> Iterator[Path]:
    """The files SQLite keeps beside a database while it is in use."""
    return (database.with_name(database.name + suffix) for suffix in ("-wal", "-shm"))


def _is_open_to_others(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:,.1f} GB free."
    if free >= SCARCE_BYTES:
        return Check(name="disk", status="ok", detail=detail)
    return Check(
        name="disk",
        status="fail" if free < TOO_FEW_BYTES else "warn",
        detail=f"Only {free / 1e6:,.0f} MB free.",
        advice=f"Make room on the disk of {folder}; writes fail when it is full, and nothing stored is lost by that.",
    )


async def _integrity(resources: Resources) -> Check:
    damage = await resources.store.integrity()
    if not damage:
        return Check(name="integrity", status="ok", detail="The database is sound.")
    return Check(
        name="integrity",
        status="fail",
        detail=" ".join(damage[:10]),
        advice="Run `mcp-memory reindex` to rebuild the indexes; if this stays, `mcp-memory export` what can be read.",
    )


async def _counts(resources: Resources) -> Check:
    state = await resources.store.state()
    return Check(
        name="counts",
        status="ok",
        detail=f"{counted(state.memories, 'memory')} in {counted(state.workspaces, 'workspace')}.",
    )


async def _workspace(resources: Resources, scope: Scope, origin: str) -> Check:
    counts = await resources.store.counts(scope.workspace_id, resources.now())
    held = f"{counted(counts.memories, 'memory')}, {counted(counts.associations, 'link')}"
    chosen = f", chosen by {origin}" if origin else ""
    return Check(name="workspace", status="ok", detail=f"{scope.workspace_id!r}{chosen}: {held}.")


async def _vectors(resources: Resources) -> Check:
    """Whether every memory can be found by meaning."""
    coverage = await resources.store.encoders()
    active = next((one for one in coverage if one.active), None)
    bare = (await resources.store.state()).memories - max((one.embedded for one in coverage), default=0)
    note = await resources.indexer.note()
    if note:
        return Check(name="vectors", status="warn", detail=note, advice="Run `mcp-memory reindex`.")
    if bare > 0:
        return Check(
            name="vectors",
            status="warn",
            detail=f"Without a vector yet, so found by words only: {counted(bare, 'memory')}.",
            advice="They are embedded while a server runs; `mcp-memory reindex` does it now.",
        )
    made_by = f", made by {active.identity}" if active else ""
    return Check(name="vectors", status="ok", detail=f"Every memory has its vector{made_by}.")


async def _encoder_checks(resources: Resources) -> list[Check]:
    embedder = resources.indexer.embedder
    try:
        vectors = await embedder.embed(PROBES, patience=ENCODER_PATIENCE)
    except EmbedderUnavailable as error:
        return [
            Check(
                name="encoder",
                status="fail",
                detail=f"{embedder.name} cannot be used; memories are found by their words only.",
                advice=str(error),
            )
        ]
    return [_vector_check(f"{embedder.identity or embedder.name}", vectors)]


def _vector_check(name: str, vectors: Vectors) -> Check:
    import numpy as np

    lengths = np.linalg.norm(vectors, axis=1)
    if vectors.shape[0] != len(PROBES) or not np.all(np.abs(lengths - 1.0) <= NORM_ERROR):
        return Check(
            name="encoder",
            status="fail",
            detail=f"{name} gives vectors that are not of unit length.",
            advice="Use another model: MCP_MEMORY_EMBEDDER and MCP_MEMORY_EMBEDDER_MODEL choose it.",
        )
    alike, different = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
    if alike <= different:
        return Check(
            name="encoder",
            status="fail",
            detail=f"{name} cannot tell what two sentences mean: a paraphrase is farther away than another subject.",
            advice="Install mcp-memory again, or choose another model with MCP_MEMORY_EMBEDDER_MODEL.",
        )
    return Check(
        name="encoder",
        status="ok",
        detail=f"{name}; a paraphrase has cosine {alike:.2f}, another subject {different:.2f}.",
    )

"""Lines of an export, made to fit the workspace they are taken into.

A workspace that is not there yet gets the name and settings that the lines tell. A memory whose id belongs to one of
another workspace already comes in as a copy: its id is derived from the old one and the workspace, so that taking it
in again makes no second copy, and its links lead to the copies. No link leads into a foreign workspace.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from mcp_memory.core.incoming import WorkspaceFields
from mcp_memory.errors import Conflict, UnknownMemory
from mcp_memory.models.administration import WorkspaceCreate
from mcp_memory.names import GLOBAL_WORKSPACE

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterable

    from mcp_memory.core.memory import Memory
    from mcp_memory.core.resources import Scope

    Line = dict[str, Any]

BATCH: Final = 200
"""Lines whose ids are looked up together."""

OURS: Final = frozenset(("id", "relationship", "created_at"))
"""A link with these is one of our own, whatever MemoryLayer's name for its relationship says besides."""

ENDS: Final = ("source_id", "target_id")
SOURCE: Final = "source_memory_id"


async def adopted(memory: Memory, lines: AsyncIterator[bytes], scope: Scope) -> AsyncGenerator[bytes, None]:
    """The lines, as many and in the same order; those that cannot be read are left for the import to tell."""
    adopter = _Adopter(memory, scope)
    batch: list[bytes] = []
    async for line in lines:
        batch.append(line)
        if len(batch) == BATCH:
            for fitting in await adopter.fit(batch):
                yield fitting
            batch = []
    for fitting in await adopter.fit(batch):
        yield fitting


class _Adopter:
    """Fits batch after batch of one import."""

    def __init__(self, memory: Memory, scope: Scope) -> None:
        self._memory = memory
        self._scope = scope
        self._copied: set[str] = set()
        """Ids of memories of this import that came in as copies."""

    async def fit(self, raw: list[bytes]) -> list[bytes]:
        """These lines, those changed that have to be."""
        lines = [_read(one) for one in raw]
        for data in _of_type(lines, "workspace"):
            await self._make_workspace(data)
        homes = await self._homes(lines)
        self._copied |= {
            data["id"] for data in _of_type(lines, "memory") if self._is_elsewhere(homes.get(_text(data, "id")))
        }
        return [one if line is None else self._fitting(one, line, homes) for one, line in zip(raw, lines, strict=True)]

    async def _make_workspace(self, data: Line) -> None:
        """With the name and settings of the line, where there is none yet."""
        here = self._scope.workspace_id
        if await self._memory.resources.store.workspace(here) is not None:
            return
        with suppress(ValidationError, Conflict):
            told = WorkspaceFields.model_validate(data)
            name = here if told.name in ("", told.id) else told.name
            request = WorkspaceCreate(name=name, settings=told.settings, workspace_id=here)
            await self._memory.create_workspace(request, self._scope)

    async def _homes(self, lines: list[Line | None]) -> dict[str, str]:
        """The workspaces of all memories these lines speak of, as far as they are stored, by their ids."""
        ids = {
            *(_text(data, name) for data in _of_type(lines, "memory") for name in ("id", SOURCE)),
            *(_text(data, name) for data in _of_type(lines, "association") for name in ENDS),
        }
        store = self._memory.resources.store
        keys = await store.keys_of([one for one in ids if one])
        alive = {one.id: one.workspace_id for one in (await store.fetch(list(keys.values()))).values()}
        return alive | {one: await self._home_of_tombstone(one) for one in keys if one not in alive}

    async def _home_of_tombstone(self, memory_id: str) -> str:
        """This workspace, or empty for another."""
        here = self._scope.workspace_id
        try:
            await self._memory.resources.store.revisions(here, memory_id)
        except UnknownMemory:
            return ""
        return here

    def _is_elsewhere(self, home: str | None) -> bool:
        return home not in (None, self._scope.workspace_id)

    def _fitting(self, raw: bytes, line: Line, homes: dict[str, str]) -> bytes:
        data = line["data"]
        changed = dict(data)
        match line.get("type"):
            case "memory":
                if _text(data, "id") in self._copied:
                    changed["id"] = self._copy_of(data["id"])
                self._lead(changed, (SOURCE,), homes)
            case "association":
                if data.keys() >= OURS:
                    changed.pop("relationship_type", None)
                self._lead(changed, ENDS, homes)
        return raw if changed == data else json.dumps({**line, "data": changed}).encode()

    def _lead(self, data: Line, names: Iterable[str], homes: dict[str, str]) -> None:
        """Let these fields lead to copies instead of memories of other workspaces."""
        for name in names:
            other = _text(data, name)
            home = homes.get(other)
            if other in self._copied or (self._is_elsewhere(home) and home != GLOBAL_WORKSPACE):
                data[name] = self._copy_of(other)

    def _copy_of(self, memory_id: str) -> str:
        key = f"{self._scope.workspace_id}\n{memory_id}"
        return f"mem_{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def _read(raw: bytes) -> Line | None:
    """A line with an object as its `data`; None for any other."""
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return None
    return line if isinstance(line, dict) and isinstance(line.get("data"), dict) else None


def _of_type(lines: Iterable[Line | None], kind: str) -> list[Line]:
    return [line["data"] for line in lines if line is not None and line.get("type") == kind]


def _text(data: Line, name: str) -> str:
    value = data.get(name)
    return value if isinstance(value, str) else ""

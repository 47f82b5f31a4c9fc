"""What a session leaves to the next window."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from mcp_memory.core.handover import handover
from mcp_memory.core.resources import Resources, Scope
from mcp_memory.models.search import Draft
from mcp_memory.models.session import Session, WorkingEntry
from mcp_memory.storage.sqlite.store import SqliteStore
from mcp_memory.text import content_hash, estimate_tokens

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 5, 7, 14, 30, tzinfo=UTC)
HERE = Scope("kitchen", author="Bo")


class Shift:
    """One session in the kitchen."""

    def __init__(self, store: SqliteStore) -> None:
        self.store = store
        self.resources = Resources(store, indexer=None, now=lambda: NOW)  # type: ignore[arg-type]
        self.session = Session(
            id="sess_lunch",
            workspace_id="kitchen",
            author="Bo",
            created_at=NOW - timedelta(hours=2),
            touched_at=NOW,
            expires_at=NOW + timedelta(hours=1),
        )

    async def note(self, content: str, session_id: str = "sess_lunch", **more: Any) -> str:
        given = {"type": "semantic", "created_at": NOW - timedelta(minutes=5)} | more
        draft = Draft(
            workspace_id="kitchen", content=content, content_hash=content_hash(content), session_id=session_id, **given
        )
        [added] = await self.store.add([draft], None)
        return added.memory.id

    async def hold(self, key: str, value: Any) -> None:
        entry = WorkingEntry(session_id="sess_lunch", key=key, value=value, created_at=NOW, updated_at=NOW)
        await self.store.set_working(entry, 100)

    async def hands_over(self, max_tokens: int = 1000) -> str:
        return await handover(self.resources, HERE, self.session, max_tokens)


@pytest.fixture
async def shift(tmp_path: Path) -> AsyncIterator[Shift]:
    store = SqliteStore(tmp_path / "memory.db")
    await store.open()
    started = Shift(store)
    await store.start_session(started.session)
    yield started
    await store.close()


async def test_an_empty_session_hands_over_that_nothing_was_written(shift: Shift) -> None:
    text = await shift.hands_over()
    assert "sess_lunch" in text
    assert "0 memories written" in text
    assert len(text.splitlines()) == 1


async def test_it_tells_what_was_decided_left_open_held_and_done(shift: Shift) -> None:
    decided = await shift.note("We decided to bake on Tuesdays.", subtype="decision")
    planned = await shift.note("We plan to repaint the pantry.")
    done = await shift.note("The soup has leeks in it.")
    await shift.hold("oven", {"degrees": 220})
    text = await shift.hands_over()
    order = [
        text.index(part) for part in ("Decisions", decided, "Open threads", planned, "Working memory", "oven", done)
    ]
    assert order == sorted(order)
    assert '{"degrees":220}' in text
    assert "2026-05-07" in text
    assert "3 memories written" in text


async def test_other_sessions_are_not_handed_over(shift: Shift) -> None:
    await shift.note("The cellar is flooded.", session_id="sess_cellar")
    assert "cellar" not in await shift.hands_over()


async def test_what_was_superseded_is_not_handed_over(shift: Shift) -> None:
    from mcp_memory.models.association import Association

    old, new = await shift.note("The soup has leeks in it."), await shift.note("The soup has onions in it.")
    edge = {"id": "", "workspace_id": "kitchen", "relationship": "supersedes", "strength": 0.9}
    await shift.store.associate(
        Association(source_id=new, target_id=old, created_at=NOW, updated_at=NOW, **edge)  # type: ignore[arg-type]
    )
    text = await shift.hands_over()
    assert new in text
    assert old not in text


@pytest.mark.parametrize("max_tokens", [100, 300, 1000])
async def test_it_keeps_to_its_tokens_and_every_part_gets_some(shift: Shift, max_tokens: int) -> None:
    for number in range(30):
        await shift.note(f"We decided on recipe {number}. " + "It is long. " * 40, subtype="decision")
        await shift.note(f"We plan to paint wall {number} of house {number}. " + "It is tall. " * 40)
        await shift.hold(f"key {number}", "value " * 60)
    text = await shift.hands_over(max_tokens)
    assert estimate_tokens(text) <= max_tokens
    parts = ("Decisions", "Open threads", "Working memory") if max_tokens == 1000 else ()
    assert [part for part in parts if part not in text] == []

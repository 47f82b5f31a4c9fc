"""What memory does, the same at every door: in-process, stdio, streamable HTTP, SSE and REST."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
import pytest

from tests.contract.conftest import connected
from tests.support.people import SESSION, WORKSPACE, ByRest, ByTool
from tests.support.served import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.people import Person

pytestmark = pytest.mark.anyio

MODERN = "2026-07-28"


@asynccontextmanager
async def person_at(door: str, folder: Path) -> AsyncIterator[Person]:
    """Somebody at a door, in a session, over the store in a folder."""
    if door != "rest":
        async with connected(door, MODERN, folder) as agent:
            yield ByTool(agent)
        return
    headers = {"X-Workspace-ID": WORKSPACE, "X-Session-ID": SESSION}
    with served(folder, workspace=WORKSPACE) as url:
        async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=60) as http:
            yield ByRest(http)


@pytest.fixture(params=["in-process", "stdio", "streamable-http", "sse", "rest"])
async def person(request: pytest.FixtureRequest, tmp_path: Path, anyio_backend: str) -> AsyncIterator[Person]:
    async with person_at(request.param, tmp_path) as somebody:
        yield somebody


async def test_what_is_remembered_is_found_by_its_meaning_and_its_words(person: Person) -> None:
    await person.remember("Ana drinks green tea in the morning.")
    await person.remember("Ticket ZX-4711 was closed by Boris.")
    assert (await person.recalled("what is her favourite beverage"))[0] == "Ana drinks green tea in the morning."
    assert (await person.recalled("ZX-4711"))[0] == "Ticket ZX-4711 was closed by Boris."


async def test_the_same_words_again_make_no_second_memory(person: Person) -> None:
    first = await person.remember("The build runs on Fridays.")
    assert await person.remember("The build runs on Fridays.") == first
    assert await person.count() == 1


async def test_filters_hold_before_anything_is_ranked(person: Person) -> None:
    await person.remember("The oven is hot.", tags=["kitchen"], type="semantic")
    await person.remember("The oven was repaired.", tags=["workshop"], type="episodic")
    assert await person.recalled("oven", tags=["kitchen"]) == ["The oven is hot."]
    assert await person.recalled("oven", types=["episodic"]) == ["The oven was repaired."]


async def test_what_is_forgotten_is_found_no_more(person: Person) -> None:
    await person.forget(await person.remember("The old password was blue."))
    assert await person.recalled("password") == []
    assert await person.count() == 0


async def test_links_lead_from_memory_to_memory(person: Person) -> None:
    cause = await person.remember("The disk was full.")
    effect = await person.remember("The nightly backup failed.")
    await person.link(cause, "causes", effect)
    assert await person.reached_from(cause) == {effect}


async def test_a_summary_names_what_it_is_made_of(person: Person) -> None:
    source = await person.remember("The team decided to deploy on Tuesdays.")
    text, sources = await person.summed_up("When do we deploy?")
    assert "Tuesdays" in text
    assert sources == [source]


async def test_an_audit_finds_what_cannot_both_be_true(person: Person) -> None:
    one = await person.remember("The API listens on port 8080.")
    other = await person.remember("The API listens on port 9090.")
    assert frozenset((one, other)) in await person.contradictions()


async def test_a_briefing_tells_of_what_was_decided(person: Person) -> None:
    await person.remember("We decided to use PostgreSQL for the ledger.", subtype="decision")
    assert "PostgreSQL for the ledger" in await person.told()


async def test_a_note_of_the_session_becomes_a_memory_when_it_is_committed(person: Person) -> None:
    await person.remember("Decision: the release is named Heron, because herons wait.", type="working")
    before = await person.count()
    assert await person.commit() == 1
    assert await person.count() >= before
    assert any("Heron" in one for one in await person.recalled("release name", types=["semantic", "episodic"]))


async def test_code_works_on_memories_that_never_leave_the_server(person: Person) -> None:
    for number in range(3):
        await person.remember(f"Invoice {number} was paid late.")
    assert await person.load("notes", "invoice") == 3
    assert await person.run("late = [n for n in notes if 'late' in n['content']]\nlen(late)") == ("3", None)
    assert sorted(await person.variables()) == ["late", "notes"]


async def test_variables_are_what_they_were_made_to_be_until_a_checkpoint_is_returned_to(person: Person) -> None:
    await person.inject("x", [1, 2])
    await person.checkpoint(name="before")
    assert await person.run("x.append(3)\nx") == ("[1, 2, 3]", None)
    assert await person.seen("x") == "[1, 2, 3]"
    await person.checkpoint(restore="before")
    assert await person.seen("x") == "[1, 2]"


async def test_what_goes_wrong_in_code_is_told_and_what_was_there_stays(person: Person) -> None:
    await person.inject("x", 1)
    result, error = await person.run("x / 0")
    assert result is None
    assert error is not None
    assert "division" in error
    assert await person.seen("x") == "1"


async def test_code_that_never_ends_is_stopped(person: Person) -> None:
    result, error = await person.run("while True:\n    pass")
    assert result is None
    assert error is not None
    assert "longer than" in error
    assert await person.run("1 + 1") == ("2", None)


async def test_a_question_to_a_language_model_that_is_not_there_says_what_to_set(person: Person) -> None:
    await person.inject("x", 1)
    assert "MCP_MEMORY_LLM_MODEL" in await person.complaint_about_question("What is it?")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"query": "   "}, "query"),
        ({"query": "tea", "limit": 0}, "limit"),
        ({"query": "tea", "types": ["nonsense"]}, "types"),
        ({"query": "tea", "nonsense": 1}, "nonsense"),
    ],
)
async def test_a_wrong_call_is_refused_by_the_name_of_what_is_wrong(
    person: Person, fields: dict[str, object], named: str
) -> None:
    assert named in await person.complaint_about_recall(**fields)

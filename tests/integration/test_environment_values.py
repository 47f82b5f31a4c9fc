"""Bringing memories and values into the environment, and looking at what is there."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from mcp_memory.core.environment.environments import EnvironmentPolicy, Environments
from mcp_memory.core.memory import Memory
from mcp_memory.embedding.background import BackgroundEmbedder
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.errors import InvalidRequest, SandboxUnavailable
from mcp_memory.models.environment import ContextInject, ContextLoad, ContextStatusRequest
from tests.support.environments import window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.environments import Window

pytestmark = pytest.mark.anyio


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Window]:
    async with window(tmp_path) as opened:
        yield opened


# Loading


async def test_memories_are_loaded_as_dictionaries(desk: Window) -> None:
    await desk.remember("The cache is flushed at noon.", tags=["cache", "ops"], metadata={"run": 7}, importance=0.9)
    loaded = await desk.load("notes", "cache")
    assert (loaded.variable, loaded.count, loaded.total_available) == ("notes", 1, 1)
    assert loaded.size_bytes > 100
    assert {"id", "content", "type", "importance", "tags", "created_at", "metadata"} <= set(loaded.keys)
    assert await desk.value("notes[0]['tags'], notes[0]['importance'], notes[0]['metadata']['run']") == (
        "(['cache', 'ops'], 0.9, 7)"
    )
    await desk.run("from datetime import datetime")
    assert await desk.value("datetime.fromisoformat(notes[0]['created_at']).year") == "2026"


async def test_more_than_a_recall_shows_can_be_loaded(desk: Window) -> None:
    for number in range(130):
        await desk.remember(f"Incident {number} in billing was closed.")
    assert (await desk.load("all_notes", limit=500)).count == 130
    found = await desk.load("found", "billing incident", limit=120, min_relevance=0)
    assert (found.count, found.total_available) == (120, 130)
    assert found.degraded is not None
    assert await desk.value("len(all_notes), len(found)") == "(130, 120)"


async def test_types_and_tags_narrow_what_is_loaded(desk: Window) -> None:
    await desk.remember("Deploys happen on Monday.", type="procedural", tags=["deploy"])
    await desk.remember("Deploys failed once.", type="episodic", tags=["deploy"])
    loaded = await desk.load("steps", types=["procedural"], tags=["deploy"])
    assert (loaded.count, await desk.value("[n['type'] for n in steps]")) == (1, "['procedural']")


async def test_nothing_found_is_an_empty_list(desk: Window) -> None:
    loaded = await desk.load("none", "zebra")
    assert (loaded.count, loaded.total_available, loaded.keys) == (0, 0, [])
    assert await desk.value("none") == "[]"


async def test_another_workspace_is_not_loaded(desk: Window) -> None:
    home = desk.scope
    await desk.begin("elsewhere")
    await desk.remember("A secret of another workspace.")
    desk.scope = home
    assert (await desk.load("found", "secret")).count == 0
    assert (await desk.load("found", "*")).count == 0


async def test_embeddings_are_loaded_when_asked_for(tmp_path: Path) -> None:
    async with window(tmp_path, embedder=BackgroundEmbedder(MiniLMEncoder())) as desk:
        await desk.remember("The dog was vaccinated.")
        await desk.memory.reindex(lambda done, total: None)
        loaded = await desk.load("notes", "dog", include_embeddings=True)
        assert "embedding" in loaded.keys
        assert await desk.value("len(notes[0]['embedding'])") == "384"
        assert await desk.value("abs(sum(x * x for x in notes[0]['embedding']) - 1) < 0.001") == "True"


async def test_embeddings_that_are_not_there_are_told_of(desk: Window) -> None:
    await desk.remember("The dog was vaccinated.")
    loaded = await desk.load("notes", include_embeddings=True)
    assert loaded.count == 1
    assert loaded.degraded is not None
    assert "mbedding" in loaded.degraded


async def test_a_load_over_the_size_of_one_value_changes_nothing(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_value_bytes=1000)) as desk:
        await desk.inject("notes", 1)
        await desk.remember("x" * 2000)
        with pytest.raises(InvalidRequest, match="1,000"):
            await desk.load("notes")
        assert await desk.value("notes") == "1"


@pytest.mark.parametrize("name", ["", "two words", "for", "a.b", "x" * 65, "__builtins__"])
async def test_a_variable_needs_a_python_name(name: str) -> None:
    with pytest.raises(ValidationError):
        ContextLoad(var=name, query="*")
    with pytest.raises(ValidationError):
        ContextInject(key=name, value=1)


async def test_a_variable_cannot_take_a_name_of_the_sandbox(desk: Window) -> None:
    for name in ("recall", "llm_query_batched", "FINAL_VAR"):
        with pytest.raises(InvalidRequest, match=name):
            await desk.load(name)
        with pytest.raises(InvalidRequest, match=name):
            await desk.inject(name, 1)
    assert not (await desk.status()).exists


async def test_a_blank_query_is_refused(desk: Window) -> None:
    with pytest.raises(InvalidRequest, match="blank"):
        await desk.load("notes", " ")


# Injecting


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inside: st.lists(inside) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inside),
    max_leaves=20,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JSON)
def test_any_json_arrives_as_it_was_given(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    import anyio

    async def there_and_back() -> str:
        async with window(tmp_path_factory.mktemp("json")) as desk:
            await desk.inject("value", value)
            stored = await desk.memory.resources.store.environment_values(desk.scope.session_id)
            return stored["value"]

    assert json.loads(anyio.run(there_and_back)) == value


async def test_a_value_is_shown_as_it_is_now(desk: Window) -> None:
    given_ = await desk.inject("config", {"retries": 3})
    assert (given_.variable, given_.type, given_.preview) == ("config", "dict", "{'retries': 3}")
    assert given_.size_bytes == len('{"retries": 3}')


async def test_text_is_decoded_only_when_asked(desk: Window) -> None:
    assert (await desk.inject("a", "[1, 2]")).type == "str"
    assert (await desk.inject("a", "[1, 2]", parse_json=True)).type == "list"
    assert (await desk.inject("a", "")).type == "str"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{not json", "not JSON"),
        ("", "not JSON"),
        ("[NaN]", "NaN"),
        ("-Infinity", "Infinity"),
        ("[" * 100_000 + "]" * 100_000, "nested too deeply"),
        ('"\\ud800"', "surrogate"),
        ("1" * 5000, "not JSON"),
    ],
    ids=["broken", "empty", "nan", "infinity", "deep", "surrogate", "digits"],
)
async def test_text_that_is_no_json_is_refused(desk: Window, text: str, complaint: str) -> None:
    await desk.inject("a", 1)
    with pytest.raises(InvalidRequest, match=complaint):
        await desk.inject("a", text, parse_json=True)
    assert await desk.value("a") == "1"


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), "half \ud800", {"k": ["\udfff"]}, {1, 2}, 10**5000],
    ids=["nan", "infinity", "half a pair", "half a pair inside", "set", "digits"],
)
async def test_a_value_that_json_does_not_have_is_refused(desk: Window, value: Any) -> None:
    with pytest.raises(InvalidRequest):
        await desk.inject("a", value)
    assert not (await desk.status()).exists


async def test_a_value_nested_as_deep_as_json_can_be_read_does_no_harm(desk: Window) -> None:
    await desk.inject("a", 1)
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    try:
        await desk.inject("a", deep)
    except InvalidRequest:
        assert await desk.value("a") == "1"
    else:
        assert (await desk.inspect(variable="a")).type == "list"


async def test_a_value_over_its_size_changes_nothing(tmp_path: Path) -> None:
    async with window(tmp_path, policy=EnvironmentPolicy(most_value_bytes=100)) as desk:
        await desk.inject("a", 1)
        with pytest.raises(InvalidRequest, match="100"):
            await desk.inject("a", "é" * 60)
        assert await desk.value("a") == "1"


# Looking


async def test_all_variables_are_shown_with_type_size_and_preview(desk: Window) -> None:
    await desk.run("numbers = list(range(1000))\nname = 'Ada'\ndef f():\n    return 1")
    seen = await desk.inspect(preview_chars=20)
    assert seen.variable_count == 3
    assert seen.variables is not None
    numbers = seen.variables["numbers"]
    assert (numbers.type, numbers.length) == ("list", 1000)
    assert numbers.size_bytes > 3000
    assert len(numbers.preview) < 100
    assert seen.variables["f"].type == "function"
    assert seen.total_size_bytes == sum(one.size_bytes for one in seen.variables.values())


async def test_one_variable_is_shown_closer(desk: Window) -> None:
    await desk.run("x = [1, 2, 3]")
    seen = await desk.inspect(variable="x")
    assert (seen.variable, seen.type, seen.preview, seen.variables) == ("x", "list", "[1, 2, 3]", None)


async def test_an_unknown_variable_is_refused_with_those_there_are(desk: Window) -> None:
    with pytest.raises(InvalidRequest, match="none yet"):
        await desk.inspect(variable="x")
    await desk.run("a = b = 1")
    with pytest.raises(InvalidRequest, match="there are a, b"):
        await desk.inspect(variable="x")
    with pytest.raises(InvalidRequest):
        await desk.inspect(variable="_mm")


async def test_looking_changes_nothing(desk: Window) -> None:
    assert (await desk.inspect()).variables == {}
    assert not (await desk.status()).exists


async def test_status_tells_what_there_is(desk: Window) -> None:
    await desk.run("a = [1, 2, 3]")
    await desk.inject("b", "text")
    await desk.checkpoint(name="first")
    told = await desk.status()
    assert (told.exists, told.variables, told.variable_count) == (True, ["a", "b"], 2)
    assert (told.sandbox, told.tools, told.language_model) == ("ready", ["recall"], None)
    assert [one.name for one in told.checkpoints] == ["first"]
    assert (told.metadata.exec_count, told.metadata.total_operations) == (1, 2)
    assert told.metadata.last_exec_at is not None
    assert told.memory_limit_bytes == 128 * 1024 * 1024


async def test_status_without_a_sandbox_says_so(desk: Window) -> None:
    bare = Memory(desk.memory.resources, desk.scope, None, Environments())
    told = await bare.context_status(ContextStatusRequest())
    assert (told.exists, told.tools) == (False, [])
    assert "without a sandbox" in told.sandbox
    with pytest.raises(SandboxUnavailable):
        await bare.context_load(ContextLoad(var="a", query="*"))


async def test_every_call_needs_a_session(desk: Window) -> None:
    desk.scope = replace(desk.scope, session_id="sess_unknown")
    for call in (desk.status(), desk.inspect(), desk.load("a"), desk.inject("a", 1), desk.checkpoint()):
        with pytest.raises(InvalidRequest, match="memory_session_start"):
            await call

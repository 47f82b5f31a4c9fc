"""The context environment: Python on the server, over the session's variables."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from memorylayer import MemoryLayerError, NotFoundError, ValidationError

from tests.support.memorylayer_client.user import refused, step

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.memorylayer_client.user import User


@asynccontextmanager
async def _inside(user: User) -> AsyncIterator[Any]:
    """A client with a session that is its own, as the manual says: environments need one."""
    async with user.client() as client:
        if client.get_session_id() is None:
            session = await client.create_session()
            client.set_session(session.id)
        yield client


@step
async def variables_last_from_call_to_call(user: User) -> None:
    async with _inside(user) as client:
        done = await client.context_exec("data = [1, 2, 3, 4, 5]")
        assert (done["error"], done["variables_changed"]) == (None, ["data"])
        done = await client.context_exec("print('adding')\nsum(data)", result_var="total")
        assert (done["result"], done["output"].strip(), done["error"]) == ("15", "adding", None)
        assert "total" in done["variables_changed"]
        quiet = await client.context_exec("total + 1", return_result=False)
        assert (quiet["result"], quiet["error"]) == (None, None)
        short = await client.context_exec("'x' * 5000", max_return_chars=100)
        assert len(short["result"]) <= 110


@step
async def a_mistake_in_the_code_is_told_and_nothing_is_lost(user: User) -> None:
    async with _inside(user) as client:
        await client.context_exec("kept = 1")
        for code in ("1 / 0", "import pandas as pd", "this is not python", "open('/etc/passwd')"):
            done = await client.context_exec(code)
            assert done["error"], code
            assert isinstance(done["error"], str)
            assert done["result"] is None
        assert (await client.context_exec("kept"))["result"] == "1"


@step
async def variables_are_looked_at(user: User) -> None:
    async with _inside(user) as client:
        await client.context_inject("config", {"debug": True, "retries": 3, "rate": 0.5, "none": None})
        await client.context_inject("text", '{"a": [1, 2]}', parse_json=True)
        every = await client.context_inspect()
        assert (every["variable_count"], every["error"]) == (2, None)
        assert set(every["variables"]) == {"config", "text"}
        assert every["total_size_bytes"] > 0
        one = await client.context_inspect("config")
        assert (one["variable"], one["type"]) == ("config", "dict")
        assert one["preview"] == "{'debug': True, 'retries': 3, 'rate': 0.5, 'none': None}"
        assert len((await client.context_inspect("config", preview_chars=40))["preview"]) <= 40
        assert (await client.context_exec("text['a'][1] + config['retries']"))["result"] == "5"
        assert (await client.context_inspect("missing"))["error"]


@step
async def memories_are_loaded_into_a_variable(user: User) -> None:
    async with _inside(user) as client:
        await client.remember("Ana prefers tea.", tags=["drinks"], type="semantic")
        await client.remember("Bob prefers coffee.", tags=["drinks"], type="semantic")
        loaded = await client.context_load("drinks", "What do people drink?", limit=20, min_relevance=0.0)
        assert (loaded["variable"], loaded["count"], loaded["error"]) == ("drinks", 2, None)
        done = await client.context_exec("sorted(one['content'] for one in drinks)")
        assert done["result"] == "['Ana prefers tea.', 'Bob prefers coffee.']"
        narrow = await client.context_load(
            "few", "Ana", limit=500, types=["semantic"], tags=["drinks"], include_embeddings=True
        )
        assert narrow["error"] is None
        assert (await client.context_exec("len(few[0]['embedding']) > 10"))["result"] == "True"


@step
async def without_a_language_model_asking_one_says_so(user: User) -> None:
    async with _inside(user) as client:
        await client.context_inject("data", [1, 2, 3])
        asked = await client.context_query(
            "What is this?", variables=["data"], max_context_chars=500, result_var="said"
        )
        assert asked["error"]
        assert "model" in asked["error"]
        assert (asked["response"], asked["variables_used"]) == ("", [])
        pursued = await client.context_rlm(
            "Find out what people drink.",
            memory_query="drinks",
            memory_limit=10,
            max_iterations=2,
            variables=["data"],
            result_var="found",
            detail_level="detailed",
        )
        assert "model" in pursued["error"]
        assert (pursued["goal_achieved"], pursued["iterations"]) == (False, 0)


@step
async def an_environment_is_kept_counted_and_removed(user: User) -> None:
    async with _inside(user) as client:
        before = await client.context_status()
        assert (before["exists"], before["variable_count"]) == (False, 0)
        await client.context_inject("kept", 1)
        status = await client.context_status()
        assert (status["exists"], status["variable_count"], status["variables"]) == (True, 1, ["kept"])
        assert await _done(client.context_checkpoint())
        assert await _done(client.context_cleanup())
        assert (await client.context_status())["exists"] is False
        assert await _done(client.context_cleanup())


async def _done(call: Any) -> bool:
    """Whether a call without an answer came back."""
    return await call in (None, {})


@step
async def one_session_sees_no_variable_of_another(user: User) -> None:
    async with _inside(user) as client, _inside(user) as other:
        await client.context_inject("token", "secret")
        assert (await other.context_exec("token"))["error"]
        assert (await other.context_inspect())["variable_count"] in (0, None)


@step
async def an_environment_needs_a_session(user: User) -> None:
    async with user.bare() as client:
        error = await refused(MemoryLayerError, client.context_exec("1 + 1"))
        assert error.status_code == 400
    async with user.bare(session_id="sess_none") as client:
        await refused(NotFoundError, client.context_status())


@step
async def what_cannot_be_run_is_refused(user: User) -> None:
    async with _inside(user) as client:
        await refused(ValidationError, client.context_exec(""))
        await refused(ValidationError, client.context_exec("1", max_return_chars=1))
        await refused(ValidationError, client.context_load("memories", ""))
        await refused(ValidationError, client.context_load("memories", "x", limit=501))
        await refused(ValidationError, client.context_rlm("x", max_iterations=51))

"""Memories: stored, read, changed, let fade and forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from memorylayer import EntityRelationInput, Memory, MemorySubtype, MemoryType, NotFoundError, ValidationError

from tests.support.memorylayer_client.user import a_workspace, async_step, refused, step

if TYPE_CHECKING:
    from tests.support.memorylayer_client.user import User

UNKNOWN = "mem_0000000000000000"
METADATA = {"source": "interview", "pages": [1, 2.5, None], "nested": {"größe": True}}


@step
async def a_memory_has_everything_that_was_said_about_it(user: User) -> None:
    async with user.client() as client:
        made = await client.remember(
            "Ana prefers green tea to coffee.",
            type=MemoryType.SEMANTIC,
            subtype=MemorySubtype.PREFERENCE,
            importance=0.8,
            tags=["Tea", "people", "tea"],
            metadata=METADATA,
            context_id="kitchen",
            user_id="ana",
        )
        assert isinstance(made, Memory)
        assert made.workspace_id == client.workspace_id
        assert (made.type, made.subtype, made.importance) == ("semantic", "preference", 0.8)
        assert made.tags == ["people", "tea"]
        assert made.metadata == METADATA
        assert (made.context_id, made.user_id) == ("kitchen", "ana")
        assert (made.status, made.pinned, made.access_count, made.decay_factor) == ("active", False, 0, 1.0)
        assert made.embedding is None
        assert abs(datetime.now(UTC) - made.created_at) < timedelta(minutes=5)
        assert await client.get_memory(made.id) == made


@step
async def the_text_alone_is_enough(user: User) -> None:
    async with user.client() as client:
        made = await client.remember("The build takes four minutes on a cold cache.")
        assert made.content == "The build takes four minutes on a cold cache."
        assert made.importance == 0.5
        assert (made.tags, made.metadata) == ([], {})


@step
async def any_kind_of_memory_can_be_stored(user: User) -> None:
    async with user.client() as client:
        for kind in MemoryType:
            assert (await client.remember(f"A note of the kind {kind}.", type=kind)).type == kind
        for subtype in MemorySubtype:
            assert (await client.remember(f"A thing called {subtype}.", subtype=subtype)).subtype == subtype


@step
async def the_same_text_twice_is_one_memory(user: User) -> None:
    async with user.client() as client:
        first = await client.remember("Deploys happen on Tuesdays.")
        again = await client.remember("Deploys happen on Tuesdays.")
        assert again.id == first.id
        assert (await client.list_memories()).total_count == 1


@step
async def long_text_of_any_language_comes_back_as_it_was(user: User) -> None:
    text = 'Größe 日本語 🙂 \\ "quoted" 100% <b>\n' * 300 + "the end"
    async with user.client() as client:
        made = await client.remember(text)
        assert (await client.get_memory(made.id)).content == text


@step
async def relations_between_entities_are_told_to_be_unwritten(user: User) -> None:
    relation = EntityRelationInput(source_entity_name="Ana", target_entity_name="Acme", relationship="works_for")
    async with user.client() as client:
        made = await client.remember("Ana works for Acme.", relations=[relation])
        assert made.relation_write_result.unresolved == 1
        assert made.relation_write_result.relation_ids == []
        assert made.relation_write_result.errors


@step
async def an_update_changes_what_it_names_and_nothing_else(user: User) -> None:
    async with user.client() as client:
        made = await client.remember("The office is in Lyon.", importance=0.4, tags=["office"], metadata={"floor": 2})
        changed = await client.update_memory(made.id, content="The office is in Paris.")
        assert (changed.content, changed.importance, changed.tags, changed.metadata) == (
            "The office is in Paris.",
            0.4,
            ["office"],
            {"floor": 2},
        )
        changed = await client.update_memory(made.id, importance=1.0, tags=[], metadata={"floor": 3})
        assert (changed.content, changed.importance, changed.tags, changed.metadata) == (
            "The office is in Paris.",
            1.0,
            [],
            {"floor": 3},
        )
        assert changed.created_at == made.created_at
        found = await client.recall("Where is the office?")
        assert [one.content for one in found.memories] == ["The office is in Paris."]


@step
async def a_forgotten_memory_is_gone(user: User) -> None:
    async with user.client() as client:
        for hard in (False, True):
            made = await client.remember(f"The password hint is a bird, {hard}.")
            assert await client.forget(made.id, hard=hard) is True
            await refused(NotFoundError, client.get_memory(made.id))
            assert (await client.recall("password hint")).memories == []


@step
async def what_was_never_there_cannot_be_read_changed_or_forgotten(user: User) -> None:
    async with user.client() as client:
        for call in (
            client.get_memory(UNKNOWN),
            client.update_memory(UNKNOWN, importance=0.1),
            client.forget(UNKNOWN),
            client.decay(UNKNOWN),
            client.get_memory("not an id at all"),
        ):
            assert (await refused(NotFoundError, call)).message


@step
async def a_memory_fades(user: User) -> None:
    async with user.client() as client:
        made = await client.remember("The canteen has soup on Fridays.", importance=0.8)
        faded = await client.decay(made.id, decay_rate=0.5)
        assert isinstance(faded, Memory)
        assert 0 <= faded.importance < 0.8
        assert (await client.decay(made.id)).importance < faded.importance
        await refused(ValidationError, client.decay(made.id, decay_rate=2.0))


@step
async def operations_in_a_batch_succeed_or_fail_by_themselves(user: User) -> None:
    async with user.client() as client:
        old = await client.remember("The printer is on the second floor.")
        wrong = await client.remember("The printer is broken for ever.")
        done = await client.batch_memories(
            [
                {"type": "create", "data": {"content": "Invoices go out on the first.", "importance": 0.7}},
                {"type": "update", "data": {"memory_id": old.id, "content": "The printer is on the third floor."}},
                {"type": "delete", "data": {"memory_id": wrong.id, "hard": False}},
                {"type": "delete", "data": {"memory_id": UNKNOWN}},
                {"op": "create", "content": "Receipts are kept for ten years.", "tags": ["law"]},
            ]
        )
        assert (done["successful"], done["failed"], done["total_operations"]) == (4, 1, 5)
        assert [one["status"] for one in done["results"]] == ["success"] * 3 + ["error", "success"]
        assert done["results"][3]["error"]
        assert (await client.get_memory(old.id)).content == "The printer is on the third floor."
        assert (await client.get_memory(done["results"][0]["memory_id"])).importance == 0.7
        await refused(NotFoundError, client.get_memory(wrong.id))


@step
async def memories_are_listed_newest_first_and_narrowed(user: User) -> None:
    async with user.client() as client:
        first = await client.remember("Ana fixed the login.", type="episodic", subtype="fix", tags=["login"])
        second = await client.remember("How to reset a token.", type="procedural", tags=["login", "token"])
        third = await client.remember("The desk is by the window.", type="semantic", context_id="office")
        listed = await client.list_memories()
        assert [one.id for one in listed.memories] == [third.id, second.id, first.id]
        assert listed.total_count == 3
        for narrowing, wanted in (
            ({"type": MemoryType.EPISODIC}, [first.id]),
            ({"subtype": "fix"}, [first.id]),
            ({"tag": "login"}, [second.id, first.id]),
            ({"context_id": "office"}, [third.id]),
            ({"limit": 1, "offset": 1}, [second.id]),
        ):
            assert [one.id for one in (await client.list_memories(**narrowing)).memories] == wanted, narrowing


@step
async def walking_through_all_memories_meets_each_once(user: User) -> None:
    async with user.client() as client:
        made = [(await client.remember(f"Room {number} has {number} chairs.")).id for number in range(7)]
        met = [one.id async for one in client.iterate_memories(page_size=3)]
        assert met == made[::-1]


@step
async def where_a_memory_comes_from_is_told(user: User) -> None:
    async with user.client() as client:
        made = await client.remember("The logo was drawn by Mira.")
        traced = await client._request("GET", f"/memories/{made.id}/trace")
        assert traced["memory_id"] == made.id
        assert traced["trace"]["chain"] == traced["chain"]


@step
async def one_workspace_knows_nothing_of_another(user: User) -> None:
    async with user.client() as client, user.client() as other:
        await client.remember("The vault opens at nine.")
        assert (await other.recall("When does the vault open?", tolerance="loose")).memories == []
        assert (await other.list_memories()).memories == []


@async_step
async def a_call_can_name_its_own_workspace(user: User) -> None:
    elsewhere = a_workspace()
    async with user.client() as client:
        made = await client.remember("The garage code is on paper.", workspace_id=elsewhere)
        assert made.workspace_id == elsewhere
        assert (await client.recall("garage code")).memories == []
        there = client.for_workspace(elsewhere)
        assert [one.id for one in (await there.recall("garage code")).memories] == [made.id]
        async with client.acting_for("grant", subject=("user", "ana")) as ana:
            assert (await ana.remember("Ana wrote this for herself.")).workspace_id == client.workspace_id


@async_step
async def a_client_without_a_session_finds_its_memories_by_their_ids(user: User) -> None:
    async with user.bare(workspace_id=a_workspace()) as client:
        made = await client.remember("The roof was mended in May.")
        other = await client.remember("The cellar was dry in June.")
        assert made.workspace_id == client.workspace_id
        assert await client.get_memory(made.id) == made
        assert (await client.update_memory(made.id, importance=0.9)).workspace_id == client.workspace_id
        assert (await client.associate(made.id, other.id, "related_to")).workspace_id == client.workspace_id
        assert len(await client.get_associations(made.id)) == 1
        assert (await client.traverse_graph(made.id))["unique_nodes"] == [made.id, other.id]
        assert await client.forget(made.id) is True


@step
async def a_client_that_names_nothing_works_in_the_default_workspace(user: User) -> None:
    async with user.bare() as client:
        made = await client.remember("Nobody said where this belongs.")
        assert made.workspace_id == "_default"
        assert made.id in [one.id for one in (await client.recall("Where does this belong?")).memories]
        assert await client.forget(made.id, hard=True) is True


@step
async def a_memory_that_cannot_be_is_refused(user: User) -> None:
    async with user.client() as client:
        for call in (
            client.remember(""),
            client.remember("   "),
            client.remember("Too important.", importance=1.5),
            client.remember("Of no kind.", type="imaginary"),
            client.remember("Of no subtype.", subtype="imaginary"),
            client.remember("Tags are words.", tags=["fine", 3]),
            client.batch_memories([{"type": "invent", "data": {}}]),
            client.list_memories(limit=0),
        ):
            error = await refused(ValidationError, call)
            assert error.message[0]["loc"]
            assert error.message[0]["msg"]
        assert (await client.list_memories()).memories == []

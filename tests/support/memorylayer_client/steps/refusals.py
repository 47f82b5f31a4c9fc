"""Keys, and what this server has not: each as the client's own exception."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from memorylayer import (
    AuthenticationError,
    AuthorizationError,
    EnterpriseRequiredError,
    MemoryLayerError,
    MemoryType,
    NotFoundError,
)

from tests.support.memorylayer_client.user import a_workspace, async_step, refused, step, sync_step

if TYPE_CHECKING:
    from tests.support.memorylayer_client.user import User


@step
async def the_beginning_of_the_manual_works_as_it_is_written(user: User) -> None:
    address = user.url.replace("127.0.0.1", "localhost")
    async with user.bare(base_url=address, api_key="your-api-key", workspace_id=a_workspace()) as client:
        memory = await client.remember(
            content="User prefers Python for backend development",
            type=MemoryType.SEMANTIC,
            importance=0.8,
            tags=["preferences", "programming"],
        )
        results = await client.recall(query="what programming language does the user prefer?", limit=5)
        assert [one.id for one in results.memories] == [memory.id]
        assert (await client.reflect(query="summarize user's technology preferences")).reflection


@step
async def nobody_gets_in_without_a_key(user: User) -> None:
    for key in (None, "wrong", user.keys["revoked"]):
        async with user.bare(base_url=user.locked_url, api_key=key) as client:
            for call in (client.recall("anything"), client.list_workspaces(), client.context_status()):
                error = await refused(AuthenticationError, call)
                assert error.status_code == 401
                assert error.message
            await refused(AuthenticationError, client.export_workspace("team"))


@step
async def a_key_opens_everything(user: User) -> None:
    async with user.client(base_url=user.locked_url, api_key=user.keys["admin"]) as client:
        made = await client.remember("Who holds the key may write.")
        assert (await client.recall("Who may write?")).memories[0].id == made.id
        assert await client.forget(made.id) is True


@step
async def a_key_does_what_it_allows_and_no_more(user: User) -> None:
    async with user.bare(base_url=user.locked_url, api_key=user.keys["reader"], workspace_id="team") as client:
        assert (await client.recall("anything")).memories == []
        await _forbidden(user, client.remember("Readers may not write."))
        await _forbidden(user, client.create_workspace("New"))
        await _forbidden(user, client.create_session())


@step
async def a_key_of_one_workspace_opens_no_other(user: User) -> None:
    key = user.keys["bound"]
    async with user.bare(base_url=user.locked_url, api_key=key) as client:
        made = await client.remember(f"The {user.kind} team meets at ten.")
        assert made.workspace_id == "team"
        assert made.id in [one.id for one in (await client.recall("When does the team meet?")).memories]
        assert "team" in (await client.reflect("When does the team meet?")).reflection
        await _forbidden(user, client.get_workspace("_default"))
    async with user.bare(base_url=user.locked_url, api_key=key, workspace_id="other") as client:
        await _forbidden(user, client.recall("anything"))
        await _forbidden(user, client.remember("Not here."))


async def _forbidden(user: User, call: Any) -> None:
    """403, for which the synchronous client has no exception of its own."""
    error = await refused(AuthorizationError if user.kind == "async" else MemoryLayerError, call)
    assert error.status_code == 403
    assert error.message


@step
async def documents_are_told_to_be_absent(user: User) -> None:
    async with user.bare() as client:
        for call in (
            client.upload_document(b"text", "notes.txt"),
            client.list_documents(),
            client.get_document("doc_1"),
            client.delete_document("doc_1"),
            client.search_document_pages("anything"),
            client.get_document_pages("doc_1"),
            client.get_page_image("doc_1", "page_1"),
            client.get_job("job_1"),
            client.list_jobs(),
            client.cancel_job("job_1"),
            client.reprocess_document("doc_1"),
        ):
            await refused(EnterpriseRequiredError, call)


@step
async def datasets_are_told_to_be_absent(user: User) -> None:
    async with user.bare() as client:
        for call in (
            client.upload_dataset(b"a,b\n1,2\n", "numbers.csv"),
            client.list_datasets(),
            client.get_dataset("ds_1"),
            client.delete_dataset("ds_1"),
            client.get_dataset_memories("ds_1"),
            client.query_dataset_slice("ds_1", columns=["a"]),
            client.get_dataset_job("job_1"),
            client.list_dataset_jobs(),
            client.cancel_dataset_job("job_1"),
        ):
            await refused(EnterpriseRequiredError, call)


@step
async def chat_threads_are_told_to_be_absent(user: User) -> None:
    async with user.client() as client:
        for call in (
            client.create_thread(title="Standup", user_id="ana"),
            client.list_threads(),
            client.list_user_threads("ana"),
            client.get_thread("thread_1"),
            client.get_thread_full("thread_1"),
            client.delete_thread("thread_1"),
            client.append_messages("thread_1", [{"role": "user", "content": "Hello"}]),
            client.get_messages("thread_1"),
            client.decompose_thread("thread_1"),
        ):
            error = await refused(NotFoundError, call)
            assert error.message.startswith("Chat threads are not part of this server")


@async_step
async def more_of_chat_threads_is_told_to_be_absent(user: User) -> None:
    async with user.client() as client:
        await refused(NotFoundError, client.update_thread("thread_1", title="Retro"))
        assert await client.delete_message("thread_1", "msg_1") is False


@step
async def registries_of_entities_are_told_to_be_absent(user: User) -> None:
    async with user.client() as client:
        for call in (
            client.list_entities(),
            client.get_entity("ent_1"),
            client.resolve_entity("Ana"),
            client.merge_entities("ent_1", "ent_2", reason="the same"),
        ):
            await refused(EnterpriseRequiredError, call)


@step
async def tokens_are_not_made_from_afar(user: User) -> None:
    async with user.bare() as client:
        for call in (
            client.create_token("ci"),
            client.list_tokens(),
            client.get_token("tok_1"),
            client.delete_token("tok_1"),
            client.revoke_token("tok_1"),
        ):
            assert "mcp-memory keys" in (await refused(NotFoundError, call)).message


@step
async def checkpoints_and_context_packs_are_told_to_be_absent(user: User) -> None:
    text = "user: hello"
    async with user.client() as client:
        session = await client.create_session()
        for call in (
            client.create_checkpoint(
                session.id, text, content_hash=sha256(text.encode()).hexdigest(), idempotency_key="1"
            ),
            client.get_checkpoint(session.id, "cp_1"),
            client.get_context_pack(session.id, topic="hello"),
            client.get_context_delta(session.id, "cursor"),
        ):
            assert (await refused(NotFoundError, call)).message


@step
async def libraries_beside_memory_are_told_to_be_absent(user: User) -> None:
    async with user.client() as client:
        for call in (client.skills.list, client.mcp_servers.list, client.kb.get):
            error = await _raised(user, call)
            assert isinstance(error, MemoryLayerError), repr(error)
            assert error.status_code in (404, 501)


async def _raised(user: User, call: Any) -> Exception:
    try:
        found = call()
        if user.kind == "async":
            found = await found
    except MemoryLayerError as error:
        return error
    raise AssertionError(f"nothing was raised; the call gave {found!r}")


@sync_step
async def the_function_that_gives_a_client_gives_one_that_works(user: User) -> None:
    from memorylayer import sync_client

    with sync_client(base_url=user.url + "/", workspace_id="of-the-function") as client:
        made = client.remember("A context manager is enough.")
        assert client.get_memory(made.id) == made


@step
async def what_is_too_large_is_refused_as_such(user: User) -> None:
    async with user.client() as client:
        error = await refused(MemoryLayerError, client.remember("x" * 3_000_000))
        assert error.status_code == 413
        error = await refused(MemoryLayerError, client.remember("y" * 1_000_000))
        assert error.status_code == 400
        assert "MCP_MEMORY_MAX_CONTENT_CHARS" in error.message
        assert (await client.list_memories()).memories == []

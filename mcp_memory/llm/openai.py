"""`OpenAIModel`: any endpoint that speaks OpenAI's chat completions API."""

from __future__ import annotations

import asyncio
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from mcp_memory.endpoint import OPENAI_URL, Endpoint, keep_to_itself
from mcp_memory.errors import LanguageModelUnavailable, LanguageModelUnusable
from mcp_memory.llm.base import Completion
from mcp_memory.llm.tokens import estimate_exchange
from mcp_memory.text import estimate_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai import AsyncOpenAI

    from mcp_memory.llm.base import Message

Limit = Literal["max_tokens", "max_completion_tokens"]
"""The parameter for the most tokens of an answer: OpenAI's new models refuse the first, other servers ignore or
refuse the second."""
OTHER: dict[Limit, Limit] = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}
REFUSALS = (HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY)
"""The statuses with which servers refuse a parameter."""


class OpenAIModel:
    """A model behind HTTP. Any number of calls may be under way at once, on one event loop."""

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "",
        api_key: str = "",
        timeout: float = 60.0,
        max_retries: int = 2,
    ) -> None:
        """Remember how to ask; nothing is imported or sent before the first call.

        Args:
            model: its name at the endpoint.
            base_url: of the endpoint, without `/chat/completions`; empty for OpenAI's own.
            api_key: empty for endpoints that ask for none. It is never taken from elsewhere.
            timeout: seconds that one call may take, its retries included.
            max_retries: further attempts after a failed connection, 408, 409, 429 or 5xx.
        """
        self._endpoint = Endpoint(
            "language model endpoint", "MCP_MEMORY_LLM_", base_url.strip() or OPENAI_URL, api_key.strip()
        )
        self._model = model
        self._timeout = timeout
        self._max_retries = max_retries
        self._limit: Limit = "max_completion_tokens" if self._endpoint.is_openai else "max_tokens"
        self._client: AsyncOpenAI | None = None
        self._opening = asyncio.Lock()

    def __repr__(self) -> str:
        return f"OpenAIModel({self._model!r}, base_url={self._endpoint.place!r})"

    @property
    def name(self) -> str:
        """The model and its endpoint, for example `llama3.2 at http://localhost:11434/v1`."""
        return f"{self._model} at {self._endpoint.place}"

    async def complete(
        self, messages: Sequence[Message], *, max_tokens: int, timeout: float | None = None
    ) -> Completion:
        """The model's next message, without the thoughts that some models put in front.

        Args:
            messages: the exchange so far, the last one the user's.
            max_tokens: most tokens of the answer.
            timeout: seconds the whole call may take, retries included; None: what the model is set up with.

        Raises:
            LanguageModelUnavailable: the endpoint cannot be reached, refuses, or is too slow.
            LanguageModelUnusable: it answered with something else than a text.
        """
        seconds = self._timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds):
                body = await self._ask(messages, max_tokens, seconds)
        except TimeoutError:
            raise LanguageModelUnavailable(self._endpoint.too_slow(seconds)) from None
        return self._read(body, messages)

    async def close(self) -> None:
        """Close the connections; a later call opens new ones."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _opened(self) -> AsyncOpenAI:
        """The client. A thread makes it, because importing its package takes a second of computing."""
        if obstacle := self._endpoint.obstacle():
            raise LanguageModelUnavailable(obstacle)
        async with self._opening:
            if self._client is None:
                self._client = await asyncio.to_thread(_open_client, self._endpoint, self._max_retries)
            return self._client

    async def _ask(self, messages: Sequence[Message], max_tokens: int, timeout: float) -> bytes:
        """The body of the answer."""
        client = await self._opened()
        from openai import APIError

        try:
            return await self._send(client, messages, max_tokens)
        except APIError as error:
            reason = self._endpoint.explain(error, model=self._model, timeout=timeout)
            raise LanguageModelUnavailable(reason) from None

    async def _send(self, client: AsyncOpenAI, messages: Sequence[Message], max_tokens: int) -> bytes:
        """Ask; where the endpoint refuses one name of the limit, ask by the other, and from then on only by that."""
        from openai import APIStatusError

        limit = self._limit
        try:
            return await self._post(client, messages, limit, max_tokens)
        except APIStatusError as refusal:
            if refusal.status_code not in REFUSALS or limit not in refusal.message:
                raise
            try:
                body = await self._post(client, messages, OTHER[limit], max_tokens)
            except APIStatusError:
                raise refusal from None
        self._limit = OTHER[limit]
        return body

    async def _post(self, client: AsyncOpenAI, messages: Sequence[Message], limit: Limit, max_tokens: int) -> bytes:
        """One request. The answer is read by `_read` and not by the client, which trusts what endpoints send."""
        request: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": message.role, "content": _encodable(message.content)} for message in messages],
            limit: max_tokens,
        }
        answer = await client.chat.completions.with_raw_response.create(**request)
        body: bytes = answer.http_response.content
        return body

    def _read(self, body: bytes, messages: Sequence[Message]) -> Completion:
        try:
            answer = _Answer.model_validate_json(body)
        except ValidationError:
            raise self._unusable("something else than a completion; check MCP_MEMORY_LLM_BASE_URL") from None
        if answer.error:
            said = self._endpoint.quote(str(answer.error))
            raise LanguageModelUnavailable(f"{self._endpoint.subject} answered with an error: {said}.")
        if not answer.choices:
            raise self._unusable("a completion without choices; check MCP_MEMORY_LLM_BASE_URL")
        choice = answer.choices[0]
        said = choice.message.content or ""
        text = _without_thoughts(said)
        if not text:
            raise self._unusable(self._lack(choice))
        tokens = _counted(answer.usage) or estimate_exchange(messages) + estimate_tokens(said)
        return Completion(text, tokens, truncated=choice.finish_reason == "length")

    def _lack(self, choice: _Choice) -> str:
        """What came instead of a text."""
        if choice.message.refusal:
            return f"a refusal: {self._endpoint.quote(choice.message.refusal)}"
        match choice.finish_reason:
            case "length":
                return (
                    f"no text, because {self._model} used up the tokens of its answer before it began to write; "
                    "let it think less, or name another model with MCP_MEMORY_LLM_MODEL"
                )
            case "content_filter":
                return "no text, because its filter held the answer back"
            case _:
                return "an empty answer; try again, or name another model with MCP_MEMORY_LLM_MODEL"

    def _unusable(self, what: str) -> LanguageModelUnusable:
        return LanguageModelUnusable(f"{self._endpoint.subject} sent {what}.")


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Answer(BaseModel):
    """As much of a completion as is used; an endpoint that only passes on may put an error in its place."""

    choices: list[_Choice] | None = None
    usage: object = None
    error: object = None


def _open_client(endpoint: Endpoint, max_retries: int) -> AsyncOpenAI:
    """A client that knows nothing but the endpoint.

    It never gives up by itself: the timeout of a call bounds all its attempts. What it took from `OPENAI_ORG_ID`,
    `OPENAI_PROJECT_ID` and `OPENAI_CUSTOM_HEADERS`, which are meant for other programs and perhaps another
    endpoint, is removed.
    """
    from openai import AsyncOpenAI, DefaultAsyncHttpxClient

    try:
        transport = DefaultAsyncHttpxClient(timeout=None)
    except (ImportError, OSError, ValueError) as error:  # proxies and certificates named in the environment
        reason = endpoint.quote(str(error))
        raise LanguageModelUnavailable(f"{endpoint.subject} cannot be asked from here: {reason}.") from error
    client = AsyncOpenAI(
        base_url=endpoint.url,
        api_key=endpoint.api_key or "none",
        timeout=None,
        max_retries=max_retries,
        http_client=transport,
    )
    keep_to_itself(client)
    _ = client.chat.completions  # imported here, in this thread
    return client


def _encodable(text: str) -> str:
    """The text as UTF-8 can carry it: half a surrogate pair, which JSON can bring in, becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


_THOUGHTS = re.compile(r"\s*<think>.*?(?:</think>|\Z)", re.DOTALL)


def _without_thoughts(text: str) -> str:
    """The text without the block of thoughts in front, which may be cut before its end."""
    thoughts = _THOUGHTS.match(text)
    return text[thoughts.end() if thoughts else 0 :].strip()


def _counted(usage: object) -> int:
    """The tokens that the endpoint counted; 0 where it did not."""
    match usage:
        case {"total_tokens": int(total)} if total > 0:
            return total
        case {"prompt_tokens": int(read), "completion_tokens": int(written)} if read >= 0 and written >= 0:
            return read + written
        case _:
            return 0

"""What other servers of this API have and this one has not, told as 501: documents, datasets, chat threads and more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from mcp_memory.rest.endpoint import Answer, Call, Endpoint, Handler, Method, Reply
from mcp_memory.rest.failures import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator

WHAT: Final = {
    "/v1/documents": "Documents",
    "/v1/datasets": "Datasets",
    "/v1/threads": "Chat threads",
    "/v1/chat": "Chat threads",
    "/v1/knowledgebase": "Knowledge bases",
    "/v1/skills": "Skills",
    "/v1/mcp-servers": "Registries of MCP servers",
    "/v1/rpg": "Repository graphs",
}
"""Paths, with all that lies below them."""

SINGLE: Final[tuple[tuple[Method, str, str], ...]] = (
    ("GET", "/v1/entities", "Registries of entities"),
    ("GET", "/v1/entities/resolve", "Registries of entities"),
    ("POST", "/v1/entities/merge", "Registries of entities"),
    ("GET", "/v1/entities/{entity_id}", "Registries of entities"),
    ("POST", "/v1/sessions/{session_id}/checkpoints", "Session checkpoints"),
    ("GET", "/v1/sessions/{session_id}/checkpoints/{checkpoint_id}", "Session checkpoints"),
    ("POST", "/v1/sessions/{session_id}/context-pack", "Context packs"),
    ("POST", "/v1/sessions/{session_id}/context-delta", "Context packs"),
)
"""Beside what there is."""

KEYS: Final = "API keys are made, listed and revoked on the server's own machine: `mcp-memory keys`."
"""For `/v1/tokens`: who holds a key must not be able to make more of them from afar."""

STAYS: Final = "A context stays as long as its workspace; forget its memories, or erase the workspace."
"""For removing one, which other servers of this API can."""

SENTENCE: Final = "{what} are not part of this server; store what matters of them with POST /v1/memories."


class NotImplementedAnswer(Answer):
    """Why."""

    detail: str


def refusing(sentence: str) -> Handler:
    """A handler that says so."""

    async def refuse(_: Call[Any, Any]) -> Reply:
        raise Refusal(501, sentence)

    return refuse


def _endpoint(method: Method, path: str, what: str, sentence: str = SENTENCE) -> Endpoint:
    return Endpoint(
        method=method,
        path=path,
        handler=refusing(sentence.format(what=what)),
        summary=f"{what} are not part of this server.",
        status=501,
        answer=NotImplementedAnswer,
        session="none",
        tag="Not implemented",
    )


def _everything_below(prefix: str, what: str, sentence: str = SENTENCE) -> Iterator[Endpoint]:
    for path in (prefix, f"{prefix}/{{rest:path}}"):
        for method in get_args(Method):
            yield _endpoint(method, path, what, sentence)


ENDPOINTS: Final = (
    *(one for prefix, what in WHAT.items() for one in _everything_below(prefix, what)),
    *(_endpoint(method, path, what) for method, path, what in SINGLE),
    _endpoint("DELETE", "/v1/workspaces/{workspace_id}/contexts/{context_id}", "Contexts without an end", STAYS),
    *_everything_below("/v1/tokens", "Keys that are made from afar", KEYS),
)

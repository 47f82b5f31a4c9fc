"""The keyword index: what FTS5 is given for each memory, and how it is taken out again.

FTS5 keeps no text of its own here, so a memory is taken out with the very text that was put in: its content and the
`context_text` stored beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.text import CONTEXT_MEMORIES, context_window, segment

if TYPE_CHECKING:
    from mcp_memory.models.memory import Memory
    from mcp_memory.storage.sqlite.connection import Connection


@dataclass(frozen=True, slots=True)
class Group:
    """The memories of a workspace that share a session and a context, in the order they were written."""

    workspace: int
    session_id: str
    context_id: str
    with_notes: bool
    """Notes are for notes alone: everybody may read the others."""

    def bindings(self, key: int, limit: int) -> dict[str, Any]:
        """The values of a statement that looks at some of the group before or after a key."""
        return {
            "workspace": self.workspace, "session_id": self.session_id, "context_id": self.context_id,
            "with_notes": self.with_notes, "key": key, "limit": limit,
        }  # fmt: skip


def group_of(connection: Connection, key: int) -> Group | None:
    """The group of a memory; None where it belongs to no session and no named context."""
    row = connection.first(sql("group_of"), (key,))
    return None if row is None else Group(*row)


def group_for(memory: Memory, workspace: int) -> Group | None:
    """The group of a memory about to be written."""
    if not memory.session_id and memory.context_id == DEFAULT_CONTEXT:
        return None
    with_notes = bool(memory.session_id) and memory.type == "working"
    return Group(workspace, memory.session_id or "", memory.context_id, with_notes)


def index_words(connection: Connection, key: int, content: str, context_text: str) -> None:
    """Make a memory findable by its words."""
    connection.run(sql("insert_words"), (key, segment(content), segment(context_text)))


def unindex_words(connection: Connection, key: int) -> None:
    """Take a memory that is indexed out of the keyword index."""
    [[content, context_text]] = connection.rows(sql("indexed_text"), (key,))
    connection.run(sql("delete_words"), (key, segment(content), segment(context_text)))


def context_of(connection: Connection, group: Group | None, key: int, content: str) -> str:
    """What the `context` column holds for a memory of this group."""
    if group is None:
        return ""
    rows = connection.rows(sql("contents_before"), group.bindings(key, CONTEXT_MEMORIES))
    return context_window(content, [text for (text,) in reversed(rows)])


def refresh_followers(connection: Connection, key: int) -> None:
    """Write the context of the memories right after this one anew: it has come, or gone."""
    group = group_of(connection, key)
    if group is None:
        return
    for follower, content in _followers(connection, group, key).items():
        unindex_words(connection, follower)
        context_text = context_of(connection, group_of(connection, follower), follower, content)
        connection.run(sql("set_context_text"), (context_text, follower))
        index_words(connection, follower, content, context_text)


def _followers(connection: Connection, group: Group, key: int) -> dict[int, str]:
    """Key and content of those that may quote this memory: the next of all, and the next that are no notes."""
    groups = [replace(group, with_notes=with_notes) for with_notes in (True, False)]
    rows = (connection.rows(sql("contents_after"), one.bindings(key, CONTEXT_MEMORIES)) for one in groups)
    return {follower: content for found in rows for follower, content in found}


def rebuild_words(connection: Connection) -> None:
    """Make the keyword index anew from the rows."""
    definition = connection.value(sql("keyword_index_definition"))
    connection.run(sql("drop_keyword_index"))
    connection.run(definition)
    connection.run(sql("configure_keyword_index"))
    after = 0
    while rows := connection.rows(sql("indexed_texts"), (after,)):
        for key, content, context_text in rows:
            index_words(connection, key, content, context_text)
        after = rows[-1][0]
    connection.run(sql("optimize_keyword_index"))

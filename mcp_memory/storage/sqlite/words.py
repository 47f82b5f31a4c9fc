"""The keyword index: what FTS5 is given for each memory, and how it is taken out again.

FTS5 keeps no text of its own here, so a memory is taken out with the very text that was put in: its content and the
`context_text` stored beside it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mcp_memory.names import DEFAULT_CONTEXT
from mcp_memory.storage.sqlite.statements import sql
from mcp_memory.text import CONTEXT_MEMORIES, context_window, segment

if TYPE_CHECKING:
    from mcp_memory.storage.sqlite.connection import Connection


def index_words(connection: Connection, key: int, content: str, context_text: str) -> None:
    """Make a memory findable by its words."""
    connection.run(sql("insert_words"), (key, segment(content), segment(context_text)))


def unindex_words(connection: Connection, key: int) -> None:
    """Take a memory that is indexed out of the keyword index."""
    [[content, context_text]] = connection.rows(sql("indexed_text"), (key,))
    connection.run(sql("delete_words"), (key, segment(content), segment(context_text)))


def context_of(connection: Connection, workspace: int, conversation: str, key: int, content: str) -> str:
    """What the `context` column holds for a memory of this conversation."""
    if not conversation:
        return ""
    rows = connection.rows(sql("contents_before"), (workspace, conversation, key, CONTEXT_MEMORIES))
    return context_window(content, [text for (text,) in reversed(rows)])


def conversation_of(session_id: str | None, context_id: str) -> str:
    """The column `conversation` of a row about to be written."""
    if session_id:
        return f"s:{session_id}"
    return "" if context_id == DEFAULT_CONTEXT else f"c:{context_id}"


def refresh_followers(connection: Connection, key: int) -> None:
    """Write the context of the memories right after this one anew: it has come, or gone."""
    [[workspace, conversation]] = connection.rows(sql("conversation_of"), (key,))
    if not conversation:
        return
    followers = connection.rows(sql("contents_after"), (workspace, conversation, key, CONTEXT_MEMORIES))
    for follower, content in followers:
        unindex_words(connection, follower)
        context_text = context_of(connection, workspace, conversation, follower, content)
        connection.run(sql("set_context_text"), (context_text, follower))
        index_words(connection, follower, content, context_text)


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

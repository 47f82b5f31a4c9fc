"""Everything mcp-memory raises on purpose.

    McpMemoryError
    ├── InvalidRequest          the call cannot be carried out as written; the text says how to mend it
    │   ├── UnknownMemory       no memory with this id in the workspace
    │   ├── UnknownWorkspace    no workspace with this id
    │   ├── UnknownRelationship not one of the ontology's names
    │   ├── UnknownRecord       no session, link, contradiction or key with this id
    │   ├── Conflict            something that is there already stands against it
    │   └── StaleEnvironment    another window has changed the environment meanwhile
    ├── StoreError              the database cannot do what was asked
    │   ├── StoreUnavailable    it cannot be opened: a folder or file that cannot be made, read or written
    │   ├── StoreFull           the disk is full
    │   ├── StoreReadOnly       the file or its folder may not be written
    │   ├── StoreCorrupt        the file is no database, or a damaged one
    │   └── StoreTooNew         written by a newer version of mcp-memory
    ├── EmbedderError
    │   ├── EmbedderUnavailable not ready in time, or cannot load; recall goes on by keywords
    │   └── EncoderMismatch     a vector that is not one of the encoder it is said to be of
    ├── LanguageModelError
    │   ├── LanguageModelUnavailable  none is configured, or it cannot be reached, refuses or is too slow
    │   ├── LanguageModelUnusable     it answered with nothing that could be used
    │   └── BudgetSpent               the calls or tokens allowed are used up
    ├── SandboxError            code could not be run (code that ran and failed is a result, not an error)
    │   └── SandboxUnavailable  the sandbox cannot run here, or has no worker free
    └── SettingsError           a setting has a value it cannot have

Every message is a whole sentence for the person (or model) who made the call.
"""

from __future__ import annotations


class McpMemoryError(Exception):
    """Base of all errors of this package."""


class InvalidRequest(McpMemoryError):
    """The call cannot be carried out as written."""


class UnknownMemory(InvalidRequest):
    """No memory with this id can be seen from the workspace."""


class UnknownWorkspace(InvalidRequest):
    """No workspace with this id."""


class UnknownRelationship(InvalidRequest):
    """Not one of the ontology's relationship names."""


class UnknownRecord(InvalidRequest):
    """No session, link, contradiction or API key with this id can be seen from the workspace."""


class Conflict(InvalidRequest):
    """Something that is there already stands against it: the same content, id or name."""


class StaleEnvironment(InvalidRequest):
    """Another window has changed the session's environment meanwhile; nothing was written."""


class StoreError(McpMemoryError):
    """The database cannot do what was asked."""


class StoreUnavailable(StoreError):
    """The database cannot be opened."""


class StoreFull(StoreError):
    """The disk is full; nothing was written."""


class StoreReadOnly(StoreError):
    """The database or its folder may not be written."""


class StoreCorrupt(StoreError):
    """The file is no database, or a damaged one."""


class StoreTooNew(StoreError):
    """The database was written by a newer version of mcp-memory."""


class EmbedderError(McpMemoryError):
    """The encoder cannot do what was asked."""


class EmbedderUnavailable(EmbedderError):
    """The encoder is not ready in time, or cannot be loaded."""


class EncoderMismatch(EmbedderError):
    """A vector that is not one of the encoder it is said to be of."""


class LanguageModelError(McpMemoryError):
    """The language model cannot do what was asked."""


class LanguageModelUnavailable(LanguageModelError):
    """None is configured, or it cannot be reached, refuses or is too slow."""


class LanguageModelUnusable(LanguageModelError):
    """It answered with nothing that could be used."""


class BudgetSpent(LanguageModelError):
    """The calls or tokens allowed are used up."""


class SandboxError(McpMemoryError):
    """Code could not be run."""


class SandboxUnavailable(SandboxError):
    """The sandbox cannot run here, or has no worker free: its text says why, after the word callers know it by."""

    def __str__(self) -> str:
        return f"sandbox_unavailable: {super().__str__()}"


class SettingsError(McpMemoryError):
    """A setting has a value it cannot have."""

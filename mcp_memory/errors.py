"""Everything mcp-memory raises on purpose.

    McpMemoryError
    ├── InvalidRequest          the call cannot be carried out as written; the text says how to mend it
    │   ├── UnknownMemory       no memory with this id in the workspace
    │   ├── UnknownWorkspace    no workspace with this id
    │   └── UnknownRelationship not one of the ontology's names
    ├── StoreError              the database cannot do what was asked
    │   ├── StoreUnavailable    it cannot be opened: a folder or file that cannot be made, read or written
    │   ├── StoreFull           the disk is full
    │   ├── StoreReadOnly       the file or its folder may not be written
    │   ├── StoreCorrupt        the file is no database, or a damaged one
    │   └── StoreTooNew         written by a newer version of mcp-memory
    ├── EmbedderError
    │   ├── EmbedderUnavailable not ready in time, or cannot load; recall goes on by keywords
    │   └── EncoderMismatch     a vector that is not one of the encoder it is said to be of
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


class SettingsError(McpMemoryError):
    """A setting has a value it cannot have."""

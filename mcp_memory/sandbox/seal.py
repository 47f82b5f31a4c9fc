"""A seal on stored states: a dump is loaded only if we wrote it, for the same session.

Dumps are not authenticated by themselves: a changed one may load with other values. The key lies beside the database,
in a file of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mcp_memory.errors import StoreUnavailable

if TYPE_CHECKING:
    from pathlib import Path

KEY_BYTES: Final = 32

_KEY_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700

_LOOKS: Final = 20
_BETWEEN_LOOKS: Final = 0.005
"""Seconds, between the looks at a key that is too short: another process may be writing it (see `_place`)."""


class Seal:
    """HMAC-SHA256 with a key that is made at the first use, readable by its owner only.

    Args:
        path: the key's file. All processes that use it have the same key, whichever of them made it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key = b""

    def of(self, session_id: str, engine: str, state: bytes) -> bytes:
        """The seal on this state.

        Raises:
            StoreUnavailable: the key cannot be read or made.
        """
        mac = hmac.new(self._known_key(), digestmod=hashlib.sha256)
        for part in (session_id.encode(), engine.encode(), state):
            mac.update(len(part).to_bytes(8, "big"))
            mac.update(part)
        return mac.digest()

    def holds(self, seal: bytes, session_id: str, engine: str, state: bytes) -> bool:
        """Whether the state is as it was sealed.

        Raises:
            StoreUnavailable: the key cannot be read or made.
        """
        return hmac.compare_digest(seal, self.of(session_id, engine, state))

    def _known_key(self) -> bytes:
        if not self._key:
            try:
                self._key = self._checked(self._read_or_made())
            except OSError as error:
                raise self._unusable(error.strerror or str(error)) from error
        return self._key

    def _read_or_made(self) -> bytes:
        with suppress(FileNotFoundError):
            return self._read()
        self._make()
        return self._read()

    def _read(self) -> bytes:
        for _ in range(_LOOKS):
            key = self._path.read_bytes()
            if len(key) >= KEY_BYTES:
                break
            time.sleep(_BETWEEN_LOOKS)
        return key

    def _make(self) -> None:
        """Put a key in place, unless another process was faster.

        It is written whole, down to the disk, before it gets its name: no crash leaves half a key.
        """
        self._path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        draft = self._path.with_name(f"{self._path.name}.{secrets.token_hex(8)}")
        try:
            _write(draft, secrets.token_bytes(KEY_BYTES))
            self._place(draft)
        finally:
            draft.unlink(missing_ok=True)

    def _place(self, draft: Path) -> None:
        """Name the key, never in place of one that is there."""
        try:
            os.link(draft, self._path)
        except FileExistsError:
            return
        except OSError:  # a file system without hard links, such as exFAT
            with suppress(FileExistsError):
                _write(self._path, draft.read_bytes())

    def _checked(self, key: bytes) -> bytes:
        if len(key) != KEY_BYTES:
            raise StoreUnavailable(
                f"The key {self._path} is damaged: it has {len(key)} bytes instead of {KEY_BYTES}. Remove the file and "
                "call again: a new key is made, and environments come back from the JSON form of their variables."
            )
        return key

    def _unusable(self, reason: str) -> StoreUnavailable:
        return StoreUnavailable(
            f"The key that environments are sealed with, {self._path}, cannot be read or made: {reason}. Check that "
            "its folder exists and may be read and written, or point MCP_MEMORY_DATA_DIR at another one."
        )


def _write(path: Path, content: bytes) -> None:
    """Write a file that must not be there yet, down to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), _KEY_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)

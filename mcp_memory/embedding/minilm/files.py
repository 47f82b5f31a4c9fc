"""The files of the bundled model, and whether they are what was shipped."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.errors import EmbedderUnavailable

SHIPPED_FOLDER = Path(__file__).parent
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
CARD_FILE = "model.json"

_MEND = "Reinstall it with `pip install --force-reinstall --no-deps mcp-memory`."


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What `model.json` says about the two files beside it."""

    identity: EncoderIdentity
    max_tokens: int
    """Tokens of a text that are read; the rest is cut off."""
    sha256: dict[str, str]
    """File name to SHA-256, in hexadecimal."""


def read_card(folder: Path) -> ModelCard:
    """Read `model.json`; under a millisecond.

    Raises:
        EmbedderUnavailable: it is missing, unreadable or no model card.
    """
    path = folder / CARD_FILE
    try:
        card = json.loads(path.read_bytes())
        return ModelCard(
            identity=EncoderIdentity(str(card["name"]), str(card["revision"]), int(card["dimension"])),
            max_tokens=int(card["max_tokens"]),
            sha256={name: str(card["sha256"][name]) for name in (MODEL_FILE, TOKENIZER_FILE)},
        )
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, KeyError, TypeError) as error:
        raise EmbedderUnavailable(f"The encoder's file {path} is damaged. {_MEND}") from error


def verify(folder: Path, card: ModelCard) -> None:
    """Compare both files with their checksums.

    Raises:
        EmbedderUnavailable: a file is missing, unreadable or not the one that was shipped.
    """
    for name, expected in card.sha256.items():
        path = folder / name
        if _sha256(path) != expected:
            raise EmbedderUnavailable(
                f"The encoder's file {path} is damaged: its SHA-256 is not the one in {CARD_FILE}. {_MEND}"
            )


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> EmbedderUnavailable:
    reason = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
    return EmbedderUnavailable(f"The encoder's file {path} {reason}. {_MEND}")

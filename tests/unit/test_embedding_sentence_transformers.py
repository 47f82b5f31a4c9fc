"""What can be said of the extra `local` where it is not installed."""

from __future__ import annotations

import sys

import pytest

from mcp_memory.embedding.sentence_transformers import SentenceTransformersEncoder
from mcp_memory.errors import EmbedderUnavailable


def test_without_the_extra_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(EmbedderUnavailable, match=r"pip install 'mcp-memory\[local\]'"):
        SentenceTransformersEncoder("BAAI/bge-small-en-v1.5").load()


def test_the_name_is_known_before_anything_is_imported() -> None:
    assert SentenceTransformersEncoder("BAAI/bge-small-en-v1.5").name == "sentence-transformers/BAAI/bge-small-en-v1.5"
    assert SentenceTransformersEncoder().name == "sentence-transformers/all-MiniLM-L6-v2"

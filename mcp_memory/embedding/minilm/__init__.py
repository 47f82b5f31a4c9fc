"""The bundled encoder: all-MiniLM-L6-v2 as int8 ONNX, with its tokenizer, licence and checksums.

The files are made by `scripts/export_minilm.py`.
"""

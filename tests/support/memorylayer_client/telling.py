"""Which steps there are: read from their source, as the tests' own Python need not have the client."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent


def steps() -> list[tuple[str, str]]:
    """Every step by the kind of client that takes it, and its name."""
    found = []
    for module in sorted((HERE / "steps").glob("*.py")):
        for node in ast.parse(module.read_text()).body:
            if isinstance(node, ast.AsyncFunctionDef):
                found += [(kind, node.name) for kind in _kinds(node)]
    return found


def _kinds(function: ast.AsyncFunctionDef) -> tuple[str, ...]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Name) and decorator.id == "step":
            return "async", "sync"
        if isinstance(decorator, ast.Name) and decorator.id == "async_step":
            return ("async",)
        if isinstance(decorator, ast.Name) and decorator.id == "sync_step":
            return ("sync",)
    return ()

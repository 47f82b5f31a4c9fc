"""The sources that run inside, made small: every character of them is in every dump."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from importlib import resources

POLYFILLS = ("heapq", "operator", "statistics", "string", "textwrap")
"""Modules that Monty lacks and that are written in `prelude/`."""
REVISION = 1
"""Of the prelude. A dump holds the prelude that it was made with: raise this when a function in it changes."""


@dataclass(frozen=True, slots=True)
class Inside:
    """A source, and the names it defines at its top."""

    source: str
    names: tuple[str, ...]


@cache
def inside(name: str) -> Inside:
    """A file of `prelude/`, without comments, docstrings, annotations and what only a type checker needs."""
    text = (resources.files(__package__) / "prelude" / f"{name}.py").read_text(encoding="utf-8")
    tree = _Smaller().visit(ast.parse(text))
    return Inside(ast.unparse(tree), tuple(name for node in tree.body for name in _bound(node)))


class _Smaller(ast.NodeTransformer):
    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._without_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._without_docstring(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self._without_docstring(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return ast.copy_location(ast.Assign([node.target], self.visit(node.value)), node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in ("__future__", "typing", "collections.abc") else node

    def _without_docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> ast.AST:
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return self.generic_visit(node)


def _bound(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []

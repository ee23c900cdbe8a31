"""Turns a canonical kernel into the Python text that Numba compiles.

Array elements and accumulators become calls of our own intrinsics, which is how they get their meaning without a word
in Numba's registries, and costs Numba less to type than index tuples.
"""

from __future__ import annotations

import ast
from typing import Any

from symdiff.runtime.text import Kernel
from symdiff.runtime.values import ACCUMULATORS, DIVISIONS


def rewritten(kernel: Kernel) -> tuple[ast.Module, set[tuple[str, int]]]:
    """The module that defines `kernel`, and which element functions it calls: ("load" or "store", rank)."""
    rewriter = _Rewriter()
    tree = rewriter.visit(kernel.tree)
    if _returns_value(tree):
        tree.body.append(ast.Return(ast.Constant(0)))
    return ast.fix_missing_locations(ast.Module([tree], [])), rewriter.elements


class _Rewriter(ast.NodeTransformer):
    """Makes a new tree: the kernel's own stays as it is."""

    def __init__(self) -> None:
        self.elements: set[tuple[str, int]] = set()

    def generic_visit(self, node: ast.AST) -> ast.AST:
        return type(node)(**{name: self._copied(value) for name, value in ast.iter_fields(node)})

    def _copied(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._copied(item) for item in value]
        return self.visit(value) if isinstance(value, ast.AST) else value

    def visit_Subscript(self, node: ast.Subscript) -> ast.Call:
        return self._element("load", node)

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        """Numba's own integer // and % trap where the quotient overflows."""
        left, right = self.visit(node.left), self.visit(node.right)
        name = DIVISIONS.get(type(node.op))
        if name is not None:
            return ast.Call(ast.Name(name, ast.Load()), [left, right], [])
        return ast.BinOp(left, node.op, right)

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        target, value = node.targets[0], self.visit(node.value)
        if not isinstance(target, ast.Subscript):
            return ast.Assign([self.visit(target)], value)
        return ast.Expr(self._element("store", target, value))

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        value = self.visit(node.value)
        if isinstance(node.target, ast.Subscript):
            old = self._element("load", node.target)
            return ast.Expr(self._element("store", node.target, ast.BinOp(old, node.op, value)))
        name = ACCUMULATORS.get(type(node.op))
        if name is None or not isinstance(node.target, ast.Name):
            return ast.AugAssign(self.visit(node.target), node.op, value)
        total = ast.Name(node.target.id, ast.Load())
        return ast.Assign([self.visit(node.target)], ast.Call(ast.Name(name, ast.Load()), [total, value], []))

    def _element(self, kind: str, node: ast.Subscript, *values: ast.expr) -> ast.Call:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        indices = [self.visit(part) for part in parts]
        self.elements.add((kind, len(indices)))
        return ast.Call(ast.Name(f"{kind}_{len(indices)}", ast.Load()), [node.value, *indices, *values], [])


def _returns_value(tree: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(tree))

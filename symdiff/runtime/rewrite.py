"""Turns a canonical kernel into the Python function that Numba compiles.

Array elements and accumulators become calls of our own intrinsics, which is how they get their meaning without a word
in Numba's registries, and costs Numba less to type than index tuples.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from symdiff.runtime.text import Kernel

_ACCUMULATORS = {ast.Add: "accumulate_add", ast.Mult: "accumulate_mul"}


def python_function(kernel: Kernel, functions: Mapping[str, Any], access: Callable[[str, int], Any]) -> Any:
    """The function, with `functions` as its globals; `access("load" | "store", rank)` gives the element intrinsics."""
    rewriter = _Rewriter(access)
    tree = rewriter.visit(kernel.tree)
    if _returns_value(tree):
        tree.body.append(ast.Return(ast.Constant(0)))
    module = ast.fix_missing_locations(ast.Module([tree], []))
    namespace: dict[str, Any] = {**functions, **rewriter.used, **dict(kernel.constants)}
    exec(compile(module, f"<kernel {kernel.digest[:12]}>", "exec"), namespace)
    return namespace["kernel"]


class _Rewriter(ast.NodeTransformer):
    def __init__(self, access: Callable[[str, int], Any]) -> None:
        self.access = access
        self.used: dict[str, Any] = {}

    def visit_Subscript(self, node: ast.Subscript) -> ast.Call:
        return self._element("load", node)

    def visit_Assign(self, node: ast.Assign) -> ast.stmt:
        target = node.targets[0]
        if not isinstance(target, ast.Subscript):
            node.value = self.visit(node.value)
            return node
        return ast.Expr(self._element("store", target, self.visit(node.value)))

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.stmt:
        value = self.visit(node.value)
        if isinstance(node.target, ast.Subscript):
            old = self._element("load", node.target)
            return ast.Expr(self._element("store", node.target, ast.BinOp(old, node.op, value)))
        name = _ACCUMULATORS.get(type(node.op))
        if name is None or not isinstance(node.target, ast.Name):
            node.value = value
            return node
        old = ast.Name(node.target.id, ast.Load())
        return ast.Assign([node.target], ast.Call(ast.Name(name, ast.Load()), [old, value], []))

    def _element(self, kind: str, node: ast.Subscript, *values: ast.expr) -> ast.Call:
        parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        indices = [self.visit(part) for part in parts]
        name = f"{kind}_{len(indices)}"
        self.used[name] = self.access(kind, len(indices))
        return ast.Call(ast.Name(name, ast.Load()), [node.value, *indices, *values], [])


def _returns_value(tree: ast.FunctionDef) -> bool:
    return any(isinstance(node, ast.Return) and node.value is not None for node in ast.walk(tree))

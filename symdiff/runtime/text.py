"""The canonical form of a kernel's text: names and comments gone, so that equal kernels are one; and its digest."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import numpy as np

from symdiff.core.digest import digest_of
from symdiff.core.record import record
from symdiff.runtime.maths import NAMES
from symdiff.runtime.signature import Array, Param

BUILTINS = frozenset({"range", "True", "False"})


@record
class Kernel:
    """A kernel without its names: parameters are `p0`, `p1` ..., locals `v0` ..., constants `c0` ..."""

    tree: ast.FunctionDef
    params: tuple[Param, ...]
    constants: tuple[tuple[str, np.generic], ...]
    digest: str


def canonical(
    text: str, params: Sequence[Param], constants: Mapping[str, np.generic], extra: frozenset[str] = frozenset()
) -> Kernel:
    """Parse `text`, which holds one function, and rename everything in it by position.

    `extra` names further functions that the text may call (the driver's own intrinsics).
    Raises SyntaxError, NameError or TypeError when the text is not a kernel.
    """
    tree = _function(text)
    names = [argument.arg for argument in tree.args.args]
    if len(names) != len(params):
        raise TypeError(f"kernel {tree.name}: the text takes {len(names)} parameters, the signature has {len(params)}")
    renamer = _Renamer(tree, dict(zip(names, params, strict=True)), constants, NAMES | BUILTINS | extra)
    tree = renamer.visit(tree)
    used = tuple((new, constants[old]) for old, new in renamer.constants.items())
    return Kernel(tree, tuple(params), used, _digest(tree, params, used))


def _function(text: str) -> ast.FunctionDef:
    body = ast.parse(text).body
    if len(body) != 1 or not isinstance(body[0], ast.FunctionDef):
        raise SyntaxError("a kernel's text is one function definition and nothing else")
    return body[0]


def _digest(tree: ast.FunctionDef, params: Sequence[Param], constants: Sequence[tuple[str, np.generic]]) -> str:
    values = [(name, value.dtype.str, value.tobytes().hex()) for name, value in constants]
    return digest_of((ast.dump(tree), tuple(params), values))


class _Renamer(ast.NodeTransformer):
    def __init__(
        self,
        tree: ast.FunctionDef,
        params: Mapping[str, Param],
        constants: Mapping[str, np.generic],
        globals_: frozenset[str],
    ) -> None:
        self.function = tree.name
        self.params = params
        self.names = {name: f"p{k}" for k, name in enumerate(params)}
        self.locals = _stored(tree) - params.keys()
        self.available = constants
        self.constants: dict[str, str] = {}
        self.globals = globals_

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        if ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        node.name = "kernel"
        node.returns = None
        for argument in node.args.args:
            argument.arg = self.names[argument.arg]
            argument.annotation = None
        node.body = [self.visit(statement) for statement in node.body]
        return node

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._renamed(node.id)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        array = self.params.get(node.value.id) if isinstance(node.value, ast.Name) else None
        if not isinstance(array, Array):
            raise TypeError(f"kernel {self.function}: `{ast.unparse(node)}` does not index an array parameter")
        indices = len(node.slice.elts) if isinstance(node.slice, ast.Tuple) else 1
        if indices != array.rank:
            raise TypeError(
                f"kernel {self.function}: `{ast.unparse(node)}` has {indices} indices for an array of rank {array.rank}"
            )
        return self.generic_visit(node)

    def _renamed(self, name: str) -> str:
        if name in self.names:
            return self.names[name]
        if name in self.locals:
            return self.names.setdefault(name, f"v{len(self.names)}")
        if name in self.available:
            return self.constants.setdefault(name, f"c{len(self.constants)}")
        if name in self.globals:
            return name
        raise NameError(
            f"kernel {self.function}: the name {name!r} is not a parameter, a local, a constant or a known function"
        )


def _stored(tree: ast.FunctionDef) -> set[str]:
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}

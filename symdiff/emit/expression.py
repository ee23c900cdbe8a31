"""Kernel expressions as Python text, through Python's own syntax trees, so that brackets are right and few."""

from __future__ import annotations

import ast
from functools import cache

from ..core.types import BOOL, INT64
from ..lower.ir import Apply, Const, DType, Expr, Load, Var
from .constants import Constants


class ExpressionWriter:
    """Writes expressions; notes the functions they call and the constants they use."""

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.functions: dict[str, bool] = {}  # name -> whether it is called on integers
        self.constants_used: dict[str, None] = {}

    def write(self, expr: Expr) -> str:
        return ast.unparse(self.tree(expr))

    def tree(self, expr: Expr) -> ast.expr:
        if isinstance(expr, Const):
            return self.number(expr.value, expr.dtype)
        if isinstance(expr, Var):
            return ast.Name(expr.name)
        if isinstance(expr, Load):
            return subscript(expr.buffer, [self.tree(entry) for entry in expr.index])
        if expr.code == "cast":
            return self._cast(expr)
        operands = dict(zip("abc", map(self.tree, expr.args), strict=False))
        filled = _Fill(operands, self, expr.args[0].dtype).visit(parsed(expr.code))
        assert isinstance(filled, ast.expr)
        return filled

    def _cast(self, expr: Apply) -> ast.expr:
        operand = self.tree(expr.args[0])
        if expr.dtype == BOOL:
            return ast.Compare(operand, [ast.NotEq()], [ast.Constant(0)])
        return self.call(expr.dtype.name, [operand], expr.dtype)

    def call(self, name: str, args: list[ast.expr], dtype: DType) -> ast.expr:
        self.functions[name] = self.functions.get(name, False) or dtype.kind in "iu"
        return ast.Call(ast.Name(name), args, [])

    def number(self, value: object, dtype: DType) -> ast.expr:
        if dtype == INT64:
            return _integer(int(value))  # type: ignore[call-overload]
        if dtype == BOOL:
            return ast.Constant(bool(value))
        name = self.constants.name(value, dtype)
        self.constants_used.setdefault(name)
        return ast.Name(name)


class _Fill(ast.NodeTransformer):
    """A template with its operands put in and its literals typed."""

    def __init__(self, operands: dict[str, ast.expr], writer: ExpressionWriter, dtype: DType) -> None:
        self.operands, self.writer, self.dtype = operands, writer, dtype

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return self.operands.get(node.id, node)

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        return self.writer.number(node.value, self.dtype)

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        args = [self.visit(arg) for arg in node.args]
        if node.func.id == "abs":
            return ast.Call(node.func, args, [])
        return self.writer.call(node.func.id, args, self.dtype)

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """A copy: templates are shared."""
        fields = {name: self._copied(value) for name, value in ast.iter_fields(node)}
        return type(node)(**fields)

    def _copied(self, value: object) -> object:
        if isinstance(value, list):
            return [self._copied(item) for item in value]
        return self.visit(value) if isinstance(value, ast.AST) else value


@cache
def parsed(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


def subscript(buffer: str, index: list[ast.expr]) -> ast.expr:
    """``h1[i, j]``; an array of rank 0 is ``loss[()]``."""
    place = index[0] if len(index) == 1 else ast.Tuple(index)
    return ast.Subscript(ast.Name(buffer), place)


def _integer(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))

"""The rules of one kernel: names are defined before use and once, indices fit their arrays, dtypes agree."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache

from ..core.errors import GraphError
from ..core.types import BOOL, INT64, as_dtype
from .ir import (
    Accumulate,
    Accumulator,
    Apply,
    Best,
    Check,
    Combine,
    Const,
    DType,
    Expr,
    Kernel,
    Let,
    Load,
    Loop,
    Statement,
    Store,
    Var,
)
from .rewrite import expressions

Scope = dict[str, DType]
TRUTHS = frozenset({"isnan", "isinf", "isfinite"})


def verify_kernel(kernel: Kernel) -> None:
    """Raises GraphError naming the kernel, the statement and the rule that is broken."""
    _Check(kernel).body(kernel.body, dict.fromkeys(kernel.sizes, INT64))


class _Check:
    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.params = {param.name: param for param in kernel.params}
        self.names = {*kernel.sizes, *self.params}  # every local and parameter: none may be bound twice
        self.accumulators: Scope = {}
        self.statement: Statement | None = None
        self._require(len(self.names) == len(kernel.sizes) + len(kernel.params), "two parameters have one name")

    def body(self, statements: Sequence[Statement], outer: Scope) -> None:
        """``outer`` are the names in scope; those bound here end with the block."""
        scope = dict(outer)
        for statement in statements:
            self.statement = statement
            for expr in expressions(statement):
                self._expr(expr, scope)
            self._statement(statement, scope)

    def _statement(self, statement: Statement, scope: Scope) -> None:
        if isinstance(statement, Loop):
            self._same(statement.extent.dtype, INT64, "the extent")
            self._require(statement.var not in scope and statement.var not in self.names, f"{statement.var} is taken")
            self.body(statement.body, {**scope, statement.var: INT64})
        elif isinstance(statement, Let):
            self._bind(statement.name, statement.value.dtype, scope)
        elif isinstance(statement, Accumulator):
            self._bind(statement.name, statement.start.dtype, scope)
            self.accumulators[statement.name] = statement.start.dtype
        elif isinstance(statement, Accumulate):
            self._same(statement.value.dtype, self._accumulator(statement.name, scope), "the value")
        elif isinstance(statement, Best):
            self._same(statement.value.dtype, self._accumulator(statement.best, scope), "the value")
            self._same(statement.position.dtype, self._accumulator(statement.place, scope), "the position")
        elif isinstance(statement, Store | Combine):
            self._access(statement.buffer, statement.index)
            self._same(statement.value.dtype, self.params[statement.buffer].dtype, "the value")
        elif isinstance(statement, Check):
            self._same(statement.condition.dtype, BOOL, "the condition")
            self._same(statement.status.dtype, INT64, "the status")

    def _bind(self, name: str, dtype: DType, scope: Scope) -> None:
        self._require(name not in scope and name not in self.names, f"{name} is bound a second time")
        self.names.add(name)
        scope[name] = dtype

    def _accumulator(self, name: str, scope: Scope) -> DType:
        self._require(name in scope and name in self.accumulators, f"{name} is no accumulator here")
        return self.accumulators[name]

    # -- expressions

    def _expr(self, expr: Expr, scope: Scope) -> None:
        if isinstance(expr, Var):
            self._require(expr.name in scope, f"{expr.name} is not defined here")
            self._same(expr.dtype, scope[expr.name], expr.name)
        elif isinstance(expr, Load):
            for entry in expr.index:
                self._expr(entry, scope)
            self._access(expr.buffer, expr.index)
            self._same(expr.dtype, self.params[expr.buffer].dtype, expr.buffer)
        elif isinstance(expr, Apply):
            for arg in expr.args:
                self._expr(arg, scope)
            if expr.code != "cast":
                self._same(expr.dtype, self._result(expr), f"'{expr.code}'")

    def _access(self, buffer: str, index: Sequence[Expr]) -> None:
        self._require(buffer in self.params, f"{buffer} is no parameter")
        rank = len(self.params[buffer].shape)
        self._require(len(index) == rank, f"{buffer} has {rank} axes, {len(index)} were indexed")
        for entry in index:
            self._same(entry.dtype, INT64, f"an index of {buffer}")

    def _result(self, expr: Apply) -> DType:
        """The dtype that follows from the operands'. A number in the code takes that of the first operand."""
        operands = dict(zip("abc", (arg.dtype for arg in expr.args), strict=False))
        return self._typed(_parsed(expr.code), operands, expr.args[0].dtype)

    def _typed(self, tree: ast.expr, operands: Scope, number: DType) -> DType:
        if isinstance(tree, ast.Name):
            return operands[tree.id]
        if isinstance(tree, ast.Constant):
            return number
        parts = [self._typed(part, operands, number) for part in _operands(tree)]
        if isinstance(tree, ast.IfExp):
            self._same(parts.pop(0), BOOL, "a condition")
        for part in parts:
            self._same(part, parts[0], "an operand")
        if isinstance(tree, ast.BoolOp) or (isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not)):
            self._same(parts[0], BOOL, "a truth value")
        if isinstance(tree, ast.BinOp) and isinstance(tree.op, ast.Div):
            self._require(parts[0].kind == "f", f"a quotient of {parts[0]}")
        if isinstance(tree, ast.Compare) or (isinstance(tree, ast.Call) and ast.unparse(tree.func) in TRUTHS):
            return BOOL
        return parts[0]

    # -- what is said

    def _same(self, found: DType, wanted: DType, what: str) -> None:
        self._require(as_dtype(found) == as_dtype(wanted), f"{what} is {found}, not {wanted}")

    def _require(self, holds: bool, problem: str) -> None:
        if not holds:
            at = f": {_brief(self.statement)}" if self.statement is not None else ""
            raise GraphError(f"kernel {self.kernel.name}: {problem}{at}")


@cache
def _parsed(code: str) -> ast.expr:
    return ast.parse(code, mode="eval").body


def _operands(tree: ast.expr) -> list[ast.expr]:
    """The expressions directly inside; the test of a conditional comes first."""
    if isinstance(tree, ast.Call):
        return tree.args
    return [part for part in ast.iter_child_nodes(tree) if isinstance(part, ast.expr)]


def _brief(statement: Statement) -> str:
    """``Store h[i, j] = maximum(...)``, near enough to find it."""
    parts = [getattr(statement, name) for name in ("var", "name", "best", "buffer") if hasattr(statement, name)]
    values = ", ".join(_text(expr) for expr in expressions(statement))
    return f"{type(statement).__name__} {' '.join(parts)} ({values})"


def _text(expr: Expr) -> str:
    if isinstance(expr, Const):
        return str(expr.value)
    if isinstance(expr, Var):
        return expr.name
    if isinstance(expr, Load):
        return f"{expr.buffer}[{', '.join(map(_text, expr.index))}]"
    return f"({expr.code})({', '.join(map(_text, expr.args))})"

"""The user's source: which statement assigns to which variable."""

from __future__ import annotations

import ast
import linecache
import warnings
from typing import NamedTuple

_OPERATORS: dict[type[ast.AST], str] = {
    ast.Add: "add", ast.Sub: "subtract", ast.Mult: "multiply", ast.Div: "divide", ast.FloorDiv: "floor_divide",
    ast.Mod: "remainder", ast.Pow: "power", ast.MatMult: "matmul", ast.BitAnd: "logical_and",
    ast.BitOr: "logical_or", ast.BitXor: "logical_xor", ast.USub: "negative", ast.Invert: "logical_not",
    ast.Lt: "less", ast.LtE: "less_equal", ast.Gt: "greater", ast.GtE: "greater_equal",
}  # fmt: skip
_VALUES = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Subscript, ast.Attribute, ast.IfExp)
_TAKE_A_VALUE = frozenset(
    ("grad", "value_and_grad", "vjp", "jvp", "jacobian", "hessian", "hvp", "Graph", "compile", "train_step", "optimize")
)  # what they return is not the expression they are given


class Assignment(NamedTuple):
    """``target = expression`` on the lines from ``start``; ``operator`` stands at the top of the expression and
    nowhere else in it (None: it stands there twice, or is not one operator)."""

    target: str
    start: int
    operator: str | None


_tables: dict[str, tuple[list[str], dict[int, Assignment]]] = {}


def assignment_at(file: str, line: int) -> Assignment | None:
    """The assignment to one variable that covers a line; None when there is none or the source is not at hand."""
    lines = linecache.getlines(file)
    if file not in _tables or _tables[file][0] is not lines:
        _tables[file] = (lines, _assignments("".join(lines)))
    return _tables[file][1].get(line)


def _assignments(source: str) -> dict[int, Assignment]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the user's own warnings were shown when the file was compiled
            tree = ast.parse(source)
    except (SyntaxError, ValueError):  # a notebook's magics, a template: no names from here
        return {}
    found: dict[int, Assignment] = {}
    for statement in ast.walk(tree):
        name = _target(statement)
        if name and isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign) and _is_value(statement.value):
            assignment = Assignment(name, statement.lineno, _top_operator(statement))
            found |= dict.fromkeys(range(statement.lineno, (statement.end_lineno or statement.lineno) + 1), assignment)
    return found


def _is_value(expression: ast.expr | None) -> bool:
    return isinstance(expression, _VALUES) and _operator(expression) not in _TAKE_A_VALUE


def _target(statement: ast.AST) -> str | None:
    """The one variable (or attribute) a statement assigns to."""
    if isinstance(statement, ast.Assign):
        target: ast.AST = statement.targets[0]
    elif isinstance(statement, ast.AugAssign | ast.AnnAssign):
        target = statement.target
    else:
        return None
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    return None


def _top_operator(statement: ast.Assign | ast.AnnAssign | ast.AugAssign) -> str | None:
    if statement.value is None:
        return None
    used = [name for part in ast.walk(statement.value) if (name := _operator(part))]
    top = _operator(statement.value)
    if isinstance(statement, ast.AugAssign):
        top = _OPERATORS.get(type(statement.op))
        used += [top] if top else []
    return top if used.count(top or "") == 1 else None


def _operator(part: ast.AST) -> str | None:
    """The operator's name that an expression, on its own, calls."""
    if isinstance(part, ast.BinOp | ast.UnaryOp):
        return _OPERATORS.get(type(part.op))
    if isinstance(part, ast.Compare):
        return _OPERATORS.get(type(part.ops[0]))
    if isinstance(part, ast.Call):
        function = part.func
        return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    return None

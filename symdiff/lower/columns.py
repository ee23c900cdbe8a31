"""Kernels that sum over rows take the number of their columns as a size, so that threads can share the columns.

Rows of such a kernel cannot be shared: the bits of the sums would depend on the shares. Columns can, when nothing
passes from one to another.
"""

from __future__ import annotations

from collections.abc import Sequence

from .ir import Combine, Const, Expr, Let, Load, Loop, Param, Statement, Store, Var
from .rewrite import expressions, subexpressions, walk

MANY = 128
"""Fewer columns are not shared: there is too little work, and a constant number of them makes better code."""
COLUMNS = Var("column_count")


def by_columns(body: Sequence[Statement], params: Sequence[Param]) -> tuple[tuple[Statement, ...], int] | None:
    """The body for any number of columns, and how many there are. None where columns are few, where something passes
    from one to another, or where nothing is summed over rows, so that rows can be shared instead."""
    inner = [loop for loop in _loops(body) if not any(isinstance(s, Loop) for s in loop.body)]
    extents = {loop.extent for loop in inner}
    extent = next(iter(extents)) if len(extents) == 1 else None
    if not isinstance(extent, Const) or extent.value < MANY:
        return None
    led = {p.name: bool(p.shape) and p.shape[-1] == extent.value for p in params}
    sums = any(isinstance(s, Combine) for loop in inner for s in loop.body)
    if not sums or not all(_apart(statement, inner, led) for statement in body):
        return None
    return tuple(_widened(statement, inner) for statement in body), extent.value


def _loops(statements: Sequence[Statement]) -> list[Loop]:
    return [statement for statement in walk(statements) if isinstance(statement, Loop)]


def _apart(statement: Statement, inner: Sequence[Loop], led: dict[str, bool], column: Var | None = None) -> bool:
    """Whether columns have nothing to do with each other here: what is led by columns is met at the column alone, and
    nothing else is written or known about the column."""
    if isinstance(statement, Loop):
        own = Var(statement.var) if statement in inner else None
        return all(_apart(s, inner, led, own) for s in statement.body)
    if not isinstance(statement, Let | Store | Combine):
        return False
    if isinstance(statement, Let) and column is None:
        return not any(isinstance(p, Load) and led[p.buffer] for p in _parts(statement))
    places: list[Store | Combine | Load] = [statement] if isinstance(statement, Store | Combine) else []
    places += [part for part in _parts(statement) if isinstance(part, Load) and led[part.buffer]]
    if column is None or not all(led[place.buffer] and place.index[-1] == column for place in places):
        return False
    variables = [part for part in _parts(statement) if isinstance(part, Var)]
    return variables.count(column) == len(places)


def _parts(statement: Statement) -> list[Expr]:
    return [part for expr in expressions(statement) for part in subexpressions(expr)]


def _widened(statement: Statement, inner: Sequence[Loop]) -> Statement:
    if not isinstance(statement, Loop):
        return statement
    if statement in inner:
        return Loop(statement.var, COLUMNS, statement.body)
    return Loop(statement.var, statement.extent, tuple(_widened(s, inner) for s in statement.body))

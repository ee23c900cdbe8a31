"""Loops over whole contiguous arrays become one loop over their elements: one kernel then serves every shape."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.dim import Dim, dim, product
from ..core.types import INT64
from .ir import Accumulate, Accumulator, Const, Expr, Let, Load, Loop, Param, Statement, Store, Var, integer
from .rewrite import expressions, subexpressions, substitute, walk, with_expressions

SIZE = dim("size")


def flatten(
    body: Sequence[Statement], params: Sequence[Param]
) -> tuple[tuple[Statement, ...], tuple[Param, ...], int | Dim] | None:
    """The body with its one loop nest as one loop, the parameters as flat arrays, and the number of elements.

    None when some buffer is read at another index than the plain one, or there are other loops.
    """
    nest = [statement for statement in body if isinstance(statement, Loop)]
    if len(nest) != 1:
        return None
    names: list[str] = []
    extents: list[Expr] = []
    inner: Sequence[Statement] = nest
    while len(inner) == 1 and isinstance(inner[0], Loop):
        names.append(inner[0].var)
        extents.append(inner[0].extent)
        inner = inner[0].body
    index = tuple(Var(name) for name in names)
    flattened = _read_or_written_at(index, inner)
    shapes = {param.shape for param in params if param.name in flattened}
    if len(shapes) != 1 or not _plain(body, names, index, flattened):
        return None
    (shape,) = shapes
    if extents != [integer(size) for size in shape]:
        return None
    flat = Var(names[0])

    def change(expr: Expr) -> Expr | None:
        if isinstance(expr, Load) and expr.index == index:
            return Load(expr.buffer, (flat,), expr.dtype)
        return None

    changed = tuple(_restored(with_expressions(s, lambda e: substitute(e, change)), index, flat) for s in inner)
    loop = Loop(flat.name, Var("size"), changed)
    statements = tuple(loop if isinstance(statement, Loop) else statement for statement in body)
    flat_params = tuple(Param(p.name, p.dtype, (SIZE,)) if p.name in flattened else p for p in params)
    return statements, flat_params, product(shape)


def _restored(statement: Statement, index: tuple[Expr, ...], flat: Var) -> Statement:
    if isinstance(statement, Store) and statement.index == index:
        return Store(statement.buffer, (flat,), statement.value)
    return statement


def _read_or_written_at(index: tuple[Expr, ...], inner: Sequence[Statement]) -> set[str]:
    found = {s.buffer for s in inner if isinstance(s, Store) and s.index == index}
    for statement in inner:
        for expr in expressions(statement):
            found.update(p.buffer for p in subexpressions(expr) if isinstance(p, Load) and p.index == index)
    return found


def _plain(body: Sequence[Statement], names: list[str], index: tuple[Expr, ...], flattened: set[str]) -> bool:
    """Nothing depends on the place in the loop, but through the plain index; other buffers have one element read."""
    zero = Const(0, INT64)
    for statement in walk(body):
        if isinstance(statement, Loop):
            continue
        if isinstance(statement, Store):
            if statement.index != index and any(entry != zero for entry in statement.index):
                return False
        elif not isinstance(statement, Let | Accumulator | Accumulate):
            return False
        values = (statement.value,) if isinstance(statement, Store) else expressions(statement)
        if not all(_plain_reads(value, names, index, flattened) for value in values):
            return False
    return True


def _plain_reads(expr: Expr, names: list[str], index: tuple[Expr, ...], flattened: set[str]) -> bool:
    if isinstance(expr, Load):
        fixed = expr.buffer not in flattened and all(entry == Const(0, INT64) for entry in expr.index)
        return expr.index == index or fixed
    if isinstance(expr, Var):
        return expr.name not in names
    return all(_plain_reads(arg, names, index, flattened) for arg in getattr(expr, "args", ()))

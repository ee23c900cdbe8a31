"""Loops over neighbouring axes that always go together become one loop: rows too short to fill vectors become long.

Two loops are one when the outer one holds nothing but the inner one (and values that are the same each time), wherever
they are, both run over whole axes whose sizes are numbers, and every buffer is read and written at both or at neither.
The kernel sees such axes as one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import NamedTuple

from ..core.dim import product
from ..core.types import Shape
from .ir import Apply, Combine, Const, Expr, Let, Load, Loop, Param, Statement, Store, Var
from .rewrite import expressions, subexpressions, walk, with_expressions


class _Pair(NamedTuple):
    outer: str
    inner: str
    sizes: tuple[int, int]


def merge_axes(body: Sequence[Statement], params: Sequence[Param]) -> tuple[tuple[Statement, ...], tuple[Param, ...]]:
    """The statements and the parameters with all loops merged that can be."""
    statements, seen = tuple(body), tuple(params)
    for pair in _pairs(statements):
        axes = _axes(statements, pair, {param.name: param for param in seen})
        if axes is not None:
            statements = _merged(statements, pair)
            seen = tuple(_with_one_axis(param, axes[param.name]) if param.name in axes else param for param in seen)
    return statements, seen


def is_merged(shape: Shape, whole: Shape) -> bool:
    """Whether neighbouring axes of `whole`, seen as one, make `shape`."""
    sizes, known = ([product(each[axis:]) for axis in range(len(each))] for each in (shape, whole))
    return product(shape) == product(whole) and all(size in known for size in sizes)


def _pairs(statements: Sequence[Statement]) -> list[_Pair]:
    """Loops of which one holds the other and nothing else, wherever they are; the innermost ones first."""
    loops = [statement for statement in walk(statements) if isinstance(statement, Loop)]
    around = {inner.var: loop.var for loop in loops for inner in loop.body if isinstance(inner, Loop)}
    written = {statement.buffer for statement in walk(statements) if isinstance(statement, Store | Combine)}
    found: dict[str, set[_Pair | None]] = {}
    for loop in loops:
        found.setdefault(loop.var, set()).add(_pair(loop, written))
    always = [pairs.pop() for pairs in found.values() if len(pairs) == 1]
    return [pair for pair in reversed(always) if pair is not None and around[pair.inner] == pair.outer]


def _pair(loop: Loop, written: Set[str]) -> _Pair | None:
    *before, inner = loop.body
    if not isinstance(inner, Loop) or not isinstance(loop.extent, Const) or not isinstance(inner.extent, Const):
        return None
    if not all(isinstance(statement, Let) and _is_fixed(statement.value, loop.var, written) for statement in before):
        return None
    return _Pair(loop.var, inner.var, (loop.extent.value, inner.extent.value))


def _is_fixed(value: Expr, var: str, written: Set[str]) -> bool:
    """Whether a value is the same each time round the loop of `var`."""
    parts = list(subexpressions(value))
    return Var(var) not in parts and not any(isinstance(part, Load) and part.buffer in written for part in parts)


def _axes(statements: Sequence[Statement], pair: _Pair, params: Mapping[str, Param]) -> dict[str, int] | None:
    """For each buffer that is used along the pair, which axis the outer loop is; None if the loops must stay two."""
    axes: dict[str, int | None] = {}
    both = (Var(pair.outer), Var(pair.inner))
    places = list(_places(statements))
    for buffer, index in places:
        at = [k for k in range(len(index) - 1) if index[k : k + 2] == both]
        axis = at[0] if at else None
        if axes.setdefault(buffer, axis) != axis:
            return None
        if axis is not None and params[buffer].shape[axis : axis + 2] != pair.sizes:
            return None
    used = {buffer: axis for buffer, axis in axes.items() if axis is not None}
    read = [part for s in walk(statements) for e in expressions(s) for part in subexpressions(e) if part in both]
    return used if len(read) == 2 * sum(buffer in used for buffer, _ in places) else None


def _places(statements: Sequence[Statement]) -> Iterator[tuple[str, tuple[Expr, ...]]]:
    for statement in walk(statements):
        if isinstance(statement, Store | Combine):
            yield statement.buffer, statement.index
        for expr in expressions(statement):
            yield from ((part.buffer, part.index) for part in subexpressions(expr) if isinstance(part, Load))


def _merged(statements: Sequence[Statement], pair: _Pair) -> tuple[Statement, ...]:
    return tuple([made for statement in statements for made in _with_one_loop(statement, pair)])


def _with_one_loop(statement: Statement, pair: _Pair) -> Iterator[Statement]:
    if isinstance(statement, Loop) and statement.var == pair.outer:
        *before, inner = statement.body
        assert isinstance(inner, Loop) and isinstance(statement.extent, Const)
        yield from before
        size = Const(pair.sizes[0] * pair.sizes[1], statement.extent.dtype)
        yield Loop(pair.outer, size, _merged(inner.body, pair))
    elif isinstance(statement, Loop):
        yield Loop(statement.var, statement.extent, _merged(statement.body, pair))
    else:
        yield _with_one_place(with_expressions(statement, lambda expr: _with_one_index(expr, pair)), pair)


def _with_one_place(statement: Statement, pair: _Pair) -> Statement:
    if isinstance(statement, Store):
        return Store(statement.buffer, _one(statement.index, pair), statement.value)
    if isinstance(statement, Combine):
        return Combine(statement.buffer, _one(statement.index, pair), statement.combine, statement.value)
    return statement


def _with_one_index(expr: Expr, pair: _Pair) -> Expr:
    if isinstance(expr, Load):
        index = tuple([_with_one_index(entry, pair) for entry in expr.index])
        return Load(expr.buffer, _one(index, pair), expr.dtype)
    if isinstance(expr, Apply):
        return Apply(expr.code, tuple([_with_one_index(arg, pair) for arg in expr.args]), expr.dtype)
    return expr


def _one(index: tuple[Expr, ...], pair: _Pair) -> tuple[Expr, ...]:
    """An index in which the inner loop's entry is left out."""
    return tuple([entry for entry in index if entry != Var(pair.inner)])


def _with_one_axis(param: Param, axis: int) -> Param:
    first, second = param.shape[axis : axis + 2]
    return Param(param.name, param.dtype, (*param.shape[:axis], first * second, *param.shape[axis + 2 :]))

"""Which steps can be cut along their rows, so that several threads take a share each.

A kernel can when it is loops over the same rows and nothing passes from one row to another: what it writes it writes
at its own row, and sums end within their row. A share of the rows is then the same kernel with fewer rows, on buffers
that begin further on. One that sums over rows may be cut along its columns instead (lower/columns.py). A product is cut
along the rows or the columns of its result, or between its matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .core.dim import Dim, dim, product
from .core.record import record
from .lower.columns import COLUMNS
from .lower.cost import cost_of
from .lower.ir import Check, Combine, Expr, Handmade, Let, Load, Loop, Statement, Store, Var
from .lower.program import KernelCall
from .lower.rewrite import expressions, subexpressions, walk


@record
class Cut:
    """The rows: ``size`` is the position of their number among the kernel's sizes, ``apart`` says how many bytes apart
    they are in each parameter, None for one that has no such rows; ``cost`` is the number of operations on elements for
    all rows. Rows ``across`` are columns."""

    size: int
    apart: tuple[int | Dim | None, ...]
    cost: int | Dim
    across: bool = False


def cut_of(call: KernelCall) -> Cut | None:
    """How to cut a kernel, or None when it has to run as a whole."""
    return _by_rows(call) or _by_columns(call)


def _by_rows(call: KernelCall) -> Cut | None:
    kernel = call.kernel
    loops = [statement for statement in kernel.body if isinstance(statement, Loop)]
    rows = {loop.extent for loop in loops}
    if len(rows) != 1 or any(not isinstance(statement, Loop | Let) for statement in kernel.body):
        return None
    (extent,) = rows
    if not isinstance(extent, Var) or extent.name not in kernel.sizes:
        return None
    led = {param.name: bool(param.shape) and param.shape[0] == dim(extent.name) for param in kernel.params}
    others = [statement for statement in kernel.body if not isinstance(statement, Loop)]
    if not all(_apart(loop, extent, led) for loop in loops) or extent in _parts(others):
        return None
    row_bytes = [product(param.shape[1:]) * param.dtype.itemsize for param in kernel.params]
    apart = tuple(size if led[param.name] else None for param, size in zip(kernel.params, row_bytes, strict=True))
    return Cut(kernel.sizes.index(extent.name), apart, cost_of(call))


def _by_columns(call: KernelCall) -> Cut | None:
    kernel = call.kernel
    if COLUMNS.name not in kernel.sizes or isinstance(kernel, Handmade):
        return None
    size = kernel.sizes.index(COLUMNS.name)
    led = [param.shape[-1:] == (call.sizes[size],) for param in kernel.params]
    apart = tuple(param.dtype.itemsize if it_is else None for param, it_is in zip(kernel.params, led, strict=True))
    return Cut(size, apart, cost_of(call), across=True)


def _apart(loop: Loop, extent: Var, led: Mapping[str, bool]) -> bool:
    """Whether the rows of a loop have nothing to do with each other, and are found only by the axis that is cut."""
    row = Var(loop.var)
    statements = list(walk(loop.body))
    if any(isinstance(statement, Check) for statement in statements):
        return False
    places = [s for s in statements if isinstance(s, Store | Combine)]
    if not all(led[place.buffer] and place.index[0] == row for place in places):
        return False
    loads = [part for part in _parts(statements) if isinstance(part, Load) and led[part.buffer]]
    if any(load.index[0] != row for load in loads):
        return False
    variables = [part for part in _parts(statements) if isinstance(part, Var)]
    return extent not in variables and variables.count(row) == len(loads) + len(places)


def _parts(statements: Sequence[Statement]) -> Iterator[Expr]:
    for statement in statements:
        for expr in expressions(statement):
            yield from subexpressions(expr)

"""Which steps can be cut along their rows, so that several threads take a share each.

A kernel can when it is loops over the same rows and nothing passes from one row to another: what it writes it writes
at its own row, and sums end within their row. A share of the rows is then the same kernel with fewer rows, on buffers
that begin further on. A product is cut along the rows or the columns of its result, or between its matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .core.dim import Dim, dim
from .core.record import record
from .lower.cost import cost_of
from .lower.ir import Check, Combine, Expr, Let, Load, Loop, Statement, Store, Var
from .lower.program import KernelCall
from .lower.rewrite import expressions, subexpressions, walk


@record
class Cut:
    """The rows: ``size`` is the position of their number among the kernel's sizes, ``led`` says which parameters have
    them as their first axis, ``cost`` is the number of operations on elements for all rows."""

    size: int
    led: tuple[bool, ...]
    cost: int | Dim


def cut_of(call: KernelCall) -> Cut | None:
    """How to cut a kernel, or None when it has to run as a whole."""
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
    return Cut(kernel.sizes.index(extent.name), tuple(led.values()), cost_of(call))


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

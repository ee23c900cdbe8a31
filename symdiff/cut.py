"""Which steps can be cut along their rows, so that several threads take a share each.

A kernel can when it is loops over the same rows and nothing passes from one row to another: what it writes it writes
at its own row, and sums end within their row. A share of the rows is then the same kernel with fewer rows, on buffers
that begin further on. One that sums over rows may be cut along its columns instead (lower/columns.py). A product is cut
along the rows or the columns of its result, or between its matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from .core.dim import Dim, dim, product
from .core.record import record
from .emit.canonical import strides
from .lower.columns import COLUMNS
from .lower.cost import cost_of
from .lower.ir import Check, Combine, Expr, Handmade, Let, Load, Loop, Statement, Store, Var
from .lower.program import Gemm, KernelCall
from .lower.rewrite import expressions, subexpressions, walk
from .plan import Pieces
from .runtime import gemm
from .shares import COUNTS, STAYS, Distance, Move

KERNEL_GRAIN = 16  # rows of a kernel that stay together: a cache line of the narrowest
PRODUCT_GRAIN = 32  # rows or columns of a product that stay together: a tile of the widest
PRODUCT_SPEED, VECTOR_SPEED = 8, 2  # operations of a product in the time of one on the elements of arrays
USUAL_BATCH = 128


class Way(NamedTuple):
    """A way to cut a step: what becomes of each of its words, how many bytes apart the rows are in each of its buffers
    (None where every share sees more than its own), and the pieces."""

    moves: Sequence[Move]
    apart: Sequence[Distance | None]
    pieces: Pieces


def kernel_ways(call: KernelCall) -> list[Way]:
    """How to cut a kernel, whose words are its sizes, and each buffer with the strides that it does not know."""
    cut = cut_of(call)
    if cut is None:
        return []
    moves = [STAYS] * len(call.sizes)
    moves[cut.size] = COUNTS
    for param, apart in zip(call.kernel.params, cut.apart, strict=True):
        moves += [STAYS if apart is None else Move(apart)] + [STAYS] * strides(param.shape).count(None)
    own = [None] * len(cut.apart) if cut.across else cut.apart
    return [Way(moves, own, Pieces(((cut.cost, 1),), call.sizes[cut.size], KERNEL_GRAIN))]


def native_ways(call: KernelCall, before: int) -> list[Way]:
    """How to cut a routine that a native step does, whose words are some others before, numbers and buffers."""
    shared = call.shared
    if shared is None:
        return []
    moves = [STAYS] * (before + len(call.sizes) + len(shared.whole))
    moves[before + shared.size] = COUNTS
    moves += [Move(d * buffer.dtype.itemsize) for d, buffer in zip(shared.distances, call.buffers, strict=True)]
    # each piece prepares its operands anew, so there is one for each thread
    pieces = Pieces(((cost_of(call), PRODUCT_SPEED),), call.sizes[shared.size], shared.grain, each=1)
    return [Way(moves, [None] * len(call.buffers), pieces)]


def product_ways(step: Gemm) -> list[Way]:
    """A product is cut between its matrices, or by the columns or rows of its result. By rows costs more where there
    are many columns, so it has to be asked for: by what follows, for the rows of a weight."""
    if step.count != 1:
        distances = {"a": step.stride_a, "b": step.stride_b, "c": step.m * step.n}
        return [_along(step, "count", step.count, 1, distances)]
    by_columns = {"b": step.k if step.transpose_b else 1, "c": 1}
    by_rows = {"a": 1 if step.transpose_a else step.k, "c": step.n}
    columns = _along(step, "n", step.n, PRODUCT_GRAIN, by_columns)
    rows = _along(step, "m", step.m, PRODUCT_GRAIN, by_rows)
    if not _is_wide(step):
        return [rows]
    return [columns, rows] if isinstance(step.m, int) else [columns]


def _along(step: Gemm, along: str, rows: Distance, grain: int, distances: Mapping[str, Distance]) -> Way:
    apart = {name: elements * step.out.dtype.itemsize for name, elements in distances.items()}
    moves = [COUNTS if word == along else Move(apart[word]) if word in apart else STAYS for word in gemm.WORDS]
    own = [None if along == "n" else apart.get(name) for name in "abc"]
    speed = VECTOR_SPEED if 1 in (step.m, step.n) else PRODUCT_SPEED  # with a vector, memory sets the pace
    return Way(moves, own, Pieces(((cost_of(step), speed),), rows, grain))


def _is_wide(step: Gemm) -> bool:
    """Whether to cut a product by columns: where rows are few or as many as a batch has, and columns are many."""
    if not isinstance(step.n, int):
        return isinstance(step.m, int) and step.m < PRODUCT_GRAIN
    rows = step.m if isinstance(step.m, int) else USUAL_BATCH
    return step.n >= rows


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

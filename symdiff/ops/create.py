"""Arrays made from numbers and sizes: arange, linspace, zeros, ones, full, eye, meshgrid, broadcast_arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Index, Op
from ..core.provenance import here
from ..core.types import FLOAT64, INT64, TensorType, as_dtype, as_shape
from .convert import as_node, constant, promote
from .elementwise import equal, maximum
from .leaf import size
from .record import build_astype, common_shape, define, free
from .shape import broadcast_to, expand_dims, reshape

# -- positions as values

_IOTA = define(
    Op(
        name="iota",
        infer=lambda inputs, attrs: TensorType(INT64, (attrs["size"],)),
        evaluate=lambda size: np.arange(size, dtype=INT64),
        vjp=(),
        lowering=Index(),
        flops=free,
    )
)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = None) -> Node:
    """start, start + step, ... up to stop, which is left out; ``arange(n)`` is 0, 1, ..., n - 1 as int64.

    Sizes may be symbolic where the number of elements is a size again. Floats give an array of floats, as in NumPy.

    >>> import symdiff as sd
    >>> sd.arange(1, sd.dim("n") + 1).shape
    (Dim(n),)
    """
    if stop is None:
        start, stop = 0, start
    if not any(isinstance(bound, Dim) for bound in (start, stop, step)):
        if not all(isinstance(bound, int | np.integer) for bound in (start, stop, step)):
            return constant(np.arange(start, stop, step), None if dtype is None else as_dtype(dtype))
        start, stop, step = int(start), int(stop), int(step)
    if isinstance(step, Dim) or step == 0:
        raise ShapeError(explain("arange", f"the step is a number other than 0, got {step}", at=here()))
    positions = build(_IOTA, [], {"size": _count(start, stop, step)})
    if step != 1:
        positions = positions * step
    if start != 0:
        positions = positions + size(start, INT64)
    return positions if dtype is None else build_astype(positions, as_dtype(dtype))


def _count(start: int | Dim, stop: int | Dim, step: int) -> int | Dim:
    length = stop - start
    if isinstance(length, int):
        return max(0, -(-length // step))
    count = divide_exactly(length, step)
    if count is None:
        problem = f"the step {step} does not divide {length}, so the number of elements is no size"
        raise ShapeError(explain("arange", problem, at=here(), hint="slice an arange of step 1"))
    return count


def linspace(
    start: Operand, stop: Operand, num: int | Dim = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Node:
    """``num`` numbers from start to stop at equal distances, stop included (unless ``endpoint=False``).

    start and stop may be arrays: the new axis stands at ``axis``. d/dstart = 1 - t, d/dstop = t, with t the way gone.

    >>> import symdiff as sd
    >>> sd.linspace(0, sd.input("end"), 5).type.shape
    (5,)
    """
    (count,) = as_shape(num)
    first, last = (_floating(bound) for bound in promote("linspace", start, stop))
    shape = common_shape("linspace", [first, last])
    place = axis % (len(shape) + 1) if -len(shape) - 1 <= axis <= len(shape) else None
    if place is None:
        raise ShapeError(explain("linspace", f"axis {axis} is out of range for rank {len(shape) + 1}", at=here()))
    gaps = maximum(size(count - 1 if endpoint else count, first.dtype), 1)
    way = build_astype(arange(count), first.dtype) / gaps
    way = reshape(way, (count, *[1] * (len(shape) - place)))
    first, last = (expand_dims(broadcast_to(bound, shape), place) for bound in (first, last))
    found = first * (1 - way) + last * way
    if dtype is None:
        return found
    whole = as_dtype(dtype).kind in "iu"  # NumPy rounds down
    return build_astype(found // 1 if whole else found, as_dtype(dtype))


def _floating(node: Node) -> Node:
    return node if node.type.is_float else build_astype(node, FLOAT64)


# -- one number everywhere


def full(shape: Any, fill_value: Operand, dtype: Any = None) -> Node:
    """``fill_value`` (a number, or a node that broadcasts) repeated to ``shape``; sizes may be symbolic."""
    node = as_node(fill_value)
    return broadcast_to(node if dtype is None else build_astype(node, as_dtype(dtype)), shape)


def zeros(shape: Any, dtype: Any = "float64") -> Node:
    """Zeros; sizes may be symbolic."""
    return full(shape, 0, dtype)


def ones(shape: Any, dtype: Any = "float64") -> Node:
    """Ones; sizes may be symbolic."""
    return full(shape, 1, dtype)


def full_like(x: Operand, fill_value: Operand, dtype: Any = None) -> Node:
    """``fill_value`` in the shape and dtype of x."""
    node = as_node(x)
    return full(node.shape, fill_value, node.dtype if dtype is None else dtype)


def zeros_like(x: Operand, dtype: Any = None) -> Node:
    """Zeros in the shape and dtype of x."""
    return full_like(x, 0, dtype)


def ones_like(x: Operand, dtype: Any = None) -> Node:
    """Ones in the shape and dtype of x."""
    return full_like(x, 1, dtype)


# -- matrices of numbers


def on_diagonal(rows: int | Dim, columns: int | Dim, *, k: int = 0) -> Node:
    """True where column - row = k: the k-th diagonal, the mask behind eye and diag."""
    return equal(expand_dims(arange(rows), 1) + k, arange(columns))


def upto_diagonal(rows: int | Dim, columns: int | Dim, *, k: int = 0) -> Node:
    """True on and below the k-th diagonal: the mask behind tril, triu and tri."""
    return expand_dims(arange(rows), 1) + k >= arange(columns)


def eye(n_rows: int | Dim, n_cols: int | Dim | None = None, k: int = 0, dtype: Any = "float64") -> Node:
    """Ones on the k-th diagonal (above the main one for k > 0), zeros elsewhere.

    >>> import symdiff as sd
    >>> sd.eye(3, 4, k=1).type.shape
    (3, 4)
    """
    rows, columns = as_shape((n_rows, n_rows if n_cols is None else n_cols))
    return build_astype(on_diagonal(rows, columns, k=int(k)), as_dtype(dtype))


def identity(n: int | Dim, dtype: Any = "float64") -> Node:
    """The identity matrix."""
    return eye(n, dtype=dtype)


def tri(N: int | Dim, M: int | Dim | None = None, k: int = 0, dtype: Any = "float64") -> Node:
    """Ones on and below the k-th diagonal, zeros above."""
    rows, columns = as_shape((N, N if M is None else M))
    return build_astype(upto_diagonal(rows, columns, k=int(k)), as_dtype(dtype))


# -- several arrays in one shape


def broadcast_arrays(*arrays: Operand) -> list[Node]:
    """The arrays, each repeated to their common shape."""
    nodes = [as_node(array) for array in arrays]
    shape = common_shape("broadcast_arrays", nodes)
    return [broadcast_to(node, shape) for node in nodes]


def meshgrid(*arrays: Operand, indexing: str = "xy") -> list[Node]:
    """Coordinates of a grid from one vector for each axis; with ``"xy"`` the first two axes change places.

    >>> import symdiff as sd
    >>> x, y = sd.meshgrid(sd.arange(3), sd.arange(4))
    >>> x.type.shape
    (4, 3)
    """
    if indexing not in ("xy", "ij"):
        raise ShapeError(explain("meshgrid", f"indexing is 'xy' or 'ij', got {indexing!r}", at=here()))
    nodes = [as_node(array) for array in arrays]
    for node in nodes:
        if node.ndim > 1:
            raise ShapeError(explain("meshgrid", f"takes vectors, got {describe(node)}", at=here()))
    order: Sequence[int] = range(len(nodes))
    if indexing == "xy" and len(nodes) > 1:
        order = [1, 0, *range(2, len(nodes))]
    shape = [product(nodes[axis].shape) for axis in order]
    places = [order.index(axis) for axis in range(len(nodes))]
    return [
        broadcast_to(reshape(node, [-1 if axis == place else 1 for axis in range(len(nodes))]), shape)
        for node, place in zip(nodes, places, strict=True)
    ]

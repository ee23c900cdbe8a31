"""Diagonals, triangles and sliding windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly, never_exceeds
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Expand, Op, View
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import Shape, TensorType, normal_axes, normal_axis
from .batching import attributes, later
from .convert import as_node, constant
from .create import arange, on_diagonal, upto_diagonal
from .elementwise import where
from .index import scatter_add_at
from .manipulate import moveaxis, ravel
from .record import define, free
from .reduce import sum
from .shape import expand_dims
from .slicing import pad_axis

# -- a diagonal of the last two axes, and its transpose: a vector put there among zeros


def _diagonal_size(shape: Shape, k: int) -> int | Dim:
    """How long the k-th diagonal is; where sizes are symbolic, one must be known to be the shorter."""
    rows, columns = shape[-2:]
    down, across = rows - max(-k, 0), columns - max(k, 0)
    for short, other in ((down, across), (across, down)):
        if never_exceeds(short, other):
            return max(short, 0) if isinstance(short, int) else short
    raise ShapeError(explain("diagonal", f"the length min({down}, {across}) is no size", at=here()))


def _np_place(x: np.ndarray[Any, Any], k: int, rows: int, columns: int) -> np.ndarray[Any, Any]:
    out = np.zeros((*x.shape[:-1], rows, columns), x.dtype)
    steps = np.arange(x.shape[-1])
    out[..., steps + max(-k, 0), steps + max(k, 0)] = x
    return out


def _place_formula(node: Node) -> Node:
    (x,) = node.inputs
    rows, columns, k = (node.attrs[name] for name in ("rows", "columns", "k"))
    down = pad_axis(x, x.ndim - 1, max(-k, 0), rows)
    return where(on_diagonal(rows, columns, k=k), expand_dims(down, -1), 0)


_DIAGONAL = define(
    Op(
        name="diagonal",
        infer=lambda inputs, attrs: TensorType(
            inputs[0].dtype, (*inputs[0].shape[:-2], _diagonal_size(inputs[0].shape, attrs["k"]))
        ),
        evaluate=lambda x, k: np.diagonal(x, k, -2, -1),
        vjp=(lambda ct, out, x: _place(ct, out.attrs["k"], *x.shape[-2:]),),
        lowering=View(
            lambda index, node: (
                (*index, index[-1] + max(node.attrs["k"], 0))
                if node.attrs["k"] >= 0
                else (*index[:-1], index[-1] + -node.attrs["k"], index[-1])
            )
        ),
        flops=free,
        batch=attributes(),
    )
)
_PLACE = define(
    Op(
        name="diagonal_transpose",
        infer=lambda inputs, attrs: TensorType(
            inputs[0].dtype, (*inputs[0].shape[:-1], attrs["rows"], attrs["columns"])
        ),
        evaluate=_np_place,
        vjp=(lambda ct, out, x: build(_DIAGONAL, [ct], {"k": out.attrs["k"]}),),
        lowering=Expand(_place_formula),
        flops=free,
        batch=attributes(),
    )
)


def _place(x: Node, k: int, rows: int | Dim, columns: int | Dim) -> Node:
    return build(_PLACE, [x], {"k": k, "rows": rows, "columns": columns})


@provide("diagonal")
def diagonal(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """The diagonal of the plane of two axes, as the last axis; ``offset`` counts to the right of the main one.

    >>> import symdiff as sd
    >>> sd.diagonal(sd.input("x", (2, 3, 4)), 1, -2, -1).type.shape
    (2, 3)
    """
    node = as_node(x)
    what = f"diagonal of {describe(node)} at {here()}"
    if node.ndim < 2:
        raise ShapeError(f"{what}: takes an array of rank 2 or more")
    normal_axes((axis1, axis2), node.ndim, what)
    return build(_DIAGONAL, [moveaxis(node, (axis1, axis2), (-2, -1))], {"k": int(offset)})


def diag(x: Operand, k: int = 0) -> Node:
    """The k-th diagonal of a matrix; for a vector, the matrix that has it there and zeros elsewhere."""
    node = as_node(x)
    if node.ndim == 1:
        size = node.shape[0] + abs(k)
        return _place(node, int(k), size, size)
    if node.ndim != 2:
        raise ShapeError(explain("diag", f"takes a vector or a matrix, got {describe(node)}", at=here()))
    return diagonal(node, k)


def diagflat(x: Operand, k: int = 0) -> Node:
    """All elements on the k-th diagonal of a square matrix."""
    return diag(ravel(x), k)


@provide("trace")
def trace(x: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
    """The sum of a diagonal."""
    return sum(diagonal(x, offset, axis1, axis2), axis=-1)


# -- triangles


def tril(x: Operand, k: int = 0) -> Node:
    """The elements on and below the k-th diagonal of (a batch of) matrices, zeros above."""
    node = _matrices("tril", x)
    return where(upto_diagonal(*node.shape[-2:], k=int(k)), node, 0)


def triu(x: Operand, k: int = 0) -> Node:
    """The elements on and above the k-th diagonal of (a batch of) matrices, zeros below."""
    node = _matrices("triu", x)
    return where(upto_diagonal(*node.shape[-2:], k=int(k) - 1), 0, node)


def _matrices(name: str, x: Operand) -> Node:
    node = as_node(x)
    if node.ndim < 2:
        raise ShapeError(explain(name, f"takes (a batch of) matrices, got {describe(node)}", at=here()))
    return node


# -- sliding windows


def _infer_unfold(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    (x,), axis = inputs, attrs["axis"]
    return TensorType(x.dtype, (*x.shape[:axis], attrs["count"], *x.shape[axis + 1 :], attrs["size"]))


def _np_unfold(x: np.ndarray[Any, Any], axis: int, size: int, step: int, count: int) -> np.ndarray[Any, Any]:
    positions = np.add.outer(np.arange(count) * step, np.arange(size))
    return np.moveaxis(np.take(x, positions, axis), axis + 1, -1)


def _fold(ct: Node, out: Node, x: Node) -> Node:
    """Each element collects from all windows that it is in."""
    axis, size, step, count = (out.attrs[name] for name in ("axis", "size", "step", "count"))
    if isinstance(count, int):
        positions = constant(np.add.outer(np.arange(count) * step, np.arange(size)))
    else:
        positions = expand_dims(arange(count) * step, 1) + arange(size)
    return scatter_add_at(moveaxis(ct, -1, axis + 1), positions, axis, x.shape)


_UNFOLD = define(
    Op(
        name="unfold",
        infer=_infer_unfold,
        evaluate=_np_unfold,
        vjp=(_fold,),
        lowering=View(
            lambda index, node: (
                *index[: node.attrs["axis"]],
                index[node.attrs["axis"]] * node.attrs["step"] + index[-1],
                *index[node.attrs["axis"] + 1 : -1],
            )
        ),
        flops=free,
        batch=attributes(axis=later),
    )
)


def unfold(x: Operand, dim: int, size: int, step: int = 1) -> Node:
    """Windows of ``size`` elements along one axis, one every ``step``: they become the last axis.

    >>> import symdiff as sd
    >>> sd.unfold(sd.input("x", (2, 7)), 1, size=3, step=2).type.shape
    (2, 3, 3)
    """
    node = as_node(x)
    axis = normal_axis(dim, node.ndim, f"unfold of {describe(node)} at {here()}")
    length = node.shape[axis]
    if size < 1 or step < 1 or (isinstance(length, int) and size > length):
        problem = f"windows of {size} every {step} do not fit axis {axis} of {describe(node)}"
        raise ShapeError(explain("unfold", problem, at=here()))
    rest = length - size
    last = rest // step if isinstance(rest, int) else divide_exactly(rest, step)
    if last is None:
        raise ShapeError(explain("unfold", f"the step {step} does not divide {rest}: no number of windows", at=here()))
    return build(_UNFOLD, [node], {"axis": axis, "size": int(size), "step": int(step), "count": last + 1})


def sliding_window_view(x: Operand, window_shape: Any, axis: Any = None) -> Node:
    """Windows of ``window_shape`` along the named axes (default: all), as new last axes."""
    node = as_node(x)
    sizes = [window_shape] if isinstance(window_shape, int | np.integer) else list(window_shape)
    given = range(node.ndim) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    if len(sizes) != len(given):
        raise ShapeError(explain("sliding_window_view", f"{len(sizes)} sizes for {len(given)} axes", at=here()))
    rank = node.ndim
    for one, size in zip(given, sizes, strict=True):
        node = unfold(node, normal_axis(one, rank, f"sliding_window_view of {describe(node)} at {here()}"), int(size))
    return node

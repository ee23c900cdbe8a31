"""Reading and adding at positions given by integers: take, take_along_axis, one_hot, and their transposes.

Positions count from the end when negative, as in NumPy. One outside its axis is an error when the compiled function
runs, raised before anything has changed; it is never a wild read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, product
from ..core.errors import IndexRangeError, ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Expand, Gather, InRange, Op, Scatter
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import INT64, Shape, TensorType, as_dtype, broadcast, normal_axis
from . import batch_index
from .batching import attributes
from .convert import as_index, as_node, constant, constant_value, promote
from .create import arange
from .elementwise import equal, maximum, minimum
from .leaf import size as size_node
from .record import INTEGERS, build_astype, common_shape, define, free, input_size, size_of
from .shape import align, broadcast_to, concat, expand_dims, reshape, squeeze

# -- positions within an axis


def checked_positions(indices: np.ndarray[Any, Any], size: int, wrap: bool) -> np.ndarray[Any, Any]:
    """The positions, negative ones counted from the end when ``wrap``; IndexRangeError when one is outside."""
    low = -size if wrap else 0
    bad = (indices < low) | (indices >= size)
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        raise IndexRangeError(f"index {indices[place]} at {list(place)} is out of range for size {size}")
    return np.where(indices < 0, indices + size, indices)


_IN_RANGE = define(
    Op(
        name="in_range",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, inputs[0].shape),
        evaluate=lambda i, size, wrap, axis: checked_positions(i, size, wrap),
        vjp=(INTEGERS,),
        lowering=InRange(),
        flops=size_of,
        batch=attributes(),
    )
)


def in_range(indices: Operand, size: int | Dim, *, wrap: bool = True, axis: int | None = None) -> Node:
    """Positions that are known to lie within ``size``: the step fails, naming the position, when one does not (and the
    axis, where there is one)."""
    node = as_index(indices, "in_range")
    return build(_IN_RANGE, [build_astype(node, INT64)], {"size": size, "wrap": wrap, "axis": axis})


def checked_index(name: str, indices: Operand, size: int | Dim, axis: int, x: Node, wrap: bool = True) -> Node:
    """The index operand; constants are checked at once."""
    node = as_index(indices, name)
    value = constant_value(node)
    if value is not None and isinstance(size, int):
        try:
            return constant(checked_positions(value.astype(INT64), size, wrap))
        except IndexRangeError as problem:
            raise IndexRangeError(explain(name, f"{problem}: axis {axis} of {describe(x)}", at=here())) from None
    return build_astype(node, INT64)


# -- take and its transpose


def _take_split(index: tuple[Any, ...], node: Node) -> tuple[tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]:
    axis, rank = node.attrs["axis"], node.inputs[1].ndim
    before, at, after = index[:axis], index[axis : axis + rank], index[axis + rank :]
    return at, lambda position: (*before, position, *after)


def _add_at(
    x: np.ndarray[Any, Any], indices: np.ndarray[Any, Any], axis: int, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    out = np.zeros(shape, x.dtype)
    positions = checked_positions(indices, out.shape[axis], True)
    rank = indices.ndim
    np.add.at(np.moveaxis(out, axis, 0), positions, np.moveaxis(x, range(axis, axis + rank), range(rank)))
    return out


def _infer_take(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    x, indices = inputs
    axis = attrs["axis"]
    return TensorType(x.dtype, (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :]))


_TAKE = define(
    Op(
        name="take",
        infer=_infer_take,
        evaluate=lambda x, i, axis: np.take(x, checked_positions(i, x.shape[axis], True), axis),
        vjp=(lambda ct, out, x, i: scatter_add_at(ct, i, out.attrs["axis"], x.shape), INTEGERS),
        lowering=Gather(_take_split),
        flops=free,
        batch=batch_index.take,
    )
)
_SCATTER_ADD: Op = define(
    Op(
        name="scatter_add",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, attrs["shape"]),
        evaluate=_add_at,
        vjp=(lambda ct, out, x, i: take_at(ct, i, out.attrs["axis"]), INTEGERS),
        lowering=Scatter(_take_split),
        flops=input_size,
        batch=batch_index.scatter_add,
    )
)


def take_at(x: Node, positions: Node, axis: int) -> Node:
    """``take`` at int64 positions that were looked at by ``checked_index``."""
    return build(_TAKE, [x, positions], {"axis": axis})


def scatter_add_at(x: Node, positions: Node, axis: int, shape: Shape) -> Node:
    """Zeros of ``shape``, plus x added at positions along one axis: the transpose of ``take_at``."""
    return build(_SCATTER_ADD, [x, positions], {"axis": axis, "shape": shape})


@provide("take")
def take(x: Operand, indices: Operand, axis: int | None = None, mode: str = "raise") -> Node:
    """Elements of x at ``indices`` along one axis (default: of the flattened array): ``x[indices]`` for axis 0.

    A position outside the axis is an IndexRangeError; with ``mode="wrap"`` it is counted round, with ``"clip"`` it
    stands for the first or last. The derivative adds each cotangent at the position it was taken from.

    >>> import symdiff as sd
    >>> table, words = sd.param("table", (1000, 16)), sd.input("words", (sd.dim("n"), 5), dtype="int64")
    >>> sd.take(table, words, axis=0).type.shape[1:]
    (5, 16)
    """
    node = as_node(x)
    if axis is None:
        node, axis = reshape(node, (product(node.shape),)), 0
    where = normal_axis(axis, node.ndim, f"take from {describe(node)} at {here()}")
    indices = _inside("take", indices, node.shape[where], mode)
    return take_at(node, checked_index("take", indices, node.shape[where], where, node), where)


def _inside(name: str, indices: Operand, length: int | Dim, mode: str) -> Operand:
    """Positions brought inside the axis, as ``mode`` says."""
    if mode not in ("raise", "wrap", "clip"):
        raise ShapeError(explain(name, f"mode is 'raise', 'wrap' or 'clip', got {mode!r}", at=here()))
    if mode == "raise" or length == 0:
        return indices
    positions, count = build_astype(as_index(indices, name), INT64), size_node(length, INT64)
    return positions % count if mode == "wrap" else minimum(maximum(positions, 0), count - 1)


def choose(a: Operand, choices: Any, mode: str = "raise") -> Node:
    """From arrays of one shape, the element of the array that ``a`` names: ``out[i] = choices[a[i]][i]``.

    >>> import symdiff as sd
    >>> sd.choose(sd.constant([1, 0]), [sd.input("x", (2,)), sd.input("y", (2,))]).type.shape
    (2,)
    """
    options = list(choices)
    if not options:
        raise ShapeError(explain("choose", "takes a non-empty list of arrays", at=here()))
    which = as_index(a, "choose")
    nodes = promote("choose", *options)
    shape = common_shape("choose", [which, *nodes])
    rows = concat([expand_dims(broadcast_to(node, shape), 0) for node in nodes], 0)
    which = broadcast_to(as_node(_inside("choose", which, len(nodes), mode)), shape)
    at = checked_index("choose", expand_dims(which, 0), len(nodes), 0, rows, wrap=False)
    return squeeze(build(_TAKE_ALONG, [rows, at], {"axis": 0, "wrap": False}), 0)


# -- take_along_axis and its transpose


def _along_split(index: tuple[Any, ...], node: Node) -> tuple[tuple[Any, ...], Callable[[Any], tuple[Any, ...]]]:
    axis, source = node.attrs["axis"], _shorter(node)
    before, after = align(index, (*source[:axis], 0, *source[axis + 1 :])), index
    at = align(after, node.inputs[1].shape)
    return at, lambda position: (*before[:axis], position, *before[axis + 1 :])


def _shorter(node: Node) -> Shape:
    """The shape on the side of the axis that positions point into."""
    shape: Shape = node.attrs["shape"] if "shape" in node.attrs else node.inputs[0].shape
    return shape


def _infer_along(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    x, indices = inputs
    axis = attrs["axis"]
    shape = broadcast([(*x.shape[:axis], 1, *x.shape[axis + 1 :]), indices.shape]) if x.ndim == indices.ndim else None
    if shape is None:
        problem = f"shapes but axis {axis} must broadcast: {describe(x)} and {describe(indices)}"
        raise ShapeError(explain("take_along_axis", problem, at=here()))
    return TensorType(x.dtype, shape)


def _take_along(x: np.ndarray[Any, Any], i: np.ndarray[Any, Any], axis: int, wrap: bool) -> np.ndarray[Any, Any]:
    return np.take_along_axis(x, checked_positions(i, x.shape[axis], wrap), axis)


def _add_along(
    x: np.ndarray[Any, Any], i: np.ndarray[Any, Any], axis: int, wrap: bool, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    out = np.zeros(shape, x.dtype)
    places = list(np.ix_(*(np.arange(size) for size in x.shape)))
    for other, size in enumerate(out.shape):
        if other != axis and size == 1:
            places[other] = np.zeros_like(places[other])
    places[axis] = np.broadcast_to(checked_positions(i, out.shape[axis], wrap), x.shape)
    np.add.at(out, tuple(places), x)
    return out


_TAKE_ALONG = define(
    Op(
        name="take_along_axis",
        infer=_infer_along,
        evaluate=_take_along,
        vjp=(lambda ct, out, x, i: build(_ADD_ALONG, [ct, i], {**out.attrs, "shape": x.shape}), INTEGERS),
        lowering=Gather(_along_split),
        flops=free,
        batch=batch_index.take_along_axis,
    )
)
_ADD_ALONG: Op = define(
    Op(
        name="scatter_add_along_axis",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, attrs["shape"]),
        evaluate=_add_along,
        vjp=(
            lambda ct, out, x, i: build(_TAKE_ALONG, [ct, i], {"axis": out.attrs["axis"], "wrap": out.attrs["wrap"]}),
            INTEGERS,
        ),
        lowering=Scatter(_along_split),
        flops=input_size,
        batch=batch_index.scatter_add_along_axis,
    )
)


def add_along(x: Node, positions: Node, axis: int, shape: Shape) -> Node:
    """Zeros of ``shape``, plus x added along one axis at positions that are not negative."""
    return build(_ADD_ALONG, [x, positions], {"axis": axis, "wrap": False, "shape": shape})


def take_along_axis(x: Operand, indices: Operand, axis: int = -1, *, wrap: bool = True) -> Node:
    """Elements picked along one axis, one position per row: ``out[i, j] = x[i, indices[i, j]]`` for the last axis.

    ``wrap=False`` makes a negative position an error. Raises IndexRangeError for a position outside the axis.
    """
    node = as_node(x)
    where = normal_axis(axis, node.ndim, f"take_along_axis of {describe(node)} at {here()}")
    at = checked_index("take_along_axis", indices, node.shape[where], where, node, wrap)
    return build(_TAKE_ALONG, [node, at], {"axis": where, "wrap": wrap})


# -- one_hot


def _hot(y: np.ndarray[Any, Any], size: int, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    return np.asarray(checked_positions(y, size, False)[..., None] == np.arange(size), dtype)


def _one_hot_formula(node: Node) -> Node:
    size = node.attrs["size"]
    return build_astype(equal(expand_dims(in_range(node.inputs[0], size, wrap=False), -1), arange(size)), node.dtype)


_ONE_HOT = define(
    Op(
        name="one_hot",
        infer=lambda inputs, attrs: TensorType(attrs["dtype"], (*inputs[0].shape, attrs["size"])),
        evaluate=_hot,
        vjp=(INTEGERS,),
        lowering=Expand(_one_hot_formula),
        flops=size_of,
        batch=attributes(),
    )
)


def one_hot(labels: Operand, size: int, dtype: Any = "float64") -> Node:
    """Rows with a single 1 at the label: shape ``labels.shape + (size,)``.

    Raises IndexRangeError when a label is not in 0 ... size - 1.

    >>> import symdiff as sd
    >>> sd.one_hot(sd.input("y", (4,), dtype="int64"), 10).type.shape
    (4, 10)
    """
    node = checked_index("one_hot", labels, size, -1, as_node(labels), wrap=False)
    return build(_ONE_HOT, [node], {"size": size, "dtype": as_dtype(dtype)})

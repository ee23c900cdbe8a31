"""Sorting, ranks and quantiles. Values move by ``take_along_axis``, so their derivatives follow from its.

NaN counts as larger than every number, as in NumPy: it is sorted last (first in descending order), and a median or
quantile of values with a NaN is NaN.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Layout, Op, Routine
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import INT64, TensorType, normal_axes, normal_axis
from ..routines import sorting as routines
from .batching import attributes, later, repeated
from .convert import as_node, constant_value, promote
from .elementwise import equal, isnan, logical_and, logical_not, logical_or, minimum, where
from .index import take, take_along_axis
from .leaf import size
from .manipulate import moveaxis, ravel
from .record import INTEGERS, build_astype, define, size_of
from .reduce import refuse_empty, sum
from .scans import along
from .shape import expand_dims, permute_dims, reshape
from .slicing import flip, slice_axis
from .statistics import floating

Array = np.ndarray[Any, Any]

# -- argsort


def _sort_layout(node: Node) -> Layout:
    sizes = along(node)
    keys, order = TensorType(node.inputs[0].dtype, sizes[1:2]), TensorType(INT64, sizes[1:2])
    return Layout(sizes, (sizes, sizes), (keys, order, keys, order))


_ARGSORT = define(
    Op(
        name="argsort",
        infer=lambda inputs, attrs: TensorType(INT64, inputs[0].shape),
        evaluate=lambda x, axis: np.argsort(x, axis, kind="stable"),
        vjp=(INTEGERS,),
        lowering=Routine(routines.argsort, _sort_layout),
        flops=lambda node: size_of(node) * 16,
        batch=attributes(axis=later),
    )
)


@provide("argsort")
def argsort(x: Operand, axis: int | None = -1, *, descending: bool = False, stable: bool = True) -> Node:
    """Positions that sort x along an axis (None: the flattened array), int64. Equal elements keep their order; NaN is
    larger than all numbers.

    >>> import symdiff as sd
    >>> sd.argsort(sd.input("x", (sd.dim("n"), 3)), descending=True).type.shape
    (Dim(n), 3)
    """
    node = ravel(x) if axis is None else as_node(x)
    one = normal_axis(0 if axis is None else axis, node.ndim, f"argsort of {describe(node)} at {here()}")
    if not descending:
        return build(_ARGSORT, [node], {"axis": one})
    backwards = build(_ARGSORT, [flip(node, one)], {"axis": one})
    return size(node.shape[one] - 1, INT64) - flip(backwards, one)


def sort(x: Operand, axis: int | None = -1, *, descending: bool = False, stable: bool = True) -> Node:
    """The elements in order along an axis (None: of the flattened array). NaN is larger than all numbers.

    Equal elements keep their order, and the derivative moves with them.
    """
    node = ravel(x) if axis is None else as_node(x)
    one = 0 if axis is None else axis
    return take_along_axis(node, argsort(node, one, descending=descending), one)


def top_k(x: Operand, k: int, axis: int = -1, largest: bool = True) -> tuple[Node, Node]:
    """The k largest (or smallest) elements along an axis in order, and their positions.

    Of equal elements the first come first; NaN counts as the largest. The derivative moves with the elements.

    >>> import symdiff as sd
    >>> values, positions = sd.top_k(sd.input("x", (4, 10)), 3)
    >>> values.type.shape, positions.type.shape
    ((4, 3), (4, 3))
    """
    node = as_node(x)
    one = normal_axis(axis, node.ndim, f"top_k of {describe(node)} at {here()}")
    length = node.shape[one]
    if k < 0 or (isinstance(length, int) and k > length):
        raise ShapeError(explain("top_k", f"axis {one} of {describe(node)} has no {k} elements", at=here()))
    positions = slice_axis(argsort(node, one, descending=largest), one, 0, int(k))
    return take_along_axis(node, positions, one), positions


topk = top_k

# -- searching


def _search(side: str) -> Op:
    def layout(node: Node) -> Layout:
        (length,), count = node.inputs[0].shape, product(node.shape)
        return Layout((length, count), ((length,), (count,), (count,)))

    return define(
        Op(
            name=f"searchsorted_{side}",
            infer=lambda inputs, attrs: TensorType(INT64, inputs[1].shape),
            evaluate=lambda places, values: np.asarray(np.searchsorted(places, values, side), INT64),  # type: ignore[call-overload]
            vjp=(INTEGERS, INTEGERS),
            lowering=Routine(getattr(routines, f"searchsorted_{side}"), layout),
            flops=lambda node: size_of(node) * 16,
            batch=_each_search,
        )
    )


def _each_search(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    """In one vector, all values at once; in several vectors, by counting."""
    if not batched[0]:
        return build(node.op, inputs)
    places, values = repeated(inputs, batched)
    places = reshape(places, (places.shape[0], *[1] * (values.ndim - 1), places.shape[1]))
    values = expand_dims(values, -1)
    right = node.op is _SEARCH["right"]
    before = places <= values if right else places < values
    if values.type.is_float:
        before = logical_or(before, isnan(values) if right else logical_and(isnan(values), logical_not(isnan(places))))
    return sum(build_astype(before, INT64), axis=-1)


_SEARCH = {side: _search(side) for side in ("left", "right")}


def searchsorted(sorted_sequence: Operand, values: Operand, side: str = "left") -> Node:
    """Where values belong in a sorted vector: the number of its elements that are smaller (``"right"``: not larger).

    >>> import symdiff as sd
    >>> sd.searchsorted(sd.constant([1.0, 2.0]), sd.input("v", (4, 3))).type.shape
    (4, 3)
    """
    places, wanted = promote("searchsorted", sorted_sequence, values)
    if side not in _SEARCH or places.ndim != 1:
        problem = f"takes a vector and a side 'left' or 'right', got {describe(places)} and {side!r}"
        raise ShapeError(explain("searchsorted", problem, at=here()))
    return build(_SEARCH[side], [places, wanted])


# -- medians and quantiles


def _rows(name: str, x: Operand, axis: Any) -> tuple[Node, tuple[int, ...]]:
    """The elements of all the axes as one last axis, and the axes."""
    node = floating(x)
    axes = normal_axes(axis, node.ndim, f"{name} of {describe(node)} at {here()}")
    refuse_empty(name, node, axes)
    kept = [one for one in range(node.ndim) if one not in axes]
    shape = tuple(node.shape[one] for one in kept)
    return reshape(permute_dims(node, (*kept, *axes)), (*shape, product(tuple(node.shape[one] for one in axes)))), axes


def median(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """The middle element, or the mean of the two in the middle; NaN if any is. The derivative goes to these."""
    rows, axes = _rows("median", x, axis)
    count = size(rows.shape[-1], INT64)
    ordered = sort(rows)
    below, above, largest = (take(ordered, place, -1) for place in ((count - 1) // 2, count // 2, count - 1))
    found = where(isnan(largest), largest, (below + above) / 2)
    return expand_dims(found, axes) if keepdims else found


def quantile(x: Operand, q: Operand, axis: Any = None, keepdims: bool = False, *, method: str = "linear") -> Node:
    """The value below which a share q of the elements lies, straight between the two nearest ones; NaN if any is.

    q is a number or an array of numbers in 0 ... 1; its axes come first in the result. The derivative is that
    of the line between the two.

    >>> import symdiff as sd
    >>> sd.quantile(sd.input("x", (4, 10)), [0.25, 0.75], axis=1).type.shape
    (2, 4)
    """
    if method != "linear":
        raise ShapeError(explain("quantile", f"the method is 'linear', got {method!r}", at=here()))
    rows, axes = _rows("quantile", x, axis)
    shares = _shares(q, rows)
    ordered, last = sort(rows), size(rows.shape[-1], INT64) - 1
    place = ravel(shares) * build_astype(last, rows.dtype)
    low = build_astype(place, INT64)
    a, b = (take(ordered, minimum(position, last), -1) for position in (low, low + 1))
    found = where(equal(a, b), a, a + (b - a) * (place - build_astype(low, rows.dtype)))  # equal: both may be infinite
    largest = slice_axis(ordered, rows.ndim - 1, rows.shape[-1] - 1, 1)
    found = moveaxis(where(isnan(largest), largest, found), -1, 0)
    found = reshape(found, (*shares.shape, *rows.shape[:-1]))
    return expand_dims(found, [one + shares.ndim for one in axes]) if keepdims else found


def _shares(q: Operand, rows: Node) -> Node:
    """q in the dtype of the values, looked at where it is known."""
    node = as_node(q)
    known = constant_value(node)
    if known is not None and not np.all((known >= 0) & (known <= 1)):
        raise ShapeError(explain("quantile", f"shares lie in 0 ... 1, got {known.tolist()}", at=here()))
    return build_astype(node, rows.dtype)


def percentile(x: Operand, q: Operand, axis: Any = None, keepdims: bool = False, *, method: str = "linear") -> Node:
    """:func:`quantile`, with q in percent."""
    shares = q / 100 if isinstance(q, Node) else np.asarray(q) / 100
    return quantile(x, shares, axis, keepdims, method=method)

"""Variance, averages, ranges, counts and truth of many elements; reductions that leave NaN out."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Expand, Op
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import FLOAT64, INT64, TensorType, normal_axes, normal_axis
from .convert import as_node, like
from .elementwise import equal, isnan, maximum, not_equal, sqrt, square, where
from .leaf import size
from .record import build_astype, define, input_size
from .reduce import max, mean, min, prod, reduced_shape, spread, sum
from .shape import broadcast_to, expand_dims, permute_dims


def floating(x: Operand) -> Node:
    """Numbers as floats: integers and truth values as float64."""
    node = as_node(x)
    return node if node.type.is_float else build_astype(node, FLOAT64)


# -- truth and counts


def count_nonzero(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """How many elements are not 0 (NaN counts), int64."""
    return sum(build_astype(not_equal(x, 0), INT64), axis, keepdims)


@provide("any")
def any(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """True where some element is not 0 (NaN counts as true); of none, False."""
    return not_equal(count_nonzero(x, axis, keepdims), 0)


@provide("all")
def all(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """True where no element is 0 (NaN counts as true); of none, True."""
    return equal(sum(build_astype(equal(x, 0), INT64), axis, keepdims), 0)


# -- variance: the mean first, then the squares of what is left, so that no digits are lost


def _infer_var(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return TensorType(inputs[0].dtype, reduced_shape(inputs[0].shape, attrs["axis"], attrs["keepdims"]))


def _np_var(x: np.ndarray[Any, Any], axis: Any, keepdims: bool, correction: float) -> np.ndarray[Any, Any]:
    count = int(np.prod([x.shape[one] for one in axis]))
    centered = x - x.sum(axis=axis, keepdims=True) / x.dtype.type(count)
    total = np.square(centered).sum(axis=axis, keepdims=keepdims)
    return np.asarray(total / x.dtype.type(builtins.max(count - correction, 0)), x.dtype)


def _freedom(x: Node, axes: Sequence[int], correction: float) -> Node:
    """The number of elements minus the correction, not below 0."""
    count: int | Dim = product(tuple(x.shape[axis] for axis in axes))
    if isinstance(count, int):
        return like(builtins.max(count - correction, 0), x)
    return maximum(size(count, x.dtype) - correction, 0) if correction else size(count, x.dtype)


def _var_formula(node: Node) -> Node:
    (x,), (axis, keepdims, correction) = node.inputs, node.attrs.values()
    centered = x - mean(x, axis, keepdims=True).named("center")
    return sum(square(centered), axis, keepdims) / _freedom(x, axis, correction)


def _var_vjp(ct: Node, out: Node, x: Node) -> Node:
    axis = out.attrs["axis"]
    return spread(ct, out) * 2 / _freedom(x, axis, out.attrs["correction"]) * (x - mean(x, axis, keepdims=True))


_VAR = define(
    Op(
        name="var",
        infer=_infer_var,
        evaluate=_np_var,
        vjp=(_var_vjp,),
        lowering=Expand(_var_formula),
        flops=lambda node: 4 * input_size(node),
    )
)


@provide("var")
def var(
    x: Operand, axis: Any = None, keepdims: bool = False, *, ddof: float | None = None, correction: float | None = None
) -> Node:
    """Variance: the sum of (x - mean)^2, divided by the number of elements minus ``correction`` (or ``ddof``).

    NaN where nothing is left to divide by. Integers as float64. Derivative: 2 (x - mean) / (count - correction).

    >>> import symdiff as sd
    >>> sd.var(sd.input("x", (sd.dim("n"), 3)), axis=0, correction=1).type.shape
    (3,)
    """
    if ddof is not None and correction is not None:
        raise ShapeError(explain("var", "ddof and correction are two names for one number", at=here()))
    node = floating(x)
    axes = normal_axes(axis, node.ndim, f"var of {describe(node)} at {here()}")
    less = ddof if correction is None else correction
    return build(_VAR, [node], {"axis": axes, "keepdims": bool(keepdims), "correction": less or 0})


@provide("std")
def std(
    x: Operand, axis: Any = None, keepdims: bool = False, *, ddof: float | None = None, correction: float | None = None
) -> Node:
    """Standard deviation, the square root of :func:`var`; where it is 0, so is its derivative."""
    return root_or_zero(var(x, axis, keepdims, ddof=ddof, correction=correction))


def root_or_zero(square: Node) -> Node:
    """The square root of a sum of squares. Where that is 0 the derivative is 0 as well, the middle of all slopes."""
    return where(equal(square, 0), 0, sqrt(square))


# -- averages and ranges


def average(x: Operand, axis: Any = None, weights: Operand | None = None, keepdims: bool = False) -> Node:
    """Mean of elements, weighted: sum(w x) / sum(w). ``weights`` has the shape of x, or of the axes averaged over.

    >>> import symdiff as sd
    >>> sd.average(sd.input("x", (2, 3)), axis=1, weights=[1.0, 2.0, 1.0]).type.shape
    (2,)
    """
    node = as_node(x)
    if weights is None:
        return mean(node, axis, keepdims)
    factors = _weights_like(node, axis, floating(weights))
    return sum(node * factors, axis, keepdims) / sum(factors, axis, keepdims)


def _weights_like(x: Node, axis: Any, weights: Node) -> Node:
    """Weights in the shape of x."""
    if weights.shape == x.shape:
        return weights
    given = [] if axis is None else list(axis) if isinstance(axis, Iterable) else [axis]
    axes = [normal_axis(one, x.ndim, f"average of {describe(x)} at {here()}") for one in given]
    if weights.shape != tuple(x.shape[one] for one in axes):
        problem = f"weights have the shape of x, or of the axes: {describe(x)}, axis {axis}, {describe(weights)}"
        raise ShapeError(explain("average", problem, at=here()))
    in_order = permute_dims(weights, np.argsort(axes).tolist())
    return broadcast_to(expand_dims(in_order, [one for one in range(x.ndim) if one not in axes]), x.shape)


def ptp(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Largest element minus smallest, NaN if any is; ties share the derivative evenly."""
    return max(x, axis, keepdims) - min(x, axis, keepdims)


# -- without NaN


def nansum(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Sum of the elements that are not NaN; of none, 0."""
    return sum(_without_nan(x, 0), axis, keepdims)


def nanprod(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Product of the elements that are not NaN; of none, 1."""
    return prod(_without_nan(x, 1), axis, keepdims)


def nanmean(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Mean of the elements that are not NaN; of none, NaN."""
    node = floating(x)
    return nansum(node, axis, keepdims) / build_astype(_numbers_along(node, axis, keepdims), node.dtype)


def nanvar(x: Operand, axis: Any = None, keepdims: bool = False, *, ddof: float = 0) -> Node:
    """Variance of the elements that are not NaN; NaN where they are no more than ``ddof``."""
    node = floating(x)
    centered = where(isnan(node), 0, node - nanmean(node, axis, keepdims=True))
    left = build_astype(_numbers_along(node, axis, keepdims), node.dtype) - ddof
    return sum(square(centered), axis, keepdims) / where(left > 0, left, np.nan)


def nanstd(x: Operand, axis: Any = None, keepdims: bool = False, *, ddof: float = 0) -> Node:
    """Standard deviation of the elements that are not NaN."""
    return root_or_zero(nanvar(x, axis, keepdims, ddof=ddof))


def nanmax(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Largest of the elements that are not NaN; NaN where all are; ties share the derivative evenly."""
    return _best_number(max, x, -np.inf, axis, keepdims)


def nanmin(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Smallest of the elements that are not NaN; NaN where all are; ties share the derivative evenly."""
    return _best_number(min, x, np.inf, axis, keepdims)


def _best_number(reduce: Callable[..., Node], x: Operand, worst: float, axis: Any, keepdims: bool) -> Node:
    node = as_node(x)
    if not node.type.is_float:
        return reduce(node, axis, keepdims)
    found = reduce(_without_nan(node, worst), axis, keepdims)
    return where(equal(_numbers_along(node, axis, keepdims), 0), np.nan, found)


def _without_nan(x: Operand, instead: float) -> Node:
    node = as_node(x)
    return where(isnan(node), like(instead, node), node) if node.type.is_float else node


def _numbers_along(node: Node, axis: Any, keepdims: bool) -> Node:
    """How many elements are not NaN."""
    return sum(build_astype(equal(node, node), INT64), axis, keepdims)

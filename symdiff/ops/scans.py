"""Running totals along an axis, in loops written by hand (``symdiff/routines/scans.py``)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import Attrs, Derivative, Layout, NotDifferentiable, Op, Routine
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import INT64, TensorType, as_dtype, normal_axis
from ..routines import scans as routines
from .batching import attributes, later
from .convert import as_node
from .create import full
from .elementwise import equal, exp, isfinite, where
from .index import take_along_axis
from .manipulate import ravel
from .pad import pad
from .record import INTEGERS, build_astype, define, size_of
from .reduce import numbers
from .shape import concat
from .slicing import flip, slice_axis
from .statistics import floating

Array = np.ndarray[Any, Any]


def _infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return inputs[0].type


def along(node: Node) -> tuple[int | Dim, int | Dim, int | Dim]:
    """The sizes before the axis, along it and after it."""
    shape, axis = node.inputs[0].shape, node.attrs["axis"]
    return product(shape[:axis]), shape[axis], product(shape[axis + 1 :])


def _layout(node: Node) -> Layout:
    sizes = along(node)
    return Layout(sizes, (sizes,) * (len(node.inputs) + 1))


def _scan(
    name: str,
    evaluate: Callable[..., Array],
    function: Callable[..., Any],
    *derivatives: Derivative | NotDifferentiable,
    infer: Callable[[Sequence[Node], Attrs], TensorType] = _infer,
    layout: Callable[[Node], Layout] = _layout,
) -> Op:
    """A running total: ``evaluate(x, axis=)``, and the same as loops."""
    return define(
        Op(
            name=name,
            infer=infer,
            evaluate=evaluate,
            vjp=derivatives,
            lowering=Routine(function, layout),
            flops=size_of,
            batch=attributes(axis=later),
        )
    )


def _axis(name: str, node: Node, axis: int) -> int:
    return normal_axis(axis, node.ndim, f"{name} of {describe(node)} at {here()}")


# -- sums


def _from_the_end(ct: Node, out: Node, x: Node) -> Node:
    axis = out.attrs["axis"]
    return flip(cumsum(flip(ct, axis), axis), axis)


_CUMSUM = _scan("cumsum", lambda x, axis: np.cumsum(x, axis, x.dtype), routines.cumsum, _from_the_end)


@provide("cumsum")
def cumsum(x: Operand, axis: int | None = None, *, dtype: Any = None) -> Node:
    """Running sum along an axis; of all elements in order by default. Booleans and small integers as int64.

    The derivative is the running sum of the cotangent from the end.

    >>> import symdiff as sd
    >>> sd.cumsum(sd.input("x", (sd.dim("n"), 3)), axis=1).type.shape
    (Dim(n), 3)
    """
    node = numbers(x, dtype)
    if axis is None:
        return cumsum(ravel(node), 0, dtype=node.dtype)
    return build(_CUMSUM, [node], {"axis": _axis("cumsum", node, axis)})


def cumulative_sum(x: Operand, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Node:
    """The Array API's running sum: a vector needs no axis; ``include_initial`` puts a 0 first."""
    return _array_api("cumulative_sum", cumsum, 0, x, axis, dtype, include_initial)


def _array_api(
    name: str, scan: Callable[..., Node], start: int, x: Operand, axis: int | None, dtype: Any, include_initial: bool
) -> Node:
    node = as_node(x) if dtype is None else build_astype(as_node(x), as_dtype(dtype))
    if axis is None and node.ndim != 1:
        raise ShapeError(explain(name, f"an axis is needed for {describe(node)}", at=here()))
    where = _axis(name, node, 0 if axis is None else axis)
    found = scan(node, where)
    if not include_initial:
        return found
    first = full((*node.shape[:where], 1, *node.shape[where + 1 :]), start, found.dtype)
    return concat([first, found], where)


# -- linear recurrences: what the derivatives of running products are made of


def _np_recurrence(factors: Array, terms: Array, axis: int) -> Array:
    a, out = np.moveaxis(factors, axis, 0), np.moveaxis(terms.copy(), axis, 0)
    for i in range(1, len(out)):
        out[i] += a[i] * out[i - 1]
    return np.moveaxis(out, 0, axis)


def _to_terms(ct: Node, out: Node, factors: Node, terms: Node) -> Node:
    """r_i = ct_i + a_{i+1} r_{i+1}: the same recurrence from the end, with the factors moved on by one."""
    axis = out.attrs["axis"]
    return from_the_end(_shifted(factors, axis, -1, 0), ct, axis)


def _to_factors(ct: Node, out: Node, factors: Node, terms: Node) -> Node:
    return _to_terms(ct, out, factors, terms) * _shifted(out, out.attrs["axis"], 1, 0)


_RECURRENCE: Op = _scan("linear_recurrence", _np_recurrence, routines.linear_recurrence, _to_factors, _to_terms)


def linear_recurrence(factors: Node, terms: Node, axis: int) -> Node:
    """out_i = terms_i + factors_i out_{i-1} along an axis, from out_0 = terms_0 on."""
    return build(_RECURRENCE, [factors, terms], {"axis": axis})


def from_the_end(factors: Node, terms: Node, axis: int) -> Node:
    """out_i = terms_i + factors_i out_{i+1}."""
    return flip(linear_recurrence(flip(factors, axis), flip(terms, axis), axis), axis)


def _shifted(x: Node, axis: int, by: int, fill: int) -> Node:
    """Elements moved on by one place (``by=-1``: back), with ``fill`` in the place left."""
    widths = [(0, 0)] * x.ndim
    widths[axis] = (1, 0) if by > 0 else (0, 1)
    return slice_axis(pad(x, widths, constant_values=fill), axis, 0 if by > 0 else 1, x.shape[axis])


# -- products


def _product_vjp(ct: Node, out: Node, x: Node) -> Node:
    """The product of what comes before, times a sum over what comes after: no division, so zeros are exact."""
    axis = out.attrs["axis"]
    return _shifted(out, axis, 1, 1) * from_the_end(_shifted(x, axis, -1, 0), ct, axis)


_CUMPROD = _scan("cumprod", lambda x, axis: np.cumprod(x, axis, x.dtype), routines.cumprod, _product_vjp)


@provide("cumprod")
def cumprod(x: Operand, axis: int | None = None, *, dtype: Any = None) -> Node:
    """Running product along an axis; of all elements in order by default. Booleans and small integers as int64.

    The derivative is exact at zeros, to any order.
    """
    node = numbers(x, dtype)
    if axis is None:
        return cumprod(ravel(node), 0, dtype=node.dtype)
    return build(_CUMPROD, [node], {"axis": _axis("cumprod", node, axis)})


def cumulative_prod(x: Operand, axis: int | None = None, *, dtype: Any = None, include_initial: bool = False) -> Node:
    """The Array API's running product: a vector needs no axis; ``include_initial`` puts a 1 first."""
    return _array_api("cumulative_prod", cumprod, 1, x, axis, dtype, include_initial)


def products_of_others(x: Node, axis: int) -> Node:
    """For each element the product of all others along an axis, in linear time: those before times those after."""
    before = _shifted(cumprod(x, axis), axis, 1, 1)
    after = flip(_shifted(cumprod(flip(x, axis), axis), axis, 1, 1), axis)
    return before * after


# -- logarithms of sums


def _np_logcumsumexp(x: Array, axis: int) -> Array:
    return np.asarray(np.logaddexp.accumulate(x, axis), x.dtype)


def _logcumsumexp_vjp(ct: Node, out: Node, x: Node) -> Node:
    """sum_{j >= i} ct_j exp(x_i - out_j), with out growing: each factor exp(out_i - out_{i+1}) is at most 1."""
    axis = out.attrs["axis"]
    shrink = where(isfinite(out), exp(out - _shifted(out, axis, -1, 0)), 0)
    return where(equal(out, -np.inf), 0, exp(x - out)) * from_the_end(shrink, ct, axis)


def _logcumsumexp_layout(node: Node) -> Layout:
    sizes = along(node)
    row = TensorType(node.dtype, sizes[2:])
    return Layout(sizes, (sizes, sizes), (row, row))


_LOGCUMSUMEXP = _scan(
    "logcumsumexp", _np_logcumsumexp, routines.logcumsumexp, _logcumsumexp_vjp, layout=_logcumsumexp_layout
)


def logcumsumexp(x: Operand, axis: int = -1) -> Node:
    """log of the running sum of e^x along an axis, without overflow; -inf while all elements are -inf.

    >>> import symdiff as sd
    >>> sd.logcumsumexp(sd.input("x", (4,))).type.shape
    (4,)
    """
    node = floating(x)
    return build(_LOGCUMSUMEXP, [node], {"axis": _axis("logcumsumexp", node, axis)})


# -- running extremes: elements taken at the running position of the best


def _infer_positions(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return TensorType(INT64, inputs[0].shape)


def _positions(name: str, better: Any, function: Callable[..., Any]) -> Op:
    def evaluate(x: Array, axis: int) -> Array:
        rows = np.moveaxis(x, axis, 0)
        out = np.zeros(rows.shape, INT64)
        for j in range(1, len(rows)):
            best = np.take_along_axis(rows, out[j - 1 : j], 0)[0]
            gains = (best == best) & (better(rows[j], best) | (rows[j] != rows[j]))
            out[j] = np.where(gains, j, out[j - 1])
        return np.moveaxis(out, 0, axis)

    return _scan(name, evaluate, function, INTEGERS, infer=_infer_positions)


_ARGMAX = _positions("cumulative_argmax", np.greater, routines.cumulative_argmax)
_ARGMIN = _positions("cumulative_argmin", np.less, routines.cumulative_argmin)


def cummax(x: Operand, axis: int | None = None) -> Node:
    """Largest element so far along an axis (default: of all in order); from a NaN on, NaN.

    The derivative goes to the first element that has the value.
    """
    return _running(_ARGMAX, "cummax", x, axis)


def cummin(x: Operand, axis: int | None = None) -> Node:
    """Smallest element so far along an axis (default: of all in order); from a NaN on, NaN.

    The derivative goes to the first element that has the value.
    """
    return _running(_ARGMIN, "cummin", x, axis)


def _running(op: Op, name: str, x: Operand, axis: int | None) -> Node:
    node = ravel(x) if axis is None else as_node(x)
    where = _axis(name, node, 0 if axis is None else axis)
    return take_along_axis(node, build(op, [node], {"axis": where}), where)

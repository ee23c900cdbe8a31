"""Reductions over axes. ``axis`` is None (all), an int or a tuple; ``keepdims`` leaves axes of size 1, as in NumPy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.dim import product
from ..core.errors import DTypeError, ShapeError, explain
from ..core.node import Node, Operand, build, describe
from ..core.op import ArgReduction, Attrs, Derivative, NotDifferentiable, Op, Reduction
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import BOOL, FLOAT64, INT64, Shape, TensorType, as_dtype, normal_axes, normal_axis
from .batching import attributes, later
from .convert import as_node
from .elementwise import equal, where
from .leaf import size
from .record import INTEGERS, build_astype, define, input_size
from .shape import broadcast_to, expand_dims


def reduced_shape(shape: Shape, axes: Sequence[int], keepdims: bool) -> Shape:
    if keepdims:
        return tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def spread(node: Node, reduced: Node) -> Node:
    """A value of the reduced shape, with the axes of size 1 back in place."""
    if reduced.attrs["keepdims"]:
        return node
    return expand_dims(node, reduced.attrs["axis"]) if reduced.attrs["axis"] else node


def _infer(dtype: np.dtype[Any] | None = None) -> Callable[[Sequence[Node], Attrs], TensorType]:
    def infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
        (x,) = inputs
        return TensorType(dtype or x.dtype, reduced_shape(x.shape, attrs["axis"], attrs["keepdims"]))

    return infer


def _reduction(name: str, evaluate: Any, combine: str, empty: float | None, derivative: Derivative) -> Op:
    return define(
        Op(
            name=name,
            infer=_infer(),
            evaluate=lambda x, axis, keepdims: np.asarray(evaluate(x, axis=axis, keepdims=keepdims), x.dtype),
            vjp=(derivative,),
            lowering=Reduction(combine, empty),
            flops=input_size,
            batch=attributes(axis=later),
        )
    )


def _share_among_best(ct: Node, out: Node, x: Node) -> Node:
    """The cotangent of a maximum or minimum, shared evenly by the elements that reach it."""
    best = equal(x, spread(out, out))
    count = sum(build_astype(best, x.dtype), axis=out.attrs["axis"], keepdims=True)
    return where(best, spread(ct, out) / count, 0)


def _product_of_others(ct: Node, out: Node, x: Node) -> Node:
    """d prod / dx_i is the product of the others, without a division: exact at zeros and to any order."""
    from .scans import products_of_others

    (axis,) = out.attrs["axis"]
    return spread(ct, out) * products_of_others(x, axis)


_SUM = _reduction("sum", np.sum, "+", 0.0, lambda ct, out, x: broadcast_to(spread(ct, out), x.shape))
_PROD = _reduction("prod", np.prod, "*", 1.0, _product_of_others)
_MAX = _reduction("max", np.max, "maximum", None, _share_among_best)
_MIN = _reduction("min", np.min, "minimum", None, _share_among_best)


def _reduce(op: Op, x: Operand, axis: Any, keepdims: bool) -> Node:
    node = as_node(x)
    axes = normal_axes(axis, node.ndim, lambda: f"{op.name} of {describe(node)} at {here()}")
    if not axes:
        return node
    if isinstance(op.lowering, Reduction) and op.lowering.empty is None:
        refuse_empty(op.name, node, axes)
    return build(op, [node], {"axis": axes, "keepdims": bool(keepdims)})


def refuse_empty(name: str, node: Node, axes: Sequence[int]) -> None:
    """NumPy's rule: no maximum of no elements, unless there is nothing to fill either."""
    kept = [size for axis, size in enumerate(node.shape) if axis not in axes]
    if 0 in [node.shape[axis] for axis in axes] and 0 not in kept:
        raise ShapeError(explain(name, f"no elements along axis {tuple(axes)} of {describe(node)}", at=here()))


def numbers(x: Operand, dtype: Any = None) -> Node:
    """Operand of a sum or product, in the dtype asked for; as in NumPy, booleans and small integers become int64."""
    node = as_node(x)
    if dtype is not None:
        return build_astype(node, as_dtype(dtype))
    if node.dtype == BOOL or (node.dtype.kind == "i" and node.dtype != INT64):
        return build_astype(node, INT64)
    if node.dtype.kind == "u":
        return build_astype(node, np.dtype("uint64"))
    return node


@provide("sum")
def sum(x: Operand, axis: Any = None, keepdims: bool = False, *, dtype: Any = None) -> Node:
    """Sum of elements, in ``dtype``; of none, 0. Booleans and small integers are summed as int64 by default.

    >>> import symdiff as sd
    >>> sd.sum(sd.input("x", (sd.dim("n"), 3)), axis=0).type.shape
    (3,)
    """
    return _reduce(_SUM, numbers(x, dtype), axis, keepdims)


@provide("prod")
def prod(x: Operand, axis: Any = None, keepdims: bool = False, *, dtype: Any = None) -> Node:
    """Product of elements, in ``dtype``; of none, 1.

    The derivative, the product of all others, is exact at zeros to any order.
    """
    node = numbers(x, dtype)
    for one in reversed(normal_axes(axis, node.ndim, f"prod of {describe(node)} at {here()}")):
        node = _reduce(_PROD, node, one, keepdims)
    return node


@provide("max")
def max(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Largest element, NaN if any is. Ties share the derivative evenly; no elements are an error."""
    return _reduce(_MAX, _ordered("max", x), axis, keepdims)


@provide("min")
def min(x: Operand, axis: Any = None, keepdims: bool = False) -> Node:
    """Smallest element, NaN if any is. Ties share the derivative evenly; no elements are an error."""
    return _reduce(_MIN, _ordered("min", x), axis, keepdims)


def _ordered(name: str, x: Operand) -> Node:
    node = as_node(x)
    if node.dtype == BOOL:
        raise DTypeError(explain(name, f"takes numbers, got {describe(node)}", at=here(), hint="use astype first"))
    return node


@provide("mean")
def mean(x: Operand, axis: Any = None, keepdims: bool = False, *, dtype: Any = None) -> Node:
    """Sum divided by the number of elements, in ``dtype``; integers as float64; of no elements, NaN."""
    node = as_node(x) if dtype is None else build_astype(as_node(x), as_dtype(dtype))
    if not node.type.is_float:
        node = build_astype(node, FLOAT64)
    axes = normal_axes(axis, node.ndim, lambda: f"mean of {describe(node)} at {here()}")
    count = product(tuple(node.shape[one] for one in axes))
    return sum(node, axes, keepdims) / size(count, node.dtype)


# -- positions of the best


def _arg_op(name: str, evaluate: Any, better: str) -> Op:
    def positions(x: np.ndarray[Any, Any], axis: tuple[int, ...], keepdims: bool) -> np.ndarray[Any, Any]:
        return np.asarray(evaluate(x, axis=axis[0], keepdims=keepdims), INT64)

    reason: NotDifferentiable = INTEGERS
    return define(
        Op(
            name=name,
            infer=_infer(INT64),
            evaluate=positions,
            vjp=(reason,),
            lowering=ArgReduction(better),
            flops=input_size,
            batch=attributes(axis=later),
        )
    )


_ARGMAX = _arg_op("argmax", np.argmax, ">")
_ARGMIN = _arg_op("argmin", np.argmin, "<")


@provide("argmax")
def argmax(x: Operand, axis: int | None = None, keepdims: bool = False) -> Node:
    """Position of the first largest element (of the first NaN if there is one), int64; over all elements by default."""
    return _position(_ARGMAX, x, axis, keepdims)


@provide("argmin")
def argmin(x: Operand, axis: int | None = None, keepdims: bool = False) -> Node:
    """Position of the first smallest element (of the first NaN if there is one), int64; over all by default."""
    return _position(_ARGMIN, x, axis, keepdims)


def _position(op: Op, x: Operand, axis: int | None, keepdims: bool) -> Node:
    node = _ordered(op.name, x)
    if axis is None:
        flat = _position(op, node.reshape(-1), 0, False)
        return flat.reshape(*([1] * node.ndim)) if keepdims else flat
    axes = (normal_axis(axis, node.ndim, lambda: f"{op.name} of {describe(node)} at {here()}"),)
    refuse_empty(op.name, node, axes)
    return build(op, [node], {"axis": axes, "keepdims": bool(keepdims)})

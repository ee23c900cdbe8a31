"""Differences of neighbours, and the trapezoidal rule."""

from __future__ import annotations

from typing import Any

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import BOOL, normal_axis
from .convert import as_node, promote
from .elementwise import not_equal
from .reduce import sum
from .shape import broadcast_to, concat, reshape
from .slicing import slice_axis
from .statistics import floating


def diff(x: Operand, n: int = 1, axis: int = -1, prepend: Operand | None = None, append: Operand | None = None) -> Node:
    """Each element minus the one before it along an axis, n times over; of truth values, whether they differ.

    ``prepend`` and ``append`` (arrays, or a number) are joined to x first.

    >>> import symdiff as sd
    >>> sd.diff(sd.input("x", (2, 5)), n=2).type.shape
    (2, 3)
    """
    node = as_node(x)
    where = normal_axis(axis, node.ndim, f"diff of {describe(node)} at {here()}")
    if n < 0:
        raise ShapeError(explain("diff", f"n is not negative, got {n}", at=here()))
    if n == 0:
        return node
    one = (*node.shape[:where], 1, *node.shape[where + 1 :])
    parts = [node]
    for extra, place in ((prepend, 0), (append, 2)):
        if extra is not None:
            joined = promote("diff", node, extra)[1]
            parts.insert(place, broadcast_to(joined, one) if joined.ndim == 0 else joined)
    node = concat(parts, where)
    for _ in range(n):
        node = _step(node, where)
    return node


def _step(node: Node, axis: int) -> Node:
    length = node.shape[axis]
    if length == 0:
        return node
    after, before = slice_axis(node, axis, 1, length - 1), slice_axis(node, axis, 0, length - 1)
    return not_equal(after, before) if node.dtype == BOOL else after - before


def trapezoid(y: Operand, x: Operand | None = None, dx: Operand = 1.0, axis: int = -1) -> Node:
    """The area under y by the trapezoidal rule: sum (x_{i+1} - x_i) (y_{i+1} + y_i) / 2 along an axis.

    ``x`` is a vector of places, or an array that broadcasts with y; without it they are ``dx`` apart.

    >>> import symdiff as sd
    >>> sd.trapezoid(sd.input("y", (2, 5)), sd.input("x", (5,))).type.shape
    (2,)
    """
    node = floating(y)
    where = normal_axis(axis, node.ndim, f"trapezoid of {describe(node)} at {here()}")
    length = node.shape[where]
    heights = slice_axis(node, where, 1, length - 1) + slice_axis(node, where, 0, length - 1)
    return sum(_widths(node, where, x, dx) * heights / 2, axis=where)


def _widths(y: Node, axis: int, x: Operand | None, dx: Operand) -> Any:
    if x is None:
        return dx
    places = as_node(x)
    if places.ndim == 1:
        places = reshape(places, (-1, *[1] * (y.ndim - axis - 1)))
        return diff(places, axis=0)
    return diff(places, axis=axis - y.ndim)

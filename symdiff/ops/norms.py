"""Norms of vectors."""

from __future__ import annotations

import math
from typing import Any

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import normal_axes
from .elementwise import abs, equal, not_equal, square, where
from .record import build_astype
from .reduce import max, min, sum
from .statistics import floating, root_or_zero


def vector_norm(x: Operand, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Node:
    """The norm of all elements along the axes, taken as one vector: (sum |x|^ord)^(1/ord).

    ``ord`` may be inf (the largest |x|), -inf (the smallest) and 0 (how many are not 0). Where the norm is 0, and at
    elements that are 0, its derivative is 0; ties of inf and -inf share it evenly.

    >>> import symdiff as sd
    >>> sd.vector_norm(sd.input("x", (sd.dim("n"), 3)), axis=-1, ord=1).type.shape
    (Dim(n),)
    """
    node = floating(x)
    axes = normal_axes(axis, node.ndim, f"vector_norm of {describe(node)} at {here()}")
    if not isinstance(ord, int | float) or math.isnan(ord):
        raise ShapeError(explain("vector_norm", f"ord is a number, got {ord!r}", at=here()))
    if ord == 2:
        return root_or_zero(sum(square(node), axes, keepdims))
    if ord == 0:
        return sum(build_astype(not_equal(node, 0), node.dtype), axes, keepdims)
    sizes = abs(node)
    if ord == 1:
        return sum(sizes, axes, keepdims)
    if math.isinf(ord):
        return (max if ord > 0 else min)(sizes, axes, keepdims)
    return _power_norm(sizes, axes, keepdims, float(ord))


def _power_norm(sizes: Node, axes: tuple[int, ...], keepdims: bool, order: float) -> Node:
    """(sum s^p)^(1/p), with the derivative 0 at zeros rather than 0 * inf."""
    nothing = 0.0 if order > 0 else math.inf
    total = sum(where(equal(sizes, 0), nothing, sizes**order), axes, keepdims)
    return where(equal(total, nothing), 0, total ** (1 / order))

"""The larger and the smaller of two, bounds, replacement of what is not finite, closeness.

Conventions: ties of maximum and minimum split evenly; clip passes its cotangent on within the bounds and at them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.node import Node, Operand, build
from ..core.registry import provide
from .arithmetic import abs, divide
from .comparison import equal, isfinite, isnan, isneginf, isposinf, logical_and, logical_or, where
from .convert import like, promote
from .record import binary, elementwise


def _to_winner(t: Node, wins: Node, ties: Node) -> Node:
    """Cotangent of one side of maximum/minimum: all of it where that side wins, half on a tie, else none."""
    return where(wins, where(ties, t * 0.5, t), 0)


def _or_missing(wins: Node, other: Node) -> Node:
    """A side of fmax/fmin wins where the other is NaN, too."""
    return logical_or(wins, isnan(other)) if other.type.is_float else wins


maximum = binary(
    "maximum",
    "maximum(a, b)",
    np.maximum,
    (lambda t, out, x, y: _to_winner(t, x >= y, equal(x, y)), lambda t, out, x, y: _to_winner(t, y >= x, equal(x, y))),
    "The larger of x and y, NaN if either is. The derivative goes to the larger, half to each on a tie.",
)
minimum = binary(
    "minimum",
    "minimum(a, b)",
    np.minimum,
    (lambda t, out, x, y: _to_winner(t, x <= y, equal(x, y)), lambda t, out, x, y: _to_winner(t, y <= x, equal(x, y))),
    "The smaller of x and y, NaN if either is. The derivative goes to the smaller, half to each on a tie.",
)
fmax = binary(
    "fmax",
    "b if a != a else (a if b != b else maximum(a, b))",
    np.fmax,
    (
        lambda t, out, x, y: _to_winner(t, _or_missing(x >= y, y), equal(x, y)),
        lambda t, out, x, y: _to_winner(t, _or_missing(y >= x, x), equal(x, y)),
    ),
    "The larger of x and y, the other one where one is NaN. The derivative goes to the larger, half to each on a tie.",
)
fmin = binary(
    "fmin",
    "b if a != a else (a if b != b else minimum(a, b))",
    np.fmin,
    (
        lambda t, out, x, y: _to_winner(t, _or_missing(x <= y, y), equal(x, y)),
        lambda t, out, x, y: _to_winner(t, _or_missing(y <= x, x), equal(x, y)),
    ),
    "The smaller of x and y, the other one where one is NaN. The derivative goes to the smaller, half to each "
    "on a tie.",
)

_CLIP = elementwise(
    "clip",
    "minimum(maximum(a, b), c)",
    np.clip,
    lambda t, out, x, low, high: where(logical_and(x >= low, x <= high), t, 0),
    lambda t, out, x, low, high: where(logical_and(x < low, low <= high), t, 0),
    lambda t, out, x, low, high: where(logical_or(x > high, low > high), t, 0),
    cost=2,
)


@provide("clip")
def clip(x: Operand, min: Operand | None = None, max: Operand | None = None) -> Node:
    """x within bounds, elementwise; None is no bound. Where the bounds are the wrong way round, it is ``max``.

    d/dx = 1 from min to max, both included, else 0; the derivative by a bound is 1 where x lies beyond it.

    >>> import symdiff as sd
    >>> sd.clip(sd.input("x", (3,)), 0, max=1).type.shape
    (3,)
    """
    if min is None and max is None:
        return promote("clip", x)[0]
    given = promote("clip", x, *(bound for bound in (min, max) if bound is not None))
    limits = np.iinfo(given[0].dtype) if given[0].dtype.kind in "iu" else None
    low = given[1] if min is not None else like(limits.min if limits else -np.inf, given[0])
    high = given[-1] if max is not None else like(limits.max if limits else np.inf, given[0])
    return build(_CLIP, [given[0], low, high])


def nan_to_num(x: Operand, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> Node:
    """x with NaN, inf and -inf replaced; without a number for inf (-inf) by the largest (lowest) one of the dtype.

    The derivative is 1 where x stays, 0 where it is replaced.
    """
    (node,) = promote("nan_to_num", x)
    if not node.type.is_float:
        return node
    limits = np.finfo(node.dtype)
    above, below = limits.max.item() if posinf is None else posinf, limits.min.item() if neginf is None else neginf
    return where(isnan(node), nan, where(isposinf(node), above, where(isneginf(node), below, node)))


def isclose(x: Operand, y: Operand, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Node:
    """True where ``|x - y| <= atol + rtol |y|``, and where equal infinities (or NaNs, if asked) meet."""
    a, b = promote("isclose", x, y)
    a, b = divide(a, 1), divide(b, 1)
    near = logical_or(equal(a, b), logical_and(isfinite(b), abs(a - b) <= atol + rtol * abs(b)))
    return logical_or(near, logical_and(isnan(a), isnan(b))) if equal_nan else near

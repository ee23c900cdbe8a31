"""Elementwise operators. Each derivative reads as its formula; ``t`` is the cotangent (or tangent) of the result.

Conventions at kinks: relu'(0) = 0, |x|'(0) = 0, ties of maximum and minimum split evenly.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core import special
from ..core.node import Node, Operand, build
from ..core.op import NotDifferentiable
from ..core.registry import provide
from ..core.types import BOOL, as_dtype
from .convert import as_node, like, promote, scalar_value
from .record import INTEGERS, STEPS, Binary, Unary, binary, build_astype, elementwise, unary

# -- arithmetic

add = binary("add", "a + b", np.add, (lambda t, out, x, y: t, lambda t, out, x, y: t), "x + y, elementwise.")
subtract = binary(
    "subtract", "a - b", np.subtract, (lambda t, out, x, y: t, lambda t, out, x, y: -t), "x - y, elementwise."
)
multiply = binary(
    "multiply", "a * b", np.multiply, (lambda t, out, x, y: t * y, lambda t, out, x, y: t * x), "x * y, elementwise."
)
divide = binary(
    "divide",
    "a / b",
    np.divide,
    (lambda t, out, x, y: t / y, lambda t, out, x, y: -(t * out / y)),
    "x / y, elementwise; integers become float64. d/dx = 1/y, d/dy = -x/y^2.",
    floating=True,
)
floor_divide = binary("floor_divide", "floor_divide(a, b)", np.floor_divide, (STEPS, STEPS), "The floor of x / y.")
remainder = binary(
    "remainder",
    "remainder(a, b)",
    np.remainder,
    (lambda t, out, x, y: t, lambda t, out, x, y: -(t * floor_divide(x, y))),
    "x - y * floor(x / y): the remainder with the sign of y. d/dx = 1, d/dy = -floor(x/y).",
)


def _power_base(t: Node, out: Node, x: Node, y: Node) -> Node:
    exponent = scalar_value(y)
    if exponent is not None:
        return t * exponent * x ** like(exponent - 1, y) if exponent else like(0, x)
    both_zero = logical_and(equal(x, 0), equal(y, 0))
    return t * y * where(both_zero, 1, x) ** (y - 1)


def _power_exponent(t: Node, out: Node, x: Node, y: Node) -> Node:
    return t * out * log(where(logical_and(equal(x, 0), y >= 0), 1, x))


power = binary(
    "power",
    "power(a, b)",
    np.power,
    (_power_base, _power_exponent),
    "x ** y, elementwise. d/dx = y x^(y-1) (0 where y = 0), d/dy = x^y log x (0 where x = 0 <= y; NaN for x < 0).",
    cost=20,
)


def _to_winner(t: Node, wins: Node, ties: Node) -> Node:
    """Cotangent of one side of maximum/minimum: all of it where that side wins, half on a tie, else none."""
    return where(wins, where(ties, t * 0.5, t), 0)


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

negative = unary("negative", "-a", np.negative, lambda t, out, x: -t, "-x, elementwise.", floating=False)
abs = unary("abs", "abs(a)", np.abs, lambda t, out, x: t * sign(x), "|x|; the derivative at 0 is 0.", floating=False)
sign: Unary = unary("sign", "sign(a)", np.sign, STEPS, "-1, 0 or 1 by the sign of x; NaN stays NaN.", floating=False)
square = unary("square", "a * a", np.square, lambda t, out, x: t * 2 * x, "x * x.", floating=False)
reciprocal = unary(
    "reciprocal", "1 / a", np.reciprocal, lambda t, out, x: -(t * square(out)), "1 / x; derivative -1/x^2."
)

# -- comparison and logic: truth values, no derivative

equal: Binary = binary("equal", "a == b", np.equal, (INTEGERS, INTEGERS), "x == y, elementwise.", dtype=BOOL)
not_equal = binary("not_equal", "a != b", np.not_equal, (INTEGERS, INTEGERS), "x != y, elementwise.", dtype=BOOL)
less = binary("less", "a < b", np.less, (INTEGERS, INTEGERS), "x < y, elementwise.", dtype=BOOL)
less_equal = binary("less_equal", "a <= b", np.less_equal, (INTEGERS, INTEGERS), "x <= y, elementwise.", dtype=BOOL)
greater = binary("greater", "a > b", np.greater, (INTEGERS, INTEGERS), "x > y, elementwise.", dtype=BOOL)
greater_equal = binary(
    "greater_equal", "a >= b", np.greater_equal, (INTEGERS, INTEGERS), "x >= y, elementwise.", dtype=BOOL
)
logical_and = binary(
    "logical_and", "a and b", np.logical_and, (INTEGERS, INTEGERS), "True where both are.", dtype=BOOL, truth=True
)
logical_or = binary(
    "logical_or", "a or b", np.logical_or, (INTEGERS, INTEGERS), "True where either is.", dtype=BOOL, truth=True
)
logical_xor = binary(
    "logical_xor", "a != b", np.logical_xor, (INTEGERS, INTEGERS), "True where one is.", dtype=BOOL, truth=True
)
_LOGICAL_NOT = elementwise("logical_not", "not a", np.logical_not, INTEGERS, dtype=BOOL)
_ISFINITE = elementwise("isfinite", "isfinite(a)", np.isfinite, INTEGERS, dtype=BOOL)
_ISNAN = elementwise("isnan", "isnan(a)", np.isnan, INTEGERS, dtype=BOOL)


@provide("logical_not")
def logical_not(x: Operand) -> Node:
    """True where x is not (numbers: where x == 0)."""
    return build(_LOGICAL_NOT, [build_astype(as_node(x), BOOL)])


def isfinite(x: Operand) -> Node:
    """True where x is neither NaN nor infinite."""
    return build(_ISFINITE, promote("isfinite", x))


def isnan(x: Operand) -> Node:
    """True where x is NaN."""
    return build(_ISNAN, promote("isnan", x))


_WHERE = elementwise(
    "where",
    "b if a else c",
    np.where,
    INTEGERS,
    lambda t, out, condition, x, y: where(condition, t, 0),
    lambda t, out, condition, x, y: where(condition, 0, t),
)


def where(condition: Operand, x: Operand, y: Operand) -> Node:
    """x where the condition holds, else y.

    Cotangents are selected, never multiplied by a mask: a NaN in the branch not taken stays there.

    >>> import symdiff as sd
    >>> x = sd.input("x", (3,))
    >>> sd.where(x > 0, sd.sqrt(x), 0).type.shape
    (3,)
    """
    return build(_WHERE, [build_astype(as_node(condition), BOOL), *promote("where", x, y)])


# -- exponentials, roots, trigonometry

TWO_OVER_ROOT_PI = 2 / math.sqrt(math.pi)

exp = unary("exp", "exp(a)", np.exp, lambda t, out, x: t * out, "e^x.", cost=10)
expm1 = unary("expm1", "expm1(a)", np.expm1, lambda t, out, x: t * (out + 1), "e^x - 1, exact near 0.", cost=15)
log = unary("log", "log(a)", np.log, lambda t, out, x: t / x, "Natural logarithm; -inf at 0, NaN below.", cost=10)
log1p = unary("log1p", "log1p(a)", np.log1p, lambda t, out, x: t / (1 + x), "log(1 + x), exact near 0.", cost=15)
sqrt = unary(
    "sqrt", "sqrt(a)", np.sqrt, lambda t, out, x: t / (2 * out), "Square root; the derivative at 0 is +inf.", cost=4
)
sin = unary("sin", "sin(a)", np.sin, lambda t, out, x: t * cos(x), "Sine of x in radians.", cost=15)
cos: Unary = unary("cos", "cos(a)", np.cos, lambda t, out, x: -(t * sin(x)), "Cosine of x in radians.", cost=15)
tanh = unary(
    "tanh", "tanh(a)", np.tanh, lambda t, out, x: t * (1 - square(out)), "Hyperbolic tangent; 1 - tanh^2.", cost=15
)
erf = unary(
    "erf",
    "erf(a)",
    special.erf,
    lambda t, out, x: t * (TWO_OVER_ROOT_PI * exp(-square(x))),
    "2 / sqrt(pi) * integral of e^(-t^2) from 0 to x; derivative 2 / sqrt(pi) * e^(-x^2).",
    cost=25,
)
erfc = unary(
    "erfc",
    "erfc(a)",
    special.erfc,
    lambda t, out, x: -(t * (TWO_OVER_ROOT_PI * exp(-square(x)))),
    "1 - erf(x), exact where erf(x) is near 1; derivative -2 / sqrt(pi) * e^(-x^2).",
    cost=45,
)


def _quiet_softplus(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


sigmoid = unary(
    "sigmoid",
    "sigmoid(a)",
    special.sigmoid,
    lambda t, out, x: t * out * (1 - out),
    "1 / (1 + e^-x); derivative s (1 - s).",
    cost=14,
)
softplus = unary(
    "softplus",
    "maximum(a, 0) + log1p(exp(-abs(a)))",
    _quiet_softplus,
    lambda t, out, x: t * sigmoid(x),
    "log(1 + e^x) without overflow; derivative sigmoid(x).",
    cost=28,
)
relu = unary(
    "relu",
    "maximum(a, 0)",
    lambda x: np.maximum(x, 0),
    lambda t, out, x: where(out > 0, t, 0),
    "max(x, 0); the derivative at 0 is 0.",
    floating=False,
)


# -- dtype and gradient flow

_ASTYPE = elementwise("astype", "a", lambda x, dtype: x.astype(dtype), lambda t, out, x: astype(t, x.dtype), cost=1)
_STOP = elementwise(
    "stop_gradient",
    "a",
    lambda x: x,
    NotDifferentiable("the gradient was stopped on purpose"),
    cost=0,
)


def astype(x: Operand, dtype: Any) -> Node:
    """x in another dtype: floats to integers drop the fraction, numbers to bool are ``x != 0``."""
    return build_astype(as_node(x), as_dtype(dtype))


provide("astype")(astype)


def stop_gradient(x: Operand) -> Node:
    """x as a value that no gradient flows through.

    >>> import symdiff as sd
    >>> x = sd.input("x")
    >>> sd.vjp(x * sd.stop_gradient(x), x, 3.0) is 3.0 * sd.stop_gradient(x)
    True
    """
    return build(_STOP, [as_node(x)])

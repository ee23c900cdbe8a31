"""Sums, products, quotients and their remainders; signs. Each derivative reads as its formula; ``t`` is the cotangent
(or tangent) of the result. Convention: |x|'(0) = 0."""

from __future__ import annotations

import numpy as np

from ..core.node import Node, Operand
from ..core.registry import provide
from .comparison import equal, where
from .convert import like, scalar_value
from .record import STEPS, Binary, Unary, binary, unary
from .rounding import trunc

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
    "x / y, elementwise, inf or -inf where y is 0, NaN where both are; integers become float64. "
    "d/dx = 1/y, d/dy = -x/y^2.",
    floating=True,
)
floor_divide = binary(
    "floor_divide",
    "floor_divide(a, b)",
    np.floor_divide,
    (STEPS, STEPS),
    "The floor of x / y: of integers 0 where y is 0, of floats inf, -inf or NaN.",
)
remainder = binary(
    "remainder",
    "remainder(a, b)",
    np.remainder,
    (lambda t, out, x, y: t, lambda t, out, x, y: -(t * floor_divide(x, y))),
    "x - y * floor(x / y): the remainder with the sign of y. "
    "d/dx = 1, d/dy = -floor(x/y), at the jumps too; NaN (integers: 0) where y is 0.",
)
fmod = binary(
    "fmod",
    "fmod(a, b)",
    np.fmod,
    (lambda t, out, x, y: t, lambda t, out, x, y: -(t * trunc(x / y))),
    "x - y * trunc(x / y): the remainder with the sign of x, as in C. "
    "d/dx = 1, d/dy = -trunc(x/y), at the jumps too; NaN (integers: 0) where y is 0.",
)


@provide("divmod")
def divmod(x: Operand, y: Operand) -> tuple[Node, Node]:
    """``(floor_divide(x, y), remainder(x, y))``."""
    return floor_divide(x, y), remainder(x, y)


negative = unary("negative", "-a", np.negative, lambda t, out, x: -t, "-x, elementwise.", floating=False)
abs = unary("abs", "abs(a)", np.abs, lambda t, out, x: t * sign(x), "|x|; the derivative at 0 is 0.", floating=False)
provide("absolute")(abs)
sign: Unary = unary("sign", "sign(a)", np.sign, STEPS, "-1, 0 or 1 by the sign of x; NaN stays NaN.", floating=False)
square = unary("square", "a * a", np.square, lambda t, out, x: t * 2 * x, "x * x.", floating=False)
reciprocal = unary(
    "reciprocal",
    "1 / a",
    np.reciprocal,
    lambda t, out, x: -(t * square(out)),
    "1 / x, inf at 0; derivative -1/x^2, -inf at 0.",
)
copysign: Binary = binary(
    "copysign",
    "copysign(a, b)",
    np.copysign,
    (lambda t, out, x, y: t * sign(x) * copysign(like(1, y), y), lambda t, out, x, y: like(0, y)),
    "|x| with the sign of y. d/dx = 1 where the signs agree, else -1, and 0 at x = 0; d/dy = 0.",
    floating=True,
)
nextafter = binary(
    "nextafter",
    "nextafter(a, b)",
    np.nextafter,
    (STEPS, STEPS),
    "The floating-point number next to x on the way to y.",
    floating=True,
)
heaviside = binary(
    "heaviside",
    "b if a == 0 else 0.5 * (sign(a) + 1)",
    np.heaviside,
    (lambda t, out, x, y: like(0, x), lambda t, out, x, y: where(equal(x, 0), t, 0)),
    "0 for x < 0, 1 for x > 0, y at x = 0. d/dx = 0, at the step too; d/dy = 1 where x = 0, else 0.",
    floating=True,
)


@provide("fabs")
def fabs(x: Operand) -> Node:
    """|x| as a floating-point number; the derivative at 0 is 0."""
    return abs(divide(x, 1))


def shifted(order: Node, step: int) -> Node:
    """``order + step``, as a number where the order is one: for families of functions of integer order."""
    value = scalar_value(order)
    return add(order, step) if value is None else like(value + step, order)


def lerp(x: Operand, y: Operand, weight: Operand) -> Node:
    """x + weight (y - x): from x at weight 0 to y at weight 1."""
    return add(x, multiply(weight, subtract(y, x)))

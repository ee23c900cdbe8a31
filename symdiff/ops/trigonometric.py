"""Trigonometric and hyperbolic functions, their inverses, and what belongs to triangles."""

from __future__ import annotations

import math

import numpy as np

from ..core import special
from ..core.node import Node, Operand
from ..core.op import NotDifferentiable
from ..core.registry import provide
from .arithmetic import multiply, shifted, square
from .comparison import equal, where
from .exponential import sqrt
from .record import Binary, Unary, binary, unary

sin = unary("sin", "sin(a)", np.sin, lambda t, out, x: t * cos(x), "Sine of x in radians.", cost=15)
cos: Unary = unary("cos", "cos(a)", np.cos, lambda t, out, x: -(t * sin(x)), "Cosine of x in radians.", cost=15)
tan = unary(
    "tan",
    "tan(a)",
    np.tan,
    lambda t, out, x: t * (1 + square(out)),
    "Tangent of x in radians; derivative 1 + tan^2.",
    cost=20,
)
arcsin = unary(
    "arcsin",
    "arcsin(a)",
    np.arcsin,
    lambda t, out, x: t / sqrt((1 - x) * (1 + x)),
    "Inverse sine in radians, NaN beyond 1; derivative 1 / sqrt(1 - x^2), inf at 1 and -1.",
    cost=20,
)
arccos = unary(
    "arccos",
    "arccos(a)",
    np.arccos,
    lambda t, out, x: -(t / sqrt((1 - x) * (1 + x))),
    "Inverse cosine in radians, NaN beyond 1; derivative -1 / sqrt(1 - x^2), -inf at 1 and -1.",
    cost=20,
)
arctan = unary(
    "arctan",
    "arctan(a)",
    np.arctan,
    lambda t, out, x: t / (1 + square(x)),
    "Inverse tangent in radians; derivative 1 / (1 + x^2).",
    cost=20,
)
sinh: Unary = unary(
    "sinh", "sinh(a)", np.sinh, lambda t, out, x: t * cosh(x), "Hyperbolic sine; derivative cosh.", cost=20
)
cosh: Unary = unary(
    "cosh", "cosh(a)", np.cosh, lambda t, out, x: t * sinh(x), "Hyperbolic cosine; derivative sinh.", cost=20
)
tanh = unary(
    "tanh",
    "tanh(a)",
    np.tanh,
    lambda t, out, x: t * (1 - square(out)),
    "Hyperbolic tangent; derivative 1 - tanh^2.",
    cost=15,
)
arcsinh = unary(
    "arcsinh",
    "arcsinh(a)",
    np.arcsinh,
    lambda t, out, x: t / hypot(x, 1),
    "Inverse hyperbolic sine; derivative 1 / sqrt(1 + x^2).",
    cost=25,
)
arccosh = unary(
    "arccosh",
    "arccosh(a)",
    np.arccosh,
    lambda t, out, x: t / (sqrt(x - 1) * sqrt(x + 1)),
    "Inverse hyperbolic cosine, NaN below 1; derivative 1 / sqrt(x^2 - 1), inf at 1.",
    cost=25,
)
arctanh = unary(
    "arctanh",
    "arctanh(a)",
    np.arctanh,
    lambda t, out, x: t / ((1 - x) * (1 + x)),
    "Inverse hyperbolic tangent, NaN beyond 1; derivative 1 / (1 - x^2), inf at 1 and -1.",
    cost=25,
)
asin, acos, atan, asinh, acosh, atanh = arcsin, arccos, arctan, arcsinh, arccosh, arctanh


def _unless_zero(size: Node) -> Node:
    """A divisor under what is 0 wherever the divisor is."""
    return where(equal(size, 0), 1, size)


hypot: Binary = binary(
    "hypot",
    "hypot(a, b)",
    np.hypot,
    (lambda t, out, x, y: t * (x / _unless_zero(out)), lambda t, out, x, y: t * (y / _unless_zero(out))),
    "sqrt(x^2 + y^2) without overflow. d/dx = x / hypot, d/dy = y / hypot; both are 0 at the origin.",
    floating=True,
    cost=15,
)


def _turn(t: Node, side: Node, y: Node, x: Node) -> Node:
    size = _unless_zero(hypot(y, x))
    return t * (side / size / size)


arctan2 = binary(
    "arctan2",
    "arctan2(a, b)",
    np.arctan2,
    (lambda t, out, y, x: _turn(t, x, y, x), lambda t, out, y, x: -_turn(t, y, y, x)),
    "The angle of the point (x, y), from -pi to pi: arctan2(y, x). d/dy = x / (x^2 + y^2), d/dx = -y / (x^2 + y^2); "
    "both are 0 at the origin.",
    floating=True,
    cost=30,
)
atan2 = arctan2


@provide("rad2deg")
@provide("degrees")
def degrees(x: Operand) -> Node:
    """Radians as degrees: 180 x / pi."""
    return multiply(x, 180 / math.pi)


@provide("deg2rad")
@provide("radians")
def radians(x: Operand) -> Node:
    """Degrees as radians: pi x / 180."""
    return multiply(x, math.pi / 180)


rad2deg, deg2rad = degrees, radians

_SINC_DERIVATIVE: Binary = binary(
    "sinc_derivative",
    "sinc_derivative(a, b)",
    special.sinc_derivative,
    (
        NotDifferentiable("the order of a derivative is an integer"),
        lambda t, out, n, x: t * _SINC_DERIVATIVE(shifted(n, 1), x),
    ),
    "",
    floating=True,
    cost=100,
)
sinc = unary(
    "sinc",
    "sin(3.141592653589793 * a) / (3.141592653589793 * a) if a != 0 else 1",
    np.sinc,
    lambda t, out, x: t * _SINC_DERIVATIVE(1, x),
    "sin(pi x) / (pi x), 1 at 0; derivative (cos(pi x) - sinc x) / x, 0 at 0.",
    cost=20,
)

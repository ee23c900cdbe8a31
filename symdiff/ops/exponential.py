"""Exponentials, logarithms, powers and roots, and the sigmoids. Convention: relu'(0) = 0."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..core.node import Node, Operand
from ..core.registry import provide
from ..core.types import FLOAT64
from .arithmetic import reciprocal, square
from .comparison import equal, isinf, logical_and, where
from .convert import as_node, like, scalar_value
from .record import INTEGERS, Unary, binary, build_astype, unary

LN2, LN10 = math.log(2), math.log(10)

exp = unary("exp", "exp(a)", np.exp, lambda t, out, x: t * out, "e^x.", cost=10)
exp2 = unary("exp2", "exp2(a)", np.exp2, lambda t, out, x: t * (LN2 * out), "2^x; derivative 2^x log 2.", cost=10)
expm1 = unary("expm1", "expm1(a)", np.expm1, lambda t, out, x: t * (out + 1), "e^x - 1, exact near 0.", cost=15)
log = unary("log", "log(a)", np.log, lambda t, out, x: t / x, "Natural logarithm; -inf at 0, NaN below.", cost=10)
log2 = unary(
    "log2",
    "log2(a)",
    np.log2,
    lambda t, out, x: t / (LN2 * x),
    "Logarithm to base 2, -inf at 0, NaN below; derivative 1 / (x log 2).",
    cost=15,
)
log10 = unary(
    "log10",
    "log10(a)",
    np.log10,
    lambda t, out, x: t / (LN10 * x),
    "Logarithm to base 10, -inf at 0, NaN below; derivative 1 / (x log 10).",
    cost=15,
)
log1p = unary(
    "log1p",
    "log1p(a)",
    np.log1p,
    lambda t, out, x: t / (1 + x),
    "log(1 + x), exact near 0; -inf at -1, NaN below.",
    cost=15,
)
sqrt = unary(
    "sqrt", "sqrt(a)", np.sqrt, lambda t, out, x: t / (2 * out), "Square root; the derivative at 0 is +inf.", cost=4
)
cbrt = unary(
    "cbrt",
    "cbrt(a)",
    np.cbrt,
    lambda t, out, x: t / (3 * square(out)),
    "Cube root, of negative numbers too; derivative 1 / (3 cbrt(x)^2), +inf at 0.",
    cost=20,
)


def rsqrt(x: Operand) -> Node:
    """1 / sqrt(x); inf at 0, NaN below."""
    return reciprocal(sqrt(x))


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


@provide("float_power")
def float_power(x: Operand, y: Operand) -> Node:
    """``power`` in float64, whatever the dtypes."""
    return power(build_astype(as_node(x), FLOAT64), build_astype(as_node(y), FLOAT64))


_LDEXP = binary(
    "ldexp",
    "a * exp2(floor(0.5 * b)) * exp2(b - floor(0.5 * b))",
    lambda x, n: np.ldexp(x, n.astype("int32")),
    (lambda t, out, x, n: t * exp2(n), INTEGERS),
    "",
    floating=True,
    cost=24,
)


@provide("ldexp")
def ldexp(x: Operand, n: Operand) -> Node:
    """x * 2^n for integers n; d/dx = 2^n."""
    value = as_node(x)
    return _LDEXP(value, build_astype(as_node(n), value.dtype if value.type.is_float else FLOAT64))


def _apart(x: Node, y: Node) -> Node:
    """x - y, and 0 where equal infinities meet."""
    return where(logical_and(isinf(x), equal(x, y)), 0, x - y)


logaddexp = binary(
    "logaddexp",
    "a + 0.6931471805599453 if a == b else maximum(a, b) + log1p(exp(-abs(a - b)))",
    np.logaddexp,
    (lambda t, out, x, y: t * sigmoid(_apart(x, y)), lambda t, out, x, y: t * sigmoid(_apart(y, x))),
    "log(e^x + e^y) without overflow. d/dx = sigmoid(x - y), d/dy = sigmoid(y - x): half each for equal infinities.",
    floating=True,
    cost=28,
)
logaddexp2 = binary(
    "logaddexp2",
    "a + 1 if a == b else maximum(a, b) + 1.4426950408889634 * log1p(exp2(-abs(a - b)))",
    np.logaddexp2,
    (lambda t, out, x, y: t * sigmoid(LN2 * _apart(x, y)), lambda t, out, x, y: t * sigmoid(LN2 * _apart(y, x))),
    "log2(2^x + 2^y) without overflow. d/dx = 1 / (1 + 2^(y - x)), and likewise: half each for equal infinities.",
    floating=True,
    cost=30,
)


def _quiet_softplus(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))))


def _sigmoid(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    from ..core.special import sigmoid  # with all special functions, which most programs never evaluate here

    return np.asarray(sigmoid(x))


sigmoid: Unary = unary(
    "sigmoid",
    "sigmoid(a)",
    _sigmoid,
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

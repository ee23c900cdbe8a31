"""SymPy, evaluated by mpmath to 30 digits, as the oracle of scalar derivatives of elementwise operators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import symdiff as sd
from symdiff.core.node import Node
from tests.autodiff.helpers import value

S, T = sympy.symbols("s t", real=True)
ALL = [-2.5, -0.75, -1e-3, 1e-6, 0.3, 1.0, 3.0]
POSITIVE = [1e-4, 0.3, 1.0, 7.5]

UNARY: list[tuple[str, Callable[[Node], Node], Any, list[float]]] = [
    ("negative", sd.negative, -S, ALL),
    ("abs", sd.abs, sympy.sqrt(S**2), ALL),
    ("square", sd.square, S**2, ALL),
    ("reciprocal", sd.reciprocal, 1 / S, ALL),
    ("relu", sd.relu, (S + sympy.sqrt(S**2)) / 2, ALL),
    ("exp", sd.exp, sympy.exp(S), ALL),
    ("expm1", sd.expm1, sympy.exp(S) - 1, ALL),
    ("log", sd.log, sympy.log(S), POSITIVE),
    ("log1p", sd.log1p, sympy.log(1 + S), [-0.9, *POSITIVE]),
    ("sqrt", sd.sqrt, sympy.sqrt(S), POSITIVE),
    ("sin", sd.sin, sympy.sin(S), ALL),
    ("cos", sd.cos, sympy.cos(S), ALL),
    ("tanh", sd.tanh, sympy.tanh(S), ALL),
    ("sigmoid", sd.sigmoid, 1 / (1 + sympy.exp(-S)), ALL),
    ("softplus", sd.softplus, sympy.log(1 + sympy.exp(S)), ALL),
    ("erf", sd.erf, sympy.erf(S), ALL),
    ("erfc", sd.erfc, sympy.erfc(S), ALL),
    ("gelu", sd.gelu, S * sympy.erfc(-S / sympy.sqrt(2)) / 2, ALL),
    (
        "gelu, tanh",
        lambda x: sd.gelu(x, approximate="tanh"),
        S * (1 + sympy.tanh(sympy.sqrt(2 / sympy.pi) * (S + sympy.Rational("0.044715") * S**3))) / 2,
        ALL,
    ),
    ("tan", sd.tan, sympy.tan(S), ALL),
    ("arcsin", sd.arcsin, sympy.asin(S), [-0.75, 1e-6, 0.3, 0.99]),
    ("arccos", sd.arccos, sympy.acos(S), [-0.75, 1e-6, 0.3, 0.99]),
    ("arctan", sd.arctan, sympy.atan(S), ALL),
    ("sinh", sd.sinh, sympy.sinh(S), ALL),
    ("cosh", sd.cosh, sympy.cosh(S), ALL),
    ("arcsinh", sd.arcsinh, sympy.asinh(S), ALL),
    ("arccosh", sd.arccosh, sympy.acosh(S), [1.001, 1.5, 30.0]),
    ("arctanh", sd.arctanh, sympy.atanh(S), [-0.75, 1e-6, 0.3, 0.99]),
    ("exp2", sd.exp2, 2**S, ALL),
    ("log2", sd.log2, sympy.log(S) / sympy.log(2), POSITIVE),
    ("log10", sd.log10, sympy.log(S) / sympy.log(10), POSITIVE),
    ("cbrt", sd.cbrt, sympy.cbrt(S), POSITIVE),
    ("silu", sd.nn.silu, S / (1 + sympy.exp(-S)), ALL),
    ("mish", sd.nn.mish, S * sympy.tanh(sympy.log(1 + sympy.exp(S))), ALL),
    ("log_sigmoid", sd.nn.log_sigmoid, -sympy.log(1 + sympy.exp(-S)), ALL),
    ("softsign, right", sd.nn.softsign, S / (1 + S), POSITIVE),
    ("lgamma", sd.lgamma, sympy.loggamma(S), POSITIVE),
    ("logit", sd.logit, sympy.log(S / (1 - S)), [1e-6, 0.3, 0.6, 0.99]),
    ("entr", sd.entr, -S * sympy.log(S), POSITIVE),
    ("erfinv", sd.erfinv, sympy.erfinv(S), [-0.75, 1e-6, 0.3, 0.99]),
    ("cube", lambda x: x**3, S**3, ALL),
    ("inverse square", lambda x: x**-2, S**-2, ALL),
    ("root", lambda x: x**0.5, sympy.sqrt(S), POSITIVE),
    ("power of two", lambda x: 2**x, 2**S, ALL),
    ("x^x", lambda x: x**x, S**S, POSITIVE),
    ("silu, written out", lambda x: x * sd.sigmoid(x), S / (1 + sympy.exp(-S)), ALL),
    ("gaussian", lambda x: sd.exp(-sd.square(x) / 2), sympy.exp(-(S**2) / 2), ALL),
]

BINARY: list[tuple[str, Callable[[Node, Node], Node], Any, list[tuple[float, float]]]] = [
    ("multiply", sd.multiply, S * T, [(2.0, -3.0), (0.5, 0.0)]),
    ("divide", sd.divide, S / T, [(2.0, -3.0), (0.0, 0.5), (1e-3, 7.0)]),
    ("power", sd.power, S**T, [(2.0, -3.0), (0.5, 0.25), (3.0, 0.0), (1.0, 2.0)]),
    ("remainder", sd.remainder, S - T * sympy.floor(S / T), [(7.3, 2.0), (-1.5, 0.4)]),
    ("hypot", sd.hypot, sympy.sqrt(S**2 + T**2), [(3.0, -4.0), (0.5, 0.0)]),
    ("arctan2", sd.arctan2, sympy.atan2(S, T), [(2.0, -3.0), (0.5, 0.25)]),
    ("logaddexp", sd.logaddexp, sympy.log(sympy.exp(S) + sympy.exp(T)), [(2.0, -3.0), (0.5, 0.5)]),
    ("xlogy", sd.xlogy, S * sympy.log(T), [(2.0, 3.0), (0.0, 0.5)]),
    ("xlog1py", sd.xlog1py, S * sympy.log(1 + T), [(2.0, 3.0), (0.0, -0.5)]),
    ("beta", sd.beta, sympy.gamma(S) * sympy.gamma(T) / sympy.gamma(S + T), [(2.0, 3.5), (0.5, 0.25)]),
    ("maximum", sd.maximum, (S + T + sympy.sqrt((S - T) ** 2)) / 2, [(2.0, -3.0), (1.0, 1.5)]),
]


def oracle(formula: Any, at: dict[Any, float]) -> float:
    with mpmath.workdps(30):
        exact = formula.subs({symbol: sympy.Rational(number) for symbol, number in at.items()})
        return float(exact.evalf(30))


def close(actual: Any, expected: float) -> bool:
    return bool(np.isclose(actual, expected, rtol=5e-13, atol=1e-15))


@pytest.mark.parametrize(("name", "build", "formula", "points"), UNARY, ids=[case[0] for case in UNARY])
def test_unary(name: str, build: Callable[[Node], Node], formula: Any, points: list[float]) -> None:
    x = sd.input("x")
    nodes = [build(x)]
    for _ in range(2):
        nodes.append(sd.grad(nodes[-1], x, unused="zero"))
    for order, node in enumerate(nodes):
        derivative = sympy.diff(formula, S, order) if order else formula
        for point in points:
            expected = oracle(derivative, {S: point})
            assert close(value(node, {x: point}), expected), f"{name}, order {order} at {point}: expected {expected}"


@pytest.mark.parametrize(("name", "build", "formula", "points"), BINARY, ids=[case[0] for case in BINARY])
def test_binary(name: str, build: Callable[..., Node], formula: Any, points: list[tuple[float, float]]) -> None:
    """Both first derivatives and all four second ones."""
    leaves, symbols = [sd.input("x"), sd.input("y")], [S, T]
    at = [(dict(zip(leaves, point, strict=True)), dict(zip(symbols, point, strict=True))) for point in points]
    first = sd.grad(build(*leaves), leaves)
    for i in (0, 1):
        slopes = sympy.diff(formula, symbols[i])
        seconds = sd.grad(first[i], leaves, unused="zero")
        for values, exact in at:
            if name == "remainder":
                slopes = 1 if i == 0 else -sympy.floor(S / T)  # SymPy leaves the derivative of floor unevaluated
            assert close(value(first[i], values), oracle(sympy.sympify(slopes), exact)), f"d{name}/d{symbols[i]}"
            for j in (0, 1):
                twice = 0 if name == "remainder" else sympy.diff(slopes, symbols[j])
                assert close(value(seconds[j], values), oracle(sympy.sympify(twice), exact)), (
                    f"{symbols[i]}, {symbols[j]}"
                )


@pytest.mark.parametrize("name", ["exp", "expm1", "log1p", "tanh", "sin", "softplus", "sigmoid", "sqrt", "log", "cos"])
def test_values_against_mpmath(name: str) -> None:
    """Within a few units in the last place, near zero and far from it."""
    oracles = {
        "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
        "sigmoid": lambda x: 1 / (1 + mpmath.exp(-x)),
    }
    points = [1e-300, 1e-16, 1e-8, 0.1, 0.7, 1.0, 5.0, 30.0]
    points += [] if name in ("sqrt", "log") else [-0.3, -1e-9, -20.0] if name != "log1p" else [-0.3, -1e-9]
    x = sd.input("x", (len(points),))
    actual = value(getattr(sd, name)(x), {x: points})
    with mpmath.workdps(40):
        expected = [float(oracles.get(name, getattr(mpmath, name, None))(mpmath.mpf(point))) for point in points]
    np.testing.assert_allclose(actual, expected, rtol=1e-15)

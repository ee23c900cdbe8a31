"""Sine and cosine of multiples of pi, and the derivatives of sinc."""

from __future__ import annotations

from math import pi
from typing import Any

from numpy import abs, floor, power, rint, sin


def sinpi(x: Any) -> Any:
    """sin(pi x), exact at integers."""
    rest = x - 2.0 * rint(0.5 * x)
    if rest > 0.5:
        rest = 1.0 - rest
    elif rest < -0.5:
        rest = -1.0 - rest
    return sin(pi * rest)


def cospi(x: Any) -> Any:
    """cos(pi x), exact at integers and halves."""
    return sin(pi * (0.5 - abs(x - 2.0 * rint(0.5 * x))))


def is_odd(n: Any) -> Any:
    """1 for an odd integer, 0 for an even one."""
    return n - 2.0 * floor(0.5 * n)


def sinc_series(n: Any, y: Any) -> Any:
    """The n-th derivative of sin(y) / y, by the power series."""
    j = is_odd(n)
    part = 1.0 - 2.0 * is_odd(0.5 * (n + j))
    if j == 1.0:
        part *= y
    total = 0.0
    while abs(part) > 1e-18 * abs(total):
        total += part / (n + j + 1.0)
        part *= -y * y / ((j + 1.0) * (j + 2.0))
        j += 2.0
    return total


def sinc_derivative(n: Any, x: Any) -> Any:
    """The n-th derivative of sin(pi x) / (pi x).

    From y s^(n) + n s^(n-1) = sin^(n)(y) for s = sin(y) / y and y = pi x; where y is small, by the power series.
    """
    y = pi * x
    if abs(y) < 1.0 + n:
        return power(pi, n) * sinc_series(n, y)
    wave = sinpi(x)
    slope = cospi(x)
    value = wave / y
    k = 1.0
    while k <= n:
        before = wave
        wave = slope
        slope = -before
        value = (wave - k * value) / y
        k += 1.0
    return power(pi, n) * value

"""Modified Bessel functions of the first kind, of small integer order (Abramowitz and Stegun 9.6.10 and 9.7.1)."""

from __future__ import annotations

from math import pi
from typing import Any

from numpy import abs, exp, power, sqrt

from .gamma_functions import gamma_positive
from .trigonometry import is_odd


def bessel_series(n: Any, x: Any) -> Any:
    """I_n(x) for x >= 0 and not large: the power series, of positive terms."""
    z = 0.25 * x * x
    term = power(0.5 * x, n) / gamma_positive(n + 1.0)
    total = term
    k = 0.0
    while term > 1e-17 * total:
        k += 1.0
        term *= z / (k * (k + n))
        total += term
    return total


def bessel_far(n: Any, x: Any) -> Any:
    """sqrt(2 pi x) e^-x I_n(x) for large x: the asymptotic series, as long as its terms fall."""
    term = 1.0
    total = 1.0
    k = 0.0
    while abs(term) > 1e-17:
        k += 1.0
        odd = 2.0 * k - 1.0
        term *= (odd * odd - 4.0 * n * n) / (8.0 * k * x)
        total += term
    return total


def parity(n: Any, x: Any) -> Any:
    """-1 for odd n and x < 0, else 1."""
    return -1.0 if x < 0.0 and is_odd(n) == 1.0 else 1.0


def iv(n: Any, x: Any) -> Any:
    """I_n(x); the order -n is that of n."""
    n = abs(n)
    size = abs(x)
    if size <= 25.0 + 0.5 * n * n or x != x:
        return parity(n, x) * bessel_series(n, size)
    half = exp(0.5 * size)
    return parity(n, x) * (half * (bessel_far(n, size) / sqrt(2.0 * pi * size))) * half


def ive(n: Any, x: Any) -> Any:
    """e^-|x| I_n(x)."""
    n = abs(n)
    size = abs(x)
    if size <= 25.0 + 0.5 * n * n or x != x:
        return parity(n, x) * bessel_series(n, size) * exp(-size)
    return parity(n, x) * bessel_far(n, size) / sqrt(2.0 * pi * size)

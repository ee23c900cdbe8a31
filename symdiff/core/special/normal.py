"""The inverse error functions and the normal distribution, all from erf and erfc."""

from __future__ import annotations

from math import erf, erfc, inf, nan
from typing import Any

from numpy import abs, copysign, exp, log, log1p, sqrt


def erfinv_start(weight: Any) -> Any:
    """y with erf(y)^2 near 1 - weight, to 0.2 % (Winitzki)."""
    half = 4.330746750799873 + 0.5 * log(weight)
    return sqrt(sqrt(half * half - log(weight) / 0.147) - half)


def erfinv(x: Any) -> Any:
    """y with erf(y) = x: Halley's iteration for erf or, near 1, for erfc."""
    size = abs(x)
    if size > 1.0 or x != x:
        return nan
    if size > 0.5:
        return copysign(erfcinv_small(1.0 - size), x)
    if size < 1e-10:
        return 0.8862269254527579 * x
    y = erfinv_start((1.0 - size) * (1.0 + size))
    for _ in range(2):
        step = (erf(y) - size) * 0.8862269254527579 * exp(y * y)
        y -= step / (1.0 + y * step)
    return copysign(y, x)


def erfcinv_small(x: Any) -> Any:
    """y with erfc(y) = x for 0 <= x <= 1/2, by Newton's method for log(erfc(y)) = log(erfcx(y)) - y^2."""
    if x == 0.0:
        return inf
    y = erfinv_start(x * (2.0 - x))
    for _ in range(4):
        scaled = erfcx(y)
        y += (log(scaled) - y * y - log(x)) * 0.8862269254527579 * scaled
    return y


def erfcinv(x: Any) -> Any:
    """y with erfc(y) = x."""
    if x < 0.0 or x > 2.0 or x != x:
        return nan
    if x < 0.5:
        return erfcinv_small(x)
    if x > 1.5:
        return -erfcinv_small(2.0 - x)
    return erfinv(1.0 - x)


def ndtri(p: Any) -> Any:
    """The number below which a share p of the normal distribution lies."""
    return -1.4142135623730951 * erfcinv(2.0 * p)


def erfcx(x: Any) -> Any:
    """e^(x^2) erfc(x); for large x by Laplace's continued fraction."""
    if x < 3.0 or x != x:
        return exp(x * x) * erfc(x)
    rest = x
    for k in range(60, 0, -1):
        rest = x + 0.5 * k / rest
    return 0.5641895835477563 / rest


def log_ndtr(x: Any) -> Any:
    """The logarithm of the normal distribution function."""
    if x > -1.0 or x != x:
        return log1p(-0.5 * erfc(0.7071067811865476 * x))
    return log(0.5 * erfcx(-0.7071067811865476 * x)) - 0.5 * x * x

"""The incomplete gamma functions, regularised, and their derivative by the first argument.

The power series up to x = a + 1, Legendre's continued fraction (by Lentz' method) beyond, each of positive terms
(Abramowitz and Stegun 6.5); for a above 1e9 Temme's expansion (SIAM J. Math. Anal. 10, 1979).
"""

from __future__ import annotations

from math import erfc, inf, nan, pi
from typing import Any

from numpy import abs, exp, expm1, floor, log, log1p, power, sqrt

from .gamma_functions import digamma_positive, gamma, lgamma_near_two, stirling_rest
from .series import polynomial


def log1p_minus(x: Any) -> Any:
    """log(1 + x) - x, which keeps its digits for small x."""
    if abs(x) > 0.4:
        return log1p(x) - x
    r = x / (2.0 + x)
    z = r * r
    terms = polynomial(
        z, 1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11, 1 / 13, 1 / 15, 1 / 17, 1 / 19, 1 / 21, 1 / 23, 1 / 25, 1 / 27
    )
    return 2.0 * r * z * terms - x * r


def gamma_density(a: Any, x: Any) -> Any:
    """x^a e^-x / gamma(a + 1), which is 0 for a = -1, -2, ..."""
    if a < 0.0 and floor(a) == a:
        return 0.0
    if a < 13.0:
        half = exp(-0.5 * x)
        return power(x, a) * half / gamma(a + 1.0) * half
    return exp(a * log1p_minus((x - a) / a) - stirling_rest(a)) / sqrt(2.0 * pi * a)


def lower_series(a: Any, x: Any) -> Any:
    """1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ..."""
    term = 1.0
    total = 1.0
    n = a
    while term > 1e-17 * total:
        n += 1.0
        term *= x / n
        total += term
    return total


def upper_fraction(a: Any, x: Any) -> Any:
    """1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / ...))."""
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    total = d
    step = 0.0
    k = 0.0
    while abs(step - 1.0) > 2e-16 and k < 1e7:
        k += 1.0
        numerator = k * (a - k)
        b += 2.0
        d = 1.0 / (numerator * d + b)
        c = b + numerator / c
        step = c * d
        total *= step
    return total


def upper_of_small(a: Any, x: Any) -> Any:
    """1 - P(a, x) for a < 1/2 and x up to about 1, where P may be nearly 1 (DiDonato and Morris, ACM TOMS 12, 1986)."""
    exponent = a * log(x) - (lgamma_near_two(a) - log1p(a))
    term = 1.0
    total = 0.0
    n = 0.0
    while abs(term) > 1e-18 * abs(total):
        n += 1.0
        term *= -x / n
        total += term / (a + n)
    return -expm1(exponent) - exp(exponent) * a * total


def lower_of_large(a: Any, x: Any) -> Any:
    """P(a, x) for very large a."""
    mu = (x - a) / a
    eta = sqrt(-2.0 * log1p_minus(mu))
    if mu < 0.0:
        eta = -eta
    rest = exp(-0.5 * a * eta * eta) / sqrt(2.0 * pi * a) * (eta / 12.0 - 1.0 / 3.0)
    return 0.5 * erfc(-eta * sqrt(0.5 * a)) - rest


def gammainc(a: Any, x: Any) -> Any:
    """The integral of t^(a-1) e^-t from 0 to x, divided by gamma(a)."""
    if a < 0.0 or x < 0.0 or a != a or x != x or (a == 0.0 and x == 0.0) or (a == inf and x == inf):
        return nan
    if x == 0.0 or a == inf:
        return 0.0
    if a == 0.0 or x == inf:
        return 1.0
    if a > 1e9:
        return lower_of_large(a, x)
    if x < a + 1.0:
        return gamma_density(a, x) * lower_series(a, x)
    return 1.0 - a * gamma_density(a, x) * upper_fraction(a, x)


def gammaincc(a: Any, x: Any) -> Any:
    """1 - gammainc(a, x), which keeps the digits of small results."""
    if a < 0.0 or x < 0.0 or a != a or x != x or (a == 0.0 and x == 0.0) or (a == inf and x == inf):
        return nan
    if x == 0.0 or a == inf:
        return 1.0
    if a == 0.0 or x == inf:
        return 0.0
    if a > 1e9:
        return 1.0 - lower_of_large(a, x)
    if x >= a + 1.0:
        return a * gamma_density(a, x) * upper_fraction(a, x)
    if a < 0.5 and x < 1.1:
        return upper_of_small(a, x)
    return 1.0 - gamma_density(a, x) * lower_series(a, x)


def lower_series_slope(a: Any, x: Any) -> Any:
    """The derivative of `lower_series` by a."""
    term = 1.0
    weight = 0.0
    total = 0.0
    n = a
    part = 1.0
    while part > 1e-17 * abs(total):
        n += 1.0
        term *= x / n
        weight += 1.0 / n
        part = term * weight
        total -= part
    return total


def upper_fraction_slope(a: Any, x: Any) -> Any:
    """The derivative of `upper_fraction` by a: each of its steps differentiated."""
    b = x + 1.0 - a
    c = 1e300
    d = 1.0 / b
    total = d
    dc = 0.0
    dd = d * d
    slope = dd
    step = 0.0
    k = 0.0
    while abs(step - 1.0) > 1e-16 and k < 1e7:
        k += 1.0
        numerator = k * (a - k)
        b += 2.0
        dd = -(k * d + numerator * dd - 1.0)
        d = 1.0 / (numerator * d + b)
        dd *= d * d
        dc = (k - numerator * dc / c) / c - 1.0
        c = b + numerator / c
        step = c * d
        slope = slope * step + total * (dc * d + c * dd)
        total *= step
    return slope


def gammainc_slope(a: Any, x: Any) -> Any:
    """The derivative of `gammainc` by a; NaN for a above 1e9."""
    if a <= 0.0 or a > 1e9 or x < 0.0 or a != a or x != x:
        return nan
    if x == 0.0 or x == inf:
        return 0.0
    if x < a + 1.0:
        rise = log(x) - digamma_positive(a + 1.0)
        return gamma_density(a, x) * (rise * lower_series(a, x) + lower_series_slope(a, x))
    rise = log(x) - digamma_positive(a)
    return -a * gamma_density(a, x) * (rise * upper_fraction(a, x) + upper_fraction_slope(a, x))

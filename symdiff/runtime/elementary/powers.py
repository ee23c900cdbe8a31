"""power: |x|^y = e^(y log|x|). For results of float64, the logarithm and its product by y are sums of two numbers.

The logarithm is 2 artanh(s) = 2s + 2/3 s^3 + s^5 R(s^2) with s = f / (2 + f). The polynomials have the smallest
largest relative error, by Remez' exchange (tests/runtime/minimax.py).
"""

from __future__ import annotations

from math import inf, nan

from symdiff.runtime.elementary.exponential import RANGE, Q, clipped, exponential, times_power_of_two
from symdiff.runtime.elementary.formula import Value, bits, fabs, fma, narrowed, polynomial, real, rint, select, widened
from symdiff.runtime.elementary.logarithm import LN2, split

R = (
    0.40000000000002256, 0.2857142857009971, 0.22222222519888218, 0.18181784370713194, 0.1538675714926734,
    0.13256822235783483, 0.131962855837577,
)  # fmt: skip
TWO_THIRDS = (0.6666666666666666, 3.700743415417188e-17)

SHORT_R = (0.6666666564492844, 0.40000335302575, 0.2853730171488057, 0.23582281944767144)
SHORT_Q = (
    0.5000000068002802, 0.1666666585915013, 0.041666293685740007, 0.00833349877786577, 0.001394475715202325,
    0.00019789706751723377,
)  # fmt: skip
"""Polynomials for results of float32: log(1 + f) = 2s + s^3 SHORT_R(s^2), and Q of exponential.py."""


def power(x: Value, y: Value) -> Value:
    if x.format.dtype == "float32":
        return narrowed(_power(widened(x), widened(y), exact=False))
    return _power(x, y, exact=True)


def _power(x: Value, y: Value, exact: bool) -> Value:
    size, y = fabs(x), clipped(y, -ENDLESS, ENDLESS)
    high, low = _logarithm(size) if exact else _short_logarithm(size)
    high = select(size < inf, select(size.equals(0.0), -inf, high), size)  # infinity and NaN stay
    product = y * high
    tail = select(fabs(product) < 1000.0, fma(y, low, fma(y, high, -product)), 0.0)
    parts = exponential(clipped(product, *RANGE["float64"]), tail, Q["float64"] if exact else SHORT_Q)
    result = _signed(times_power_of_two(parts.fraction + 1.0, parts.shifted), x, y)
    return select(x.equals(1.0), 1.0, select(y.equals(0.0), 1.0, result))


ENDLESS = 1e300
"""An exponent that does what infinity does, and makes no NaN of 0 times infinity."""


def _signed(result: Value, x: Value, y: Value) -> Value:
    """|x|^y made negative where x is and y is odd; NaN where x is negative and y is no integer."""
    half = y * 0.5
    whole, even = rint(y).equals(y), rint(half).equals(half)
    signed = real(bits(result) ^ select(whole & (even ^ 1), bits(x) & (1 << 63), 0))
    undefined = (x < 0.0) & (fabs(x) < inf) & (whole ^ 1)
    return select(undefined, nan, signed)


def _logarithm(x: Value) -> tuple[Value, Value]:
    """log x as a sum of two numbers that is exact to 2^-64 or so, for a positive finite x."""
    k, f = split(x)
    d = f + 2.0
    inverse = 1.0 / d
    s = f * inverse
    s_low = (fma(-s, d, f) - s * (f - (d - 2.0))) * inverse
    z = s * s
    z_low = fma(s, s, -z) + s * s_low * 2.0
    cube = s * z
    cube_low = fma(s, z, -cube) + fma(s, z_low, s_low * z)
    third = cube * TWO_THIRDS[0]
    third_low = fma(cube, TWO_THIRDS[0], -third) + fma(cube, TWO_THIRDS[1], cube_low * TWO_THIRDS[0])
    double = s * 2.0
    total = double + third
    low = (third - (total - double)) + fma(cube * z, polynomial(z, R), fma(s_low, 2.0, third_low))
    whole = k * LN2["float64"][0]
    rounded = whole + total
    low = (total - (rounded - whole)) + fma(k, LN2["float64"][1], low)
    high = rounded + low
    return high, low - (high - rounded)


def _short_logarithm(x: Value) -> tuple[Value, Value]:
    k, f = split(x)
    s = f / (f + 2.0)
    z = s * s
    high = fma(k, LN2["float64"][0], fma(s * z, polynomial(z, SHORT_R), s * 2.0))
    return high, k * LN2["float64"][1]

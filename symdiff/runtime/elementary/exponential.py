"""exp, expm1, tanh and sigmoid, all from e^x = 2^n e^r with n = rint(x / ln 2) and |r| <= ln(2) / 2.

e^r = 1 + r + r^2 q(r), where q is the polynomial with the smallest largest error relative to e^r - 1, by Remez'
exchange; its coefficients were rounded one group after the other, the rest fitted again (tests/runtime/minimax.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from symdiff.core.record import record
from symdiff.runtime.elementary.formula import Value, bits, copysign, fabs, fma, polynomial, real, select

LOG2_E = 1.4426950408889634
LN2 = {
    "float32": (0.693147182464599609375, -1.904654323148236017e-9),
    "float64": (0.6931471805599453, 2.3190468138462996e-17),
}
"""ln 2 as a sum of two numbers of the format."""

Q = {
    "float32": (
        0.4999999701976776, 0.1666654348373413, 0.04166756197810173, 0.00836651399731636, 0.0013860146282240748,
    ),
    "float64": (
        0.500000000000001, 0.16666666666666674, 0.04166666666651732, 0.008333333333306015, 0.0013888888951007414,
        0.00019841269959966495, 2.4801482106932452e-05, 2.75571437288696e-06, 2.7635119878181354e-07,
        2.515087257526958e-08,
    ),
}  # fmt: skip

RANGE = {"float32": (-104.0, 89.0), "float64": (-746.0, 710.0)}
"""Below e^x rounds to 0, above it overflows."""


@record
class Exponential:
    """e^x = 2^n (1 + fraction), with n in the low bits of `shifted`."""

    shifted: Value
    n: Value
    fraction: Value


def rounding(x: Value) -> float:
    """The number which, added, leaves no place for a fraction: the sum's low bits are the rounded integer."""
    return 1.5 * 2.0**x.format.digits


def exponential(x: Value, tail: Value | None = None, q: Sequence[float] | None = None) -> Exponential:
    """The parts of e^(x + tail) for an x that is NaN or within a few thousand; `q` may replace Q."""
    high, low = LN2[x.format.dtype]
    shifted = fma(x, LOG2_E, rounding(x))
    n = shifted - rounding(x)
    exact = fma(n, -high, x)
    rest = n * low if tail is None else fma(n, low, -tail)
    r = exact - rest
    return Exponential(shifted, n, exact + fma(r * r, polynomial(r, q or Q[x.format.dtype]), -rest))


def times_power_of_two(x: Value, shifted: Value) -> Value:
    """x * 2^n, n in the low bits of `shifted`, by two factors of which none overflows and the first loses nothing."""
    form = x.format
    step = form.bias // 2 + 1
    down = bits(shifted) << form.digits
    # The sign of n is that of `shifted` against the number that rounded it.
    negative = shifted < rounding(x)
    half = select(negative, down + ((form.bias + step) << form.digits), down + ((form.bias - step) << form.digits))
    return x * real(half) * select(negative, x.like(2.0**-step), 2.0**step)


def clipped(x: Value, low: float, high: float) -> Value:
    """x within bounds; NaN stays."""
    x = select(x < low, low, x)
    return select(x > high, high, x)


def exp(x: Value) -> Value:
    parts = exponential(clipped(x, *RANGE[x.format.dtype]))
    return times_power_of_two(parts.fraction + 1.0, parts.shifted)


FLAT = {"float32": 20.0, "float64": 40.0}
"""e^-x is nothing to 1 from here on, in expm1 and tanh."""


def half_expm1(x: Value) -> Value:
    """(e^x - 1) / 2, for a clipped x: the half keeps the power of two below overflow."""
    form, parts = x.format, exponential(x)
    half = real((bits(parts.shifted) << form.digits) + ((form.bias - 1) << form.digits))
    return fma(half, parts.fraction, half - 0.5)


def expm1(x: Value) -> Value:
    form = x.format
    result = half_expm1(clipped(x, -FLAT[form.dtype], RANGE[form.dtype][1])) * 2.0
    return select(fabs(x) < form.epsilon / 4, x, result)


def tanh(x: Value) -> Value:
    """m / (m + 1) with m = (e^2|x| - 1) / 2."""
    m = half_expm1(clipped(fabs(x), 0.0, FLAT[x.format.dtype] / 2) * 2.0)
    return copysign(m / (m + 1.0), x)


def sigmoid(x: Value) -> Value:
    """e / (1 + e) or 1 / (1 + e) with e = e^-|x|, which loses nothing where the result is tiny."""
    e = exp(-fabs(x))
    return select(x >= 0.0, x.like(1.0), e) / (e + 1.0)

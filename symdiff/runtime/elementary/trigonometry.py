"""sin and cos: x = (n + f) pi/2 with |f| <= 1/2, then a polynomial for the quarter that n names.

x times 2/pi is found by the method of Payne and Hanek ("Radian reduction for trigonometric arguments", 1983): bits of
2/pi whose product with x is a multiple of 4 change nothing, so only those from there on are needed, however large x is.
The polynomials have the smallest largest relative error, by Remez' exchange (tests/runtime/minimax.py).
"""

from __future__ import annotations

from fractions import Fraction

from symdiff.runtime.elementary.exponential import rounding
from symdiff.runtime.elementary.formula import (
    FLOAT64,
    Value,
    bits,
    fabs,
    fma,
    lookup,
    narrowed,
    polynomial,
    real,
    rint,
    select,
    truncated,
    widened,
)

S = {
    "float32": (-0.16666655242443085, 0.008332189172506332, -0.00019518221961334348),
    "float64": (
        -0.1666666666666663, 0.008333333333321837, -0.00019841269829355029, 2.75573135371483e-06,
        -2.5050734162698385e-08, 1.5895419722639387e-10,
    ),
}  # fmt: skip
"""sin r = r + r^3 S(r^2)"""

C = {
    "float32": (0.04166664555668831, -0.0013887315290048718, 2.4433353246422485e-05),
    "float64": (
        0.041666666666666595, -0.001388888888887334, 2.4801587288999863e-05, -2.755731421607048e-07,
        2.0875705223223397e-09, -1.1358738336706361e-11,
    ),
}  # fmt: skip
"""cos r = 1 - r^2/2 + r^4 C(r^2)"""

HALF_PI = (1.5707963267948966, 6.123233995736766e-17)
"""pi/2 as a sum of two numbers."""

PRECISION = 1400


def _two_over_pi() -> Fraction:
    """To PRECISION bits, by Machin's formula pi/4 = 4 arctan(1/5) - arctan(1/239)."""

    def arctan_of_inverse(n: int) -> int:
        total, power, k = 0, (1 << PRECISION) // n, 1
        while power:
            total, power, k = total + (power // k if k % 4 == 1 else -(power // k)), power // (n * n), k + 2
        return total

    return Fraction(1 << PRECISION, 2 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239)))


TWO_OVER_PI = _two_over_pi()


def _from_bit(first: int, count: int, scale: int = 0) -> list[float]:
    """2/pi from its bit of weight 2^-first on, times 2^scale, as a sum of `count` numbers of float64."""
    rest = TWO_OVER_PI % Fraction(2) ** (1 - first) * 2**scale
    numbers = []
    for _ in range(count):
        numbers.append(float(rest))
        rest -= Fraction(numbers[-1])
    return numbers


def _quarters32(x: Value) -> tuple[Value, Value]:
    """n and r, found in float64."""
    size, wide = fabs(x), widened(x)
    high, low = (wide.like(part) for part in _from_bit(0, 2))
    for band in BANDS:
        beyond = size >= 2.0**band
        high, low = (select(beyond, part, old) for part, old in zip(_from_bit(band - 24, 2), (high, low), strict=True))
    product = wide * high
    error = fma(wide, low, fma(wide, high, -product))
    shifted = product + rounding(product)
    f = (product - (shifted - rounding(product))) + error
    return truncated(bits(shifted)), narrowed(f * HALF_PI[0])


BANDS = (44, 65, 86, 107)
"""float32 from 2^44 on is a multiple of 2^(44 - 23), and so on: each band has its part of 2/pi."""


def _quarters64(x: Value) -> tuple[Value, Value]:
    """n and r. All sums are exact but for their last term: x may be as near to a multiple of pi/2 as 2^-60."""
    size = fabs(x)
    band = select(size < 1.0, 0, (bits(size) >> 52) - FLOAT64.bias >> 5)
    scaled = select(size < 2.0**HUGE, x, x * 2.0**-DOWN)
    products = [_product(scaled, lookup(band, part)) for part in zip(*_bands64(), strict=True)]
    (p0, e0), (p1, e1), (p2, e2), (p3, _) = products
    h1, l1 = _sum(e1, p2)
    h2, l2 = _sum(_modulo_4(p1), h1)
    h3, l3 = _sum(_modulo_4(e0), h2)
    h4, l4 = _sum(_modulo_4(p0), h3)
    m1, m2 = _sum(l3, l2)
    shifted = h4 + rounding(h4)
    whole, small = _sum(h4 - (shifted - rounding(h4)), m1)
    rest = small + (l4 + (m2 + (l1 + (e2 + p3))))
    f = whole + rest
    error = rest - (f - whole)
    return bits(shifted), fma(f, HALF_PI[0], fma(f, HALF_PI[1], error * HALF_PI[0]))


HUGE, DOWN = 800, 256
"""From 2^HUGE on, x is taken 2^-DOWN times, lest the last part of 2/pi be denormal."""


def _bands64() -> list[list[float]]:
    """The part of 2/pi for exponents 0 to 31, 32 to 63, ...; the last is for infinity."""
    return [_from_bit(32 * band - 53, 4, DOWN if 32 * band >= HUGE else 0) for band in range(33)]


def _product(x: Value, y: Value) -> tuple[Value, Value]:
    """x * y as a sum of two numbers."""
    product = x * y
    return product, fma(x, y, -product)


def _sum(x: Value, y: Value) -> tuple[Value, Value]:
    """x + y, and its rounding error."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def _modulo_4(x: Value) -> Value:
    return fma(rint(x * 0.25), -4.0, x)


def sin(x: Value) -> Value:
    n, r = _quarters(x)
    return select(fabs(x) < x.format.epsilon, x, _wave(n, r))


def cos(x: Value) -> Value:
    n, r = _quarters(x)
    return _wave(n + 1, r)


def _quarters(x: Value) -> tuple[Value, Value]:
    return _quarters32(x) if x.format.dtype == "float32" else _quarters64(x)


def _wave(n: Value, r: Value) -> Value:
    """sin(n pi/2 + r)"""
    form, z = r.format, r * r
    sine = fma(r * z, polynomial(z, S[form.dtype]), r)
    cosine = fma(z * z, polynomial(z, C[form.dtype]), fma(z, -0.5, 1.0))
    size = select((n & 1).equals(0), sine, cosine)
    return real(bits(size) ^ ((n & 2) << (form.width - 2)))

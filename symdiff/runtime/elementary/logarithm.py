"""log and log1p, from log x = k ln 2 + log(1 + f) with sqrt(1/2) <= 1 + f < sqrt(2).

log(1 + f) = f - f^2/2 + rest, where the rest is f^3 P(f) in float32; in float64 it is s (f^2/2 + s^2 R(s^2)) with
s = f / (2 + f), from log(1 + f) = 2 artanh(s). P and R have the smallest largest error relative to log(1 + f), by
Remez' exchange; their coefficients were rounded one group after the other (tests/runtime/minimax.py).
"""

from __future__ import annotations

from math import inf, nan, sqrt

from symdiff.runtime.elementary.formula import Value, bits, fabs, fma, polynomial, real, select

LN2 = {"float32": (0.693145751953125, 1.428606765330187e-06), "float64": (0.693147180559663, 2.8235290563031577e-13)}
"""ln 2 as a sum of which the first, times any exponent, is exact."""

P = (
    0.3333331346511841, -0.25000008940696716, 0.20002052187919617, -0.1666799932718277, 0.1422102451324463,
    -0.12406324595212936, 0.11877024173736572, -0.11666588485240936, 0.06762374937534332,
)  # fmt: skip
R = (
    0.6666666666666734, 0.39999999999416425, 0.2857142874210245, 0.2222219859548205, 0.1818356343138241,
    0.15314068206914666, 0.1479581536159546,
)  # fmt: skip


def split(x: Value) -> tuple[Value, Value]:
    """k and f of a positive finite x."""
    form = x.format
    low, denormal, up = form.bits(sqrt(0.5)), x < form.tiny, form.digits + 2
    moved = bits(select(denormal, x * 2.0**up, x)) + (form.one - low)
    mantissa = real((moved & ((1 << form.digits) - 1)) + low)
    counted = real((moved >> form.digits) | form.bits(2.0**form.digits))
    offset = 2.0**form.digits + form.bias
    return counted - select(denormal, x.like(offset + up), offset), mantissa - 1.0


def _rest(f: Value) -> Value:
    """log(1 + f) - f."""
    half = f * f * 0.5
    if f.format.dtype == "float32":
        return fma(f * f, f * polynomial(f, P), -half)
    s = f / (f + 2.0)
    z = s * s
    return fma(s, fma(z, polynomial(z, R), half), -half)


def _logarithm(x: Value, tail: Value | None = None) -> Value:
    """log(x) + tail, for a positive finite x."""
    k, f = split(x)
    high, low = LN2[x.format.dtype]
    rest = fma(k, low, _rest(f))
    if tail is not None:
        rest = rest + tail
    whole = k * high
    total = whole + f
    return total + ((f - (total - whole)) + rest)


def log(x: Value) -> Value:
    result = select(x.equals(0.0), x.like(-inf), _logarithm(x))
    return select(x < 0.0, x.like(nan), select(x < inf, result, x))


def log1p(x: Value) -> Value:
    """log(u) + error / u, where u + error is 1 + x exactly."""
    u = x + 1.0
    part = u - 1.0
    error = (1.0 - (u - part)) + (x - part)
    result = select(x.equals(-1.0), x.like(-inf), _logarithm(u, error / u))
    result = select(x < -1.0, x.like(nan), select(x < inf, result, x))
    return select(fabs(x) < x.format.epsilon / 4, x, result)

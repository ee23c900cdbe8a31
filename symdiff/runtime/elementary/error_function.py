"""erf and erfc.

erfc x = e^-g(x), where g = -log(erfc x) = x (SLOPE + P(x)) is smooth, so erf x = 1 - e^-g needs no cases, and
keeps the digits of small results. erfc itself is e^-g up to 1, and then e^(-x^2) S(t) / (x + c), t = (x - c) / (x + c).
P and S have the smallest largest error relative to erf and erfc, by Remez' exchange (tests/runtime/minimax.py).
"""

from __future__ import annotations

from symdiff.runtime.elementary.exponential import clipped, exponential, half_expm1, times_power_of_two
from symdiff.runtime.elementary.formula import Value, copysign, fabs, fma, polynomial, select

SLOPE = {"float32": 1.128379225730896, "float64": 1.1283791670955126}
"""2 / sqrt(pi), the slope of both functions at 0; P begins with its rounding error."""

P = {
    "float32": (
        -5.910201039682761e-08, 0.6366198062896729, 0.10277167707681656, -0.019119706004858017, -0.0002480869006831199,
        0.0017925691790878773, -0.0007353529799729586, 0.00016508626868017018, -2.0786455934285186e-05,
        1.1382813909222023e-06,
    ),
    "float64": (
        9.75283336312379e-18, 0.6366197723675836, 0.10277260330178871, -0.019128447005061066, -0.00020919469503742275,
        0.0016962063877408702, -0.0005901255653451482, 2.5878656615105965e-05, 6.449170370083884e-05,
        -2.972369584729413e-05, 3.4066700268249714e-06, 2.835927043819683e-06, -1.7423667732476022e-06,
        3.370432385484022e-07, 1.3673253618026163e-07, -1.4152317189885842e-07, 6.563193231397637e-08,
        -2.0928222715820108e-08, 4.988482812919636e-09, -9.06299565496929e-10, 1.24535706841049e-10,
        -1.25754149754687e-11, 8.816893239251181e-13, -3.836259726488708e-14, 7.801218360230847e-16,
    ),
}  # fmt: skip

ONE = {"float32": 3.95, "float64": 5.95}
"""erf rounds to 1 from here on."""

S0 = {"float32": 1.0740069150924683, "float64": 1.095995661000491}
"""S(0); S begins with its rounding error."""

S = {
    "float32": (
        -9.324113925401889e-09, -0.8833944201469421, 0.5902284979820251, -0.31046926975250244, 0.11952459067106247,
        -0.02679862268269062, -0.0011968296021223068, 0.0028820885345339775, -0.0005433607148006558,
    ),
    "float64": (
        5.227310413708712e-17, -0.9765487290808819, 0.7732087022652394, -0.5408538313132564, 0.33085158787784463,
        -0.17401093723889824, 0.07638151491376642, -0.026370053363407506, 0.006112055598797659, -0.00028095858580411175,
        -0.0004550523066628291, 0.00017681082128116494, -3.63638822078851e-06, -1.8852248052432515e-05,
        4.695209101685329e-06, 1.4019625822261897e-06, -8.398589100430659e-07, -4.425102340863831e-08,
        1.0615437236078623e-07, -1.757938997791546e-08,
    ),
}  # fmt: skip
CENTRE = {"float32": 3.0, "float64": 4.0}
"""c"""

ZERO = {"float32": 10.1, "float64": 27.3}
"""erfc rounds to 0 from here on."""


def _g(size: Value) -> Value:
    dtype = size.format.dtype
    return fma(size, SLOPE[dtype], size * polynomial(size, P[dtype]))


def erf(x: Value) -> Value:
    g = _g(clipped(fabs(x), 0.0, ONE[x.format.dtype]))
    return copysign(select(g < x.format.epsilon / 4, g, half_expm1(-g) * -2.0), x)


def _far(size: Value) -> tuple[Value, Value]:
    """e^(x^2) erfc x as a sum of two numbers."""
    dtype = size.format.dtype
    c, first = CENTRE[dtype], S0[dtype]
    total = size + c
    inverse = 1.0 / total
    error = fma(-total, inverse, total.like(1.0)) - (size - (total - c)) * inverse
    t = (size - c) * inverse
    low, *others = S[dtype]
    rest = t * polynomial(t, others)
    s = rest + first
    s_low = (first - s + rest) + low
    high = s * inverse
    return high, fma(s, inverse, -high) + fma(s_low, inverse, high * error)


def erfc(x: Value) -> Value:
    dtype = x.format.dtype
    size = clipped(fabs(x), 0.0, ZERO[dtype])
    square, far = size * size, _far(size)
    near = size < 1.0
    weight = exponential(-select(near, _g(size), square), select(near, 0.0, fma(-size, size, square)))
    high, low = select(near, 1.0, far[0]), select(near, 0.0, far[1])
    result = times_power_of_two(high + fma(weight.fraction, high, low), weight.shifted)
    return select(x < 0.0, 2.0 - result, result)

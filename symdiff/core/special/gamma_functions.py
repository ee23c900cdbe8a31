"""The gamma function and its kin.

Stirling's series where x is large, recurrences towards it or towards the Taylor series about 2, reflection below 0;
Hurwitz' zeta by Euler and Maclaurin (Abramowitz and Stegun, chapters 6 and 23; the digits of the series by mpmath).
"""

from __future__ import annotations

from math import inf, nan, pi
from typing import Any

from numpy import abs, copysign, exp, floor, log, log1p, power

from .series import polynomial
from .trigonometry import cospi, is_odd, sinpi


def stirling_rest(x: Any) -> Any:
    """log gamma(x) - ((x - 1/2) log x - x + log(2 pi) / 2), for x from 13 on."""
    z = 1.0 / (x * x)
    return polynomial(z, 1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156) / x


def lgamma_near_two(t: Any) -> Any:
    """log gamma(2 + t) for |t| <= 1/2: (1 - Euler's constant) t + sum of (-1)^k (zeta(k) - 1) t^k / k."""
    return t * polynomial(
        t, 0.42278433509846713, 0.3224670334241132, -0.0673523010531981, 0.020580808427784546, -0.007385551028673986,
        0.0028905103307415234, -0.001192753911703261, 0.0005096695247430425, -0.00022315475845357939,
        9.945751278180853e-05, -4.492623673813314e-05, 2.050721277567069e-05, -9.439488275268397e-06,
        4.374866789907488e-06, -2.039215753801366e-06, 9.55141213040742e-07, -4.492469198764566e-07,
        2.1207184805554665e-07, -1.0043224823968099e-07, 4.7698101693639804e-08, -2.2711094608943164e-08,
        1.0838659214896955e-08, -5.183475041970047e-09, 2.4836745438024785e-09, -1.1921401405860912e-09,
    )  # fmt: skip


def lgamma_positive(x: Any) -> Any:
    """log gamma(x) for x > 0."""
    if x >= 13.0:
        return (x - 0.5) * (log(x) - 1.0) + 0.4189385332046727 + stirling_rest(x)
    if x < 0.5:
        return lgamma_near_two(x) - log1p(x) - log(x)
    if x < 1.5:
        return lgamma_near_two(x - 1.0) - log1p(x - 1.0)
    product = 1.0
    while x > 2.5:
        x -= 1.0
        product *= x
    return lgamma_near_two(x - 2.0) + log(product)


def lgamma(x: Any) -> Any:
    """log |gamma(x)|; inf at the poles 0, -1, -2, ..., and -inf at -inf, as SciPy has it."""
    if x != x or x == -inf:
        return x
    if x > 0.0:
        return lgamma_positive(x)
    if floor(x) == x:
        return inf
    return log(pi / abs(sinpi(x))) - lgamma_positive(1.0 - x)


def gamma_positive(x: Any) -> Any:
    """gamma(x) for x > 0."""
    if x > 172.0:
        return inf
    if x > 20.0:
        root = power(x, 0.5 * x - 0.25)
        return 2.5066282746310007 * (root * exp(-x)) * exp(stirling_rest(x)) * root
    product = 1.0
    while x > 2.5:
        x -= 1.0
        product *= x
    divisor = 1.0
    while x < 1.5:
        divisor *= x
        x += 1.0
    return product * exp(lgamma_near_two(x - 2.0)) / divisor


def gamma(x: Any) -> Any:
    """The gamma function; signed infinity at 0, NaN at -1, -2, ... and -inf."""
    if x == 0.0:
        return copysign(inf, x)
    if x > 0.0 or x != x:
        return gamma_positive(x)
    if floor(x) == x:
        return nan
    return pi / (sinpi(x) * gamma_positive(1.0 - x))


def digamma_positive(x: Any) -> Any:
    """gamma'(x) / gamma(x) for x > 0; about its root by its Taylor series there."""
    t = (x - 1.4616321449683622) - 9.549995429965697e-17
    if abs(t) < 0.25:
        return t * polynomial(
            t, 0.9676722454476212, -0.4427631689835921, 0.258499760955651, -0.16394270544240652, 0.10782405069126237,
            -0.07219956125645471, 0.04880428816414311, -0.03316112647484736, 0.022597648232218104,
            -0.01542476590494896, 0.010538791616612175, -0.007204534386356869, 0.004926781395729853,
            -0.003369801655439328, 0.002305126326734928, -0.0015769367714301972, 0.0010788252019162967,
            -0.0007380709389960052, 0.000504953265834602, -0.0003454680251063077, 0.00023635601564027053,
            -0.00016170622091974803, 0.0001106337276874741,
        )  # fmt: skip
    shift = 0.0
    while x < 10.0:
        shift += 1.0 / x
        x += 1.0
    z = 1.0 / (x * x)
    rest = z * polynomial(z, 1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12)
    return log(x) - 0.5 / x - rest - shift


def digamma(x: Any) -> Any:
    """gamma'(x) / gamma(x); infinite at 0, of the sign that x comes from, NaN at -1, -2, ..."""
    if x == 0.0:
        return copysign(inf, -x)
    if x > 0.0:
        return digamma_positive(x)
    if floor(x) == x:
        return nan
    return digamma_positive(1.0 - x) - pi * (cospi(x) / sinpi(x))


def zeta_positive(s: Any, q: Any) -> Any:
    """The sum of (q + k)^-s for s > 1 and q > 0: some terms, and Euler's and Maclaurin's formula for the others."""
    if q == inf:
        return 0.0
    total = 0.0
    term = power(q, -s)
    while q < 12.0 + s and term > 1e-18 * total:
        total += term
        q += 1.0
        term = power(q, -s)
    total += term * (q / (s - 1.0) + 0.5)
    z = 1.0 / (q * q)
    factor = term * s / q
    total += factor / 12.0
    factor *= (s + 1.0) * (s + 2.0) * z
    total -= factor / 720.0
    factor *= (s + 3.0) * (s + 4.0) * z
    total += factor / 30240.0
    factor *= (s + 5.0) * (s + 6.0) * z
    total -= factor / 1209600.0
    factor *= (s + 7.0) * (s + 8.0) * z
    total += factor / 47900160.0
    factor *= (s + 9.0) * (s + 10.0) * z
    total -= factor * (691.0 / 1307674368000.0)
    factor *= (s + 11.0) * (s + 12.0) * z
    return total + factor / 74724249600.0


def zeta(s: Any, q: Any) -> Any:
    """Hurwitz' zeta function; for q < 0 where s is an integer, as there the terms are real."""
    if s != s or q != q:
        return s + q
    if s == 1.0:
        return inf
    if s < 1.0:
        return nan
    if q > 0.0:
        return zeta_positive(s, q)
    if floor(q) == q:
        return inf
    if floor(s) != s:
        return nan
    above = q - floor(q)  # the terms above 0 are those of `above`, the ones below count from 1 - above to -q
    below = zeta_positive(s, 1.0 - above) - zeta_positive(s, 1.0 - q)
    return zeta_positive(s, above) + (-below if is_odd(s) == 1.0 else below)


def polygamma(n: Any, x: Any) -> Any:
    """The n-th derivative of digamma: (-1)^(n+1) n! zeta(n + 1, x)."""
    if n == 0.0:
        return digamma(x)
    size = gamma_positive(n + 1.0) * zeta(n + 1.0, x)
    return size if is_odd(n) == 1.0 else -size


def betaln_far(a: Any, b: Any) -> Any:
    """log beta(a, b) for 0 < a <= b and b from 13 on, in which the large parts of the three logarithms are gone."""
    rest = stirling_rest(b) - stirling_rest(a + b)
    if a < 13.0:
        return lgamma_positive(a) + a * (1.0 - log(a + b)) - (b - 0.5) * log1p(a / b) + rest
    rest += 0.9189385332046728 + stirling_rest(a) - 0.5 * log(a)
    return rest - a * log1p(b / a) - (b - 0.5) * log1p(a / b)


def betaln(a: Any, b: Any) -> Any:
    """log |beta(a, b)|."""
    if a > 0.0 and b >= 13.0 and b >= a:
        return betaln_far(a, b)
    if b > 0.0 and a >= 13.0 and a > b:
        return betaln_far(b, a)
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def gamma_sign(x: Any) -> Any:
    """The sign of gamma(x) where it has one."""
    return -1.0 if x < 0.0 and is_odd(floor(x)) == 1.0 else 1.0


def beta(a: Any, b: Any) -> Any:
    """gamma(a) gamma(b) / gamma(a + b)."""
    if abs(a) < 50.0 and abs(b) < 50.0 and a != 0.0 and b != 0.0:
        whole = a + b
        if whole <= 0.0 and floor(whole) == whole and floor(a) != a:
            return 0.0
        return gamma(a) / gamma(whole) * gamma(b)
    return gamma_sign(a) * gamma_sign(b) * gamma_sign(a + b) * exp(betaln(a, b))

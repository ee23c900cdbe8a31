"""Special functions. How they are computed is in core/special; edges (poles, infinities, NaN) are SciPy's."""

from __future__ import annotations

import math

from ..core import special
from ..core.errors import GraphError, explain
from ..core.node import Node, Operand
from ..core.op import NotDifferentiable
from ..core.provenance import here
from .arithmetic import multiply, shifted, sign, square
from .comparison import equal, logical_and, where
from .exponential import exp, log, log1p, sigmoid
from .record import Binary, Unary, binary, unary

ROOT_PI = math.sqrt(math.pi)
ORDER = NotDifferentiable("its order is an integer")

# -- the error function and the normal distribution

erf = unary(
    "erf",
    "erf(a)",
    special.erf,
    lambda t, out, x: t * (2 / ROOT_PI * exp(-square(x))),
    "2 / sqrt(pi) * integral of e^(-t^2) from 0 to x; derivative 2 / sqrt(pi) * e^(-x^2).",
    cost=25,
)
erfc = unary(
    "erfc",
    "erfc(a)",
    special.erfc,
    lambda t, out, x: -(t * (2 / ROOT_PI * exp(-square(x)))),
    "1 - erf(x), exact where erf(x) is near 1; derivative -2 / sqrt(pi) * e^(-x^2).",
    cost=45,
)
erfcx = unary(
    "erfcx",
    "erfcx(a)",
    special.erfcx,
    lambda t, out, x: t * (2 * x * out - 2 / ROOT_PI),
    "e^(x^2) erfc(x), which is about 1 / (sqrt(pi) x) for large x; derivative 2 x erfcx(x) - 2 / sqrt(pi).",
    cost=100,
)
erfinv = unary(
    "erfinv",
    "erfinv(a)",
    special.erfinv,
    lambda t, out, x: t * (ROOT_PI / 2 * exp(square(out))),
    "The y with erf(y) = x: inf at 1, NaN beyond; derivative sqrt(pi) / 2 * e^(y^2).",
    cost=200,
)
erfcinv = unary(
    "erfcinv",
    "erfcinv(a)",
    special.erfcinv,
    lambda t, out, x: -(t * (ROOT_PI / 2 * exp(square(out)))),
    "The y with erfc(y) = x: inf at 0, -inf at 2, NaN beyond; derivative -sqrt(pi) / 2 * e^(y^2).",
    cost=300,
)


def ndtr(x: Operand) -> Node:
    """The normal distribution function, erfc(-x / sqrt(2)) / 2; its derivative is the density."""
    return 0.5 * erfc(multiply(x, -math.sqrt(0.5)))


def _log_ndtr_derivative(t: Node, out: Node, x: Node) -> Node:
    """Density over ndtr; in the left tail, where both vanish, from their quotient."""
    right = math.sqrt(0.5 / math.pi) * exp(-0.5 * square(x) - out)
    left = math.sqrt(2 / math.pi) / erfcx(-math.sqrt(0.5) * where(x > 0, 0, x))
    return t * where(x > 0, right, left)


log_ndtr = unary(
    "log_ndtr",
    "log_ndtr(a)",
    special.log_ndtr,
    _log_ndtr_derivative,
    "The logarithm of the normal distribution function, exact in both tails; derivative density / ndtr.",
    cost=120,
)
ndtri = unary(
    "ndtri",
    "ndtri(a)",
    special.ndtri,
    lambda t, out, x: t * (math.sqrt(2 * math.pi) * exp(0.5 * square(out))),
    "The y with ndtr(y) = x: -inf at 0, inf at 1, NaN beyond; derivative sqrt(2 pi) e^(y^2 / 2).",
    cost=300,
)

# -- the gamma function

gamma = unary(
    "gamma",
    "gamma(a)",
    special.gamma,
    lambda t, out, x: t * out * digamma(x),
    "The gamma function: (x - 1)! for integers; infinite at 0, NaN at -1, -2, ... Derivative gamma(x) digamma(x).",
    cost=60,
)
lgamma = unary(
    "lgamma",
    "lgamma(a)",
    special.lgamma,
    lambda t, out, x: t * digamma(x),
    "log |gamma(x)|, inf at 0, -1, -2, ...; derivative digamma(x).",
    cost=60,
)
gammaln = lgamma
digamma: Unary = unary(
    "digamma",
    "digamma(a)",
    special.digamma,
    lambda t, out, x: t * polygamma(1, x),
    "The derivative of lgamma: infinite at 0, NaN at -1, -2, ...; its derivative is polygamma(1, x).",
    cost=60,
)
_POLYGAMMA: Binary = binary(
    "polygamma",
    "polygamma(a, b)",
    special.polygamma,
    (ORDER, lambda t, out, n, x: t * _POLYGAMMA(shifted(n, 1), x)),
    "",
    floating=True,
    cost=200,
)


def polygamma(n: int, x: Operand) -> Node:
    """The n-th derivative of digamma, for a Python int n >= 0; its derivative is polygamma(n + 1, x).

    Integers become float64. At 0, -1, -2, ... it is inf, for even n -inf. Raises GraphError for another n.

    >>> import symdiff as sd
    >>> sd.polygamma(1, sd.input("x", (3,))).type.shape
    (3,)
    """
    if not isinstance(n, int) or isinstance(n, bool) or n < 0:
        raise GraphError(explain("polygamma", f"n is an int from 0 on, got {n!r}", at=here()))
    return digamma(x) if n == 0 else _POLYGAMMA(n, x)


zeta: Binary = binary(
    "zeta",
    "zeta(a, b)",
    special.zeta,
    (
        NotDifferentiable("its derivative by the exponent is not one of our functions"),
        lambda t, out, x, q: -(t * x * zeta(x + 1, q)),
    ),
    "Hurwitz' zeta function zeta(x, q), the sum of (q + k)^-x for k >= 0; NaN for x < 1. d/dq = -x zeta(x + 1, q).",
    floating=True,
    cost=200,
)
betaln = binary(
    "betaln",
    "betaln(a, b)",
    special.betaln,
    (
        lambda t, out, a, b: t * (digamma(a) - digamma(a + b)),
        lambda t, out, a, b: t * (digamma(b) - digamma(a + b)),
    ),
    "log |beta(a, b)|, with its digits for large arguments; d/da = digamma(a) - digamma(a + b).",
    floating=True,
    cost=150,
)
beta = binary(
    "beta",
    "beta(a, b)",
    special.beta,
    (
        lambda t, out, a, b: t * out * (digamma(a) - digamma(a + b)),
        lambda t, out, a, b: t * out * (digamma(b) - digamma(a + b)),
    ),
    "gamma(a) gamma(b) / gamma(a + b); d/da = beta (digamma(a) - digamma(a + b)).",
    floating=True,
    cost=180,
)

# -- the incomplete gamma function

_TWICE = NotDifferentiable("the second derivative of gammainc by a is not one of our functions")

_DENSITY: Binary = binary(
    "gamma_density",
    "gamma_density(a, b)",
    special.gamma_density,
    (
        lambda t, out, a, x: t * out * (log(x) - digamma(a + 1)),
        lambda t, out, a, x: t * (_DENSITY(a - 1, x) - out),
    ),
    "",
    floating=True,
    cost=100,
)
_SLOPE = binary(
    "gammainc_slope",
    "gammainc_slope(a, b)",
    special.gammainc_slope,
    (_TWICE, lambda t, out, a, x: t * (_DENSITY(a - 1, x) * (log(x) - digamma(a)))),
    "",
    floating=True,
    cost=500,
)
gammainc = binary(
    "gammainc",
    "gammainc(a, b)",
    special.gammainc,
    (lambda t, out, a, x: t * _SLOPE(a, x), lambda t, out, a, x: t * _DENSITY(a - 1, x)),
    "The regularised lower incomplete gamma function P(a, x): integral of t^(a-1) e^-t from 0 to x, over gamma(a). "
    "d/dx = x^(a-1) e^-x / gamma(a); d/da by its series (NaN for a > 1e9), once.",
    floating=True,
    cost=300,
)
gammaincc = binary(
    "gammaincc",
    "gammaincc(a, b)",
    special.gammaincc,
    (lambda t, out, a, x: -(t * _SLOPE(a, x)), lambda t, out, a, x: -(t * _DENSITY(a - 1, x))),
    "The regularised upper incomplete gamma function Q(a, x) = 1 - P(a, x), exact where P is near 1. "
    "Derivatives: those of gammainc, negative.",
    floating=True,
    cost=300,
)

# -- modified Bessel functions


_IV: Binary = binary(
    "iv",
    "iv(a, b)",
    special.iv,
    (ORDER, lambda t, out, n, x: t * (0.5 * (_IV(shifted(n, -1), x) + _IV(shifted(n, 1), x)))),
    "",
    floating=True,
    cost=100,
)
_IVE: Binary = binary(
    "ive",
    "ive(a, b)",
    special.ive,
    (
        ORDER,
        lambda t, out, n, x: t * (0.5 * (_IVE(shifted(n, -1), x) + _IVE(shifted(n, 1), x)) - sign(x) * out),
    ),
    "",
    floating=True,
    cost=100,
)
i0 = unary(
    "i0",
    "iv(0, a)",
    lambda x: special.iv(x.dtype.type(0), x),
    lambda t, out, x: t * i1(x),
    "The modified Bessel function of the first kind I_0; derivative I_1.",
    cost=100,
)
i1: Unary = unary(
    "i1",
    "iv(1, a)",
    lambda x: special.iv(x.dtype.type(1), x),
    lambda t, out, x: t * (0.5 * (i0(x) + _IV(2, x))),
    "The modified Bessel function of the first kind I_1; derivative (I_0 + I_2) / 2.",
    cost=100,
)
i0e = unary(
    "i0e",
    "ive(0, a)",
    lambda x: special.ive(x.dtype.type(0), x),
    lambda t, out, x: t * (i1e(x) - sign(x) * out),
    "e^-|x| I_0(x); derivative i1e(x) - sign(x) i0e(x), 0 at 0.",
    cost=100,
)
i1e: Unary = unary(
    "i1e",
    "ive(1, a)",
    lambda x: special.ive(x.dtype.type(1), x),
    lambda t, out, x: t * (0.5 * (i0e(x) + _IVE(2, x)) - sign(x) * out),
    "e^-|x| I_1(x); derivative (i0e(x) + I_2(x) e^-|x|) / 2 - sign(x) i1e(x).",
    cost=100,
)

# -- sigmoid's kin, entropy

expit = sigmoid
logit = unary(
    "logit",
    "log1p(2 * a - 1) - log1p(1 - 2 * a) if a > 0.25 and a < 0.75 else log(a) - log1p(-a)",
    special.logit,
    lambda t, out, x: t / (x * (1 - x)),
    "log(x / (1 - x)), the inverse of sigmoid: -inf at 0, inf at 1, NaN beyond; derivative 1 / (x (1 - x)).",
    cost=30,
)


def _where_both_zero(x: Node, y: Node, yes: float, no: Node) -> Node:
    return where(logical_and(equal(x, 0), equal(y, 0)), yes, no)


xlogy = binary(
    "xlogy",
    "0 if a == 0 and b == b else a * log(b)",
    special.xlogy,
    (
        lambda t, out, x, y: t * log(where(logical_and(equal(x, 0), y <= 0), 1, y)),
        lambda t, out, x, y: t * x / _where_both_zero(x, y, 1, y),
    ),
    "x log(y), 0 where x = 0. d/dx = log(y) (0 where x = 0 and y <= 0), d/dy = x / y (0 where both are 0).",
    floating=True,
    cost=12,
)
xlog1py = binary(
    "xlog1py",
    "0 if a == 0 and b == b else a * log1p(b)",
    special.xlog1py,
    (
        lambda t, out, x, y: t * log1p(where(logical_and(equal(x, 0), y <= -1), 0, y)),
        lambda t, out, x, y: t * x / (1 + _where_both_zero(x, y + 1, 0, y)),
    ),
    "x log(1 + y), 0 where x = 0. d/dx = log(1 + y) (0 where x = 0 and y <= -1), d/dy = x / (1 + y) (0 where x = 0 and "
    "y = -1).",
    floating=True,
    cost=17,
)
entr = unary(
    "entr",
    "-(a * log(a)) if a > 0 or a != a else (0 if a == 0 else log(0))",
    special.entr,
    lambda t, out, x: -(t * (log(x) + 1)),
    "-x log(x), 0 at 0, -inf below; derivative -(log(x) + 1), inf at 0.",
    cost=12,
)
rel_entr = binary(
    "rel_entr",
    "rel_entr(a, b)",
    special.rel_entr,
    (lambda t, out, x, y: t * (log(x / y) + 1), lambda t, out, x, y: -(t * (x / y))),
    "x log(x / y): 0 where x = 0 <= y, inf where it is not defined. d/dx = log(x / y) + 1, d/dy = -x / y.",
    floating=True,
    cost=15,
)
kl_div = binary(
    "kl_div",
    "kl_div(a, b)",
    special.kl_div,
    (lambda t, out, x, y: t * log(x / y), lambda t, out, x, y: t * (1 - x / y)),
    "x log(x / y) - x + y: y where x = 0 <= y, inf where it is not defined. d/dx = log(x / y), d/dy = 1 - x / y.",
    floating=True,
    cost=17,
)

"""Rows of the special functions, against SciPy's."""

from __future__ import annotations

import numpy as np
import scipy.special as scipy

import symdiff as sd
from tests.ops.rows import Array, N, ints, nonzero, of, positive, reals, row
from tests.ops.rows_maths import SHAPES, inside


def unit(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Within (0, 1)."""
    return rng.uniform(0.05, 0.95, shape)


def off_poles(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers of both signs, away from 0, -1, -2, ..."""
    return rng.integers(-3, 4, shape) + rng.uniform(0.25, 0.75, shape)


for name, domain in [
    ("erfcx", reals), ("erfinv", inside), ("erfcinv", lambda rng, shape: 2 * unit(rng, shape)), ("ndtr", reals),
    ("log_ndtr", lambda rng, shape: rng.uniform(-9, 3, shape)), ("ndtri", unit), ("gamma", off_poles),
    ("lgamma", off_poles), ("digamma", off_poles), ("i0", reals), ("i1", reals), ("i0e", nonzero), ("i1e", nonzero),
    ("logit", unit), ("entr", positive),
]:  # fmt: skip
    numpy = getattr(scipy, {"lgamma": "gammaln"}.get(name, name))
    row(name, getattr(sd, name), numpy, of(N, 3, domain=domain), variant="batch", rtol32=1e-4)
    row(name, getattr(sd, name), numpy, of(domain=domain), variant="scalar", rtol32=1e-4)
row("digamma", sd.digamma, lambda x: scipy.psi(x.astype("float64")), ints(5, low=1), order=0, variant="integers")

for n in (1, 2, 5):
    row(
        "polygamma",
        lambda x, n=n: sd.polygamma(n, x),
        lambda x, n=n: scipy.polygamma(n, x).astype(x.dtype),
        of(N, 3, domain=positive),
        variant=f"{n}",
        rtol32=1e-4,
    )
row(
    "iv",
    lambda x: sd.grad(sd.sum(sd.i1(x)), x),
    lambda x: (scipy.iv(0, x) + scipy.iv(2, x)).astype(x.dtype) / 2,
    of(N, 3),
)
row(
    "ive",
    lambda x: sd.grad(sd.sum(sd.i1e(x)), x),
    lambda x: ((scipy.ive(0, x) + scipy.ive(2, x)) / 2 - np.sign(x) * scipy.ive(1, x)).astype(x.dtype),
    of(N, 3, domain=nonzero),
    rtol32=1e-4,
)

for name, left, right, order in [
    ("betaln", positive, positive, 2), ("beta", positive, positive, 2), ("xlogy", reals, positive, 2),
    ("xlog1py", reals, unit, 2), ("rel_entr", positive, positive, 2), ("kl_div", positive, positive, 2),
    ("gammainc", positive, positive, 1), ("gammaincc", positive, positive, 1),
]:  # fmt: skip
    for variant, a, b in SHAPES:
        row(
            name, getattr(sd, name), getattr(scipy, name), of(*a, domain=left), of(*b, domain=right),
            variant=variant, order=order, rtol32=1e-4,
        )  # fmt: skip
for name in ("gammainc", "gammaincc"):
    row(
        name,
        lambda x, name=name: getattr(sd, name)(2.5, x),
        lambda x, name=name: getattr(scipy, name)(x.dtype.type(2.5), x),
        of(N, 3, domain=positive),
        variant="by x alone",
        rtol32=1e-4,
    )
row(
    "zeta",
    lambda q: sd.zeta(2.5, q),
    lambda q: scipy.zeta(q.dtype.type(2.5), q),
    of(N, 3, domain=positive),
    rtol32=1e-4,
)
row(
    "gamma_density",
    lambda x: sd.grad(sd.sum(sd.gammainc(3.0, x)), x),
    lambda x: x * x * np.exp(-x) / 2,
    of(N, 3, domain=positive),
    rtol32=1e-4,
)
row(
    "gammainc_slope",
    lambda a, x: sd.grad(sd.sum(sd.gammainc(a, x)), a),
    lambda a, x: _slope(a.astype("float64"), x.astype("float64")).astype(a.dtype),
    of(N, 3, domain=positive),
    of(N, 3, domain=positive),
    order=None,
    rtol32=1e-4,
)


def _slope(a: Array, x: Array) -> Array:
    """dP/da by differences of the sixth order."""
    h, weights = 1e-2, [(1, 45 / 60), (2, -9 / 60), (3, 1 / 60)]
    return sum(w * (scipy.gammainc(a + k * h, x) - scipy.gammainc(a - k * h, x)) for k, w in weights) / h

"""Special functions: digits against mpmath, edges against SciPy, derivatives where differences do not reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import scipy.special as scipy

import symdiff as sd
from tests.autodiff.helpers import value

INF, NAN = float("inf"), float("nan")
POSITIVE = [
    1e-300,
    1e-8,
    0.03,
    0.25,
    0.5,
    0.9999,
    1 + 1e-10,
    1.3,
    1.46,
    1.4617,
    2 - 1e-9,
    2.2,
    3.0,
    7.1,
    12.9,
    13.1,
    40.5,
    150.0,
]
NEGATIVE = [-1e-9, -0.3, -0.999, -1.5, -2.7, -6.25, -20.4]
REAL = [-30.0, -7.0, -1.2, -0.5, -1e-6, 1e-9, 0.4, 1.0, 3.0, 9.0, 24.0, 26.0, 120.0]
SHARES = [1e-300, 1e-20, 1e-5, 0.02, 0.3, 0.4999, 0.5001, 0.75, 0.99, 1 - 1e-9]

CASES: list[tuple[str, Callable[..., Any], list[float], float]] = [
    ("lgamma", lambda x: mpmath.log(abs(mpmath.gamma(x))), POSITIVE, 2e-15),
    ("lgamma", lambda x: mpmath.log(abs(mpmath.gamma(x))), NEGATIVE, 1e-13),
    ("gamma", mpmath.gamma, POSITIVE + NEGATIVE, 2e-15),
    ("digamma", mpmath.digamma, POSITIVE + NEGATIVE, 2e-14),
    ("erfcx", lambda x: mpmath.exp(x * x) * mpmath.erfc(x), [x for x in REAL if x > -20], 5e-14),
    ("erfinv", mpmath.erfinv, SHARES + [-s for s in SHARES], 2e-15),
    (
        "erfcinv",
        lambda p: _solve(lambda y: mpmath.erfc(y) / p - 1, scipy.erfcinv(float(p))),
        [*SHARES, 1.2, 1.9],
        2e-15,
    ),
    ("ndtri", lambda p: _solve(lambda y: mpmath.ncdf(y) / p - 1, scipy.ndtri(float(p))), SHARES, 2e-15),
    ("ndtr", mpmath.ncdf, [x for x in REAL if x < 30], 2e-13),
    (
        "log_ndtr",
        lambda x: mpmath.log(mpmath.erfc(-x / mpmath.sqrt(2)) / 2),
        [-1e3, *(x for x in REAL if x < 9)],
        2e-14,
    ),
    ("i0", lambda x: mpmath.besseli(0, x), REAL, 5e-15),
    ("i1", lambda x: mpmath.besseli(1, x), REAL, 5e-15),
    ("i0e", lambda x: mpmath.besseli(0, x) * mpmath.exp(-abs(x)), REAL, 5e-15),
    ("i1e", lambda x: mpmath.besseli(1, x) * mpmath.exp(-abs(x)), REAL, 5e-15),
    ("logit", lambda x: mpmath.log(x / (1 - x)), SHARES, 2e-15),
    ("sinc", lambda x: mpmath.sin(mpmath.pi * x) / (mpmath.pi * x), [1e-9, 0.3, 0.7, 2.4, -3.3], 2e-15),
]


def _solve(function: Callable[..., Any], start: float) -> Any:
    with mpmath.workdps(60):
        return mpmath.findroot(function, start)


def assert_digits(name: str, points: list[Any], found: Any, exact: Callable[..., Any], rtol: float) -> None:
    with mpmath.workdps(40):
        for point, number in zip(points, np.ravel(found), strict=True):
            arguments = point if isinstance(point, tuple) else (point,)
            expected = exact(*(mpmath.mpf(argument) for argument in arguments))
            assert abs(mpmath.mpf(float(number)) - expected) <= rtol * abs(expected), f"{name} at {point}: {number}"


@pytest.mark.parametrize(("name", "exact", "points", "rtol"), CASES, ids=[f"{c[0]}-{k}" for k, c in enumerate(CASES)])
def test_digits(name: str, exact: Callable[..., Any], points: list[float], rtol: float) -> None:
    x = sd.input("x", (len(points),))
    assert_digits(name, points, value(getattr(sd, name)(x), {x: points}), exact, rtol)


PAIRS = [
    (0.01, 0.5),
    (0.3, 0.2),
    (0.7, 2.0),
    (2.5, 2.0),
    (2.5, 9.0),
    (12.0, 4.0),
    (30.0, 31.5),
    (200.0, 150.0),
    (400.0, 450.0),
]


@pytest.mark.parametrize(
    ("name", "exact", "rtol"),
    [
        ("gammainc", lambda a, x: mpmath.gammainc(a, 0, x, regularized=True), 1e-13),
        ("gammaincc", lambda a, x: mpmath.gammainc(a, x, mpmath.inf, regularized=True), 1e-13),
        ("betaln", lambda a, b: mpmath.log(mpmath.beta(a, b)), 2e-14),
        ("beta", mpmath.beta, 1e-13),
        ("zeta", lambda a, x: mpmath.zeta(a + 1, x), 2e-14),
    ],
)
def test_digits_of_two_operands(name: str, exact: Callable[..., Any], rtol: float) -> None:
    pairs = [pair for pair in PAIRS if name != "zeta" or pair[0] < 20]
    a, x = sd.input("a", (len(pairs),)), sd.input("x", (len(pairs),))
    out = getattr(sd, name)(a + 1 if name == "zeta" else a, x)
    assert_digits(name, pairs, value(out, {a: [p[0] for p in pairs], x: [p[1] for p in pairs]}), exact, rtol)


@pytest.mark.parametrize("n", [1, 2, 3, 6, 11])
def test_polygamma(n: int) -> None:
    points = [0.01, 0.7, 2.3, 11.5, 80.0, -0.4, -3.3]
    x = sd.input("x", (len(points),))
    found = value(sd.polygamma(n, x), {x: points})
    assert_digits("polygamma", points, found, lambda z: mpmath.polygamma(n, z), 1e-13)


def test_gammainc_by_its_first_argument() -> None:
    """Once, and then by x; a second time is refused."""
    a, x = sd.input("a", (len(PAIRS),)), sd.input("x", (len(PAIRS),))
    by_a = sd.grad(sd.sum(sd.gammainc(a, x)), a)
    at = {a: [p[0] for p in PAIRS], x: [p[1] for p in PAIRS]}

    def exact(p: Any, z: Any, n: int = 0) -> Any:
        with mpmath.workdps(150):
            h, k = mpmath.mpf(10) ** -25, mpmath.mpf(10) ** -20
            ends = [mpmath.gammainc(p + s * h, 0, z + n * r * k, regularized=True) for s in (1, -1) for r in (1, -1)]
            if not n:
                return (ends[0] - ends[2]) / (2 * h)
            return (ends[0] - ends[1] - ends[2] + ends[3]) / (4 * h * k)

    assert_digits("dP/da", PAIRS, value(by_a, at), exact, 1e-12)
    by_both = sd.grad(sd.sum(by_a), x)
    assert_digits("d2P/dadx", PAIRS, value(by_both, at), lambda p, z: exact(p, z, 1), 1e-11)
    with pytest.raises(sd.GradientError, match="second derivative"):
        sd.grad(sd.sum(by_a), a)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_derivatives_of_sinc(order: int) -> None:
    points = [0.0, 1e-8, -1e-3, 0.3, 1.0, -2.5, 7.2]
    x = sd.input("x", (len(points),))
    out = sd.sinc(x)
    for _ in range(order):
        out = sd.vjp(out, x, 1.0)
    with mpmath.workdps(40):
        expected = [float(_sinc_derivative(mpmath.mpf(point), order)) for point in points]
    np.testing.assert_allclose(value(out, {x: points}), expected, rtol=1e-12, atol=1e-15)


def _sinc_derivative(x: Any, order: int) -> Any:
    """The integral of cos(pi x s) from 0 to 1, differentiated under the integral."""
    return mpmath.quad(
        lambda s: (mpmath.pi * s) ** order * mpmath.cos(mpmath.pi * (x * s + mpmath.mpf(order) / 2)), [0, 1]
    )


EDGES = [0.0, -0.0, 1.0, -1.0, 2.0, -2.0, -3.0, 0.5, -0.5, INF, -INF, NAN, 1e-320, 180.0, 1e300]


@pytest.mark.parametrize(
    "name",
    [
        "gamma",
        "lgamma",
        "digamma",
        "erfinv",
        "erfcinv",
        "erfcx",
        "ndtri",
        "log_ndtr",
        "ndtr",
        "logit",
        "entr",
        "expit",
        "i0",
        "i1",
        "i0e",
        "i1e",
    ],
)
def test_edges_are_scipys(name: str) -> None:
    points = [x for x in EDGES if name != "lgamma" or x != 1e-320]  # SciPy's overflows there
    x = sd.input("x", (len(points),))
    expected = getattr(scipy, {"lgamma": "gammaln"}.get(name, name))(np.array(points))
    np.testing.assert_allclose(value(getattr(sd, name)(x), {x: points}), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["gammainc", "gammaincc", "xlogy", "xlog1py", "rel_entr", "kl_div"])
def test_edges_of_two_operands_are_scipys(name: str) -> None:
    points = [0.0, 1.0, -1.0, 0.5, 3.0, INF, NAN, 1e-300]
    p, q = (grid.ravel() for grid in np.meshgrid(points, points))
    a, x = sd.input("a", (p.size,)), sd.input("x", (p.size,))
    expected = getattr(scipy, name)(p, q)
    np.testing.assert_allclose(value(getattr(sd, name)(a, x), {a: p, x: q}), expected, rtol=1e-12)


def test_large_first_arguments_of_gammainc() -> None:
    a = np.array([1e6, 1e8, 1e10, 1e14, 1e300])
    x = a + 0.7 * np.sqrt(a)
    p, q = sd.input("a", (5,)), sd.input("x", (5,))
    np.testing.assert_allclose(value(sd.gammainc(p, q), {p: a, q: x}), scipy.gammainc(a, x), rtol=1e-9)
    np.testing.assert_allclose(value(sd.gammaincc(p, q), {p: a, q: x}), scipy.gammaincc(a, x), rtol=1e-9)


def test_log_ndtr_far_out() -> None:
    """Value and two derivatives, in both tails."""
    x = sd.input("x", (4,))
    slope = sd.grad(sd.sum(sd.log_ndtr(x)), x)
    at = {x: [-500.0, -30.0, 6.0, 50.0]}
    expected = [500.0019999840003, 30.033259667432676, 6.075882855817888e-09, 0.0]
    np.testing.assert_allclose(value(slope, at), expected, rtol=1e-12)
    bend = value(sd.grad(sd.sum(slope), x), at)
    np.testing.assert_allclose(bend, [-0.999996000080, -0.998896, -3.645529717e-08, 0.0], rtol=1e-6)


@pytest.mark.parametrize("n", [-1, 1.0, True])
def test_the_order_of_polygamma_is_an_int(n: Any) -> None:
    with pytest.raises(sd.GraphError, match="polygamma: n is an int"):
        sd.polygamma(n, sd.input("x"))


def test_the_room_has_scipys_names() -> None:
    for name in sd.special.__all__:
        assert hasattr(scipy, name) or name in ("lgamma",), name
        assert callable(getattr(sd.special, name))

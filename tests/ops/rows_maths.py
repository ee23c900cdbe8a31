"""Rows of NumPy's maths section: trigonometry, logarithms, rounding, bounds, bits."""

from __future__ import annotations

import math

import numpy as np

import symdiff as sd
from tests.ops.rows import Array, N, bools, halves, ints, nonzero, of, positive, reals, row

SHAPES = [("same", (N, 3), (N, 3)), ("row", (N, 3), (3,)), ("both ways", (N, 1, 3), (2, 1)), ("scalar", (), (N, 2))]


def inside(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Within (-1, 1)."""
    return rng.uniform(-0.8, 0.8, shape)


def above_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(1.3, 4, shape)


def above_three(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(3.4, 6, shape)


def off_halves(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Away from the multiples of 1/2."""
    return rng.integers(-4, 4, shape) / 2 + rng.uniform(0.1, 0.4, shape)


def whole(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.integers(-4, 5, shape)


def with_gaps(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """NaN and infinities among numbers."""
    return rng.choice([np.nan, np.inf, -np.inf, 0.5, -2.0, 0.0], shape)


def of_dtype(x, number):
    return x.dtype.type(number)


def _nth(function, x, order):
    """The derivative of an elementwise function, from the public interface."""
    out = function(x)
    for _ in range(order):
        out = sd.vjp(out, x, sd.astype(1.0, x.dtype))
    return out


for name, numpy, domain in [
    ("tan", lambda x: np.sin(x) / np.cos(x), inside),
    ("arcsin", lambda x: np.arctan2(x, np.sqrt(1 - x * x)), inside),
    ("arccos", lambda x: np.arctan2(np.sqrt(1 - x * x), x), inside),
    ("arctan", lambda x: np.angle(1 + 1j * x).astype(x.dtype), reals),
    ("sinh", lambda x: (np.exp(x) - np.exp(-x)) / 2, reals),
    ("cosh", lambda x: (np.exp(x) + np.exp(-x)) / 2, reals),
    ("arcsinh", lambda x: np.sign(x) * np.log(np.abs(x) + np.sqrt(x * x + 1)), nonzero),
    ("arccosh", lambda x: np.log(x + np.sqrt(x * x - 1)), above_one),
    ("arctanh", lambda x: np.log((1 + x) / (1 - x)) / 2, inside),
    ("exp2", lambda x: np.exp(x * of_dtype(x, math.log(2))), reals),
    ("log2", lambda x: np.log(x) / of_dtype(x, math.log(2)), positive),
    ("log10", lambda x: np.log(x) / of_dtype(x, math.log(10)), positive),
    ("cbrt", lambda x: np.sign(x) * np.abs(x) ** of_dtype(x, 1 / 3), nonzero),
    ("rsqrt", lambda x: x ** of_dtype(x, -0.5), positive),
    ("degrees", lambda x: x / of_dtype(x, math.pi) * 180, reals),
    ("radians", lambda x: x / 180 * of_dtype(x, math.pi), reals),
    ("sinc", lambda x: np.sin(of_dtype(x, math.pi) * x) / (of_dtype(x, math.pi) * x), nonzero),
    ("fabs", lambda x: np.where(x < 0, -x, x), nonzero),
    ("positive", lambda x: 1 * x, reals),
    ("nan_to_num", lambda x: x * 1, reals),
]:
    row(name, getattr(sd, name), numpy, of(N, 3, domain=domain), variant="batch")
    row(name, getattr(sd, name), numpy, of(domain=domain), variant="scalar")
    if name not in ("positive", "nan_to_num", "arccosh"):
        low = 1 if domain in (positive, nonzero) else -1 if name not in ("arcsin", "arccos", "arctanh") else 0
        row(
            name,
            getattr(sd, name),
            lambda x, numpy=numpy: numpy(x.astype("float64")),
            ints(4, low=low, high=low + 1),
            order=0,
            variant="integers become float64",
        )

for order, slope in [
    (1, lambda x: (math.pi * x * np.cos(math.pi * x) - np.sin(math.pi * x)) / (math.pi * x * x)),
    (2, lambda x: (2 / (math.pi * x**3) - math.pi / x) * np.sin(math.pi * x) - 2 / x**2 * np.cos(math.pi * x)),
]:  # fmt: skip
    row(
        "sinc_derivative",
        lambda x, order=order: _nth(sd.sinc, x, order),
        lambda x, slope=slope: slope(x.astype("float64")).astype(x.dtype),
        of(N, 3, domain=nonzero),
        variant=f"{order}",
        rtol32=1e-4,
    )


for name, numpy, left, right in [
    ("hypot", lambda x, y: np.abs(x + 1j * y).astype(np.result_type(x, y)), nonzero, reals),
    ("arctan2", lambda y, x: np.angle(x + 1j * y).astype(np.result_type(x, y)), nonzero, nonzero),
    ("logaddexp", lambda x, y: np.log(np.exp(x) + np.exp(y)), reals, reals),
    ("logaddexp2", lambda x, y: np.log2(2**x + 2**y), reals, reals),
    ("fmod", lambda x, y: x - y * np.trunc(x / y), lambda rng, shape: -positive(rng, shape), above_three),
    ("copysign", lambda x, y: np.abs(x) * np.where(y < 0, -1, 1).astype(y.dtype), nonzero, nonzero),
    ("heaviside", lambda x, y: (x > 0) + 0 * y, nonzero, reals),
    ("fmax", lambda x, y: np.where(x > y, x, y), reals, lambda rng, shape: 10 * nonzero(rng, shape)),
    ("fmin", lambda x, y: np.where(x < y, x, y), reals, lambda rng, shape: 10 * nonzero(rng, shape)),
]:  # fmt: skip
    for variant, a, b in SHAPES:
        row(name, getattr(sd, name), numpy, of(*a, domain=left), of(*b, domain=right), variant=variant)

row(
    "heaviside",
    sd.heaviside,
    lambda x, y: np.where(x == 0, y, (x + np.abs(x)) / 2),
    of(7, domain=lambda rng, shape: rng.integers(-1, 2, shape)),
    of(7),
    order=None,
    variant="steps",
)
row(
    "fmod",
    sd.fmod,
    lambda x, y: np.sign(x) * (np.abs(x) % np.abs(y)),
    ints(9),
    ints(9, low=1),
    order=0,
    variant="integers",
)
row("hypot", sd.hypot, lambda x, y: np.sqrt(x * x + y * y), ints(3), ints(4, 1), order=0, variant="integers")
row("lerp", sd.lerp, lambda x, y, w: (1 - w) * x + w * y, of(N, 3), of(3), of(N, 1))
row(
    "float_power",
    sd.float_power,
    lambda x, y: np.exp(y * np.log(x.astype("float64"))),
    of(N, 3, domain=positive),
    of(3),
)
row(
    "float_power",
    sd.float_power,
    lambda x, y: x.astype("float64") ** y,
    ints(5, low=1),
    ints(5),
    order=0,
    variant="integers",
)
row("ldexp", sd.ldexp, lambda x, n: x * (2.0**n).astype(x.dtype), of(N, 3), ints(3))
row("ldexp", sd.ldexp, lambda x, n: x * 2.0**n, ints(4), ints(4), order=0, variant="integers")
row(
    "nextafter",
    sd.nextafter,
    lambda x, y: x + np.spacing(np.abs(x)) * np.sign(y - x),
    of(N, 3, domain=off_halves),
    of(3, domain=lambda rng, shape: 10 + positive(rng, shape)),
    order=0,
)
row(
    "divmod",
    lambda x, y: sd.divmod(x, y)[1],
    lambda x, y: x - y * np.floor(x / y),
    of(N, 3, domain=positive),
    of(3, domain=above_one),
    variant="remainder",
)
row(
    "divmod",
    lambda x, y: sd.divmod(x, y)[0],
    lambda x, y: np.floor(x / y),
    of(9, domain=positive),
    of(9, domain=above_one),
    order=0,
    variant="quotient",
)

# -- rounding

for name, numpy in [
    ("floor", lambda x: x - np.mod(x, 1)), ("ceil", lambda x: x + np.mod(-x, 1)),
    ("trunc", lambda x: np.sign(x) * (np.abs(x) - np.mod(np.abs(x), 1))),
    ("rint", lambda x: np.floor(x + of_dtype(x, 0.5)) - (np.mod(x, 2) == 0.5)),
    ("round", lambda x: np.floor(x + of_dtype(x, 0.5)) - (np.mod(x, 2) == 0.5)),
]:  # fmt: skip
    row(name, getattr(sd, name), numpy, of(N, 3, domain=halves), order=0)
    row(name, getattr(sd, name), lambda x: x, ints(4), order=0, variant="as it is") if name != "rint" else None
row("rint", sd.rint, lambda x: x * 1.0, ints(4), order=0, variant="integers")
row("round", lambda x: sd.round(x, 1), lambda x: np.rint(x * 10) / 10, of(N, 3), order=0, variant="decimals")
row(
    "round",
    lambda x: sd.round(x, -1),
    lambda x: np.rint(x / 10) * 10,
    of(N, 3, domain=lambda rng, shape: rng.uniform(-99, 99, shape)),
    order=0,
    variant="tens",
)
row(
    "round",
    lambda x: sd.round(x, decimals=-1),
    lambda x: (np.rint(x / 10) * 10).astype("int64"),
    ints(9, low=-99, high=99),
    order=0,
    variant="tens of integers",
)

# -- bounds

row(
    "clip",
    lambda x: sd.clip(x, -0.9, 1.1),
    lambda x: np.where(x < -0.9, of_dtype(x, -0.9), np.where(x > 1.1, of_dtype(x, 1.1), x)),
    of(N, 3, domain=off_halves),
)
row(
    "clip",
    sd.clip,
    lambda x, a, b: np.sort([x + 0 * a + 0 * b, a + 0 * x + 0 * b, b + 0 * x + 0 * a], 0)[1],
    of(N, 3),
    of(3, domain=lambda rng, shape: -positive(rng, shape)),
    of(N, 1, domain=positive),
    variant="bounds as arrays",
)
row(
    "clip",
    lambda x: sd.clip(x, max=0.75),
    lambda x: np.where(x > 0.75, of_dtype(x, 0.75), x),
    of(N, 3),
    variant="from above",
)
row("clip", lambda x: sd.clip(x, min=2), lambda x: np.where(x < 2, 2, x), ints(9), order=0, variant="integers")
row(
    "nan_to_num",
    sd.nan_to_num,
    lambda x: np.where(np.isnan(x), 0, np.where(np.isinf(x), np.sign(x) * np.finfo(x.dtype).max, x)).astype(x.dtype),
    of(9, domain=with_gaps),
    order=None,
    variant="gaps",
)
row(
    "nan_to_num",
    lambda x: sd.nan_to_num(x, 7, 8, neginf=9),
    lambda x: np.select([np.isnan(x), x == np.inf, x == -np.inf], [of_dtype(x, k) for k in (7, 8, 9)], x),
    of(9, domain=with_gaps),
    order=None,
    variant="numbers",
)
row(
    "fmax",
    sd.fmax,
    lambda x, y: np.where(np.isnan(x), y, np.where(np.isnan(y), x, np.where(x > y, x, y))),
    of(9, domain=with_gaps),
    of(9, domain=with_gaps),
    order=None,
    variant="NaN",
)
row("fmin", sd.fmin, lambda x, y: np.where(x < y, x, y), ints(9), ints(9), order=0, variant="integers")

# -- truth values

for name, numpy in [
    ("isinf", lambda x: np.abs(x) == np.inf), ("isposinf", lambda x: x > 1e30), ("isneginf", lambda x: x < -1e30),
    ("signbit", lambda x: x < 0),
]:  # fmt: skip
    row(name, getattr(sd, name), numpy, of(9, domain=with_gaps), order=0)
    row(
        name,
        getattr(sd, name),
        lambda x, name=name: (name == "signbit") & (x < 0),
        ints(5),
        order=0,
        variant="of integers",
    )
row("isclose", sd.isclose, lambda x, y: x == y, of(9, domain=with_gaps), of(9, domain=with_gaps), order=0)
row(
    "isclose",
    lambda x, y: sd.isclose(x, y, rtol=0, atol=1, equal_nan=True),
    lambda x, y: (np.abs(x - y) <= 1) | (x == y) | ((x != x) & (y != y)),
    of(9, domain=with_gaps),
    of(9, domain=with_gaps),
    order=0,
    variant="tolerance",
)

# -- bits of integers


def by_bits(table):
    """A function of two integers, bit by bit."""
    return lambda x, y: sum(table(x // 2**k % 2, y // 2**k % 2).astype(x.dtype) * 2**k for k in range(7))


for name, table in [
    ("bitwise_and", lambda p, q: p * q), ("bitwise_or", lambda p, q: np.maximum(p, q)),
    ("bitwise_xor", lambda p, q: p != q),
]:  # fmt: skip
    row(name, getattr(sd, name), by_bits(table), ints(N, 3, low=0, high=99), ints(3, low=0, high=99), order=0)
    row(
        name,
        getattr(sd, name),
        lambda x, y, table=table: table(x, y).astype(bool),
        bools(5),
        bools(5),
        order=0,
        variant="truth values",
    )
row("bitwise_and", lambda x: x & 6, lambda x: x % 8 - x % 2, ints(9, low=-9), order=0, variant="operator")
row("bitwise_or", lambda x: 4 | x, lambda x: x + 4 * (x // 4 % 2 == 0), ints(9, low=-9), order=0, variant="operator")
row("bitwise_xor", lambda x: x ^ -1, lambda x: -x - 1, ints(9, low=-9, dtype="int32"), order=0, variant="operator")
row("invert", lambda x: ~x, lambda x: -x - 1, ints(N, 3), order=0)
row("invert", sd.invert, lambda x: 255 - x, ints(5, low=0, dtype="uint8"), order=0, variant="uint8")
row("left_shift", lambda x: x << 3, lambda x: x * 8, ints(9), order=0, variant="operator")
row(
    "left_shift",
    sd.left_shift,
    lambda x, y: (x * 2 ** y.astype("int64")).astype("int8"),
    ints(N, 3, dtype="int8"),
    ints(3, low=0, high=12, dtype="int8"),
    order=0,
)
row("right_shift", lambda x: x >> 1, lambda x: x // 2, ints(9), order=0, variant="operator")
row(
    "right_shift",
    sd.right_shift,
    lambda x, y: np.floor(x / 2.0**y).astype("int32"),
    ints(N, 3, low=-99, high=99, dtype="int32"),
    ints(3, low=0, high=40, dtype="int32"),
    order=0,
)
row(
    "gcd",
    sd.gcd,
    lambda x, y: np.array([[math.gcd(int(p), int(q)) for p, q in zip(r, y, strict=True)] for r in x], "int64").reshape(
        x.shape
    ),
    ints(N, 3, low=-60, high=60),
    ints(3, low=-60, high=60),
    order=0,
)
row(
    "lcm",
    sd.lcm,
    lambda x, y: np.array([math.lcm(int(p), int(q)) for p, q in zip(x, y, strict=True)], "int64"),
    ints(9, low=-12, high=12),
    ints(9, low=-12, high=12),
    order=0,
)

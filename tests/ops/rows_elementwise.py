"""Rows of the elementwise operators."""

from __future__ import annotations

import numpy as np

import symdiff as sd
from tests.ops.rows import (
    N,
    above_minus_one,
    bools,
    halves,
    ints,
    nonzero,
    of,
    positive,
    reals,
    row,
    wide,
)  # fmt: skip

# -- elementwise, one operand


def erf(x):
    """Its power series, sum of 2 / sqrt(pi) (-1)^k x^(2k+1) / (k! (2k+1))."""
    total, term = np.zeros(x.shape), np.asarray(x, "float64")
    for k in range(60):
        total = total + term / (2 * k + 1)
        term = term * -(np.asarray(x, "float64") ** 2) / (k + 1)
    return np.asarray(2 / np.sqrt(np.pi) * total).astype(x.dtype)


def tanh_gelu(x):
    return x * (1 + np.tanh(x.dtype.type(np.sqrt(2 / np.pi)) * (x + x * x * x * x.dtype.type(0.044715)))) / 2


for name, numpy, domain in [
    ("negative", lambda x: 0 - x, reals),
    ("abs", lambda x: np.where(x < 0, -x, x), nonzero),
    ("square", lambda x: x**2, reals),
    ("reciprocal", lambda x: x ** np.float32(-1.0), nonzero),
    ("exp", lambda x: np.exp2(x * np.log2(np.e).astype(x.dtype)), reals),
    ("expm1", lambda x: 2 * np.exp(x / 2) * np.sinh(x / 2), reals),
    ("log", lambda x: np.log2(x) / np.log2(np.e).astype(x.dtype), positive),
    ("log1p", lambda x: 2 * np.arctanh(x / (2 + x)), above_minus_one),
    ("sqrt", lambda x: x ** np.float32(0.5), positive),
    ("sin", lambda x: np.imag(np.exp(1j * x)).astype(x.dtype), reals),
    ("cos", lambda x: np.real(np.exp(1j * x)).astype(x.dtype), reals),
    ("tanh", lambda x: np.sinh(x) / np.cosh(x), reals),
    ("sigmoid", lambda x: np.tanh(x / 2) / 2 + np.float32(0.5), reals),
    ("softplus", lambda x: np.logaddexp(x, 0 * x), reals),
    ("relu", lambda x: np.where(x > 0, x, 0 * x), nonzero),
    ("erf", erf, reals),
    ("erfc", lambda x: 1 - erf(x), reals),
    ("gelu", lambda x: x * (1 + erf(x / np.sqrt(x.dtype.type(2)))) / 2, reals),
]:
    public = getattr(sd, name)
    row(name, public, numpy, of(N, 3, domain=domain), variant="batch")
    row(name, public, numpy, of(domain=domain), variant="scalar")

row("gelu_tanh", lambda x: sd.gelu(x, approximate="tanh"), tanh_gelu, of(N, 3))
row("gelu", sd.gelu, lambda x: x * 1.0, ints(3, dtype="int32", low=10, high=40), order=0, variant="of integers")
row("sign", sd.sign, lambda x: (x > 0).astype(x.dtype) - (x < 0).astype(x.dtype), of(N, 3, domain=halves), order=0)
row("exp", sd.exp, lambda x: np.e**x, ints(3), order=0, variant="of integers is float64")
row("relu", sd.relu, lambda x: x * (x > 0), ints(2, 3), order=0, variant="integers")
row("negative", lambda x: -x, lambda x: 0 - x, ints(2, 3, dtype="int32"), order=0, variant="int32")
row("square", sd.square, lambda x: x * x, ints(2, 3, dtype="uint8", low=0), order=0, variant="uint8")
row("softplus", sd.softplus, lambda x: np.logaddexp(x, 0 * x), of(N, 4, domain=wide), variant="wide")
row("sigmoid", sd.sigmoid, lambda x: np.exp(-np.logaddexp(0 * x, -x)), of(4, domain=wide), variant="wide", rtol32=1e-4)
row("isnan", lambda x: sd.isnan(sd.log(x)), lambda x: x < 0, of(N, 3, domain=nonzero), order=0)
row("isfinite", lambda x: sd.isfinite(sd.sqrt(x)), lambda x: x >= 0, of(N, 3, domain=nonzero), order=0)
row("logical_not", lambda x: ~x, lambda x: x ^ True, bools(N, 3), order=0)
row("logical_not", sd.logical_not, lambda x: x == 0, of(7, domain=halves), order=0, variant="numbers")
row("astype", lambda x: sd.astype(x, "float64"), lambda x: np.array(x, "float64"), of(N, 3), variant="to float64")
row(
    "astype",
    lambda x: sd.astype(x, "float32"),
    lambda x: np.float32(x),
    of(4, domain=halves),
    order=None,
    variant="rounds",
)
row(
    "astype",
    lambda x: x.astype("int64"),
    lambda x: np.trunc(x).astype("int64"),
    of(7, domain=halves),
    order=0,
    variant="to int64",
)
row("astype", lambda x: x.astype("bool"), lambda x: x != 0, of(7, domain=halves), order=0, variant="to bool")
row("astype", lambda x: x.astype("float64"), lambda x: x * 1.0, ints(2, 3, dtype="int8"), order=0, variant="from int8")
row("stop_gradient", sd.stop_gradient, lambda x: x, of(N, 3), order=0)

# -- elementwise, two operands: same shape, broadcasts both ways, a weak scalar, integers

SHAPES = [
    ("same", (N, 3), (N, 3)), ("row", (N, 3), (3,)), ("column", (1, 3), (N, 1)), ("scalar", (), (N, 2)),
    ("both ways", (N, 1, 3), (2, 1)), ("empty", (0, 3), (1, 3)),
]  # fmt: skip

for name, numpy, left, right in [
    ("add", lambda x, y: x - (0 - y), reals, reals),
    ("subtract", lambda x, y: x + (0 - y), reals, reals),
    ("multiply", lambda x, y: np.einsum("...,...->...", x, y), reals, reals),
    ("divide", lambda x, y: x * (1 / y), reals, nonzero),
    ("remainder", lambda x, y: np.fmod(np.fmod(x, y) + y, y), positive, lambda rng, shape: positive(rng, shape) + 3),
    ("power", lambda x, y: np.exp(y * np.log(x)), positive, reals),
    ("maximum", lambda x, y: (x + y + np.abs(x - y)) / 2, reals, lambda rng, shape: 10 * nonzero(rng, shape)),
    ("minimum", lambda x, y: (x + y - np.abs(x - y)) / 2, reals, lambda rng, shape: 10 * nonzero(rng, shape)),
]:
    for variant, a, b in SHAPES:
        row(name, getattr(sd, name), numpy, of(*a, domain=left), of(*b, domain=right), variant=variant)

row("add", lambda x: 2 + x, lambda x: x + 2, of(3), variant="weak scalar")
row("subtract", lambda x: 2 - x, lambda x: -x + 2, of(3), variant="weak scalar")
row("multiply", lambda x: x * x, lambda x: x**2, of(N, 3), variant="with itself")
row("divide", lambda x: 1 / x, lambda x: x ** np.float32(-1.0), of(3, domain=nonzero), variant="weak scalar")
row("divide", sd.divide, lambda x, y: x * (1.0 / y), ints(2, 3), ints(3, low=1), order=0, variant="integers")
row("power", lambda x: x**3, lambda x: x * x * x, of(N, 3), variant="cube")
row("power", lambda x: x**-2, lambda x: 1 / (x * x), of(N, 3, domain=nonzero), variant="negative exponent")
row("power", lambda x: x**0.5, lambda x: np.sqrt(x), of(N, 3, domain=positive), variant="root")
row("power", lambda x: 2**x, lambda x: np.exp2(x), of(N, 3), variant="weak base")
row(
    "power",
    sd.power,
    lambda x, y: np.prod(np.broadcast_to(x, (3, *x.shape)) ** (np.arange(3)[:, None] < y), 0),
    ints(5),
    ints(5, low=0, high=4),
    order=0,
    variant="integers",
)
row(
    "add",
    sd.add,
    lambda x, y: y + x.astype("int64"),
    ints(2, 3, dtype="int32"),
    ints(3),
    order=0,
    variant="int32 + int64",
)
row(
    "multiply",
    sd.multiply,
    lambda x, y: y.astype("float64") * x,
    ints(2, 3, dtype="uint64", low=0),
    ints(3),
    order=0,
    variant="uint64 * int64",
)
row("maximum", sd.maximum, lambda x, y: np.where(x > y, x, y), ints(4), ints(4), order=0, variant="integers")
row(
    "remainder",
    lambda x, y: x % y,
    lambda x, y: x - y * np.floor(x / y).astype("int64"),
    ints(9),
    ints(9, low=1),
    order=0,
    variant="integers",
)
row(
    "remainder",
    sd.remainder,
    lambda x, y: x - y * np.floor(x / y),
    of(9),
    of(9, domain=lambda rng, shape: -3 - positive(rng, shape)),
    variant="negative divisor",
)
row(
    "floor_divide",
    lambda x, y: x // y,
    lambda x, y: np.floor(x / y),
    of(N, 3, domain=positive),
    of(3, domain=nonzero),
    order=0,
)
row(
    "floor_divide",
    sd.floor_divide,
    lambda x, y: np.floor(x / y).astype("int64"),
    ints(9),
    ints(9, low=1),
    order=0,
    variant="integers",
)

for name, symbol in [
    ("equal", lambda x, y: ~((x < y) | (x > y))), ("not_equal", lambda x, y: (x < y) | (x > y)),
    ("less", lambda x, y: y > x), ("less_equal", lambda x, y: ~(x > y)),
    ("greater", lambda x, y: y < x), ("greater_equal", lambda x, y: ~(x < y)),
]:  # fmt: skip
    row(name, getattr(sd, name), symbol, of(N, 4, domain=halves), of(4, domain=halves), order=0)
    row(name, getattr(sd, name), symbol, ints(4, 1), ints(5), order=0, variant="integers")

for name, symbol in [
    ("logical_and", lambda x, y: x * y), ("logical_or", lambda x, y: (x + y) > 0), ("logical_xor", lambda x, y: x != y),
]:  # fmt: skip
    row(name, getattr(sd, name), symbol, bools(N, 3), bools(3), order=0)
row(
    "logical_and",
    sd.logical_and,
    lambda x, y: (x != 0) & y,
    ints(9, low=-1, high=2),
    bools(9),
    order=0,
    variant="numbers",
)

row("where", sd.where, lambda c, x, y: np.choose(c, [y, x]), bools(N, 3), of(N, 3), of(N, 3))
row("where", sd.where, lambda c, x, y: np.choose(c, [y, x]), bools(N, 1), of(3), of(), variant="broadcast")
row("where", lambda c, x: sd.where(c, x, 0), lambda c, x: x * c, bools(3), of(N, 3), variant="weak zero")
row("where", sd.where, lambda c, x, y: np.choose(c, [y, x]), bools(4), ints(4), ints(4), order=0, variant="integers")

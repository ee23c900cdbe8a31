"""One row per operator and variant: how to build it, what it means in plain NumPy, where to sample it.

``test_table.py`` checks every row: value, type, first and second derivative. An operator without a row fails there.
Adding an operator means adding a row here (docs/adding_an_operator.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import symdiff as sd
from symdiff.core.node import Node, build
from symdiff.core.types import as_dtype
from symdiff.ops.convert import constant
from symdiff.ops.index import arange, in_range
from symdiff.ops.leaf import size
from symdiff.ops.record import OPS
from symdiff.ops.slicing import reverse

Array = np.ndarray[Any, Any]
Domain = Callable[[np.random.Generator, tuple[int, ...]], Array]
N = sd.dim("n")

# -- where operands are sampled


def reals(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(-2, 2, shape)


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.4, 3, shape)


def nonzero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Away from 0 on both sides: for divisors, and for kinks at 0."""
    return rng.uniform(0.4, 2.5, shape) * rng.choice([-1.0, 1.0], shape)


def above_minus_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(-0.7, 2, shape)


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """No two elements within 0.1: maxima stay where they are under a small step."""
    count = int(np.prod(shape))
    return (rng.permutation(count).reshape(shape) - count / 2) * 0.1


def halves(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Multiples of 0.5, zeros and ties included: for operators without a derivative."""
    return rng.integers(-4, 5, shape) / 2


def wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Large enough to overflow a naive exp in float32."""
    return rng.uniform(-120, 120, shape)


def integers(low: int, high: int) -> Domain:
    return lambda rng, shape: rng.integers(low, high, shape)


def booleans(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.random(shape) < 0.5


@dataclass(frozen=True)
class Operand:
    """Shape (with ``N`` for a symbolic size), sampling domain, dtype (None: the float dtype under test)."""

    shape: tuple[Any, ...] = ()
    domain: Domain = reals
    dtype: str | None = None
    leaf: str = "input"


@dataclass(frozen=True)
class Row:
    """``order`` is how often the operator may be differentiated in its domain; 0 means that asking is an error."""

    op: str
    variant: str
    build: Callable[..., Node]
    numpy: Callable[..., Any]
    operands: tuple[Operand, ...]
    order: int
    rtol32: float

    @property
    def label(self) -> str:
        return f"{self.op}-{self.variant}" if self.variant else self.op


ROWS: list[Row] = []


def row(
    op: str, build: Callable[..., Node], numpy: Callable[..., Any], *operands: Operand, order: int = 2,
    variant: str = "", rtol32: float = 2e-5,
) -> None:  # fmt: skip
    ROWS.append(Row(op, variant, build, numpy, operands, order, rtol32))


def of(*shape: Any, domain: Domain = reals, dtype: str | None = None) -> Operand:
    return Operand(shape, domain, dtype)


def ints(*shape: Any, low: int = -5, high: int = 6, dtype: str = "int64") -> Operand:
    return Operand(shape, integers(low, high), dtype)


def bools(*shape: Any) -> Operand:
    return Operand(shape, booleans, "bool")


# -- elementwise, one operand

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
]:
    public = getattr(sd, name)
    row(name, public, numpy, of(N, 3, domain=domain), variant="batch")
    row(name, public, numpy, of(domain=domain), variant="scalar")

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
row("astype", lambda x: sd.astype(x, "float32"), lambda x: np.float32(x), of(4, domain=halves), order=0, variant="rounds")
row("astype", lambda x: x.astype("int64"), lambda x: np.trunc(x).astype("int64"), of(7, domain=halves), order=0, variant="to int64")
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
row("power", sd.power, lambda x, y: np.prod(np.broadcast_to(x, (3, *x.shape)) ** (np.arange(3)[:, None] < y), 0), ints(5), ints(5, low=0, high=4), order=0, variant="integers")
row("add", sd.add, lambda x, y: y + x.astype("int64"), ints(2, 3, dtype="int32"), ints(3), order=0, variant="int32 + int64")
row("multiply", sd.multiply, lambda x, y: y.astype("float64") * x, ints(2, 3, dtype="uint64", low=0), ints(3), order=0, variant="uint64 * int64")
row("maximum", sd.maximum, lambda x, y: np.where(x > y, x, y), ints(4), ints(4), order=0, variant="integers")
row("remainder", lambda x, y: x % y, lambda x, y: x - y * np.floor(x / y).astype("int64"), ints(9), ints(9, low=1), order=0, variant="integers")
row("remainder", sd.remainder, lambda x, y: x - y * np.floor(x / y), of(9), of(9, domain=lambda rng, shape: -3 - positive(rng, shape)), variant="negative divisor")
row("floor_divide", lambda x, y: x // y, lambda x, y: np.floor(x / y), of(N, 3, domain=positive), of(3, domain=nonzero), order=0)
row("floor_divide", sd.floor_divide, lambda x, y: np.floor(x / y).astype("int64"), ints(9), ints(9, low=1), order=0, variant="integers")

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
row("logical_and", sd.logical_and, lambda x, y: (x != 0) & y, ints(9, low=-1, high=2), bools(9), order=0, variant="numbers")

row("where", sd.where, lambda c, x, y: np.choose(c, [y, x]), bools(N, 3), of(N, 3), of(N, 3))
row("where", sd.where, lambda c, x, y: np.choose(c, [y, x]), bools(N, 1), of(3), of(), variant="broadcast")
row("where", lambda c, x: sd.where(c, x, 0), lambda c, x: x * c, bools(3), of(N, 3), variant="weak zero")
row("where", sd.where, lambda c, x, y: np.choose(c, [y, x]), bools(4), ints(4), ints(4), order=0, variant="integers")

# -- reductions

AXES: list[tuple[str, tuple[Any, ...], Any, bool]] = [
    ("all", (N, 3), None, False), ("rows", (N, 3), 1, False), ("columns", (N, 3), 0, False),
    ("keepdims", (N, 3), -1, True), ("two axes", (2, N, 3), (0, -1), False), ("all keepdims", (2, 3), None, True),
    ("size 1", (3, 1), 1, False), ("no axes", (3,), (), False), ("scalar", (), None, False), ("one", (1, 4), 0, True),
]  # fmt: skip


def reduction(name: str, loop: Callable[[Array], Any], domain: Domain, rtol32: float = 2e-5) -> None:
    """``loop`` reduces a flat array; it is applied to every slice, so nothing is left to NumPy's axis handling."""
    least_one = name in ("max", "min", "logsumexp")
    for variant, shape, axis, keepdims in AXES:
        if least_one and variant in ("all", "columns", "two axes"):
            shape = tuple(4 if entry is N else entry for entry in shape)
        row(
            name,
            lambda x, axis=axis, keepdims=keepdims: getattr(sd, name)(x, axis=axis, keepdims=keepdims),
            lambda x, axis=axis, keepdims=keepdims: slice_by_slice(loop, x, axis, keepdims),
            of(*shape, domain=domain),
            variant=variant,
            rtol32=rtol32,
        )


def slice_by_slice(loop: Callable[[Array], Any], x: Array, axis: Any, keepdims: bool) -> Array:
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = {one % x.ndim for one in axes}
    if not axes:
        return x
    kept = [one for one in range(x.ndim) if one not in axes]
    out = np.empty([x.shape[one] for one in kept], np.asarray(loop(np.ones(1, x.dtype))).dtype)
    for index in np.ndindex(*out.shape):
        place = dict(zip(kept, index, strict=True))
        out[index] = loop(x[tuple(place.get(one, slice(None)) for one in range(x.ndim))].ravel())
    return out.reshape([1 if one in axes else x.shape[one] for one in range(x.ndim)]) if keepdims else out


def python_prod(x: Array) -> Any:
    total = x.dtype.type(1)
    for element in x:
        total = total * element
    return total


reduction("sum", lambda x: np.dot(x, np.ones_like(x)), reals)
reduction("prod", python_prod, nonzero)
reduction("max", lambda x: np.sort(x)[-1], distinct)
reduction("min", lambda x: np.sort(x)[0], distinct)
reduction("logsumexp", lambda x: np.logaddexp.reduce(x), reals)
for variant, shape, axis, keepdims in AXES:
    if variant in ("all", "columns", "two axes"):
        continue
    row(
        "mean",
        lambda x, axis=axis, keepdims=keepdims: sd.mean(x, axis, keepdims),
        lambda x, axis=axis, keepdims=keepdims: slice_by_slice(
            lambda flat: np.dot(flat, np.ones_like(flat)) / flat.dtype.type(len(flat)), x, axis, keepdims
        ),
        of(*shape), variant=variant,
    )  # fmt: skip
row("mean", lambda x: x.mean(), lambda x: np.sum(x) / x.dtype.type(max(x.size, 1)) if x.size else np.float64("nan").astype(x.dtype), of(N, 3), variant="of a batch")
row("mean", sd.mean, lambda x: np.float64(x.sum()) / 6, ints(2, 3), order=0, variant="integers")
row("sum", sd.sum, lambda x: np.count_nonzero(x) + np.int64(0), bools(N, 3), order=0, variant="booleans")
row("sum", lambda x: x.sum(axis=0), lambda x: np.ones(len(x), "uint64") @ x.astype("uint64"), ints(4, 2, dtype="uint8", low=0, high=256), order=0, variant="uint8")
row("prod", lambda x: x.prod(), lambda x: python_prod(x.astype("int64")), ints(5, dtype="int32"), order=0, variant="int32")
row("max", lambda x: x.max(axis=-1), lambda x: np.sort(x, -1)[:, -1], ints(3, 4), order=0, variant="integers")
row("logsumexp", sd.logsumexp, lambda x: np.logaddexp.reduce(x), of(6, domain=wide), variant="wide")

for name, first in [("argmax", lambda x: np.flatnonzero(x == x.max())[0]), ("argmin", lambda x: np.flatnonzero(x == x.min())[0])]:
    for variant, shape, axis, keepdims in [
        ("rows", (N, 5), 1, False), ("keepdims", (N, 5), -1, True), ("columns", (4, 3), 0, False), ("all", (4, 3), None, False),
        ("all keepdims", (4, 3), None, True),
    ]:  # fmt: skip
        row(
            name,
            lambda x, name=name, axis=axis, keepdims=keepdims: getattr(sd, name)(x, axis, keepdims),
            lambda x, first=first, axis=axis, keepdims=keepdims: slice_by_slice(first, x, axis, keepdims),
            of(*shape, domain=halves), order=0, variant=variant,
        )  # fmt: skip

# -- shapes

row("reshape", lambda x: sd.reshape(x, (-1, 6)), lambda x: np.stack([np.ravel(r) for r in x]) if len(x) else np.zeros((0, 6), x.dtype), of(N, 2, 3), variant="keeps the batch")
row("reshape", lambda x: x.reshape(3, 2), lambda x: np.array([x[:2], x[2:4], x[4:]]), of(6), variant="vector to matrix")
row("reshape", lambda x: x.reshape(1, 1), lambda x: x[None, None], of(), variant="from scalar")
row("permute_dims", lambda x: x.T, lambda x: np.einsum("ij->ji", x), of(N, 3), variant="transpose")
row("permute_dims", lambda x: sd.permute_dims(x, (2, 0, -2)), lambda x: np.einsum("ijk->kij", x), of(N, 2, 3), variant="cycle")
row("expand_dims", lambda x: sd.expand_dims(x, 0), lambda x: x[None], of(N, 3))
row("expand_dims", lambda x: sd.expand_dims(x, (0, -1)), lambda x: x[None, ..., None], of(N, 3), variant="two")
row("expand_dims", lambda x: x[:, None], lambda x: x.reshape(len(x), 1), of(N), variant="by index")
row("squeeze", lambda x: sd.squeeze(x), lambda x: x[0, :, 0], of(1, N, 1))
row("squeeze", lambda x: sd.squeeze(x, -1), lambda x: x[..., 0], of(1, 3, 1), variant="one axis")
row("broadcast_to", lambda x: sd.broadcast_to(x, (2, N, 3)), lambda x: x + np.zeros((2, 1, 3), x.dtype), of(N, 1), variant="new axes")
row("broadcast_to", lambda x: sd.broadcast_to(x, (2, 0)), lambda x: np.zeros((2, 0), x.dtype), of(2, 1), variant="to nothing")
row("concat", lambda x, y: sd.concat([x, y]), lambda x, y: np.r_[x, y], of(N, 3), of(2, 3))
row("concat", lambda x, y: sd.concat([x, y, x], axis=-1), lambda x, y: np.c_[x, y, x], of(N, 3), of(N, 1), variant="columns, one twice")
row("concat", lambda x, y: sd.concat([x, y], axis=None), lambda x, y: np.append(x, y), of(2, 3), of(0, 2), variant="flat")
row("stack", lambda x, y: sd.stack([x, y], axis=1), lambda x, y: np.dstack([x, y]).transpose(0, 2, 1), of(N, 3), of(N, 3))
row("slice", lambda x: x[1:3], lambda x: np.array([x[1], x[2]]), of(5, 2), variant="inside")
row("slice", lambda x: x[:, ::2], lambda x: x[:, [0, 2, 4]], of(N, 5), variant="step")
row("slice", lambda x: x[::-1], lambda x: np.flip(x, 0), of(N, 3), variant="backwards")
row("slice", lambda x: x[4:0:-3, ..., -1], lambda x: np.stack([x[4, :, 2], x[1, :, 2]]), of(5, N, 3), variant="mixed")
row("slice", lambda x: x[3:1], lambda x: np.zeros((0, 2), x.dtype), of(5, 2), variant="nothing")
row("slice", lambda x: x[None, 2, :, None], lambda x: x[2].reshape(1, -1, 1), of(3, 4), variant="new axes")
row("slice", lambda x: reverse(x, 1), lambda x: x[:, [2, 1, 0]], of(N, 3), variant="reverse")
row(
    "slice_transpose",
    lambda x: build(OPS["slice_transpose"], [x], {"starts": (0, 4), "steps": (1, -2), "shape": (N, 6)}),
    lambda x: np.stack([0 * x[:, 0], 0 * x[:, 0], x[:, 1], 0 * x[:, 0], x[:, 0], 0 * x[:, 0]], 1),
    of(N, 2),
)

# -- positions

row("iota", lambda: arange(4), lambda: np.array([0, 1, 2, 3]), order=0)
row("iota", lambda x: x + sd.expand_dims(arange(N), 1), lambda x: np.cumsum(np.ones(x.shape), 0) - 1 + x, of(N, 2), variant="symbolic")
row("in_range", lambda i: in_range(i, 4), lambda i: i % 4, ints(N, 3, low=-4, high=4), order=0)
row("take", sd.take, lambda x, i: np.eye(5, dtype=x.dtype)[i] @ x, of(5, 3), ints(N, low=-5, high=5), variant="rows")
row("take", lambda x, i: sd.take(x, i, axis=-1), lambda x, i: x @ np.eye(4, dtype=x.dtype)[:, i], of(2, 4), ints(3, low=0, high=4), variant="columns")
row("take", lambda x, i: x[:, i], lambda x, i: np.stack([[x[:, k] for k in r] for r in i], 0).transpose(2, 0, 1), of(2, 4), ints(3, 2, low=0, high=4), variant="by index")
row("take", lambda x, i: x[i], lambda x, i: x[int(i)], of(4, 2), ints(low=-4, high=4, dtype="int32"), variant="one row")
row(
    "scatter_add",
    lambda x, i: build(OPS["scatter_add"], [x, i], {"axis": 0, "shape": (5, 3)}),
    lambda x, i: np.eye(5, dtype=x.dtype)[:, i] @ x,
    of(N, 3), ints(N, low=-5, high=5),
)  # fmt: skip
row("take_along_axis", sd.take_along_axis, lambda x, i: np.array([[r[k] for k in j] for r, j in zip(x, i)], x.dtype).reshape(i.shape), of(N, 4), ints(N, 2, low=-4, high=4))
row("take_along_axis", lambda x, i: sd.take_along_axis(x, i, 0), lambda x, i: np.stack([x[i[0], c] for c in range(3)], -1).reshape(1, 3), of(4, 3), ints(1, 1, low=0, high=4), variant="broadcast")
row(
    "scatter_add_along_axis",
    lambda x, i: build(OPS["scatter_add_along_axis"], [x, i], {"axis": 1, "wrap": True, "shape": (N, 4)}),
    lambda x, i: np.einsum("nk,nkj->nj", x, np.eye(4, dtype=x.dtype)[i]),
    of(N, 3), ints(N, 3, low=-4, high=4),
)  # fmt: skip
row("one_hot", lambda y: sd.one_hot(y, 3), lambda y: np.eye(3)[y], ints(N, low=0, high=3), order=0)
row("one_hot", lambda y: sd.one_hot(y, 4, "float32"), lambda y: np.eye(4, dtype="float32")[y], ints(2, 3, low=0, high=4, dtype="uint8"), order=0, variant="matrix")

# -- leaves

row("input", lambda x: x, lambda x: x, of(N, 3))
row("param", lambda w: w * w, lambda w: w**2, Operand((2, 3), leaf="param"))
row("constant", lambda: constant([[1, 2]]), lambda: np.array([[1, 2]]), order=0)
row("size", lambda x: x * size(N * 2 + 1, as_dtype("float64")), lambda x: x * np.float64(2 * len(x) + 1), of(N, 3))

# -- products

for variant, a, b, formula in [
    ("matrices", (N, 3), (3, 2), "ik,kj->ij"), ("vector on the left", (3,), (3, N), "k,kj->j"),
    ("vector on the right", (N, 3), (3,), "ik,k->i"), ("dot", (N,), (N,), "k,k->"),
    ("batches", (2, N, 3), (2, 3, 4), "bik,bkj->bij"), ("shared matrix", (2, N, 3), (3, 4), "bik,kj->bij"),
    ("shared left", (N, 3), (2, 3, 4), "ik,bkj->bij"), ("batch of one", (1, 2, 3), (5, 3, 4), "aik,bkj->bij"),
    ("vector and batch", (3,), (2, 3, 4), "k,bkj->bj"), ("batch and vector", (2, N, 3), (3,), "bik,k->bi"),
    ("two batch axes", (2, 1, N, 3), (4, 3, 2), "abik,ckj->acij"), ("nothing inside", (2, 0), (0, 3), "ik,kj->ij"),
    ("inner batch", (2, N), (N, 3), "ik,kj->ij"),
]:  # fmt: skip
    row("matmul", sd.matmul, lambda x, y, formula=formula: np.einsum(formula, x, y), of(*a), of(*b), variant=variant)
row("matmul", lambda x: x @ x.T, lambda x: np.einsum("ik,jk->ij", x, x), of(N, 3), variant="with itself")
row("integer_matmul", sd.matmul, lambda x, y: np.einsum("ik,kj->ij", x, y), ints(N, 3), ints(3, 2), order=0)
row("matmul", sd.matmul, lambda x, y: np.einsum("k,k->", x, y), ints(3, dtype="int32"), ints(3, dtype="int32"), order=0, variant="int32 dot")

# -- the softmax family


def np_softmax(x: Array, axis: int = -1) -> Array:
    weights = np.exp(x - x.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


row("softmax", sd.softmax, np_softmax, of(N, 3))
row("softmax", lambda x: sd.softmax(x, axis=0), lambda x: np_softmax(x.T).T, of(3, 2), variant="columns")
row("softmax", sd.softmax, np_softmax, of(2, 3, 1), variant="size 1")
row("softmax", sd.softmax, np_softmax, of(N, 4, domain=wide), variant="wide")
row("log_softmax", sd.log_softmax, lambda x: x - np.logaddexp.reduce(x, -1, keepdims=True), of(N, 3))
row("log_softmax", lambda x: sd.log_softmax(x, 0), lambda x: x - np.logaddexp.reduce(x, 0, keepdims=True), of(3, 2), variant="columns")
row("log_softmax", sd.log_softmax, lambda x: x - np.logaddexp.reduce(x, -1, keepdims=True), of(N, 4, domain=wide), variant="wide")
row(
    "cross_entropy",
    sd.cross_entropy,
    lambda z, y: np.logaddexp.reduce(z, -1) - np.sum(z * np.eye(4, dtype=z.dtype)[y], -1),
    of(N, 4), ints(N, low=0, high=4),
)  # fmt: skip
row("cross_entropy", sd.cross_entropy, lambda z, y: np.logaddexp.reduce(z, -1) - z[int(y)], of(3), ints(low=0, high=3), variant="one row")

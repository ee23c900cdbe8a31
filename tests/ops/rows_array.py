"""Rows of what moves, indexes and multiplies whole arrays; leaves; the softmax family."""

from __future__ import annotations

import numpy as np

import symdiff as sd
from symdiff.core.node import build
from symdiff.core.types import as_dtype
from symdiff.ops.convert import constant
from symdiff.ops.index import arange, in_range
from symdiff.ops.leaf import size
from symdiff.ops.record import OPS
from symdiff.ops.slicing import flip
from tests.ops.rows import (
    Array,
    N,
    Operand,
    ints,
    of,
    row,
    wide,
)  # fmt: skip

# -- shapes

row(
    "reshape",
    lambda x: sd.reshape(x, (-1, 6)),
    lambda x: np.stack([np.ravel(r) for r in x]) if len(x) else np.zeros((0, 6), x.dtype),
    of(N, 2, 3),
    variant="keeps the batch",
)
row("reshape", lambda x: x.reshape(3, 2), lambda x: np.array([x[:2], x[2:4], x[4:]]), of(6), variant="vector to matrix")
row("reshape", lambda x: x.reshape(1, 1), lambda x: x[None, None], of(), variant="from scalar")
row("permute_dims", lambda x: x.T, lambda x: np.einsum("ij->ji", x), of(N, 3), variant="transpose")
row(
    "permute_dims",
    lambda x: sd.permute_dims(x, (2, 0, -2)),
    lambda x: np.einsum("ijk->kij", x),
    of(N, 2, 3),
    variant="cycle",
)
row("expand_dims", lambda x: sd.expand_dims(x, 0), lambda x: x[None], of(N, 3))
row("expand_dims", lambda x: sd.expand_dims(x, (0, -1)), lambda x: x[None, ..., None], of(N, 3), variant="two")
row("expand_dims", lambda x: x[:, None], lambda x: x.reshape(len(x), 1), of(N), variant="by index")
row("squeeze", lambda x: sd.squeeze(x), lambda x: x[0, :, 0], of(1, N, 1))
row("squeeze", lambda x: sd.squeeze(x, -1), lambda x: x[..., 0], of(1, 3, 1), variant="one axis")
row(
    "broadcast_to",
    lambda x: sd.broadcast_to(x, (2, N, 3)),
    lambda x: x + np.zeros((2, 1, 3), x.dtype),
    of(N, 1),
    variant="new axes",
)
row(
    "broadcast_to",
    lambda x: sd.broadcast_to(x, (2, 0)),
    lambda x: np.zeros((2, 0), x.dtype),
    of(2, 1),
    variant="to nothing",
)
row("concat", lambda x, y: sd.concat([x, y]), lambda x, y: np.r_[x, y], of(N, 3), of(2, 3))
row(
    "concat",
    lambda x, y: sd.concat([x, y, x], axis=-1),
    lambda x, y: np.c_[x, y, x],
    of(N, 3),
    of(N, 1),
    variant="columns, one twice",
)
row(
    "concat",
    lambda x, y: sd.concat([x, y], axis=None),
    lambda x, y: np.append(x, y),
    of(2, 3),
    of(0, 2),
    variant="flat",
)
row(
    "stack",
    lambda x, y: sd.stack([x, y], axis=1),
    lambda x, y: np.dstack([x, y]).transpose(0, 2, 1),
    of(N, 3),
    of(N, 3),
)
row("slice", lambda x: x[1:3], lambda x: np.array([x[1], x[2]]), of(5, 2), variant="inside")
row("slice", lambda x: x[:, ::2], lambda x: x[:, [0, 2, 4]], of(N, 5), variant="step")
row("slice", lambda x: x[::-1], lambda x: np.flip(x, 0), of(N, 3), variant="backwards")
row("slice", lambda x: x[4:0:-3, ..., -1], lambda x: np.stack([x[4, :, 2], x[1, :, 2]]), of(5, N, 3), variant="mixed")
row("slice", lambda x: x[3:1], lambda x: np.zeros((0, 2), x.dtype), of(5, 2), variant="nothing")
row("slice", lambda x: x[None, 2, :, None], lambda x: x[2].reshape(1, -1, 1), of(3, 4), variant="new axes")
row("slice", lambda x: flip(x, 1), lambda x: x[:, [2, 1, 0]], of(N, 3), variant="flip")
row(
    "slice_transpose",
    lambda x: build(OPS["slice_transpose"], [x], {"starts": (0, 4), "steps": (1, -2), "shape": (N, 6)}),
    lambda x: np.stack([0 * x[:, 0], 0 * x[:, 0], x[:, 1], 0 * x[:, 0], x[:, 0], 0 * x[:, 0]], 1),
    of(N, 2),
)

# -- positions

row("iota", lambda: arange(4), lambda: np.array([0, 1, 2, 3]), order=0)
row(
    "iota",
    lambda x: x + sd.expand_dims(arange(N), 1),
    lambda x: np.cumsum(np.ones(x.shape), 0) - 1 + x,
    of(N, 2),
    variant="symbolic",
)
row("in_range", lambda i: in_range(i, 4), lambda i: i % 4, ints(N, 3, low=-4, high=4), order=0)
row(
    "take",
    lambda x, i: sd.take(x, i, 0),
    lambda x, i: np.eye(5, dtype=x.dtype)[i] @ x,
    of(5, 3),
    ints(N, low=-5, high=5),
    variant="rows",
)
row(
    "take",
    lambda x, i: sd.take(x, i, axis=-1),
    lambda x, i: x @ np.eye(4, dtype=x.dtype)[:, i],
    of(2, 4),
    ints(3, low=0, high=4),
    variant="columns",
)
row(
    "take",
    lambda x, i: x[:, i],
    lambda x, i: np.stack([[x[:, k] for k in r] for r in i], 0).transpose(2, 0, 1),
    of(2, 4),
    ints(3, 2, low=0, high=4),
    variant="by index",
)
row("take", lambda x, i: x[i], lambda x, i: x[int(i)], of(4, 2), ints(low=-4, high=4, dtype="int32"), variant="one row")
row(
    "scatter_add",
    lambda x, i: build(OPS["scatter_add"], [x, i], {"axis": 0, "shape": (5, 3)}),
    lambda x, i: np.eye(5, dtype=x.dtype)[:, i] @ x,
    of(N, 3), ints(N, low=-5, high=5),
)  # fmt: skip
row(
    "take_along_axis",
    sd.take_along_axis,
    lambda x, i: np.array([[r[k] for k in j] for r, j in zip(x, i, strict=True)], x.dtype).reshape(i.shape),
    of(N, 4),
    ints(N, 2, low=-4, high=4),
)
row(
    "take_along_axis",
    lambda x, i: sd.take_along_axis(x, i, 0),
    lambda x, i: np.stack([x[i[0], c] for c in range(3)], -1).reshape(1, 3),
    of(4, 3),
    ints(1, 1, low=0, high=4),
    variant="broadcast",
)
row(
    "scatter_add_along_axis",
    lambda x, i: build(OPS["scatter_add_along_axis"], [x, i], {"axis": 1, "wrap": True, "shape": (N, 4)}),
    lambda x, i: np.einsum("nk,nkj->nj", x, np.eye(4, dtype=x.dtype)[i]),
    of(N, 3), ints(N, 3, low=-4, high=4),
)  # fmt: skip
row("one_hot", lambda y: sd.one_hot(y, 3), lambda y: np.eye(3)[y], ints(N, low=0, high=3), order=0)
row(
    "one_hot",
    lambda y: sd.one_hot(y, 4, "float32"),
    lambda y: np.eye(4, dtype="float32")[y],
    ints(2, 3, low=0, high=4, dtype="uint8"),
    order=0,
    variant="matrix",
)

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
row(
    "matmul",
    sd.matmul,
    lambda x, y: np.einsum("k,k->", x, y),
    ints(3, dtype="int32"),
    ints(3, dtype="int32"),
    order=0,
    variant="int32 dot",
)

# -- the softmax family


def np_softmax(x: Array, axis: int = -1) -> Array:
    weights = np.exp(x - x.max(axis=axis, keepdims=True))
    return weights / weights.sum(axis=axis, keepdims=True)


row("softmax", sd.softmax, np_softmax, of(N, 3))
row("softmax", lambda x: sd.softmax(x, axis=0), lambda x: np_softmax(x.T).T, of(3, 2), variant="columns")
row("softmax", sd.softmax, np_softmax, of(2, 3, 1), variant="size 1")
row("softmax", sd.softmax, np_softmax, of(N, 4, domain=wide), variant="wide")
row("log_softmax", sd.log_softmax, lambda x: x - np.logaddexp.reduce(x, -1, keepdims=True), of(N, 3))
row(
    "log_softmax",
    lambda x: sd.log_softmax(x, 0),
    lambda x: x - np.logaddexp.reduce(x, 0, keepdims=True),
    of(3, 2),
    variant="columns",
)
row(
    "log_softmax",
    sd.log_softmax,
    lambda x: x - np.logaddexp.reduce(x, -1, keepdims=True),
    of(N, 4, domain=wide),
    variant="wide",
)
row(
    "cross_entropy",
    sd.cross_entropy,
    lambda z, y: np.logaddexp.reduce(z, -1) - np.sum(z * np.eye(4, dtype=z.dtype)[y], -1),
    of(N, 4), ints(N, low=0, high=4),
)  # fmt: skip
row(
    "cross_entropy",
    sd.cross_entropy,
    lambda z, y: np.logaddexp.reduce(z, -1) - z[int(y)],
    of(3),
    ints(low=0, high=3),
    variant="one row",
)

"""Rows of products of vectors, matrices and arrays."""

from __future__ import annotations

import numpy as np

import symdiff as sd
from tests.ops.rows import N, ints, of, row

for variant, a, b, formula in [
    ("vectors", (3,), (3,), "k,k->"), ("matrices", (N, 3), (3, 2), "ik,kj->ij"), ("row", (3,), (3, N), "k,kj->j"),
    ("more axes", (2, N, 3), (4, 3, 2), "aik,bkj->aibj"), ("axes and vector", (2, N, 3), (3,), "aik,k->ai"),
    ("vector and axes", (3,), (N, 3, 2), "k,akj->aj"), ("number", (), (N, 2), ",ij->ij"),
]:  # fmt: skip
    row("dot", sd.dot, lambda x, y, formula=formula: np.einsum(formula, x, y), of(*a), of(*b), variant=variant)
for variant, a, b, formula in [
    ("vectors", (3,), (3,), "k,k->"), ("axes", (N, 3), (2, 4, 3), "ik,abk->iab"), ("number", (N, 2), (), "ij,->ij"),
]:  # fmt: skip
    row("inner", sd.inner, lambda x, y, formula=formula: np.einsum(formula, x, y), of(*a), of(*b), variant=variant)
row("vdot", sd.vdot, lambda x, y: np.einsum("ij,ij->", x, y.reshape(x.shape)), of(N, 4), of(N, 2, 2))
row("outer", sd.outer, lambda x, y: np.einsum("i,j->ij", x.ravel(), y.ravel()), of(N, 2), of(3))
row("tensordot", sd.tensordot, lambda x, y: np.einsum("iab,abj->ij", x, y), of(N, 2, 3), of(2, 3, 4))
row(
    "tensordot",
    lambda x, y: sd.tensordot(x, y, ([1, 0], [0, -1])),
    lambda x, y: np.einsum("abi,bja->ij", x, y),
    of(2, 3, N),
    of(3, 4, 2),
    variant="pairs of axes",
)
row("tensordot", lambda x, y: sd.tensordot(x, y, 0), np.multiply.outer, of(N, 2), of(3), variant="no axes")
row("vecdot", sd.vecdot, lambda x, y: np.einsum("...k,...k->...", x, y), of(N, 3), of(2, 1, 3))
row(
    "vecdot",
    lambda x, y: sd.vecdot(x, y, axis=0),
    lambda x, y: np.einsum("ki,ki->i", x, y),
    of(3, N),
    of(3, N),
    variant="first axis",
)
row("matvec", sd.linalg.matvec, lambda x, y: np.einsum("aij,aj->ai", x, y), of(N, 2, 3), of(N, 3))
row("vecmat", sd.linalg.vecmat, lambda x, y: np.einsum("ai,aij->aj", x, y), of(N, 2), of(N, 2, 3))
row("kron", sd.kron, lambda x, y: np.kron(x, y), of(N, 2), of(3, 2))
row("kron", sd.kron, lambda x, y: np.kron(x, y), of(3), of(2, N), variant="vector and matrix")
row("cross", sd.cross, lambda x, y: np.cross(x, y), of(N, 3), of(3))
row(
    "cross",
    lambda x, y: sd.cross(x, y, 0, 1, axisc=0),
    lambda x, y: np.cross(x, y, 0, 1, 0),
    of(3, N),
    of(N, 3),
    variant="axes",
)
row(
    "cross",
    sd.cross,
    lambda x, y: np.cross(np.c_[x, 0 * x[:, :1]], y).astype(x.dtype),
    of(N, 2),
    of(N, 3),
    variant="plane and space",
)
row("cross", sd.cross, lambda x, y: x[:, 0] * y[1] - x[:, 1] * y[0], of(N, 2), of(2), variant="plane")
row(
    "multi_dot",
    lambda x, y, z: sd.linalg.multi_dot([x, y, z]),
    lambda x, y, z: (x @ y) @ z,
    of(N, 3),
    of(3, 4),
    of(4),
)
row("matrix_power", lambda x: sd.matrix_power(x, 5), lambda x: x @ x @ x @ x @ x, of(N, 2, 2), rtol32=2e-4)
row(
    "matrix_power",
    lambda x: sd.matrix_power(x, 0),
    lambda x: x * 0 + np.eye(2, dtype=x.dtype),
    of(N, 2, 2),
    order=0,
    variant="0",
)

for variant, operands, formula in [
    ("product", [(N, 3), (3, 2)], "ij,jk"), ("transposed", [(3, N), (2, 3)], "ji,kj->ik"), ("trace", [(3, 3)], "ii"),
    ("diagonal", [(N, 3, 3)], "aii->ai"), ("sum", [(N, 3)], "ij->"), ("turn", [(N, 3, 2)], "abc->cab"),
    ("elements", [(N, 3), (N, 3)], "ij,ij->ij"), ("axes that go at once", [(N, 3), (3, 4)], "ij,jk->j"),
    ("ellipsis", [(N, 2, 3), (3, 4)], "...ij,jk->...ik"), ("broadcast", [(1, 2, 3), (N, 3, 4)], "...ij,...jk"),
    ("three", [(N, 3), (3, 4), (4, 2)], "ij,jk,kl->il"), ("bilinear", [(N, 3), (3, 2, 4), (N, 4)], "ai,ijk,ak->aj"),
    ("four in a ring", [(2, 3), (3, 4), (4, 2), (2, 2)], "ij,jk,kl,li->"), ("outer", [(N,), (3,), (2,)], "i,j,k->kij"),
    ("size 1 meets more", [(1, 3), (N, 3)], "ij,ij->i"), ("batch of vectors", [(N, 2, 3), (N, 3)], "bij,bj->bi"),
    ("repeated in both", [(3, 3), (3, N)], "ii,ij->j"), ("numbers", [(), (N,)], ",i->i"),
]:  # fmt: skip
    row(
        "einsum",
        lambda *x, formula=formula: sd.einsum(formula, *x),
        lambda *x, formula=formula: np.einsum(formula, *x),
        *(of(*shape) for shape in operands),
        variant=variant,
    )
row(
    "einsum",
    lambda x, y: sd.einsum("ij,jk", x, y),
    lambda x, y: x @ y,
    ints(N, 3),
    ints(3, 2),
    order=0,
    variant="integers",
)

"""Rows of products, factors, systems and functions of matrices.

Matrices that must be symmetric, positive definite or far from singular are made so inside the rows, from what is
sampled. What is unique up to signs is compared by what does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

import symdiff as sd
from symdiff.core.node import Node, build
from symdiff.ops.record import OPS
from tests.ops.rows import Array, N, ints, of, row

# -- products of arrays

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

# -- systems


def regular(x: Any) -> Any:
    """Far from singular, for nodes and for arrays."""
    return x + 5 * np.eye(x.shape[-1], dtype=x.dtype)


def turned(x: Any) -> Any:
    return (
        sd.permute_dims(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)) if isinstance(x, Node) else x.swapaxes(-1, -2)
    )


def definite(x: Any) -> Any:
    """Symmetric and positive definite."""
    return x @ turned(x) + np.eye(x.shape[-1], dtype=x.dtype)


def apart(x: Any) -> Any:
    """Symmetric, with eigenvalues that lie apart."""
    return x + turned(x) + np.diag(12 * np.arange(x.shape[-1])).astype(x.dtype)


def long(x: Any) -> Any:
    """With singular values that lie apart, and full rank."""
    m, n = x.shape[-2:]
    return x + (np.eye(m, n) * (6 * np.arange(1, n + 1))).astype(x.dtype)


def each(function: Callable[..., Any]) -> Callable[..., Array]:
    """SciPy's functions of one matrix, for a batch."""

    def of_batch(x: Array, *others: Array) -> Array:
        if not len(x):
            return np.zeros(function(np.eye(x.shape[-1]), *(y[:0].sum(0) for y in others)).shape, x.dtype)[None][:0]
        return np.stack([function(*item).astype(x.dtype) for item in zip(x, *others, strict=True)])

    return of_batch


row(
    "cholesky",
    lambda x: sd.cholesky(definite(x)),
    lambda x: each(lambda a: scipy.linalg.cholesky(a, lower=True))(definite(x)),
    of(N, 3, 3),
    rtol32=2e-4,
)
row(
    "cholesky",
    lambda x: sd.cholesky(definite(x), upper=True),
    lambda x: each(scipy.linalg.cholesky)(definite(x)),
    of(N, 3, 3),
    variant="upper",
    rtol32=2e-4,
)
row(
    "cholesky",
    lambda x: sd.cholesky(regular(x)),
    lambda x: scipy.linalg.cholesky(regular(np.tril(x) + np.tril(x, -1).T), lower=True),
    of(3, 3),
    variant="one triangle",
    rtol32=2e-4,
)
for lower, trans, unit in [(True, 0, False), (False, 0, False), (True, 1, False), (False, 1, True), (True, 0, True)]:
    row(
        "triangular_solve",
        lambda a, b, lower=lower, trans=trans, unit=unit: sd.triangular_solve(
            regular(a), b, lower=lower, trans=trans, unit_diagonal=unit
        ),
        lambda a, b, lower=lower, trans=trans, unit=unit: each(
            lambda a, b: scipy.linalg.solve_triangular(a, b, trans, lower, unit)
        )(regular(a), b),
        of(N, 3, 3),
        of(N, 3, 2),
        variant=f"{'lower' if lower else 'upper'}{' transposed' if trans else ''}{' unit' if unit else ''}",
    )
row(
    "solve_triangular",
    lambda a, b: sd.linalg.solve_triangular(regular(a), b),
    lambda a, b: np.linalg.solve(np.triu(regular(a)), b),
    of(3, 3),
    of(3),
)
row(
    "cho_solve",
    lambda a, b: sd.linalg.cho_solve(sd.cholesky(definite(a)), b),
    lambda a, b: np.linalg.inv(definite(a)) @ b,
    of(3, 3),
    of(3, 2),
    rtol32=1e-3,
)
row(
    "cho_solve",
    lambda a, b: sd.linalg.cho_solve(sd.cholesky(definite(a), upper=True), b, lower=False),
    lambda a, b: np.linalg.inv(definite(a)) @ b,
    of(3, 3),
    of(3, 2),
    variant="upper",
    rtol32=1e-3,
)
row("solve", lambda a, b: sd.solve(regular(a), b), lambda a, b: np.linalg.inv(regular(a)) @ b, of(N, 3, 3), of(N, 3, 2))
row(
    "solve",
    lambda a, b: sd.solve(regular(a), b),
    lambda a, b: np.linalg.inv(regular(a)) @ b,
    of(N, 3, 3),
    of(3),
    variant="vector",
)
row(
    "solve",
    lambda a, b: sd.solve(regular(a), b),
    lambda a, b: np.linalg.inv(regular(a)) @ b,
    of(3, 3),
    of(N, 3, 2),
    variant="one matrix",
)
row(
    "solve",
    lambda a, b: sd.solve(regular(a), b),
    lambda a, b: np.linalg.inv(regular(a)) @ b,
    of(2, 1, 3, 3),
    of(N, 3, 1),
    variant="broadcast",
)
row(
    "inv",
    lambda x: sd.inv(regular(x)),
    lambda x: np.linalg.solve(regular(x), np.broadcast_to(np.eye(3, dtype=x.dtype), x.shape)),
    of(N, 3, 3),
)
row("inv", lambda x: sd.inv(regular(x)), lambda x: 1 / (x + 5), of(N, 1, 1), variant="1 x 1")
row(
    "tensorinv",
    lambda x: sd.linalg.tensorinv(regular(x.reshape(6, 6)).reshape(2, 3, 6)),
    lambda x: np.linalg.inv(regular(x.reshape(6, 6))).reshape(6, 2, 3),
    of(2, 3, 6),
)
row(
    "tensorsolve",
    lambda x, b: sd.linalg.tensorsolve(regular(x.reshape(6, 6)).reshape(2, 3, 6), b),
    lambda x, b: np.linalg.solve(regular(x.reshape(6, 6)), b.ravel()),
    of(2, 3, 6),
    of(2, 3),
)

# -- determinants


def np_det3(x: Array) -> Array:
    return np.einsum("ai,ai->a", x[:, 0], np.cross(x[:, 1], x[:, 2]))


def np_cofactor3(x: Array) -> Array:
    return np.stack([np.cross(x[:, 1], x[:, 2]), np.cross(x[:, 2], x[:, 0]), np.cross(x[:, 0], x[:, 1])], 1)


def rank_two(x: Any) -> Any:
    """The last row is made of the others."""
    last = x[..., :1, :] - 2 * x[..., 1:2, :]
    return sd.concat([x, last], -2) if isinstance(x, Node) else np.concatenate([x, last], -2)


row("det", sd.det, np_det3, of(N, 3, 3), rtol32=2e-4)
row("det", sd.det, lambda x: x[:, 0, 0], of(N, 1, 1), variant="1 x 1")
row(
    "det",
    lambda x: 1 + sd.det(rank_two(x)),
    lambda x: 1 + 0 * x[:, 0, 0],
    of(N, 2, 3),
    order=1,
    variant="singular",
    rtol32=1e-4,
)
row(
    "cofactor",
    lambda x: build(OPS["cofactor"], [regular(x)]),
    lambda x: np_cofactor3(regular(x)),
    of(N, 3, 3),
    rtol32=2e-4,
)
row("slogdet", lambda x: sd.slogdet(x)[1], lambda x: np.log(np.abs(np_det3(x))), of(N, 3, 3), rtol32=1e-3)
row("slogdet", lambda x: sd.slogdet(x)[0], lambda x: np.sign(np_det3(x)), of(N, 3, 3), order=0, variant="sign")
row(
    "logdet",
    lambda x: sd.linalg.logdet(definite(x)),
    lambda x: np.log(np.linalg.det(definite(x))).astype(x.dtype),
    of(N, 3, 3),
    rtol32=2e-4,
)

# -- factors


def signs_out(q: Any, r: Any) -> Any:
    """Of Q and R what does not depend on signs."""
    diagonal = sd.diagonal(r, 0, -2, -1) if isinstance(r, Node) else np.diagonal(r, 0, -2, -1)
    return (q * diagonal[..., None, :] ** 2) @ turned(q)


def np_gram_schmidt(x: Array) -> Array:
    """The same by Cholesky's factor of x^T x, which is R up to signs."""
    r = turned(np.linalg.cholesky(turned(x) @ x))
    return signs_out(x @ np.linalg.inv(r), r)


row("qr", lambda x: signs_out(*sd.qr(long(x))), lambda x: np_gram_schmidt(long(x)), of(N, 4, 3), rtol32=5e-4)
row(
    "qr",
    lambda x: signs_out(*sd.qr(long(x), "complete")),
    lambda x: np_gram_schmidt(long(x)),
    of(N, 3, 3),
    variant="square",
    rtol32=5e-4,
)
row("qr", lambda x: sd.qr(x, "r"), lambda x: scipy.linalg.qr(x, mode="economic")[1], of(3, 3), variant="r")
row(
    "qr",
    lambda x: sd.qr(x)[0] @ sd.sin(sd.qr(x)[1]),
    lambda x: (lambda q, r: q @ np.sin(r))(*scipy.linalg.qr(x, mode="economic")),
    of(3, 5),
    variant="wide",
    rtol32=1e-4,
)
row(
    "qr",
    lambda x: sd.qr(x)[1][..., 3:],
    lambda x: scipy.linalg.qr(x)[1][:, 3:],
    of(3, 5),
    variant="wide, the rest",
    rtol32=1e-4,
)
row("item", lambda x: sd.qr(x)[0], lambda x: scipy.linalg.qr(x, mode="economic")[0], of(4, 3), rtol32=1e-4)

row("eigh", lambda x: sd.eigh(apart(x))[0], lambda x: np.linalg.eigvalsh(apart(x)), of(N, 3, 3), rtol32=2e-4)
row(
    "eigh",
    lambda x: sd.linalg.eigvalsh(apart(x), "U"),
    lambda x: np.linalg.eigvalsh(apart(x)),
    of(N, 3, 3),
    variant="upper",
    rtol32=2e-4,
)
row(
    "eigh",
    lambda x: sd.eigh(apart(x))[1] ** 2,
    lambda x: np.linalg.eigh(apart(x))[1] ** 2,
    of(N, 3, 3),
    variant="vectors",
    rtol32=2e-4,
)
row(
    "eigh",
    lambda x: (lambda w, v: (v * sd.exp(w * 0.1)[..., None, :]) @ turned(v))(*sd.eigh(apart(x))),
    lambda x: each(scipy.linalg.expm)(0.1 * apart(x)),
    of(N, 2, 2),
    variant="exponential",
    rtol32=5e-4,
)
row(
    "eigh",
    lambda x: sd.eigh(long(x))[0],
    lambda x: np.linalg.eigvalsh(long(np.tril(x) + np.tril(x, -1).T)),
    of(3, 3),
    variant="one triangle",
    rtol32=2e-4,
)

for name, shape in [("tall", (4, 3)), ("square", (3, 3)), ("wide", (3, 5))]:

    def spread_out(x: Any) -> Any:
        return long(x) if x.shape[-2] >= x.shape[-1] else turned(long(turned(x)))

    row(
        "svd",
        lambda x: sd.svd(spread_out(x), compute_uv=False),
        lambda x: np.sqrt(np.linalg.eigvalsh(spread_out(x) @ turned(spread_out(x)))[..., ::-1][..., :3]),
        of(N, *shape),
        variant=f"{name} values",
        rtol32=5e-4,
    )
    row(
        "svd",
        lambda x: (lambda u, s, vh: (u * sd.log(s)[..., None, :]) @ vh)(*sd.svd(spread_out(x), full_matrices=False)),
        lambda x: (lambda u, s, vh: (u * np.log(s)[..., None, :]) @ vh)(*np.linalg.svd(spread_out(x), False)),
        of(N, *shape),
        variant=name,
        rtol32=5e-4,
    )
    row(
        "svd",
        lambda x: sd.svd(spread_out(x), full_matrices=False)[0] ** 2,
        lambda x: np.linalg.svd(spread_out(x), False)[0] ** 2,
        of(N, *shape),
        variant=f"{name} left",
        rtol32=5e-4,
    )
    row(
        "svd",
        lambda x: sd.svd(spread_out(x), full_matrices=False)[2] ** 2,
        lambda x: np.linalg.svd(spread_out(x), False)[2] ** 2,
        of(N, *shape),
        variant=f"{name} right",
        rtol32=5e-4,
    )
row("svdvals", lambda x: sd.linalg.svdvals(x)[..., 0], lambda x: np.linalg.norm(x, 2), of(4, 3), rtol32=1e-4)

# -- least squares

row(
    "pinv",
    lambda x: sd.pinv(long(x)),
    lambda x: np.linalg.inv(turned(long(x)) @ long(x)) @ turned(long(x)),
    of(N, 4, 3),
    rtol32=5e-4,
)
row(
    "pinv",
    lambda x: sd.pinv(turned(long(turned(x)))),
    lambda x: (lambda a: turned(a) @ np.linalg.inv(a @ turned(a)))(turned(long(turned(x)))),
    of(N, 3, 4),
    variant="wide",
    rtol32=5e-4,
)
row(
    "lstsq",
    lambda a, b: sd.lstsq(long(a), b)[0],
    lambda a, b: np.linalg.solve(turned(long(a)) @ long(a), turned(long(a)) @ b),
    of(4, 3),
    of(4, 2),
    rtol32=5e-4,
)
row(
    "lstsq",
    lambda a, b: sd.lstsq(long(a), b)[0],
    lambda a, b: np.linalg.lstsq(long(a), b)[0],
    of(4, 3),
    of(4),
    variant="vector",
    rtol32=5e-4,
)
row(
    "lstsq",
    lambda a, b: sd.lstsq(long(a), b)[1],
    lambda a, b: np.linalg.lstsq(long(a), b)[1],
    of(4, 3),
    of(4, 2),
    variant="residuals",
    rtol32=5e-4,
)
row(
    "lstsq",
    lambda a, b: sd.lstsq(a, b)[0],
    lambda a, b: np.linalg.lstsq(a, b)[0],
    of(2, 4),
    of(2),
    variant="wide",
    rtol32=5e-4,
)
row(
    "lstsq",
    lambda a, b: sd.lstsq(a, b)[2],
    lambda a, b: np.asarray(np.linalg.lstsq(a, b)[2], "int64"),
    of(4, 3),
    of(4),
    order=0,
    variant="rank",
)
row("matrix_rank", sd.linalg.matrix_rank, lambda x: np.linalg.matrix_rank(x), of(N, 4, 3), order=0)
row(
    "matrix_rank",
    lambda x: sd.linalg.matrix_rank(rank_two(x)),
    lambda x: np.full(len(x), 2),
    of(N, 2, 3, dtype="float64"),
    order=0,
    variant="deficient",
)

# -- functions and norms

row("expm", lambda x: sd.expm(x), lambda x: each(scipy.linalg.expm)(x), of(N, 3, 3), rtol32=2e-4)
row(
    "expm",
    lambda x: sd.expm(4 * x),
    lambda x: each(scipy.linalg.expm)(4 * x),
    of(N, 2, 2),
    variant="squared often",
    rtol32=5e-3,
    order=1,
)
for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
    row(
        "matrix_norm",
        lambda x, order=order: sd.linalg.matrix_norm(long(x), ord=order),
        lambda x, order=order: np.linalg.norm(long(x), order, (-2, -1)),
        of(N, 4, 3),
        variant=str(order),
        rtol32=2e-4,
    )
row(
    "norm",
    lambda x: sd.norm(x, "nuc", (0, 2), True),
    lambda x: np.linalg.norm(x, "nuc", (0, 2), True),
    of(3, N, 4),
    variant="matrices, keepdims",
    rtol32=2e-4,
)
row("norm", lambda x: sd.norm(x), lambda x: np.sqrt((x**2).sum()), of(2, 3), variant="all")
row(
    "norm",
    lambda x: sd.norm(x, 3, -1),
    lambda x: (np.abs(x) ** 3).sum(-1) ** (1 / 3),
    of(N, 3),
    variant="order 3 of vectors",
)
row("norm", lambda x: sd.norm(x, -1, (1, 0)), lambda x: np.abs(x).sum(1).min(), of(3, 4), variant="columns")
row("cond", lambda x: sd.linalg.cond(regular(x)), lambda x: np.linalg.cond(regular(x)), of(N, 3, 3), rtol32=5e-4)
row(
    "cond",
    lambda x: sd.linalg.cond(regular(x), 1),
    lambda x: np.linalg.cond(regular(x), 1),
    of(N, 3, 3),
    variant="1",
    rtol32=5e-4,
)
row("trace", lambda x: sd.linalg.trace(x, offset=1), lambda x: x[:, 0, 1] + x[:, 1, 2], of(N, 3, 3), variant="linalg")

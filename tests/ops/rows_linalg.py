"""Rows of systems, determinants, functions and norms of matrices; helpers for these and for rows_factors.py.

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
from tests.ops.rows import Array, N, of, row

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
    lambda x, y: sd.sum(x, axis=(1, 2)) + sd.det(rank_two(x) + y),
    lambda x, y: x.sum((1, 2)) + np_det3(rank_two(x) + y),
    of(N, 2, 3),
    of(N, 3, 3, domain=lambda rng, shape: np.zeros(shape)),
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

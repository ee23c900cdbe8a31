"""Rows of factors of matrices, singular values and least squares."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

import symdiff as sd
from symdiff.core.node import Node
from tests.ops.rows import Array, N, of, row
from tests.ops.rows_linalg import apart, each, long, rank_two, turned

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

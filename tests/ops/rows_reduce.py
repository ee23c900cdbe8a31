"""Rows of the reductions."""

from __future__ import annotations

from typing import Any

import numpy as np

import symdiff as sd
from tests.ops.rows import (
    Array,
    Callable,
    Domain,
    N,
    bools,
    distinct,
    halves,
    ints,
    nonzero,
    of,
    reals,
    row,
    wide,
)  # fmt: skip

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
row(
    "mean",
    lambda x: x.mean(),
    lambda x: np.sum(x) / x.dtype.type(max(x.size, 1)) if x.size else np.float64("nan").astype(x.dtype),
    of(N, 3),
    variant="of a batch",
)
row("mean", sd.mean, lambda x: np.float64(x.sum()) / 6, ints(2, 3), order=0, variant="integers")
row("sum", sd.sum, lambda x: np.count_nonzero(x) + np.int64(0), bools(N, 3), order=0, variant="booleans")
row(
    "sum",
    lambda x: x.sum(axis=0),
    lambda x: np.ones(len(x), "uint64") @ x.astype("uint64"),
    ints(4, 2, dtype="uint8", low=0, high=256),
    order=0,
    variant="uint8",
)
row(
    "prod",
    lambda x: x.prod(),
    lambda x: python_prod(x.astype("int64")),
    ints(5, dtype="int32"),
    order=0,
    variant="int32",
)
row("max", lambda x: x.max(axis=-1), lambda x: np.sort(x, -1)[:, -1], ints(3, 4), order=0, variant="integers")
row("logsumexp", sd.logsumexp, lambda x: np.logaddexp.reduce(x), of(6, domain=wide), variant="wide")

for name, first in [
    ("argmax", lambda x: np.flatnonzero(x == x.max())[0]),
    ("argmin", lambda x: np.flatnonzero(x == x.min())[0]),
]:
    for variant, shape, axis, keepdims in [
        ("rows", (N, 5), 1, False), ("keepdims", (N, 5), -1, True), ("columns", (4, 3), 0, False),
        ("all", (4, 3), None, False), ("all keepdims", (4, 3), None, True),
    ]:  # fmt: skip
        row(
            name,
            lambda x, name=name, axis=axis, keepdims=keepdims: getattr(sd, name)(x, axis, keepdims),
            lambda x, first=first, axis=axis, keepdims=keepdims: slice_by_slice(first, x, axis, keepdims),
            of(*shape, domain=halves), order=0, variant=variant,
        )  # fmt: skip

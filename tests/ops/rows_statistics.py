"""Rows of statistics, norms, differences, running totals, sorting."""

from __future__ import annotations

from typing import Any

import numpy as np

import symdiff as sd
from symdiff.core.node import build
from symdiff.ops.record import OPS
from tests.ops.rows import Array, N, bools, distinct, halves, ints, nonzero, of, reals, row, wide
from tests.ops.rows_reduce import slice_by_slice

FORMS: list[tuple[str, tuple[Any, ...], Any, bool]] = [
    ("all", (4, 3), None, False), ("rows", (N, 3), 1, False), ("columns", (4, 3), 0, False),
    ("keepdims", (N, 3), -1, True), ("two axes", (2, 4, 3), (0, -1), False), ("all keepdims", (2, 3), None, True),
]  # fmt: skip


def forms(name: str, loop: Any, domain: Any = reals, order: int = 2, label: str = "", **given: Any) -> None:
    """``loop`` reduces a flat array; it is applied to every slice."""
    for variant, shape, axis, keepdims in FORMS:
        row(
            name,
            lambda x, axis=axis, keepdims=keepdims: getattr(sd, name)(x, axis=axis, keepdims=keepdims, **given),
            lambda x, axis=axis, keepdims=keepdims: slice_by_slice(loop, x, axis, keepdims),
            of(*shape, domain=domain),
            order=order,
            variant=f"{label}{variant}",
        )


# -- statistics


def pairs_var(x: Array, less: float = 0) -> Any:
    """Half the mean squared distance between two elements: no mean is subtracted."""
    return np.square(x[:, None] - x).sum() / x.dtype.type(2 * len(x) * max(len(x) - less, 1e-30))


forms("var", pairs_var)
forms("var", lambda x: pairs_var(x, 1), label="correction ", correction=1)
forms("std", lambda x: np.sqrt(pairs_var(x)), domain=distinct)
forms("std", lambda x: np.sqrt(pairs_var(x, 0.5)), domain=distinct, label="ddof ", ddof=0.5)
row("var", lambda x: sd.var(x), lambda x: np.var(x.astype("float64")), ints(2, 3), order=0, variant="integers")
row("var", lambda x: x.var(0, ddof=2), lambda x: x.var(0, ddof=2), of(4, N), variant="method")
row("var", lambda x: sd.var(x + 1e4), lambda x: x.var(), of(5), variant="far from 0", rtol32=0.2)
forms("ptp", np.ptp, domain=distinct)
forms("count_nonzero", lambda x: np.int64(np.sum(x != 0)), domain=halves, order=0)
forms("any", np.any, domain=halves, order=0)
forms("all", np.all, domain=halves, order=0)
row("any", lambda x: x.any(axis=0), lambda x: x.max(0, initial=False), bools(N, 3), order=0, variant="booleans")
row("all", lambda x: x.all(), lambda x: x.min(initial=True), bools(N, 3), order=0, variant="booleans")
row(
    "average",
    lambda x, w: sd.average(x, weights=w),
    lambda x, w: np.vdot(x, w) / w.sum(),
    of(2, 3),
    of(2, 3, domain=nonzero),
)
row(
    "average",
    lambda x, w: sd.average(x, 1, w, keepdims=True),
    lambda x, w: (x @ w / w.sum())[:, None],
    of(N, 3), of(3, domain=nonzero), variant="weights of an axis",
)  # fmt: skip
row(
    "average",
    lambda x, w: sd.average(x, (2, 0), w),
    lambda x, w: np.einsum("ijk,ki->j", x, w) / w.sum(),
    of(2, 4, 3), of(3, 2, domain=nonzero), variant="weights of two axes",
)  # fmt: skip
row("average", lambda x: sd.average(x, 0), lambda x: x.mean(0), of(4, 3), variant="no weights")


def holes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers, and NaN in some places, but not in the first."""
    x = distinct(rng, shape)
    x.flat[2::3] = np.nan
    return x


for name in ("nansum", "nanprod", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd"):
    for variant, axis in [("all", None), ("rows", 1), ("columns", 0)]:
        row(
            name,
            lambda x, name=name, axis=axis: getattr(sd, name)(x, axis),
            lambda x, name=name, axis=axis: getattr(np, name)(x, axis),
            of(4, 5, domain=holes),
            variant=f"holes {variant}", rtol32=2e-4,
        )  # fmt: skip
        row(
            name,
            lambda x, name=name, axis=axis: getattr(sd, name)(x, axis),
            lambda x, name=name, axis=axis: getattr(np, name.removeprefix("nan"))(x, axis),
            of(4, 5, domain=distinct), variant=variant, rtol32=2e-4,
        )  # fmt: skip
row("nanmax", lambda x: sd.nanmax(x), lambda x: x.max(), ints(3), order=0, variant="integers")

# -- norms

for order in (2, 1, 3, 0.5, np.inf, -np.inf, -2, 1.5):
    forms(
        "vector_norm",
        lambda x, order=order: np.linalg.norm(x, order).astype(x.dtype),
        domain=lambda rng, shape: distinct(rng, shape) + 0.03,
        label=f"{order} ",
        ord=order,
    )
forms("vector_norm", lambda x: x.dtype.type(np.sum(x != 0)), domain=halves, order=0, label="0 ", ord=0)
# -- differences

for variant, shape, given in [
    ("", (N, 4), {}), ("second", (4, N), {"n": 2, "axis": 0}), ("none", (3,), {"n": 0}), ("too many", (3,), {"n": 4}),
    ("number in front", (N, 3), {"prepend": 1.0}), ("number behind", (2, 3), {"append": -2.5, "axis": 1}),
]:  # fmt: skip
    row(
        "diff",
        lambda x, given=given: sd.diff(x, **given),
        lambda x, given=given: np.diff(x, **given).astype(x.dtype),
        of(*shape),
        variant=variant,
    )
row(
    "diff",
    lambda x, y: sd.diff(x, append=y),
    lambda x, y: np.c_[x[:, 1:] - x[:, :-1], y[:, :1] - x[:, -1:], y[:, 1:] - y[:, :-1]],
    of(N, 3),
    of(N, 2),
    variant="array behind",
)
row("diff", sd.diff, lambda x: x[1:] != x[:-1], bools(5), order=0, variant="booleans")
row("trapezoid", lambda y: sd.trapezoid(y, dx=0.5), lambda y: np.trapezoid(y, dx=0.5), of(N, 4))
row("trapezoid", sd.trapezoid, lambda y, x: np.trapezoid(y, x), of(N, 4), of(4), variant="places")
row(
    "trapezoid",
    lambda y, x: sd.trapezoid(y, x, axis=0),
    lambda y, x: np.trapezoid(y, x, axis=0),
    of(4, 3), of(4, 3), variant="places for each",
)  # fmt: skip
row(
    "trapezoid",
    lambda y, x: sd.trapezoid(y, x, axis=0),
    lambda y, x: np.trapezoid(y, x, axis=0),
    of(4, 3),
    of(4),
    variant="first axis",
)

# -- running totals


def running(loop: Any, x: Array, axis: int | None) -> Array:
    """``loop`` reduces the elements so far."""
    if axis is None:
        x, axis = x.ravel(), 0
    rows = np.moveaxis(x, axis, -1)
    out = np.empty(rows.shape, np.asarray(loop(np.ones(1, x.dtype))).dtype)
    for index in np.ndindex(*rows.shape):
        out[index] = loop(rows[index[:-1]][: index[-1] + 1])
    return np.moveaxis(out, -1, axis)


def with_zeros(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    x = rng.uniform(0.4, 2, shape) * rng.choice([-1.0, 1.0], shape)
    x.flat[1::3] = 0
    return x


for name, loop, domain in [
    ("cumsum", np.sum, reals), ("cumprod", np.prod, with_zeros), ("cummax", np.max, distinct),
    ("cummin", np.min, distinct), ("logcumsumexp", np.logaddexp.reduce, reals),
]:  # fmt: skip
    for variant, shape, axis in [
        ("rows", (N, 4), 1),
        ("columns", (4, 3), 0),
        ("middle", (2, 3, 2), -2),
        ("flat", (2, 3), None),
        ("batch", (N, 2), 0),
    ]:
        if axis is None and name == "logcumsumexp":
            continue
        row(
            name,
            lambda x, name=name, axis=axis: getattr(sd, name)(x, axis),
            lambda x, loop=loop, axis=axis: running(loop, x, axis),
            of(*shape, domain=domain), variant=variant,
        )  # fmt: skip
row(
    "logcumsumexp",
    sd.logcumsumexp,
    lambda x: running(np.logaddexp.reduce, x, -1),
    of(N, 5, domain=wide),
    variant="wide",
)
row(
    "cumsum",
    lambda x: x.cumsum(),
    lambda x: running(np.sum, x, None),
    ints(2, 3, dtype="int32"),
    order=0,
    variant="int32",
)
row(
    "cumprod",
    lambda x: x.cumprod(0),
    lambda x: running(np.prod, x, 0),
    ints(3, 2, dtype="uint8", low=0, high=9),
    order=0,
    variant="uint8",
)
row("cummax", lambda x: sd.cummax(x, 0), lambda x: running(np.max, x, 0), ints(5, 2), order=0, variant="integers")
row("cumulative_sum", sd.cumulative_sum, lambda x: running(np.sum, x, 0), of(N))
row(
    "cumulative_sum",
    lambda x: sd.cumulative_sum(x, axis=1, include_initial=True),
    lambda x: np.pad(running(np.sum, x, 1), ((0, 0), (1, 0))),
    of(N, 3), variant="from 0",
)  # fmt: skip
row(
    "cumulative_sum",
    lambda x: sd.cumulative_sum(x, dtype="float32"),
    lambda x: running(np.sum, x.astype("float32"), 0),
    ints(4),
    order=0,
    variant="dtype",
)
row(
    "cumulative_prod",
    lambda x: sd.cumulative_prod(x, axis=0, include_initial=True),
    lambda x: np.pad(running(np.prod, x, 0), ((1, 0), (0, 0)), constant_values=1),
    of(3, N, domain=with_zeros), variant="from 1",
)  # fmt: skip


def plain_recurrence(a: Array, b: Array) -> Array:
    out = b.copy()
    for i in range(b.shape[1]):
        out[:, i] = sum(b[:, k] * np.prod(a[:, k + 1 : i + 1], 1) for k in range(i + 1))
    return out


row(
    "linear_recurrence",
    lambda a, b: build(OPS["linear_recurrence"], [a, b], {"axis": 1}),
    plain_recurrence,
    of(N, 5), of(N, 5),
)  # fmt: skip
for name, best in [("cumulative_argmax", np.argmax), ("cumulative_argmin", np.argmin)]:
    row(
        name,
        lambda x, name=name: build(OPS[name], [x], {"axis": 1}),
        lambda x, best=best: running(best, x, 1),
        of(N, 6, domain=halves), order=0,
    )  # fmt: skip

# -- sorting


def insertion_order(x: Array) -> Array:
    """Positions in order: smaller first, earlier first among equals."""
    return np.array([p for _, p in sorted((v, p) for p, v in enumerate(x.tolist()))], "int64")


def each_row(function: Any, x: Array) -> Array:
    return np.stack([function(r) for r in x]) if len(x) else np.zeros(x.shape, function(np.ones(1, x.dtype)).dtype)


row("argsort", sd.argsort, lambda x: each_row(insertion_order, x), of(N, 9, domain=halves), order=0)
row(
    "argsort",
    lambda x: x.argsort(descending=True),
    lambda x: each_row(lambda r: insertion_order(-r), x),
    of(N, 9, domain=halves), order=0, variant="descending",
)  # fmt: skip
row(
    "argsort",
    lambda x: sd.argsort(x, 0),
    lambda x: each_row(insertion_order, x.T).T,
    of(5, 3, domain=halves),
    order=0,
    variant="columns",
)
row("argsort", lambda x: sd.argsort(x, None), lambda x: insertion_order(x.ravel()), ints(5, 3), order=0, variant="flat")
for variant, shape, axis in [
    ("rows", (N, 5), -1),
    ("columns", (5, N), 0),
    ("middle", (2, 6, 2), 1),
    ("flat", (2, 3), None),
]:
    for descending in (False, True):
        row(
            "sort",
            lambda x, axis=axis, descending=descending: sd.sort(x, axis, descending=descending),
            lambda x, axis=axis, descending=descending: -np.sort(-x, axis) if descending else np.sort(x, axis),
            of(*shape, domain=distinct), variant=f"{variant}{' descending' * descending}",
        )  # fmt: skip
for largest, label in [(True, "largest"), (False, "smallest")]:
    row(
        "top_k",
        lambda x, largest=largest: sd.top_k(x, 3, largest=largest)[0],
        lambda x, largest=largest: np.sort(x)[:, :-4:-1] if largest else np.sort(x)[:, :3],
        of(N, 7, domain=distinct),
        variant=label,
    )
    row(
        "top_k",
        lambda x, largest=largest: sd.top_k(x, 3, largest=largest)[1],
        lambda x, largest=largest: np.argsort(-x if largest else x)[:, :3],
        of(N, 7, domain=distinct),
        order=0,
        variant=f"positions of the {label}",
    )
row("topk", lambda x: sd.topk(x, 2, axis=0)[0], lambda x: np.sort(x, 0)[:-3:-1], of(5, 2, domain=distinct))
for side in ("left", "right"):
    row(
        f"searchsorted_{side}",
        lambda v, side=side: sd.searchsorted(sd.constant([-2.0, -0.5, -0.5, 1.0, 1.5]).astype(v.dtype), v, side),
        lambda v, side=side: np.array(
            [sum(p < e or (p == e and side == "right") for p in (-2, -0.5, -0.5, 1, 1.5)) for e in v.ravel()], "int64"
        ).reshape(v.shape),
        of(N, 4, domain=halves), order=0,
    )  # fmt: skip
row(
    "searchsorted",
    lambda p, v: sd.searchsorted(p, v),
    lambda p, v: (p < v[:, None]).sum(1),
    of(0),
    of(N),
    order=0,
    variant="in nothing",
)
forms("median", np.median, domain=distinct)
row("median", sd.median, lambda x: np.median(x), ints(3, 4), order=0, variant="integers")
for q in (0.3, [0.0, 0.25, 1.0], [[0.5], [0.75]]):
    for variant, shape, axis, keepdims in FORMS:
        row(
            "quantile",
            lambda x, q=q, axis=axis, keepdims=keepdims: sd.quantile(x, q, axis, keepdims),
            lambda x, q=q, axis=axis, keepdims=keepdims: np.asarray(np.quantile(x, q, axis, keepdims=keepdims), x.dtype)
            if x.size
            else np.zeros((*np.shape(q), *np.sum(x, axis, keepdims=keepdims).shape), x.dtype),
            of(*shape, domain=distinct), variant=f"{q} {variant}",
        )  # fmt: skip
row(
    "quantile",
    lambda x, q: sd.quantile(x, q),
    lambda x, q: np.quantile(x, q).astype(x.dtype),
    of(6, domain=distinct),
    of(domain=lambda rng, s: rng.uniform(0.42, 0.58, s)),
    variant="share given",
)
row(
    "percentile", lambda x: sd.percentile(x, 30), lambda x: np.percentile(x, 30).astype(x.dtype), of(6, domain=distinct)
)
row("softmin", lambda x: sd.softmin(x, axis=0), lambda x: np.exp(-x) / np.exp(-x).sum(0), of(4, 3), variant="columns")

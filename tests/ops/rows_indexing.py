"""Rows of what reads and writes at places given by integers or known masks."""

from __future__ import annotations

from typing import Any

import numpy as np

import symdiff as sd
from symdiff.core.node import build
from symdiff.ops.record import OPS
from tests.ops.rows import Array, N, ints, of, row

# -- x[...]

ROWS, COLUMNS = np.array([2, 0, -1]), np.array([1, 1, 0])
MASK = np.array([True, False, True])
for variant, shape, index in [
    ("two arrays", (3, 2), (ROWS, COLUMNS)), ("two arrays and a slice", (N, 3, 2), (slice(None), ROWS, COLUMNS)),
    ("arrays apart", (3, N, 2), (ROWS, slice(None), COLUMNS)), ("broadcast", (3, 2), (ROWS[:, None], COLUMNS)),
    ("int beside an array", (2, 3, 4), (1, ROWS)), ("int apart from an array", (2, 4, 3), (0, slice(None), ROWS)),
    ("array then int", (3, 4, 2), (ROWS, slice(1, 3), -1)), ("None between", (3, 2, 2), (ROWS, None, COLUMNS)),
    ("None before", (3, 2, 2), (None, slice(None), COLUMNS, COLUMNS)), ("Ellipsis", (3, N, 2, 2), (ROWS, ..., COLUMNS)),
    ("empty Ellipsis", (2, 3, 2), (slice(None), ROWS, ..., COLUMNS)), ("list", (N, 3), (slice(None), [0, 2])),
    ("empty list", (3, 2), ([],)), ("slices and arrays", (5, 3, 4), (slice(None, None, -2), ROWS, slice(1, 3))),
    ("three arrays", (3, 3, 2), (ROWS, ROWS, COLUMNS)), ("mask", (3, 2), (MASK,)),
    ("mask of columns", (N, 3), (slice(None), MASK)),
    ("mask of a plane", (3, 2, 2), (np.array([[True, False], [True, True], [False, False]]),)),
    ("mask and array", (3, 2), (MASK, [1, 0])), ("mask and int", (N, 3, 2), (slice(None), MASK, 1)),
    ("no element", (3, 2), (np.zeros(3, bool),)), ("ints alone", (3, 2), (2, -1)),
    ("slices", (4, 5), (slice(3, 0, -2), slice(-4, None, 3))), ("Ellipsis alone", (2, 3), (...,)),
    ("None and int", (3, 4), (None, 1, None, slice(None))), ("nothing", (2, 3), ()),
]:  # fmt: skip
    row(
        "getitem",
        lambda x, index=index: x[index],
        lambda x, index=index: np.array(x[index]),
        of(*shape),
        variant=variant,
    )
for variant, shape, get, given in [
    ("two inputs", (4, 3), lambda x, i, j: x[i, j], (3, 3)),
    ("inputs apart", (4, N, 3), lambda x, i, j: x[i, :, j], (3, 3)),
    ("an input and a constant", (4, 3), lambda x, i, j: x[i, [0, 2, -1]], (3, 3)),
    ("broadcast inputs", (4, 3, 2), lambda x, i, j: x[i[:, None], j[:2]], (3, 3)),
    ("an input and an int", (4, N, 3), lambda x, i, j: x[1, :, j], (3, 3)),
]:
    row(
        "getitem",
        get,
        lambda x, i, j, get=get: get(x, i, j),
        of(*shape),
        ints(given[0], low=-4, high=4),
        ints(given[1], low=-3, high=3),
        variant=variant,
    )

# -- take and its kin

row("take", lambda x, i: sd.take(x, i), lambda x, i: x.ravel()[i], of(2, 3), ints(4, low=-6, high=6), variant="flat")
for mode in ("wrap", "clip"):
    row(
        "take",
        lambda x, i, mode=mode: x.take(i, 1, mode=mode),
        lambda x, i, mode=mode: np.take(x, i, 1, mode=mode),
        of(N, 3),
        ints(5, low=-9, high=9),
        variant=mode,
    )
row(
    "choose",
    lambda a, x, y: sd.choose(a, [x, y, 2.0]),
    lambda a, x, y: np.choose(a, [x, y, np.full(3, 2, x.dtype)]),
    ints(N, 3, low=0, high=3), of(N, 3), of(3),
)  # fmt: skip
row(
    "choose",
    lambda a, x: sd.choose(a, x, mode="clip"),
    lambda a, x: np.choose(a, list(x), mode="clip"),
    ints(4, low=-3, high=9), of(2, 4), variant="clip",
)  # fmt: skip
row(
    "gather",
    lambda x, i: sd.gather(x, 1, i),
    lambda x, i: np.array([[x[r, c] for c in i[r]] for r in range(len(i))], x.dtype).reshape(i.shape),
    of(N, 4), ints(N, 3, low=0, high=4),
)  # fmt: skip
row(
    "gather",
    lambda x, i: sd.gather(x, 0, i),
    lambda x, i: np.stack([x[i[:, c], c] for c in range(2)], 1),
    of(4, 3), ints(3, 2, low=0, high=4), variant="fewer columns",
)  # fmt: skip
row("index_select", lambda x, i: sd.index_select(x, -1, i), lambda x, i: x[:, i], of(N, 3), ints(4, low=0, high=3))
row("compress", lambda x: sd.compress(MASK, x, -1), lambda x: np.compress(MASK, x, -1), of(N, 3))
row("compress", lambda x: sd.compress([0, 1, 1], x), lambda x: np.compress([0, 1, 1], x), of(2, 2), variant="flat")
row("nonzero", lambda: sd.nonzero(np.eye(2))[1], lambda: np.nonzero(np.eye(2))[1], order=0)
row("unique", lambda: sd.unique([3, 1, 3]), lambda: np.array([1, 3]), order=0)
row(
    "select",
    lambda x: sd.select([x < -1, x < 0.5], [-x, x * x], x),
    lambda x: np.select([x < -1, x < 0.5], [-x, x * x], x),
    of(N, 3),
)
row(
    "select",
    lambda x: sd.select([x < 0], [1.0]),
    lambda x: np.select([x < 0], [1.0]),
    of(3),
    order=0,
    variant="numbers",
)

# -- written: the last one wins


def written(x: Array, index: Any, values: Any, how: str = "set") -> Array:
    """One element after the other, in order."""
    out, places = x.copy(), np.arange(x.size).reshape(x.shape)[index]
    for place, value in zip(places.ravel(), np.broadcast_to(values, places.shape).ravel(), strict=True):
        old = out.flat[place]
        out.flat[place] = {"set": value, "add": old + value, "multiply": old * value}.get(
            how, np.maximum(old, value) if how == "max" else np.minimum(old, value)
        )
    return out


def along(index: Array, axis: int) -> tuple[Array, ...]:
    grids = list(np.indices(index.shape))
    grids[axis] = index
    return tuple(grids)


row(
    "scatter",
    lambda x, i, s: sd.scatter(x, 1, i, s),
    lambda x, i, s: written(x, along(i, 1), s[:, :3]),
    of(N, 4), ints(N, 3, low=0, high=4), of(N, 5),
)  # fmt: skip
row(
    "scatter",
    lambda x, i: sd.scatter(x, 0, i, 2.0),
    lambda x, i: written(x, along(i, 0), 2.0),
    of(4, 3), ints(2, 2, low=0, high=4), variant="number",
)  # fmt: skip
row(
    "scatter_add_along_axis",
    lambda x, i, s: sd.scatter_add(x, 1, i, s),
    lambda x, i, s: written(x, along(i, 1), s, "add"),
    of(N, 4), ints(N, 3, low=0, high=4), of(N, 3), variant="scatter_add",
)  # fmt: skip
row(
    "scatter_add_along_axis",
    lambda x, i, s: sd.scatter_add(x, -2, i, s),
    lambda x, i, s: written(x, along(i, 0), s[:5, :2], "add"),
    of(4, 3), ints(5, 2, low=0, high=4), of(6, 3), variant="scatter_add, a corner",
)  # fmt: skip
row(
    "index_add",
    lambda x, i, s: sd.index_add(x, 1, i, s, alpha=-2.0),
    lambda x, i, s: x - 2 * s @ np.eye(3, dtype=x.dtype)[i],
    of(N, 3), ints(4, low=0, high=3), of(N, 4),
)  # fmt: skip
row(
    "put_along_axis",
    lambda x, i, v: sd.put_along_axis(x, i, v, 1),
    lambda x, i, v: written(x, along(i, 1), v),
    of(N, 4), ints(N, 2, low=-4, high=4), of(N, 2),
)  # fmt: skip
row(
    "put_along_axis",
    lambda x, v: sd.put_along_axis(x, [[1], [0]], v, -1),
    lambda x, v: written(x, ([0, 1], [1, 0]), v),
    of(2, 3), of(), variant="number",
)  # fmt: skip
row(
    "put_along_axis",
    lambda x, v: sd.put_along_axis(x, [5, 0, 5], v, None),
    lambda x, v: np.r_[v[1], x.ravel()[1:5], v[2]].reshape(2, 3),
    of(2, 3), of(3), variant="flat",
)  # fmt: skip

PLACES: list[tuple[str, tuple[Any, ...], Any]] = [
    ("slice", (N, 5), (slice(None), slice(1, 4))), ("steps", (6, 3), (slice(5, 0, -2), [0, 2])), ("int", (3, 4), 1),
    ("array", (5, 3), ([0, 3, 0, -1],)), ("arrays", (3, 2), (ROWS, COLUMNS)),
    ("arrays apart", (3, 2, 2), (ROWS, slice(None), COLUMNS)),
    ("columns", (N, 3), (slice(None), [2, 0, 2])), ("mask", (3, 2), (MASK,)), ("None", (3, 2), (None, 1, slice(None))),
    ("everything", (2, 3), ...), ("a plane of indices", (4, 2), ([[0, 1], [1, 0]],)),
]  # fmt: skip
for how in ("set", "add", "multiply", "max", "min"):
    for variant, shape, index in PLACES:
        if (how, index) == ("set", ...):
            continue  # nothing is left of x
        sizes = tuple(1 if entry is N else entry for entry in shape)
        values = np.arange(24.0)[: np.zeros(sizes)[index].size] / 7 - 1.03
        values = values[:3] if N in shape else values.reshape(np.zeros(sizes)[index].shape)
        row(
            "at",
            lambda x, y, index=index, how=how, v=values: getattr(x.at[index], how)(sd.astype(v, x.dtype) * y),
            lambda x, y, index=index, how=how, v=values: written(x, index, v.astype(x.dtype) * y, how),
            of(*shape), of(), variant=f"{how} {variant}",
        )  # fmt: skip
row("at", lambda x: x.at[1:, 0].get(), lambda x: x[1:, 0], of(3, 2), variant="get")
row(
    "at",
    lambda x, i, v: x.at[i, 1].set(v),
    lambda x, i, v: written(x, (i, 1), v),
    of(4, 3), ints(5, low=-4, high=4), of(5), variant="set at inputs",
)  # fmt: skip
row(
    "at",
    lambda x, i, v: x.at[1:, i].multiply(v),
    lambda x, i, v: written(x, (slice(1, None), i), v, "multiply"),
    of(4, 3), ints(5, low=-3, high=3), of(5), variant="multiply at inputs",
)  # fmt: skip
row(
    "at",
    lambda x, i: x.at[i].set(7),
    lambda x, i: written(x, i, 7),
    ints(4), ints(3, low=0, high=4), order=0, variant="integers",
)  # fmt: skip

# -- segments

IDS = ints(N, low=0, high=4)


def finite(module: Any, x: Any) -> Any:
    """Empty segments are infinite."""
    return module.where(module.isfinite(x), x, x.dtype.type(0))


row("segment_sum", lambda x, i: sd.segment_sum(x, i, 4), lambda x, i: np.eye(4, dtype=x.dtype)[:, i] @ x, of(N, 2), IDS)
row(
    "segment_sum",
    lambda x: sd.segment_sum(x, [0, 2, 2]),
    lambda x: np.stack([x[0], 0 * x[0], x[1] + x[2]]),
    of(3, 2), variant="known ids",
)  # fmt: skip
row(
    "segment_mean",
    lambda x, i: sd.segment_mean(x, i, 4),
    lambda x, i: np.stack([x[i == k].mean(0) if k in i else 0 * x.sum(0) for k in range(4)]),
    of(N, 2), IDS,
)  # fmt: skip
for name, worst, best in [("segment_max", -np.inf, np.max), ("segment_min", np.inf, np.min)]:
    row(
        name,
        lambda x, i, name=name: finite(sd, getattr(sd, name)(x, i, 4)),
        lambda x, i, worst=worst, best=best: finite(
            np, np.stack([best(x[i == k], 0, initial=worst) for k in range(4)]).astype(x.dtype)
        ),
        of(N, 2),
        IDS,
    )
row("segment_max", lambda: sd.segment_max([3, 4], [1, 1]), lambda: np.array([-(2**63), 4]), order=0, variant="integers")
row("bincount", lambda i: sd.bincount(i, length=4), lambda i: np.bincount(i, minlength=4), IDS, order=0)
row(
    "bincount",
    lambda i: sd.bincount(i, minlength=4),
    lambda i: np.bincount(i, minlength=4),
    IDS,
    order=0,
    variant="minlength",
)
row("bincount", lambda: sd.bincount([1, 3, 1]), lambda: np.array([0, 2, 0, 1]), order=0, variant="known")
row(
    "bincount",
    lambda i, w: sd.bincount(i, w, length=4),
    lambda i, w: np.eye(4, dtype=w.dtype)[:, i] @ w,
    IDS, of(N), variant="weights",
)  # fmt: skip

# -- the records underneath

for name, how in [
    ("scatter_set", "set"),
    ("scatter_multiply", "multiply"),
    ("scatter_max", "max"),
    ("scatter_min", "min"),
]:
    row(
        name,
        lambda x, i, v, name=name: build(OPS[name], [x, i, v]),
        lambda x, i, v, how=how: written(x, i, v, how),
        of(5), ints(N, low=0, high=5), of(N),
    )  # fmt: skip
row(
    "is_last",
    lambda i: build(OPS["is_last"], [i], {"size": 3}),
    lambda i: np.array([k not in i[place + 1 :] for place, k in enumerate(i)], bool),
    ints(N, low=0, high=3), order=0,
)  # fmt: skip

"""Rows of what makes, cuts, joins, repeats and turns arrays; diagonals and windows."""

from __future__ import annotations

from typing import Any

import numpy as np

import symdiff as sd
from symdiff.core.node import build
from symdiff.ops.record import OPS
from tests.ops.rows import Array, N, ints, of, row

# -- made from numbers and sizes


def product_of(arrays: Any) -> Any:
    found = arrays[0]
    for array in arrays[1:]:
        found = found * array
    return found


for variant, build_it, plain in [
    ("start and stop", lambda: sd.arange(2, 7), lambda: np.array([2, 3, 4, 5, 6])),
    ("backwards", lambda: sd.arange(7, 1, -3), lambda: np.array([7, 4])),
    ("floats", lambda: sd.arange(0.5, 2, 0.5), lambda: np.array([0.5, 1.0, 1.5])),
    ("nothing", lambda: sd.arange(3, 1), lambda: np.zeros(0, "int64")),
    ("dtype", lambda: sd.arange(3, dtype="float32"), lambda: np.array([0, 1, 2], "float32")),
]:
    row("arange", build_it, plain, order=0, variant=variant)
row(
    "arange",
    lambda x: x * sd.arange(1, 2 * N + 1, 2, x.dtype),
    lambda x: x * np.array([2 * k + 1 for k in range(len(x))], x.dtype),
    of(N),
    variant="symbolic",
)
row("linspace", lambda a, b: sd.linspace(a, b, 5), lambda a, b: np.linspace(a, b, 5, dtype=a.dtype), of(), of())
row(
    "linspace",
    lambda a, b: sd.linspace(a, b, 4, endpoint=False, axis=-1),
    lambda a, b: np.linspace(a, b, 4, endpoint=False, axis=-1, dtype=a.dtype),
    of(3, 1),
    of(2),
    variant="arrays",
)
row("linspace", lambda a: sd.linspace(a, 1.0, 1), lambda a: a[None], of(2), variant="one")
row(
    "linspace",
    lambda x: x * sd.linspace(0.0, 2.0, N, dtype=x.dtype),
    lambda x: x * np.linspace(0.0, 2.0, len(x), dtype=x.dtype),
    of(N),
    variant="symbolic",
)
row(
    "linspace",
    lambda: sd.linspace(-3, 3, 6, dtype="int64"),
    lambda: np.linspace(-3, 3, 6, dtype="int64"),
    order=0,
    variant="whole",
)
row("zeros", lambda x: x + sd.zeros((N, 3), "float32"), lambda x: x, of(N, 3))
row("ones", lambda x: x * sd.ones(N, x.dtype), lambda x: x, of(N))
row("full", lambda x: sd.full((2, 3), x), lambda x: np.tile(x, (2, 1)), of(3))
row("full", lambda: sd.full(2, 7), lambda: np.array([7, 7]), order=0, variant="integer")
row("zeros_like", lambda x: x + sd.zeros_like(x), lambda x: x, of(N))
row("ones_like", lambda x: x + sd.ones_like(x), lambda x: x + x.dtype.type(1), of(N))
row("full_like", lambda x: x + sd.full_like(x, 2), lambda x: x + x.dtype.type(2), of(N))
row("eye", lambda: sd.eye(3, 4, k=-1), lambda: np.eye(3, 4, -1), order=0)
row("eye", lambda x: sd.eye(N, dtype=x.dtype) @ x, lambda x: x, of(N, 2), variant="symbolic")
row("identity", lambda: sd.identity(3, "int32"), lambda: np.identity(3, "int32"), order=0)
row("tri", lambda: sd.tri(3, 4, k=1), lambda: np.tri(3, 4, 1), order=0)
for given in ({}, {"indexing": "ij"}):
    row(
        "meshgrid",
        lambda x, y, given=given: sd.meshgrid(x, y, **given)[0] - 2 * sd.meshgrid(x, y, **given)[1],
        lambda x, y, given=given: np.meshgrid(x, y, **given)[0] - 2 * np.meshgrid(x, y, **given)[1],
        of(N),
        of(3),
        variant=f"{given}",
    )
    row(
        "meshgrid",
        lambda x, y, z, given=given: product_of(sd.meshgrid(x, y, z, **given)),
        lambda x, y, z, given=given: product_of(np.meshgrid(x, y, z, **given)),
        of(2),
        of(3),
        of(),
        variant=f"three {given}",
    )
row(
    "broadcast_arrays",
    lambda x, y: product_of(sd.broadcast_arrays(x, y)),
    lambda x, y: product_of(np.broadcast_arrays(x, y)),
    of(N, 1),
    of(3),
)

# -- cut and joined


def weighed(pieces: Any) -> Any:
    """Something of every piece."""
    return sum((k + 1) * piece.sum() for k, piece in enumerate(pieces))


for name, arguments, shape in [
    ("split", (3,), (6, 2)), ("split", ([1, 4],), (6, 2)), ("split", ([2, 9, 3],), (5,)), ("split", (2, -1), (N, 4)),
    ("array_split", (4,), (6, 2)), ("array_split", (3, 1), (N, 7)), ("hsplit", (2,), (3, 4)), ("hsplit", (2,), (4,)),
    ("vsplit", ([1, 2],), (4, 2)), ("dsplit", (2,), (2, 3, 4)),
]:  # fmt: skip
    row(
        name,
        lambda x, name=name, arguments=arguments: weighed(getattr(sd, name)(x, *arguments)),
        lambda x, name=name, arguments=arguments: np.asarray(weighed(getattr(np, name)(x, *arguments)), x.dtype),
        of(*shape),
        variant=f"{arguments} of {len(shape)}",
        rtol32=2e-4,
    )
for axis in (1, -1):
    row(
        "unstack",
        lambda x, axis=axis: weighed(sd.unstack(x, axis)),
        lambda x, axis=axis: np.asarray(weighed(np.unstack(x, axis=axis)), x.dtype),
        of(N, 3),
        variant=f"{axis}",
    )
row("split", lambda x: sd.split(x, [1, 4])[1], lambda x: np.split(x, [1, 4])[1], of(6, 2), variant="middle")

for name, shapes in [
    ("hstack", [(2,), (3,)]), ("hstack", [(N, 2), (N, 3)]), ("vstack", [(3,), (2, 3)]), ("dstack", [(2,), (2,)]),
    ("dstack", [(2, 3), (2, 3, 4)]), ("column_stack", [(N,), (N, 2)]), ("hstack", [(), ()]), ("vstack", [(), ()]),
    ("dstack", [(), ()]),
]:  # fmt: skip
    row(
        name,
        lambda x, y, name=name: getattr(sd, name)([x, y]),
        lambda x, y, name=name: getattr(np, name)([x, y]),
        *[of(*shape) for shape in shapes],
        variant=f"{shapes}",
    )
row("concatenate", lambda x, y: sd.concatenate((x, y), axis=1), lambda x, y: np.c_[x, y], of(N, 1), of(N, 2))
for rank in range(4):
    for least in (1, 2, 3):
        row(
            f"atleast_{least}d",
            lambda x, least=least: getattr(sd, f"atleast_{least}d")(x),
            lambda x, least=least: getattr(np, f"atleast_{least}d")(x),
            of(*(2, 3, 4)[:rank]),
            variant=f"rank {rank}",
        )

# -- repeated

for reps, shape in [(3, (2,)), ((2, 3), (N,)), ((2, 1, 3), (2, 3)), ((2,), (2, 3)), ((), (2,)), (0, (2,)), (2, ())]:
    row(
        "tile",
        lambda x, reps=reps: sd.tile(x, reps),
        lambda x, reps=reps: np.tile(x, reps),
        of(*shape),
        variant=f"{reps} of rank {len(shape)}",
    )
for repeats, axis, shape in [
    (2, None, (2, 3)), (3, 0, (N, 2)), (2, -1, (N, 2)), ([1, 0, 2], 1, (2, 3)), ([2, 1], None, (2,)), (0, 0, (2,)),
    ([2], 0, (3,)),
]:  # fmt: skip
    row(
        "repeat",
        lambda x, repeats=repeats, axis=axis: sd.repeat(x, repeats, axis),
        lambda x, repeats=repeats, axis=axis: np.repeat(x, repeats, axis),
        of(*shape),
        variant=f"{repeats} along {axis}",
    )
row("repeat", lambda x: x.repeat(2, axis=0), lambda x: np.repeat(x, 2, 0), of(2, 2), variant="method")

# -- turned

for shift, axis, shape in [
    (2, 0, (5, 2)), (-3, -1, (N, 2)), ((1, 2), (0, 1), (3, 4)), (4, None, (2, 3)), (7, 0, (5,)), (3, (0, 1), (2, 2)),
    ((1, 2), 0, (5,)), (1, 0, (0, 2)),
]:  # fmt: skip
    row(
        "roll",
        lambda x, shift=shift, axis=axis: sd.roll(x, shift, axis),
        lambda x, shift=shift, axis=axis: np.roll(x, shift, axis),
        of(*shape),
        variant=f"{shift} along {axis}",
    )
row("roll", lambda x: sd.roll(x, 2, 0), lambda x: np.roll(x, 2, 0), of(N, 2), variant="symbolic")
row("flip", lambda x: sd.flip(x), lambda x: x[::-1, ::-1], of(N, 3))
row("flip", lambda x: sd.flip(x, (0, -1)), lambda x: x[::-1, :, ::-1], of(2, 3, 2), variant="two axes")
row("fliplr", sd.fliplr, lambda x: x[:, ::-1], of(N, 3))
row("flipud", sd.flipud, lambda x: x[::-1], of(N, 3))
for k in range(-1, 4):
    row("rot90", lambda x, k=k: sd.rot90(x, k), lambda x, k=k: np.rot90(x, k), of(N, 3), variant=f"{k}")
row("rot90", lambda x: sd.rot90(x, 1, (2, 0)), lambda x: np.rot90(x, 1, (2, 0)), of(2, 3, 4), variant="other plane")
for source, target in [(0, -1), ((0, 1), (-1, 0)), ([2, 0], [0, 1])]:
    row(
        "moveaxis",
        lambda x, source=source, target=target: sd.moveaxis(x, source, target),
        lambda x, source=source, target=target: np.moveaxis(x, source, target),
        of(2, N, 4),
        variant=f"{source} to {target}",
    )
row("swapaxes", lambda x: x.swapaxes(0, -1), lambda x: np.swapaxes(x, 0, 2), of(2, N, 4))
row("matrix_transpose", lambda x: x.mT, lambda x: np.einsum("...ij->...ji", x), of(2, N, 4))
row("transpose", lambda x: sd.transpose(x, (1, 0)), lambda x: x.T, of(N, 2))
row("ravel", lambda x: x.ravel(), lambda x: x.reshape(-1), of(N, 2))
row("flatten", lambda x: x.flatten(), lambda x: x.reshape(-1), of(2, 3))
row("flatten", lambda x: sd.flatten(x, 1, 2), lambda x: x.reshape(len(x), 6, 2), of(N, 2, 3, 2), variant="middle")
row("flatten", sd.flatten, lambda x: x.reshape(1), of(), variant="scalar")
row("unflatten", lambda x: sd.unflatten(x, -1, (2, -1)), lambda x: x.reshape(len(x), 2, 3), of(N, 6))
row("unflatten", lambda x: sd.unflatten(x, 0, (-1, 2)), lambda x: x.reshape(2, 2, 3), of(4, 3), variant="first axis")

# -- padded

for mode in ("constant", "edge", "reflect", "symmetric", "wrap"):
    for width, shape in [(1, (3, 4)), ((1, 2), (4,)), (((0, 3), (2, 0)), (2, 4)), (((5,),), (3,)), (0, (2,))]:
        row(
            "pad",
            lambda x, width=width, mode=mode: sd.pad(x, width, mode),
            lambda x, width=width, mode=mode: np.pad(x, width, mode),
            of(*shape),
            variant=f"{mode} {width} of rank {len(shape)}",
        )
for values, width in [(1.5, ((1, 0), (0, 2))), ((1, 2), 1), (((1, 2), (3, 4)), ((1, 2), (2, 1)))]:
    row(
        "pad",
        lambda x, values=values, width=width: sd.pad(x, width, constant_values=values),
        lambda x, values=values, width=width: np.pad(x, width, constant_values=values),
        of(3, 2),
        variant=f"with {values}",
    )
row("pad", lambda x: sd.pad(x, ((1, 2), (0, 0))), lambda x: np.pad(x, ((1, 2), (0, 0))), of(N, 2), variant="batch")
row(
    "pad",
    lambda x: sd.pad(x, {-1: (1, 0)}, constant_values=-1),
    lambda x: np.pad(x, ((0, 0), (1, 0)), constant_values=-1),
    of(N, 2),
    variant="dict",
)
for mode in ("edge", "reflect", "symmetric", "wrap"):
    row(
        "pad",
        lambda x, mode=mode: sd.pad(sd.pad(x, (0, 3)), (4, 5), mode),
        lambda x, mode=mode: np.pad(np.r_[x, np.zeros(3, x.dtype)], (4, 5), mode),
        of(N),
        variant=f"{mode}, symbolic",
    )

# -- diagonals, triangles, windows


def plain_diagonal(x: Array, k: int) -> Array:
    found = [x[..., i, i + k] for i in range(x.shape[-2]) if 0 <= i + k < x.shape[-1]]
    return np.stack(found, -1) if found else np.zeros((*x.shape[:-2], 0), x.dtype)


for k, shape in [(0, (3, 3)), (1, (3, 4)), (-1, (2, 3, 2)), (2, (2, 2))]:
    row(
        "diagonal",
        lambda x, k=k: sd.diagonal(x, k, -2, -1),
        lambda x, k=k: plain_diagonal(x, k),
        of(*shape),
        variant=f"{k} of rank {len(shape)}",
    )
row("diagonal", lambda x: x.diagonal(0, 2, 0), lambda x: np.diagonal(x, 0, 2, 0), of(2, 3, 4), variant="other plane")
row(
    "diagonal",
    lambda x: sd.diagonal(sd.expand_dims(x, 0) * x[:, None]),
    lambda x: x * x,
    of(N),
    variant="symbolic",
)
for k in (-2, 0, 1):
    row("diag", lambda x, k=k: sd.diag(x, k), lambda x, k=k: np.diag(x, k), of(3), variant=f"{k} of a vector")
    row("diag", lambda x, k=k: sd.diag(x, k), lambda x, k=k: plain_diagonal(x, k), of(3, 4), variant=f"{k} of a matrix")
    row("diagflat", lambda x, k=k: sd.diagflat(x, k), lambda x, k=k: np.diagflat(x, k), of(2, 2), variant=f"{k}")
    row("tril", lambda x, k=k: sd.tril(x, k), lambda x, k=k: np.tril(x, k), of(2, 3, 4), variant=f"{k}")
    row("triu", lambda x, k=k: sd.triu(x, k), lambda x, k=k: np.triu(x, k), of(2, 3, 4), variant=f"{k}")
    row(
        "trace",
        lambda x, k=k: x.trace(k),
        lambda x, k=k: plain_diagonal(x, k).sum(-1, dtype=x.dtype),
        of(3, 4),
        variant=f"{k}",
    )
row(
    "diagonal_transpose",
    lambda x: build(OPS["diagonal_transpose"], [x], {"k": -1, "rows": 4, "columns": 4}),
    lambda x: np.stack([np.diag(r, -1)[:4, :4] for r in x]) if len(x) else np.zeros((0, 4, 4), x.dtype),
    of(N, 3),
)
row("diag", lambda x: sd.diag(x, 1), lambda x: np.diag(x, 1), of(N), variant="symbolic")
row("tril", lambda x: sd.tril(x[:, None] * x), lambda x: np.tril(np.outer(x, x)), of(N), variant="symbolic")
row("trace", lambda x: sd.trace(x), lambda x: x[0, 0] + x[1, 1], ints(2, 3), order=0, variant="integers")


def windows(x: Array, size: int, step: int) -> Array:
    """Along the last axis."""
    return np.stack([x[..., s : s + size] for s in range(0, x.shape[-1] - size + 1, step)], -2)


row("unfold", lambda x: sd.unfold(x, -1, 3, 2), lambda x: windows(x, 3, 2), of(N, 8))
row("unfold", lambda x: sd.unfold(x, 0, 2), lambda x: np.moveaxis(windows(x.T, 2, 1), 0, 1), of(4, 3), variant="first")
row("unfold", lambda x: sd.unfold(x, 0, 3, 4), lambda x: windows(x, 3, 4), of(8), variant="gaps")
row(
    "unfold",
    lambda x: sd.unfold(sd.pad(x, (1, 1)), 0, 3),
    lambda x: windows(np.pad(x, 1), 3, 1) if len(x) else np.zeros((0, 3), x.dtype),
    of(N),
    variant="symbolic",
)
row(
    "sliding_window_view",
    lambda x: sd.sliding_window_view(x, (2, 3)),
    lambda x: np.lib.stride_tricks.sliding_window_view(x, (2, 3)),
    of(4, 5),
)

"""Layers as functions: linear maps, embeddings, and what rearranges images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import divide_exactly
from ..core.errors import GraphError, ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import INT64
from ..ops.convert import as_index, as_node, constant, promote
from ..ops.elementwise import equal, stop_gradient, where
from ..ops.index import one_hot as one_hot_as
from ..ops.index import take, take_at
from ..ops.linalg import matmul
from ..ops.pad import pad as numpy_pad
from ..ops.reduce import sum
from ..ops.shape import expand_dims, permute_dims, reshape
from ..ops.slicing import slice_axis
from .windows import floats, known_sizes


def linear(input: Operand, weight: Operand, bias: Operand | None = None) -> Node:
    """``input @ weight.T + bias``: input (..., I), weight (O, I) -> (..., O); a weight (I,) gives (...).

    >>> import symdiff as sd
    >>> sd.nn.linear(sd.input("x", (sd.dim("n"), 5)), sd.param("w", (3, 5)), sd.param("b", (3,))).type.shape
    (Dim(n), 3)
    """
    x, w = promote("linear", floats(input), weight)
    if w.ndim not in (1, 2) or x.ndim < 1 or x.shape[-1] != w.shape[-1]:
        problem = f"the last sizes differ: {describe(x)}, weight {describe(w)} (O, I)"
        raise ShapeError(explain("linear", problem, at=here()))
    y = matmul(x, w.T)
    return y if bias is None else y + bias


def bilinear(input1: Operand, input2: Operand, weight: Operand, bias: Operand | None = None) -> Node:
    """``y[..., o] = input1[..., :] @ weight[o] @ input2[..., :] + bias[o]``: weight (O, I, J)."""
    x, y, w = promote("bilinear", floats(input1), floats(input2), weight)
    if w.ndim != 3 or x.shape[-1] != w.shape[1] or y.shape[-1] != w.shape[2] or x.shape[:-1] != y.shape[:-1]:
        operands = ", ".join(map(describe, (x, y, w)))
        raise ShapeError(explain("bilinear", f"takes (..., I), (..., J) and weight (O, I, J): {operands}", at=here()))
    outputs, first, second = w.shape
    flat = reshape(permute_dims(w, (1, 0, 2)), (first, outputs * second))
    halfway = reshape(matmul(x, flat), (*x.shape[:-1], outputs, second))
    z = sum(halfway * expand_dims(y, -2), -1)
    return z if bias is None else z + bias


def embedding(input: Operand, weight: Operand, padding_idx: int | None = None) -> Node:
    """Rows of ``weight`` (V, D) at the integers in ``input``: (..., D). No gradient reaches row ``padding_idx``.

    Raises IndexRangeError for an integer outside the rows, when the compiled function runs.

    >>> import symdiff as sd
    >>> words, table = sd.input("words", (sd.dim("n"), 7), dtype="int64"), sd.param("table", (1000, 16))
    >>> sd.nn.embedding(words, table, padding_idx=0).type.shape
    (Dim(n), 7, 16)
    """
    table, words = as_node(weight), as_index(input, "embedding")
    if table.ndim != 2:
        raise ShapeError(explain("embedding", f"weight is (V, D), got {describe(table)}", at=here()))
    rows = take(table, words, axis=0)
    if padding_idx is None:
        return rows
    count = table.shape[0]
    if isinstance(count, int) and not -count <= padding_idx < count:
        problem = f"padding_idx={padding_idx} is no row of {describe(table)}"
        raise ShapeError(explain("embedding", problem, at=here()))
    if padding_idx < 0:
        if not isinstance(count, int):
            raise ShapeError(explain("embedding", "padding_idx from the end needs the number of rows", at=here()))
        padding_idx += count
    return where(expand_dims(equal(words, padding_idx), -1), stop_gradient(rows), rows)


def one_hot(tensor: Operand, num_classes: int) -> Node:
    """Rows of int64 with a single 1 at the label: (..., num_classes). Raises IndexRangeError for other labels."""
    return one_hot_as(tensor, num_classes, INT64)


# -- images


def pixel_shuffle(input: Operand, upscale_factor: int) -> Node:
    """(..., C r r, H, W) -> (..., C, H r, W r): channels become the pixels of squares of r x r."""
    x, r = as_node(input), upscale_factor
    channels = divide_exactly(x.shape[-3], r * r) if x.ndim >= 3 and r >= 1 else None
    if channels is None:
        raise ShapeError(
            explain("pixel_shuffle", f"{r} * {r} does not divide the channels of {describe(x)}", at=here())
        )
    height, width, lead = x.shape[-2], x.shape[-1], x.shape[:-3]
    apart = reshape(x, (*lead, channels, r, r, height, width))
    k = len(lead)
    return reshape(
        permute_dims(apart, (*range(k + 1), k + 3, k + 1, k + 4, k + 2)), (*lead, channels, height * r, width * r)
    )


def pixel_unshuffle(input: Operand, downscale_factor: int) -> Node:
    """(..., C, H r, W r) -> (..., C r r, H, W): the inverse of :func:`pixel_shuffle`."""
    x, r = as_node(input), downscale_factor
    sizes = [divide_exactly(size, r) if r >= 1 else None for size in x.shape[-2:]] if x.ndim >= 3 else [None]
    if None in sizes:
        raise ShapeError(explain("pixel_unshuffle", f"{r} does not divide the last sizes of {describe(x)}", at=here()))
    (height, width), lead = sizes, x.shape[:-3]
    apart = reshape(x, (*lead, x.shape[-3], height, r, width, r))
    k = len(lead)
    moved = permute_dims(apart, (*range(k + 1), k + 2, k + 4, k + 1, k + 3))
    return reshape(moved, (*lead, x.shape[-3] * (r * r), height, width))


_PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(input: Operand, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Node:
    """Elements added before and after axes, the last axis first: ``(left, right, top, bottom, ...)``; negative numbers
    take elements away. Modes are "constant" (with ``value``), "reflect", "replicate" and "circular".

    >>> import symdiff as sd
    >>> sd.nn.pad(sd.input("x", (2, 3, 4)), (1, 2, 0, -1)).type.shape
    (2, 2, 7)
    """
    x = as_node(input)
    if len(pad) % 2 or len(pad) > 2 * x.ndim or mode not in _PAD_MODES:
        problem = f"takes pairs for the last axes and one of the modes {', '.join(_PAD_MODES)}, got {pad}, {mode!r}"
        raise ShapeError(explain("pad", f"{problem}: {describe(x)}", at=here()))
    pairs = [(0, 0)] * (x.ndim - len(pad) // 2) + [tuple(pad[k : k + 2]) for k in range(len(pad) - 2, -1, -2)]
    for axis, (before, after) in enumerate(pairs):
        if min(before, after) < 0:
            start, left = max(-before, 0), x.shape[axis] + min(before, 0) + min(after, 0)
            x = slice_axis(x, axis, start, left)
    widths = [(max(before, 0), max(after, 0)) for before, after in pairs]
    if mode == "constant":
        return numpy_pad(x, widths, constant_values=0 if value is None else value)
    return numpy_pad(x, widths, mode=_PAD_MODES[mode])


def interpolate(
    input: Operand, size: Any = None, scale_factor: Any = None, mode: str = "nearest",
    align_corners: bool | None = None,
) -> Node:  # fmt: skip
    """Images (N, C, ...) of another size, or scaled by ``scale_factor``: the nearest element ("nearest"), or a mean of
    the two nearest along each axis ("linear", "bilinear", "trilinear").

    Element i of a result comes from place ``(i + 0.5) * scale - 0.5``, clipped to the image, with ``scale`` the
    quotient of the sizes (of ``1 / scale_factor`` where that is given); with ``align_corners`` from ``i * (size - 1) /
    (new size - 1)``; the nearest from ``floor(i * scale)``.
    """
    x = floats(input)
    axes = x.ndim - 2
    linear_modes = {1: "linear", 2: "bilinear", 3: "trilinear"}
    if (
        axes not in linear_modes
        or mode not in ("nearest", linear_modes[axes])
        or (size is None) == (scale_factor is None)
    ):
        problem = f"takes (N, C, ...), size or scale_factor, and a mode for that many axes: {describe(x)}, {mode!r}"
        raise GraphError(explain("interpolate", problem, at=here()))
    old = known_sizes("interpolate", x, axes)
    given = size if scale_factor is None else scale_factor
    each = tuple(given) if isinstance(given, Sequence) else (given,) * axes
    for axis, (length, one) in enumerate(zip(old, each, strict=True), start=2):
        count = int(one) if scale_factor is None else int(np.floor(length * one))
        scale = length / count if scale_factor is None else 1 / one
        at = np.arange(count)
        if mode == "nearest":
            x = take_at(x, constant(np.minimum(np.floor(at * scale), length - 1).astype(np.int64)), axis)
            continue
        if align_corners:
            place = at * ((length - 1) / (count - 1) if count > 1 else 0.0)
        else:
            place = np.maximum((at + 0.5) * scale - 0.5, 0)
        low = np.minimum(np.floor(place), length - 1).astype(np.int64)
        far = reshape(constant((place - low).astype(x.dtype)), (-1, *[1] * (x.ndim - axis - 1)))
        x = (
            take_at(x, constant(low), axis) * (1 - far)
            + take_at(x, constant(np.minimum(low + 1, length - 1)), axis) * far
        )
    return x

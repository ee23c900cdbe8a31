"""Images rearranged, padded and resized."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import divide_exactly
from ..core.errors import GraphError, ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..ops.convert import as_node, constant
from ..ops.index import take_at
from ..ops.pad import pad as numpy_pad
from ..ops.shape import permute_dims, reshape
from ..ops.slicing import slice_axis
from .windows import floats, known_sizes


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

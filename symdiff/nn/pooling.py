"""Pooling with PyTorch's arguments: the largest element or the mean of each window of an image (N, C, ...)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand
from ..core.provenance import here
from ..ops.convert import constant
from ..ops.elementwise import power, relu, sign
from ..ops.index import take_along_axis
from ..ops.pool import max_position
from ..ops.reduce import argmax, refuse_empty, sum
from ..ops.shape import permute_dims, reshape, squeeze
from ..ops.slicing import slice_axis
from ..ops.tiles import max_of_tiles
from .windows import elements_at, floats, known_sizes, per_axis, window_places, with_batch

Array = np.ndarray[Any, Any]
FEW = 16
"""Windows of so many elements are compared element by element."""

# -- largest elements


def max_pool1d(
    input: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of sequences (N, C, L); as :func:`max_pool2d`."""
    return _max_pool("max_pool1d", 1, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    input: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of images (N, C, H, W), NaN if one is; the stride is the window by default.

    Padding is never the largest, and at most half a window. With ``ceil_mode`` windows that begin inside and end
    outside count as well. With ``return_indices`` also the place of each, h * W + w. The cotangent goes to the first
    of equal elements. The spatial sizes are numbers.

    >>> import symdiff as sd
    >>> sd.nn.max_pool2d(sd.input("x", (sd.dim("n"), 3, 28, 28)), 2).type.shape
    (Dim(n), 3, 14, 14)
    """
    return _max_pool("max_pool2d", 2, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    input: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of volumes (N, C, D, H, W); as :func:`max_pool2d`."""
    return _max_pool("max_pool3d", 3, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def adaptive_max_pool1d(input: Operand, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of ``output_size`` windows that cover sequences (N, C, L); the cotangent goes to the first of
    equal elements."""
    return _adaptive_max_pool("adaptive_max_pool1d", 1, input, output_size, return_indices)


def adaptive_max_pool2d(input: Operand, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of windows that cover images (N, C, H, W): window p of P runs from floor(p H / P) to
    ceil((p + 1) H / P). An output size of None keeps the axis. The cotangent goes to the first of equal elements."""
    return _adaptive_max_pool("adaptive_max_pool2d", 2, input, output_size, return_indices)


def adaptive_max_pool3d(input: Operand, output_size: Any, return_indices: bool = False) -> Any:
    """The largest element of windows that cover volumes (N, C, D, H, W); as :func:`adaptive_max_pool2d`."""
    return _adaptive_max_pool("adaptive_max_pool3d", 3, input, output_size, return_indices)


def _max_pool(
    asked: str, axes: int, input: Operand, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    return_indices: bool,
) -> Any:  # fmt: skip
    x, single = with_batch(asked, input, axes)
    taps = per_axis(asked, "kernel_size", kernel_size, axes, 1)
    dilations = per_axis(asked, "dilation", dilation, axes, 1)
    sizes, strides, pads = known_sizes(asked, x, axes), _strides(asked, stride, taps), _pads(asked, padding, taps)
    counts = [_windows(asked, *along, ceil_mode) for along in zip(sizes, taps, strides, pads, dilations, strict=True)]
    inside = all(count * tap <= size for count, tap, size in zip(counts, taps, sizes, strict=True))
    if strides == taps and not any(pads) and set(dilations) == {1} and inside and not return_indices:
        y = _largest_of_tiles(x, counts, taps)
        return y[0] if single else y
    windows = []
    for size, tap, step, pad, spread, count in zip(sizes, taps, strides, pads, dilations, counts, strict=True):
        starts = np.arange(count) * step - pad
        stops = np.minimum(starts + spread * (tap - 1) + 1, size)
        starts += -(np.minimum(starts, 0) // spread) * spread  # the first element inside the image
        windows.append(np.stack([starts, stops], axis=1))
    return _largest(x, windows, dilations, single, return_indices)


def _adaptive_max_pool(asked: str, axes: int, input: Operand, output_size: Any, return_indices: bool) -> Any:
    x, single = with_batch(asked, input, axes)
    sizes = known_sizes(asked, x, axes)
    refuse_empty(asked, x, tuple(range(2, 2 + axes)))
    counts = _output_sizes(asked, output_size, sizes)
    windows = [_covering(size, count) for size, count in zip(sizes, counts, strict=True)]
    return _largest(x, windows, (1,) * axes, single, return_indices)


def _largest_of_tiles(x: Node, counts: Sequence[int], taps: tuple[int, ...]) -> Node:
    """The largest of windows that lie side by side: ten times as fast as finding places; large ones as rows."""
    for axis, (count, tap) in enumerate(zip(counts, taps, strict=True), start=2):
        x = slice_axis(x, axis, 0, count * tap)
    if math.prod(taps) <= FEW:
        return max_of_tiles(x, taps)
    end = 2 + 2 * len(taps)
    apart = reshape(x, (*x.shape[:2], *(size for pair in zip(counts, taps, strict=True) for size in pair)))
    windows_last = permute_dims(apart, (0, 1, *range(2, end, 2), *range(3, end, 2)))
    rows = reshape(windows_last, (*x.shape[:2], *counts, math.prod(taps)))
    return squeeze(take_along_axis(rows, argmax(rows, -1, keepdims=True), -1, wrap=False), -1)


def _largest(x: Node, windows: Sequence[Array], dilation: tuple[int, ...], single: bool, with_places: bool) -> Any:
    places = max_position(x, windows, dilation)
    flat = reshape(x, (*x.shape[:2], math.prod(size for size in x.shape[2:] if isinstance(size, int))))
    counts = math.prod(map(len, windows))
    at = reshape(places, (*x.shape[:2], counts))
    y = reshape(take_along_axis(flat, at, -1, wrap=False), places.shape)
    if single:
        y, places = y[0], places[0]
    return (y, places) if with_places else y


# -- means


def avg_pool1d(
    input: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Node:  # fmt: skip
    """The mean of each window of sequences (N, C, L); as :func:`avg_pool2d`."""
    return _avg_pool("avg_pool1d", 1, input, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    input: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Node:  # fmt: skip
    """The mean of each window of images (N, C, H, W); the stride is the window by default.

    Padding is zeros, which count unless ``count_include_pad=False``. With ``ceil_mode`` windows that begin inside and
    end outside the padding count as well, as means of what is inside. ``divisor_override`` divides the sums instead of
    the number of elements. The spatial sizes are numbers, unless windows without padding tile the image.

    >>> import symdiff as sd
    >>> sd.nn.avg_pool2d(sd.input("x", (sd.dim("n"), 3, 7, 7)), 3, stride=2).type.shape
    (Dim(n), 3, 3, 3)
    """
    return _avg_pool(
        "avg_pool2d", 2, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def avg_pool3d(
    input: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Node:  # fmt: skip
    """The mean of each window of volumes (N, C, D, H, W); as :func:`avg_pool2d`."""
    return _avg_pool(
        "avg_pool3d", 3, input, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override
    )


def adaptive_avg_pool1d(input: Operand, output_size: Any) -> Node:
    """The mean of ``output_size`` windows that cover sequences (N, C, L)."""
    return _adaptive_avg_pool("adaptive_avg_pool1d", 1, input, output_size)


def adaptive_avg_pool2d(input: Operand, output_size: Any) -> Node:
    """The mean of windows that cover images (N, C, H, W): window p of P runs from floor(p H / P) to
    ceil((p + 1) H / P). An output size of None keeps the axis.

    >>> import symdiff as sd
    >>> sd.nn.adaptive_avg_pool2d(sd.input("x", (sd.dim("n"), 3, 10, 7)), (4, None)).type.shape
    (Dim(n), 3, 4, 7)
    """
    return _adaptive_avg_pool("adaptive_avg_pool2d", 2, input, output_size)


def adaptive_avg_pool3d(input: Operand, output_size: Any) -> Node:
    """The mean of windows that cover volumes (N, C, D, H, W); as :func:`adaptive_avg_pool2d`."""
    return _adaptive_avg_pool("adaptive_avg_pool3d", 3, input, output_size)


def lp_pool1d(input: Operand, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Node:
    """(sum x^p)^(1 / p) over each window of sequences (N, C, L), p = ``norm_type``; windows as in avg_pool1d."""
    return _lp_pool("lp_pool1d", 1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(input: Operand, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Node:
    """(sum x^p)^(1 / p) over each window of images (N, C, H, W), p = ``norm_type``; windows as in avg_pool2d. As in
    PyTorch, sums below 0 (odd p) count as 0, and the derivative where a sum is 0 is that of the root: NaN or inf."""
    return _lp_pool("lp_pool2d", 2, input, norm_type, kernel_size, stride, ceil_mode)


def global_avg_pool(input: Operand) -> Node:
    """The mean over all spatial axes of (N, C, ...): (N, C)."""
    x = floats(input)
    return x.mean(tuple(range(2, x.ndim)))


def global_max_pool(input: Operand) -> Node:
    """The largest element over all spatial axes of (N, C, ...): (N, C). Ties share the derivative evenly."""
    x = floats(input)
    return x.max(tuple(range(2, x.ndim)))


def _avg_pool(
    asked: str, axes: int, input: Operand, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Node:  # fmt: skip
    x, single = with_batch(asked, input, axes)
    taps = per_axis(asked, "kernel_size", kernel_size, axes, 1)
    strides, pads = _strides(asked, stride, taps), _pads(asked, padding, taps)
    if divisor_override is not None and (not isinstance(divisor_override, int) or divisor_override == 0):
        raise ShapeError(explain(asked, f"divisor_override is a number but 0, got {divisor_override!r}", at=here()))
    counts: list[int | Dim | None] = [divide_exactly(size, tap) for size, tap in zip(x.shape[2:], taps, strict=True)]
    if strides == taps and not any(pads) and None not in counts:
        y = _tiled(x, [count for count in counts if count is not None], taps)
        y = y / (divisor_override or math.prod(taps))
        return y[0] if single else y
    divisors = []
    for axis, (size, tap, step, pad) in enumerate(
        zip(known_sizes(asked, x, axes), taps, strides, pads, strict=True), start=2
    ):
        places = window_places(tap, step, pad, 1, _windows(asked, size, tap, step, pad, 1, ceil_mode))
        x = sum(elements_at(x, axis, places), axis + 1)
        low, high = (-pad, size + pad) if count_include_pad else (0, size)
        divisors.append(((places >= low) & (places < high)).sum(axis=1))
    y = _divided(x, divisors) if divisor_override is None else x / divisor_override
    return y[0] if single else y


def _tiled(x: Node, counts: Sequence[int | Dim], taps: Sequence[int]) -> Node:
    """Sums over windows that lie side by side."""
    apart = [size for pair in zip(counts, taps, strict=True) for size in pair]
    return sum(reshape(x, (*x.shape[:2], *apart)), tuple(range(3, 3 + 2 * len(taps), 2)))


def _adaptive_avg_pool(asked: str, axes: int, input: Operand, output_size: Any) -> Node:
    x, single = with_batch(asked, input, axes)
    sizes = known_sizes(asked, x, axes)
    counts = _output_sizes(asked, output_size, sizes)
    if all(count and size % count == 0 for size, count in zip(sizes, counts, strict=True)):
        taps = [size // count for size, count in zip(sizes, counts, strict=True)]
        y = _tiled(x, counts, taps) / math.prod(taps)
        return y[0] if single else y
    divisors = []
    for axis, (size, count) in enumerate(zip(sizes, counts, strict=True), start=2):
        starts, stops = _covering(size, count).T
        places = starts[:, None] + np.arange(np.max(stops - starts, initial=0))
        x = sum(elements_at(x, axis, np.where(places < stops[:, None], places, -1)), axis + 1)
        divisors.append(stops - starts)
    y = _divided(x, divisors)
    return y[0] if single else y


def _divided(x: Node, divisors: Sequence[Array]) -> Node:
    """Sums over windows by the number of their elements, which is a product over the axes."""
    number = np.ones((), np.int64)
    for each in divisors:
        number = np.multiply.outer(number, each)
    if number.size and (number == number.flat[0]).all():
        return x / int(number.flat[0])
    return x / constant(number.astype(x.dtype))


def _lp_pool(
    asked: str, axes: int, input: Operand, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Node:
    taps = per_axis(asked, "kernel_size", kernel_size, axes, 1)
    means = _avg_pool(asked, axes, power(floats(input), norm_type), taps, stride, 0, ceil_mode, True, None)
    return power(sign(means) * relu(abs(means)) * math.prod(taps), 1 / norm_type)


# -- windows


def _strides(asked: str, stride: Any, taps: tuple[int, ...]) -> tuple[int, ...]:
    return taps if stride is None or stride == () else per_axis(asked, "stride", stride, len(taps), 1)


def _pads(asked: str, padding: Any, taps: tuple[int, ...]) -> tuple[int, ...]:
    pads = per_axis(asked, "padding", padding, len(taps))
    if any(2 * pad > tap for pad, tap in zip(pads, taps, strict=True)):
        problem = f"padding is at most half of the window: padding={padding!r}, kernel_size={taps}"
        raise ShapeError(explain(asked, problem, at=here()))
    return pads


def _windows(asked: str, size: int, taps: int, stride: int, pad: int, dilation: int, ceil_mode: bool) -> int:
    """How many windows fit; with ``ceil_mode`` also one that begins inside the image, or the padding before it."""
    room = size + 2 * pad - dilation * (taps - 1) - 1
    if room < 0 and not (ceil_mode and room > -stride):
        problem = f"a window of {taps} (dilation {dilation}) does not fit into {size} with padding {pad}"
        raise ShapeError(explain(asked, problem, at=here()))
    count = (-(-room // stride) if ceil_mode else room // stride) + 1
    return count - 1 if ceil_mode and (count - 1) * stride >= size + pad else count


def _output_sizes(asked: str, output_size: Any, sizes: tuple[int, ...]) -> tuple[int, ...]:
    given = tuple(output_size) if isinstance(output_size, Sequence) else (output_size,) * len(sizes)
    if len(given) != len(sizes):
        raise ShapeError(explain(asked, f"output_size is {len(sizes)} numbers, got {output_size!r}", at=here()))
    filled = tuple(size if count is None else count for count, size in zip(given, sizes, strict=True))
    return per_axis(asked, "output_size", filled, len(sizes))


def _covering(size: int, count: int) -> Array:
    """Starts and stops of ``count`` windows that cover an axis."""
    at = np.arange(count)
    return np.stack([at * size // max(count, 1), -(-(at + 1) * size // max(count, 1))], axis=1)

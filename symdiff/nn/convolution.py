"""Convolutions with PyTorch's arguments and layouts: images (N, C, ...), weights (O, C / groups, ...)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import Shape
from ..ops.conv import Pads, convolve, convolve_transposed, window_count
from ..ops.convert import constant, promote
from ..ops.elementwise import where
from ..ops.index import scatter_add_at
from ..ops.shape import permute_dims, reshape
from .windows import elements_at, floats, known_sizes, per_axis, window_places, with_batch

AXES = {1: "length", 2: "height and width", 3: "depth, height and width"}


def conv1d(
    x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Node:  # fmt: skip
    """Convolution over sequences: x (N, C, L), w (O, C / groups, K), bias (O,) -> (N, O, L').

    As :func:`conv2d`, with one spatial axis.

    >>> import symdiff as sd
    >>> sd.nn.conv1d(sd.input("x", (sd.dim("n"), 3, 9)), sd.param("w", (5, 3, 4)), stride=2).type.shape
    (Dim(n), 5, 3)
    """
    return _conv("conv1d", 1, x, w, bias, stride, padding, dilation, groups)


def conv2d(
    x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Node:  # fmt: skip
    """Convolution over images (cross-correlation, as usual): x (N, C, H, W), w (O, C / groups, KH, KW), bias (O,) ->
    (N, O, H', W') with

    ``y[n, o, p, q] = bias[o] + sum x[n, c, p * stride + i * dilation - padding, ...] * w[o, c, i, j]`` over c, i, j

    and H' = (H + 2 padding - dilation (KH - 1) - 1) // stride + 1. Arguments are a number for both axes or one for
    each; padding also "valid" (none) or "same" (zeros, as many as keep H and W; stride 1). The axis N may be missing.
    d/dx is a transposed convolution, d/dw a correlation of x with the cotangent; so any order works. Raises ShapeError
    for shapes that do not fit.

    >>> import symdiff as sd
    >>> x, w = sd.input("x", (sd.dim("n"), 3, 28, 28)), sd.param("w", (8, 3, 5, 5))
    >>> sd.nn.conv2d(x, w, padding="same").type.shape
    (Dim(n), 8, 28, 28)
    """
    return _conv("conv2d", 2, x, w, bias, stride, padding, dilation, groups)


def conv3d(
    x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Node:  # fmt: skip
    """Convolution over volumes: x (N, C, D, H, W), w (O, C / groups, KD, KH, KW), bias (O,) -> (N, O, D', H', W').

    As :func:`conv2d`, with three spatial axes.
    """
    return _conv("conv3d", 3, x, w, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Node:  # fmt: skip
    """Transposed convolution over sequences: x (N, C, L), w (C, O / groups, K), bias (O,) -> (N, O, L')."""
    return _transposed("conv_transpose1d", 1, x, w, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Node:  # fmt: skip
    """The transpose of :func:`conv2d` as a function of its images: x (N, C, H, W), w (C, O / groups, KH, KW) ->
    (N, O, H', W') with H' = (H - 1) stride - 2 padding + dilation (KH - 1) + output_padding + 1.

    Every element of x adds w, scaled, to a window of the result. output_padding adds rows at the end, where several
    sizes of images give H; it is smaller than stride or dilation.

    >>> import symdiff as sd
    >>> x, w = sd.input("x", (sd.dim("n"), 8, 7, 7)), sd.param("w", (8, 4, 4, 4))
    >>> sd.nn.conv_transpose2d(x, w, stride=2, padding=1).type.shape
    (Dim(n), 4, 14, 14)
    """
    return _transposed("conv_transpose2d", 2, x, w, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    x: Operand, w: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0,
    groups: int = 1, dilation: Any = 1,
) -> Node:  # fmt: skip
    """Transposed convolution over volumes: x (N, C, D, H, W), w (C, O / groups, KD, KH, KW) -> (N, O, D', H', W')."""
    return _transposed("conv_transpose3d", 3, x, w, bias, stride, padding, output_padding, groups, dilation)


def _conv(
    asked: str, axes: int, x: Operand, w: Operand, bias: Operand | None, stride: Any, padding: Any, dilation: Any,
    groups: int,
) -> Node:  # fmt: skip
    images, weights, single = _operands(asked, x, w, axes)
    strides, dilations = per_axis(asked, "stride", stride, axes, 1), per_axis(asked, "dilation", dilation, axes, 1)
    pads = _pads(asked, padding, strides, dilations, weights.shape[2:])
    _check_channels(asked, images, weights, weights.shape[1] * groups, weights.shape[0], groups)
    return _finished(asked, convolve(images, weights, strides, pads, dilations, groups), bias, single)


def _transposed(
    asked: str, axes: int, x: Operand, w: Operand, bias: Operand | None, stride: Any, padding: Any, output_padding: Any,
    groups: int, dilation: Any,
) -> Node:  # fmt: skip
    images, weights, single = _operands(asked, x, w, axes)
    strides, dilations = per_axis(asked, "stride", stride, axes, 1), per_axis(asked, "dilation", dilation, axes, 1)
    pads = per_axis(asked, "padding", padding, axes)
    extra = per_axis(asked, "output_padding", output_padding, axes)
    for more, step, spread in zip(extra, strides, dilations, strict=True):
        if more >= max(step, spread):
            problem = f"output_padding is smaller than stride or dilation, got {output_padding!r}"
            raise ShapeError(explain(asked, problem, at=here()))
    _check_channels(asked, images, weights, weights.shape[0], weights.shape[0], groups)
    sizes: Shape = tuple(
        (size - 1) * step - 2 * pad + spread * (taps - 1) + more + 1
        for size, step, pad, spread, taps, more in zip(
            images.shape[2:], strides, pads, dilations, weights.shape[2:], extra, strict=True
        )
    )
    if any(isinstance(size, int) and size < 0 for size in sizes):
        raise ShapeError(explain(asked, f"nothing is left of {describe(images)} without its padding", at=here()))
    sides = tuple((pad, pad) for pad in pads)
    return _finished(
        asked, convolve_transposed(images, weights, sizes, strides, sides, dilations, groups), bias, single
    )


def _operands(asked: str, x: Operand, w: Operand, axes: int) -> tuple[Node, Node, bool]:
    images, single = with_batch(asked, x, axes)
    images, weights = promote(asked, images, floats(w))
    if weights.ndim != axes + 2:
        problem = f"weights have two axes of channels and {AXES[axes]}, got {describe(weights)}"
        raise ShapeError(explain(asked, problem, at=here()))
    if any(size == 0 for size in weights.shape[2:]):
        raise ShapeError(explain(asked, f"a window has at least one element: {describe(weights)}", at=here()))
    return images, weights, single


def _check_channels(
    asked: str, images: Node, weights: Node, expected: int | Dim, grouped: int | Dim, groups: int
) -> None:
    operands = f"{describe(images)} with {describe(weights)}, groups={groups}"
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1:
        raise ShapeError(explain(asked, f"groups is 1 or more: {operands}", at=here()))
    if images.shape[1] != expected:
        problem = f"channels differ: {operands} ({images.shape[1]} != {expected})"
        raise ShapeError(explain(asked, problem, at=here(), hint="layouts are (N, C, ...) and those of PyTorch"))
    if divide_exactly(grouped, groups) is None:
        raise ShapeError(explain(asked, f"the groups do not divide the channels: {operands}", at=here()))


def _pads(asked: str, padding: Any, strides: tuple[int, ...], dilations: tuple[int, ...], taps: Shape) -> Pads:
    """Zeros before and after each axis."""
    if padding == "valid":
        return tuple((0, 0) for _ in strides)
    if padding == "same":
        if any(step != 1 for step in strides):
            raise ShapeError(explain(asked, 'padding="same" goes with stride 1', at=here()))
        totals = [spread * (count - 1) for spread, count in zip(dilations, taps, strict=True)]
        if not all(isinstance(total, int) for total in totals):
            raise ShapeError(explain(asked, 'padding="same" needs the sizes of the window as numbers', at=here()))
        return tuple((total // 2, total - total // 2) for total in totals if isinstance(total, int))
    if isinstance(padding, str):
        raise ShapeError(explain(asked, f'padding is numbers, "same" or "valid", got {padding!r}', at=here()))
    return tuple((pad, pad) for pad in per_axis(asked, "padding", padding, len(strides)))


def _finished(asked: str, y: Node, bias: Operand | None, single: bool) -> Node:
    if bias is not None:
        y, added = promote(asked, y, bias)
        if added.shape != y.shape[1:2]:
            raise ShapeError(explain(asked, f"bias has one number for each channel: {describe(added)}", at=here()))
        y = y + reshape(added, (-1, *[1] * (y.ndim - 2)))
    return y[0] if single else y


# -- windows as columns


def unfold(input: Operand, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Node:
    """Every window of an image as a column: (N, C, H, W) -> (N, C * KH * KW, windows), as torch.nn.functional.unfold.

    The spatial sizes are numbers. The derivative is :func:`fold`.

    >>> import symdiff as sd
    >>> sd.nn.unfold(sd.input("x", (sd.dim("n"), 3, 8, 8)), 3).type.shape
    (Dim(n), 27, 36)
    """
    images, single = with_batch("unfold", input, 2)
    y_places, x_places = _places("unfold", known_sizes("unfold", images, 2), kernel_size, dilation, padding, stride)
    rows = elements_at(images, 2, y_places.T)  # (N, C, KH, P, W)
    both = permute_dims(elements_at(rows, 4, x_places.T), (0, 1, 2, 4, 3, 5))
    columns = reshape(both, (both.shape[0], -1, y_places.shape[0] * x_places.shape[0]))
    return columns[0] if single else columns


def fold(
    input: Operand, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Node:
    """Columns (N, C * KH * KW, windows) added up into an image (N, C, H, W) of ``output_size``: the transpose of
    :func:`unfold`.

    >>> import symdiff as sd
    >>> sd.nn.fold(sd.input("x", (sd.dim("n"), 27, 36)), 8, 3).type.shape
    (Dim(n), 3, 8, 8)
    """
    columns, single = floats(input), False
    if columns.ndim == 2:
        columns, single = columns[None], True
    size, taps = per_axis("fold", "output_size", output_size, 2), per_axis("fold", "kernel_size", kernel_size, 2, 1)
    y_places, x_places = _places("fold", size, kernel_size, dilation, padding, stride)
    windows = y_places.shape[0] * x_places.shape[0]
    channels = divide_exactly(columns.shape[1], taps[0] * taps[1]) if columns.ndim == 3 else None
    if channels is None or columns.shape[2] != windows:
        problem = f"takes (N, C * {taps[0]} * {taps[1]}, {windows} windows), got {describe(columns)}"
        raise ShapeError(explain("fold", problem, at=here()))
    apart = reshape(columns, (columns.shape[0], channels, *taps, y_places.shape[0], x_places.shape[0]))
    rows = _added_at(permute_dims(apart, (0, 1, 2, 4, 3, 5)), 4, x_places.T, size[1])
    image = _added_at(rows, 2, y_places.T, size[0])
    return image[0] if single else image


def _places(
    asked: str, sizes: tuple[int, ...], kernel_size: Any, dilation: Any, padding: Any, stride: Any
) -> list[np.ndarray[Any, Any]]:
    """For both axes, where the elements of each window are."""
    axes = len(sizes)
    taps, pads = per_axis(asked, "kernel_size", kernel_size, axes, 1), per_axis(asked, "padding", padding, axes)
    strides, dilations = per_axis(asked, "stride", stride, axes, 1), per_axis(asked, "dilation", dilation, axes, 1)
    found = []
    for size, count, pad, step, spread in zip(sizes, taps, pads, strides, dilations, strict=True):
        windows = window_count(size, count, step, (pad, pad), spread, asked)
        assert isinstance(windows, int)
        found.append(window_places(count, step, pad, spread, windows))
    return found


def _added_at(x: Node, axis: int, places: np.ndarray[Any, Any], size: int) -> Node:
    """Zeros of ``size`` along an axis, plus the elements of x, whose axes from ``axis`` on are those of ``places``."""
    inside = (places >= 0) & (places < size)
    after = x.shape[axis + places.ndim :]
    if not inside.all():
        x = where(constant(inside.reshape(*inside.shape, *[1] * len(after))), x, 0)
    at = constant(np.clip(places, 0, max(size - 1, 0)).astype(np.int64))
    return scatter_add_at(x, at, axis, (*x.shape[:axis], size, *after))

"""Rows of convolutions and pools."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage, signal

from symdiff import nn
from symdiff.core.node import build
from symdiff.ops import tiles
from symdiff.ops.pool import max_position
from symdiff.ops.record import OPS
from tests.ops.rows import Array, N, distinct, halves, integers, of, positive, row

# -- convolutions, by SciPy's correlation of one channel with one window


def np_conv(x: Array, w: Array, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Array:
    axes = x.ndim - 2
    strides, pads, dilations = (np.broadcast_to(value, axes) for value in (stride, padding, dilation))
    x = np.pad(x, [(0, 0), (0, 0), *((pad, pad) for pad in pads)])
    spread = np.zeros((*w.shape[:2], *((np.array(w.shape[2:]) - 1) * dilations + 1)), w.dtype)
    spread[(..., *(slice(None, None, d) for d in dilations))] = w
    steps = tuple(slice(None, None, s) for s in strides)
    inputs, outputs = w.shape[1], w.shape[0] // groups
    shape = [(a - b) // s + 1 for a, b, s in zip(x.shape[2:], spread.shape[2:], strides, strict=True)]
    out = np.zeros((len(x), w.shape[0], *shape), x.dtype)
    for n in range(len(x)):
        for o in range(w.shape[0]):
            for c in range(inputs):
                image = x[n, o // outputs * inputs + c].astype(np.float64)
                out[n, o] += signal.correlate(image, spread[o, c].astype(np.float64), "valid", "direct")[steps]
    return out


def np_conv_transpose(y: Array, w: Array, padding: Any = 0, groups: int = 1, **settings: Any) -> Array:
    """Every element of y adds its window to the result."""
    axes = y.ndim - 2
    stride, pads, dilation, more = (
        np.broadcast_to(value, axes)
        for value in (
            settings.get("stride", 1),
            padding,
            settings.get("dilation", 1),
            settings.get("output_padding", 0),
        )
    )
    kernel = np.array(w.shape[2:])
    whole = (np.array(y.shape[2:]) - 1) * stride + dilation * (kernel - 1) + 1 + more
    out = np.zeros((len(y), w.shape[1] * groups, *whole), y.dtype)
    inside, outside = w.shape[0] // groups, w.shape[1]
    for place in np.ndindex(*y.shape[2:]):
        cut = tuple(
            slice(p * s, p * s + d * (k - 1) + 1, d) for p, s, d, k in zip(place, stride, dilation, kernel, strict=True)
        )
        for g in range(groups):
            one = y[(slice(None), slice(g * inside, (g + 1) * inside), *place)]
            window = np.tensordot(one, w[g * inside : (g + 1) * inside], 1)
            out[(slice(None), slice(g * outside, (g + 1) * outside), *cut)] += window
    return out[(..., *(slice(pad, size - pad) for pad, size in zip(pads, whole, strict=True)))]


for variant, image, weights, settings in [
    ("one axis", (N, 2, 7), (3, 2, 3), {}),
    ("one axis, stride", (N, 4, 9), (6, 2, 3), {"stride": 2, "padding": 1, "dilation": 2, "groups": 2}),
    ("two axes", (N, 3, 6, 5), (4, 3, 3, 2), {}),
    (
        "two axes, all",
        (N, 4, 7, 6),
        (6, 2, 2, 3),
        {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 1), "groups": 2},
    ),
    ("channels apart", (N, 3, 5, 5), (3, 1, 3, 3), {"padding": 1, "groups": 3}),
    ("point", (N, 3, 4, 4), (5, 3, 1, 1), {"stride": 2}),
    ("many", (N, 18, 9, 19), (17, 18, 3, 3), {"padding": 1}),
    ("three axes", (N, 2, 3, 4, 5), (2, 2, 2, 2, 3), {"stride": (1, 2, 1), "padding": 1}),
]:
    axes = len(image) - 2
    row(
        "conv",
        lambda x, w, axes=axes, settings=settings: getattr(nn, f"conv{axes}d")(x, w, **settings),
        lambda x, w, settings=settings: np_conv(x, w, **settings),
        of(*image),
        of(*weights),
        variant=variant,
        rtol32=1e-4,
    )
row(
    "conv",
    lambda x, w, b: nn.conv2d(x, w, b, padding="same", dilation=(1, 2)),
    lambda x, w, b: np_conv(np.pad(x, ((0, 0), (0, 0), (0, 1), (1, 1))), w, dilation=(1, 2)) + b[:, None, None],
    of(N, 2, 4, 5),
    of(3, 2, 2, 2),
    of(3),
    variant="same, bias",
)
row(
    "conv",
    lambda x, w: nn.conv1d(x, w),
    lambda x, w: np_conv(x, w),
    of(N, 2, 6 + N),
    of(3, 2, 3),
    variant="symbolic length",
)
row(
    "conv",
    lambda x, w: nn.conv2d(x, w, padding=1),
    lambda x, w: np_conv(x[None], w, padding=1)[0],
    of(2, 4, 5),
    of(3, 2, 3, 3),
    variant="one image",
)
for variant, image, weights, settings in [
    ("one axis", (N, 4, 5), (4, 3, 3), {"stride": 2, "padding": 1, "output_padding": 1, "groups": 2}),
    ("two axes", (N, 3, 4, 5), (3, 2, 3, 2), {}),
    ("stride and dilation", (N, 2, 3, 4), (2, 2, 3, 2), {"stride": (2, 3), "padding": 1, "dilation": (3, 2)}),
    ("stride above the window", (N, 2, 3, 3), (2, 2, 2, 2), {"stride": 3}),
    ("three axes", (N, 2, 2, 3, 2), (2, 2, 2, 2, 2), {"stride": (1, 2, 1)}),
]:
    axes = len(image) - 2
    row(
        "conv_transpose",
        lambda x, w, axes=axes, settings=settings: getattr(nn, f"conv_transpose{axes}d")(x, w, **settings),
        lambda x, w, settings=settings: np_conv_transpose(x, w, **settings),
        of(*image),
        of(*weights),
        variant=variant,
    )


def np_conv_weight(x: Array, y: Array) -> Array:
    """Images as outputs and cotangents as weights: a convolution with the axes N and C exchanged."""
    turned = np_conv(x.swapaxes(0, 1), y.swapaxes(0, 1), dilation=2) if len(x) else np.zeros((3, 2, 2, 2), x.dtype)
    return np.moveaxis(turned[:, :, :2, :2], 1, -1)


row(
    "conv_weight",
    lambda x, y: build(
        OPS["conv_weight"],
        [x, y],
        {"stride": (2, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1, "kernel": (2, 2)},
    ),
    np_conv_weight,
    of(N, 3, 5, 6),
    of(N, 2, 2, 3),
)
row(
    "nn.unfold",
    lambda x: nn.unfold(x, 2, padding=1, stride=(1, 2)),
    lambda x: np.stack(
        [np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))[:, :, i : i + 5, j : j + 5 : 2] for i in (0, 1) for j in (0, 1)], 2
    ).reshape(len(x), 8, 15),
    of(N, 2, 4, 4),
)
row(
    "fold",
    lambda x: nn.fold(x, (3, 3), 2),
    lambda x: sum(
        np.pad(x.reshape(-1, 2, 2, 2, 2, 2)[:, :, i, j], ((0, 0), (0, 0), (i, 1 - i), (j, 1 - j)))
        for i in (0, 1)
        for j in (0, 1)
    ),
    of(N, 8, 4),
)

# -- pools, by SciPy's filters


def np_windows(filtered: Any, x: Array, size: int, step: int) -> Array:
    """A filter over every window of ``size``, at each ``step``-th place."""
    count = (x.shape[-1] - size) // step + 1
    if not len(x):
        return np.zeros((*x.shape[:2], count, count), x.dtype)
    first = size // 2
    whole = filtered(x, (1, 1, size, size))[:, :, first:, first:]
    return whole[:, :, : (count - 1) * step + 1 : step, : (count - 1) * step + 1 : step]


row(
    "max_position",
    lambda x: max_position(x, [np.array([[0, 2], [1, 4], [3, 4]])], (1,)),
    lambda x: np.stack([x[:, :, :2].argmax(-1), 1 + x[:, :, 1:4].argmax(-1), 0 * x[:, :, 0].astype(int) + 3], -1),
    of(N, 2, 4, domain=halves),
    order=0,
)


def np_tiles(x: Array) -> Array:
    """The elements of tiles of 2 by 3 as rows."""
    apart = x.reshape(*x.shape[:-2], x.shape[-2] // 2, 2, x.shape[-1] // 3, 3)
    return np.moveaxis(apart, -3, -2).reshape(*apart.shape[:-4], apart.shape[-4], apart.shape[-2], 6)


row(
    "largest_of_tiles",
    lambda x: tiles.largest_of_tiles(x, (2, 3)),
    lambda x: np_tiles(x).argmax(-1).astype(np.int8),
    of(N, 4, 6, domain=halves),
    order=0,
)
row(
    "max_of_tiles",
    lambda x: tiles.max_of_tiles(x, (2, 3)),
    lambda x: np_tiles(x).max(-1),
    of(N, 4, 6, domain=distinct),
)
row(
    "take_from_tiles",
    lambda x, at: build(OPS["take_from_tiles"], [x, at], {"taps": (2, 3)}),
    lambda x, at: np.take_along_axis(np_tiles(x), at[..., None].astype(int), -1)[..., 0],
    of(N, 4, 6),
    of(N, 2, 2, domain=integers(0, 6), dtype="int8"),
)
row(
    "put_in_tiles",
    lambda y, at: build(OPS["put_in_tiles"], [y, at], {"taps": (2, 3)}),
    lambda y, at: (
        np.einsum("...pqt,...pq->...pqt", (at[..., None] == np.arange(6)).astype(y.dtype), y)
        .reshape(*y.shape, 2, 3)
        .swapaxes(-3, -2)
        .reshape(*y.shape[:-2], 4, 6)
    ),
    of(N, 2, 2),
    of(N, 2, 2, domain=integers(0, 6), dtype="int8"),
)
for size, step in ((2, 2), (3, 2), (2, 3)):
    row(
        "max_pool2d",
        lambda x, size=size, step=step: nn.max_pool2d(x, size, step),
        lambda x, size=size, step=step: np_windows(ndimage.maximum_filter, x, size, step),
        of(N, 2, 8, 8, domain=distinct),
        variant=f"{size} by {step}",
    )
    row(
        "avg_pool2d",
        lambda x, size=size, step=step: nn.avg_pool2d(x, size, step),
        lambda x, size=size, step=step: np_windows(ndimage.uniform_filter, x, size, step),
        of(N, 2, 8, 8),
        variant=f"{size} by {step}",
    )
row(
    "max_pool1d",
    lambda x: nn.max_pool1d(x, 3, 2, padding=1, dilation=2),
    lambda x: np.stack([x[:, :, [1, 3]].max(-1), x[:, :, [1, 3, 5]].max(-1), x[:, :, [3, 5]].max(-1)], -1),
    of(N, 2, 7, domain=distinct),
)
row(
    "avg_pool1d",
    lambda x: nn.avg_pool1d(x, 3, 2, padding=1, count_include_pad=False),
    lambda x: np.stack([x[..., :2].mean(-1), x[..., 1:4].mean(-1), x[..., 3:].mean(-1)], -1),
    of(N, 2, 5),
)
row(
    "adaptive_avg_pool1d",
    lambda x: nn.adaptive_avg_pool1d(x, 3),
    lambda x: np.stack([x[..., :2].mean(-1), x[..., 1:4].mean(-1), x[..., 3:].mean(-1)], -1),
    of(N, 2, 5),
)
row(
    "adaptive_max_pool1d",
    lambda x: nn.adaptive_max_pool1d(x, 3),
    lambda x: np.stack([x[..., :2].max(-1), x[..., 1:4].max(-1), x[..., 3:].max(-1)], -1),
    of(N, 2, 5, domain=distinct),
)
row("global_avg_pool", nn.global_avg_pool, lambda x: np.einsum("ncij->nc", x) / x.dtype.type(6), of(N, 2, 3, 2))
row(
    "global_max_pool",
    nn.global_max_pool,
    lambda x: np.sort(x.reshape(len(x), 2, 6))[..., -1],
    of(N, 2, 3, 2, domain=distinct),
)
row(
    "lp_pool2d",
    lambda x: nn.lp_pool2d(x, 3, 2),
    lambda x: np.cbrt(np.einsum("ncpiqj->ncpq", x.reshape(-1, 1, 2, 2, 2, 2) ** 3)).astype(x.dtype),
    of(N, 1, 4, 4, domain=positive),
)

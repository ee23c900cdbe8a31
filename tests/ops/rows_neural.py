"""Rows of convolutions, pools, normalizations, layers, attention and losses."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage, signal
from scipy import special as scipy_special

import symdiff as sd
from symdiff import nn
from symdiff.core.node import build
from symdiff.ops.pool import max_position
from symdiff.ops.record import OPS
from tests.ops.rows import Array, N, distinct, halves, ints, of, positive, row

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
    ("two axes, all", (N, 4, 7, 6), (6, 2, 2, 3), {"stride": (2, 1), "padding": (1, 2), "dilation": (2, 1), "groups": 2}),
    ("channels apart", (N, 3, 5, 5), (3, 1, 3, 3), {"padding": 1, "groups": 3}),
    ("point", (N, 3, 4, 4), (5, 3, 1, 1), {"stride": 2}),
    ("many", (N, 18, 9, 19), (17, 18, 3, 3), {"padding": 1}),
    ("three axes", (N, 2, 3, 4, 5), (2, 2, 2, 2, 3), {"stride": (1, 2, 1), "padding": 1}),
]:  # fmt: skip
    axes = len(image) - 2
    row(
        "conv",
        lambda x, w, axes=axes, settings=settings: getattr(nn, f"conv{axes}d")(x, w, **settings),
        lambda x, w, settings=settings: np_conv(x, w, **settings),
        of(*image), of(*weights), variant=variant, rtol32=1e-4,
    )  # fmt: skip
row(
    "conv",
    lambda x, w, b: nn.conv2d(x, w, b, padding="same", dilation=(1, 2)),
    lambda x, w, b: np_conv(np.pad(x, ((0, 0), (0, 0), (0, 1), (1, 1))), w, dilation=(1, 2)) + b[:, None, None],
    of(N, 2, 4, 5), of(3, 2, 2, 2), of(3), variant="same, bias",
)  # fmt: skip
row(
    "conv",
    lambda x, w: nn.conv1d(x, w),
    lambda x, w: np_conv(x, w),
    of(N, 2, 6 + N), of(3, 2, 3), variant="symbolic length",
)  # fmt: skip
row(
    "conv",
    lambda x, w: nn.conv2d(x, w, padding=1),
    lambda x, w: np_conv(x[None], w, padding=1)[0],
    of(2, 4, 5), of(3, 2, 3, 3), variant="one image",
)  # fmt: skip
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
        of(*image), of(*weights), variant=variant,
    )  # fmt: skip


def np_conv_weight(x: Array, y: Array) -> Array:
    """Images as outputs and cotangents as weights: a convolution with the axes N and C exchanged."""
    turned = np_conv(x.swapaxes(0, 1), y.swapaxes(0, 1), dilation=2) if len(x) else np.zeros((3, 2, 2, 2), x.dtype)
    return np.moveaxis(turned[:, :, :2, :2], 1, -1)


row(
    "conv_weight",
    lambda x, y: build(
        OPS["conv_weight"], [x, y],
        {"stride": (2, 2), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1, "kernel": (2, 2)},
    ),
    np_conv_weight,
    of(N, 3, 5, 6), of(N, 2, 2, 3),
)  # fmt: skip
row(
    "nn.unfold",
    lambda x: nn.unfold(x, 2, padding=1, stride=(1, 2)),
    lambda x: np.stack(
        [np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))[:, :, i : i + 5, j : j + 5 : 2] for i in (0, 1) for j in (0, 1)], 2
    ).reshape(len(x), 8, 15),
    of(N, 2, 4, 4),
)  # fmt: skip
row(
    "fold",
    lambda x: nn.fold(x, (3, 3), 2),
    lambda x: sum(
        np.pad(x.reshape(-1, 2, 2, 2, 2, 2)[:, :, i, j], ((0, 0), (0, 0), (i, 1 - i), (j, 1 - j)))
        for i in (0, 1) for j in (0, 1)
    ),
    of(N, 8, 4),
)  # fmt: skip

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
    of(N, 2, 4, domain=halves), order=0,
)  # fmt: skip
for size, step in ((2, 2), (3, 2), (2, 3)):
    row(
        "max_pool2d",
        lambda x, size=size, step=step: nn.max_pool2d(x, size, step),
        lambda x, size=size, step=step: np_windows(ndimage.maximum_filter, x, size, step),
        of(N, 2, 8, 8, domain=distinct), variant=f"{size} by {step}",
    )  # fmt: skip
    row(
        "avg_pool2d",
        lambda x, size=size, step=step: nn.avg_pool2d(x, size, step),
        lambda x, size=size, step=step: np_windows(ndimage.uniform_filter, x, size, step),
        of(N, 2, 8, 8), variant=f"{size} by {step}",
    )  # fmt: skip
row(
    "max_pool1d",
    lambda x: nn.max_pool1d(x, 3, 2, padding=1, dilation=2),
    lambda x: np.stack([x[:, :, [1, 3]].max(-1), x[:, :, [1, 3, 5]].max(-1), x[:, :, [3, 5]].max(-1)], -1),
    of(N, 2, 7, domain=distinct),
)  # fmt: skip
row(
    "avg_pool1d",
    lambda x: nn.avg_pool1d(x, 3, 2, padding=1, count_include_pad=False),
    lambda x: np.stack([x[..., :2].mean(-1), x[..., 1:4].mean(-1), x[..., 3:].mean(-1)], -1),
    of(N, 2, 5),
)  # fmt: skip
row(
    "adaptive_avg_pool1d",
    lambda x: nn.adaptive_avg_pool1d(x, 3),
    lambda x: np.stack([x[..., :2].mean(-1), x[..., 1:4].mean(-1), x[..., 3:].mean(-1)], -1),
    of(N, 2, 5),
)  # fmt: skip
row(
    "adaptive_max_pool1d",
    lambda x: nn.adaptive_max_pool1d(x, 3),
    lambda x: np.stack([x[..., :2].max(-1), x[..., 1:4].max(-1), x[..., 3:].max(-1)], -1),
    of(N, 2, 5, domain=distinct),
)  # fmt: skip
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
)  # fmt: skip

# -- normalization

IMAGES = np.sin(np.arange(24.0)).reshape(4, 3, 2)


def np_standard(x: Array, axes: Any) -> Array:
    """Divided by the standard deviation, which is found from the mean of squares."""
    mean = x.mean(axes, keepdims=True)
    return (x - mean) / np.sqrt((x**2).mean(axes, keepdims=True) - mean**2 + 1e-5)


row(
    "batch_norm",
    lambda x, m, v, w, b: nn.batch_norm(x, m, v, w, b),
    lambda x, m, v, w, b: np.einsum("nci,c->nci", x - m[:, None], w / np.sqrt(v + 1e-5)) + b[:, None],
    of(N, 3, 2), of(3), of(3, domain=positive), of(3), of(3), rtol32=1e-4,
)  # fmt: skip
row(
    "batch_norm",
    lambda x, w: nn.batch_norm(x, weight=w, training=True),
    lambda x, w: np_standard(x, (0, 2)) * w[:, None],
    of(4, 3, 2), of(3), variant="training", rtol32=1e-4,
)  # fmt: skip
row(
    "batch_norm",
    lambda m, v: sd.concat(nn.batch_norm(sd.constant(IMAGES, m.dtype), m, v, training=True, momentum=0.2)[1:]),
    lambda m, v: np.r_[0.8 * m + 0.2 * IMAGES.mean((0, 2)), 0.8 * v + 0.2 * IMAGES.var((0, 2), ddof=1)].astype(m.dtype),
    of(3), of(3), variant="statistics",
)  # fmt: skip
row("layer_norm", lambda x, w, b: nn.layer_norm(x, (4, 2), w, b), lambda x, w, b: np_standard(x, (1, 2)) * w + b,
    of(N, 4, 2), of(4, 2), of(4, 2), rtol32=1e-4)  # fmt: skip
row("group_norm", lambda x: nn.group_norm(x, 2),
    lambda x: np_standard(x.reshape(len(x), 2, 6), 2).reshape(x.shape), of(N, 4, 3), rtol32=1e-4)  # fmt: skip
row("instance_norm", lambda x: nn.instance_norm(x), lambda x: np_standard(x, 2), of(N, 3, 5), rtol32=1e-4)
row("rms_norm", lambda x: nn.rms_norm(x, 4, eps=0.1),
    lambda x: x / np.sqrt(np.einsum("ni,ni->n", x, x) / 4 + x.dtype.type(0.1))[:, None], of(N, 4))  # fmt: skip
row(
    "local_response_norm",
    lambda x: nn.local_response_norm(x, 3, alpha=0.3),
    lambda x: x / (1 + x.dtype.type(0.1) * signal.convolve2d(x[..., 0] ** 2, np.ones((1, 3), x.dtype), "same")[..., None]) ** x.dtype.type(0.75)
    if len(x) else x,
    of(N, 5, 1),
)  # fmt: skip
row("normalize", nn.normalize, lambda x: x / np.hypot(x[:, :1], x[:, 1:]), of(N, 2, domain=positive))

# -- layers

row("linear", nn.linear, lambda x, w, b: np.einsum("nki,oi->nko", x, w) + b, of(N, 2, 4), of(3, 4), of(3))
row(
    "bilinear",
    nn.bilinear,
    lambda x, y, w, b: np.einsum("ni,oij,nj->no", x, w, y) + b,
    of(N, 2),
    of(N, 4),
    of(3, 2, 4),
    of(3),
)
row(
    "embedding",
    lambda i, w: nn.embedding(i, w),
    lambda i, w: np.eye(5, dtype=w.dtype)[i] @ w,
    ints(N, 2, low=0, high=5),
    of(5, 3),
)
row("one_hot", lambda y: nn.one_hot(y, 4), lambda y: (y[..., None] == np.arange(4)).astype(int), ints(N, low=0, high=4),
    order=0, variant="nn")  # fmt: skip
row("pixel_shuffle", lambda x: nn.pixel_shuffle(x, 2),
    lambda x: np.einsum("ncijhw->nchiwj", x.reshape(-1, 2, 2, 2, 3, 1)).reshape(-1, 2, 6, 2), of(N, 8, 3, 1))  # fmt: skip
row("pixel_unshuffle", lambda x: nn.pixel_unshuffle(x, 2),
    lambda x: np.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], 2).reshape(-1, 8, 3, 1), of(N, 2, 6, 2))  # fmt: skip
row("pad", lambda x: nn.pad(x, (1, -1, 0, 2), value=3.0),
    lambda x: np.pad(x, ((0, 0), (0, 2), (1, 0)), constant_values=3)[..., :-1], of(N, 2, 4), variant="nn")  # fmt: skip
row(
    "interpolate",
    lambda x: nn.interpolate(x, scale_factor=2),
    lambda x: np.kron(x, np.ones((1, 1, 2), x.dtype)),
    of(N, 2, 3),
)
row("interpolate", lambda x: nn.interpolate(x, 5, mode="linear", align_corners=True),
    lambda x: np.stack([x[..., 0], (x[..., 0] + x[..., 1]) / 2, x[..., 1], (x[..., 1] + x[..., 2]) / 2, x[..., 2]], -1),
    of(N, 2, 3), variant="linear")  # fmt: skip
row("cosine_similarity", nn.cosine_similarity,
    lambda x, y: np.cos(np.arctan2(x[:, 1], x[:, 0]) - np.arctan2(y[:, 1], y[:, 0])), of(N, 2), of(N, 2, domain=positive))  # fmt: skip
row(
    "pairwise_distance",
    lambda x, y: nn.pairwise_distance(x, y, eps=0),
    lambda x, y: np.hypot(*(x - y).T),
    of(N, 2),
    of(N, 2),
)
row("dropout", lambda x: nn.dropout(x, 0.0, key=sd.random.key(0)), lambda x: x, of(N, 2), variant="none")
row("dropout", lambda x: nn.dropout(x, 1.0, key=sd.random.key(0)), lambda x: 0 * x, of(N, 2), variant="all")

# -- attention


def np_attention(q: Array, k: Array, v: Array, added: Any = 0) -> Array:
    scores = np.einsum("bie,bje->bij", q, k) / np.sqrt(q.dtype.type(q.shape[-1])) + added
    weights = np.exp(scores)
    return np.einsum("bij,bjv->biv", weights, v) / weights.sum(-1)[..., None]


row(
    "scaled_dot_product_attention", nn.scaled_dot_product_attention, np_attention, of(N, 2, 3), of(N, 4, 3), of(N, 4, 2)
)
row(
    "scaled_dot_product_attention",
    lambda q, k, v: nn.scaled_dot_product_attention(q, k, v, is_causal=True),
    lambda q, k, v: np_attention(q, k, v, np.log(np.tri(4)).astype(q.dtype)) if len(q) else q[:, :, :2],
    of(N, 4, 3), of(N, 4, 3), of(N, 4, 2), variant="causal",
)  # fmt: skip
row(
    "scaled_dot_product_attention",
    nn.scaled_dot_product_attention,
    np_attention,
    of(N, 2, 3), of(N, 4, 3), of(N, 4, 2), of(2, 4), variant="mask",
)  # fmt: skip

# -- losses


def np_scores(z: Array) -> Array:
    return z - scipy_special.logsumexp(z, axis=1, keepdims=True)


for name, formula in {
    "l1_loss": lambda d: np.where(d > 0, d, -d),
    "mse_loss": lambda d: d * d,
    "huber_loss": lambda d: scipy_special.huber(1, d),
    "smooth_l1_loss": lambda d: scipy_special.huber(1, d),
}.items():
    row(name, lambda x, t, name=name: getattr(nn, name)(x, t, reduction="sum"),
        lambda x, t, formula=formula: np.sum(formula(x - t), dtype=x.dtype), of(N, 3), of(N, 3))  # fmt: skip
row("kl_div", lambda x, t: nn.kl_div(x, t, "sum"), lambda x, t: np.sum(scipy_special.rel_entr(t, np.exp(x)), dtype=x.dtype),
    of(N, 3), of(N, 3, domain=positive), variant="nn")  # fmt: skip
row(
    "poisson_nll_loss",
    lambda x, t: nn.poisson_nll_loss(x, t, reduction="none"),
    lambda x, t: np.exp(x) - x * t,
    of(N, 3),
    of(N, 3),
)
row("gaussian_nll_loss", lambda x, t, v: nn.gaussian_nll_loss(x, t, v, reduction="none"),
    lambda x, t, v: np.log(np.sqrt(v)) + 0.5 * ((x - t) / np.sqrt(v)) ** 2, of(N, 3), of(N, 3), of(N, 3, domain=positive))  # fmt: skip
row("binary_cross_entropy", lambda x, t: nn.binary_cross_entropy(sd.sigmoid(x), t, reduction="none"),
    lambda x, t: np.logaddexp(0, x) - x * t, of(N, 3), of(N, 3), rtol32=1e-4)  # fmt: skip
row("binary_cross_entropy_with_logits",
    lambda x, t, w: nn.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=w),
    lambda x, t, w: w * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x), of(N, 3), of(N, 3), of(3))  # fmt: skip
row(
    "soft_margin_loss",
    lambda x, t: nn.soft_margin_loss(x, t, "none"),
    lambda x, t: np.logaddexp(0, -x * t),
    of(N, 3),
    of(N, 3),
)
row("nll_loss", lambda x, y: nn.nll_loss(x, y, reduction="none"),
    lambda x, y: -np.einsum("ncj,njc->nj", x, np.eye(4, dtype=x.dtype)[y]), of(N, 4, 2), ints(N, 2, low=0, high=4))  # fmt: skip
row("nll_loss", lambda x, y: nn.nll_loss(x, y, ignore_index=0, reduction="none"),
    lambda x, y: -np.einsum("nc,nc->n", x, (y[:, None] == np.arange(3)) & (y[:, None] > 0), dtype=x.dtype),
    of(N, 3), ints(N, low=0, high=3), variant="ignored")  # fmt: skip
row("cross_entropy", lambda z, y: nn.cross_entropy(z, y, reduction="sum", label_smoothing=0.2),
    lambda z, y: -np.sum(np_scores(z) * (0.8 * np.eye(4)[y] + 0.05).astype(z.dtype), dtype=z.dtype),
    of(N, 4), ints(N, low=0, high=4), variant="smoothed")  # fmt: skip
row("cross_entropy", lambda z, y, w: nn.cross_entropy(z, y, weight=w),
    lambda z, y, w: np.average(-np_scores(z)[range(5), y], weights=w[y]).astype(z.dtype),
    of(5, 4), ints(5, low=0, high=4), of(4, domain=positive), variant="weighted")  # fmt: skip
row("cross_entropy", lambda z, t: nn.cross_entropy(z, t, reduction="none"),
    lambda z, t: -np.einsum("nc,nc->n", np_scores(z), t), of(N, 4), of(N, 4), variant="probabilities")  # fmt: skip
row("multi_margin_loss", lambda z, y: nn.multi_margin_loss(z, y, reduction="none", margin=9.0),
    lambda z, y: (9 * 2 + z.sum(1) - 3 * z[np.arange(len(y)), y]) / 3, of(N, 3), ints(N, low=0, high=3))  # fmt: skip
row("margin_ranking_loss", lambda x, y: nn.margin_ranking_loss(x, y, 0 * x + 1, margin=9.0, reduction="none"),
    lambda x, y: 9 - x + y, of(N), of(N))  # fmt: skip
row("hinge_embedding_loss", lambda x: nn.hinge_embedding_loss(x, 0 * x - 1, 9.0, "none"), lambda x: 9 - x, of(N, 2))
row("cosine_embedding_loss", lambda x, y: nn.cosine_embedding_loss(x, y, sd.constant(np.ones(3)), reduction="none"),
    lambda x, y: 1 - np.cos(np.arctan2(x[:, 1], x[:, 0]) - np.arctan2(y[:, 1], y[:, 0])), of(3, 2), of(3, 2))  # fmt: skip
row("triplet_margin_loss", lambda a, p, n: nn.triplet_margin_loss(a, p, n, margin=9.0, eps=0, reduction="none"),
    lambda a, p, n: 9 + np.hypot(*(a - p).T) - np.hypot(*(a - n).T), of(N, 2), of(N, 2), of(N, 2))  # fmt: skip

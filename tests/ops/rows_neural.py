"""Rows of normalizations, layers and attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import signal

import symdiff as sd
from symdiff import nn
from tests.ops.rows import Array, N, ints, of, positive, row

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
    of(N, 3, 2),
    of(3),
    of(3, domain=positive),
    of(3),
    of(3),
    rtol32=1e-4,
)
row(
    "batch_norm",
    lambda x, w: nn.batch_norm(x, weight=w, training=True),
    lambda x, w: np_standard(x, (0, 2)) * w[:, None],
    of(4, 3, 2),
    of(3),
    variant="training",
    rtol32=1e-4,
)
row(
    "batch_norm",
    lambda m, v: sd.concat(nn.batch_norm(sd.constant(IMAGES, m.dtype), m, v, training=True, momentum=0.2)[1:]),
    lambda m, v: np.r_[0.8 * m + 0.2 * IMAGES.mean((0, 2)), 0.8 * v + 0.2 * IMAGES.var((0, 2), ddof=1)].astype(m.dtype),
    of(3),
    of(3),
    variant="statistics",
)
row(
    "layer_norm",
    lambda x, w, b: nn.layer_norm(x, (4, 2), w, b),
    lambda x, w, b: np_standard(x, (1, 2)) * w + b,
    of(N, 4, 2),
    of(4, 2),
    of(4, 2),
    rtol32=1e-4,
)
row(
    "group_norm",
    lambda x: nn.group_norm(x, 2),
    lambda x: np_standard(x.reshape(len(x), 2, 6), 2).reshape(x.shape),
    of(N, 4, 3),
    rtol32=1e-4,
)
row("instance_norm", lambda x: nn.instance_norm(x), lambda x: np_standard(x, 2), of(N, 3, 5), rtol32=1e-4)
row(
    "rms_norm",
    lambda x: nn.rms_norm(x, 4, eps=0.1),
    lambda x: x / np.sqrt(np.einsum("ni,ni->n", x, x) / 4 + x.dtype.type(0.1))[:, None],
    of(N, 4),
)


def np_neighbours(x: Array) -> Array:
    """Sums over three elements of a row."""
    return signal.convolve2d(x, np.ones((1, 3), x.dtype), "same")


row(
    "local_response_norm",
    lambda x: nn.local_response_norm(x, 3, alpha=0.3),
    lambda x: (
        x / (1 + x.dtype.type(0.1) * np_neighbours(x[..., 0] ** 2)[..., None]) ** x.dtype.type(0.75) if len(x) else x
    ),
    of(N, 5, 1),
)
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
row(
    "one_hot",
    lambda y: nn.one_hot(y, 4),
    lambda y: (y[..., None] == np.arange(4)).astype(int),
    ints(N, low=0, high=4),
    order=0,
    variant="nn",
)
row(
    "pixel_shuffle",
    lambda x: nn.pixel_shuffle(x, 2),
    lambda x: np.einsum("ncijhw->nchiwj", x.reshape(-1, 2, 2, 2, 3, 1)).reshape(-1, 2, 6, 2),
    of(N, 8, 3, 1),
)
row(
    "pixel_unshuffle",
    lambda x: nn.pixel_unshuffle(x, 2),
    lambda x: np.stack([x[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)], 2).reshape(-1, 8, 3, 1),
    of(N, 2, 6, 2),
)
row(
    "pad",
    lambda x: nn.pad(x, (1, -1, 0, 2), value=3.0),
    lambda x: np.pad(x, ((0, 0), (0, 2), (1, 0)), constant_values=3)[..., :-1],
    of(N, 2, 4),
    variant="nn",
)
row(
    "interpolate",
    lambda x: nn.interpolate(x, scale_factor=2),
    lambda x: np.kron(x, np.ones((1, 1, 2), x.dtype)),
    of(N, 2, 3),
)
row(
    "interpolate",
    lambda x: nn.interpolate(x, 5, mode="linear", align_corners=True),
    lambda x: np.stack([x[..., 0], (x[..., 0] + x[..., 1]) / 2, x[..., 1], (x[..., 1] + x[..., 2]) / 2, x[..., 2]], -1),
    of(N, 2, 3),
    variant="linear",
)
row(
    "cosine_similarity",
    nn.cosine_similarity,
    lambda x, y: np.cos(np.arctan2(x[:, 1], x[:, 0]) - np.arctan2(y[:, 1], y[:, 0])),
    of(N, 2),
    of(N, 2, domain=positive),
)
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
    of(N, 4, 3),
    of(N, 4, 3),
    of(N, 4, 2),
    variant="causal",
)
row(
    "scaled_dot_product_attention",
    nn.scaled_dot_product_attention,
    np_attention,
    of(N, 2, 3),
    of(N, 4, 3),
    of(N, 4, 2),
    of(2, 4),
    variant="mask",
)

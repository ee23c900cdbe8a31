"""Rows of the losses of sd.nn."""

from __future__ import annotations

import numpy as np
from scipy import special as scipy_special

import symdiff as sd
from symdiff import nn
from tests.ops.rows import Array, N, ints, of, positive, row


def np_scores(z: Array) -> Array:
    return z - scipy_special.logsumexp(z, axis=1, keepdims=True)


for name, formula in {
    "l1_loss": lambda d: np.where(d > 0, d, -d),
    "mse_loss": lambda d: d * d,
    "huber_loss": lambda d: scipy_special.huber(1, d),
    "smooth_l1_loss": lambda d: scipy_special.huber(1, d),
}.items():
    row(
        name,
        lambda x, t, name=name: getattr(nn, name)(x, t, reduction="sum"),
        lambda x, t, formula=formula: np.sum(formula(x - t), dtype=x.dtype),
        of(N, 3),
        of(N, 3),
    )
row(
    "nn.kl_div",
    lambda x, t: nn.kl_div(x, t, "sum"),
    lambda x, t: np.sum(scipy_special.rel_entr(t, np.exp(x)), dtype=x.dtype),
    of(N, 3),
    of(N, 3, domain=positive),
    variant="nn",
)
row(
    "poisson_nll_loss",
    lambda x, t: nn.poisson_nll_loss(x, t, reduction="none"),
    lambda x, t: np.exp(x) - x * t,
    of(N, 3),
    of(N, 3),
)
row(
    "gaussian_nll_loss",
    lambda x, t, v: nn.gaussian_nll_loss(x, t, v, reduction="none"),
    lambda x, t, v: np.log(np.sqrt(v)) + 0.5 * ((x - t) / np.sqrt(v)) ** 2,
    of(N, 3),
    of(N, 3),
    of(N, 3, domain=positive),
)
row(
    "binary_cross_entropy",
    lambda x, t: nn.binary_cross_entropy(sd.sigmoid(x), t, reduction="none"),
    lambda x, t: np.logaddexp(0, x) - x * t,
    of(N, 3),
    of(N, 3),
    rtol32=1e-4,
)
row(
    "binary_cross_entropy_with_logits",
    lambda x, t, w: nn.binary_cross_entropy_with_logits(x, t, reduction="none", pos_weight=w),
    lambda x, t, w: w * t * np.logaddexp(0, -x) + (1 - t) * np.logaddexp(0, x),
    of(N, 3),
    of(N, 3),
    of(3),
)
row(
    "soft_margin_loss",
    lambda x, t: nn.soft_margin_loss(x, t, "none"),
    lambda x, t: np.logaddexp(0, -x * t),
    of(N, 3),
    of(N, 3),
)
row(
    "nll_loss",
    lambda x, y: nn.nll_loss(x, y, reduction="none"),
    lambda x, y: -np.einsum("ncj,njc->nj", x, np.eye(4, dtype=x.dtype)[y]),
    of(N, 4, 2),
    ints(N, 2, low=0, high=4),
)
row(
    "nll_loss",
    lambda x, y: nn.nll_loss(x, y, ignore_index=0, reduction="none"),
    lambda x, y: -np.einsum("nc,nc->n", x, (y[:, None] == np.arange(3)) & (y[:, None] > 0), dtype=x.dtype),
    of(N, 3),
    ints(N, low=0, high=3),
    variant="ignored",
)
row(
    "nn.cross_entropy",
    lambda z, y: nn.cross_entropy(z, y, reduction="sum", label_smoothing=0.2),
    lambda z, y: -np.sum(np_scores(z) * (0.8 * np.eye(4)[y] + 0.05).astype(z.dtype), dtype=z.dtype),
    of(N, 4),
    ints(N, low=0, high=4),
    variant="smoothed",
)
row(
    "nn.cross_entropy",
    lambda z, y, w: nn.cross_entropy(z, y, weight=w),
    lambda z, y, w: np.average(-np_scores(z)[range(5), y], weights=w[y]).astype(z.dtype),
    of(5, 4),
    ints(5, low=0, high=4),
    of(4, domain=positive),
    variant="weighted",
)
row(
    "nn.cross_entropy",
    lambda z, t: nn.cross_entropy(z, t, reduction="none"),
    lambda z, t: -np.einsum("nc,nc->n", np_scores(z), t),
    of(N, 4),
    of(N, 4),
    variant="probabilities",
)
row(
    "multi_margin_loss",
    lambda z, y: nn.multi_margin_loss(z, y, reduction="none", margin=9.0),
    lambda z, y: (9 * 2 + z.sum(1) - 3 * z[np.arange(len(y)), y]) / 3,
    of(N, 3),
    ints(N, low=0, high=3),
)
row(
    "margin_ranking_loss",
    lambda x, y: nn.margin_ranking_loss(x, y, 0 * x + 1, margin=9.0, reduction="none"),
    lambda x, y: 9 - x + y,
    of(N),
    of(N),
)
row("hinge_embedding_loss", lambda x: nn.hinge_embedding_loss(x, 0 * x - 1, 9.0, "none"), lambda x: 9 - x, of(N, 2))
row(
    "cosine_embedding_loss",
    lambda x, y: nn.cosine_embedding_loss(x, y, sd.constant(np.ones(3)), reduction="none"),
    lambda x, y: 1 - np.cos(np.arctan2(x[:, 1], x[:, 0]) - np.arctan2(y[:, 1], y[:, 0])),
    of(3, 2),
    of(3, 2),
)
row(
    "triplet_margin_loss",
    lambda a, p, n: nn.triplet_margin_loss(a, p, n, margin=9.0, eps=0, reduction="none"),
    lambda a, p, n: 9 + np.hypot(*(a - p).T) - np.hypot(*(a - n).T),
    of(N, 2),
    of(N, 2),
    of(N, 2),
)

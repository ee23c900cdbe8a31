"""Rows of public names that are made of others, so that each is called by its own name somewhere in the table."""

from __future__ import annotations

import numpy as np
from scipy import special as scipy_special

import symdiff as sd
from symdiff import linalg, losses, nn
from tests.ops.rows import Array, N, bools, distinct, ints, nonzero, of, positive, row
from tests.ops.rows_random import KEY, fractions

# -- elements and shapes

row(
    "floor_divide",
    sd.floor_divide,
    lambda x, y: np.trunc(x / y) - (np.trunc(x / y) > x / y),
    of(9),
    of(9, domain=nonzero),
    order=0,
    variant="floats",
)
row("matrix_transpose", sd.matrix_transpose, lambda x: np.einsum("kij->kji", x), of(N, 2, 3), variant="function")
row("ravel", sd.ravel, lambda x: np.concatenate([*x]) if len(x) else x[:, 0], of(N, 3), variant="function")
row("swapaxes", lambda x: sd.swapaxes(x, 0, -1), lambda x: np.einsum("ijk->kji", x), of(N, 2, 3), variant="function")
row("trace", sd.trace, lambda x: np.einsum("ii", x), of(3, 3), variant="floats")
row("cross", lambda x, y: linalg.cross(x, y), lambda x, y: np.cross(x, y), of(N, 3), of(N, 3), variant="linalg")
row(
    "diagonal",
    lambda x: linalg.diagonal(x, offset=1),
    lambda x: np.stack([x[:, 0, 1], x[:, 1, 2]], 1),
    of(N, 2, 3),
    variant="linalg",
)

# -- loops

row("map", lambda x: sd.map(lambda one: sd.sum(one * one), x), lambda x: np.einsum("ij,ij->i", x, x), of(N, 3))
row(
    "fori_loop",
    lambda x: sd.fori_loop(0, 3, lambda i, value: value * x + i.astype(x.dtype), x),
    lambda x: ((x**2 + 0) * x + 1) * x + 2,
    of(N, 2),
)

# -- dropout and draws: the same numbers, by another way

SCALE, SHIFT = 1.7580993408473766, 0.5


def key() -> sd.Node:
    return sd.random.key(KEY)


def kept(shape: tuple[int, ...]) -> Array:
    return (fractions(int(np.prod(shape))) < 0.5).reshape(shape)


def np_alpha(x: Array, shape: tuple[int, ...]) -> Array:
    a = 1 / np.sqrt((SCALE**2 * SHIFT + 1) * (1 - SHIFT))
    return (a * np.where(kept(shape), x, -SCALE) + a * SCALE * SHIFT).astype(x.dtype)


for axes, shape in [(1, (2, 3, 4)), (2, (2, 3, 2, 2)), (3, (1, 3, 2, 1, 2))]:
    row(
        f"dropout{axes}d",
        lambda x, axes=axes: getattr(nn, f"dropout{axes}d")(x, 0.5, key=key()),
        lambda x: 2 * x * kept((*x.shape[:2], *[1] * (x.ndim - 2))),
        of(*shape),
    )
row("dropout", lambda x: nn.dropout(x, 0.5, key=key()), lambda x: 2 * x * kept(x.shape), of(3, 2), variant="half")
row("alpha_dropout", lambda x: nn.alpha_dropout(x, 0.5, True, key=key()), lambda x: np_alpha(x, x.shape), of(3, 2))
row(
    "feature_alpha_dropout",
    lambda x: nn.feature_alpha_dropout(x, 0.5, True, key=key()),
    lambda x: np_alpha(x, (*x.shape[:2], 1)),
    of(2, 3, 2),
)
row("bernoulli", lambda: sd.random.bernoulli(key(), 0.5, (2, 3)), lambda: kept((2, 3)), order=0)
row(
    "categorical",
    lambda x: sd.random.categorical(key(), x),
    lambda x: np.argmax(x - np.log(-np.log(1 - (fractions(6) + 2.0**-54))).reshape(2, 3), 1),
    of(2, 3),
    order=0,
)
row(
    "truncated_normal",
    lambda low, high: sd.random.truncated_normal(key(), low, high, dtype=low.dtype),
    lambda low, high: _truncated(low, high, fractions(3)).astype(low.dtype),
    of(3, domain=lambda rng, shape: -positive(rng, shape)),
    of(3, domain=positive),
)


def _truncated(low: Array, high: Array, u: Array) -> Array:
    from scipy import stats

    return np.asarray(stats.truncnorm.ppf(u, low, high))


# -- pools of other ranks than their siblings'

row(
    "lp_pool1d",
    lambda x: nn.lp_pool1d(x, 3, 2),
    lambda x: np.cbrt(np.sum(x.reshape(-1, 2, 3, 2) ** 3, 3)),
    of(N, 2, 6, domain=positive),
)
for kind, reduce in [("max", np.max), ("avg", np.mean)]:
    row(
        f"{kind}_pool3d",
        lambda x, kind=kind: getattr(nn, f"{kind}_pool3d")(x, 2),
        lambda x, reduce=reduce: reduce(x.reshape(-1, 1, 2, 2, 1, 2, 2, 2), (3, 5, 7)),
        of(N, 1, 4, 2, 4, domain=distinct),
    )
    for axes, image, windows, over in [
        (2, (4, 6), (2, 2, 3, 2), (3, 5)),
        (3, (2, 4, 1), (1, 2, 2, 2, 1, 1), (3, 5, 7)),
    ]:
        row(
            f"adaptive_{kind}_pool{axes}d",
            lambda x, kind=kind, axes=axes, sizes=windows[::2]: getattr(nn, f"adaptive_{kind}_pool{axes}d")(x, sizes),
            lambda x, reduce=reduce, windows=windows, over=over: reduce(x.reshape(-1, 1, *windows), over),
            of(2, 1, *image, domain=distinct),
        )

# -- losses

row(
    "multilabel_soft_margin_loss",
    lambda x, y: nn.multilabel_soft_margin_loss(x, y.astype(x.dtype)),
    lambda x, y: np.mean(np.log1p(np.exp(np.where(y, -x, x)))),
    of(4, 3),
    bools(4, 3),
)
row("mean_squared_error", losses.mean_squared_error, lambda x, y: np.var(x - y) + np.mean(x - y) ** 2, of(5), of(5))
row("mean_absolute_error", losses.mean_absolute_error, lambda x, y: np.mean(np.hypot(x - y, 0)), of(5), of(5))
row("huber", losses.huber, lambda x, y: np.mean(scipy_special.huber(1, x - y)), of(5), of(5))
row("hinge", losses.hinge, lambda x, t: np.mean(np.clip(1 - t * x, 0, None)), of(5), of(5))
row("max_margin", losses.max_margin, lambda s, s_c: np.mean(np.clip(1 + s_c - s, 0, None)), of(5), of(5))
row(
    "multiclass_hinge",
    losses.multiclass_hinge,
    lambda x, y: np.mean(np.clip(x - np.take_along_axis(x, y[:, None], 1) + 1, 0, None).sum(1) - 1),
    of(5, 3),
    ints(5, low=0, high=3),
)
row(
    "sigmoid_cross_entropy",
    lambda x, z: losses.sigmoid_cross_entropy(x, z),
    lambda x, z: np.mean(np.logaddexp(0 * x, np.where(z == 1, -x, x))),
    of(5),
    ints(5, low=0, high=2),
)
row(
    "softmax_cross_entropy",
    losses.softmax_cross_entropy,
    lambda x, y: np.mean(np.log(np.exp(x).sum(1)) - x[np.arange(len(x)), y]),
    of(5, 3),
    ints(5, low=0, high=3),
)

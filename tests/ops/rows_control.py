"""Rows of loops and branches; tests/control has the rest."""

from __future__ import annotations

import numpy as np

import symdiff as sd

from .rows import N, of, row


def _recurrence(h, xs):
    states = []
    for x in xs:
        h = np.tanh(h + x)
        states.append(h)
    return np.array(states, xs.dtype).reshape(xs.shape)


def _halved(x):
    x = x.copy()
    while np.sum(x * x) > 1:
        x = x / 2
    return x


row("loop", lambda h, xs: sd.scan(lambda h, x: ((new := sd.tanh(h + x)), new), h, xs)[1], _recurrence, of(3), of(N, 3))
row(
    "loop",
    lambda x: sd.while_loop(lambda x: sd.sum(x * x) > 1, lambda x: x / 2, x, max_steps=20),
    _halved,
    of(3),
    variant="while",
)
row(
    "branch",
    lambda x, y: sd.cond(sd.sum(x) > 0, lambda: x * sd.exp(y), lambda: sd.sin(x * y)),
    lambda x, y: x * np.exp(y) if np.sum(x) > 0 else np.sin(x * y),
    of(3),
    of(3),
    variant="",
)
row(
    "item",
    lambda x: sd.scan(lambda s, v: (s + v * v, ()), sd.constant(0.0).astype(x.dtype), x)[0],
    lambda x: np.sum(x * x, dtype=x.dtype),
    of(N),
    variant="of a loop",
)

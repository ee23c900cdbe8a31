"""Activations whose derivative as written would lose digits: a record each. The others are short compositions (nn)."""

from __future__ import annotations

import numpy as np

from .arithmetic import abs, square
from .record import unary
from .trigonometric import tanh

softsign = unary(
    "softsign",
    "a / (1 + abs(a))",
    lambda x: x / (1 + np.abs(x)),
    lambda t, out, x: t / square(1 + abs(x)),
    "x / (1 + |x|); derivative 1 / (1 + |x|)^2.",
    cost=6,
)
tanhshrink = unary(
    "tanhshrink",
    "a - tanh(a)",
    lambda x: x - np.tanh(x),
    lambda t, out, x: t * square(tanh(x)),
    "x - tanh(x); derivative tanh(x)^2.",
    cost=16,
)

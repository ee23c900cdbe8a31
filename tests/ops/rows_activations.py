"""Rows of the activations."""

from __future__ import annotations

import numpy as np
import scipy.special as scipy

import symdiff as sd
from tests.ops.rows import N, ints, nonzero, of, positive, reals, row, wide
from tests.ops.rows_maths import off_halves


def elu(x, alpha=1.0):
    return np.maximum(x, 0) + np.minimum(0, x.dtype.type(alpha) * np.expm1(np.minimum(x, 0)))


def between(x, low, high):
    return np.minimum(np.maximum(x, x.dtype.type(low)), x.dtype.type(high))


SELU = (1.6732632423543772848170429916717, 1.0507009873554804934193349852946)
for name, build, numpy, domain in [
    ("leaky_relu", sd.nn.leaky_relu, lambda x: np.maximum(x, 0) + np.minimum(x, 0) * x.dtype.type(0.01), nonzero),
    ("elu", sd.nn.elu, elu, nonzero),
    ("celu", lambda x: sd.nn.celu(x, alpha=0.5), lambda x: np.where(x > 0, x, elu(2 * x, 0.5)), nonzero),
    ("selu", sd.nn.selu, lambda x: x.dtype.type(SELU[1]) * elu(x, SELU[0]), nonzero),
    ("silu", sd.nn.silu, lambda x: x / (1 + np.exp(-x)), reals),
    ("mish", sd.nn.mish, lambda x: x * np.tanh(np.log1p(np.exp(x))), reals),
    ("softsign", sd.nn.softsign, lambda x: np.sign(x) * (1 - 1 / (1 + np.abs(x))), nonzero),
    ("hardtanh", sd.nn.hardtanh, lambda x: between(x, -1, 1), off_halves),
    ("relu6", lambda x: sd.nn.relu6(x + 5), lambda x: between(x + 5, 0, 6), off_halves),
    ("hardsigmoid", lambda x: sd.nn.hardsigmoid(2 * x), lambda x: between(2 * x + 3, 0, 6) / 6, off_halves),
    ("hardswish", lambda x: sd.nn.hardswish(2 * x), lambda x: 2 * x * between(2 * x + 3, 0, 6) / 6, off_halves),
    ("softplus", lambda x: sd.nn.softplus(x, beta=2), lambda x: np.logaddexp(2 * x, 0 * x) / 2, reals),
    ("softplus", lambda x: sd.nn.softplus(x, 1, 0.2), lambda x: np.where(x > 0.2, x, np.log1p(np.exp(x))), nonzero),
    ("log_sigmoid", sd.nn.log_sigmoid, lambda x: -np.logaddexp(0 * x, -x), wide),
    ("tanhshrink", sd.nn.tanhshrink, lambda x: x - np.sinh(x) / np.cosh(x), reals),
    ("softshrink", sd.nn.softshrink, lambda x: np.sign(x) * np.maximum(np.abs(x) - np.float32(0.5), 0), off_halves),
    ("hardshrink", sd.nn.hardshrink, lambda x: x * (np.abs(x) > 0.5), off_halves),
    ("threshold", lambda x: sd.nn.threshold(x, 0.5, 7), lambda x: np.where(x > 0.5, x, x.dtype.type(7)), off_halves),
    ("softmin", sd.nn.softmin, lambda x: scipy.softmax(-x, -1), reals),
    ("softmax", lambda x: sd.nn.softmax(x, 0), lambda x: scipy.softmax(x, 0), reals),
    ("log_softmax", lambda x: sd.nn.log_softmax(x, dim=0), lambda x: scipy.log_softmax(x, 0), reals),
]:  # fmt: skip
    variant = "nn" if "max" in name or name == "softmin" else ""
    if name == "softplus":
        variant = "beta" if domain is reals else "threshold"
    shape = (4, 3) if "max" in name else (N, 3)
    row(name, build, numpy, of(*shape, domain=domain), variant=variant)

row("glu", sd.nn.glu, lambda x: x[..., :2] / (1 + np.exp(-x[..., 2:])), of(N, 4))
row("glu", lambda x: sd.nn.glu(x, dim=0), lambda x: x[:1] / (1 + np.exp(-x[1:])), of(2, 3), variant="rows")
row(
    "prelu",
    sd.nn.prelu,
    lambda x, w: np.where(x > 0, x, w[:, None] * x),
    of(N, 3, 2, domain=nonzero),
    of(3),
    variant="channels",
)
row("prelu", sd.nn.prelu, lambda x, w: np.where(x > 0, x, w * x), of(N, 3, domain=nonzero), of(1), variant="one")
row("silu", sd.silu, lambda x: x / (1 + np.exp(-x)), ints(5), order=0, variant="integers")
row(
    "elu",
    lambda x: sd.nn.elu(-x, 0.3),
    lambda x: x.dtype.type(0.3) * (np.exp(-x) - 1),
    of(N, domain=positive),
    variant="alpha",
)

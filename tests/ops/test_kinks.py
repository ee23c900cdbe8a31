"""Conventions of NumPy's maths section and of the activations: slopes at kinks, ends and origins, on both backends."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symdiff as sd
from symdiff.core.node import Node

INF, NAN = float("inf"), float("nan")
nn = sd.nn
SELU = 1.0507009873554805


@pytest.mark.parametrize("backend", ["native", "numpy"])
@pytest.mark.parametrize(
    ("build", "at", "values", "slopes"),
    [
        (lambda x: sd.clip(x, -1, 2), [-2, -1, 0, 2, 3], [-1, -1, 0, 2, 2], [0, 1, 1, 1, 0]),
        (lambda x: sd.clip(x, 2, -1), [-2, 0, 3], [-1, -1, -1], [0, 0, 0]),
        (lambda x: sd.clip(1.5, x, 2), [1, 1.5, 1.75, 3], [1.5, 1.5, 1.75, 2], [0, 0, 1, 0]),
        (lambda x: sd.clip(1.5, -1, x), [1, 1.5, 2, -3], [1, 1.5, 1.5, -3], [1, 0, 0, 1]),
        (lambda x: sd.fmax(x, NAN), [1, NAN], [1, NAN], [1, 1]),
        (lambda x: sd.fmax(x, 1), [0, 1, 2, NAN], [1, 1, 2, 1], [0, 0.5, 1, 0]),
        (lambda x: sd.fmin(1, x), [0, 1, 2, NAN], [0, 1, 1, 1], [1, 0.5, 0, 0]),
        (lambda x: sd.hypot(x, 0), [-2, 0, 3], [2, 0, 3], [-1, 0, 1]),
        (lambda x: sd.arctan2(x, 0), [-2, 0, 2], [-math.pi / 2, 0, math.pi / 2], [0, 0, 0]),
        (lambda x: sd.arctan2(0, x), [-2, 0, 2], [math.pi, 0, 0], [0, 0, 0]),
        (lambda x: sd.heaviside(x, 0.5), [-2, 0, 2, NAN], [0, 0.5, 1, NAN], [0, 0, 0, 0]),
        (lambda x: sd.heaviside([-1.0, 0.0, 1.0], x), [5, 6, 7], [0, 6, 1], [0, 1, 0]),
        (lambda x: sd.copysign(x, -1), [-2, 0, 3], [-2, -0.0, -3], [1, 0, -1]),
        (lambda x: sd.copysign(2, x), [-2, -0.0, 3], [-2, -2, 2], [0, 0, 0]),
        (sd.cbrt, [-8, 0, 27], [-2, 0, 3], [1 / 12, INF, 1 / 27]),
        (sd.arcsin, [-1, 0, 1, 2], [-math.pi / 2, 0, math.pi / 2, NAN], [INF, 1, INF, NAN]),
        (sd.arccosh, [1, 0.5], [0, NAN], [INF, NAN]),
        (sd.arctanh, [-1, 0, 1], [-INF, 0, INF], [INF, 1, INF]),
        (sd.sinc, [-0.5, 0, 0.5], [2 / math.pi, 1, 2 / math.pi], [4 / math.pi, 0, -4 / math.pi]),
        (sd.nan_to_num, [NAN, INF, 1], [0, np.finfo(float).max, 1], [0, 0, 1]),
        (lambda x: sd.logaddexp(x, INF), [INF, 0], [INF, INF], [0.5, 0]),
        (lambda x: sd.logaddexp(x, -INF), [-INF, 0], [-INF, 0], [0.5, 1]),
        (lambda x: sd.logaddexp2(x, x), [0, 1000], [1, 1001], [1, 1]),
        (lambda x: sd.xlogy(x, 0), [0, 1], [0, -INF], [0, -INF]),
        (lambda x: sd.xlogy(0, x), [0, 2, -1], [0, 0, 0], [0, 0, 0]),
        (lambda x: sd.xlog1py(x, -1), [0, 1], [0, -INF], [0, -INF]),
        (sd.entr, [0, -1, 1], [0, -INF, 0], [INF, NAN, -1]),
        (sd.i0e, [0, 1], [1, 0.46575960759364043], [0, -0.2578491922439319]),
        (sd.fabs, [-2, 0, 3], [2, 0, 3], [-1, 0, 1]),
        (sd.rsqrt, [0, 4], [INF, 0.5], [-INF, -1 / 16]),
        (lambda x: sd.ldexp(x, 3), [-1, 0.5], [-8, 4], [8, 8]),
        (lambda x: sd.fmod(x, 3), [-4, 4], [-1, 1], [1, 1]),
        (nn.leaky_relu, [-1, 0, 1, NAN], [-0.01, 0, 1, NAN], [0.01, 0.01, 1, 0.01]),
        (nn.elu, [-1e4, 0, 800], [-1, 0, 800], [0, 1, 1]),
        (lambda x: nn.elu(x, 0.5), [-1e4, 0, 1], [-0.5, 0, 1], [0, 0.5, 1]),
        (lambda x: nn.celu(x, 0.5), [-1e4, 0, 1], [-0.5, 0, 1], [0, 1, 1]),
        (nn.selu, [0, 1], [0, SELU], [SELU * 1.6732632423543772, SELU]),
        (nn.silu, [-1e4, 0, 1e4], [0, 0, 1e4], [0, 0.5, 1]),
        (nn.mish, [-1e4, 0, 1e4], [0, 0, 1e4], [0, 0.6, 1]),
        (nn.softsign, [-1e200, 0, INF], [-1, 0, NAN], [0, 1, 0]),
        (nn.hardtanh, [-2, -1, 0, 1, NAN], [-1, -1, 0, 1, NAN], [0, 0, 1, 0, 1]),
        (nn.relu6, [-1, 0, 3, 6, 7], [0, 0, 3, 6, 6], [0, 0, 1, 0, 0]),
        (nn.hardsigmoid, [-3, 0, 3], [0, 0.5, 1], [0, 1 / 6, 0]),
        (nn.hardswish, [-3, 0, 3], [0, 0, 3], [0, 0.5, 1]),
        (
            nn.softplus,
            [-800, 0, 20, 21],
            [0, math.log(2), 20 + 2.0611536181902037e-09, 21],
            [0, 0.5, 1 - 2.0611536181902037e-09, 1],
        ),
        (nn.log_sigmoid, [-800, 0, 800], [-800, -math.log(2), 0], [1, 0.5, 0]),
        (nn.tanhshrink, [-800, 0, 800], [-799, 0, 799], [1, 0, 1]),
        (nn.softshrink, [-1, -0.5, 0, 0.5, 1, NAN], [-0.5, 0, 0, 0, 0.5, NAN], [1, 0, 0, 0, 1, 1]),
        (nn.hardshrink, [-1, -0.5, 0, 0.5, 1, NAN], [-1, 0, 0, 0, 1, NAN], [1, 0, 0, 0, 1, 1]),
        (lambda x: nn.threshold(x, 1, 9), [0, 1, 2], [9, 9, 2], [0, 0, 1]),
    ],
)
def test_value_and_slope(
    build: Callable[[Node], Node], at: list[float], values: list[float], slopes: list[float], backend: str
) -> None:
    x = sd.input("x", (len(at),))
    out = build(x)
    found = sd.compile([out, sd.grad(sd.sum(out), x)], inputs=[x], backend=backend)(np.array(at, "float64"))
    np.testing.assert_allclose(found[0], values, rtol=1e-13, atol=1e-300)
    np.testing.assert_allclose(found[1], slopes, rtol=1e-13, atol=1e-300)


@pytest.mark.parametrize(
    "name", ["elu", "silu", "mish", "celu", "selu", "softplus", "tanhshrink", "log_sigmoid", "gelu"]
)
def test_activations_far_out_have_no_nan(name: str) -> None:
    """Value and two derivatives."""
    x = sd.input("x", (4,))
    out = getattr(nn, name)(x)
    slope = sd.grad(sd.sum(out), x)
    bend = sd.vjp(slope, x, 1.0)
    found = sd.compile([out, slope, bend], inputs=[x])(np.array([-1e4, -800.0, 800.0, 1e4]))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[2], 0)


@pytest.mark.parametrize(
    "name", ["log", "sqrt", "arcsin", "arccosh", "arctanh", "log1p", "log2", "log10", "erfinv", "ndtri"]
)
def test_outside_the_domain_is_nan(name: str) -> None:
    x = sd.input("x", (2,))
    for backend in ("native", "numpy"):
        (found,) = sd.compile([getattr(sd, name)(x)], inputs=[x], backend=backend)(np.array([-2.0, NAN]))
        assert np.isnan(found).all()


def test_errors() -> None:
    x, k = sd.input("x", (3, 4)), sd.input("k", (3,), dtype="int64")
    with pytest.raises(sd.DTypeError, match="bitwise_and: takes integers"):
        _ = x & 1
    with pytest.raises(sd.DTypeError, match="invert: takes integers"):
        _ = ~x
    with pytest.raises(sd.DTypeError, match="gcd: takes integers"):
        sd.gcd(k, 0.5)
    with pytest.raises(sd.GraphError, match="round: decimals is an int"):
        sd.round(x, 0.5)
    with pytest.raises(sd.ShapeError, match="glu: axis 0"):
        nn.glu(x, 0)
    with pytest.raises(sd.ShapeError, match="prelu"):
        nn.prelu(x, sd.input("w", (5,)))
    with pytest.raises(sd.GraphError, match="hardtanh: min_val < max_val"):
        nn.hardtanh(x, 1, -1)
    with pytest.raises(sd.GradientError, match="step function"):
        sd.grad(sd.sum(sd.floor(x)), x)


def test_aliases() -> None:
    assert sd.acos is sd.arccos and sd.atan2 is sd.arctan2 and sd.pow is sd.power and sd.absolute is sd.abs
    assert sd.deg2rad is sd.radians and sd.around is sd.round and sd.fix is sd.trunc and sd.mod is sd.remainder
    assert sd.expit is sd.sigmoid and sd.gammaln is sd.lgamma and nn.swish is nn.silu and sd.bitwise_not is sd.invert


def numbers(low: int = -9) -> Any:
    return np.arange(low, 10)


def test_operators_of_integers_are_numpys() -> None:
    x = sd.input("x", (19,), dtype="int64")
    outputs = [x & 6, 6 & x, x | 6, 6 | x, x ^ 6, 6 ^ x, ~x, x << 2, x >> 1, 1 << (x & 3), 64 >> (x & 3)]
    n = numbers()
    expected = [n & 6, n & 6, n | 6, n | 6, n ^ 6, n ^ 6, ~n, n << 2, n >> 1, 1 << (n & 3), 64 >> (n & 3)]
    for found, right in zip(sd.compile(outputs, inputs=[x])(n), expected, strict=True):
        np.testing.assert_array_equal(found, right)

"""Draws whose variance depends on how many connections a unit has, so that signals keep their size from layer to layer.

A weight matrix is (in, out), as in ``x @ W``; the kernel of a convolution (out, in, *window). For the (out, in)
matrices of ``sd.nn.linear`` the two fans change places.
"""

from __future__ import annotations

import math

from ..core.errors import explain
from ..core.provenance import here
from ..core.record import record
from .plain import within_two
from .start import Array, DType, Generator, Shape, require_float, require_matrix

_KEPT = 0.87962566103423978  # the standard deviation of a normal distribution cut at +-2


@record
class Scaled:
    """Draws of variance ``scale / fan``, where the fan counts the connections of one unit."""

    name: str
    scale: float
    mode: str
    distribution: str

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        require_float(self.name, dtype)
        require_matrix(self.name, shape)
        std = math.sqrt(self.scale / max(_fan(shape, self.mode), 1.0))
        if self.distribution == "uniform":
            limit = std * math.sqrt(3)
            return rng.uniform(-limit, limit, shape).astype(dtype)
        if self.distribution == "normal":
            return rng.normal(0, std, shape).astype(dtype)
        return (std / _KEPT * within_two(shape, rng)).astype(dtype)


def variance_scaling(scale: float = 1.0, mode: str = "fan_in", distribution: str = "truncated_normal") -> Scaled:
    """Draws of mean 0 and variance ``scale / fan``: what the rules below are cases of.

    ``mode`` is "fan_in", "fan_out" or "fan_avg" (their mean); ``distribution`` "normal", "uniform", or
    "truncated_normal", cut at two standard deviations and widened to have the variance again. Raises ValueError for
    another word or a negative scale. A ShapeError tells of fewer than two axes when the state is made.

    >>> import symdiff as sd
    >>> W = sd.param("W", (3, 64), init=sd.init.variance_scaling(2.0, "fan_out", "normal"))
    """
    _check("variance_scaling", "scale", scale)
    for what, value, known in [("mode", mode, _MODES), ("distribution", distribution, _DISTRIBUTIONS)]:
        if value not in known:
            problem = f"{what} is one of {', '.join(known)}, got {value!r}"
            raise ValueError(explain("variance_scaling", problem, at=here()))
    return Scaled("variance_scaling", float(scale), mode, distribution)


def glorot_uniform(gain: float = 1.0) -> Scaled:
    """Uniform within ``+-gain sqrt(6 / (fan_in + fan_out))`` (Glorot and Bengio, 2010), for tanh, sigmoid and linear
    layers: a compromise between keeping the variance of activations and that of gradients.

    A matrix is (in, out); a convolution's kernel (out, in, *window). A ShapeError tells of fewer than two axes when
    the state is made.

    >>> import symdiff as sd
    >>> W = sd.param("W", (64, 10), init=sd.init.glorot_uniform(), dtype="float32")
    >>> bool(abs(sd.State.initial([W], seed=0)["W"]).max() < (6 / 74) ** 0.5)
    True
    """
    return Scaled("glorot_uniform", _check("glorot_uniform", "gain", gain) ** 2, "fan_avg", "uniform")


def glorot_normal(gain: float = 1.0) -> Scaled:
    """Normal with variance ``gain^2 2 / (fan_in + fan_out)`` (Glorot and Bengio, 2010)."""
    return Scaled("glorot_normal", _check("glorot_normal", "gain", gain) ** 2, "fan_avg", "normal")


def he_uniform() -> Scaled:
    """Uniform within ``+-sqrt(6 / fan_in)`` (He et al., 2015): for ReLU layers, where half of the variance is cut."""
    return Scaled("he_uniform", 2.0, "fan_in", "uniform")


def he_normal() -> Scaled:
    """Normal with variance ``2 / fan_in`` (He et al., 2015): for ReLU layers."""
    return Scaled("he_normal", 2.0, "fan_in", "normal")


def lecun_uniform() -> Scaled:
    """Uniform within ``+-sqrt(3 / fan_in)`` (LeCun et al., 1998): for linear and SELU layers."""
    return Scaled("lecun_uniform", 1.0, "fan_in", "uniform")


def lecun_normal() -> Scaled:
    """Normal with variance ``1 / fan_in`` (LeCun et al., 1998): for linear and SELU layers."""
    return Scaled("lecun_normal", 1.0, "fan_in", "normal")


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor on a standard deviation that makes up for an activation, as in PyTorch: 1 for linear, sigmoid and
    convolutions, 5/3 for tanh, sqrt(2) for relu, ``sqrt(2 / (1 + slope^2))`` for leaky_relu (``param`` is the slope,
    0.01 by default), 3/4 for selu. Raises ValueError for another.

    >>> import symdiff as sd
    >>> W = sd.param("W", (64, 64), init=sd.init.glorot_normal(sd.init.calculate_gain("tanh")))
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        problem = f"no gain is known for {nonlinearity!r}, only for leaky_relu, {', '.join(_GAINS)}"
        raise ValueError(explain("calculate_gain", problem, at=here()))
    return _GAINS[nonlinearity]


_MODES = ("fan_in", "fan_out", "fan_avg")
_DISTRIBUTIONS = ("normal", "uniform", "truncated_normal")
_GAINS = dict.fromkeys(("linear", "sigmoid", "conv1d", "conv2d", "conv3d"), 1.0) | {
    "tanh": 5 / 3,
    "relu": math.sqrt(2),
    "selu": 3 / 4,
}


def _fan(shape: Shape, mode: str) -> float:
    """The connections of a unit of a matrix (in, out), or of a convolution's kernel (out, in, *window)."""
    window = math.prod(shape[2:])
    fan_in, fan_out = shape if len(shape) == 2 else (shape[1] * window, shape[0] * window)
    return {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]


def _check(name: str, what: str, value: float) -> float:
    if not value >= 0:
        raise ValueError(explain(name, f"{what} is not negative, got {value}", at=here()))
    return float(value)

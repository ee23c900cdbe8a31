"""Initialisers: what a parameter starts from. Each is a value ``init(shape, dtype, rng) -> array`` that compares equal
to another of the same settings, so that asking for a parameter twice gives the same parameter."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .core.errors import DTypeError, ShapeError, StateError, SymdiffError, explain
from .core.node import Node, describe
from .core.record import record
from .ops.convert import Frozen

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
Initializer = Callable[[Shape, np.dtype[Any], "np.random.Generator"], Array]  # importing np.random takes 10 ms


@record
class Constant:
    """One value everywhere."""

    value: float

    def __call__(self, shape: Shape, dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        if dtype.kind != "f" and self.value != int(self.value):
            raise DTypeError(f"constant: {self.value} does not fit in {dtype}")
        return np.full(shape, self.value, dtype)


@record
class Normal:
    """Draws from a normal distribution."""

    std: float
    mean: float

    def __call__(self, shape: Shape, dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        _require_float("normal", dtype)
        return rng.normal(self.mean, self.std, shape).astype(dtype)


@record
class Uniform:
    """Draws from the interval [low, high)."""

    low: float
    high: float

    def __call__(self, shape: Shape, dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        _require_float("uniform", dtype)
        return rng.uniform(self.low, self.high, shape).astype(dtype)


@record
class Scaled:
    """Draws of variance ``gain / fan``, where the fan counts the connections of one unit."""

    name: str
    gain: float
    fan: Callable[[Shape], float]
    uniform: bool

    def __call__(self, shape: Shape, dtype: np.dtype[Any], rng: np.random.Generator) -> Array:
        _require_float(self.name, dtype)
        if len(shape) < 2:
            hint = "use normal, uniform or zeros"
            raise ShapeError(explain(self.name, f"shape {shape} has no fan-in and fan-out", hint=hint))
        std = math.sqrt(self.gain / max(self.fan(shape), 1.0))
        limit = std * math.sqrt(3)
        draw = rng.uniform(-limit, limit, shape) if self.uniform else rng.normal(0, std, shape)
        return draw.astype(dtype)


def zeros() -> Constant:
    """0 everywhere: the default."""
    return Constant(0.0)


def ones() -> Constant:
    """1 everywhere."""
    return Constant(1.0)


def constant(value: float) -> Constant:
    """One value everywhere."""
    return Constant(float(value))


def normal(std: float = 0.01, mean: float = 0.0) -> Normal:
    """Normal with the given standard deviation and mean. Raises ValueError for a negative deviation."""
    if not std >= 0:
        raise ValueError(f"normal: the standard deviation is not negative, got {std}")
    return Normal(float(std), float(mean))


def uniform(low: float = -0.05, high: float = 0.05) -> Uniform:
    """Uniform in [low, high). Raises ValueError when low exceeds high."""
    if not low <= high:
        raise ValueError(f"uniform: low is at most high, got {low} and {high}")
    return Uniform(float(low), float(high))


def glorot_uniform() -> Scaled:
    """Uniform within +-sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, 2010): for tanh, sigmoid and linear layers.

    A matrix is (in, out); a convolution's kernel (out, in, *window). A ShapeError tells of fewer than two axes when
    the state is made.

    >>> import symdiff as sd
    >>> W = sd.param("W", (64, 10), init=sd.init.glorot_uniform(), dtype="float32")
    >>> bool(abs(sd.State.initial([W], seed=0)["W"]).max() < (6 / 74) ** 0.5)
    True
    """
    return Scaled("glorot_uniform", 1.0, _mean_fan, uniform=True)


def glorot_normal() -> Scaled:
    """Normal with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return Scaled("glorot_normal", 1.0, _mean_fan, uniform=False)


def he_uniform() -> Scaled:
    """Uniform within +-sqrt(6 / fan_in) (He et al., 2015): for ReLU layers."""
    return Scaled("he_uniform", 2.0, _fan_in, uniform=True)


def he_normal() -> Scaled:
    """Normal with variance 2 / fan_in (He et al., 2015): for ReLU layers."""
    return Scaled("he_normal", 2.0, _fan_in, uniform=False)


def initial_value(param: Node, seed: int) -> Array:
    """What a parameter starts from. It depends on the seed and the parameter's name, on nothing else."""
    init, shape, dtype = param.attrs["init"], param.attrs["shape"], param.dtype
    if init is None:
        return np.zeros(shape, dtype)
    if isinstance(init, Frozen):
        return init.array
    try:
        value = np.asarray(init(shape, dtype, generator(seed, param.attrs["name"])))
    except SymdiffError as problem:
        raise type(problem)(explain(f"param {describe(param)}", str(problem), at=param.origin.place)) from None
    if value.shape != shape or not np.can_cast(value.dtype, dtype, "same_kind"):
        problem_text = f"the initialiser gave {value.dtype}{list(value.shape)}"
        raise StateError(explain(f"param {describe(param)}", problem_text, at=param.origin.place))
    return value.astype(dtype, copy=False)


def generator(seed: int, name: str) -> np.random.Generator:
    """Random numbers for one parameter: the same for a seed and a name, whatever else the model has."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ValueError(f"init: a seed is an int that is not negative, got {seed!r}")
    from hashlib import sha256  # np.random needs it too; neither is loaded before somebody draws

    digest = sha256(name.encode()).digest()
    return np.random.Generator(np.random.PCG64([int(seed), int.from_bytes(digest[:8], "little")]))


def _require_float(name: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind != "f":
        raise DTypeError(f"{name}: draws floats, not {dtype}")


def _fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of a matrix (in, out), or of a convolution's kernel (out, in, *window)."""
    if len(shape) == 2:
        return shape
    window = math.prod(shape[2:])
    return shape[1] * window, shape[0] * window


def _fan_in(shape: Shape) -> float:
    return _fans(shape)[0]


def _mean_fan(shape: Shape) -> float:
    return sum(_fans(shape)) / 2

"""Values drawn one by one, whatever the shape: constants, normal, uniform, truncated normal."""

from __future__ import annotations

import numpy as np

from ..core.errors import DTypeError, explain
from ..core.node import Node
from ..core.provenance import here
from ..core.record import record
from .start import Array, DType, Generator, Shape, initial_value, require_float, seed_of


@record
class Constant:
    """One value everywhere."""

    value: float

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        if dtype.kind != "f" and self.value != int(self.value):
            raise DTypeError(f"constant: {self.value} does not fit in {dtype}")
        return np.full(shape, self.value, dtype)


@record
class Normal:
    """Draws from a normal distribution."""

    std: float
    mean: float

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        require_float("normal", dtype)
        return rng.normal(self.mean, self.std, shape).astype(dtype)


@record
class Uniform:
    """Draws from the interval [low, high)."""

    low: float
    high: float

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        require_float("uniform", dtype)
        return rng.uniform(self.low, self.high, shape).astype(dtype)


@record
class TruncatedNormal:
    """Draws from a normal distribution, none further than two standard deviations from its mean."""

    std: float
    mean: float

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        require_float("truncated_normal", dtype)
        return (self.mean + self.std * within_two(shape, rng)).astype(dtype)


@record
class SameAs:
    """What another parameter starts from."""

    param: Node

    def __call__(self, shape: Shape, dtype: DType, rng: Generator) -> Array:
        return initial_value(self.param, seed_of(rng))


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
    return Normal(_deviation("normal", std), float(mean))


def uniform(low: float = -0.05, high: float = 0.05) -> Uniform:
    """Uniform in [low, high). Raises ValueError when low exceeds high."""
    if not low <= high:
        raise ValueError(explain("uniform", f"low is at most high, got {low} and {high}", at=here()))
    return Uniform(float(low), float(high))


def truncated_normal(std: float = 0.01, mean: float = 0.0) -> TruncatedNormal:
    """Normal, with draws further than two standard deviations from the mean drawn again.

    ``std`` is that of the normal distribution; of what is left it is 0.8796 std. Raises ValueError for a negative one.

    >>> import symdiff as sd
    >>> W = sd.param("W", (100, 100), init=sd.init.truncated_normal(0.1))
    >>> bool(abs(sd.State.initial([W])["W"]).max() <= 0.2)
    True
    """
    return TruncatedNormal(_deviation("truncated_normal", std), float(mean))


def same_as(param: Node) -> SameAs:
    """What another parameter of the same shape starts from, whatever the seed: for averages and target networks.

    >>> import symdiff as sd
    >>> W = sd.param("W", (2, 3), init=sd.init.normal(1.0))
    >>> state = sd.State.initial([W, sd.param("copy", (2, 3), init=sd.init.same_as(W))], seed=5)
    >>> bool((state["copy"] == state["W"]).all())
    True
    """
    return SameAs(param)


def within_two(shape: Shape, rng: Generator) -> Array:
    """Standard normal draws within [-2, 2]: 95 of 100 are the first time."""
    values = rng.standard_normal(shape)
    while (outside := np.abs(values) > 2).any():
        values[outside] = rng.standard_normal(np.count_nonzero(outside))
    return values


def _deviation(name: str, std: float) -> float:
    if not std >= 0:
        raise ValueError(explain(name, f"the standard deviation is not negative, got {std}", at=here()))
    return float(std)

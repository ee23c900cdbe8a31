"""The form of a row of the table, and the domains that operands are sampled from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import symdiff as sd
from symdiff.core.node import Node

Array = np.ndarray[Any, Any]
Domain = Callable[[np.random.Generator, tuple[int, ...]], Array]
N = sd.dim("n")

# -- where operands are sampled


def reals(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(-2, 2, shape)


def positive(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(0.4, 3, shape)


def nonzero(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Away from 0 on both sides: for divisors, and for kinks at 0."""
    return rng.uniform(0.4, 2.5, shape) * rng.choice([-1.0, 1.0], shape)


def above_minus_one(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.uniform(-0.7, 2, shape)


def distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """No two elements within 0.1: maxima stay where they are under a small step."""
    count = int(np.prod(shape))
    return (rng.permutation(count).reshape(shape) - count / 2) * 0.1


def halves(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Multiples of 0.5, zeros and ties included: for operators without a derivative."""
    return rng.integers(-4, 5, shape) / 2


def wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Large enough to overflow a naive exp in float32."""
    return rng.uniform(-120, 120, shape)


def integers(low: int, high: int) -> Domain:
    return lambda rng, shape: rng.integers(low, high, shape)


def booleans(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    return rng.random(shape) < 0.5


@dataclass(frozen=True)
class Operand:
    """Shape (with ``N`` for a symbolic size), sampling domain, dtype (None: the float dtype under test)."""

    shape: tuple[Any, ...] = ()
    domain: Domain = reals
    dtype: str | None = None
    leaf: str = "input"


@dataclass(frozen=True)
class Row:
    """``order`` is how often the operator may be differentiated in its domain; 0 means that asking is an error, None
    that it may be, and differences do not show it."""

    op: str
    variant: str
    build: Callable[..., Node]
    numpy: Callable[..., Any]
    operands: tuple[Operand, ...]
    order: int | None
    rtol32: float

    @property
    def label(self) -> str:
        return f"{self.op}-{self.variant}" if self.variant else self.op


ROWS: list[Row] = []


def row(
    op: str, build: Callable[..., Node], numpy: Callable[..., Any], *operands: Operand, order: int | None = 2,
    variant: str = "", rtol32: float = 2e-5,
) -> None:  # fmt: skip
    ROWS.append(Row(op, variant, build, numpy, operands, order, rtol32))


def of(*shape: Any, domain: Domain = reals, dtype: str | None = None) -> Operand:
    return Operand(shape, domain, dtype)


def ints(*shape: Any, low: int = -5, high: int = 6, dtype: str = "int64") -> Operand:
    return Operand(shape, integers(low, high), dtype)


def bools(*shape: Any) -> Operand:
    return Operand(shape, booleans, "bool")

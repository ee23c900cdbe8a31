"""Kernel IR: what a kernel does, decided to the last loop. Emission is mechanical from here.

    kernel    = parameters (sizes, then buffers), statements
    statement = loop | let | accumulator | accumulate | best | store | add to | check
    expr      = constant | variable | load | apply

``program.py`` has the programs that call kernels; ``docs/ir.md`` the grammar with examples.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..core.dim import Dim
from ..core.record import record
from ..core.types import BOOL, INT64, Shape

DType = np.dtype[Any]

# -- expressions


@record
class Const:
    """A number of a known dtype."""

    value: Any
    dtype: DType

    def __add__(self, other: Any) -> Expr:
        return add(self, other)

    def __mul__(self, other: Any) -> Expr:
        return multiply(self, other)


@record
class Var:
    """A loop variable, a local value, or a size passed to the kernel."""

    name: str
    dtype: DType = INT64

    def __add__(self, other: Any) -> Expr:
        return add(self, other)

    def __mul__(self, other: Any) -> Expr:
        return multiply(self, other)


@record
class Load:
    """One element of a buffer."""

    buffer: str
    index: tuple[Expr, ...]
    dtype: DType


@record
class Apply:
    """Python text over ``a, b, c`` applied to expressions; ``cast`` stands for the conversion to ``dtype``."""

    code: str
    args: tuple[Expr, ...]
    dtype: DType

    def __add__(self, other: Any) -> Expr:
        return add(self, other)

    def __mul__(self, other: Any) -> Expr:
        return multiply(self, other)


Expr = Const | Var | Load | Apply


def integer(size: int | Dim | Expr) -> Expr:
    """A size as an expression: ``2*n + 1`` over the variable n."""
    if isinstance(size, int):
        return Const(size, INT64)
    if not isinstance(size, Dim):
        return size
    total: Expr = Const(0, INT64)
    for monomial, factor in size.terms:
        term: Expr = Const(factor, INT64)
        for name, power in monomial:
            for _ in range(power):
                term = multiply(Var(name), term)
        total = add(total, term)
    return total


def add(a: Expr, b: Any) -> Expr:
    """``a + b`` of indices, with zeros dropped and constants folded."""
    right = integer(b)
    if isinstance(a, Const) and isinstance(right, Const):
        return Const(a.value + right.value, INT64)
    if isinstance(right, Const) and right.value == 0:
        return a
    if isinstance(a, Const) and a.value == 0:
        return right
    if isinstance(right, Const) and right.value < 0:
        return Apply("a - b", (a, Const(-right.value, INT64)), INT64)
    return Apply("a + b", (a, right), INT64)


def multiply(a: Expr, b: Any) -> Expr:
    """``a * b`` of indices, with ones dropped and constants folded."""
    right = integer(b)
    if isinstance(a, Const) and isinstance(right, Const):
        return Const(a.value * right.value, INT64)
    if isinstance(right, Const) and right.value == 1:
        return a
    if isinstance(a, Const) and a.value == 1:
        return right
    if isinstance(right, Const) and right.value == 0:
        return right
    return Apply("a * b", (a, right), INT64)


def both(conditions: list[Expr]) -> Expr:
    """All of the conditions."""
    joined = conditions[0]
    for condition in conditions[1:]:
        joined = Apply("a and b", (joined, condition), BOOL)
    return joined


# -- statements


@record
class Loop:
    """``for var in range(extent)``."""

    var: str
    extent: Expr
    body: tuple[Statement, ...]


@record
class Let:
    """A local value, written once."""

    name: str
    value: Expr


@record
class Accumulator:
    """A local value that accumulates; starts at ``start``."""

    name: str
    start: Expr


@record
class Accumulate:
    """``name = combine(name, value)``; combine is ``+``, ``*``, ``maximum`` or ``minimum``."""

    name: str
    combine: str
    value: Expr


@record
class Best:
    """Keep the first best value and its place: NaN beats everything, as in NumPy."""

    best: str
    place: str
    better: str
    value: Expr
    position: Expr


@record
class Store:
    """``buffer[index] = value``."""

    buffer: str
    index: tuple[Expr, ...]
    value: Expr


@record
class Combine:
    """``buffer[index] = combine(buffer[index], value)``: accumulation in memory."""

    buffer: str
    index: tuple[Expr, ...]
    combine: str
    value: Expr


@record
class Check:
    """Return ``status`` (not 0) from the kernel when the condition holds."""

    condition: Expr
    status: Expr


Statement = Loop | Let | Accumulator | Accumulate | Best | Store | Combine | Check

# -- kernels and programs


@record
class Param:
    """A buffer as a kernel sees it."""

    name: str
    dtype: DType
    shape: Shape


@dataclass(frozen=True, eq=False)
class Kernel:
    """One function: sizes, buffers, statements. Calls that do the same share one."""

    name: str
    sizes: tuple[str, ...]
    params: tuple[Param, ...]
    body: tuple[Statement, ...]

    @cached_property
    def written(self) -> tuple[bool, ...]:
        """For each parameter, whether the kernel writes it."""
        names = set(_stores(self.body))
        return tuple(param.name in names for param in self.params)


@dataclass(frozen=True, eq=False)
class Handmade(Kernel):
    """A function that was written by hand, as it is; its first ``operands`` parameters are only read."""

    function: Callable[..., Any]
    operands: int

    @cached_property
    def written(self) -> tuple[bool, ...]:
        return tuple(position >= self.operands for position in range(len(self.params)))


def _stores(statements: Sequence[Statement]) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, Loop):
            yield from _stores(statement.body)
        elif isinstance(statement, Store | Combine):
            yield statement.buffer

"""Kernels up to the names in them: two that differ only in names are the same function."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..core.digest import digest, digest_of
from ..core.dim import product
from ..core.types import Shape
from ..lower.ir import (
    Accumulate,
    Accumulator,
    Apply,
    Best,
    Check,
    Combine,
    Const,
    Expr,
    Handmade,
    Kernel,
    Let,
    Load,
    Loop,
    Statement,
    Store,
    Var,
)


def canonical(kernel: Kernel) -> str:
    """A digest that is equal for kernels that do the same on the same types: the same function, up to names."""
    if isinstance(kernel, Handmade):
        return _digest_of_text(kernel)
    numbers = {name: k for k, name in enumerate((*kernel.sizes, *(param.name for param in kernel.params)))}
    types = tuple((param.dtype.str, strides(param.shape)) for param in kernel.params)
    form = (_writer(), len(kernel.sizes), types, _Renamer(numbers).block(kernel.body))
    return digest_of(form)


def _digest_of_text(kernel: Handmade) -> str:
    types = tuple((param.dtype.str, strides(param.shape)) for param in kernel.params)
    return digest_of((_writer(), inspect.getsource(kernel.function), types))


@cache
def _writer() -> str:
    """What turns kernels into text: compiled code is kept under the digest, which must stand for one text."""
    own = [f"{name}.py" for name in ("canonical", "constants", "expression", "kernel")]
    return digest(b"".join(Path(__file__).with_name(name).read_bytes() for name in own))


def strides(shape: Shape) -> tuple[int | None, ...]:
    """Element strides of a contiguous array; None where they depend on a symbolic size."""
    steps = (product(shape[axis + 1 :]) for axis in range(len(shape)))
    return tuple(step if isinstance(step, int) else None for step in steps)


class _Renamer:
    def __init__(self, numbers: dict[str, int]) -> None:
        self.numbers = numbers

    def _name(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))

    def block(self, statements: Sequence[Statement]) -> tuple[object, ...]:
        return tuple(self._statement(statement) for statement in statements)

    def _statement(self, s: Statement) -> tuple[object, ...]:
        if isinstance(s, Loop):
            return ("loop", self._expr(s.extent), self._name(s.var), self.block(s.body))
        if isinstance(s, Let):
            return ("let", self._expr(s.value), self._name(s.name))
        if isinstance(s, Accumulator):
            return ("accumulator", self._expr(s.start), self._name(s.name))
        if isinstance(s, Accumulate):
            return ("accumulate", self._name(s.name), s.combine, self._expr(s.value))
        if isinstance(s, Best):
            parts = (self._name(s.best), self._name(s.place), s.better, self._expr(s.value), self._expr(s.position))
            return ("best", *parts)
        if isinstance(s, Store | Combine):
            how = s.combine if isinstance(s, Combine) else "="
            return (how, self._name(s.buffer), tuple(map(self._expr, s.index)), self._expr(s.value))
        assert isinstance(s, Check)
        return ("check", self._expr(s.condition), self._expr(s.status))

    def _expr(self, expr: Expr) -> object:
        if isinstance(expr, Const):
            return (expr.dtype.str, expr.dtype.type(expr.value).tobytes())
        if isinstance(expr, Var):
            return self._name(expr.name)
        if isinstance(expr, Load):
            return ("load", self._name(expr.buffer), tuple(map(self._expr, expr.index)))
        assert isinstance(expr, Apply)
        return (expr.code, expr.dtype.str, tuple(map(self._expr, expr.args)))

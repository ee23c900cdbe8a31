"""One function that kernels can call: how its result is typed and which LLVM instructions it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Emit = Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Primitive:
    """`type_of(*argument_types)` gives a Numba signature and `emit(context, builder, signature, values)`."""

    name: str
    arity: int
    type_of: Callable[..., tuple[Any, Emit]]

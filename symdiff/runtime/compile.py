"""Kernel -> LLVM text. native.py imports this file only when something has to be compiled."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping

from symdiff.runtime import codegen, native_maths, native_steps
from symdiff.runtime.primitive import Primitive
from symdiff.runtime.text import Kernel
from symdiff.runtime.translate import translated
from symdiff.runtime.values import UntranslatableError

Lower = Callable[[Kernel, str, Mapping[str, Primitive]], str]
"""The LLVM text of a kernel as a function `int64 symbol(arguments...)`."""


def llvm_text(kernel: Kernel, entry: str, lower: Lower | None = None) -> str:
    """The LLVM module, not yet optimised, of `kernel` and its C function `entry`, for codegen.py."""
    symbol = f"{entry}.kernel"
    return (lower or _lower)(kernel, symbol, _primitives()) + codegen.packed_entry(symbol, kernel.params, entry)


@functools.cache
def _primitives() -> dict[str, Primitive]:
    return {primitive.name: primitive for primitive in (*native_maths.build(), *native_steps.build())}


def _lower(kernel: Kernel, symbol: str, primitives: Mapping[str, Primitive]) -> str:
    """By our own translator; a text that is not in its language goes to Numba, which takes longer, and says so."""
    try:
        return str(translated(kernel, symbol, primitives))
    except UntranslatableError as error:
        from symdiff.runtime.by_numba import by_numba

        lowered = by_numba(kernel, symbol, primitives)  # a kernel that is at fault fails here as well
        _warn_of_numba(str(error))
        return lowered


@functools.cache
def _warn_of_numba(reason: str) -> None:
    warnings.warn(
        f"symdiff: a kernel is compiled by Numba, which takes longer: {reason} is not in the language of kernels",
        RuntimeWarning,
        stacklevel=2,
    )

"""Kernel -> LLVM text. Imports Numba, so native.py imports this file only when something has to be compiled."""

from __future__ import annotations

import builtins
import functools
import warnings
from collections.abc import Callable, Iterable, Sequence
from types import CodeType
from typing import Any

from symdiff.runtime import codegen, native_maths, native_steps, native_types
from symdiff.runtime.lower_public import Lowered, lower_public
from symdiff.runtime.primitive import Primitive
from symdiff.runtime.rewrite import rewritten
from symdiff.runtime.text import Kernel

Lower = Callable[[CodeType, dict[str, Any], Sequence[Any]], Lowered]


def llvm_text(kernel: Kernel, entry: str, lower: Lower | None = None) -> str:
    """The LLVM module, not yet optimised, of `kernel` and its C function `entry`, for codegen.py."""
    arguments = [native_types.parameter_type(param) for param in kernel.params]
    module, elements = rewritten(kernel)
    code = builtins.compile(module, f"<kernel {kernel.digest[:12]}>", "exec")
    lowered = (lower or _lower)(code, _namespace(kernel, elements), arguments)
    return lowered.llvm + codegen.packed_entry(lowered.symbol, kernel.params, entry)


def _namespace(kernel: Kernel, elements: Iterable[tuple[str, int]]) -> dict[str, Any]:
    """What the names in a rewritten kernel stand for."""
    own = [native_types.element(kind, rank) for kind, rank in elements]
    return {primitive.name: primitive for primitive in (*_primitives(), *own)} | dict(kernel.constants)


@functools.cache
def _primitives() -> list[Primitive]:
    return native_maths.build() + native_steps.build()


def _lower(code: CodeType, namespace: dict[str, Any], arguments: Sequence[Any]) -> Lowered:
    """The lean pipeline; when Numba's internals are not as we know them, the public one, and say so once."""
    try:
        from symdiff.runtime.lower_lean import lower_lean

        return lower_lean(code, namespace, arguments)
    except Exception as error:
        # A kernel that is at fault fails here as well, and without the warning.
        lowered = lower_public(code, namespace, arguments)
        _warn_of_fallback(f"{type(error).__name__}: {error}")
        return lowered


@functools.cache
def _warn_of_fallback(reason: str) -> None:
    warnings.warn(
        f"symdiff: kernels compile slowly with this version of Numba, whose internals have changed ({reason})",
        RuntimeWarning,
        stacklevel=2,
    )

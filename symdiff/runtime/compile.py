"""Kernel -> object code. Imports Numba, so native.py imports this file only when something has to be compiled."""

from __future__ import annotations

import functools
import gc
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from numba.core.errors import NumbaError

from symdiff.runtime import codegen, native_maths, native_steps, native_types
from symdiff.runtime.lower_public import Lowered, lower_public
from symdiff.runtime.rewrite import python_function
from symdiff.runtime.text import Kernel

Lower = Callable[[Any, Sequence[Any]], Lowered]


def object_code(kernel: Kernel, entry: str, packed: bool) -> bytes:
    """Compile `kernel` and give it the C function `entry`: packed takes (words, slots), otherwise plain arguments."""
    with _no_collection():
        return codegen.object_code(llvm_text(kernel, entry, packed), entry)


def llvm_text(kernel: Kernel, entry: str, packed: bool, lower: Lower | None = None) -> str:
    """The LLVM module of a kernel and its entry point, before optimisation."""
    arguments = [native_types.parameter_type(param) for param in kernel.params]
    lowered = (lower or _lower)(_python(kernel), arguments)
    make_entry = codegen.packed_entry if packed else codegen.plain_entry
    return lowered.llvm + make_entry(lowered.symbol, kernel.params, entry)


def _python(kernel: Kernel) -> Any:
    return python_function(kernel, _functions(), lambda kind, rank: getattr(native_types, kind)(rank))


@functools.cache
def _functions() -> dict[str, Any]:
    return native_maths.build() | native_steps.build()


def _lower(function: Any, arguments: Sequence[Any]) -> Lowered:
    """The lean pipeline; when Numba's internals are not as we know them, the public one, and say so once."""
    try:
        from symdiff.runtime.lower_lean import lower_lean

        return lower_lean(function, arguments)
    except NumbaError:
        raise
    except Exception as error:
        lowered = lower_public(function, arguments)
        _warn_of_fallback(type(error), str(error))
        return lowered


@functools.cache
def _warn_of_fallback(kind: type, message: str) -> None:
    warnings.warn(
        f"symdiff: kernels compile slowly with this version of Numba, whose internals have changed "
        f"({kind.__name__}: {message})",
        RuntimeWarning,
        stacklevel=2,
    )


@contextmanager
def _no_collection() -> Iterator[None]:
    """The collector finds nothing in a compilation and costs a tenth of it."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()

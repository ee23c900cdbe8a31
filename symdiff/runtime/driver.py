"""The fixed native functions that run a program: a table of steps over an array of slots.

A step is [address, number of words, word 0, word 1, ...] in the int64 table, and is called as `address(&words, slots)`.
Slots are int64: sizes, and the addresses of buffers. Slots 0 and 1 receive the report of a failed step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping

import numpy as np

from symdiff.runtime import blas, gemm, native, python_function, walk
from symdiff.runtime.signature import DTYPES, Array, Param, Size

_WORDS = Array("int64", (1,))
_INTRINSICS = frozenset({"call_gemm_float32", "call_gemm_float64", "move_bytes", "zero_bytes"})

_GEMM = """
def gemm(blas, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc, count, stride_a, stride_b, stride_c):
    for i in range(count):
        call_gemm_{dtype}(
            blas, trans_a, trans_b, m, n, k,
            a + i * stride_a * ITEM, maximum(lda, 1), b + i * stride_b * ITEM, maximum(ldb, 1),
            beta, c + i * stride_c * ITEM, maximum(ldc, 1),
        )
"""

_COPY = """
def copy(source, target, size):
    move_bytes(target, source, size)
"""

_ZERO = """
def zero(target, size):
    zero_bytes(target, size)
"""

_GATHER_ROWS = """
def gather_rows(source, order, target, start, count, row_bytes):
    for i in range(count):
        move_bytes(target + i * row_bytes, source + order[start + i] * row_bytes, row_bytes)
"""

_RECORD = """
def record(source, target, position):
    target[position] = float64(source[()])
"""

_Builtin = tuple[str, tuple[Param, ...], Mapping[str, np.generic]]

_STEPS: dict[str, _Builtin] = {
    "gemm_float32": (_GEMM.format(dtype="float32"), (Size(),) * 17, {"ITEM": np.int64(4)}),
    "gemm_float64": (_GEMM.format(dtype="float64"), (Size(),) * 17, {"ITEM": np.int64(8)}),
    "copy": (_COPY, (Size(),) * 3, {}),
    "zero": (_ZERO, (Size(),) * 2, {}),
    "gather_rows": (_GATHER_ROWS, (Size(), _WORDS, Size(), Size(), Size(), Size()), {}),
}
_RECORDS: dict[str, _Builtin] = {
    f"record_{dtype}": (_RECORD, (Array(dtype, ()), Array("float64", (1,)), Size()), {}) for dtype in DTYPES
}
_BUILTINS = _STEPS | _RECORDS
_PRODUCTS = {"gemm_float32": "float32", "gemm_float64": "float64"}


def builtin(name: str) -> int:
    """The address of a built-in step; every word is the number of a slot.

    - `gemm_float32`, `gemm_float64`: blas, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc, count, stride_a,
      stride_b, stride_c. `count` row-major products c = a @ b + beta * c (beta 0 or 1); strides in elements.
    - `copy`: source, target, bytes (they may overlap). `zero`: target, bytes.
    - `gather_rows`: source, order, target, start, count, row_bytes. Row i of target is row order[start + i] of source.
    - `record_float32` and so on for each dtype: source, target, position. One value -> float64.
    """
    if name in _PRODUCTS and blas.provider() == "own":
        return gemm.step_address(_PRODUCTS[name])
    return _kernel(name)


@functools.cache
def _kernel(name: str) -> int:
    text, params, constants = _BUILTINS[name]
    return native.kernel_address(text, name, params, constants, _INTRINSICS)


@functools.cache
def run() -> Callable[[int, int, int], int]:
    """`run()(table, steps, slots)`, addresses as ints: 0, or 1 + the number of the step whose status is in slots[0]."""
    return python_function.of_numbers(walk.run(), "run", ("ptr", "i64", "ptr"))


@functools.cache
def loop() -> Callable[[int, int, int, int, int, int], int]:
    """`loop()(table, steps, slots, cursor, stride, count)`: the number of runs completed, at most `count`.

    Each run that completes adds `stride` to slots[cursor]. When one fails, slots[0] is the kernel's status and slots[1]
    is 1 + the number of the step.
    """
    return python_function.of_numbers(walk.loop(), "loop", ("ptr", "i64", "ptr", "i64", "i64", "i64"))

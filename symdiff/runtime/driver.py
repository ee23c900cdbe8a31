"""The fixed native functions that run a program: a table of steps over an array of slots.

A step is [address, number of words, word 0, word 1, ...] in the int64 table, and is called as `address(&words, slots)`.
Slots are int64: sizes, and the addresses of buffers. Slots 0 and 1 receive the report of a failed step.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np

from symdiff.runtime import native, python_function
from symdiff.runtime.signature import Size

_GEMM = """
def gemm(blas, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc, count, stride_a, stride_b, stride_c):
    for i in range(count):
        call_gemm_{dtype}(
            blas, trans_a, trans_b, m, n, k,
            a + i * stride_a * ITEM, maximum(lda, 1), b + i * stride_b * ITEM, maximum(ldb, 1),
            beta, c + i * stride_c * ITEM, maximum(ldc, 1),
        )
"""


def builtin(name: str) -> int:
    """The address of a built-in step; every word is the number of a slot.

    - `gemm_float32`, `gemm_float64`: blas, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc, count, stride_a,
      stride_b, stride_c. `count` row-major products c = a @ b + beta * c (beta 0 or 1); strides in elements.
    - `copy`: source, target, bytes (they may overlap).
    - `gather_rows`: source, order, copy, start, count, row_bytes, batch. Puts into the slot `batch` where an array is
      whose row i is row order[start + i] of source: in source itself, or in the memory at `copy`, which it fills.
    - `record_float32` and so on for each dtype: source, target, position. One value -> float64.
    """
    what, _, dtype = name.partition("_")
    if what != "gemm":
        return _move(name)
    from symdiff.runtime import blas, gemm  # whose text is for when something has to be compiled, as that of moves

    return gemm.step_address(dtype) if blas.provider() == "own" else _blas_step(dtype)


@functools.cache
def _move(name: str) -> int:
    return native.address_of_written(name, functools.partial(_text_of_move, name))


def _text_of_move(name: str, entry: str) -> str:
    from symdiff.runtime import moves

    what, _, dtype = name.partition("_")
    return moves.record(dtype, entry) if what == "record" else moves.STEPS[name](entry)


@functools.cache
def _blas_step(dtype: str) -> int:
    constants = {"ITEM": np.int64(np.dtype(dtype).itemsize)}
    intrinsics = frozenset({f"call_gemm_{dtype}"})
    return native.kernel_address(_GEMM.format(dtype=dtype), "gemm", (Size(),) * 17, constants, intrinsics)


@functools.cache
def run() -> Callable[[int, int, int], int]:
    """`run()(table, steps, slots)`, addresses as ints: 0, or 1 + the number of the step whose status is in slots[0]."""
    return python_function.of_numbers("run", ("ptr", "i64", "ptr"), _text_of_walk)


@functools.cache
def loop() -> Callable[[int, int, int, int, int, int], int]:
    """`loop()(table, steps, slots, cursor, stride, count)`: the number of runs completed, at most `count`.

    Each run that completes adds `stride` to slots[cursor]. When one fails, slots[0] is the kernel's status and slots[1]
    is 1 + the number of the step.
    """
    return python_function.of_numbers("loop", ("ptr", "i64", "ptr", "i64", "i64", "i64"), _text_of_walk)


def _text_of_walk(name: str) -> str:
    from symdiff.runtime import walk

    return walk.run() if name == "run" else walk.loop()

"""The fixed native functions that run a program: a table of steps over an array of slots.

A step is [address, number of words, word 0, word 1, ...] in the int64 table, and is called as `address(&words, slots)`.
Slots are int64: sizes, and the addresses of buffers. Slots 0 and 1 receive the report of a failed step.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Mapping

import numpy as np

from symdiff.runtime import native
from symdiff.runtime.signature import DTYPES, Array, Param, Size
from symdiff.runtime.text import canonical

_METH_FASTCALL = 0x80
_definitions: list[_MethodDef] = []
"""Python keeps pointers to these."""

_WORDS = Array("int64", (1,))
_INTRINSICS = frozenset({"invoke", "call_gemm_float32", "call_gemm_float64", "move_bytes", "zero_bytes"})

_RUN = """
def run(table, steps, slots):
    position = 0
    for step in range(steps):
        status = invoke(table[position], table, position + 2, slots)
        if status != 0:
            slots[0] = status
            return step + 1
        position = position + 2 + table[position + 1]
    return 0
"""

_LOOP = """
def loop(table, steps, slots, cursor, stride, count):
    for iteration in range(count):
        position = 0
        for step in range(steps):
            status = invoke(table[position], table, position + 2, slots)
            if status != 0:
                slots[0] = status
                slots[1] = step + 1
                return iteration
            position = position + 2 + table[position + 1]
        slots[cursor] = slots[cursor] + stride
    return count
"""

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


@functools.cache
def builtin(name: str) -> int:
    """The address of a built-in step; every word is the number of a slot.

    - `gemm_float32`, `gemm_float64`: blas, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc, count, stride_a,
      stride_b, stride_c. `count` row-major products c = a @ b + beta * c (beta 0 or 1); strides in elements.
    - `copy`: source, target, bytes (they may overlap). `zero`: target, bytes.
    - `gather_rows`: source, order, target, start, count, row_bytes. Row i of target is row order[start + i] of source.
    - `record_float32` and so on for each dtype: source, target, position. One value -> float64.
    """
    text, params, constants = _BUILTINS[name]
    return native.addresses([canonical(text, params, constants, _INTRINSICS)], [name])[0]


@functools.cache
def run() -> Callable[[int, int, int], int]:
    """`run()(table, steps, slots)`, addresses as ints: 0, or 1 + the number of the step whose status is in slots[0]."""
    return _callable("run", _RUN, (_WORDS, Size(), _WORDS))


@functools.cache
def loop() -> Callable[[int, int, int, int, int, int], int]:
    """`loop()(table, steps, slots, cursor, stride, count)`: the number of runs completed, at most `count`.

    Each run that completes adds `stride` to slots[cursor]. When one fails, slots[0] is the kernel's status and slots[1]
    is 1 + the number of the step.
    """
    return _callable("loop", _LOOP, (_WORDS, Size(), _WORDS, Size(), Size(), Size()))


class _MethodDef(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("address", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("documentation", ctypes.c_char_p),
    )


def _callable(name: str, text: str, params: tuple[Param, ...]) -> Callable[..., int]:
    """A built-in Python function around native code. It lets other threads run while it does."""
    [address] = native.addresses([canonical(text, params, {}, _INTRINSICS)], [name], packed=False)
    definition = _MethodDef(name.encode(), address, _METH_FASTCALL, None)
    _definitions.append(definition)
    new = ctypes.pythonapi.PyCFunction_NewEx
    new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p]
    function: Callable[..., int] = new(ctypes.addressof(definition), None, None)
    return function

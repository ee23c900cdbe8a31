"""What driver.py needs beyond kernels: BLAS calls and moving bytes. Imports Numba."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import types

from symdiff.runtime.native_types import INT64
from symdiff.runtime.primitive import Emit, Primitive

INT32 = ir.IntType(32)
INT8_POINTER = ir.IntType(8).as_pointer()
ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE = 101, 111, 112


def _gemm(name: str, real: ir.Type) -> Primitive:
    """One call of cblas_?gemm with 64-bit sizes, row-major, alpha = 1."""

    def emit(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        blas, trans_a, trans_b, m, n, k, a, lda, b, ldb, beta, c, ldc = args
        pointer = real.as_pointer()
        kind = ir.FunctionType(
            ir.VoidType(),
            [INT32, INT32, INT32, INT64, INT64, INT64, real, pointer, INT64, pointer, INT64, real, pointer, INT64],
        )

        def transposed(flag: Any) -> Any:
            return builder.select(builder.icmp_signed("!=", flag, INT64(0)), INT32(TRANSPOSE), INT32(NO_TRANSPOSE))

        def at(address: Any) -> Any:
            return builder.inttoptr(address, pointer)

        builder.call(
            builder.inttoptr(blas, kind.as_pointer()),
            [INT32(ROW_MAJOR), transposed(trans_a), transposed(trans_b), m, n, k, real(1.0), at(a), lda, at(b), ldb,
             builder.sitofp(beta, real), at(c), ldc],
        )  # fmt: skip
        return context.get_dummy_value()

    return Primitive(name, 13, lambda *_args: (types.void(*[types.int64] * 13), emit))


def _move_bytes(*_args: Any) -> tuple[Any, Emit]:
    """memmove between two addresses."""

    def emit(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        target, source = (builder.inttoptr(address, INT8_POINTER) for address in args[:2])
        move = builder.module.declare_intrinsic("llvm.memmove", [INT8_POINTER, INT8_POINTER, INT64])
        builder.call(move, [target, source, args[2], ir.IntType(1)(0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), emit


def _zero_bytes(*_args: Any) -> tuple[Any, Emit]:
    """memset to 0."""

    def emit(context: Any, builder: Any, _signature: Any, args: Any) -> Any:
        clear = builder.module.declare_intrinsic("llvm.memset", [INT8_POINTER, INT64])
        target = builder.inttoptr(args[0], INT8_POINTER)
        builder.call(clear, [target, ir.IntType(8)(0), args[1], ir.IntType(1)(0)])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), emit


def build() -> list[Primitive]:
    return [
        _gemm("call_gemm_float32", ir.FloatType()),
        _gemm("call_gemm_float64", ir.DoubleType()),
        Primitive("move_bytes", 3, _move_bytes),
        Primitive("zero_bytes", 2, _zero_bytes),
    ]

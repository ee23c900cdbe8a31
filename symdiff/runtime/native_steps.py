"""What driver.py needs beyond kernels: BLAS calls. Imports llvmlite."""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from symdiff.runtime.primitive import Meaning, Primitive
from symdiff.runtime.scalars import INT64

INT32 = ir.IntType(32)
ROW_MAJOR, NO_TRANSPOSE, TRANSPOSE = 101, 111, 112


def _gemm(name: str, real: ir.Type) -> Primitive:
    """One call of cblas_?gemm with 64-bit sizes, row-major, alpha = 1."""

    def emit(builder: Any, *args: Any) -> None:
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

    return Primitive(name, 13, lambda *_dtypes: Meaning("void", ("int64",) * 13, emit))


def build() -> list[Primitive]:
    return [
        _gemm("call_gemm_float32", ir.FloatType()),
        _gemm("call_gemm_float64", ir.DoubleType()),
    ]

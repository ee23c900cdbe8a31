"""Who multiplies matrices, and the address of a cblas gemm with 64-bit sizes if it is somebody else.

In order: we do (gemm.py), where the CPU has the vectors for it; the OpenBLAS that NumPy ships; SciPy's `cython_blas`
behind a small adapter; NumPy's own matmul through a callback, which works everywhere and costs a few microseconds a
call. SYMDIFF_BLAS=own|openblas|scipy|numpy takes one.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from symdiff.runtime import gemm, layout, load
from symdiff.runtime.assembly import REALS

TRANSPOSE = 112
_LETTER = {"float32": "s", "float64": "d"}
_REAL = {"float32": ctypes.c_float, "float64": ctypes.c_double}


def gemm_address(dtype: str) -> int:
    """The address of `cblas_sgemm` ("float32") or `cblas_dgemm` ("float64"), with int64 sizes; 0 if products are own.

    Raises RuntimeError if SYMDIFF_BLAS names a provider that is not to be had.
    """
    return _addresses(os.environ.get("SYMDIFF_BLAS", ""))[1][dtype]


def provider() -> str:
    """Who multiplies matrices in this process: "own", "openblas", "scipy" or "numpy"."""
    return _addresses(os.environ.get("SYMDIFF_BLAS", ""))[0]


@functools.cache
def _addresses(wanted: str) -> tuple[str, dict[str, int]]:
    if wanted and wanted not in _PROVIDERS:
        raise RuntimeError(f"SYMDIFF_BLAS={wanted}: unknown; use one of {', '.join(_PROVIDERS)}, or leave it out")
    for name in [wanted] if wanted else _PROVIDERS:
        addresses = _PROVIDERS[name]()
        if addresses is not None:
            return name, addresses
    raise RuntimeError(f"SYMDIFF_BLAS={wanted}: {_MISSING[wanted]}; leave it out to take what there is")


def _own() -> dict[str, int] | None:
    """There is no cblas function: the steps of driver.py are our own."""
    return dict.fromkeys(_LETTER, 0) if gemm.shape() else None


def _openblas() -> dict[str, int] | None:
    for library in openblas_libraries():
        functions = {dtype: getattr(library, f"scipy_cblas_{c}gemm64_", None) for dtype, c in _LETTER.items()}
        if all(functions.values()):
            return {dtype: address(function) for dtype, function in functions.items()}
    return None


@functools.cache
def openblas_libraries() -> list[ctypes.CDLL]:
    """The OpenBLAS that NumPy ships, where it does."""
    package = Path(np.__file__).parent
    folders = (package.parent / "numpy.libs", package / ".dylibs")
    return [ctypes.CDLL(str(path)) for folder in folders for path in sorted(folder.glob("*openblas64*"))]


def _scipy() -> dict[str, int] | None:
    try:
        from scipy.linalg import cython_blas
    except ImportError:
        return None
    capsules = {dtype: cython_blas.__pyx_capi__[f"{c}gemm"] for dtype, c in _LETTER.items()}
    return {dtype: _adapter(dtype, layout.capsule_address(capsule)) for dtype, capsule in capsules.items()}


def _adapter(dtype: str, fortran: int) -> int:
    """Row-major cblas on top of a Fortran gemm, which is column-major: c' = b' a', with every argument by reference."""
    real, entry = REALS[dtype], f"symdiff_gemm_{dtype}"
    small = "\n".join(f"  %{x}.32 = trunc i64 %{x} to i32" for x in ("m", "n", "k", "lda", "ldb", "ldc"))
    kinds = {"ta.c": "i8", "tb.c": "i8", "alpha": real, "beta": real}
    values = ("tb.c", "ta.c", "n.32", "m.32", "k.32", "alpha", "ldb.32", "lda.32", "beta", "ldc.32")
    kept = "\n".join(
        f"  %{v}.at = alloca {kinds.get(v, 'i32')}\n  store {kinds.get(v, 'i32')} %{v}, ptr %{v}.at" for v in values
    )
    text = f"""
define void @{entry}(i32 %order, i32 %ta, i32 %tb, i64 %m, i64 %n, i64 %k, {real} %alpha, ptr %a, i64 %lda,
                     ptr %b, i64 %ldb, {real} %beta, ptr %c, i64 %ldc) {{
  %ta.t = icmp eq i32 %ta, {TRANSPOSE}
  %tb.t = icmp eq i32 %tb, {TRANSPOSE}
  %ta.c = select i1 %ta.t, i8 {ord("T")}, i8 {ord("N")}
  %tb.c = select i1 %tb.t, i8 {ord("T")}, i8 {ord("N")}
{small}
{kept}
  %fortran = inttoptr i64 {fortran} to ptr
  call void %fortran(ptr %tb.c.at, ptr %ta.c.at, ptr %n.32.at, ptr %m.32.at, ptr %k.32.at, ptr %alpha.at,
                     ptr %b, ptr %ldb.32.at, ptr %a, ptr %lda.32.at, ptr %beta.at, ptr %c, ptr %ldc.32.at)
  ret void
}}
"""
    from symdiff.runtime import codegen

    return load.load(codegen.object_code(text, entry), entry)


def _numpy() -> dict[str, int] | None:
    return {dtype: address(_callback(dtype)) for dtype in _LETTER}


@functools.cache
def _callback(dtype: str) -> Any:
    """NumPy's matmul as a C function. The cache keeps it alive."""
    size, pointer, real, enum = ctypes.c_int64, ctypes.c_void_p, _REAL[dtype], ctypes.c_int

    def matrix(address: int, rows: int, columns: int, leading: int) -> np.ndarray[Any, Any]:
        length = (rows - 1) * leading + columns if rows and columns else 0
        flat = np.ctypeslib.as_array((real * length).from_address(address)) if length else np.empty(0, dtype)
        return np.lib.stride_tricks.as_strided(flat, (rows, columns), (leading * flat.itemsize, flat.itemsize))

    def operand(address: int, rows: int, columns: int, leading: int, transposed: bool) -> np.ndarray[Any, Any]:
        return matrix(address, columns, rows, leading).T if transposed else matrix(address, rows, columns, leading)

    def gemm(
        _order: int, ta: int, tb: int, m: int, n: int, k: int, alpha: float, a: int, lda: int,
        b: int, ldb: int, beta: float, c: int, ldc: int,
    ) -> None:  # fmt: skip
        product = alpha * (operand(a, m, k, lda, ta == TRANSPOSE) @ operand(b, k, n, ldb, tb == TRANSPOSE))
        target = matrix(c, m, n, ldc)
        target[...] = product + beta * target if beta else product

    kind = ctypes.CFUNCTYPE(
        None, enum, enum, enum, size, size, size, real, pointer, size, pointer, size, real, pointer, size
    )
    return kind(gemm)


def address(function: Any) -> int:
    """That of a function of ctypes."""
    return int(ctypes.cast(function, ctypes.c_void_p).value or 0)


_PROVIDERS: dict[str, Callable[[], dict[str, int] | None]] = {
    "own": _own,
    "openblas": _openblas,
    "scipy": _scipy,
    "numpy": _numpy,
}
_MISSING = {
    "own": "this CPU has neither AVX-512 nor AVX2 with FMA",
    "openblas": "this NumPy does not ship OpenBLAS",
    "scipy": "SciPy cannot be imported",
}

"""Where LAPACK's functions are: in the OpenBLAS that NumPy ships, by their Fortran names, with 64-bit integers."""

from __future__ import annotations

import functools
import os

from symdiff.runtime import blas

_LETTER = {"float32": "s", "float64": "d"}


def addresses(names: tuple[str, ...], dtype: str) -> tuple[int, ...] | None:
    """The addresses of functions, "potrf" for `spotrf` or `dpotrf`; None if they are not all to be had.
    SYMDIFF_LAPACK=none does without."""
    return None if os.environ.get("SYMDIFF_LAPACK") == "none" else _found(names, dtype)


@functools.cache
def _found(names: tuple[str, ...], dtype: str) -> tuple[int, ...] | None:
    for library in blas.openblas_libraries():
        symbols = [f"scipy_{_LETTER[dtype]}{name}_64_" for name in names]
        if all(hasattr(library, symbol) for symbol in symbols):
            return tuple(blas.address(getattr(library, symbol)) for symbol in symbols)
    return None

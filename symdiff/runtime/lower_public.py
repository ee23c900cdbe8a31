"""Python function -> LLVM IR by Numba's public interface: slower to compile, but nothing in it is internal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba

FASTMATH = frozenset({"contract"})


@dataclass(frozen=True, slots=True)
class Lowered:
    """LLVM text with the function `symbol`: `int32 symbol(result*, exception**, arguments...)`."""

    llvm: str
    symbol: str


def lower_public(function: Any, arguments: Sequence[Any]) -> Lowered:
    """The same by `numba.njit`: slower to compile, and loops carry run-time checks that arrays do not overlap."""
    jit = numba.njit(
        error_model="numpy", fastmath=set(FASTMATH), no_cpython_wrapper=True, no_cfunc_wrapper=True, nogil=True
    )
    dispatcher = jit(function)
    dispatcher.compile(tuple(arguments))
    [signature] = dispatcher.nopython_signatures
    [text] = dispatcher.inspect_llvm().values()
    [symbol] = set(re.findall(r"^define (?!linkonce).*@(_ZN\S*kernel\w*)\(", text, re.MULTILINE))
    check_result(signature.return_type)
    return Lowered(text, symbol.strip('"'))


def check_result(result: Any) -> None:
    """Nothing (Numba then writes a null pointer, which reads as 0) or an int64."""
    if numba.types.unliteral(result) not in (numba.types.none, numba.types.int64):
        raise TypeError(f"a kernel returns nothing or an int64 status, not {result}")

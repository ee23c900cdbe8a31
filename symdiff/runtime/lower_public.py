"""Python function -> LLVM IR by Numba's public interface: slower to compile, but nothing in it is internal."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from types import CodeType
from typing import Any

import numba
import numba.extending

from symdiff.core.record import record
from symdiff.runtime.primitive import Primitive

FASTMATH = frozenset({"contract"})


@record
class Lowered:
    """LLVM text with the function `symbol`: `int32 symbol(result*, exception**, arguments...)`."""

    llvm: str
    symbol: str


def lower_public(code: CodeType, namespace: dict[str, Any], arguments: Sequence[Any]) -> Lowered:
    """By `numba.njit`, which optimises too, and cannot be told that the arrays do not overlap."""
    jit = numba.njit(
        error_model="numpy", fastmath=set(FASTMATH), no_cpython_wrapper=True, no_cfunc_wrapper=True, nogil=True
    )
    scope = {name: _intrinsic(value) if isinstance(value, Primitive) else value for name, value in namespace.items()}
    exec(code, scope)
    dispatcher = jit(scope["kernel"])
    dispatcher.compile(tuple(arguments))
    [signature] = dispatcher.nopython_signatures
    [text] = dispatcher.inspect_llvm().values()
    [symbol] = set(re.findall(r"^define (?!linkonce).*@(_ZN\S*kernel\w*)\(", text, re.MULTILINE))
    check_result(signature.return_type)
    return Lowered(text, symbol.strip('"'))


@functools.cache
def _intrinsic(primitive: Primitive) -> Any:
    """Numba reads the number of arguments from a signature, so each function gets one of its own."""
    arguments = ", ".join(f"a{k}" for k in range(primitive.arity))
    scope = {"type_of": primitive.type_of}
    exec(f"def {primitive.name}(context, {arguments}): return type_of({arguments})", scope)
    return numba.extending.intrinsic(scope[primitive.name])


def check_result(result: Any) -> None:
    """Nothing (Numba then writes a null pointer, which reads as 0) or an int64."""
    if numba.types.unliteral(result) not in (numba.types.none, numba.types.int64):
        raise TypeError(f"a kernel returns nothing or an int64 status, not {result}")

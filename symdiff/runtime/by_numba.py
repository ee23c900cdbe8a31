"""A kernel's Python -> LLVM text by Numba's public interface: for what is not in the language of translate.py, and to
compare the two in tests. Imports Numba."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from typing import Any

import numba

from symdiff.runtime import codegen, numba_types
from symdiff.runtime.primitive import Primitive
from symdiff.runtime.rewrite import rewritten
from symdiff.runtime.text import Kernel


def by_numba(kernel: Kernel, symbol: str, primitives: Mapping[str, Primitive]) -> str:
    """As `translate.translated`; Numba optimises the text too, and cannot be told that the arrays do not overlap."""
    module, elements = rewritten(kernel)
    names: dict[str, Any] = {f"{kind}_{rank}": numba_types.element(kind, rank) for kind, rank in elements}
    names |= {name: numba_types.function(primitive) for name, primitive in primitives.items()} | dict(kernel.constants)
    exec(builtins.compile(module, f"<kernel {kernel.digest[:12]}>", "exec"), names)
    jit = numba.njit(
        error_model="numpy", fastmath={"contract"}, no_cpython_wrapper=True, no_cfunc_wrapper=True, nogil=True
    )
    dispatcher = jit(names["kernel"])
    dispatcher.compile(tuple(map(numba_types.parameter_type, kernel.params)))
    [signature] = dispatcher.nopython_signatures
    result = numba.types.unliteral(signature.return_type)
    if result not in (numba.types.none, numba.types.int64):
        raise TypeError(f"a kernel returns nothing or an int64 status, not {result}")
    [text] = dispatcher.inspect_llvm().values()
    [found] = set(re.findall(r"^define (?!linkonce).*@(_ZN\S*kernel\w*)\(", text, re.MULTILINE))
    return str(text) + _plain(found.strip('"'), kernel, symbol)


def _plain(callee: str, kernel: Kernel, symbol: str) -> str:
    """Numba's function is `int32 f(result*, exception**, arguments...)`; one without a result leaves 0."""
    kinds = codegen.arguments(kernel.params)
    given = ", ".join(f"{kind} %arg{k}" for k, kind in enumerate(kinds))
    passed = "".join(f", {kind} %arg{k}" for k, kind in enumerate(kinds))
    return f"""
define i64 @{symbol}({given}) {{
  %result = alloca i64
  %exception = alloca ptr
  store i64 0, ptr %result
  store ptr null, ptr %exception
  %code = call i32 @"{callee}"(ptr %result, ptr %exception{passed})
  %ok = icmp eq i32 %code, 0
  %value = load i64, ptr %result
  %status = select i1 %ok, i64 %value, i64 -1
  ret i64 %status
}}
"""

"""While a program runs, numbers too small to be normal (below 1.2e-38 in float32, 2.2e-308 in float64) count as zero.

Arithmetic on them is 10 to 100 times slower, and the moments of an optimiser end there. The setting belongs to the
thread, so it is put back on every way out; NumPy never sees it. On x86-64 and 64-bit ARM; elsewhere nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from symdiff.runtime import cpu
from symdiff.runtime.assembly import Function

_X86 = cpu.architecture() == "x86_64"
_ARM = cpu.architecture() == "aarch64"
_X86_ZEROS = 0x8000 | 0x0040  # results, operands
_ARM_ZEROS = 1 << 24  # both

DECLARATIONS = ""
if _X86:
    DECLARATIONS = "declare void @llvm.x86.sse.stmxcsr(ptr)\ndeclare void @llvm.x86.sse.ldmxcsr(ptr)\n"
elif _ARM:
    DECLARATIONS = "declare i64 @llvm.aarch64.get.fpcr()\ndeclare void @llvm.aarch64.set.fpcr(i64)\n"


@contextmanager
def flushed(f: Function) -> Iterator[None]:
    """What is written inside runs with denormals as zero. It must leave by its end, not by a `ret`."""
    before = flush(f)
    yield
    restore(f, before)


def flush(f: Function) -> str:
    """From here on, denormals are zero in this thread; the value is for `restore`. The module needs `DECLARATIONS`."""
    if _X86:
        mode = f.memory("i32", 1, 4)
        f.call("llvm.x86.sse.stmxcsr", f"ptr {mode}")
        before = f.let(f"load i32, ptr {mode}")
        _set_x86(f, f.let(f"or i32 {before}, {_X86_ZEROS}"))
        return before
    if _ARM:
        before = f.let("call i64 @llvm.aarch64.get.fpcr()")
        f.call("llvm.aarch64.set.fpcr", f"i64 {f.let(f'or i64 {before}, {_ARM_ZEROS}')}")
        return before
    return ""


def restore(f: Function, before: str) -> None:
    """The setting that `flush` found."""
    if _X86:
        _set_x86(f, before)
    elif _ARM:
        f.call("llvm.aarch64.set.fpcr", f"i64 {before}")


def _set_x86(f: Function, value: str) -> None:
    mode = f.memory("i32", 1, 4)
    f.do(f"store i32 {value}, ptr {mode}")
    f.call("llvm.x86.sse.ldmxcsr", f"ptr {mode}")

"""LLVM on several threads at once: llvmlite lets in one at a time, LLVM itself one for each context.

What takes long goes around llvmlite's lock, each module in a context of its own. Where llvmlite has no such lock as we
know it, the calls are made as it makes them, one after the other.
"""

from __future__ import annotations

import ctypes
from typing import Any

import llvmlite.binding as llvm
from llvmlite.binding import ffi


def parsed(text: str) -> llvm.ModuleRef:
    """The module of `text`, in a context of its own."""
    return llvm.parse_assembly(text, llvm.create_context())


def run_passes(manager: llvm.ModulePassManager, module: llvm.ModuleRef, builder: llvm.PassBuilder) -> None:
    """As `manager.run`."""
    _unlocked("LLVMPY_RunNewModulePassManager")(manager, module, builder)


def emitted(machine: llvm.TargetMachine, module: llvm.ModuleRef) -> bytes:
    """As `machine.emit_object`."""
    with ffi.OutputString() as error:
        buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(machine, module, 1, error)
        if not buffer:
            raise RuntimeError(str(error))
    try:
        start, size = ffi.lib.LLVMPY_GetBufferStart(buffer), ffi.lib.LLVMPY_GetBufferSize(buffer)
        return ctypes.string_at(start, size)
    finally:
        ffi.lib.LLVMPY_DisposeMemoryBuffer(buffer)


def _unlocked(name: str) -> Any:
    function = getattr(ffi.lib, name)
    return getattr(function, "_cfn", function)

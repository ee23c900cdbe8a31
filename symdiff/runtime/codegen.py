"""LLVM IR -> optimised object code for this machine, with the C entry point every kernel has. Uses llvmlite only."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence

import llvmlite.binding as llvm
from llvmlite import ir

from symdiff.runtime import parallel
from symdiff.runtime.signature import Param, Size

_starting = threading.Lock()
_own = threading.local()


@functools.cache
def host() -> tuple[str, str]:
    """The CPU's name and features. Full-width vectors are taken: they gain on loops of maths and cost little."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    try:
        features = llvm.get_host_cpu_features().flatten()
    except RuntimeError:
        features = ""
    if "+avx512f" in features:
        features += ",-prefer-256-bit"
    return llvm.get_host_cpu_name(), features


@functools.cache
def triple() -> str:
    return str(llvm.get_process_triple())


def target_machine() -> llvm.TargetMachine:
    """The one of this thread. LLVM keeps in it what it knows about the CPU, and takes 2 ms to find that out."""
    if not hasattr(_own, "machine"):
        _own.machine = _new_machine()
    machine: llvm.TargetMachine = _own.machine
    return machine


def _new_machine() -> llvm.TargetMachine:
    name, features = host()
    reloc = "static" if triple().startswith(("x86", "i386", "i686")) else "default"
    return llvm.Target.from_triple(triple()).create_target_machine(
        cpu=name, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )


def engine() -> llvm.ExecutionEngine:
    """Where object code is linked: one for the process, since code lives as long as its engine."""
    with _starting:
        return _engine()


@functools.cache
def _engine() -> llvm.ExecutionEngine:
    """With the first engine LLVM learns which functions the process has."""
    return llvm.create_mcjit_compiler(llvm.parse_assembly(""), _new_machine())  # which it takes for itself


def object_code(text: str, entry: str, thorough: bool = True, combine: bool = True) -> bytes:
    """The object code of the LLVM module `text`; of its functions only `entry` stays visible.

    Text that is not `thorough`ly optimised takes half the time; text that has no instructions to `combine`, three
    quarters of that.
    """
    module = optimised(text, entry) if thorough else tidied(text, entry, combine)
    for function in module.functions:
        if function.is_declaration and not function.name.startswith("llvm."):
            _require(function.name)
    return parallel.emitted(target_machine(), module)


@functools.cache
def _require(name: str) -> None:
    """LLVM ends the process when it links a name that does not exist, so look first."""
    engine()
    if llvm.address_of_symbol(name) is None:
        raise RuntimeError(f"a kernel needs the C function {name!r}, which this process does not have")


def optimised(text: str, entry: str) -> llvm.ModuleRef:
    """LLVM's full pipeline, run once, with everything but `entry` free to be inlined or dropped."""
    module = _module(text, entry)
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    tuning.slp_vectorization = True
    builder = llvm.create_pass_builder(target_machine(), tuning)
    parallel.run_passes(builder.getModulePassManager(), module, builder)
    return module


def tidied(text: str, entry: str, combine: bool = True) -> llvm.ModuleRef:
    """Variables into registers and what follows from it, for text that is written as it should run."""
    module = _module(text, entry)
    builder = llvm.create_pass_builder(target_machine(), llvm.create_pipeline_tuning_options())
    passes = llvm.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_simplify_cfg_pass()
    if combine:
        passes.add_instruction_combine_pass()
    parallel.run_passes(passes, module, builder)
    return module


def _module(text: str, entry: str) -> llvm.ModuleRef:
    module = parallel.parsed(text)
    module.triple = triple()
    for value in (*module.functions, *module.global_variables):
        if value.name != entry and not value.is_declaration:
            value.linkage = llvm.Linkage.internal
    return module


def empty_module() -> ir.Module:
    """One to be filled through llvmlite's builder."""
    module = ir.Module()
    module.triple, module.data_layout = triple(), str(target_machine().target_data)
    return module


def packed_entry(callee: str, params: Sequence[Param], entry: str) -> str:
    """`int64 entry(int64* words, int64* slots)`: each word is the number of the slot that holds an argument of
    `int64 callee(arguments...)`."""
    kinds = arguments(params)
    loads = "\n".join(
        f"""  %word{k}.at = getelementptr inbounds i64, ptr %words, i64 {k}
  %word{k} = load i64, ptr %word{k}.at
  %slot{k}.at = getelementptr inbounds i64, ptr %slots, i64 %word{k}
  %arg{k} = load {kind}, ptr %slot{k}.at"""
        for k, kind in enumerate(kinds)
    )
    passed = ", ".join(f"{kind} %arg{k}" for k, kind in enumerate(kinds))
    return f"""
define i64 @{entry}(ptr %words, ptr %slots) {{
{loads}
  %status = call i64 @{callee}({passed})
  ret i64 %status
}}
"""


def arguments(params: Sequence[Param]) -> list[str]:
    """The LLVM type of each word."""
    kinds = []
    for param in params:
        kinds += ["i64"] if isinstance(param, Size) else ["ptr"] + ["i64"] * (param.words - 1)
    return kinds

"""LLVM IR -> optimised object code for this machine, with the C entry point every kernel has. Uses llvmlite only."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import llvmlite.binding as llvm

from symdiff.runtime.signature import Param, Size

FAILED = -1
"""What an entry point returns when Numba's function itself reports an error."""


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


def triple() -> str:
    return str(llvm.get_process_triple())


def target_machine() -> llvm.TargetMachine:
    name, features = host()
    reloc = "static" if triple().startswith(("x86", "i386", "i686")) else "default"
    return llvm.Target.from_triple(triple()).create_target_machine(
        cpu=name, features=features, opt=3, reloc=reloc, codemodel="jitdefault", jit=True
    )


def object_code(text: str, entry: str) -> bytes:
    """The object code of the LLVM module `text`; of its functions only `entry` stays visible."""
    return bytes(target_machine().emit_object(optimised(text, entry)))


def optimised(text: str, entry: str) -> llvm.ModuleRef:
    """LLVM's full pipeline, run once, with everything but `entry` free to be inlined or dropped."""
    module = llvm.parse_assembly(text)
    for value in (*module.functions, *module.global_variables):
        if value.name != entry and not value.is_declaration:
            value.linkage = llvm.Linkage.internal
    tuning = llvm.create_pipeline_tuning_options(speed_level=3)
    tuning.loop_vectorization = True
    tuning.slp_vectorization = True
    builder = llvm.create_pass_builder(target_machine(), tuning)
    builder.getModulePassManager().run(module, builder)
    return module


def packed_entry(callee: str, params: Sequence[Param], entry: str) -> str:
    """`int64 entry(int64* words, int64* slots)`: each word is the number of the slot that holds a value."""
    arguments = _arguments(params)
    loads = [
        f"""  %word{k}.at = getelementptr inbounds i64, ptr %words, i64 {k}
  %word{k} = load i64, ptr %word{k}.at
  %slot{k}.at = getelementptr inbounds i64, ptr %slots, i64 %word{k}
  %arg{k} = load {kind}, ptr %slot{k}.at"""
        for k, kind in enumerate(arguments)
    ]
    return _entry(entry, "ptr %words, ptr %slots", loads, callee, arguments)


def plain_entry(callee: str, params: Sequence[Param], entry: str) -> str:
    """`int64 entry(arguments...)`: a pointer or int64 for each word of the parameters."""
    arguments = _arguments(params)
    declared = ", ".join(f"{kind} %arg{k}" for k, kind in enumerate(arguments))
    return _entry(entry, declared, [], callee, arguments)


def _arguments(params: Sequence[Param]) -> list[str]:
    """The LLVM type of each word."""
    kinds = []
    for param in params:
        kinds += ["i64"] if isinstance(param, Size) else ["ptr"] + ["i64"] * (param.words - 1)
    return kinds


def _entry(entry: str, declared: str, loads: Sequence[str], callee: str, arguments: Sequence[str]) -> str:
    """Numba's function is `int32 f(result*, exception**, arguments...)`; the result stays 0 when the kernel has none."""
    passed = "".join(f", {kind} %arg{k}" for k, kind in enumerate(arguments))
    body = "\n".join(loads)
    return f"""
define i64 @{entry}({declared}) {{
  %result = alloca i64
  %exception = alloca ptr
  store i64 0, ptr %result
  store ptr null, ptr %exception
{body}
  %code = call i32 @"{callee}"(ptr %result, ptr %exception{passed})
  %ok = icmp eq i32 %code, 0
  %value = load i64, ptr %result
  %status = select i1 %ok, i64 %value, i64 {FAILED}
  ret i64 %status
}}
"""

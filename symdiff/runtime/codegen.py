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


@functools.cache
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
    module = optimised(text, entry)
    for function in module.functions:
        if function.is_declaration and not function.name.startswith("llvm."):
            _require(function.name)
    return bytes(target_machine().emit_object(module))


@functools.cache
def _require(name: str) -> None:
    """LLVM ends the process when it links a name that does not exist, so look first."""
    if llvm.address_of_symbol(name) is None:
        raise RuntimeError(f"a kernel needs the C function {name!r}, which this process does not have")


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


def python_entry(callee: str, params: Sequence[Param], entry: str) -> str:
    """A CPython function (METH_FASTCALL) of one int for each word, which gives up the interpreter's lock as it runs.

    Calling it costs a third of a call through ctypes.
    """
    arguments = _arguments(params)
    declared = ", ".join(f"{kind} %arg{k}" for k, kind in enumerate(arguments))
    reads = "\n".join(
        f"""  %arg{k}.at = getelementptr inbounds ptr, ptr %args, i64 {k}
  %arg{k}.object = load ptr, ptr %arg{k}.at
  %arg{k}.int = call i64 @PyLong_AsLongLong(ptr %arg{k}.object)
  %arg{k} = {"bitcast i64" if kind == "i64" else "inttoptr i64"} %arg{k}.int to {kind}"""
        for k, kind in enumerate(arguments)
    )
    passed = ", ".join(f"{kind} %arg{k}" for k, kind in enumerate(arguments))
    return (
        _entry(f"{entry}.native", declared, [], callee, arguments)
        + f"""
declare i64 @PyLong_AsLongLong(ptr)
declare ptr @PyLong_FromLongLong(i64)
declare ptr @PyErr_Occurred()
declare i32 @PyErr_BadArgument()
declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)

define ptr @{entry}(ptr %self, ptr %args, i64 %count) {{
  %complete = icmp eq i64 %count, {len(arguments)}
  br i1 %complete, label %read, label %wrong
wrong:
  %ignored = call i32 @PyErr_BadArgument()
  ret ptr null
read:
{reads}
  %error = call ptr @PyErr_Occurred()
  %good = icmp eq ptr %error, null
  br i1 %good, label %call, label %bad
bad:
  ret ptr null
call:
  %thread = call ptr @PyEval_SaveThread()
  %result = call i64 @{entry}.native({passed})
  call void @PyEval_RestoreThread(ptr %thread)
  %object = call ptr @PyLong_FromLongLong(i64 %result)
  ret ptr %object
}}
"""
    )


def _arguments(params: Sequence[Param]) -> list[str]:
    """The LLVM type of each word."""
    kinds = []
    for param in params:
        kinds += ["i64"] if isinstance(param, Size) else ["ptr"] + ["i64"] * (param.words - 1)
    return kinds


def _entry(entry: str, declared: str, loads: Sequence[str], callee: str, arguments: Sequence[str]) -> str:
    """Numba's function is `int32 f(result*, exception**, arguments...)`; a kernel without a result leaves 0."""
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

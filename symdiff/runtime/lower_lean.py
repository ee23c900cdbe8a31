"""Python function -> LLVM IR by a lean Numba pipeline.

It leaves out what generated code does not need (Python wrappers, object mode, array rewrites, Numba's own optimiser run)
and says that arguments do not alias. This is Numba's internal API: lower_public.py is there for the day it changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numba.core import compiler, cpu_options, typed_passes, untyped_passes
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.registry import cpu_target

from symdiff.runtime.lower_public import FASTMATH, Lowered, check_result

class _Collector:
    """Stands where Numba expects a code library, and only keeps the LLVM text."""

    recorded_timings = None

    def __init__(self) -> None:
        self.text = ""
        self._reload_init: set[Any] = set()

    def create_ir_module(self, name: str) -> Any:
        return cpu_target.target_context.codegen()._create_empty_module(name)

    def add_ir_module(self, module: Any) -> None:
        self.text = str(module)

    def add_linking_library(self, library: Any) -> None:
        """Numba offers its reference counting here; kernels allocate nothing."""


class _LeanCompiler(compiler.CompilerBase):  # type: ignore[misc]  # Numba has no types
    def define_pipelines(self) -> list[PassManager]:
        manager = PassManager("symdiff kernel")
        for step in (
            untyped_passes.TranslateByteCode,
            untyped_passes.FixupArgs,
            untyped_passes.IRProcessing,
            untyped_passes.ReconstructSSA,
            typed_passes.NopythonTypeInference,
            typed_passes.PreLowerStripPhis,
            typed_passes.IRLegalization,
            typed_passes.NativeLowering,
            typed_passes.NoPythonBackend,
        ):
            manager.add_pass(step, step.__name__)
        manager.finalize()
        return [manager]


def lower_lean(function: Any, arguments: Sequence[Any]) -> Lowered:
    flags = compiler.Flags()
    flags.no_compile = True
    flags.no_cpython_wrapper = True
    flags.no_cfunc_wrapper = True
    flags.noalias = True
    flags.error_model = "numpy"
    flags.fastmath = cpu_options.FastMathOptions(set(FASTMATH))
    library = _Collector()
    with global_compiler_lock:
        result = compiler.compile_extra(
            cpu_target.typing_context,
            cpu_target.target_context,
            function,
            tuple(arguments),
            None,
            flags,
            {},
            library=library,
            pipeline_class=_LeanCompiler,
        )
    check_result(result.signature.return_type)
    return Lowered(library.text, result.fndesc.mangled_name)

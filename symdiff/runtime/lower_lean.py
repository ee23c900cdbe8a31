"""Python function -> LLVM IR by a lean Numba pipeline, in typing and target contexts of our own.

It leaves out what kernels do not need: Python wrappers, object mode, array rewrites, reference counting, Numba's own
optimiser run, and the import of everything Numba knows about arrays, lists and strings. The functions of kernels are
known to these contexts only. This is Numba's internal API: lower_public.py is there for the day it changes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from types import CodeType
from typing import Any

from llvmlite import ir
from numba.core import compiler, cpu, cpu_options, fastmathpass, funcdesc, imputils, lowering, types, utils
from numba.core import typed_passes as typed
from numba.core import untyped_passes as untyped
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import LoweringPass, PassManager, register_pass
from numba.core.typing.context import BaseContext
from numba.core.typing.templates import AbstractTemplate, builtin_registry

from symdiff.runtime import codegen
from symdiff.runtime.lower_public import FASTMATH, Lowered, check_result
from symdiff.runtime.primitive import Primitive


def lower_lean(code: CodeType, namespace: dict[str, Any], arguments: Sequence[Any]) -> Lowered:
    flags = compiler.Flags()
    flags.error_model = "numpy"
    flags.fastmath = cpu_options.FastMathOptions(set(FASTMATH))
    with global_compiler_lock:
        typing, target = _contexts()
        for value in namespace.values():
            if isinstance(value, Primitive):
                typing.introduce(value, target)
        scope = dict(namespace)
        exec(code, scope)
        lowered: Lowered = compiler.compile_extra(
            typing, target, scope["kernel"], tuple(arguments), None, flags, {}, _Collector(), _LeanCompiler
        )
    return lowered


@register_pass(mutates_CFG=False, analysis_only=False)
class _Lowering(LoweringPass):  # type: ignore[misc]
    """Numba IR -> LLVM IR, and no more: the library keeps the text."""

    _name = "symdiff_lowering"

    def __init__(self) -> None:
        """Abstract in Numba."""

    def run_pass(self, state: Any) -> bool:
        described = funcdesc.PythonFunctionDescriptor.from_specialized_function(
            state.func_ir, state.typemap, state.return_type, state.calltypes,
            mangler=state.targetctx.mangler, inline=False, noalias=True, abi_tags=(),
        )  # fmt: skip
        with state.targetctx.push_code_library(state.library):
            lowering.Lower(state.targetctx, state.library, described, state.func_ir).lower()
        check_result(state.return_type)
        state.cr = Lowered(state.library.text, described.mangled_name)
        return True


class _LeanCompiler(compiler.CompilerBase):  # type: ignore[misc]  # Numba has no types
    def define_pipelines(self) -> list[PassManager]:
        manager = PassManager("symdiff kernel")
        for step in (
            untyped.TranslateByteCode,
            untyped.FixupArgs,
            untyped.IRProcessing,
            untyped.ReconstructSSA,
            typed.NopythonTypeInference,
            typed.PreLowerStripPhis,
            _Lowering,
        ):
            manager.add_pass(step, step.__name__)
        manager.finalize()
        return [manager]


@functools.cache
def _contexts() -> tuple[_Typing, _Target]:
    typing = _Typing()
    return typing, _Target(typing)


class _Typing(BaseContext):  # type: ignore[misc]
    """Numbers, range and control flow, which are always there, and our primitives."""

    def init(self) -> None:
        self.introduced: set[Primitive] = set()
        self.filled = False
        self.resolved: dict[tuple[Any, Any], Any] = {}

    def refresh(self) -> None:
        """Once, and without attributes: those of arrays and strings would load the whole of Numba."""
        if self.filled:
            return
        self.filled = True
        from numba.core.typing import builtins  # noqa: F401  # registers itself

        for template in builtin_registry.functions:
            if getattr(template, "metadata", {}).get("target", "generic") in ("generic", "cpu"):
                self.insert_function(template(self))
        for value, kind in builtin_registry.globals:
            known = self._lookup_global(value)
            if known is not None:
                self._remove_global(value)
            self._insert_global(value, kind if known is None else known.augment(kind))

    def resolve_value_type(self, value: Any) -> Any:
        """Functions first: Numba would ask, and import, half of what it has before it comes to them."""
        known = self._get_global_type(value) if callable(value) or isinstance(value, Primitive) else None
        return super().resolve_value_type(value) if known is None else known

    def resolve_function_type(self, function: Any, arguments: Any, keywords: Any) -> Any:
        """Numba tries template after template; kernels apply few functions to few types."""
        key = (function, arguments)
        if keywords or key not in self.resolved:
            self.resolved[key] = super().resolve_function_type(function, arguments, keywords)
        return self.resolved[key]

    def introduce(self, primitive: Primitive, target: _Target) -> None:
        if primitive in self.introduced:
            return
        self.introduced.add(primitive)

        def generic(template: Any, args: Any, _kws: Any) -> Any:
            if len(args) != primitive.arity:
                return None
            signature, emit = primitive.type_of(*args)
            key = (primitive, signature.args)
            if key not in target._defns:
                target.insert_func_defn([(emit, key, signature.args)])
            return signature

        members = {
            "key": primitive,
            "generic": generic,
            "get_impl_key": lambda template, signature: (primitive, signature.args),
        }
        self.insert_global(primitive, types.Function(type(primitive.name, (AbstractTemplate,), members)))


class _Target(cpu.CPUContext):  # type: ignore[misc]
    def init(self) -> None:
        self.is32bit = utils.MACHINE_BITS == 32
        self.implementations: dict[tuple[Any, Any], Any] = {}
        self._internal_codegen = _Modules()
        from numba.cpython import builtins, numbers, rangeobj  # noqa: F401  # they register themselves

        self.install_registry(imputils.builtin_registry)

    def refresh(self) -> None:
        self.typing_context.refresh()

    def get_function(self, function: Any, signature: Any, _firstcall: bool = True) -> Any:
        """Numba looks at the parameters of an implementation each time it is used."""
        key = (function, signature)
        if key not in self.implementations:
            self.implementations[key] = super().get_function(function, signature, _firstcall)
        return self.implementations[key]

    def get_abi_sizeof(self, kind: Any) -> int:
        """Numba asks for every local, for debuggers; LLVM is not to be waited for."""
        return 0

    def post_lowering(self, module: Any, library: Any) -> None:
        """Without the link to Numba's reference counting: kernels allocate nothing."""
        fastmathpass.rewrite_module(module, self.fastmath)


class _Modules:
    """Stands where Numba expects its code generator; ours is codegen.py."""

    def __init__(self) -> None:
        self.target_data = codegen.target_machine().target_data
        self.data_layout = str(self.target_data)

    def _create_empty_module(self, name: str) -> ir.Module:
        module = ir.Module(name)
        module.triple = codegen.triple()
        module.data_layout = self.data_layout
        return module


class _Collector:
    """Stands where Numba expects a code library, and only keeps the LLVM text."""

    text = ""

    def create_ir_module(self, name: str) -> ir.Module:
        return _contexts()[1].create_module(name)

    def add_ir_module(self, module: ir.Module) -> None:
        self.text = str(module)

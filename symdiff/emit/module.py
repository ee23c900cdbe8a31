"""A program and the kernels it calls: what has to be compiled, and found again by its digest.

Text is written when somebody asks for it, that of kernels (``texts.py``) and the whole file (``source.py``): a program
whose kernels were compiled before needs none, nor the modules that write it.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.naming import Unique
from ..core.record import entity
from ..lower.ir import Handmade, Kernel
from ..lower.labels import RESERVED
from ..lower.nested import inside
from ..lower.program import CheckRange, KernelCall, Program, all_steps
from ..lower.rewrite import walk
from ..runtime.native import Wanted
from ..runtime.signature import Array, Param, Size
from .canonical import canonical, strides

if TYPE_CHECKING:
    from .kernel import KernelText
    from .source import SourceWriter
    from .texts import KernelTexts

LONG = 100


@entity
class EmittedKernel:
    """One function of the module, ready to compile; ``call`` is the first step that calls it, ``digest`` that of all
    kernels that do the same."""

    module: Module
    name: str
    call: KernelCall
    digest: str
    signature: tuple[Param, ...]

    @property
    def text(self) -> KernelText:
        return self.module.texts.of[self.name]

    @property
    def length(self) -> int:
        """In statements; loops that were written by hand are long."""
        kernel = self.call.kernel
        return LONG if isinstance(kernel, Handmade) else sum(1 for _ in walk(kernel.body))

    @property
    def wanted(self) -> Wanted:
        """What the compiler is asked for."""
        return Wanted(self.name, self.digest, self.signature, self.source)

    def source(self) -> tuple[str, dict[str, np.generic]]:
        """What is compiled, and the constants in it."""
        text, values = self.text, self.module.texts.constants.values()
        return text.source, {name: values[name] for name in text.constants}


class Module:
    """The functions of a program. Kernels that do the same are one, whatever layer they serve."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kernels: list[EmittedKernel] = []
        self._known: dict[Kernel | str, EmittedKernel] = {}  # by kernel, and by digest
        self.given = {*RESERVED, program.name}
        for one in (program, *inside(program)):
            buffers = (*one.inputs, *one.params, *one.work, *one.aliases, *one.constants)
            self.given.update(buffer.name for buffer in buffers)
        self._unique = Unique(self.given)
        self._texts: KernelTexts | None = None
        self._writing = threading.Lock()
        calls = ((step, step.call if isinstance(step, CheckRange) else step) for step in all_steps(program))
        self.calls = {step: self._emitted(call) for step, call in calls if isinstance(call, KernelCall)}

    def _emitted(self, call: KernelCall) -> EmittedKernel:
        """The function a step calls."""
        if call.kernel not in self._known:
            self._known[call.kernel] = self._found(call)
        return self._known[call.kernel]

    def _found(self, call: KernelCall) -> EmittedKernel:
        digest = canonical(call.kernel)
        if digest not in self._known:
            name = self._unique(call.kernel.name)
            self._known[digest] = EmittedKernel(self, name, call, digest, signature(call.kernel))
            self.kernels.append(self._known[digest])
        return self._known[digest]

    @property
    def texts(self) -> KernelTexts:
        """The texts of the kernels, which threads of the compiler ask for too."""
        from .texts import KernelTexts

        with self._writing:
            if self._texts is None:
                self._texts = KernelTexts(self)
            return self._texts

    @cached_property
    def writer(self) -> SourceWriter:
        """What writes the file."""
        from .source import SourceWriter

        return SourceWriter(self)

    def source(self) -> str:
        """The whole file."""
        return self.writer.source()

    def undecorated(self) -> dict[str, Any]:
        """The module's names, its kernels as plain Python."""
        return self.writer.undecorated()


def signature(kernel: Kernel) -> tuple[Param, ...]:
    """Parameter kinds for the compiler: strides are known where sizes are numbers."""
    arrays = [Array(param.dtype.name, strides(param.shape)) for param in kernel.params]
    return (*(Size() for _ in kernel.sizes), *arrays)

"""A program as one Python file: kernels, a workspace, and a driver that reads like the training step it is.

The same text runs undecorated in plain Python (that is how it is tested), under Numba, and, saved, where symdiff is
not installed: it imports only numpy and numba.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..core.naming import Unique
from ..lower.ir import CheckRange, Kernel, KernelCall, Program, Step
from ..lower.labels import RESERVED
from ..lower.lower import CHECK_RANGE
from ..lower.rewrite import walk
from ..runtime.maths import NUMPY, standalone
from ..runtime.signature import Array, Param, Size
from .canonical import canonical, strides
from .constants import Constants
from .document import Documenter
from .driver import DriverWriter
from .kernel import KernelText, kernel_text

_PLAIN = 'kernel = njit(error_model="numpy", fastmath={"contract"})'
_SUMS = 'summing_kernel = njit(error_model="numpy", fastmath={"contract", "reassoc", "nsz"})  # sums in any order'


_CHECK = ["1 + the position of the first index outside its axis, 0 when there is none"]


@dataclass(frozen=True, slots=True)
class EmittedKernel:
    """One function of the module, ready to compile; ``call`` is the first step that calls it."""

    name: str
    call: KernelCall
    text: KernelText
    signature: tuple[Param, ...]


class Module:
    """The emitted source of a program. Kernels that do the same are one, whatever layer they serve."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kernels: list[EmittedKernel] = []
        self._known: dict[object, EmittedKernel] = {}
        buffers = (*program.inputs, *program.params, *program.work, *program.aliases, *program.constants)
        given = {*RESERVED, program.name, *(buffer.name for buffer in buffers)}
        self._unique = Unique(given)
        self.constants = Constants({*given, *program.sizes, *_locals(program.steps)})
        self.calls = [self._emitted(step) for step in program.steps]
        self.driver = DriverWriter(program, [call.name if call else None for call in self.calls])

    def _emitted(self, step: Step) -> EmittedKernel | None:
        """The function a step calls; None for products and copies."""
        call = step.call if isinstance(step, CheckRange) else step
        if not isinstance(call, KernelCall):
            return None
        key = canonical(call.kernel)
        if key not in self._known:
            kernel = replace(call.kernel, name=self._unique(call.kernel.name))
            emitted = EmittedKernel(kernel.name, call, kernel_text(kernel, self.constants), signature(kernel))
            self._known[key] = emitted
            self.kernels.append(emitted)
        return self._known[key]

    # -- text

    def source(self) -> str:
        """The whole file."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        document = Documenter(self.program)
        yield from self.driver.header()
        integers: dict[str, bool] = {}
        for name, on_integers in (item for kernel in self.kernels for item in kernel.text.functions):
            integers[name] = integers.get(name, False) or on_integers
        texts = {name: standalone(name, integers[name]) for name in sorted(integers)}
        plain = [name for name, text in texts.items() if text.startswith("from numpy import")]
        helpers = [text for name, text in texts.items() if name not in plain]
        yield from ("import numba", "import numba.extending", "import numpy") if helpers else ()
        yield from ("import numpy as np", "from numba import njit")
        yield from (f"from numpy import {', '.join(plain)}",) if plain else ()
        yield from ("", _PLAIN)
        yield from (_SUMS,) if any(kernel.text.accumulates for kernel in self.kernels) else ()
        yield from ("", *self.constants.lines()) if self.constants.values() else ()
        yield from self.driver.constant_arrays()
        for text in helpers:
            yield from ("", "", *text.rstrip().splitlines())
        for kernel in self.kernels:
            doc = _CHECK if kernel.call.kernel.name == CHECK_RANGE else document.kernel(kernel.call)
            decorator = "@summing_kernel" if kernel.text.accumulates else "@kernel"
            yield from ("", "", decorator, *kernel.text.documented(doc))
        yield from ("", "", *self.driver.workspace(), "", "", *self.driver.function(document.product))

    def undecorated(self) -> dict[str, Any]:
        """The module's names, its kernels as plain Python on NumPy scalars: slow, and exactly what the text says."""
        lines = [*self.constants.lines(), *self.driver.constant_arrays()]
        parts = ["import numpy as np", *lines, *(kernel.text.source for kernel in self.kernels)]
        text = "\n".join([*parts, *self.driver.workspace(), *self.driver.function()])
        namespace: dict[str, Any] = dict(NUMPY)
        exec(compile(text, f"<symdiff {self.program.name}>", "exec"), namespace)
        return namespace


def _locals(steps: Iterable[Step]) -> Iterator[str]:
    """Every name that some kernel binds."""
    for step in steps:
        call = step.call if isinstance(step, CheckRange) else step
        for statement in walk(call.kernel.body) if isinstance(call, KernelCall) else ():
            yield from (getattr(statement, name) for name in ("var", "name", "best") if hasattr(statement, name))


def signature(kernel: Kernel) -> tuple[Param, ...]:
    """Parameter kinds for the compiler: strides are known where sizes are numbers."""
    arrays = [Array(param.dtype.name, strides(param.shape)) for param in kernel.params]
    return (*(Size() for _ in kernel.sizes), *arrays)

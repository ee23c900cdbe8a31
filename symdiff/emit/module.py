"""A program as one Python file: kernels, a workspace, and a driver that reads like the training step it is.

The same text runs undecorated in plain Python (that is how it is tested), under Numba, and, saved, where symdiff is
not installed: it imports only numpy and numba.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..core.naming import Unique
from ..lower.ir import CheckRange, Kernel, KernelCall, Program, Statement, Step
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


@dataclass(frozen=True, eq=False, slots=True)
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
        return self.module.texts[self.name]

    def source(self) -> tuple[str, dict[str, np.generic]]:
        """What is compiled, and the constants in it."""
        text, values = self.text, self.module.constants.values()
        return text.source, {name: values[name] for name in text.constants}


class Module:
    """The emitted source of a program. Kernels that do the same are one, whatever layer they serve.

    The text is written when somebody asks for it: a kernel that was compiled before is found by its digest.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self.kernels: list[EmittedKernel] = []
        self._known: dict[Kernel | str, EmittedKernel] = {}  # by kernel, and by digest
        buffers = (*program.inputs, *program.params, *program.work, *program.aliases, *program.constants)
        self._given = {*RESERVED, program.name, *(buffer.name for buffer in buffers)}
        self._unique = Unique(self._given)
        self.calls = [self._emitted(step) for step in program.steps]
        self.driver = DriverWriter(program, [call.name if call else None for call in self.calls])

    def _emitted(self, step: Step) -> EmittedKernel | None:
        """The function a step calls; None for products and copies."""
        call = step.call if isinstance(step, CheckRange) else step
        if not isinstance(call, KernelCall):
            return None
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

    # -- text

    @cached_property
    def _written(self) -> tuple[dict[str, KernelText], Constants]:
        bodies = [kernel.call.kernel.body for kernel in self.kernels]
        constants = Constants({*self._given, *self.program.sizes, *(name for body in bodies for name in _locals(body))})
        named = [replace(kernel.call.kernel, name=kernel.name) for kernel in self.kernels]
        return {kernel.name: kernel_text(kernel, constants) for kernel in named}, constants

    @property
    def texts(self) -> dict[str, KernelText]:
        """The kernels as text, by name."""
        return self._written[0]

    @property
    def constants(self) -> Constants:
        """The numbers that the kernels name."""
        return self._written[1]

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
        of_math, of_numpy = (
            [name for name, text in texts.items() if text.startswith(f"from {module} import")]
            for module in ("math", "numpy")
        )
        helpers = [text for text in texts.values() if not text.startswith("from")]
        yield from (f"from math import {', '.join(of_math)}", "") if of_math else ()
        yield from ("import numba", "import numba.extending", "import numpy") if helpers else ()
        yield from ("import numpy as np", "from numba import njit")
        yield from (f"from numpy import {', '.join(of_numpy)}",) if of_numpy else ()
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


def _locals(body: Sequence[Statement]) -> Iterator[str]:
    """Every name that a kernel binds."""
    for statement in walk(body):
        yield from (getattr(statement, name) for name in ("var", "name", "best") if hasattr(statement, name))


def signature(kernel: Kernel) -> tuple[Param, ...]:
    """Parameter kinds for the compiler: strides are known where sizes are numbers."""
    arrays = [Array(param.dtype.name, strides(param.shape)) for param in kernel.params]
    return (*(Size() for _ in kernel.sizes), *arrays)

"""A program as one Python file: kernels, a workspace, and a driver that reads like the training step it is.

The same text runs undecorated in plain Python (that is how it is tested), under Numba, and, saved, where symdiff is
not installed: it imports only numpy and numba.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..lower.lower import CHECK_RANGE
from ..lower.nested import inside
from ..runtime.maths import NUMPY, requirements, standalone
from .document import Documenter
from .driver import DriverWriter
from .module import Module

_PLAIN = 'kernel = njit(error_model="numpy", fastmath={"contract"})'
_SUMS = 'summing_kernel = njit(error_model="numpy", fastmath={"contract", "reassoc", "nsz"})  # sums in any order'
_CHECK = ["1 + the position of the first index outside its axis, 0 when there is none"]


class SourceWriter:
    """Writes the text of a module."""

    def __init__(self, module: Module) -> None:
        self.program, self.kernels = module.program, module.kernels
        self.texts, self.constants = module.texts.of, module.texts.constants
        self.driver = DriverWriter(self.program, {step: call.name for step, call in module.calls.items()})

    def source(self) -> str:
        """The whole file."""
        return "\n".join(self._lines()) + "\n"

    def _lines(self) -> Iterator[str]:
        programs = (self.program, *inside(self.program))
        documents = {step: own for one in programs for own in (Documenter(one),) for step in one.steps}
        yield from self.driver.header()
        integers: dict[str, bool] = {}
        for name, on_integers in (item for written in self.texts.values() for item in written.functions):
            integers[name] = integers.get(name, False) or on_integers
        needed = dict.fromkeys(other for name in sorted(integers) for other in requirements(name))
        texts = {name: standalone(name, integers.get(name, False)) for name in needed}
        of_math, of_numpy = (
            sorted(name for name, text in texts.items() if text.startswith(f"from {module} import"))
            for module in ("math", "numpy")
        )
        helpers = [text for text in texts.values() if not text.startswith("from")]
        yield from (f"from math import {', '.join(of_math)}", "") if of_math else ()
        yield from ("import numba", "import numba.extending", "import numpy") if helpers else ()
        yield from ("import numpy as np", "from numba import njit")
        yield from (f"from numpy import {', '.join(of_numpy)}",) if of_numpy else ()
        yield from ("", _PLAIN)
        yield from (_SUMS,) if any(written.accumulates for written in self.texts.values()) else ()
        yield from ("", *self.constants.lines()) if self.constants.values() else ()
        yield from self.driver.constant_arrays()
        for text in helpers:
            yield from ("", "", *text.rstrip().splitlines())
        for kernel in self.kernels:
            doc = _CHECK if kernel.call.kernel.name == CHECK_RANGE else documents[kernel.call].kernel(kernel.call)
            written = self.texts[kernel.name]
            decorator = "@summing_kernel" if written.accumulates else "@kernel"
            yield from ("", "", decorator, *written.documented(doc))
        yield from (
            "",
            "",
            *self.driver.workspace(),
            "",
            "",
            *self.driver.function(lambda step: documents[step].product(step)),
        )

    def undecorated(self) -> dict[str, Any]:
        """The module's names, its kernels as plain Python on NumPy scalars: slow, and exactly what the text says."""
        lines = [*self.constants.lines(), *self.driver.constant_arrays()]
        parts = ["import numpy as np", *lines, *(written.source for written in self.texts.values())]
        text = "\n".join([*parts, *self.driver.workspace(), *self.driver.function()])
        namespace: dict[str, Any] = dict(NUMPY)
        exec(compile(text, f"<symdiff {self.program.name}>", "exec"), namespace)
        return namespace

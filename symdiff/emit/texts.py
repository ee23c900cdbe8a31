"""The texts of a module's kernels, and the constants in them: what is compiled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ..core.record import replace
from ..lower.ir import Statement
from ..lower.rewrite import walk
from .constants import Constants
from .kernel import KernelText, kernel_text

if TYPE_CHECKING:
    from .module import Module


class KernelTexts:
    """Each kernel as a function; a number has one name in all of them."""

    def __init__(self, module: Module) -> None:
        bodies = [kernel.call.kernel.body for kernel in module.kernels]
        local = (name for body in bodies for name in _locals(body))
        self.constants = Constants({*module.given, *module.program.sizes, *local})
        named = [replace(kernel.call.kernel, name=kernel.name) for kernel in module.kernels]
        self.of: dict[str, KernelText] = {kernel.name: kernel_text(kernel, self.constants) for kernel in named}


def _locals(body: Sequence[Statement]) -> Iterator[str]:
    """Every name that a kernel binds."""
    for statement in walk(body):
        yield from (getattr(statement, name) for name in ("var", "name", "best") if hasattr(statement, name))

"""A program as a table of native steps over an array of slots.

The table never changes: a step's words are numbers of slots. What differs from call to call (addresses, sizes) is in
the slots. A table is built once for a program, slots once for each set of sizes it is called with.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .core.dim import Dim, product
from .emit.module import Module
from .lower.ir import Buffer, CheckRange, Copy, Gemm, KernelCall, Step, Storage
from .lower.memory import bytes_of
from .runtime import blas, driver, native

Array = np.ndarray[Any, Any]
RESERVED = 2  # slots for the report of a failed step


class Slots:
    """Numbers for everything a step's words can name: storages by identity, sizes by value."""

    def __init__(self) -> None:
        self.storages: dict[Storage, int] = {}
        self.sizes: dict[int | Dim, int] = {}
        self.count = RESERVED

    def storage(self, buffer: Buffer) -> int:
        return self._slot(self.storages, buffer.storage)

    def size(self, value: int | Dim) -> int:
        return self._slot(self.sizes, value)

    def new(self) -> int:
        """A slot that nothing else uses."""
        self.count += 1
        return self.count - 1

    def _slot(self, known: dict[Any, int], key: Any) -> int:
        if key not in known:
            known[key] = self.new()
        return known[key]


class Table:
    """The steps of a module as int64 words; ``slots`` says what each slot must hold."""

    def __init__(self, module: Module) -> None:
        self.slots = Slots()
        kernels = dict(zip((kernel.name for kernel in module.kernels), _compiled(module), strict=True))
        steps = zip(module.program.steps, module.calls, strict=True)
        self.steps = [self._step(step, kernels[call.name] if call else 0) for step, call in steps]
        self.words = packed(self.steps)

    def _step(self, step: Step, address: int) -> list[int]:
        if isinstance(step, Gemm):
            return self._gemm(step)
        if isinstance(step, Copy):
            words = [self.slots.storage(step.source), self.slots.storage(step.target)]
            return [driver.builtin("copy"), *words, self.slots.size(bytes_of(step.target))]
        return [address, *self._call(step.call if isinstance(step, CheckRange) else step)]

    def _call(self, call: KernelCall) -> list[int]:
        words = [self.slots.size(size) for size in call.sizes]
        for param, buffer in zip(call.kernel.params, call.buffers, strict=True):
            words.append(self.slots.storage(buffer))
            steps = (product(param.shape[axis + 1 :]) for axis in range(len(param.shape)))
            words += [self.slots.size(step) for step in steps if isinstance(step, Dim)]
        return words

    def _gemm(self, step: Gemm) -> list[int]:
        size, dtype = self.slots.size, step.out.dtype.name
        lda = step.m if step.transpose_a else step.k
        ldb = step.k if step.transpose_b else step.n
        words = [
            size(blas.gemm_address(dtype)),
            size(int(step.transpose_a)),
            size(int(step.transpose_b)),
            *map(size, (step.m, step.n, step.k)),
            self.slots.storage(step.a),
            size(lda),
            self.slots.storage(step.b),
            size(ldb),
            size(0),
            self.slots.storage(step.out),
            size(step.n),
            *map(size, (step.count, step.stride_a, step.stride_b, step.m * step.n)),
        ]
        return [driver.builtin(f"gemm_{dtype}"), *words]


def packed(steps: Sequence[Sequence[int]]) -> Array:
    """Steps, each an address and its words, as one array for the driver."""
    words = [word for step in steps for word in (step[0], len(step) - 1, *step[1:])]
    return np.array(words, np.int64)


def _compiled(module: Module) -> list[int]:
    """Addresses of the module's kernels."""
    constants = module.constants.values()
    requests = []
    for kernel in module.kernels:
        used = {name: constants[name] for name in kernel.text.constants}
        requests.append((kernel.text.source, kernel.name, kernel.signature, used))
    return native.kernel_addresses(requests)

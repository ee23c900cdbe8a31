"""A table with numbers for its sizes and memory for its buffers: ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .core.dim import evaluate
from .lower.program import Buffer, Program, Storage
from .runtime import driver, team
from .runtime.layout import address_of
from .table import UNREAD, Slots

Array = np.ndarray[Any, Any]
ALIGNMENT = 64


class Bound:
    """Slots for one set of sizes, with a workspace and output arrays. ``batches`` is memory for inputs whose rows are
    gathered."""

    def __init__(
        self,
        program: Program,
        slots: Slots,
        words: Array,
        steps: int,
        sizes: Mapping[str, int],
        batches: Sequence[Array] = (),
    ) -> None:
        self.slots, self.words, self.steps, self.sizes = slots, words, steps, sizes
        self.values = np.zeros(slots.count, np.int64)
        self.cells = self.values.data  # the same memory; Python writes to it in a third of the time
        for size, slot in slots.sizes.items():
            self.values[slot] = evaluate(size, sizes)
        for (costs, rows, grain, each), slot in slots.pieces.items():
            cost = max(evaluate(operations, sizes) // speed for operations, speed in costs)
            self.values[slot] = team.pieces(cost, evaluate(rows, sizes) // grain, each)
        self.workspace = [_aligned(evaluate(size, sizes)) for size in program.slots]
        self.outputs = [empty(buffer, sizes) for buffer in program.outputs.values()]
        for storage, slot in slots.storages.items():
            self.values[slot] = self._address(storage)
        self.records = np.zeros(len(slots.records))
        for position, slot in enumerate(slots.records):
            self.values[slot] = address_of(self.records) + self.records.itemsize * position
        self.input_slots = [slots.storages.get(buffer.storage, UNREAD) for buffer in program.inputs]
        self.output_slots = [slots.storages.get(buffer.storage, UNREAD) for buffer in program.outputs.values()]
        self.params = [
            (b.storage.node, slots.storages[b.storage]) for b in program.params if b.storage in slots.storages
        ]
        self.words_address, self.values_address = address_of(words), address_of(self.values)
        self.pointed: Mapping[Any, Array] | None = None
        self.batches = batches

    def _address(self, storage: Storage) -> int:
        """Where a storage is; 0 for inputs and parameters, whose place each call tells."""
        if storage.role == "work":
            return self.workspace[storage.slot][1]
        if storage.role == "output":
            return address_of(self.outputs[storage.position])
        return address_of(storage.array) if storage.role == "constant" else 0

    def point(self, arrays: Sequence[Array | None], params: Mapping[Any, Array]) -> None:
        """Tell where inputs and parameters are. The parameters of a state stay where they are."""
        cells = self.cells
        for position, slot in enumerate(self.input_slots):
            array = arrays[position]
            if array is not None:
                cells[slot] = address_of(array)
        if params is self.pointed:
            return
        self.pointed = None  # until all of them are told: an interrupt may come between two
        for node, slot in self.params:
            if node in params:
                cells[slot] = address_of(params[node])
        self.pointed = params

    def new_outputs(self) -> list[Array]:
        """New arrays, which the next run fills."""
        fresh = [np.empty_like(own) for own in self.outputs]
        for position, slot in enumerate(self.output_slots):
            self.cells[slot] = address_of(fresh[position])
        return fresh

    def run(self) -> int:
        """0, or 1 + the number of the step that failed; its status is then in ``values[0]``."""
        return driver.run()(self.words_address, self.steps, self.values_address)


def _aligned(size: int) -> tuple[Array, int]:
    """Memory of at least this many bytes, and the aligned address to use in it."""
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = address_of(memory)
    return memory, start + -start % ALIGNMENT


def empty(buffer: Buffer, sizes: Mapping[str, int]) -> Array:
    """An array for a buffer."""
    return np.empty(tuple(evaluate(size, sizes) for size in buffer.shape), buffer.dtype)

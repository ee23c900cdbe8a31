"""A table with numbers for its sizes and memory for its buffers: ready to run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .core.dim import evaluate
from .core.node import Node
from .link import Linked
from .plan import Face
from .runtime import driver, team
from .runtime.layout import address_of

Array = np.ndarray[Any, Any]
ALIGNMENT = 64


class Bound:
    """Slots for one set of sizes, with a workspace and output arrays; ``params`` are the parameters of the graph by
    name. ``batches`` is memory for inputs whose rows are gathered."""

    def __init__(
        self, linked: Linked, params: Mapping[str, Node], sizes: Mapping[str, int], batches: Sequence[Array] = ()
    ) -> None:
        plan = linked.plan
        self.linked, self.sizes, self.steps = linked, sizes, plan.words.steps
        self.values = np.zeros(plan.slots, np.int64)
        self.cells = cells = self.values.data  # the same memory; Python writes to it in a third of the time
        for slot, size in plan.amounts:
            cells[slot] = evaluate(size, sizes)
        for slot, (costs, rows, grain, each) in plan.pieces:
            cost = max(evaluate(operations, sizes) // speed for operations, speed in costs)
            cells[slot] = team.pieces(cost, evaluate(rows, sizes) // grain, each)
        self.workspace = [_aligned(evaluate(size, sizes)) for size in plan.workspace]
        for slot, piece in plan.values:
            cells[slot] = self.workspace[piece][1]
        for slot, array in plan.constants:
            cells[slot] = address_of(array)
        for slot, name in plan.pointers:
            cells[slot] = linked.addresses[name]
        self.input_slots = [face.slot for face in plan.inputs]
        self.output_slots = [face.slot for face in plan.outputs]
        self.outputs = [empty(face, sizes) for face in plan.outputs]
        for slot, array in zip(self.output_slots, self.outputs, strict=True):
            cells[slot] = address_of(array)
        self.records = np.zeros(len(plan.records))
        for position, slot in enumerate(plan.records):
            cells[slot] = address_of(self.records) + self.records.itemsize * position
        self.params = [(params[name], slot) for name, slot in plan.params]
        self.words_address, self.values_address = address_of(linked.words), address_of(self.values)
        self.pointed: Mapping[Any, Array] | None = None
        self.batches = batches

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


def empty(face: Face, sizes: Mapping[str, int]) -> Array:
    """An array for an input or a result."""
    return np.empty(tuple(evaluate(size, sizes) for size in face.shape), face.dtype)

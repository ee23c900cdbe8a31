"""Many steps in one native call: gather the rows of a batch, take the step, go on. An evaluation is such a step too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .bound import Array, Bound, empty
from .core.dim import product
from .core.node import Node
from .executor import Params, is_led
from .lower.program import Program
from .runtime import driver
from .runtime.layout import address_of
from .table import Table, is_training, packed


class Stretch(NamedTuple):
    """Batches of ``size`` rows each, from row ``start`` on."""

    start: int
    size: int
    batches: int


def stretches(epochs: int, rows: int, batch_size: int) -> list[Stretch]:
    """The batches of some epochs that follow each other. The last batch of each may be smaller than the others."""
    whole, rest = divmod(rows, batch_size)
    if not rest:
        return [Stretch(0, batch_size, epochs * whole)]
    parts = [Stretch(0, batch_size, whole), Stretch(whole * batch_size, rest, 1)]
    return [part._replace(start=part.start + k * rows) for k in range(epochs) for part in parts if part.batches]


class EpochTable:
    """The table of one step with gathers before it. The driver runs it once for each batch."""

    def __init__(self, table: Table, program: Program, inputs: Sequence[Node], batch_dim: str) -> None:
        self.program, self.slots, self.batch_dim = program, table.slots, batch_dim
        self.led = [is_led(node, batch_dim) for node in inputs]
        # A training step has its results on record anyway. The cursor has to be known before it is read.
        recording = [] if is_training(program) else table.recording(program)
        self.order, self.rows = self.slots.new(), self.slots.new()
        self.data = [self.slots.new() for _ in inputs]
        self.copies = [self.slots.new() for _ in inputs]
        before = [self._gather(position) for position, led in enumerate(self.led) if led]
        self.before = len(before)
        self.steps = [*before, *table.steps, *recording]
        self.words = packed(self.steps)

    def _gather(self, position: int) -> list[int]:
        buffer = self.program.inputs[position]
        row = self.slots.size(product(buffer.shape[1:]) * buffer.dtype.itemsize)
        words = [self.data[position], self.order, self.copies[position], self.slots.cursor, self.rows, row]
        return [driver.builtin("gather_rows"), *words, self.slots.storage(buffer)]

    def bind(self, sizes: Mapping[str, int]) -> Bound:
        """Slots and memory for one batch size."""
        batches = [empty(buffer, sizes) for buffer, led in zip(self.program.inputs, self.led, strict=True) if led]
        bound = Bound(self.program, self.slots, self.words, len(self.steps), sizes, batches)
        copies = [slot for slot, led in zip(self.copies, self.led, strict=True) if led]
        for slot, batch in zip(copies, batches, strict=True):
            bound.values[slot] = address_of(batch)
        return bound

    def point(self, bound: Bound, data: Sequence[Array], order: Array, records: Array, params: Params) -> None:
        """Tell where the data is, in which ``order`` its rows are taken, and where the results go: to the place in
        each of ``records`` that the first row of the batch has in ``order``."""
        values = bound.values
        bound.point([None if led else array for array, led in zip(data, self.led, strict=True)], params)
        for slot, array in zip((*self.data, *self.slots.records), (*data, *records), strict=True):
            values[slot] = address_of(array)
        values[self.order] = address_of(order)

    def run(self, bound: Bound, stretch: Stretch) -> int:
        """The steps of a stretch, one for each batch; how many were completed."""
        cursor = self.slots.cursor
        bound.values[cursor], bound.values[self.rows] = stretch.start, stretch.size
        where = (bound.words_address, bound.steps, bound.values_address)
        return driver.loop()(*where, cursor, stretch.size, stretch.batches)

"""Many steps in one native call: gather the rows of a batch, take the step, record the outputs, go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bound import Array, Bound, address_of, empty
from .core.dim import product
from .core.node import Node
from .executor import Params, is_led
from .lower.ir import Program
from .runtime import driver
from .table import Table, packed


@dataclass(frozen=True, slots=True)
class Stretch:
    """``count`` batches of ``size`` rows each, from row ``start`` of ``order``; what they give goes to ``records``."""

    data: Sequence[Array]
    order: Array
    records: Array
    start: int
    size: int
    count: int


class EpochTable:
    """The table of one step with gathers before it and records after it. The driver runs it once for each batch."""

    def __init__(self, table: Table, program: Program, inputs: Sequence[Node], batch_dim: str) -> None:
        self.program, self.slots, self.batch_dim = program, table.slots, batch_dim
        self.led = [is_led(node, batch_dim) for node in inputs]
        self.cursor, self.order, self.rows = self.slots.new(), self.slots.new(), self.slots.new()
        self.data = [self.slots.new() for _ in inputs]
        self.records = [self.slots.new() for _ in program.outputs]
        before = [self._gather(position) for position, led in enumerate(self.led) if led]
        after = [self._record(position) for position in range(len(self.records))]
        self.before = len(before)
        self.steps = [*before, *table.steps, *after]
        self.words = packed(self.steps)

    def _gather(self, position: int) -> list[int]:
        buffer = self.program.inputs[position]
        row = self.slots.size(product(buffer.shape[1:]) * buffer.dtype.itemsize)
        target = self.slots.storage(buffer)
        words = [self.data[position], self.order, target, self.cursor, self.rows, row]
        return [driver.builtin("gather_rows"), *words]

    def _record(self, position: int) -> list[int]:
        buffer = list(self.program.outputs.values())[position]
        name = driver.builtin(f"record_{buffer.dtype.name}")
        return [name, self.slots.storage(buffer), self.records[position], self.cursor]

    def bind(self, sizes: Mapping[str, int]) -> Bound:
        """Slots and memory for one batch size."""
        return Bound(self.program, self.slots, self.words, len(self.steps), sizes, batches=self._batches(sizes))

    def _batches(self, sizes: Mapping[str, int]) -> list[Array | None]:
        pairs = zip(self.program.inputs, self.led, strict=True)
        return [empty(buffer, sizes) if led else None for buffer, led in pairs]

    def run(self, bound: Bound, stretch: Stretch, params: Params) -> int:
        """The steps of a stretch, one for each batch; how many were completed."""
        values = bound.values
        pairs = zip(stretch.data, self.led, strict=True)
        bound.point([None if led else array for array, led in pairs], params)
        for slot, array in zip(self.data, stretch.data, strict=True):
            values[slot] = address_of(array)
        for slot, row in zip(self.records, stretch.records, strict=True):
            values[slot] = address_of(row)
        values[self.cursor], values[self.order] = stretch.start, address_of(stretch.order)
        values[self.rows] = stretch.size
        where = (bound.words_address, bound.steps, bound.values_address)
        return driver.loop()(*where, self.cursor, stretch.size, stretch.count)

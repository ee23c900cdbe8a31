"""Many steps in one native call: gather the rows of a batch, take the step, record the outputs, go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .bound import Array, Bound, address_of, empty
from .core.dim import product
from .core.node import Node
from .executor import Params, is_led
from .lower.ir import Program
from .runtime import driver
from .table import Table, packed


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

    def run(
        self,
        bound: Bound,
        data: Sequence[Array],
        order: Array,
        records: Array,
        start: int,
        size: int,
        count: int,
        params: Params,
    ) -> int:
        """``count`` steps on ``size`` rows each, from row ``start`` of ``order``; how many were completed."""
        values = bound.values
        bound.point([None if led else array for array, led in zip(data, self.led, strict=True)], params)
        for slot, array in zip(self.data, data, strict=True):
            values[slot] = address_of(array)
        for slot, row in zip(self.records, records, strict=True):
            values[slot] = address_of(row)
        values[self.cursor], values[self.order], values[self.rows] = start, address_of(order), size
        return driver.loop()(bound.words_address, bound.steps, bound.values_address, self.cursor, size, count)

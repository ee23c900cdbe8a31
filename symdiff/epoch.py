"""Many steps in one native call: gather the rows of a batch, take the step, go on. An evaluation is such a step too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import NamedTuple

from .bound import Array, Bound, empty
from .core.dim import product
from .core.graph import Graph
from .core.types import DTYPES
from .executor import Params, is_led
from .link import Linked, params_of
from .plan import Size, StepWords, joined, packed, record_step
from .runtime import driver
from .runtime.layout import address_of


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

    def __init__(self, linked: Linked, graph: Graph, batch_dim: str) -> None:
        plan, self.batch_dim = linked.plan, batch_dim
        self.params = params_of(graph)
        self.led = [is_led(node, batch_dim) for node in graph.inputs]
        slots = count(plan.slots)
        self.order, self.rows = next(slots), next(slots)
        self.data = [next(slots) for _ in plan.inputs]
        self.copies = [next(slots) for _ in plan.inputs]
        self.records, self.cursor = plan.records, plan.cursor
        before: list[StepWords] = []
        after: list[StepWords] = []
        if not plan.training:  # a training step has its results on record anyway
            self.records, self.cursor = tuple(next(slots) for _ in plan.outputs), next(slots)
            after = [record_step(*result, self.cursor) for result in zip(plan.outputs, self.records, strict=True)]
        sizes: list[tuple[int, Size]] = []
        for face, data, copy, led in zip(plan.inputs, self.data, self.copies, self.led, strict=True):
            if led:
                sizes.append((next(slots), product(face.shape[1:]) * DTYPES[face.dtype].itemsize))
                words = (data, self.order, copy, self.cursor, self.rows, sizes[-1][0], face.slot)
                before.append(["gather_rows", *words])
        self.before = len(before)
        whole = plan._replace(
            amounts=(*plan.amounts, *sizes),
            slots=next(slots),
            records=self.records,
            cursor=self.cursor,
            words=joined(packed(before), plan.words, packed(after)),
        )
        self.linked = linked.extended(whole, {str(step[0]): driver.builtin(str(step[0])) for step in [*before, *after]})

    def bind(self, sizes: Mapping[str, int]) -> Bound:
        """Slots and memory for one batch size."""
        inputs = self.linked.plan.inputs
        batches = [empty(face, sizes) for face, led in zip(inputs, self.led, strict=True) if led]
        bound = Bound(self.linked, self.params, sizes, batches)
        copies = [slot for slot, led in zip(self.copies, self.led, strict=True) if led]
        for slot, batch in zip(copies, batches, strict=True):
            bound.values[slot] = address_of(batch)
        return bound

    def point(self, bound: Bound, data: Sequence[Array], order: Array, records: Array, params: Params) -> None:
        """Tell where the data is, in which ``order`` its rows are taken, and where the results go: to the place in
        each of ``records`` that the first row of the batch has in ``order``."""
        values = bound.values
        bound.point([None if led else array for array, led in zip(data, self.led, strict=True)], params)
        for slot, array in zip((*self.data, *self.records), (*data, *records), strict=True):
            values[slot] = address_of(array)
        values[self.order] = address_of(order)

    def run(self, bound: Bound, stretch: Stretch) -> int:
        """The steps of a stretch, one for each batch; how many were completed."""
        cursor = self.cursor
        bound.values[cursor], bound.values[self.rows] = stretch.start, stretch.size
        where = (bound.words_address, bound.steps, bound.values_address)
        return driver.loop()(*where, cursor, stretch.size, stretch.batches)

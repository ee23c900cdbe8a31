"""The native executor: a graph lowered, emitted, compiled, and run as a table of native steps."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NoReturn, TypeVar

import numpy as np

from .bound import Bound
from .core.dim import evaluate
from .core.errors import IndexRangeError, ShapeError, explain
from .core.graph import Graph
from .emit.module import Module
from .epoch import EpochTable, Stretch
from .executor import Array, Params, is_led
from .explain import explained
from .files import write_whole
from .lower.fuse import checked_operand
from .lower.ir import CheckRange
from .lower.labels import model_name
from .lower.lower import lower
from .table import Table

K = TypeVar("K")
BOUND_LIMIT = 8  # sets of sizes whose workspaces are kept


class NativeExecutor:
    """Runs one graph as compiled code. Lowering happens at once, compilation at the first call.

    One call runs at a time; the lock is free for other threads as soon as the outputs are copied out.
    """

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph, self.name = graph, name
        self.program = lower(graph)
        self.module = Module(self.program)
        self._lock = threading.RLock()
        self._bounds: dict[tuple[int, ...], Bound] = {}
        self._recent: tuple[Mapping[str, int] | None, Bound | None] = (None, None)  # of the last call
        self._epoch_tables: dict[str, EpochTable] = {}
        self._epochs: dict[tuple[str | int, ...], Bound] = {}

    @property
    def source(self) -> str:
        return self.module.source()

    def explain(self) -> str:
        return explained(self.module)

    def save(self, path: str) -> None:
        write_whole(path, lambda file: file.write(self.source.encode()))

    @cached_property
    def _table(self) -> Table:
        return Table(self.module)

    # -- one call

    def call(self, arrays: Sequence[Array], sizes: Mapping[str, int], params: Params) -> list[Array]:
        with self._lock:
            bound = self._bound(sizes)
            bound.point(arrays, params)
            fresh = bound.renew_large()
            failed = bound.run()
            if failed:
                self._fail(bound, failed - 1, int(bound.values[0]))
            return [fresh[k] if k in fresh else own.copy() for k, own in enumerate(bound.outputs)]

    def _bound(self, sizes: Mapping[str, int]) -> Bound:
        known, bound = self._recent
        if bound is not None and known is sizes:
            return bound
        bound = self._bound_for(sizes)
        self._recent = sizes, bound
        return bound

    def _bound_for(self, sizes: Mapping[str, int]) -> Bound:
        key = tuple(sizes[name] for name in self.program.sizes)
        found = self._bounds.get(key)
        if found is None:
            self._check(sizes)
            table = self._table
            found = Bound(self.program, table.slots, table.words, len(table.steps), sizes)
            _keep(self._bounds, key, found)
        return found

    def _check(self, sizes: Mapping[str, int]) -> None:
        for requirement in self.program.requirements:
            value = evaluate(requirement.size, sizes)
            if value < 0:
                listed = ", ".join(f"{name} = {size}" for name, size in sizes.items())
                raise ShapeError(explain(self.name, f"{requirement.message}, with {listed}"))

    # -- many steps

    def epoch(
        self,
        data: Sequence[Array],
        order: Array,
        batch_size: int,
        batch_dim: str,
        sizes: Mapping[str, int],
        params: Params,
    ) -> Array:
        with self._lock:
            table = self._epoch_tables.get(batch_dim)
            if table is None:
                table = self._epoch_tables[batch_dim] = EpochTable(
                    self._table, self.program, self.graph.inputs, batch_dim
                )
            whole, rest = divmod(len(order), batch_size)
            records = np.empty((len(self.program.outputs), len(order)))
            for size, start, count in ((batch_size, 0, whole), (rest, whole * batch_size, int(rest > 0))):
                if count:
                    stretch = Stretch(data, order, records, start, size, count)
                    self._steps(table, stretch, {**sizes, batch_dim: size}, params)
            return records[:, ::batch_size].T.copy()

    def _steps(self, table: EpochTable, stretch: Stretch, sizes: Mapping[str, int], params: Params) -> None:
        key: tuple[str | int, ...] = (table.batch_dim, *(sizes[name] for name in self.program.sizes))
        bound = self._epochs.get(key)
        if bound is None:
            self._check(sizes)
            bound = table.bind(sizes)
            _keep(self._epochs, key, bound)
        done = table.run(bound, stretch, params)
        if done < stretch.count:
            step = int(bound.values[1]) - 1 - table.before
            rows = stretch.order[stretch.start + done * stretch.size :]
            self._fail(bound, step, int(bound.values[0]), (table.batch_dim, rows))

    def _fail(self, bound: Bound, step: int, status: int, rows: tuple[str, Array] | None = None) -> NoReturn:
        """Say which index was outside its axis: the only way a step fails. ``rows`` are the rows of the data that were
        gathered along a named size, so that the place is the user's."""
        check = self.program.steps[step]
        assert isinstance(check, CheckRange)
        (buffer,) = check.call.buffers
        address = int(bound.values[bound.slots.storages[buffer.storage]])
        value = ctypes.c_int64.from_address(address + 8 * (status - 1)).value
        shape = [evaluate(size, bound.sizes) for size in buffer.shape]
        place = [int(k) for k in np.unravel_index(status - 1, shape)]
        size = evaluate(check.size, bound.sizes)
        given = checked_operand(check.node)
        while given.op.name == "astype":  # int32 positions are the user's own
            (given,) = given.inputs
        if rows is not None and is_led(given, rows[0]):
            place[0] = int(rows[1][place[0]])
        name = given.attrs.get("name", buffer.name)
        problem = f"index {value} at {place} of {name} is out of range for size {size}"
        raise IndexRangeError(explain(model_name(check.node), problem, at=check.node.origin.place))


def _keep(bounds: dict[K, Bound], key: K, bound: Bound) -> None:
    """Remember a workspace; the oldest makes room."""
    if len(bounds) >= BOUND_LIMIT:
        bounds.pop(next(iter(bounds)))
    bounds[key] = bound

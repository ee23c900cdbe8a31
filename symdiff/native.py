"""The native executor: a graph lowered, emitted, compiled, and run as a table of native steps."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NoReturn, TypeVar

import numpy as np

from .bound import Bound
from .core.dim import evaluate
from .core.errors import GraphError, LinAlgError, ShapeError, explain
from .core.graph import Graph
from .core.node import describe
from .data_checks import given_index, outside
from .emit.module import Module
from .entry import Entry
from .epoch import EpochTable, stretches
from .executor import Array, Params, is_led, no_short_way
from .files import write_whole
from .lower.budget import Budget
from .lower.labels import model_name
from .lower.lower import lower
from .lower.program import CheckRange, Choice, KernelCall, Repetition, Step
from .runtime.repeat import NEVER_ENDED
from .runtime.walk import FAILED_STEP, STATUS
from .state import State
from .table import Table, is_training

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")
Batches = dict[tuple[str | int, ...], Bound]
BOUND_LIMIT = 8  # sets of sizes whose workspaces are kept


class NativeExecutor:
    """Runs one graph as compiled code. Lowering happens at once, compilation at the first call.

    One call runs at a time; other threads wait for their turn.
    """

    def __init__(self, graph: Graph, name: str, budget: Budget | None = None) -> None:
        self.graph, self.name = graph, name
        self.program = lower(graph, budget)
        self.module = Module(self.program)
        self.enter: Callable[..., Any] = no_short_way
        self._training = is_training(self.program)
        self._lock = threading.RLock()
        self._busy = ctypes.c_int64(0)  # 1 during a call
        self._entries: dict[tuple[int, ...], Entry] = {}
        self._recent: tuple[Mapping[str, int] | None, Entry | None] = (None, None)  # of the last call
        self._epoch_tables: dict[str, EpochTable] = {}
        self._batches: Batches = {}

    @property
    def source(self) -> str:
        return self.module.source()

    def explain(self) -> str:
        from .explain import explained  # text, which most programs never write

        return explained(self.module, self._recent[0])

    def save(self, path: str) -> None:
        write_whole(path, lambda file: file.write(self.source.encode()))

    @cached_property
    def _table(self) -> Table:
        return Table(self.module)

    # -- one call

    def call(
        self, arrays: Sequence[Array], sizes: Mapping[str, int], params: Params, state: State | None = None
    ) -> list[Array]:
        return self._in_turn(self._call, arrays, sizes, params, state)

    def _in_turn(self, work: Callable[..., T], *arguments: Any) -> T:
        """``work`` while no other thread is at work here. It is told whether it is in the middle of other work of the
        same thread, started by a handler of signals or a finaliser: it cannot wait then, and needs its own memory."""
        with self._lock:
            inner = self._busy.value
            try:
                self._busy.value = 1
                return work(bool(inner), *arguments)
            finally:
                self._busy.value = inner

    def _call(
        self, inner: bool, arrays: Sequence[Array], sizes: Mapping[str, int], params: Params, state: State | None
    ) -> list[Array]:
        entry = self._new_entry(sizes) if inner else self._entry(sizes)
        bound = entry.bound
        if params is not bound.pointed:
            entry.close()
        bound.point(arrays, params)
        outputs = bound.outputs if self._training else bound.new_outputs()
        failed = bound.run()
        if failed:
            self._fail(bound, failed - 1)
        if not inner:
            entry.open(params, state)
            self.enter = entry.enter
        return [own.copy() for own in outputs] if self._training else outputs

    def _entry(self, sizes: Mapping[str, int]) -> Entry:
        known, entry = self._recent
        if entry is not None and known is sizes:
            return entry
        key = tuple(sizes[name] for name in self.program.sizes)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._new_entry(sizes)
            _keep(self._entries, key, entry)
        self._recent = sizes, entry
        return entry

    def _new_entry(self, sizes: Mapping[str, int]) -> Entry:
        self._check(sizes)
        table = self._table
        bound = Bound(self.program, table.slots, table.words, len(table.steps), sizes)
        return Entry(bound, self.program, self._lock, self._busy)

    def _check(self, sizes: Mapping[str, int]) -> None:
        for requirement in self.program.requirements:
            value = evaluate(requirement.size, sizes)
            if value < 0:
                listed = ", ".join(f"{name} = {size}" for name, size in sizes.items())
                raise ShapeError(explain(self.name, f"{requirement.message}, with {listed}"))

    # -- many steps

    def epochs(
        self,
        data: Sequence[Array],
        orders: Array,
        batch_size: int,
        batch_dim: str,
        sizes: Mapping[str, int],
        params: Params,
    ) -> Array:
        return self._in_turn(self._epochs, data, orders, batch_size, batch_dim, sizes, params)

    def _epochs(
        self,
        inner: bool,
        data: Sequence[Array],
        orders: Array,
        batch_size: int,
        batch_dim: str,
        sizes: Mapping[str, int],
        params: Params,
    ) -> Array:
        table, known = self._epoch_table(batch_dim), {} if inner else self._batches
        order = np.ascontiguousarray(orders).reshape(-1)
        records = np.empty((len(self.program.outputs), len(order)))
        bounds: dict[int, Bound] = {}
        for stretch in stretches(len(orders), len(orders[0]), batch_size):
            bound = bounds.get(stretch.size)
            if bound is None:
                bound = bounds[stretch.size] = self._batch(table, known, {**sizes, batch_dim: stretch.size})
                table.point(bound, data, order, records, params)
            done = table.run(bound, stretch)
            if done < stretch.batches:
                step = int(bound.values[FAILED_STEP]) - 1 - table.before
                rows = order[stretch.start + done * stretch.size :]
                self._fail(bound, step, (batch_dim, rows))
        return records.reshape(len(records), *orders.shape)[:, :, ::batch_size].reshape(len(records), -1).T.copy()

    def _epoch_table(self, batch_dim: str) -> EpochTable:
        if batch_dim not in self._epoch_tables:
            self._epoch_tables[batch_dim] = EpochTable(self._table, self.program, self.graph.inputs, batch_dim)
        return self._epoch_tables[batch_dim]

    def _batch(self, table: EpochTable, known: Batches, sizes: Mapping[str, int]) -> Bound:
        key: tuple[str | int, ...] = (table.batch_dim, *(sizes[name] for name in self.program.sizes))
        if key not in known:
            self._check(sizes)
            _keep(known, key, table.bind(sizes))
        return known[key]

    def _fail(self, bound: Bound, step: int, rows: tuple[str, Array] | None = None) -> NoReturn:
        """Say which index was outside its axis, or what a routine could not do. ``rows`` are the rows of the data that
        were gathered along a named size, so that the place is the user's."""
        check, status = self._at_fault(self.program.steps[step], int(bound.values[STATUS]), bound)
        if isinstance(check, Repetition):
            problem = f"the condition still holds after max_steps={check.length} steps"
            raise GraphError(explain("while_loop", problem, at=check.node.origin.place))
        if isinstance(check, KernelCall):
            (node,) = check.results
            problem = f"{check.failure}: {describe(node.inputs[0])}, number {status - 1}"
            raise LinAlgError(explain(model_name(node), problem, at=node.origin.place))
        assert isinstance(check, CheckRange)
        (buffer,) = check.call.buffers
        address = int(bound.values[bound.slots.storages[buffer.storage]])
        value = ctypes.c_int64.from_address(address + 8 * (status - 1)).value
        shape = [evaluate(size, bound.sizes) for size in buffer.shape]
        place = [int(k) for k in np.unravel_index(status - 1, shape)]
        given = given_index(check.node)
        if rows is not None and is_led(given, rows[0]):
            place[0] = int(rows[1][place[0]])
        name = given.attrs.get("name", buffer.name)
        raise outside(check.node, name, value, place, evaluate(check.size, bound.sizes))

    def _at_fault(self, step: Step, status: int, bound: Bound) -> tuple[Step, int]:
        """The step that failed, be it inside others, and its own status."""
        while isinstance(step, Choice | Repetition) and status != NEVER_ENDED:
            first, second = (step.yes, step.no) if isinstance(step, Choice) else (step.body, step.condition)
            program = first if status > 0 else second
            assert program is not None
            report = self._table.reports[step]
            step, status = program.steps[abs(status) - 1], int(bound.values[report])
        return step, status


def _keep(known: dict[K, V], key: K, value: V) -> None:
    """Remember what has a workspace; the oldest makes room."""
    if len(known) >= BOUND_LIMIT:
        known.pop(next(iter(known)))
    known[key] = value

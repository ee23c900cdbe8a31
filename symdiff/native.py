"""The native executor: a graph lowered, emitted, compiled, and run as a table of native steps. What was so made before
is found on disk, and the rooms that would make it are not even imported."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from . import kept
from .bound import Bound
from .core.collector import paused_collector
from .core.dim import evaluate
from .core.errors import ShapeError, explain
from .core.graph import Graph
from .core.node import Node
from .core.provenance import inherit, origin_here
from .entry import Entry
from .executor import Array, Params, no_short_way
from .files import write_whole
from .link import Linked, codes_of, linked, outside, params_of
from .lower.budget import Budget
from .runtime import native
from .runtime.workers import hurry
from .state import State

if TYPE_CHECKING:
    from .emit.module import Module
    from .epoch import EpochTable
    from .lower.program import Program
    from .table import Table

K = TypeVar("K")
V = TypeVar("V")
T = TypeVar("T")
Batches = dict[tuple[str | int, ...], Bound]
BOUND_LIMIT = 8  # sets of sizes whose workspaces are kept


class NativeExecutor:
    """Runs one graph as compiled code. Lowering happens at once; LLVM goes on from there, and the first call waits for
    what it needs.

    ``optimized`` gives the graph that is lowered, if it is not ``graph`` itself. Where a plan is kept on disk under
    ``key`` (kept.py), nothing is optimised or lowered before somebody asks to see it, or a call fails.

    One call runs at a time; other threads wait for their turn.
    """

    def __init__(
        self,
        graph: Graph,
        name: str,
        budget: Budget | None = None,
        optimized: Callable[[], Graph] | None = None,
        key: str | None = None,
    ) -> None:
        self.graph, self.name = graph, name
        self._budget, self._key, self._origin = budget, key, origin_here()
        self._optimized = optimized or (lambda: graph)
        self._found = None if key is None else kept.load(key)
        self._link: Linked | None = None
        self.enter: Callable[..., Any] = no_short_way
        self._lock = threading.RLock()
        self._busy = ctypes.c_int64(0)  # 1 during a call
        self._entries: dict[tuple[int, ...], Entry] = {}
        self._recent: tuple[Mapping[str, int] | None, Entry | None] = (None, None)  # of the last call
        self._epoch_tables: dict[str, EpochTable] = {}
        self._batches: Batches = {}
        if self._found is None:
            self._begin()

    def _begin(self) -> None:
        """Lower the graph, so that what cannot be is an error now, and have compiled what will be called."""
        from . import ahead

        with hurry():
            ahead.begin(self.graph)
            kernels = [kernel for kernel in self.module.kernels if not kernel.call.native]
            kernels.sort(key=lambda kernel: -kernel.length)  # so that LLVM ends soon after the last was begun
            native.begin_kernels([kernel.wanted for kernel in kernels])

    @cached_property
    def program(self) -> Program:
        from .lower.lower import lower

        with paused_collector(), inherit(self._origin):
            return lower(self._optimized(), self._budget)

    @cached_property
    def module(self) -> Module:
        from .emit.module import Module

        return Module(self.program)

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
        from .table import Table

        return Table(self.module)

    @property
    def _linked(self) -> Linked:
        """Not a cached property: before Python 3.12 these have one lock for all objects, and no model is to wait until
        another is compiled."""
        if self._link is None:
            self._link = self._new_link()
        return self._link

    def _new_link(self) -> Linked:
        found = None if self._found is None else linked(*self._found)
        if found is not None:
            return found
        with hurry():
            table = self._table
            functions = table.addresses()
        if self._key is not None:
            kept.store(self._key, table.plan, codes_of(functions, table.outside))
        return Linked(table.plan, functions | {name: outside(name) for name in table.outside})

    @cached_property
    def _params(self) -> dict[str, Node]:
        return params_of(self.graph)

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
        bound, training = entry.bound, self._linked.plan.training
        if params is not bound.pointed:
            entry.close()
        bound.point(arrays, params)
        outputs = bound.outputs if training else bound.new_outputs()
        failed = bound.run()
        if failed:
            self._fail(bound, failed - 1)
        if not inner:
            entry.open(params, state)
            self.enter = entry.enter
        return [own.copy() for own in outputs] if training else outputs

    def _entry(self, sizes: Mapping[str, int]) -> Entry:
        known, entry = self._recent
        if entry is not None and known is sizes:
            return entry
        key = tuple(sizes[name] for name in self._linked.plan.sizes)
        entry = self._entries.get(key)
        if entry is None:
            entry = self._new_entry(sizes)
            _keep(self._entries, key, entry)
        self._recent = sizes, entry
        return entry

    def _new_entry(self, sizes: Mapping[str, int]) -> Entry:
        self._check(sizes)
        return Entry(Bound(self._linked, self._params, sizes), self._lock, self._busy)

    def _check(self, sizes: Mapping[str, int]) -> None:
        for position, size in enumerate(self._linked.plan.requirements):
            if evaluate(size, sizes) < 0:
                listed = ", ".join(f"{name} = {size}" for name, size in sizes.items())
                message = self.program.requirements[position].message
                raise ShapeError(explain(self.name, f"{message}, with {listed}"))

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
        from .epoch import stretches
        from .runtime.walk import FAILED_STEP

        table, known = self._epoch_table(batch_dim), {} if inner else self._batches
        order = np.ascontiguousarray(orders).reshape(-1)
        records = np.empty((len(self._linked.plan.outputs), len(order)))
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
            from .epoch import EpochTable  # only runs of fit need it

            self._epoch_tables[batch_dim] = EpochTable(self._linked, self.graph, batch_dim)
        return self._epoch_tables[batch_dim]

    def _batch(self, table: EpochTable, known: Batches, sizes: Mapping[str, int]) -> Bound:
        key: tuple[str | int, ...] = (table.batch_dim, *(sizes[name] for name in self._linked.plan.sizes))
        if key not in known:
            self._check(sizes)
            _keep(known, key, table.bind(sizes))
        return known[key]

    def _fail(self, bound: Bound, step: int, rows: tuple[str, Array] | None = None) -> NoReturn:
        from .failure import raise_failure

        raise_failure(self.program, self._table, bound, step, rows)


def _keep(known: dict[K, V], key: K, value: V) -> None:
    """Remember what has a workspace; the oldest makes room."""
    if len(known) >= BOUND_LIMIT:
        known.pop(next(iter(known)))
    known[key] = value

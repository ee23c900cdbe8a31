"""Training over shuffled minibatches. Chunks of steps, a part of an epoch or many epochs, run in the executor; between
chunks Python looks up: for the progress bar, and for Ctrl-C."""

from __future__ import annotations

import operator
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .arguments import Binder, is_name
from .core.errors import GraphError, ShapeError, explain
from .core.node import Node, describe
from .core.record import record
from .executor import Executor, Params, is_led
from .history import History, Metrics

Array = np.ndarray[Any, Any]
Callback = Callable[[int, Metrics], object]
_CHUNK_SECONDS = 0.1  # how long Ctrl-C and the progress bar wait
_MOST_ROWS = 1 << 20  # in the orders of several epochs: 8 MB
_QUIET_SECONDS = 0.5  # runs shorter than this show no bar


@record
class Plan:
    """How a run goes through its data."""

    batch_size: int
    epochs: int
    seed: int
    shuffle: bool
    progress: bool
    callback: Callback | None

    def checked(self, name: str) -> Plan:
        """This plan, once its numbers make sense."""
        numbers = [("batch_size", self.batch_size, 1), ("epochs", self.epochs, 0), ("seed", self.seed, 0)]
        for what, value, least in numbers:
            try:
                good = not isinstance(value, bool) and operator.index(value) >= least
            except TypeError:
                good = False
            if not good:
                raise ValueError(explain(f"{name}.fit", f"{what} is an int of at least {least}, got {value!r}"))
        return self


class Fit:
    """One run of ``fit``: the data, bound once, and what has been seen of it."""

    def __init__(
        self,
        executor: Executor,
        binder: Binder,
        outputs: Sequence[str],
        params: Params,
        values: Sequence[Any],
        plan: Plan,
    ) -> None:
        self.executor, self.params = executor, params
        self.plan = plan.checked(binder.name)
        self.batch_dim = batch_dim(binder.name, binder.inputs)
        self.data, sizes = binder.bind(values)
        self.rows = sizes[self.batch_dim]
        if not self.rows:
            first = next(node for node in binder.inputs if is_led(node, self.batch_dim))
            raise ShapeError(explain(f"{binder.name}.fit", f"there are no rows to train on in {describe(first)}"))
        self.sizes = {name: size for name, size in sizes.items() if name != self.batch_dim}
        self.history = History(outputs)
        self.random = np.random.default_rng(plan.seed)
        self.steps_per_epoch = -(-self.rows // plan.batch_size)
        self.chunk = 1  # steps

    def run(self) -> History:
        """All epochs, or those before Ctrl-C."""
        began = time.perf_counter()
        bar = self._progress_bar()
        try:
            while self.history.epochs < self.plan.epochs:
                self._epochs(self._orders(), bar)
                if self.plan.callback is not None:
                    epoch = self.history.epochs - 1
                    self.plan.callback(epoch, self.history.means(epoch))
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            self.history.seconds = time.perf_counter() - began
            if bar is not None:
                bar.close()
        return self.history

    def _orders(self) -> Array:
        """The rows in the orders of the next epochs: int64[epochs, rows]. There are as many as fit into a chunk, and
        only one when somebody waits for its end."""
        fitting = min(self.chunk // self.steps_per_epoch, _MOST_ROWS // self.rows)
        count = 1 if self.plan.callback is not None else max(1, fitting)
        count = min(count, self.plan.epochs - self.history.epochs)
        if not self.plan.shuffle:
            return np.broadcast_to(np.arange(self.rows, dtype=np.int64), (count, self.rows)).copy()
        orders = np.empty((count, self.rows), np.int64)
        for order in orders:
            order[:] = self.random.permutation(self.rows)
        return orders

    def _epochs(self, orders: Array, bar: Any) -> None:
        """Whole epochs: several in one go, or one in pieces."""
        size, start = self.plan.batch_size, 0
        pieces: list[Array] = []
        while start < self.rows:
            stop = self.rows if len(orders) > 1 else start + self.chunk * size
            with interrupts_held():
                pieces.append(self._steps(orders[:, start:stop]))
                if stop >= self.rows:
                    self.history.add_epochs(self._means(np.concatenate(pieces)))
            start = stop
            if bar is not None:
                self._show(bar, pieces[-1])

    def _steps(self, orders: Array) -> Array:
        """One call of the executor, on record; from its time follows how much the next one is given."""
        began = time.perf_counter()
        rows = self.executor.epochs(self.data, orders, self.plan.batch_size, self.batch_dim, self.sizes, self.params)
        self.history.add_steps(rows)
        seconds = max(time.perf_counter() - began, 1e-9) / len(rows)
        self.chunk = min(max(1, int(_CHUNK_SECONDS / seconds)), 8 * self.chunk)
        return rows

    def _means(self, rows: Array) -> Array:
        """The means over each epoch, every sample counted once: float64[epochs, names]."""
        weights = np.full(self.steps_per_epoch, self.plan.batch_size)
        weights[-1] = self.rows - self.plan.batch_size * (self.steps_per_epoch - 1)
        with np.errstate(all="ignore"):
            means: Array = weights @ rows.reshape(-1, self.steps_per_epoch, rows.shape[1]) / self.rows
        return means

    def _show(self, bar: Any, rows: Array) -> None:
        with np.errstate(all="ignore"):
            means = Metrics(zip(self.history, rows.mean(axis=0).tolist(), strict=True))
        epoch = -(-(bar.n + len(rows)) // self.steps_per_epoch)
        bar.set_description_str(f"epoch {epoch}/{self.plan.epochs}", refresh=False)
        bar.set_postfix_str(str(means), refresh=False)
        bar.update(len(rows))

    def _progress_bar(self) -> Any:
        if not self.plan.progress:
            return None
        from tqdm import tqdm

        return tqdm(
            total=self.steps_per_epoch * self.plan.epochs, unit="step", delay=_QUIET_SECONDS, dynamic_ncols=True
        )


def batch_dim(name: str, inputs: Sequence[Node]) -> str:
    """The named size whose rows are shuffled and cut into batches: the one that leads the first input that has one.

    The inputs it leads are cut, the others passed whole; so no other axis may depend on it.
    """
    asked = f"{name}.fit"
    leading = [str(node.shape[0]) for node in inputs if node.shape and is_name(node.shape[0])]
    if not leading:
        listed = ", ".join(map(describe, inputs)) or "none"
        problem = f"no input is led by a symbolic size, so there is nothing to cut into batches: {listed}"
        raise GraphError(explain(asked, problem, hint='declare one with sd.dim("n")'))
    for node in inputs:
        rest = node.shape[1:] if is_led(node, leading[0]) else node.shape
        if any(leading[0] in getattr(size, "names", ()) for size in rest):
            problem = f"batches are cut along {leading[0]}, which is not only the leading size of {describe(node)}"
            raise GraphError(explain(asked, problem, hint="put the input that the batch size leads first"))
    return leading[0]


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Ctrl-C takes effect when the block ends, not inside it. (Only the main thread ever receives it.)"""
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    seen: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: seen.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if seen:
        previous(*seen[0])

"""Training over shuffled minibatches. Chunks of steps run in the executor; between chunks Python looks up: for the
progress bar, and for Ctrl-C."""

from __future__ import annotations

import operator
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from .arguments import Binder, is_name
from .core.errors import GraphError, ShapeError, explain
from .core.node import Node, describe
from .executor import Executor, Params, is_led
from .history import History, Metrics

Array = np.ndarray[Any, Any]
Callback = Callable[[int, Metrics], object]
_CHUNK_SECONDS = 0.1  # how long Ctrl-C and the progress bar wait
_QUIET_SECONDS = 0.5  # runs shorter than this show no bar


@dataclass(frozen=True, slots=True)
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
        self.chunk = 1

    def run(self) -> History:
        """All epochs, or those before Ctrl-C."""
        began = time.perf_counter()
        bar = self._progress_bar()
        try:
            for epoch in range(self.plan.epochs):
                means = self._epoch(epoch, bar)
                if self.plan.callback is not None:
                    self.plan.callback(epoch, means)
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            self.history.seconds = time.perf_counter() - began
            if bar is not None:
                bar.close()
        return self.history

    def _epoch(self, epoch: int, bar: Any) -> Metrics:
        order, size = self._order(epoch), self.plan.batch_size
        pieces: list[Array] = []
        start = 0
        while start < self.rows:
            piece = order[start : start + self.chunk * size]
            start += len(piece)
            with interrupts_held():
                pieces.append(self._steps(piece))
                if start == self.rows:
                    means = self._finish_epoch(np.concatenate(pieces))
            if bar is not None:
                bar.set_description_str(f"epoch {epoch + 1}/{self.plan.epochs}", refresh=False)
                bar.set_postfix_str(str(self._metrics(pieces[-1].mean(axis=0))), refresh=False)
                bar.update(len(pieces[-1]))
        return means

    def _steps(self, order: Array) -> Array:
        """One call of the executor, on record; from its time follows how much the next one is given."""
        began = time.perf_counter()
        rows = self.executor.epoch(self.data, order, self.plan.batch_size, self.batch_dim, self.sizes, self.params)
        self.history.add_steps(rows)
        seconds = max(time.perf_counter() - began, 1e-9) / len(rows)
        self.chunk = min(max(1, int(_CHUNK_SECONDS / seconds)), 8 * self.chunk)
        return rows

    def _finish_epoch(self, rows: Array) -> Metrics:
        """The means over an epoch, every sample counted once."""
        weights = np.full(len(rows), self.plan.batch_size)
        weights[-1] = self.rows - self.plan.batch_size * (len(rows) - 1)
        with np.errstate(all="ignore"):
            means = self._metrics(weights @ rows / self.rows)
        self.history.add_epoch(means)
        return means

    def _metrics(self, values: Array) -> Metrics:
        return Metrics(zip(self.history, values.tolist(), strict=True))

    def _order(self, epoch: int) -> Array:
        """The rows in the order of this epoch: it depends on the seed and the number of the epoch alone."""
        if not self.plan.shuffle:
            return np.arange(self.rows, dtype=np.int64)
        return np.random.default_rng([self.plan.seed, epoch]).permutation(self.rows).astype(np.int64, copy=False)

    def _progress_bar(self) -> Any:
        if not self.plan.progress:
            return None
        from tqdm import tqdm

        steps = -(-self.rows // self.plan.batch_size) * self.plan.epochs
        return tqdm(total=steps, unit="step", delay=_QUIET_SECONDS, dynamic_ncols=True)


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

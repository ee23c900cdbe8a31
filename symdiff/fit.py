"""Training over shuffled minibatches. Chunks of steps, a part of an epoch or many epochs, run in the executor; between
chunks Python looks up: for the progress bar, for Ctrl-C, and for those who watch the epochs."""

from __future__ import annotations

import operator
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from .batches import Batches
from .core.errors import explain
from .core.record import record
from .history import History, Metrics
from .watch import Watcher

Array = np.ndarray[Any, Any]
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

    def checked(self, asked: str) -> Plan:
        """This plan, once its numbers make sense."""
        for what, value, least in (
            ("batch_size", self.batch_size, 1),
            ("epochs", self.epochs, 0),
            ("seed", self.seed, 0),
        ):
            whole_number(asked, what, value, least)
        return self


def whole_number(asked: str, what: str, value: Any, least: int) -> None:
    """ValueError for what is no int of at least ``least``."""
    try:
        good = not isinstance(value, bool) and operator.index(value) >= least
    except TypeError:
        good = False
    if not good:
        raise ValueError(explain(asked, f"{what} is an int of at least {least}, got {value!r}"))


class Fit:
    """One run of ``fit``. ``steps`` takes the training steps for the orders it is given; ``rows`` are those of the data
    that are trained on (all of them when None)."""

    def __init__(
        self,
        batches: Batches,
        history: History,
        plan: Plan,
        rows: Array | None = None,
        steps: Callable[[Array], Array] | None = None,
        watchers: Sequence[Watcher] = (),
    ) -> None:
        self.batches, self.history, self.plan, self.watchers = batches, history, plan, watchers
        self.chosen = rows
        self.rows = batches.rows if rows is None else len(rows)
        self.run_steps = batches if steps is None else steps
        self.random = np.random.default_rng(plan.seed)
        self.steps_per_epoch = -(-self.rows // plan.batch_size)
        self.chunk = 1  # steps

    def run(self) -> History:
        """All epochs, or those before Ctrl-C or a reason to stop."""
        began = time.perf_counter() - self.history.seconds
        bar = self._progress_bar()
        try:
            while self.history.epochs < self.plan.epochs and not self.history.stopped:
                self._epochs(self._orders(), bar)
                self._look_up()
                if bar is not None:
                    bar.set_postfix_str(str(self.history.means(self.history.epochs - 1)), refresh=False)
            for watcher in reversed(self.watchers):
                watcher.ended(self)
        except KeyboardInterrupt:
            self.history.interrupted = True
        finally:
            self.history.seconds = time.perf_counter() - began
            if bar is not None:
                bar.close()
        return self.history

    def _look_up(self) -> None:
        """Let those look who watch this epoch; all of them do before the run stops."""
        due = [watcher for watcher in self.watchers if self.history.epochs % watcher.every == 0]
        reasons = [watcher.epoch_ended(self) for watcher in due]
        self.history.stopped = "; ".join(filter(None, reasons))

    def _orders(self) -> Array:
        """The rows in the orders of the next epochs: int64[epochs, rows]. There are as many as fit into a chunk, and
        none after the next epoch that somebody looks at."""
        done = self.history.epochs
        fitting = max(1, min(self.chunk // self.steps_per_epoch, _MOST_ROWS // self.rows))
        watched = [watcher.every - done % watcher.every for watcher in self.watchers]
        count = min(fitting, self.plan.epochs - done, *watched)
        orders = np.empty((count, self.rows), np.int64)
        for order in orders:
            order[:] = self.random.permutation(self.rows) if self.plan.shuffle else np.arange(self.rows)
        return orders if self.chosen is None else self.chosen[orders]

    def _epochs(self, orders: Array, bar: Any) -> None:
        """Whole epochs: several in one go, or one in pieces."""
        size, start = self.plan.batch_size, 0
        pieces: list[Array] = []
        while start < self.rows:
            stop = self.rows if len(orders) > 1 else start + self.chunk * size
            with interrupts_held():
                pieces.append(self._steps(orders[:, start:stop]))
                if stop >= self.rows:
                    self.history.add_epochs(self.batches.means(np.concatenate(pieces), self.rows))
            start = stop
            if bar is not None:
                self._show(bar, pieces[-1])

    def _steps(self, orders: Array) -> Array:
        """One call of the executor, on record; from its time follows how much the next one is given."""
        began = time.perf_counter()
        rows = self.run_steps(orders)
        self.history.add_steps(rows)
        seconds = max(time.perf_counter() - began, 1e-9) / len(rows)
        self.chunk = min(max(1, int(_CHUNK_SECONDS / seconds)), 8 * self.chunk)
        return rows

    def _show(self, bar: Any, rows: Array) -> None:
        with np.errstate(all="ignore"):
            means = Metrics(zip(self.history.trained, rows.mean(axis=0).tolist(), strict=True))
        epoch = -(-(bar.n + len(rows)) // self.steps_per_epoch)
        bar.set_description_str(f"epoch {epoch}/{self.plan.epochs}", refresh=False)
        bar.set_postfix_str(str(Metrics(means | self.history.validation)), refresh=False)
        bar.update(len(rows))

    def _progress_bar(self) -> Any:
        if not self.plan.progress:
            return None
        from tqdm import tqdm

        done, total = (self.steps_per_epoch * epochs for epochs in (self.history.epochs, self.plan.epochs))
        return tqdm(total=total, initial=done, unit="step", delay=_QUIET_SECONDS, dynamic_ncols=True)


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

"""``stop_on_nan``: a run that ends before the step in which the loss or a parameter stops being finite."""

from __future__ import annotations

from typing import Any

import numpy as np

from .batches import Batches
from .core.errors import NonFiniteError, explain
from .executor import is_led
from .history import History
from .state import State

Array = np.ndarray[Any, Any]


class Guard:
    """Runs steps like the batches it is for. After each call it looks at the losses and the state; where one is not
    finite, it takes the steps again from a copy: one by one to find the first that is at fault, then those before it.

    Steps give the same bits each time, so the state is exactly what it was before that step.
    """

    def __init__(self, batches: Batches, state: State, history: History, asked: str) -> None:
        self.batches, self.state, self.history, self.asked = batches, state, history, asked
        self.watched = [name for name in state if state[name].dtype.kind == "f" and np.isfinite(state[name]).all()]

    def __call__(self, orders: Array) -> Array:
        before = self.state.copy()
        rows = self.batches(orders)
        if self._broken(rows) is None:
            return rows
        self._restore(before)
        number, cause = self._first_broken(orders)
        self._restore(before)
        self._again(orders, number)
        raise self._error(orders, number, cause)

    def _broken(self, rows: Array) -> str | None:
        """What is not finite."""
        if not np.isfinite(rows[:, 0]).all():
            return "the loss"
        return next((name for name in self.watched if not np.isfinite(self.state[name]).all()), None)

    def _restore(self, before: State) -> None:
        for name in self.state:
            self.state[name][...] = before[name]

    def _first_broken(self, orders: Array) -> tuple[int, str]:
        size, number = self.batches.batch_size, 0
        for order in orders:
            for start in range(0, len(order), size):
                cause = self._broken(self.batches(order[None, start : start + size]))
                if cause is not None:
                    return number, cause
                number += 1
        raise AssertionError("the steps that were not finite are so no more")

    def _again(self, orders: Array, steps: int) -> None:
        """So many steps, on record."""
        size = self.batches.batch_size
        epochs, rest = divmod(steps, -(-orders.shape[1] // size))
        for part in (orders[:epochs], orders[epochs : epochs + 1, : rest * size]):
            if part.size:
                self.history.add_steps(self.batches(part))

    def _error(self, orders: Array, number: int, cause: str) -> NonFiniteError:
        size = self.batches.batch_size
        epoch, step = divmod(number, -(-orders.shape[1] // size))
        rows = orders[epoch, step * size : step * size + size].copy()
        taken = len(self.history.steps[self.history.trained[0]])
        shown = ", ".join(map(str, rows[:6])) + (", ..." if len(rows) > 6 else "")
        became = "is" if cause == "the loss" else "would be"
        problem = f"{cause} {became} not finite in step {taken}, on rows {shown}; the state is as before this step"
        led = [(node.attrs["name"], is_led(node, self.batches.batch_dim)) for node in self.batches.inputs]
        batch = ", ".join(f"{name}[error.rows]" if cut else name for name, cut in led)
        hint = f"nan_trace(state, {batch}) names the node"
        error = NonFiniteError(explain(self.asked, problem, hint=hint))
        error.step, error.rows = taken, rows
        return error

"""Whole arrays, bound to a program that takes them in batches of rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .arguments import Binder, is_name
from .core.errors import GraphError, ShapeError, explain
from .core.node import Node, describe
from .executor import Executor, Params, is_led

Array = np.ndarray[Any, Any]


class Batches:
    """``batches(orders)`` runs the program over the rows in these orders, int64[epochs, rows], and gives its outputs as
    float64[steps, outputs]. Raises what a call raises, for data that does not fit or has no rows."""

    def __init__(
        self, executor: Executor, binder: Binder, params: Params, values: Sequence[Any], batch_size: int, asked: str
    ) -> None:
        self.executor, self.params, self.batch_size, self.inputs = executor, params, batch_size, binder.inputs
        self.batch_dim = batch_dim(asked, binder.inputs)
        self.data, self.sizes = binder.bind(values)
        self.rows = self.sizes[self.batch_dim]
        if not self.rows:
            first = next(node for node in binder.inputs if is_led(node, self.batch_dim))
            raise ShapeError(explain(asked, f"there are no rows in {describe(first)}"))
        self._others = {name: size for name, size in self.sizes.items() if name != self.batch_dim}

    def __call__(self, orders: Array) -> Array:
        return self.executor.epochs(self.data, orders, self.batch_size, self.batch_dim, self._others, self.params)

    def means(self, found: Array, rows: int) -> Array:
        """The means over each epoch of so many rows, every row counted once: float64[epochs, outputs]."""
        steps = -(-rows // self.batch_size)
        weights = np.full(steps, self.batch_size)
        weights[-1] = rows - self.batch_size * (steps - 1)
        with np.errstate(all="ignore"):
            means: Array = weights @ found.reshape(-1, steps, found.shape[1]) / rows
        return means


def batch_dim(asked: str, inputs: Sequence[Node]) -> str:
    """The named size whose rows are shuffled and cut into batches: the one that leads the first input that has one.

    The inputs it leads are cut, the others passed whole; so no other axis may depend on it.
    """
    leading = leading_size(inputs)
    if leading is None:
        listed = ", ".join(map(describe, inputs)) or "none"
        problem = f"no input is led by a symbolic size, so there is nothing to cut into batches: {listed}"
        raise GraphError(explain(asked, problem, hint='declare one with sd.dim("n")'))
    for node in inputs:
        rest = node.shape[1:] if is_led(node, leading) else node.shape
        if any(leading in getattr(size, "names", ()) for size in rest):
            problem = f"batches are cut along {leading}, which is not only the leading size of {describe(node)}"
            raise GraphError(explain(asked, problem, hint="put the input that the batch size leads first"))
    return leading


def leading_size(inputs: Sequence[Node]) -> str | None:
    """The named size that leads the first input that has one."""
    return next((str(node.shape[0]) for node in inputs if node.shape and is_name(node.shape[0])), None)

"""What runs a graph: the protocol that every backend fulfils, and the one that runs it by NumPy, node by node."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np

from .core.collector import paused_collector
from .core.errors import GraphError, explain
from .core.graph import Graph
from .core.node import Node
from .core.provenance import inherit, origin_here
from .lower.budget import Budget
from .state import State

if TYPE_CHECKING:
    from .passes.pipeline import Pass
    from .passes.report import Report

Array = np.ndarray[Any, Any]
Params = Mapping[Node, Array]


class Executor(Protocol):
    """Runs one graph. Arrays are C-contiguous, aligned, of the declared dtypes; sizes are consistent with them.

    Two threads may call at once. An error of any kind leaves every parameter as it was before the step.
    """

    enter: Callable[..., Any]
    """Takes the arguments of a call as the user gave them, the state first where one is needed. It gives the metrics of
    a training step or a tuple of the outputs of a function; or None, with nothing done: then ``call`` is to be used."""

    def call(
        self, arrays: Sequence[Array], sizes: Mapping[str, int], params: Params, state: State | None = None
    ) -> list[Array]:
        """The outputs, in arrays of their own; then the graph's updates are written into ``params``, all or none.

        ``state`` is what ``params`` are from; the same state is to come with the same ``params``.
        """
        ...

    def epochs(
        self,
        data: Sequence[Array],
        orders: Array,
        batch_size: int,
        batch_dim: str,
        sizes: Mapping[str, int],
        params: Params,
    ) -> Array:
        """For each epoch, one step for each ``batch_size`` consecutive rows in its order (the last batch may be
        shorter). ``orders`` are int64[epochs, rows].

        A batch takes the rows of those inputs that ``batch_dim`` leads; the others are passed whole. ``sizes`` are
        all sizes but ``batch_dim``. Gives the outputs, which are scalars, as float64[steps, outputs]. When a step
        fails, the steps before it stand.
        """
        ...

    @property
    def source(self) -> str:
        """The emitted program."""
        ...

    def explain(self) -> str:
        """What was decided on the way from the graph to the program."""
        ...

    def save(self, path: str) -> None:
        """Write the program to a file that runs without symdiff."""
        ...


def no_short_way(*_arguments: Any) -> None:
    """The ``enter`` that declines every call."""


class Optimized:
    """A graph, and what passes make of it when somebody asks; ``origin`` is where it was compiled."""

    def __init__(self, given: Graph, passes: Sequence[Pass] | None) -> None:
        self.given, self.passes, self.origin = given, passes, origin_here()

    @property
    def graph(self) -> Graph:
        return self._found[0]

    @property
    def report(self) -> Report:
        return self._found[1]

    @cached_property
    def _found(self) -> tuple[Graph, Report]:
        from .passes.pipeline import DEFAULT, optimize

        with inherit(self.origin):
            return optimize(self.given, DEFAULT if self.passes is None else self.passes)


def make_executor(optimized: Optimized, backend: str, name: str, budget: Budget | None = None) -> Executor:
    """The executor that ``backend`` names."""
    if backend == "numpy":
        if budget is not None:
            problem = "backend 'numpy' runs the graph node by node and plans no memory, so it can keep no memory_budget"
            raise GraphError(explain(f"compile {name}", problem, hint="compile with backend='native'"))
        return NumpyExecutor(optimized.graph, name)
    if backend == "native":
        from . import kept
        from .native import NativeExecutor

        with paused_collector():
            key = kept.key(optimized.given, optimized.passes, budget)
            return NativeExecutor(optimized.given, name, budget, lambda: optimized.graph, key)
    raise GraphError(f"compile {name}: backend is 'native' or 'numpy', got {backend!r}")


def is_led(node: Node, size: str) -> bool:
    """Whether the named size is the leading size of a node: such an input is cut into batches."""
    return bool(node.shape) and str(node.shape[0]) == size


class NumpyExecutor:
    """The interpreter behind the face of a compiled function."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.graph = graph
        self.name = name
        self.enter: Callable[..., Any] = no_short_way

    def call(
        self, arrays: Sequence[Array], sizes: Mapping[str, int], params: Params, state: State | None = None
    ) -> list[Array]:
        from .interpret import interpret_graph  # which native code does without

        values = {**params, **dict(zip(self.graph.inputs, arrays, strict=True))}
        found = interpret_graph(self.graph, values, sizes)
        split = len(self.graph.outputs)
        updates = [(params[param], new) for param, new in zip(self.graph.updates, found[split:], strict=True)]
        _write_all(updates)
        return found[:split]

    def epochs(
        self,
        data: Sequence[Array],
        orders: Array,
        batch_size: int,
        batch_dim: str,
        sizes: Mapping[str, int],
        params: Params,
    ) -> Array:
        cut = [is_led(node, batch_dim) for node in self.graph.inputs]
        found = []
        for order in orders:
            for start in range(0, len(order), batch_size):
                batch = order[start : start + batch_size]
                arrays = [array[batch] if one else array for array, one in zip(data, cut, strict=True)]
                found.append(self.call(arrays, {**sizes, batch_dim: len(batch)}, params))
        return np.array(found, np.float64).reshape(len(found), len(self.graph.outputs))

    @property
    def source(self) -> str:
        self._no_source("source")

    def explain(self) -> str:
        return f"{self.name}: run by NumPy, node by node; nothing was emitted"

    def save(self, path: str) -> None:
        self._no_source("save")

    def _no_source(self, asked: str) -> NoReturn:
        raise GraphError(
            f"{self.name}.{asked}: backend 'numpy' runs the graph node by node and emits no source; "
            "compile with backend='native'"
        )


def _write_all(updates: Sequence[tuple[Array, Array]]) -> None:
    """Store the new values. They are at hand, so an interrupt on the way is held back until all are stored."""
    try:
        for target, value in updates:
            target[...] = value
    except KeyboardInterrupt:
        for target, value in updates:
            target[...] = value
        raise

"""The meaning of a graph: NumPy, node by node. The oracle that every other way of running it is tested against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .core.dim import Dim, evaluate
from .core.errors import IndexRangeError, ShapeError, explain
from .core.graph import Graph
from .core.node import Node, describe
from .core.traversal import toposort
from .core.types import Shape

Array = np.ndarray[Any, Any]


def interpret(outputs: Sequence[Node], values: Mapping[Node, Array], sizes: Mapping[str, int]) -> list[Array]:
    """The outputs as arrays, given arrays for inputs and parameters and numbers for symbolic sizes.

    Warnings of NumPy about overflow and invalid values are off: inf and NaN are values like others here.
    """
    order = toposort(outputs)
    last_use = {parent: step for step, node in enumerate(order) for parent in node.inputs}
    kept = set(outputs)
    found: dict[Node, Array] = {}
    with np.errstate(all="ignore"):
        for step, node in enumerate(order):
            found[node] = values[node] if node in values else _evaluate(node, found, sizes)
            for parent in set(node.inputs):
                if last_use[parent] == step and parent not in kept:
                    del found[parent]
    return [np.array(found[node]) for node in outputs]


def interpret_graph(graph: Graph, values: Mapping[Node, Array], sizes: Mapping[str, int]) -> list[Array]:
    """``interpret`` for the roots of a graph."""
    return interpret(graph.roots, values, sizes)


def _evaluate(node: Node, found: Mapping[Node, Array], sizes: Mapping[str, int]) -> Array:
    attrs = {name: _resolve(value, sizes) for name, value in node.attrs.items()}
    arrays = [found[parent] for parent in node.inputs]
    try:
        result = np.asarray(node.op.evaluate(*arrays, **attrs))
    except IndexRangeError as outside:
        operands = ", ".join(describe(parent) for parent in node.inputs)
        raise IndexRangeError(explain(node.op.name, f"{outside}: {operands}", at=node.origin.place)) from None
    expected = shape_of(node.type.shape, sizes)
    if result.shape != expected or result.dtype != node.dtype:
        problem = f"{describe(node)} came out as {result.dtype}{list(result.shape)}"
        raise ShapeError(explain(node.op.name, problem, at=node.origin.place, hint="a slice must lie inside its axis"))
    return result


def shape_of(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """A shape in numbers."""
    return tuple(evaluate(size, sizes) for size in shape)


def _resolve(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, Dim):
        return evaluate(value, sizes)
    if isinstance(value, tuple):
        return tuple(_resolve(item, sizes) for item in value)
    return value

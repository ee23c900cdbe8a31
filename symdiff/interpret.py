"""The meaning of a graph: NumPy, node by node. The oracle that every other way of running it is tested against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .core.body import Body
from .core.dim import Dim, evaluate
from .core.errors import IndexRangeError, LinAlgError, ShapeError, explain
from .core.graph import Graph
from .core.node import Node, describe, indexed
from .core.traversal import toposort
from .core.types import Shape, TensorType

Array = np.ndarray[Any, Any]


def interpret(outputs: Sequence[Node], values: Mapping[Node, Array], sizes: Mapping[str, int]) -> list[Array]:
    """The outputs as arrays, given arrays for inputs and parameters and numbers for symbolic sizes.

    Warnings of NumPy about overflow and invalid values are off: inf and NaN are values like others here.
    """
    order = toposort(outputs)
    last_use = {parent: step for step, node in enumerate(order) for parent in node.inputs}
    kept = set(outputs)
    found: dict[Node, Any] = {}
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


def _evaluate(node: Node, found: Mapping[Node, Any], sizes: Mapping[str, int]) -> Any:
    """An array, or a tuple of them for an operator with several results."""
    attrs = {name: _resolve(value, sizes) for name, value in node.attrs.items()}
    arrays = [found[parent] for parent in node.inputs]
    try:
        results = node.op.evaluate(*arrays, **attrs)
    except IndexRangeError as outside:
        raise IndexRangeError(explain(node.op.name, f"{outside}: {indexed(node)}", at=node.origin.place)) from None
    except np.linalg.LinAlgError as problem:
        what = f"{problem}: {describe(node.inputs[0])}"
        raise LinAlgError(explain(node.op.name, what, at=node.origin.place)) from None
    if not node.type.parts:
        return _fitting(node, results, node.type, sizes)
    return tuple(_fitting(node, *part, sizes) for part in zip(results, node.type.parts, strict=True))


def _fitting(node: Node, result: Any, type: TensorType, sizes: Mapping[str, int]) -> Array:
    """A result as an array, which must be of the type that was inferred."""
    array = np.asarray(result)
    if array.shape != shape_of(type.shape, sizes) or array.dtype != type.dtype:
        problem = f"{describe(node)} came out as {array.dtype}{list(array.shape)}"
        raise ShapeError(explain(node.op.name, problem, at=node.origin.place, hint="a slice must lie inside its axis"))
    return array


def shape_of(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """A shape in numbers."""
    return tuple(evaluate(size, sizes) for size in shape)


class BodyFunction:
    """A body as a function of arrays; ``types`` are dtype and shape of each result."""

    def __init__(self, body: Body, sizes: Mapping[str, int]) -> None:
        self.body, self.sizes = body, sizes
        self.types = [(node.dtype, shape_of(node.shape, sizes)) for node in body.results]

    def __call__(self, *arrays: Array) -> list[Array]:
        return interpret(self.body.results, dict(zip(self.body.formals, arrays, strict=True)), self.sizes)


def _resolve(value: Any, sizes: Mapping[str, int]) -> Any:
    if isinstance(value, Body):
        return BodyFunction(value, sizes)
    if isinstance(value, Dim):
        return evaluate(value, sizes)
    if isinstance(value, tuple):
        return tuple(_resolve(item, sizes) for item in value)
    return value

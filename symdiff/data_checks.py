"""What is looked at before the first step of a run: values that are not finite, and indices outside their axes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from .core.dim import Dim, evaluate
from .core.errors import IndexRangeError, NonFiniteError, explain
from .core.graph import Graph
from .core.node import Node, describe, indexed
from .core.op import Gather, InRange, Scatter
from .core.traversal import toposort
from .lower.fuse import checked_operand
from .lower.labels import model_name
from .lower.lower import index_range
from .lower.prepare import prepare

Array = np.ndarray[Any, Any]


def finite(asked: str, inputs: Sequence[Node], data: Sequence[Array]) -> None:
    """NonFiniteError that names the first NaN or infinity of each array of floats that has one."""
    problems = [
        f"{describe(node)} has {count} value{'s' * (count != 1)} not finite, the first {value} at {place}"
        for node, array in zip(inputs, data, strict=True)
        if array.dtype.kind == "f"
        for count, value, place in not_finite(array)
    ]
    if problems:
        hint = "clean the data, or pass allow_nan=True"
        raise NonFiniteError(explain(asked, "; ".join(problems), hint=hint))


def not_finite(array: Array) -> list[tuple[int, float, list[int]]]:
    """How many values are not finite, the first of them, and where it is; empty when all are."""
    with np.errstate(all="ignore"):
        if np.isfinite(array.sum()):  # a single NaN or infinity makes the sum one; memory is read once
            return []
    places = np.flatnonzero(~np.isfinite(array))
    if not places.size:
        return []
    place = [int(k) for k in np.unravel_index(places[0], array.shape)]
    return [(len(places), float(array[tuple(place)]), place)]


class Indexed(NamedTuple):
    """An operator that reads or writes at positions that an input gives."""

    node: Node
    input: Node
    size: int | Dim
    wrap: bool


def indexed_by_inputs(graph: Graph) -> list[Indexed]:
    """Where the program reads at positions that are inputs as they are, but for their dtype."""
    if not any(node.dtype.kind in "iu" for node in graph.inputs):
        return []
    prepared, _ = prepare(graph.roots)
    places = [node for node in toposort(prepared) if isinstance(node.op.lowering, InRange | Gather | Scatter)]
    found: dict[tuple[Node, int | Dim, bool], Indexed] = {}
    for node in places:
        given = given_index(node)
        if given in graph.inputs:
            size, wrap = index_range(node)
            found.setdefault((given, size, wrap), Indexed(node, given, size, wrap))
    return list(found.values())


def given_index(node: Node) -> Node:
    """The indices of an operator as the user gave them, before they became int64."""
    given = checked_operand(node)
    while given.op.name == "astype":
        (given,) = given.inputs
    return given


def indices(places: Iterable[Indexed], inputs: Sequence[Node], data: Sequence[Array], sizes: Mapping[str, int]) -> None:
    """IndexRangeError for the first index outside its axis. ``sizes`` are those that are the same in every batch."""
    arrays = dict(zip(inputs, data, strict=True))
    for where in places:
        if isinstance(where.size, Dim) and not where.size.names <= sizes.keys():
            continue
        size, array = evaluate(where.size, sizes), arrays[where.input]
        low = -size if where.wrap else 0
        if not array.size or (array.min() >= low and array.max() < size):
            continue
        wrong = np.flatnonzero((array < low) | (array >= size))[0]
        place = [int(k) for k in np.unravel_index(wrong, array.shape)]
        raise outside(where.node, where.input.attrs["name"], int(array[tuple(place)]), place, size)


def outside(node: Node, name: str, value: int, place: Sequence[int], size: int) -> IndexRangeError:
    """The error for an index outside its axis."""
    problem = f"index {value} at {list(place)} of {name} is out of range for size {size}: {indexed(node)}"
    return IndexRangeError(explain(model_name(node), problem, at=node.origin.place))

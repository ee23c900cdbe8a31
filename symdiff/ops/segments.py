"""Sums, means and extremes over groups of elements that integers name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.dim import Dim
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import FLOAT64, INT64, as_shape
from .convert import as_index, as_node, constant_value
from .create import full, ones
from .elementwise import maximum
from .index import scatter_add_at
from .record import build_astype
from .scatter import inside
from .shape import reshape
from .write import flat_positions, write


def _groups(name: str, argument: str, ids: Node, given: Any) -> int | Dim:
    """How many groups there are: as given, or as the largest number asks for where that is known."""
    if given is not None:
        return as_shape(given)[0]
    known = constant_value(ids)
    if known is None:
        problem = f"the shape of the result would depend on {describe(ids)}"
        raise ShapeError(explain(name, problem, at=here(), hint=f"give {argument}="))
    return int(known.max(initial=-1)) + 1


def bincount(
    x: Operand, weights: Operand | None = None, minlength: int = 0, *, length: int | Dim | None = None
) -> Node:
    """How often each of 0, 1, ..., length - 1 occurs in a vector; with weights, the sum of those that go with it.

    The result's length cannot depend on data: it is ``length``, or comes from x itself where x is known, or is
    ``minlength``. Raises IndexRangeError for a number that is negative or not below it.

    >>> import symdiff as sd
    >>> sd.bincount(sd.input("x", (sd.dim("n"),), dtype="int64"), length=10).type.shape
    (10,)
    """
    node = as_index(x, "bincount")
    if node.ndim != 1:
        raise ShapeError(explain("bincount", f"takes a vector, got {describe(node)}", at=here()))
    if length is None:
        known = constant_value(node)
        length = minlength or None if known is None else max(minlength, int(known.max(initial=-1)) + 1)
    values = ones(node.shape, INT64) if weights is None else as_node(weights)
    if weights is not None and not values.type.is_float:
        values = build_astype(values, FLOAT64)
    if values.shape != node.shape:
        problem = f"takes one weight for each number: {describe(node)} and {describe(values)}"
        raise ShapeError(explain("bincount", problem, at=here()))
    count = _groups("bincount", "length", node, length)
    return scatter_add_at(values, inside("bincount", node, count, 0, node, wrap=False), 0, (count,))


def segment_sum(data: Operand, segment_ids: Operand, num_segments: int | Dim | None = None) -> Node:
    """Sums of the slices of data that ``segment_ids`` puts in one group: ``out[k] = sum(data[segment_ids == k])``.

    ``num_segments`` may be left out where the ids are known. An empty segment is 0. Raises IndexRangeError for an id
    that is negative or not below the number of segments.

    >>> import symdiff as sd
    >>> n = sd.dim("n")
    >>> sd.segment_sum(sd.input("data", (n, 3)), sd.input("ids", (n,), dtype="int64"), 10).type.shape
    (10, 3)
    """
    node, at, count = _segments("segment_sum", data, segment_ids, num_segments)
    return scatter_add_at(node, at, 0, (count, *node.shape[1:]))


def segment_mean(data: Operand, segment_ids: Operand, num_segments: int | Dim | None = None) -> Node:
    """Means of the slices of data in each group; an empty segment is 0."""
    node, at, count = _segments("segment_mean", data, segment_ids, num_segments)
    if not node.type.is_float:
        node = build_astype(node, FLOAT64)
    total = scatter_add_at(node, at, 0, (count, *node.shape[1:]))
    members = maximum(scatter_add_at(ones(at.shape, node.dtype), at, 0, (count,)), 1)
    return total / reshape(members, (count, *[1] * (node.ndim - 1)))


def segment_max(data: Operand, segment_ids: Operand, num_segments: int | Dim | None = None) -> Node:
    """Largest element of each group, NaN if any is; an empty segment is -inf (integers: the lowest there is).

    Ties share the derivative evenly.
    """
    return _best("max", data, segment_ids, num_segments)


def segment_min(data: Operand, segment_ids: Operand, num_segments: int | Dim | None = None) -> Node:
    """Smallest element of each group, NaN if any is; an empty segment is inf (integers: the highest there is).

    Ties share the derivative evenly.
    """
    return _best("min", data, segment_ids, num_segments)


def _best(how: str, data: Operand, segment_ids: Operand, num_segments: int | Dim | None) -> Node:
    node, at, count = _segments(f"segment_{how}", data, segment_ids, num_segments)
    if node.type.is_float:
        worst: Any = -np.inf if how == "max" else np.inf
    else:
        limits = np.iinfo(node.dtype)
        worst = limits.min if how == "max" else limits.max
    start = full((count, *node.shape[1:]), node.dtype.type(worst))
    positions = reshape(at, (at.shape[0], *[1] * (node.ndim - 1)))
    return write(how, start, flat_positions(positions, 0, start.shape, node.shape), node)


def _segments(name: str, data: Operand, ids: Operand, number: int | Dim | None) -> tuple[Node, Node, int | Dim]:
    node, places = as_node(data), as_index(ids, name)
    if places.ndim != 1 or node.shape[:1] != places.shape:
        problem = f"takes one id for each slice along axis 0: {describe(node)} and {describe(places)}"
        raise ShapeError(explain(name, problem, at=here()))
    count = _groups(name, "num_segments", places, number)
    return node, inside(name, places, count, 0, node, wrap=False), count

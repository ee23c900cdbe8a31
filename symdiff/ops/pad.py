"""Padding: a number, the edge, reflections or the other end, around an array."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.dim import Dim
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import INT64, as_shape
from .convert import as_node, constant, promote, scalar_value
from .create import arange, full
from .elementwise import abs, maximum, minimum, where
from .index import checked_index, take_at
from .leaf import size
from .shape import broadcast_to, concat
from .slicing import place_all

MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def pad(x: Operand, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Node:
    """x with elements added before and after each axis.

    ``pad_width`` is a number, ``(before, after)`` for all axes, one such pair for each, or a dict from axes to either.
    Modes are NumPy's: ``"constant"`` (with ``constant_values`` in the same forms), ``"edge"``, ``"reflect"``,
    ``"symmetric"`` and ``"wrap"``.

    >>> import symdiff as sd
    >>> sd.pad(sd.input("x", (2, 3)), ((1, 1), (0, 2)), mode="edge").type.shape
    (4, 5)
    """
    node = as_node(x)
    if mode not in MODES:
        raise ShapeError(explain("pad", f"mode is one of {', '.join(MODES)}, got {mode!r}", at=here()))
    widths = [as_shape(pair) for pair in _pairs("pad_width", pad_width, node)]
    if mode == "constant":
        return _with_numbers(node, widths, _pairs("constant_values", constant_values, node))
    for axis, (before, after) in enumerate(widths):
        if before != 0 or after != 0:
            node = _by_positions(node, axis, before, after, mode)
    return node


def _pairs(name: str, given: Any, x: Node) -> list[tuple[Any, Any]]:
    """One pair for each axis, from any of NumPy's forms."""
    if isinstance(given, dict):
        pairs = [(0, 0)] * x.ndim
        for axis, one in given.items():
            pairs[axis] = (one, one) if _is_single(one) else tuple(one)
        return pairs
    if _is_single(given):
        return [(given, given)] * x.ndim
    items = list(given)
    if all(_is_single(item) for item in items):
        if len(items) == 1:
            return [(items[0], items[0])] * x.ndim
        if len(items) == 2:
            return [(items[0], items[1])] * x.ndim
    else:
        pairs = [(item[0], item[-1]) for item in items if not _is_single(item) and 1 <= len(item) <= 2]
        if len(pairs) == len(items) and len(items) in (1, x.ndim):
            return pairs * (x.ndim if len(items) == 1 else 1)
    problem = f"is a number, a pair, or a pair for each axis of {describe(x)}, got {given!r}"
    raise ShapeError(explain(f"pad: {name}", problem, at=here()))


def _is_single(value: Any) -> bool:
    return isinstance(value, int | float | Dim | np.generic | Node) or (
        isinstance(value, np.ndarray) and not value.ndim
    )


# -- numbers


def _with_numbers(x: Node, widths: list[Any], values: list[tuple[Any, Any]]) -> Node:
    if not x.ndim:
        return x
    fill = [promote("pad", x, value)[1] for pair in values for value in pair]
    if any(node.dtype != x.dtype for node in fill):
        raise ShapeError(explain("pad", f"constant_values do not fit in {describe(x)}", at=here(), hint="use astype"))
    if all(node is fill[0] for node in fill):
        shape = tuple(before + own + after for own, (before, after) in zip(x.shape, widths, strict=True))
        starts, steps = [before for before, _ in widths], [1] * x.ndim
        placed = place_all(x, starts, shape, steps)
        if scalar_value(fill[0]) == 0 or placed is x:
            return placed
        return where(place_all(broadcast_to(constant(True), x.shape), starts, shape, steps), placed, fill[0])
    for axis, widths_here in enumerate(widths):
        parts = [x]
        for width, value, place in zip(widths_here, fill[2 * axis : 2 * axis + 2], (0, len(parts) + 1), strict=True):
            if width != 0:
                parts.insert(place, full((*x.shape[:axis], width, *x.shape[axis + 1 :]), value))
        x = concat(parts, axis)
    return x


# -- elements of x again


def _by_positions(x: Node, axis: int, before: int | Dim, after: int | Dim, mode: str) -> Node:
    length = x.shape[axis]
    if length == 0:
        raise ShapeError(explain("pad", f"axis {axis} of {describe(x)} has no elements to repeat", at=here()))
    if isinstance(length, int) and isinstance(before, int) and isinstance(after, int):
        positions = constant(np.pad(np.arange(length), (before, after), mode))  # type: ignore[call-overload]
        return take_at(x, positions, axis)
    places = arange(before + length + after) - size(before, INT64)
    positions = _source(places, size(length, INT64), mode)
    return take_at(x, checked_index("pad", positions, length, axis, x), axis)


def _source(places: Node, count: Node, mode: str) -> Node:
    """Where the element at a place comes from, places counting from the first element of x."""
    if mode == "edge":
        return minimum(maximum(places, 0), count - 1)
    if mode == "wrap":
        return places % count
    if mode == "symmetric":  # ... 1 0 | 0 1 ... n-1 | n-1 n-2 ...
        turn = places % (2 * count)
        return minimum(turn, 2 * count - 1 - turn)
    period = maximum(2 * count - 2, 1)  # reflect: ... 2 1 | 0 1 ... n-1 | n-2 n-3 ...
    turn = places % period
    return count - 1 - abs(count - 1 - turn)

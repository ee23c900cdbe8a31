"""What convolutions and pools have in common: arguments for each spatial axis, images without a batch, elements at
fixed places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.types import FLOAT64
from ..ops.convert import as_node, constant
from ..ops.elementwise import where
from ..ops.index import take_at
from ..ops.record import build_astype

Array = np.ndarray[Any, Any]


def floats(x: Operand) -> Node:
    """The operand as floats; integers become float64."""
    node = as_node(x)
    return node if node.type.is_float else build_astype(node, FLOAT64)


def per_axis(asked: str, name: str, value: Any, axes: int, least: int = 0) -> tuple[int, ...]:
    """One number for each spatial axis, from a number for all or a sequence of them."""
    numbers = tuple(value) if isinstance(value, Sequence) else (value,) * axes
    if len(numbers) == 1:
        numbers *= axes
    if len(numbers) != axes or any(isinstance(n, bool) or not isinstance(n, int | np.integer) for n in numbers):
        raise ShapeError(explain(asked, f"{name} is an int or {axes} of them, got {value!r}", at=here()))
    if any(n < least for n in numbers):
        raise ShapeError(explain(asked, f"{name} is at least {least}, got {value!r}", at=here()))
    return tuple(map(int, numbers))


def with_batch(asked: str, x: Operand, axes: int) -> tuple[Node, bool]:
    """(N, C, ...) images, and whether the axis N was added."""
    node = floats(x)
    if node.ndim not in (axes + 1, axes + 2):
        problem = f"takes (N, C, {axes} spatial axes) or the same without N, got {describe(node)}"
        raise ShapeError(explain(asked, problem, at=here()))
    single = node.ndim == axes + 1
    return (node[None] if single else node), single


def known_sizes(asked: str, x: Node, axes: int) -> tuple[int, ...]:
    """The sizes of the spatial axes, which must be numbers."""
    sizes = x.shape[x.ndim - axes :]
    if not all(isinstance(size, int) for size in sizes):
        raise ShapeError(explain(asked, f"the spatial sizes of {describe(x)} must be numbers", at=here()))
    return tuple(size for size in sizes if isinstance(size, int))


def elements_at(x: Node, axis: int, places: Array) -> Node:
    """Elements at fixed ``places`` along an axis, which the axes of ``places`` replace; 0 for places outside it."""
    size = x.shape[axis]
    assert isinstance(size, int)
    inside = (places >= 0) & (places < size)
    taken = take_at(x, constant(np.clip(places, 0, max(size - 1, 0)).astype(np.int64)), axis)
    if inside.all():
        return taken
    condition = constant(inside.reshape(*inside.shape, *[1] * (x.ndim - axis - 1)))
    return where(condition, taken, 0)


def window_places(window: int, stride: int, padding: int, dilation: int, windows: int) -> Array:
    """The place of every element of every window along an axis: (windows, window)."""
    starts = np.arange(windows) * stride - padding
    return starts[:, None] + np.arange(window) * dilation

"""``x[index]`` as in NumPy: ints, slices, None, Ellipsis, integer arrays, and masks that are known.

An index has two parts. The *basic* one is a slice with axes dropped and added. The *arrays*, if there are any, are
broadcast together, and the axes they stand for become one, so that one ``take`` reads all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..core.dim import Dim, never_exceeds, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, describe
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import INT64, Shape
from .convert import constant, constant_value
from .index import checked_index, in_range, take_at
from .leaf import size
from .record import common_shape
from .shape import broadcast_to, expand_dims, permute_dims, reshape, squeeze
from .slicing import place_all, slice_all

Part = Any  # None, Ellipsis, a slice, an int, or an integer node


class Basic(NamedTuple):
    """A slice of every axis, then axes of size 1 dropped, then axes of size 1 added where they stand in the result."""

    starts: tuple[int | Dim, ...]
    sizes: Shape
    steps: tuple[int, ...]
    dropped: tuple[int, ...]
    added: tuple[int, ...]

    def take(self, x: Node) -> Node:
        node = slice_all(x, self.starts, self.sizes, self.steps)
        node = squeeze(node, self.dropped) if self.dropped else node
        return expand_dims(node, self.added) if self.added else node

    def put(self, x: Node, shape: Shape) -> Node:
        """Zeros of ``shape``, with x where ``take`` takes it from."""
        node = squeeze(x, self.added) if self.added else x
        node = expand_dims(node, self.dropped) if self.dropped else node
        return place_all(node, self.starts, shape, self.steps)


class Arrays(NamedTuple):
    """Axes that integer arrays stand for, joined into one: ``order`` brings the ``joins`` axes side by side, ``at``
    is where they then begin, ``positions`` point into their elements."""

    order: tuple[int, ...]
    at: int
    joins: int
    positions: Node

    def joined(self, x: Node) -> Node:
        node = permute_dims(x, self.order)
        if self.joins == 1:
            return node
        inside = node.shape[self.at : self.at + self.joins]
        return reshape(node, (*node.shape[: self.at], product(inside), *node.shape[self.at + self.joins :]))

    def apart(self, x: Node, shape: Shape) -> Node:
        """The inverse of ``joined``, for an x that came from ``shape``."""
        node = reshape(x, tuple(shape[axis] for axis in self.order))
        return permute_dims(node, [self.order.index(axis) for axis in range(len(shape))])

    def take(self, x: Node) -> Node:
        return take_at(self.joined(x), self.positions, self.at)


def analyse(x: Node, index: Any) -> tuple[Basic, Arrays | None]:
    """The two parts of an index, checked against x."""
    parts = _spelled_out(x, index if isinstance(index, tuple) else (index,))
    basic = _basic(x, [slice(None) if isinstance(part, Node) else part for part in parts])
    if not any(isinstance(part, Node) for part in parts):
        return basic, None
    return basic, _arrays(basic.take(x), parts)


@provide("getitem")
def getitem(x: Node, index: Any) -> Node:
    """``x[index]`` as in NumPy."""
    basic, arrays = analyse(x, index)
    found = basic.take(x)
    return found if arrays is None else arrays.take(found)


# -- reading an index


def _spelled_out(x: Node, index: tuple[Any, ...]) -> list[Part]:
    """The index with lists as nodes, known masks as positions, and missing trailing slices added."""
    parts = [_as_part(x, part) for part in index]
    used = sum(_axes_of(part) for part in parts)
    if used > x.ndim:
        raise ShapeError(explain("index", f"{describe(x)} has {x.ndim} axes, {used} were indexed", at=here()))
    places = [place for place, part in enumerate(parts) if part is Ellipsis]
    if len(places) > 1:
        raise ShapeError(explain("index", "'...' may stand once", at=here()))
    place = places[0] + 1 if places else len(parts)
    parts[place:place] = [slice(None)] * (x.ndim - used)
    found: list[Part] = []
    axis = 0
    for part in parts:
        found += _positions_of(x, axis, part) if isinstance(part, np.ndarray) else [part]
        axis += _axes_of(part)
    return found


def _as_part(x: Node, part: Any) -> Part:
    """One part of an index in its final form, but for a mask: a NumPy array of truth values."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, int | np.integer) and not isinstance(part, bool):
        return int(part)
    if isinstance(part, list | np.ndarray):
        array = np.asarray(part)
        part = constant(array if array.size else array.astype(bool if array.dtype == bool else INT64))
    if isinstance(part, Node) and part.dtype.kind in "iu":
        return part
    mask = constant_value(part) if isinstance(part, Node) and part.dtype == bool else None
    if mask is not None and mask.ndim:
        return mask
    if isinstance(part, bool | np.bool_) or (isinstance(part, Node) and part.dtype == bool):
        raise ShapeError(explain("index", "a mask gives a shape that depends on data", at=here(), hint="use sd.where"))
    raise ShapeError(explain("index", f"{describe(x)} cannot be indexed with {part!r}", at=here()))


def _axes_of(part: Any) -> int:
    """How many axes of x a part takes."""
    if isinstance(part, np.ndarray):
        return part.ndim
    return 0 if part is None or part is Ellipsis else 1


def _positions_of(x: Node, axis: int, mask: np.ndarray[Any, Any]) -> list[Part]:
    own = x.shape[axis : axis + mask.ndim]
    if own != mask.shape:
        problem = f"a mask of shape {mask.shape} does not fit the axes from {axis} on of {describe(x)}"
        raise ShapeError(explain("index", problem, at=here()))
    return [constant(positions) for positions in np.nonzero(mask)]


# -- the basic part


def _basic(x: Node, parts: Sequence[Part]) -> Basic:
    dropped: list[int] = []
    added: list[int] = []
    bounds: list[tuple[int | Dim, int | Dim, int]] = []
    position = 0
    for part in parts:
        if part is Ellipsis:
            continue
        if part is None:
            added.append(position)
        elif isinstance(part, slice):
            bounds.append(_slice(x, len(bounds), part))
        else:
            dropped.append(len(bounds))
            bounds.append((_position(x, len(bounds), part), 1, 1))
        position += not isinstance(part, int)
    starts, sizes, steps = zip(*bounds, strict=True) if bounds else ((), (), ())
    return Basic(starts, sizes, steps, tuple(dropped), tuple(added))


def _position(x: Node, axis: int, index: int) -> int | Dim:
    size = x.shape[axis]
    if isinstance(size, int) and not -size <= index < size:
        raise ShapeError(explain("index", f"{index} is out of range for axis {axis} of {describe(x)}", at=here()))
    return index if index >= 0 else size + index


def _slice(x: Node, axis: int, part: slice) -> tuple[int | Dim, int | Dim, int]:
    """Start, size and step along one axis."""
    size, step = x.shape[axis], 1 if part.step is None else int(part.step)
    if step == 0:
        raise ShapeError(explain("slice", "the step may not be 0", at=here()))
    if isinstance(size, int) and not isinstance(part.start, Dim) and not isinstance(part.stop, Dim):
        places = range(*slice(part.start, part.stop, step).indices(size))
        return places.start if len(places) else 0, len(places), step
    if step != 1 and (step, part.start, part.stop) != (-1, None, None):
        raise ShapeError(
            explain("slice", f"axis {axis} of {describe(x)} has a symbolic size, so the step must be 1", at=here())
        )
    if step == -1:
        return size - 1, size, -1
    start, stop = _bound(part.start, size, 0), _bound(part.stop, size, size)
    if never_exceeds(stop, start):
        return 0, 0, 1
    return start, stop - start, 1


def _bound(bound: Any, size: int | Dim, default: int | Dim) -> int | Dim:
    """A bound of a slice along a symbolic axis. It must lie inside the axis: the call checks it."""
    if bound is None:
        return default
    if isinstance(bound, Dim) or bound >= 0:
        return bound if isinstance(bound, Dim) else int(bound)
    return size + int(bound)


# -- the arrays


def _arrays(x: Node, parts: Sequence[Part]) -> Arrays:
    """What integer arrays take from x, the result of the basic part. NumPy's rule for where their axes go: in their own
    place when arrays and ints stand side by side, else in front."""
    axes, advanced, before = [], [], []
    position = 0
    for place, part in enumerate(parts):
        if isinstance(part, int | Node):
            advanced.append(place)
            before.append(position)
        if isinstance(part, Node):
            axes.append(position)
        position += part is not Ellipsis and not isinstance(part, int)
    together = advanced[-1] - advanced[0] == len(advanced) - 1
    at = before[0] if together else 0
    rest = [axis for axis in range(x.ndim) if axis not in axes]
    order = (*rest[:at], *axes, *rest[at:])
    indices = [part for part in parts if isinstance(part, Node)]
    lengths = tuple(x.shape[axis] for axis in axes)
    if len(indices) == 1:
        return Arrays(order, at, 1, checked_index("index", indices[0], lengths[0], axes[0], x))
    return Arrays(order, at, len(axes), _joined_positions(x, axes, indices))


def _joined_positions(x: Node, axes: Sequence[int], indices: Sequence[Node]) -> Node:
    """Positions along several axes as positions along the one they become."""
    shape = common_shape("index", indices)
    total = None
    for axis, index in zip(axes, indices, strict=True):
        length = x.shape[axis]
        position = checked_index("index", index, length, axis, x)
        if constant_value(position) is None or isinstance(length, Dim):
            position = in_range(position, length, axis=axis)
        total = position if total is None else total * size(length, INT64) + position
    assert total is not None
    return broadcast_to(total, shape)

"""Arrays cut, joined, repeated and turned: compositions of reshape, slice, permutation and concat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly, product
from ..core.errors import ShapeError, explain
from ..core.node import Node, Operand, describe
from ..core.provenance import here
from ..core.registry import provide
from ..core.types import as_shape, normal_axes, normal_axis
from .convert import as_node
from .index import take
from .indexing import getitem
from .shape import broadcast_to, concat, expand_dims, permute_dims, reshape, squeeze
from .slicing import flip, slice_axis


def _axis(name: str, node: Node, axis: int) -> int:
    return normal_axis(axis, node.ndim, f"{name} of {describe(node)} at {here()}")


# -- pieces


def split(x: Operand, indices_or_sections: Any, axis: int = 0) -> list[Node]:
    """Pieces along one axis: so many of equal size, or cut at the given positions.

    >>> import symdiff as sd
    >>> [piece.shape for piece in sd.split(sd.input("x", (6, 2)), [1, 4])]
    [(1, 2), (3, 2), (2, 2)]
    """
    node = as_node(x)
    where = _axis("split", node, axis)
    if not isinstance(indices_or_sections, int | np.integer):
        return _cut(node, list(indices_or_sections), where)
    count, length = int(indices_or_sections), node.shape[where]
    size = divide_exactly(length, count) if count > 0 else None
    if size is None:
        problem = f"axis {where} of {describe(node)} does not divide into {count} equal pieces"
        raise ShapeError(explain("split", problem, at=here(), hint="use sd.array_split"))
    return [slice_axis(node, where, size * k, size) for k in range(count)]


def array_split(x: Operand, indices_or_sections: Any, axis: int = 0) -> list[Node]:
    """Like split, but the first pieces may be longer by one where the sizes do not come out even."""
    node = as_node(x)
    where = _axis("array_split", node, axis)
    if not isinstance(indices_or_sections, int | np.integer):
        return _cut(node, list(indices_or_sections), where)
    count, length = int(indices_or_sections), node.shape[where]
    if count < 1 or not isinstance(length, int):
        problem = f"cannot cut axis {where} of {describe(node)} into {count} pieces"
        raise ShapeError(explain("array_split", problem, at=here(), hint="the axis needs a size that is a number"))
    ends = np.cumsum([length // count + (k < length % count) for k in range(count)])
    return _cut(node, [int(end) for end in ends[:-1]], where)


def _cut(node: Node, places: list[Any], axis: int) -> list[Node]:
    bounds = [None, *places, None]
    before = (slice(None),) * axis
    return [getitem(node, (*before, slice(a, b))) for a, b in pairwise(bounds)]


def hsplit(x: Operand, indices_or_sections: Any) -> list[Node]:
    """Pieces along the second axis, or along the only one."""
    node = as_node(x)
    return split(node, indices_or_sections, 0 if node.ndim == 1 else 1)


def vsplit(x: Operand, indices_or_sections: Any) -> list[Node]:
    """Pieces along the first axis of an array of rank 2 or more."""
    return split(_at_least("vsplit", x, 2), indices_or_sections, 0)


def dsplit(x: Operand, indices_or_sections: Any) -> list[Node]:
    """Pieces along the third axis."""
    return split(_at_least("dsplit", x, 3), indices_or_sections, 2)


def _at_least(name: str, x: Operand, rank: int) -> Node:
    node = as_node(x)
    if node.ndim < rank:
        raise ShapeError(explain(name, f"takes an array of rank {rank} or more, got {describe(node)}", at=here()))
    return node


def unstack(x: Operand, axis: int = 0) -> tuple[Node, ...]:
    """The slices along one axis, without it."""
    node = as_node(x)
    where = _axis("unstack", node, axis)
    length = node.shape[where]
    if not isinstance(length, int):
        raise ShapeError(explain("unstack", f"axis {where} of {describe(node)} has no number as its size", at=here()))
    return tuple(squeeze(slice_axis(node, where, k, 1), where) for k in range(length))


# -- joined


def hstack(arrays: Sequence[Operand]) -> Node:
    """Arrays joined along the second axis; vectors end to end."""
    nodes = [atleast_1d(array) for array in arrays]
    return concat(nodes, 0 if nodes and nodes[0].ndim == 1 else 1)


def vstack(arrays: Sequence[Operand]) -> Node:
    """Arrays as rows on top of each other."""
    return concat([atleast_2d(array) for array in arrays], 0)


def dstack(arrays: Sequence[Operand]) -> Node:
    """Arrays joined along the third axis."""
    return concat([atleast_3d(array) for array in arrays], 2)


def column_stack(arrays: Sequence[Operand]) -> Node:
    """Vectors as columns of a matrix, beside matrices."""
    nodes = [as_node(array) for array in arrays]
    return concat([node if node.ndim > 1 else reshape(node, (-1, 1)) for node in nodes], 1)


def atleast_1d(*arrays: Operand) -> Any:
    """Numbers as vectors of one; a list for several operands."""
    return _each(arrays, lambda node: reshape(node, 1) if node.ndim == 0 else node)


def atleast_2d(*arrays: Operand) -> Any:
    """Numbers and vectors as matrices of one row; a list for several operands."""
    return _each(arrays, lambda node: node if node.ndim > 1 else expand_dims(node, tuple(range(2 - node.ndim))))


def atleast_3d(*arrays: Operand) -> Any:
    """Rank 3 at least, as NumPy does it: a vector becomes (1, n, 1), a matrix (m, n, 1); a list for several."""
    added: dict[int, tuple[int, ...]] = {0: (0, 1, 2), 1: (0, 2), 2: (2,)}
    return _each(arrays, lambda node: expand_dims(node, added.get(node.ndim, ())))


def _each(arrays: Sequence[Operand], change: Any) -> Any:
    found = [change(as_node(array)) for array in arrays]
    return found[0] if len(found) == 1 else found


# -- repeated


def tile(x: Operand, reps: Any) -> Node:
    """x repeated as a whole, ``reps`` times along each axis; new axes come first.

    >>> import symdiff as sd
    >>> sd.tile(sd.input("x", (2, 3)), (4, 1, 2)).type.shape
    (4, 2, 6)
    """
    node = as_node(x)
    counts = as_shape(reps)
    rank = max(len(counts), node.ndim)
    counts = (1,) * (rank - len(counts)) + counts
    shape = (1,) * (rank - node.ndim) + node.shape
    apart = [size for count, own in zip(counts, shape, strict=True) for size in (count, own)]
    once = reshape(node, [size for own in shape for size in (1, own)])
    return reshape(broadcast_to(once, apart), [count * own for count, own in zip(counts, shape, strict=True)])


@provide("repeat")
def repeat(x: Operand, repeats: Any, axis: int | None = None) -> Node:
    """Each element repeated along an axis (default: of the flattened array): so many times all, or each its own number.

    >>> import symdiff as sd
    >>> sd.repeat(sd.input("x", (2,)), [1, 3]).type.shape
    (4,)
    """
    node = as_node(x) if axis is not None else ravel(x)
    where = _axis("repeat", node, 0 if axis is None else axis)
    if isinstance(repeats, Node):
        problem = "the numbers of repeats decide the shape, so they are known when the graph is built"
        raise ShapeError(explain("repeat", f"{problem}, got {describe(repeats)}", at=here()))
    length = node.shape[where]
    counts = as_shape(repeats)
    if len(counts) == 1:
        (count,) = counts
        apart = (*node.shape[: where + 1], count, *node.shape[where + 1 :])
        joined = (*node.shape[:where], length * count, *node.shape[where + 1 :])
        return reshape(broadcast_to(expand_dims(node, where + 1), apart), joined)
    numbers = [count for count in counts if isinstance(count, int)]
    if len(numbers) != length or len(numbers) < len(counts):
        problem = f"takes one number for each of the {length} elements along axis {where}, got {len(counts)}"
        raise ShapeError(explain("repeat", f"{describe(node)} {problem}", at=here()))
    return take(node, np.repeat(np.arange(len(numbers)), numbers), where)


# -- turned


def roll(x: Operand, shift: Any, axis: Any = None) -> Node:
    """Elements moved on by ``shift`` along an axis (default: of the flattened array); the last come round to the front.

    >>> import symdiff as sd
    >>> sd.roll(sd.input("x", (5, 3)), (1, -1), axis=(0, 1)).type.shape
    (5, 3)
    """
    node = as_node(x)
    if axis is None:
        total = sum(shift) if isinstance(shift, Iterable) else shift
        return reshape(roll(ravel(node), int(total), 0), node.shape)
    shifts, axes = np.broadcast_arrays(np.asarray(shift), np.asarray(axis))
    if shifts.ndim > 1 or shifts.dtype.kind not in "iu":
        raise ShapeError(explain("roll", f"a shift is an int or a tuple of them, got {shift!r}", at=here()))
    for amount, one in zip(shifts.ravel().tolist(), axes.ravel().tolist(), strict=True):
        node = _roll_axis(node, amount, _axis("roll", node, one))
    return node


def _roll_axis(node: Node, shift: int, axis: int) -> Node:
    length = node.shape[axis]
    if isinstance(length, Dim):  # the shift may go round several times
        from .create import arange
        from .leaf import size

        count = size(length, "int64")
        return take(node, (arange(length) - shift) % count, axis)
    shift = shift % length if length else 0
    if shift == 0:
        return node
    return concat([slice_axis(node, axis, length - shift, shift), slice_axis(node, axis, 0, length - shift)], axis)


def fliplr(x: Operand) -> Node:
    """The second axis running backwards."""
    return flip(_at_least("fliplr", x, 2), 1)


def flipud(x: Operand) -> Node:
    """The first axis running backwards."""
    return flip(_at_least("flipud", x, 1), 0)


def rot90(x: Operand, k: int = 1, axes: Sequence[int] = (0, 1)) -> Node:
    """Turned by k quarters in the plane of two axes, from the first towards the second."""
    node = as_node(x)
    if len(axes) != 2:
        raise ShapeError(explain("rot90", f"takes two axes, got {axes}", at=here()))
    normal_axes(axes, node.ndim, f"rot90 of {describe(node)} at {here()}")
    first, second = (_axis("rot90", node, one) for one in axes)
    turns = k % 4
    if turns == 2:
        return flip(node, (first, second))
    if turns == 1:
        return swapaxes(flip(node, second), first, second)
    return flip(swapaxes(node, first, second), second) if turns == 3 else node


@provide("moveaxis")
def moveaxis(x: Operand, source: Any, destination: Any) -> Node:
    """Axes moved to other places; the rest keep their order."""
    node = as_node(x)
    olds, news = (list(axes) if isinstance(axes, Iterable) else [axes] for axes in (source, destination))
    if len(olds) != len(news):
        raise ShapeError(explain("moveaxis", f"as many places as axes: {source} to {destination}", at=here()))
    what = f"moveaxis of {describe(node)} at {here()}"
    normal_axes(olds, node.ndim, what), normal_axes(news, node.ndim, what)
    pairs = sorted(
        (_axis("moveaxis", node, new), _axis("moveaxis", node, old)) for old, new in zip(olds, news, strict=True)
    )
    order = [axis for axis in range(node.ndim) if axis not in {old for _, old in pairs}]
    for new, old in pairs:
        order.insert(new, old)
    return permute_dims(node, order)


@provide("swapaxes")
def swapaxes(x: Operand, axis1: int, axis2: int) -> Node:
    """Two axes in each other's place."""
    node = as_node(x)
    first, second = _axis("swapaxes", node, axis1), _axis("swapaxes", node, axis2)
    order = list(range(node.ndim))
    order[first], order[second] = second, first
    return permute_dims(node, order)


@provide("matrix_transpose")
def matrix_transpose(x: Operand) -> Node:
    """The last two axes in each other's place."""
    return swapaxes(_at_least("matrix_transpose", x, 2), -1, -2)


# -- flattened


@provide("ravel")
def ravel(x: Operand) -> Node:
    """All elements as a vector, row by row."""
    node = as_node(x)
    return reshape(node, (product(node.shape),))


@provide("flatten")
def flatten(x: Operand, start_dim: int = 0, end_dim: int = -1) -> Node:
    """The axes from ``start_dim`` to ``end_dim`` as one.

    >>> import symdiff as sd
    >>> sd.flatten(sd.input("x", (sd.dim("n"), 2, 3)), 1).type.shape
    (Dim(n), 6)
    """
    node = as_node(x)
    if node.ndim == 0:
        return reshape(node, 1)
    first, last = _axis("flatten", node, start_dim), _axis("flatten", node, end_dim)
    if first > last:
        raise ShapeError(explain("flatten", f"start_dim {start_dim} comes after end_dim {end_dim}", at=here()))
    return reshape(node, (*node.shape[:first], product(node.shape[first : last + 1]), *node.shape[last + 1 :]))


def unflatten(x: Operand, dim: int, sizes: Any) -> Node:
    """One axis as several; one of ``sizes`` may be -1 and is worked out."""
    node = as_node(x)
    where = _axis("unflatten", node, dim)
    wanted = list(sizes)
    if wanted.count(-1) == 1:
        known = product(as_shape([size for size in wanted if size != -1]))
        rest = divide_exactly(node.shape[where], known)
        wanted[wanted.index(-1)] = -1 if rest is None else rest
    if -1 in wanted or product(as_shape(wanted)) != node.shape[where]:
        problem = f"axis {where} of {describe(node)} does not divide into ({', '.join(map(str, sizes))})"
        raise ShapeError(explain("unflatten", problem, at=here()))
    return reshape(node, (*node.shape[:where], *wanted, *node.shape[where + 1 :]))

"""Windows that lie side by side and cover an array: which element of each is the largest, and one element of each.

The last axes have ``counts * taps`` elements; the elements of a tile are counted over ``taps``. To take an element of
each tile and to put it back among zeros are each other's derivatives. All are written out as comparisons with the
numbers of elements, so no index is data, and the loops vectorise.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, divide_exactly
from ..core.node import Node, build
from ..core.op import Attrs, Expand, Op
from ..core.types import DTYPES, TensorType
from .batching import attributes
from .convert import constant, like
from .elementwise import equal, logical_and, maximum, not_equal, where
from .record import INTEGERS, build_astype, define, input_size, size_of
from .shape import broadcast_to, expand_dims, reshape
from .slicing import slice_all

Array = np.ndarray[Any, Any]
Taps = tuple[int, ...]
NUMBER = DTYPES["int8"]
"""Of the number of an element: a tile has at most 127 of them."""


def _counts(x: Node, taps: Taps) -> tuple[int | Dim, ...]:
    """How many tiles there are along each axis."""
    sizes = zip(x.shape[-len(taps) :], taps, strict=True)
    return (*x.shape[: -len(taps)], *(divide_exactly(size, tap) or 0 for size, tap in sizes))


def _infer_largest(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return TensorType(NUMBER, _counts(inputs[0], attrs["taps"]))


def _infer_put(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    y, taps = inputs[0], attrs["taps"]
    sizes = (size * tap for size, tap in zip(y.shape[-len(taps) :], taps, strict=True))
    return TensorType(y.dtype, (*y.shape[: -len(taps)], *sizes))


# -- meaning: tiles as rows


def _rows(x: Array, taps: Taps) -> Array:
    """The elements of each tile as a last axis."""
    first = x.ndim - len(taps)
    counts = [size // tap for size, tap in zip(x.shape[first:], taps, strict=True)]
    apart = x.reshape(*x.shape[:first], *itertools.chain(*zip(counts, taps, strict=True)))
    moved = apart.transpose(*range(first), *range(first, apart.ndim, 2), *range(first + 1, apart.ndim, 2))
    return moved.reshape(*x.shape[:first], *counts, math.prod(taps))


def _np_take(x: Array, at: Array, taps: Taps) -> Array:
    return np.take_along_axis(_rows(x, taps), at.astype(np.int64)[..., None], -1)[..., 0]


def _np_put(y: Array, at: Array, taps: Taps) -> Array:
    first, rank = y.ndim - len(taps), len(taps)
    spread = np.zeros((*y.shape, math.prod(taps)), y.dtype)
    np.put_along_axis(spread, at.astype(np.int64)[..., None], y[..., None], -1)
    apart = spread.reshape(*y.shape, *taps)
    order = itertools.chain(*((first + axis, first + rank + axis) for axis in range(rank)))
    sizes = (size * tap for size, tap in zip(y.shape[first:], taps, strict=True))
    return apart.transpose(*range(first), *order).reshape(*y.shape[:first], *sizes)


# -- written out


def _elements(x: Node, taps: Taps) -> Iterator[Node]:
    """For each number of an element, those of all tiles."""
    before = x.ndim - len(taps)
    for tap in itertools.product(*map(range, taps)):
        yield slice_all(x, (*(0,) * before, *tap), _counts(x, taps), (*(1,) * before, *taps))


def _max_formula(node: Node) -> Node:
    first, *others = _elements(node.inputs[0], node.attrs["taps"])
    return functools.reduce(maximum, others, first)


def _largest_formula(node: Node) -> Node:
    """How many elements come before the first that is the largest: counted, since a choice would be a branch."""
    (x,), taps = node.inputs, node.attrs["taps"]
    largest = max_of_tiles(x, taps)
    differs = [
        build_astype(logical_and(not_equal(element, largest), equal(element, element)), NUMBER)
        for element in _elements(x, taps)
    ]
    first, *others = differs[-2::-1] or [constant(0, NUMBER)]
    number = functools.reduce(lambda number, differs: differs * (number + constant(1, NUMBER)), others, first)
    return broadcast_to(number, node.shape)


def _take_formula(node: Node) -> Node:
    x, at = node.inputs
    *others, taken = _elements(x, node.attrs["taps"])
    for number, element in reversed(list(enumerate(others))):
        taken = where(equal(at, constant(number, NUMBER)), element, taken)
    return taken


def _put_formula(node: Node) -> Node:
    (y, at), taps = node.inputs, node.attrs["taps"]
    before, rank = y.ndim - len(taps), len(taps)
    sizes = [size for tap in taps for size in (1, tap)]
    number = constant(np.arange(math.prod(taps), dtype=NUMBER).reshape(sizes))
    behind = tuple(before + 2 * axis + 1 for axis in range(rank))
    here = equal(expand_dims(at, behind).named("place"), number)
    return reshape(where(here, expand_dims(y, behind), like(0, y)), node.shape)


MAX_OF_TILES = define(
    Op(
        name="max_of_tiles",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, _counts(inputs[0], attrs["taps"])),
        evaluate=lambda x, taps: _rows(x, taps).max(axis=-1),
        vjp=(lambda ct, out, x: build(PUT_IN_TILES, [ct, largest_of_tiles(x, out.attrs["taps"])], dict(out.attrs)),),
        lowering=Expand(_max_formula),
        flops=input_size,
        batch=attributes(),
    )
)
LARGEST_OF_TILES = define(
    Op(
        name="largest_of_tiles",
        infer=_infer_largest,
        evaluate=lambda x, taps: _rows(x, taps).argmax(axis=-1).astype(NUMBER),
        vjp=(INTEGERS,),
        lowering=Expand(_largest_formula),
        flops=input_size,
        batch=attributes(),
    )
)
TAKE_FROM_TILES = define(
    Op(
        name="take_from_tiles",
        infer=lambda inputs, attrs: TensorType(inputs[0].dtype, inputs[1].shape),
        evaluate=_np_take,
        vjp=(lambda ct, out, x, at: build(PUT_IN_TILES, [ct, at], dict(out.attrs)), INTEGERS),
        lowering=Expand(_take_formula),
        flops=size_of,
        batch=attributes(),
    )
)
PUT_IN_TILES: Op = define(
    Op(
        name="put_in_tiles",
        infer=_infer_put,
        evaluate=_np_put,
        vjp=(lambda ct, out, y, at: build(TAKE_FROM_TILES, [ct, at], dict(out.attrs)), INTEGERS),
        lowering=Expand(_put_formula),
        flops=size_of,
        batch=attributes(),
    )
)


def max_of_tiles(x: Node, taps: Taps) -> Node:
    """The largest element of each tile, NaN if one is; its cotangent goes to the first of equal ones."""
    return build(MAX_OF_TILES, [x], {"taps": taps})


def largest_of_tiles(x: Node, taps: Taps) -> Node:
    """For each tile the number of its first largest element, or of its first NaN."""
    return build(LARGEST_OF_TILES, [x], {"taps": taps})

"""Writing into vectors at positions that were checked: set (the last one wins), multiply, largest, smallest.

What the public functions of ``scatter.py`` and ``at.py`` are made of: they turn places into positions in the flattened
array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..core.dim import Dim, product
from ..core.node import Node, build
from ..core.op import Attrs, Derivative, Layout, Op, Routine
from ..core.types import BOOL, INT64, Shape, TensorType
from ..routines import scatter as routines
from .batching import batch_size, repeated
from .convert import constant, constant_value
from .create import arange, ones_like
from .elementwise import equal, logical_and, not_equal, where
from .index import scatter_add_at, take_at
from .leaf import size
from .record import INTEGERS, build_astype, define, input_size
from .reduce import prod
from .shape import broadcast_to, expand_dims, reshape

Array = np.ndarray[Any, Any]


def _infer(inputs: Sequence[Node], attrs: Attrs) -> TensorType:
    return inputs[0].type


def _layout(node: Node) -> Layout:
    (length,), (count,) = node.shape, node.inputs[1].shape
    return Layout((length, count), ((length,), (count,), (count,), (length,)))


def _each(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    """The vectors of a batch as one vector, with the positions of each moved on to where it begins."""
    x, positions, values = repeated(inputs, batched)
    moved = positions + expand_dims(arange(batch_size(inputs, batched)) * size(x.shape[1], INT64), 1)
    return reshape(build(node.op, [reshape(one, -1) for one in (x, moved, values)]), x.shape)


def _writing(name: str, write: Callable[..., Any], to_x: Derivative, to_values: Derivative) -> Op:
    """``name(x, positions, values)`` on vectors; ``write(out, positions, values)`` does it to an array of NumPy."""

    def evaluate(x: Array, positions: Array, values: Array) -> Array:
        out = x.copy()
        write(out, positions, values)
        return out

    return define(
        Op(
            name=name,
            infer=_infer,
            evaluate=evaluate,
            vjp=(to_x, INTEGERS, to_values),
            lowering=Routine(getattr(routines, name), _layout),
            flops=input_size,
            batch=_each,
        )
    )


# -- which writer is the last at its position


def _np_last(positions: Array, size: int) -> Array:
    writer = np.zeros(size, INT64)
    writer[positions] = np.arange(positions.size)
    return np.asarray(writer[positions] == np.arange(positions.size))


def _last_layout(node: Node) -> Layout:
    (count,), length = node.shape, node.attrs["size"]
    return Layout((length, count), ((count,), (count,)), (TensorType(INT64, (length,)),))


def _each_last(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    (positions,), length = inputs, node.attrs["size"]
    moved = positions + expand_dims(arange(positions.shape[0]) * size(length, INT64), 1)
    return reshape(is_last(reshape(moved, -1), length * positions.shape[0]), positions.shape)


_IS_LAST = define(
    Op(
        name="is_last",
        infer=lambda inputs, attrs: TensorType(BOOL, inputs[0].shape),
        evaluate=_np_last,
        vjp=(INTEGERS,),
        lowering=Routine(routines.is_last, _last_layout),
        flops=input_size,
        batch=_each_last,
    )
)


def is_last(positions: Node, length: int | Dim) -> Node:
    """True where no later entry of ``positions`` is the same."""
    known = constant_value(positions)
    if known is not None and isinstance(length, int):
        return constant(_np_last(known, length))
    return build(_IS_LAST, [positions], {"size": length})


# -- the operators


def _set_x(ct: Node, out: Node, x: Node, positions: Node, values: Node) -> Node:
    return build(_SET, [ct, positions, broadcast_to(constant(0, ct.dtype), values.shape)])


def _set_values(ct: Node, out: Node, x: Node, positions: Node, values: Node) -> Node:
    return where(is_last(positions, x.shape[0]), take_at(ct, positions, 0), 0)


def _multiply_x(ct: Node, out: Node, x: Node, positions: Node, values: Node) -> Node:
    return ct * build(_MULTIPLY, [ones_like(x), positions, values])


def _multiply_values(ct: Node, out: Node, x: Node, positions: Node, values: Node) -> Node:
    """The product of what else was written at the same place: exact at zeros, at quadratic cost."""
    order = arange(positions.shape[0])
    rival = logical_and(equal(expand_dims(positions, 1), positions), not_equal(expand_dims(order, 1), order))
    return take_at(ct * x, positions, 0) * prod(where(rival, values, 1), axis=1)


def _share(ct: Node, out: Node, x: Node, positions: Node, values: Node) -> tuple[Node, Node, Node]:
    """Who reaches the result, in x and among the values; and the cotangent, shared evenly by all who do."""
    best_x, best = equal(x, out), equal(values, take_at(out, positions, 0))
    rivals = scatter_add_at(build_astype(best, x.dtype), positions, 0, x.shape)
    return best_x, best, ct / (build_astype(best_x, x.dtype) + rivals)


def _best_x(ct: Node, out: Node, x: Node, positions: Node, values: Node) -> Node:
    best_x, _, share = _share(ct, out, x, positions, values)
    return where(best_x, share, 0)


def _best_values(ct: Node, out: Node, x: Node, positions: Node, values: Node) -> Node:
    _, best, share = _share(ct, out, x, positions, values)
    return where(best, take_at(share, positions, 0), 0)


_SET: Op = _writing("scatter_set", lambda out, at, values: out.__setitem__(at, values), _set_x, _set_values)
_MULTIPLY: Op = _writing("scatter_multiply", np.multiply.at, _multiply_x, _multiply_values)
_MAX = _writing("scatter_max", np.maximum.at, _best_x, _best_values)
_MIN = _writing("scatter_min", np.minimum.at, _best_x, _best_values)
WRITERS = {"set": _SET, "multiply": _MULTIPLY, "max": _MAX, "min": _MIN}


def write(how: str, x: Node, positions: Node, values: Node) -> Node:
    """x with values written at positions in its flattened elements, both of one shape."""
    flat = [reshape(node, (product(node.shape),)) for node in (x, positions, values)]
    return reshape(build(WRITERS[how], flat), x.shape)


def flat_positions(positions: Node, axis: int, shape: Shape, counts: Shape) -> Node:
    """Positions along one axis of ``shape`` as positions in the flattened array, for every place of ``counts``.

    ``positions`` broadcasts to ``counts``, whose other axes count along those of ``shape`` from 0.
    """
    total = positions * size(product(shape[axis + 1 :]), INT64)
    for other, count in enumerate(counts):
        if other != axis and count != 1:
            steps = arange(count) * size(product(shape[other + 1 :]), INT64)
            total = total + reshape(steps, (count, *[1] * (len(counts) - other - 1)))
    return broadcast_to(total, counts)

"""Batching rules of reading and adding at positions, where elements, positions or both have the batch."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.dim import product
from ..core.node import Node, build
from .batching import leading, repeated
from .record import OPS
from .shape import permute_dims, reshape


def take(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    (x, indices), axis = inputs, node.attrs["axis"]
    if not batched[1]:
        return build(node.op, [x, indices], {"axis": axis + 1})
    if not batched[0]:
        taken = build(node.op, [x, indices], {"axis": axis})
        return permute_dims(taken, (axis, *(other for other in range(taken.ndim) if other != axis)))
    own = _row_of_each(indices, axis, x.ndim)
    taken = build(OPS["take_along_axis"], [x, own], {"axis": axis + 1, "wrap": True})
    return reshape(taken, (x.shape[0], *node.shape))


def scatter_add(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    axis, shape = node.attrs["axis"], node.attrs["shape"]
    if not batched[1]:
        return build(node.op, inputs, {"axis": axis + 1, "shape": (inputs[0].shape[0], *shape)})
    x, indices = repeated(inputs, batched)
    rows = (*x.shape[: axis + 1], product(indices.shape[1:]), *shape[axis + 1 :])
    own, attrs = _row_of_each(indices, axis, len(rows)), {"axis": axis + 1, "wrap": True, "shape": (x.shape[0], *shape)}
    return build(OPS["scatter_add_along_axis"], [reshape(x, rows), own], attrs)


def _row_of_each(indices: Node, axis: int, rank: int) -> Node:
    """The positions of each item as a row of its own, which lies along the axis that they point into."""
    row = (indices.shape[0], *[1] * axis, product(indices.shape[1:]), *[1] * (rank - axis - 2))
    return reshape(indices, row)


def take_along_axis(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    return build(node.op, leading(inputs, batched), {**node.attrs, "axis": node.attrs["axis"] + 1})


def scatter_add_along_axis(node: Node, inputs: Sequence[Node], batched: Sequence[bool]) -> Node:
    x, (_, indices), attrs = repeated(inputs, batched)[0], leading(inputs, batched), node.attrs
    attrs = {**attrs, "axis": attrs["axis"] + 1, "shape": (x.shape[0], *attrs["shape"])}
    return build(node.op, [x, indices], attrs)
